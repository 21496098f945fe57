//! Urgency from what was measured: requests that fail, members of a redundancy group that answer, and the time until something runs out.
//!
//! Only what can be read without a guess counts: a value whose meaning or scale is not known is no ground.

use jiff::SignedDuration;

use crate::alert::AlertType;
use crate::analysis::evidence::{
    Comparison, Evidence, Found, Measurement, Series, Threshold, figure,
};
use crate::analysis::urgency::{UrgencyBasis, UrgencyGround};
use crate::analysis::{Peers, Severity};
use crate::phrase;

/// The names under which the analyzer measures requests and the share of them that fails, in per cent.
const REQUEST_RATE: &str = "request_rate";
const ERROR_RATE: &str = "error_rate";

/// From which share of failed requests on, in per cent, it is which urgency.
const ERRORS: [(f64, Severity); 3] = [
    (50.0, Severity::P0),
    (5.0, Severity::P1),
    (1.0, Severity::P2),
];

/// With how little time left, in hours, it is which urgency. Four hours are what the node mixin calls critical
/// (<https://github.com/prometheus/node_exporter/blob/master/docs/node-mixin/alerts/alerts.libsonnet>).
const TIME_LEFT: [(f64, Severity); 3] = [
    (1.0, Severity::P0),
    (4.0, Severity::P1),
    (72.0, Severity::P2),
];

/// Fewer points say nothing of where a value is going.
const LEAST_POINTS: usize = 6;
/// A longer time is not told apart from none: a trend of a few hours does not reach further.
const FURTHEST_HOURS: f64 = 24.0 * 365.0;

/// The grounds of an urgency in what was measured about an alert of this type.
pub fn grounds(
    evidence: &[Evidence],
    alert_type: AlertType,
    peers: Option<&Peers>,
) -> Vec<UrgencyGround> {
    let measurements: Vec<&Measurement> = evidence.iter().flat_map(measurements).collect();
    let exhaustion = measurements
        .iter()
        .find_map(|measured| time_left(measured, alert_type));
    let found = [
        failing(&measurements),
        peers.and_then(redundancy),
        exhaustion.map(running_out),
    ];
    found.into_iter().flatten().collect()
}

fn measurements(evidence: &Evidence) -> &[Measurement] {
    match &evidence.found {
        Found::Measured { measurements, .. } => measurements,
        _ => &[],
    }
}

/// Requests that fail. Nothing is known of the users of something that gets no requests at any time.
fn failing(measurements: &[&Measurement]) -> Option<UrgencyGround> {
    let named = |name: &str| {
        let all = measurements.iter();
        all.copied().find(|measured| measured.name == name)
    };
    let requests = named(REQUEST_RATE);
    let (level, why) = match (requests, named(ERROR_RATE)) {
        (Some(requests), _) if requests.value <= 0.0 && requests.most > 0.0 => {
            (Severity::P1, phrase!("no requests arrive any more"))
        }
        (requests, Some(errors)) if requests.is_none_or(|requests| requests.value > 0.0) => {
            let from = ERRORS.into_iter().find(|(from, _)| errors.value >= *from);
            let share = figure(errors.value);
            (
                from.map_or(Severity::P3, |(_, level)| level),
                phrase!("{share} % of the requests fail", share),
            )
        }
        _ => return None,
    };
    Some(UrgencyGround {
        basis: UrgencyBasis::Impact,
        level,
        why,
    })
}

/// Whether others take over. A group of one has no redundancy that could be left.
fn redundancy(peers: &Peers) -> Option<UrgencyGround> {
    let level = match peers.healthy {
        0 => Severity::P1,
        _ => Severity::P2,
    };
    (peers.members > 0).then(|| UrgencyGround {
        basis: UrgencyBasis::Redundancy,
        level,
        why: peers.phrase(),
    })
}

/// For how long something lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lasts {
    /// It has run out.
    Over,
    Hours(f64),
    /// It does not become less.
    Steady,
}

