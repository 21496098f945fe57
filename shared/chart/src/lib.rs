//! Charts of an alert's own value over the last hours, as SVG.
//!
//! A chart is a text without references, scripts and ids, so that a page can hold several of them, and has a background of its own, so that
//! its colours work on any other. In it are numbers, times and units alone: what it is about stands beside it, in words.

mod canvas;
mod label;
mod line;
mod time_axis;
mod value_axis;

use domain::analysis::evidence::{Comparison, Series, Threshold};
use domain::primitives::local_time::Zone;
use jiff::{SignedDuration, Timestamp};

use crate::canvas::{Anchor, Canvas, Colour};
use crate::label::{clean_unit, compact};
use crate::line::{Line, fires};
use crate::time_axis::TimeAxis;
use crate::value_axis::ValueAxis;

/// The width of a chart in pixels. People see it on a phone at about half of that, so that its texts are large.
pub const WIDTH: u16 = 640;
/// Its height in pixels.
pub const HEIGHT: u16 = 300;

/// Free space around the plot, in pixels: above is the time at which the alert began, below are the times.
const TOP: f64 = 34.0;
const BOTTOM: f64 = 36.0;
/// Between the plot and the texts beside it.
const GAP: f64 = 9.0;
/// Between the texts and the edge.
const EDGE: f64 = 12.0;
/// How far apart the two values on the right side are at least: a little more than the height of their letters.
const APART: f64 = 21.0;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    pub series: &'a Series,
    /// At what the alert fires. Always in the picture, however far it is from the values.
    pub threshold: Option<Threshold>,
    /// The unit of the values; empty where it is not known. It may come from outside.
    pub unit: &'a str,
    /// When the alert began; it is marked if that is in the window.
    pub began: Option<Timestamp>,
    /// The time zone of the readers; none is UTC.
    pub zone: Option<&'a Zone>,
}

