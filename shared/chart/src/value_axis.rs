//! The axis of the values: its range, and a few round values on it.

use domain::analysis::evidence::{Comparison, Threshold};

use crate::label::{factor, has_exponent};

/// About how many parts the axis is divided into.
const PARTS: f64 = 4.0;
const MOST_PARTS: f64 = 6.0;
/// The largest magnitude that is drawn: with more, a difference of two values would be infinite.
const LARGEST: f64 = 1e306;
/// What is nearer to zero than this is drawn as zero: its parts would have no numbers of their own.
const SMALLEST: f64 = 1e-300;
/// The least range, as a share of the largest magnitude: what moves less is a level line, and its labels stay short.
const LEAST_RANGE: f64 = 0.02;
/// How much is free on the side of the limit on which the alert fires, as a share of the range: it has to be seen.
const FREE: f64 = 0.06;
/// Zero is on the axis if the values come this near to it, as a share of the largest.
const NEAR_ZERO: f64 = 0.6;

#[derive(Debug)]
pub(crate) struct ValueAxis {
    least: f64,
    most: f64,
    ticks: Vec<Tick>,
}

/// A round value, with its text.
#[derive(Debug)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

impl ValueAxis {
    /// The axis on which all values and the limit are.
    pub(crate) fn of(
        values: impl Iterator<Item = f64>,
        limit: Option<Threshold>,
        unit: &str,
    ) -> Self {
        let limit = limit.map(|limit| Threshold {
            value: drawable(limit.value),
            ..limit
        });
        let drawn = values.map(drawable).chain(limit.map(|limit| limit.value));
        let (least, most) = drawn.fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(least, most), value| (least.min(value), most.max(value)),
        );
        let (least, most) = widened(least, most, limit);
        let (step, first, last) = round_values(least, most);
        let mut values = vec![first];
        while values.len() < 8 && values[values.len() - 1] < last {
            values.push(values[values.len() - 1] + 1.0);
        }
        let (least, most) = (first * step, last * step);
        let size = least.abs().max(most.abs());
        let label = |value: f64| label(value, step, size, unit);
        let ticks = values.into_iter().map(|n| Tick {
            value: n * step,
            label: label(n * step),
        });
        Self {
            least,
            most,
            ticks: ticks.collect(),
        }
    }

    pub(crate) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// The height of a value between the two heights of the plot.
    pub(crate) fn place(&self, value: f64, top: f64, bottom: f64) -> f64 {
        let share = (self.most - drawable(value)) / (self.most - self.least);
        top + share.clamp(0.0, 1.0) * (bottom - top)
    }
}

fn drawable(value: f64) -> f64 {
    match value.abs() {
        size if size < SMALLEST => 0.0,
        _ => value.clamp(-LARGEST, LARGEST),
    }
}

/// The range with some room beside the limit, and with zero if that is near.
fn widened(least: f64, most: f64, limit: Option<Threshold>) -> (f64, f64) {
    let size = least.abs().max(most.abs());
    if size == 0.0 {
        return (0.0, 1.0);
    }
    let range = (most - least).max(size * LEAST_RANGE);
    // A level line is in the middle.
    let spare = (range - (most - least)) / 2.0;
    let (mut low, mut high) = (least - spare, most + spare);
    match limit {
        Some(limit) if limit.comparison == Comparison::Above => {
            high = high.max(limit.value + range * FREE);
        }
        Some(limit) if limit.comparison == Comparison::Below => {
            low = low.min(limit.value - range * FREE);
        }
        _ => {}
    }
    if low > 0.0 && low <= high * NEAR_ZERO {
        (0.0, high)
    } else if high < 0.0 && high >= low * NEAR_ZERO {
        (low, 0.0)
    } else {
        (low, high)
    }
}

/// Round values that hold the range: about four steps of 1, 2, 2.5 or 5 of a power of ten, with as little free space as can be.
fn round_values(least: f64, most: f64) -> (f64, f64, f64) {
    let range = most - least;
    let power = 10_f64.powf(range.log10().floor());
    let mut best = (range, 0.0, 1.0);
    let mut best_score = f64::INFINITY;
    for factor in [0.1, 0.2, 0.25, 0.5, 1.0, 2.0] {
        let step = factor * power;
        // A value that is a step but for the last of its digits is that step.
        let (first, last) = ((least / step + 1e-9).floor(), (most / step - 1e-9).ceil());
        let parts = last - first;
        let score = parts * step / range * (1.0 + 0.06 * (parts - PARTS).abs());
        if (2.0..=MOST_PARTS).contains(&parts) && score < best_score {
            (best, best_score) = ((step, first, last), score);
        }
    }
    best
}

