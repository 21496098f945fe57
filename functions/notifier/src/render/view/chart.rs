//! View of a chart's caption: the value of the alert's own expression in figures.

use domain::analysis::evidence::{Measurement, Series, figure};
use serde::Serialize;

use super::{NAME_CHARACTERS, STEP_CHARACTERS, short};

/// What `chart.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct ChartCaption {
    /// The value's name: the part of the alert's expression that is compared.
    pub name: String,
    /// The newest value, with its unit.
    pub value: String,
    /// At what the alert fires, such as `> 90`; empty where that is not known.
    pub limit: String,
    /// The least value of the chart.
    pub least: String,
    pub most: String,
    /// How many hours the chart shows.
    pub hours: i64,
}

impl ChartCaption {
    /// What is said of a measurement and the points of its chart.
    pub fn of(measurement: &Measurement, series: &Series) -> Self {
        let unit = short(&measurement.unit, NAME_CHARACTERS);
        let of_all = |choose: fn(f64, f64) -> f64| series.values().fold(measurement.value, choose);
        let minutes = series.end.duration_since(series.start()).as_mins();
        Self {
            name: short(&measurement.name, STEP_CHARACTERS),
            value: format!("{} {unit}", figure(measurement.value))
                .trim_end()
                .to_owned(),
            limit: short(
                measurement.limit.as_deref().unwrap_or_default(),
                NAME_CHARACTERS,
            ),
            least: figure(of_all(f64::min)),
            most: figure(of_all(f64::max)),
            hours: (minutes + 30) / 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::analysis::evidence::{Measurement, Series};
    use domain::notification::channels::{Channels, Language};
    use jiff::Timestamp;

    use super::ChartCaption;
    use crate::render::markup::CAPTION_UNITS;
    use crate::render::presenter::Presenter;
    use crate::render::templates::Templates;
    use crate::samples;

    #[test]
    fn captions_are_one_sentence_in_the_readers_language() {
        let templates = Templates::load("no directory".as_ref());
        let channels = Channels::default();
        let incident = samples::charted().incident;
        let caption = |language| {
            let presenter = Presenter {
                templates: &templates,
                language,
                zone: None,
                silences: false,
                channels: &channels,
            };
            let presented = presenter.chart(&incident).expect("it has a chart");
            assert_eq!(presented.about, "chart");
            presented.content.text.plain()
        };
        let name = samples::charted_name();
        let name: String = name.chars().take(120).collect();
        assert_eq!(
            caption(Language::English),
            format!("📈 {name}…: newest value 11.9 %, alerts at > 5; from 1.4 to 11.9 in 6 h")
        );
        assert_eq!(
            caption(Language::TraditionalChinese),
            format!("📈 {name}…：最新值 11.9 %，告警門檻 > 5，6 小時內介於 1.4 至 11.9")
        );
    }

    #[test]
    fn a_caption_fits_and_nothing_in_it_is_markup() {
        let hostile = format!("<b>@everyone</b> <!channel> \u{202e}{}", "警".repeat(5_000));
        let measurement = Measurement {
            limit: Some(hostile.clone()),
            ..Measurement::of(&hostile, &hostile, &[f64::MAX, f64::MIN]).expect("numbers")
        };
        let points = [Some(f64::MIN), None, Some(f64::MAX)];
        let series = Series::of(Timestamp::UNIX_EPOCH, u32::MAX, &points).expect("numbers");
        let caption = ChartCaption::of(&measurement, &series);
        let templates = Templates::load("no directory".as_ref());
        for language in Language::ALL {
            let text = templates.chart(language, &caption).text;
            assert!(text.units() <= CAPTION_UNITS, "{}", text.units());
            let html = text.telegram();
            assert!(html.contains("<code>&lt;b&gt;@everyone"), "{html}");
            assert!(!text.mrkdwn().contains("<!channel>"), "{}", text.mrkdwn());
        }
    }
}
