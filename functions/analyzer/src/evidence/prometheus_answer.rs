//! Answers of Prometheus to a range query, and what their series say.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>

use std::collections::{BTreeMap, BTreeSet};

use domain::alert::Texts;
use domain::analysis::evidence::{self, Measurement};
use domain::primitives::safe_text::cut;
use jiff::Timestamp;
use redaction::redact;
use serde::Deserialize;

/// How many labels tell a series from the others, and how much of each value is shown, in characters.
const LABELS_SHOWN: usize = 3;
const LABEL_CHARACTERS: usize = 50;
/// The label that holds the metric's name.
const METRIC: &str = "__name__";

/// The times at which a query is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// The last of them.
    pub(super) end: Timestamp,
    pub(super) step_seconds: u32,
    /// How many there are.
    pub(super) points: u32,
}

impl Window {
    /// The first of the times, in Unix seconds.
    pub(super) fn start(self) -> i64 {
        let steps = i64::from(self.points.saturating_sub(1));
        self.end.as_second() - steps * i64::from(self.step_seconds)
    }
}

/// An answer, whatever its HTTP status. Warnings and infos, which come with values, are not read.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(super) enum Answer {
    Success {
        data: Data,
    },
    Error {
        #[serde(rename = "errorType")]
        error_type: String,
        error: String,
    },
}

/// A range query is answered with a matrix and with nothing else.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum Data {
    Matrix(Vec<Series>),
}

#[derive(Deserialize)]
pub(super) struct Series {
    metric: Labels,
    /// A series of native histograms has none.
    #[serde(default)]
    values: Vec<Point>,
}

/// The labels of a series, its metric's name among them.
pub(super) type Labels = BTreeMap<String, String>;

/// Unix seconds and a value, which is text because JSON has no `NaN` and no `+Inf`.
#[derive(Deserialize)]
#[serde(try_from = "(f64, String)")]
struct Point {
    at: f64,
    value: f64,
}

impl TryFrom<(f64, String)> for Point {
    type Error = &'static str;

    fn try_from((at, value): (f64, String)) -> Result<Self, Self::Error> {
        let value = value.parse().map_err(|_| "a value is no number")?;
        Ok(Self { at, value })
    }
}

impl Series {
    /// How many of its labels the alert does not have, or has with another value.
    pub(super) fn strange_labels(&self, labels: &Texts) -> usize {
        self.metric
            .iter()
            .filter(|(name, value)| *name != METRIC && labels.get(*name) != Some(value))
            .count()
    }

    /// The values of its points, oldest first.
    pub(super) fn points(&self) -> Vec<f64> {
        self.values.iter().map(|point| point.value).collect()
    }

    /// True if a point of it is a finite number.
    fn has_numbers(&self) -> bool {
        self.values.iter().any(|point| point.value.is_finite())
    }
}

/// The labels of the series that [`measured`] names first.
pub(super) fn first_measured(series: &[Series]) -> Option<Labels> {
    let first = series.iter().find(|series| series.has_numbers())?;
    Some(first.metric.clone())
}

/// The points of the series with these labels, at the times at which they were asked for: a point that is not there is a gap.
pub(super) fn charted(series: &[Series], of: &Labels, window: Window) -> Option<evidence::Series> {
    let series = series.iter().find(|series| series.metric == *of)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 fit into the 53 bits"
    )]
    let end = window.end.as_second() as f64;
    let step = f64::from(window.step_seconds);
    // A point belongs to the step whose time it is nearest to; one outside of what was asked for belongs to none.
    let at_step = |back: u32| {
        let at = f64::from(back) * f64::from(window.step_seconds);
        let is_there = |point: &&Point| (end - at - point.at).abs() * 2.0 < step;
        series.values.iter().find(is_there).map(|point| point.value)
    };
    let points: Vec<Option<f64>> = (0..window.points).rev().map(at_step).collect();
    evidence::Series::of(window.end, window.step_seconds, &points)
}

/// What the points of each series say, under a name with the labels that tell it from the others.
pub(super) fn measured(
    name: &str,
    unit: &str,
    limit: Option<&str>,
    series: &[Series],
) -> Vec<Measurement> {
    let differing = differing_labels(series);
    let measure = |one: &Series| {
        let name = called(name, &one.metric, &differing);
        let measurement = Measurement::of(&name, unit, &one.points())?;
        Some(Measurement {
            limit: limit.map(str::to_owned),
            ..measurement
        })
    };
    series.iter().filter_map(measure).collect()
}

/// The labels that not all series have with the same value.
fn differing_labels(series: &[Series]) -> Vec<&str> {
    let names: BTreeSet<&str> = series
        .iter()
        .flat_map(|one| one.metric.keys().map(String::as_str))
        .collect();
    let differs = |name: &&str| {
        series
            .windows(2)
            .any(|pair| pair[0].metric.get(*name) != pair[1].metric.get(*name))
    };
    names
        .into_iter()
        .filter(differs)
        .take(LABELS_SHOWN)
        .collect()
}

/// A value's name with what tells it from its neighbours.
fn called(name: &str, metric: &BTreeMap<String, String>, differing: &[&str]) -> String {
    // A secret has to go before it is cut: half of one has no form by which it could be known later.
    let pair = |label: &&str| {
        let pair = format!("{label}={}", metric.get(*label)?);
        Some(cut(
            &redact(&pair),
            label.chars().count() + 1 + LABEL_CHARACTERS,
        ))
    };
    let shown: Vec<String> = differing.iter().filter_map(pair).collect();
    if shown.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {{{}}}", shown.join(", "))
    }
}
