//! Evidence: the queries made before an analysis, their results, and how long they took. It is kept
//! with the incident.

use std::{mem, slice};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::primitives::names::named;
use crate::primitives::phrase::Phrase;
use crate::primitives::safe_text::line;

/// How many measurements or facts one piece of evidence keeps.
pub const LINES_KEPT: usize = 8;
/// How long each of its texts may be, in characters. They come from outside: names of series, earlier root causes.
pub const LINE_CHARACTERS: usize = 300;
/// How many points of a series are kept: six hours at five minutes are 73.
pub const POINTS_KEPT: usize = 75;
/// By how much of a window's scale its beginning and its end have to differ to be a trend.
const TREND_SHARE: f64 = 0.1;

named! {
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Source {
        Prometheus = "prometheus",
        Signoz = "signoz",
        /// The earlier incidents of the fingerprint.
        PastIncidents = "past_incidents",
        /// The other incidents that are open on the target or in its redundancy group.
        OpenIncidents = "open_incidents",
        Registry = "registry",
        /// What the sender of the alert measured, and calls it.
        Sender = "sender",
    }
}

/// Where a value is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// Clearly higher at the end than at the beginning.
    Rising,
    Falling,
    Stable,
}

/// One value over a window of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What it is: `request_rate`, `error_rate`, `p99`, the alert's expression, or the name of a configured query.
    pub name: String,
    /// The newest value. Always finite.
    pub value: f64,
    /// Its unit (`1/s`, `%`, `ms`), or nothing where it has none that is known.
    pub unit: String,
    /// The least value of the window.
    pub least: f64,
    pub most: f64,
    /// Where it is going.
    pub trend: Trend,
    /// At what the alert fires, where its expression says so: `> 90`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// How it came to that over the last hours. Only the alert's own value has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
}

impl Measurement {
    /// The limit as a number and a comparison. Nothing where there is none, or it is no finite number.
    pub fn threshold(&self) -> Option<Threshold> {
        Threshold::read(self.limit.as_deref()?)
    }

    /// What a window's points say, oldest first. Points that are no numbers (NaN, ±Inf) are left out; without any other there is nothing
    /// to say.
    pub fn of(name: &str, unit: &str, points: &[f64]) -> Option<Self> {
        let points: Vec<f64> = points
            .iter()
            .copied()
            .filter(|point| point.is_finite())
            .collect();
        let value = *points.last()?;
        let least = points.iter().copied().fold(value, f64::min);
        let most = points.iter().copied().fold(value, f64::max);
        Some(Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            least,
            most,
            trend: Trend::of(&points, least, most),
            limit: None,
            series: None,
        })
    }
}

impl Trend {
    /// Compares the means of the first and the last third: one odd point at either end is no trend.
    ///
    /// They have to differ by more than a tenth of the window's scale, which is its greatest
    /// magnitude, or the distance between minimum and maximum where that is larger: a value of
    /// about 1000 that moves by 5 is steady, and so is one that oscillates around zero. Fewer than
    /// three points have no trend.
    fn of(points: &[f64], least: f64, most: f64) -> Self {
        let third = points.len() / 3;
        if third == 0 {
            return Self::Stable;
        }
        // A sum of the largest numbers overflows, and a difference of two infinities is no number: no comparison with it holds.
        #[expect(
            clippy::cast_precision_loss,
            reason = "a window has a few dozen points"
        )]
        let mean = |points: &[f64]| points.iter().sum::<f64>() / points.len() as f64;
        let change = mean(&points[points.len() - third..]) - mean(&points[..third]);
        let threshold = least.abs().max(most.abs()).max(most - least) * TREND_SHARE;
        match change {
            change if change > threshold => Self::Rising,
            change if change < -threshold => Self::Falling,
            _ => Self::Stable,
        }
    }
}

/// How a value is compared with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Above,
    Below,
    Equal,
    NotEqual,
}

/// At what an alert fires. Read from [`Measurement::limit`], which stays the one place where it is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    pub comparison: Comparison,
    /// Always finite.
    pub value: f64,
}

impl Threshold {
    /// Reads a comparison of PromQL with a number, such as `>= 90`
    /// (<https://prometheus.io/docs/prometheus/latest/querying/operators/#comparison-binary-operators>).
    pub fn read(limit: &str) -> Option<Self> {
        let (sign, number) = limit.trim().split_once(' ')?;
        let comparison = match sign {
            ">" | ">=" => Comparison::Above,
            "<" | "<=" => Comparison::Below,
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            _ => return None,
        };
        let value: f64 = number.trim().parse().ok()?;
        value.is_finite().then_some(Self { comparison, value })
    }
}