/// A value with as many decimals as tell two of them apart, in the same factor as all others.
fn label(value: f64, step: f64, size: f64, unit: &str) -> String {
    // What is left of a sum that should be zero.
    let value = if value.abs() < step / 2.0 { 0.0 } else { value };
    let number = if has_exponent(size) {
        format!("{value:.1e}")
    } else {
        let (factor, letter) = factor(size);
        let is_whole = |n: &u8| {
            let digits = step / factor * 10_f64.powi((*n).into());
            (digits - digits.round()).abs() < digits * 1e-6
        };
        let decimals = (0..8_u8).find(is_whole);
        let decimals = usize::from(decimals.unwrap_or(8));
        format!("{:.decimals$}{letter}", value / factor)
    };
    if value == 0.0 {
        return format!("0{unit}");
    }
    format!("{number}{unit}")
}

#[cfg(test)]
mod tests {
    use domain::analysis::evidence::Threshold;

    use super::ValueAxis;

    fn labels(values: &[f64], limit: &str, unit: &str) -> Vec<String> {
        let limit = Threshold::read(limit);
        let axis = ValueAxis::of(values.iter().copied(), limit, unit);
        axis.ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_a_few_round_values_that_hold_everything() {
        type Case<'a> = (&'a [f64], &'a str, &'a str, &'a [&'a str]);
        let cases: [Case<'_>; 16] = [
            (
                &[0.0, 1.0],
                "== 0",
                "",
                &["0", "0.25", "0.50", "0.75", "1.00"],
            ),
            (
                &[0.0, 1.0],
                "< 1",
                "",
                &["0", "0.25", "0.50", "0.75", "1.00"],
            ),
            (&[0.0, 4.0], "< 0", "", &["-1", "0", "1", "2", "3", "4"]),
            (
                &[20.0, 97.0],
                "> 90",
                "%",
                &["0%", "20%", "40%", "60%", "80%", "100%"],
            ),
            (&[0.0], "", "", &["0", "0.25", "0.50", "0.75", "1.00"]),
            (
                &[5.0; 3],
                "",
                "",
                &["4.94", "4.96", "4.98", "5.00", "5.02", "5.04", "5.06"],
            ),
            (
                &[900.0, 1000.0],
                "",
                "ms",
                &["900ms", "925ms", "950ms", "975ms", "1000ms"],
            ),
            (
                &[1.2e9, 3.1e9],
                "",
                "B",
                &["0B", "1GB", "2GB", "3GB", "4GB"],
            ),
            (
                &[0.001, 0.004],
                "",
                "",
                &["0", "0.001", "0.002", "0.003", "0.004"],
            ),
            (&[-5.0, 5.0], "", "", &["-5.0", "-2.5", "0", "2.5", "5.0"]),
            (
                &[-90.0, -80.0],
                "",
                "",
                &["-90.0", "-87.5", "-85.0", "-82.5", "-80.0"],
            ),
            // The limit is not at the edge: the side that fires is seen.
            (&[1.0, 3.0], "> 4", "", &["0", "1", "2", "3", "4", "5"]),
            (
                &[1.0, 2.0],
                "> 1e9",
                "",
                &["0", "0.25G", "0.50G", "0.75G", "1.00G", "1.25G"],
            ),
            (
                &[1e17, 2e17],
                "",
                "",
                &["0", "5.0e16", "1.0e17", "1.5e17", "2.0e17"],
            ),
            (
                &[f64::MAX, f64::MIN],
                "",
                "",
                &["-1.0e306", "-5.0e305", "0", "5.0e305", "1.0e306"],
            ),
            (
                &[5e-324, 1e-310],
                "",
                "",
                &["0", "0.25", "0.50", "0.75", "1.00"],
            ),
        ];
        for (values, limit, unit, expected) in cases {
            assert_eq!(labels(values, limit, unit), expected, "{values:?} {limit}");
        }
    }

    #[test]
    fn a_value_is_at_its_height() {
        let axis = ValueAxis::of([0.0, 100.0].into_iter(), None, "");
        for (value, height) in [(100.0, 10.0), (0.0, 110.0), (25.0, 85.0), (1e9, 10.0)] {
            assert_eq!(axis.place(value, 10.0, 110.0), height, "{value}");
        }
    }
}