/// The part of the picture in which the values are.
#[derive(Debug, Clone, Copy)]
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Chart<'_> {
    /// The chart; nothing where there is no value to draw.
    pub fn svg(&self) -> Option<String> {
        let newest = self.series.values().last()?;
        let limit = self.threshold.map(|threshold| threshold.value);
        let values = ValueAxis::of(self.series.values(), self.threshold, &clean_unit(self.unit));
        let plot = self.plot(&values, newest);
        let times = TimeAxis::of(self.start(), self.series.end, self.zone);
        let mut canvas = Canvas::new(WIDTH, HEIGHT);
        self.firing_side(&mut canvas, &plot, &values);
        for tick in values.ticks() {
            let y = values.place(tick.value, plot.top, plot.bottom);
            canvas.horizontal(plot.left, plot.right, y, Colour::Grid);
            canvas.text(plot.left - GAP, y, &tick.label, Anchor::End, Colour::Text);
        }
        let zone = times.zone();
        let behind_zone = EDGE + label::width(&zone) + GAP;
        for tick in times.ticks() {
            let x = times.place(tick.at, plot.left, plot.right);
            canvas.tick(x, plot.bottom, Colour::Grid);
            if x - label::width(&tick.label) / 2.0 < behind_zone {
                continue;
            }
            canvas.text(
                x,
                plot.bottom + 22.0,
                &tick.label,
                Anchor::Middle,
                Colour::Text,
            );
        }
        canvas.text(
            EDGE,
            plot.bottom + 22.0,
            &zone,
            Anchor::Start,
            Colour::Faint,
        );
        if let Some(limit) = limit {
            let y = values.place(limit, plot.top, plot.bottom);
            canvas.dashed(plot.left, plot.right, y, Colour::Firing);
        }
        self.began_at(&mut canvas, &plot, &times);
        let line = Line::of(self.series, self.threshold, |n, value| {
            let x = times.place(self.time(n), plot.left, plot.right);
            (x, values.place(value, plot.top, plot.bottom))
        });
        line.draw(&mut canvas, plot.bottom);
        self.right_side(&mut canvas, &plot, &values, newest);
        Some(canvas.finish())
    }

    fn plot(&self, values: &ValueAxis, newest: f64) -> Plot {
        let limit = self
            .threshold
            .map(|threshold| self.written(threshold.value));
        let on_the_right = [Some(self.written(newest)), limit];
        let right = on_the_right.iter().flatten().map(|text| label::width(text));
        let left = values.ticks().iter().map(|tick| label::width(&tick.label));
        // The last time stands below the right end, and is wider than most values.
        let least = label::width("00:00") / 2.0;
        Plot {
            left: EDGE + left.fold(least, f64::max) + GAP,
            right: f64::from(WIDTH) - EDGE - right.fold(least, f64::max) - GAP,
            top: TOP,
            bottom: f64::from(HEIGHT) - BOTTOM,
        }
    }

    /// The values with which the alert fires, as an area behind everything.
    fn firing_side(&self, canvas: &mut Canvas, plot: &Plot, values: &ValueAxis) {
        let Some(Threshold { comparison, value }) = self.threshold else {
            return;
        };
        let y = values.place(value, plot.top, plot.bottom);
        match comparison {
            Comparison::Above => canvas.area(plot.left, plot.right, plot.top, y),
            Comparison::Below => canvas.area(plot.left, plot.right, y, plot.bottom),
            // A single value has no side, and all but one have both.
            Comparison::Equal | Comparison::NotEqual => {}
        }
    }

    fn began_at(&self, canvas: &mut Canvas, plot: &Plot, times: &TimeAxis<'_>) {
        let in_window = |at: &Timestamp| *at >= self.start() && *at <= self.series.end;
        let Some(began) = self.began.filter(in_window) else {
            return;
        };
        let x = times.place(began, plot.left, plot.right);
        canvas.marker(x, plot.top, plot.bottom);
        let label = times.label(began);
        let half = label::width(&label) / 2.0;
        let middle = x.clamp(plot.left + half, plot.right.max(plot.left + half));
        canvas.text(
            middle,
            plot.top - 20.0,
            &label,
            Anchor::Middle,
            Colour::Mark,
        );
    }

    /// The newest value and the limit, each at its height. Where both would stand on one another, the newest value makes room.
    fn right_side(&self, canvas: &mut Canvas, plot: &Plot, values: &ValueAxis, newest: f64) {
        let x = plot.right + GAP;
        let mut y = values.place(newest, plot.top, plot.bottom);
        let mut colour = Colour::Line;
        if let Some(threshold) = self.threshold {
            let at = values.place(threshold.value, plot.top, plot.bottom);
            canvas.text(
                x,
                at,
                &self.written(threshold.value),
                Anchor::Start,
                Colour::Limit,
            );
            if fires(threshold, newest) {
                colour = Colour::Firing;
            }
            if self.written(threshold.value) == self.written(newest) {
                return;
            }
            if (y - at).abs() < APART {
                y = if newest > threshold.value {
                    at - APART
                } else {
                    at + APART
                };
            }
        }
        canvas.text(x, y, &self.written(newest), Anchor::Start, colour);
    }

    /// A value on the right side.
    fn written(&self, value: f64) -> String {
        compact(value) + &clean_unit(self.unit)
    }

    /// When the window begins. One point alone has a step before it.
    fn start(&self) -> Timestamp {
        let step = SignedDuration::from_secs(self.series.step_seconds.into());
        match self.series.points.len() {
            0 | 1 => self.series.end.checked_sub(step).unwrap_or(self.series.end),
            _ => self.series.start(),
        }
    }

    /// The time of a point.
    fn time(&self, n: usize) -> Timestamp {
        let back = self.series.points.len().saturating_sub(n + 1);
        let back = i64::try_from(back).unwrap_or(i64::MAX);
        let back = back.saturating_mul(self.series.step_seconds.into());
        let back = SignedDuration::from_secs(back);
        self.series.end.checked_sub(back).unwrap_or(self.series.end)
    }
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