/// The points of a value over a window of time, evenly spaced, for a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// When the last point was measured.
    pub end: Timestamp,
    /// How far apart two points are, in seconds.
    pub step_seconds: u32,
    /// The values, oldest first; none where there was no value, or one that is no finite number.
    pub points: Vec<Option<f64>>,
}

impl Series {
    /// A series of at most [`POINTS_KEPT`] points, the newest ones. Nothing where no point is a finite number.
    pub fn of(end: Timestamp, step_seconds: u32, points: &[Option<f64>]) -> Option<Self> {
        let first = points.len().saturating_sub(POINTS_KEPT);
        let finite = |point: &Option<f64>| point.filter(|point| point.is_finite());
        let points: Vec<Option<f64>> = points[first..].iter().map(finite).collect();
        let has_any = step_seconds > 0 && points.iter().any(Option::is_some);
        has_any.then_some(Self {
            end,
            step_seconds,
            points,
        })
    }

    /// When the first point was measured.
    pub fn start(&self) -> Timestamp {
        let steps = i64::try_from(self.points.len().saturating_sub(1)).unwrap_or(i64::MAX);
        let length = SignedDuration::from_secs(i64::from(self.step_seconds).saturating_mul(steps));
        // What is kept was read from a table: a time that cannot be is no reason to stop.
        self.end.checked_sub(length).unwrap_or(self.end)
    }

    /// The points that are numbers, oldest first.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.points
            .iter()
            .flatten()
            .copied()
            .filter(|value| value.is_finite())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Found {
    Measured {
        measurements: Vec<Measurement>,
        /// Where a person can look further, an `http` or `https` URL of the configured server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<String>,
    },
    Known {
        facts: Vec<Phrase>,
    },
    /// An answer without anything in it.
    Nothing,
    /// No answer that could be used. The analysis goes on without it.
    Failed {
        /// Why, without any secret.
        why: Phrase,
    },
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub source: Source,
    /// What was asked: the query, or in a few words.
    pub asked: Phrase,
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    #[serde(flatten)]
    pub found: Found,
}

impl Evidence {
    /// The evidence as it is kept: an incident has to fit into an item, and its card is read by people, whatever a server answers.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let short = |text: &mut String| *text = line(text, LINE_CHARACTERS);
        self.change_phrases(|phrase| phrase.if_unchanged(|text| line(text, LINE_CHARACTERS)));
        match &mut self.found {
            Found::Measured { measurements, link } => {
                measurements.truncate(LINES_KEPT);
                measurements.iter_mut().for_each(|measurement| {
                    short(&mut measurement.name);
                    short(&mut measurement.unit);
                    measurement.series = measurement.series.take().and_then(|series| {
                        Series::of(series.end, series.step_seconds, &series.points)
                    });
                });
                // A cut URL leads nowhere.
                *link = link
                    .take()
                    .filter(|url| url.chars().count() <= 2 * LINE_CHARACTERS);
            }
            Found::Known { facts } => {
                facts.truncate(LINES_KEPT);
            }
            Found::Failed { .. } | Found::Nothing => {}
        }
        self
    }

    /// Puts another sentence in the place of each of its own.
    pub fn change_phrases(&mut self, change: impl Fn(Phrase) -> Phrase) {
        let phrases: &mut [Phrase] = match &mut self.found {
            Found::Known { facts } => facts,
            Found::Failed { why } => slice::from_mut(why),
            Found::Measured { .. } | Found::Nothing => &mut [],
        };
        for phrase in phrases.iter_mut().chain([&mut self.asked]) {
            *phrase = change(mem::replace(phrase, "".into()));
        }
    }
}

/// The alert's own value, and how it came to that: what a chart is drawn of.
pub fn charted(evidence: &[Evidence]) -> Option<(&Measurement, &Series)> {
    let measurements = evidence.iter().filter_map(|piece| match &piece.found {
        Found::Measured { measurements, .. } => Some(measurements),
        _ => None,
    });
    measurements
        .flatten()
        .find_map(|measurement| Some((measurement, measurement.series.as_ref()?)))
}

