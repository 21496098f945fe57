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
#[path = "evidence_tests.rs"]
mod tests;