fn running_out(lasts: Lasts) -> UrgencyGround {
    let (level, why) = match lasts {
        Lasts::Over => (Severity::P0, phrase!("it has run out")),
        Lasts::Steady => (Severity::P3, phrase!("it does not become less")),
        Lasts::Hours(hours) => {
            let under = TIME_LEFT.into_iter().find(|(under, _)| hours < *under);
            (
                under.map_or(Severity::P3, |(_, level)| level),
                phrase!("it runs out in {time}", time = in_words(hours)),
            )
        }
    };
    UrgencyGround {
        basis: UrgencyBasis::Exhaustion,
        level,
        why,
    }
}

/// A length of time in the largest unit of which it has one.
fn in_words(hours: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is less than a year, and minutes are exact enough"
    )]
    let minutes = (hours * 60.0).round() as i64;
    match minutes {
        ..120 => format!("{:#}", SignedDuration::from_mins(minutes)),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1_440),
    }
}

/// How long it lasts by the alert's own value: free space that shrinks towards nothing, used space that grows towards all, or the time
/// until a certificate ends, which is the value itself.
fn time_left(measured: &Measurement, alert_type: AlertType) -> Option<Lasts> {
    let threshold = measured.threshold()?;
    match alert_type {
        AlertType::DiskFull => {
            let (end, direction) = full_at(threshold)?;
            let left = (end - measured.value) * direction;
            // A thousandth of the whole is nothing.
            if left <= end.abs().max(threshold.value.abs()) * 1e-3 {
                return Some(Lasts::Over);
            }
            let slope = per_hour(measured.series.as_ref()?)? * direction;
            let hours = left / slope;
            Some(if slope > 0.0 && hours < FURTHEST_HOURS {
                Lasts::Hours(hours)
            } else {
                Lasts::Steady
            })
        }
        AlertType::SslExpiry if threshold.comparison == Comparison::Below => {
            // Rules compare days or seconds. No rule warns three years ahead, or a quarter of an hour.
            let in_hours = if threshold.value > 1_000.0 {
                1.0 / 3_600.0
            } else {
                24.0
            };
            let hours = measured.value * in_hours;
            Some(if hours <= 0.0 {
                Lasts::Over
            } else {
                Lasts::Hours(hours.min(FURTHEST_HOURS))
            })
        }
        _ => None,
    }
}

/// At which value a file system is full, and in which direction the value goes there; nothing where the scale is not known.
fn full_at(threshold: Threshold) -> Option<(f64, f64)> {
    match threshold.comparison {
        // What is free: whatever the unit, it ends at nothing.
        Comparison::Below => Some((0.0, -1.0)),
        Comparison::Above if threshold.value > 0.0 && threshold.value < 1.0 => Some((1.0, 1.0)),
        Comparison::Above if threshold.value > 1.0 && threshold.value < 100.0 => Some((100.0, 1.0)),
        _ => None,
    }
}

/// How much a value changes in an hour: the least squares through its points.
fn per_hour(series: &Series) -> Option<f64> {
    let step = f64::from(series.step_seconds) / 3_600.0;
    let mut at = 0.0;
    let mut points = Vec::new();
    for point in &series.points {
        points.extend(
            point
                .filter(|value| value.is_finite())
                .map(|value| (at, value)),
        );
        at += step;
    }
    if points.len() < LEAST_POINTS {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a series has a few dozen points"
    )]
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_at, mean_value) = (mean(|point| point.0), mean(|point| point.1));
    let covariance: f64 = points
        .iter()
        .map(|(at, value)| (at - mean_at) * (value - mean_value))
        .sum();
    let variance: f64 = points.iter().map(|(at, _)| (at - mean_at).powi(2)).sum();
    let slope = covariance / variance;
    slope.is_finite().then_some(slope)
}

#[cfg(test)]
#[path = "impact_tests.rs"]
mod tests;