/// A measured value for people, with about three figures that count. What is counted is a whole number.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size < 1e9 && size.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1e9 => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        size if size >= 1e-3 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{
        Comparison, Evidence, Found, LINE_CHARACTERS, LINES_KEPT, Measurement, POINTS_KEPT, Series,
        Source, Threshold, Trend,
    };
    use crate::phrase;

    const NONE: f64 = f64::NAN;

    fn bounded(found: Found) -> Evidence {
        let asked = "up{a=\"\u{202e}b\"}\n\u{7}== 0".to_owned().into();
        Evidence {
            source: Source::Prometheus,
            asked,
            at: Timestamp::UNIX_EPOCH,
            duration_ms: 0,
            found,
        }
        .bounded()
    }

    #[test]
    fn what_is_kept_is_short_and_shows_all_that_is_in_it() {
        let hostile = format!(
            "one\n\u{1b}[31mtwo\u{200b}\u{e0041} {}",
            "x".repeat(2 * LINE_CHARACTERS)
        );
        let known = bounded(Found::Known {
            facts: vec![hostile.clone().into(); LINES_KEPT + 1],
        });
        assert_eq!(known.asked, "up{a=\"b\"} == 0");
        let Found::Known { facts } = known.found else {
            panic!("facts stay facts")
        };
        assert_eq!(facts.len(), LINES_KEPT);
        assert!(
            facts
                .iter()
                .map(ToString::to_string)
                .all(|fact| fact.starts_with("one [31mtwo x")
                    && fact.chars().count() == LINE_CHARACTERS),
            "{facts:?}"
        );

        let measured = Measurement {
            unit: "\u{2066}s\n".to_owned(),
            ..Measurement::of(&hostile, "", &[1.0]).expect("a number")
        };
        let link = |characters: usize| Some("u".repeat(characters));
        for (given, kept) in [
            (2 * LINE_CHARACTERS, link(2 * LINE_CHARACTERS)),
            (2 * LINE_CHARACTERS + 1, None),
        ] {
            let found = bounded(Found::Measured {
                measurements: vec![measured.clone(); LINES_KEPT + 1],
                link: link(given),
            })
            .found;
            let Found::Measured { measurements, link } = found else {
                panic!("measurements stay measurements")
            };
            assert_eq!(
                (measurements.len(), measurements[0].unit.as_str(), link),
                (LINES_KEPT, "s", kept)
            );
            assert!(
                measurements[0].name.starts_with("one [31mtwo x"),
                "{measurements:?}"
            );
        }
        assert_eq!(
            bounded(Found::Failed {
                why: " no\nanswer\u{0}".to_owned().into()
            })
            .found,
            Found::Failed {
                why: "no answer".to_owned().into()
            }
        );
    }

    #[test]
    fn sentences_are_kept_and_old_texts_are_read() {
        let short = Found::Known {
            facts: vec![phrase!("{name} is auto", name = "web")],
        };
        assert_eq!(bounded(short.clone()).found, short);
        let secret = Found::Failed {
            why: phrase!("it said: {words}", words = "hunter2"),
        };
        let mut evidence = bounded(secret);
        let hidden = |text: &str| text.replace("hunter2", "…");
        evidence.change_phrases(|phrase| phrase.if_unchanged(hidden));
        let told = serde_json::to_string(&evidence).expect("JSON");
        assert!(
            told.contains("it said: …") && !told.contains("hunter2"),
            "{told}"
        );

        let older = r#"{"source":"registry","asked":"web","at":"2026-11-30T00:00:00Z","duration_ms":0,
            "outcome":"known","facts":["the service web {is} auto"]}"#;
        let older: Evidence = serde_json::from_str(older).expect("read");
        assert_eq!(older.asked, "web");
        let Found::Known { facts } = older.found else {
            panic!("facts")
        };
        assert_eq!(facts, ["the service web {is} auto"]);
    }

    #[test]
    fn a_measurement_is_the_newest_value_with_its_bounds() {
        type Case<'a> = (&'a [f64], Option<(f64, f64, f64)>);
        let cases: [Case<'_>; 6] = [
            (&[1.0, 5.0, 3.0], Some((3.0, 1.0, 5.0))),
            (&[-1.0], Some((-1.0, -1.0, -1.0))),
            (
                &[NONE, 2.0, f64::INFINITY, 4.0, f64::NEG_INFINITY, NONE],
                Some((4.0, 2.0, 4.0)),
            ),
            (&[f64::MAX, f64::MIN], Some((f64::MIN, f64::MIN, f64::MAX))),
            (&[NONE, f64::INFINITY], None),
            (&[], None),
        ];
        for (points, expected) in cases {
            let measured = Measurement::of("load", "1/s", points);
            let numbers = measured.map(|measured| {
                assert_eq!(
                    (measured.name.as_str(), measured.unit.as_str()),
                    ("load", "1/s")
                );
                (measured.value, measured.least, measured.most)
            });
            assert_eq!(numbers, expected, "{points:?}");
        }
    }

    #[test]
    fn a_trend_is_what_both_ends_say() {
        let huge = [f64::MAX; 9];
        let cases: [(&str, &[f64], Trend); 15] = [
            ("grows", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Trend::Rising),
            ("shrinks", &[6.0, 5.0, 4.0, 3.0, 2.0, 1.0], Trend::Falling),
            ("never moves", &[7.0; 9], Trend::Stable),
            ("is always zero", &[0.0; 9], Trend::Stable),
            (
                "leaves zero",
                &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
                Trend::Rising,
            ),
            (
                "ends at zero",
                &[3.0, 3.0, 3.0, 0.0, 0.0, 0.0],
                Trend::Falling,
            ),
            (
                "falls below zero",
                &[1.0, 0.5, 0.0, -0.5, -1.0, -2.0],
                Trend::Falling,
            ),
            (
                "grows below zero",
                &[-100.0, -100.0, -50.0, -50.0, -10.0, -10.0],
                Trend::Rising,
            ),
            (
                "moves by half a percent",
                &[1000.0, 1000.0, 1001.0, 1002.0, 1005.0, 1005.0],
                Trend::Stable,
            ),
            (
                "swings around zero",
                &[-5.0, 5.0, -5.0, 5.0, -5.0, 5.0],
                Trend::Stable,
            ),
            (
                "has one odd point at its end",
                &[5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 6.0],
                Trend::Stable,
            ),
            ("comes back", &[1.0, 1.0, 9.0, 9.0, 1.0, 1.0], Trend::Stable),
            (
                "has gaps",
                &[NONE, 1.0, NONE, 2.0, f64::INFINITY, 3.0],
                Trend::Rising,
            ),
            ("has two points", &[1.0, 100.0], Trend::Stable),
            ("is too large to be added up", &huge, Trend::Stable),
        ];
        for (what, points, expected) in cases {
            let measured = Measurement::of("", "", points).expect("it has numbers");
            assert_eq!(measured.trend, expected, "a value that {what}: {points:?}");
        }
    }

    #[test]
    fn a_limit_is_a_comparison_with_a_finite_number() {
        use Comparison::{Above, Below, Equal, NotEqual};
        let cases = [
            ("> 90", Some((Above, 90.0))),
            (">= -1.5e3", Some((Above, -1500.0))),
            ("< 0.1", Some((Below, 0.1))),
            ("<= 5", Some((Below, 5.0))),
            ("== 0", Some((Equal, 0.0))),
            ("!= 1", Some((NotEqual, 1.0))),
            ("> inf", None),
            ("> NaN", None),
            (">90", None),
            ("=~ 1", None),
            ("", None),
        ];
        for (limit, expected) in cases {
            let expected = expected.map(|(comparison, value)| Threshold { comparison, value });
            assert_eq!(Threshold::read(limit), expected, "{limit}");
            let measured = Measurement::of("a", "", &[1.0]).expect("a number");
            assert_eq!(measured.threshold(), None, "it has no limit");
            let limited = Measurement {
                limit: Some(limit.to_owned()),
                ..measured
            };
            assert_eq!(limited.threshold(), expected, "{limit}");
        }
    }

    #[test]
    fn a_series_keeps_the_newest_finite_points() {
        let at = Timestamp::UNIX_EPOCH;
        let points = [None, Some(1.0), Some(NONE), Some(f64::INFINITY), Some(2.0)];
        let series = Series::of(at, 60, &points).expect("it has numbers");
        assert_eq!(series.points, [None, Some(1.0), None, None, Some(2.0)]);
        assert_eq!(series.values().collect::<Vec<_>>(), [1.0, 2.0]);
        assert_eq!(series.start().as_second(), -240);
        for nothing in [&[][..], &[None, Some(NONE)]] {
            assert_eq!(Series::of(at, 60, nothing), None);
        }
        assert_eq!(Series::of(at, 0, &[Some(1.0)]), None, "it takes no time");

        let mut many = vec![Some(1.0); 10_000];
        many.push(Some(7.0));
        let long = Series {
            end: Timestamp::MIN,
            step_seconds: u32::MAX,
            points: many,
        };
        assert_eq!(long.start(), Timestamp::MIN, "no time is before it");
        let measured = Measurement {
            series: Some(long),
            ..Measurement::of("a", "", &[1.0]).expect("a number")
        };
        let Found::Measured { measurements, .. } = bounded(Found::Measured {
            measurements: vec![measured],
            link: None,
        })
        .found
        else {
            panic!("measurements stay measurements")
        };
        let kept = measurements[0].series.as_ref().expect("it has numbers");
        assert_eq!(
            (kept.points.len(), kept.points[POINTS_KEPT - 1]),
            (75, Some(7.0))
        );
    }

    #[test]
    fn a_series_is_read_back_and_may_be_missing() {
        let series = Series::of(Timestamp::UNIX_EPOCH, 300, &[Some(0.1), None, Some(3e9)]);
        let measured = Measurement {
            series,
            ..Measurement::of("a", "", &[1.0]).expect("a number")
        };
        let text = serde_json::to_string(&measured).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Measurement>(&text).expect("read"),
            measured
        );
        let older = r#"{"name":"a","value":1,"unit":"","least":1,"most":1,"trend":"stable"}"#;
        let older: Measurement = serde_json::from_str(older).expect("read");
        assert_eq!(older.series, None);
    }
}
