//! The line of the values: in pieces between its gaps, and in another colour where the alert fires.

use domain::analysis::evidence::{Comparison, Series, Threshold};

use crate::canvas::{Canvas, Colour};

/// A point of the line in the picture, and whether the alert fires there.
#[derive(Debug, Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
    value: f64,
    fires: bool,
}

#[derive(Debug)]
pub(crate) struct Line {
    /// Points without a gap between them.
    pieces: Vec<Vec<Point>>,
    threshold: Option<Threshold>,
}

impl Line {
    /// The line of a series, each of whose points has a place in the picture.
    pub(crate) fn of(
        series: &Series,
        threshold: Option<Threshold>,
        place: impl Fn(usize, f64) -> (f64, f64),
    ) -> Self {
        let mut pieces = Vec::new();
        let mut piece = Vec::new();
        for (n, value) in series.points.iter().enumerate() {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let (x, y) = place(n, value);
                let fires = threshold.is_some_and(|threshold| fires(threshold, value));
                piece.push(Point { x, y, value, fires });
            } else if !piece.is_empty() {
                pieces.push(std::mem::take(&mut piece));
            }
        }
        if !piece.is_empty() {
            pieces.push(piece);
        }
        Self { pieces, threshold }
    }

    pub(crate) fn draw(&self, canvas: &mut Canvas, bottom: f64) {
        for piece in &self.pieces {
            if let [point] = piece.as_slice() {
                canvas.dot(point.x, point.y, 3.0, colour(point.fires));
                continue;
            }
            let corners: Vec<(f64, f64)> = piece.iter().map(|point| (point.x, point.y)).collect();
            canvas.filled(&corners, bottom);
            for (corners, fires) in self.coloured(piece) {
                canvas.line(&corners, colour(fires));
            }
        }
        if let Some(newest) = self.pieces.last().and_then(|piece| piece.last()) {
            canvas.ring(newest.x, newest.y, colour(newest.fires));
        }
    }

    /// The parts of a piece in which the alert fires or does not, in turn. They meet on the limit.
    fn coloured(&self, piece: &[Point]) -> Vec<(Vec<(f64, f64)>, bool)> {
        let Some(first) = piece.first() else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        let mut part = vec![(first.x, first.y)];
        for pair in piece.windows(2) {
            let [from, to] = [pair[0], pair[1]];
            if from.fires != to.fires {
                let meets = self.crossing(from, to);
                part.push(meets);
                parts.push((std::mem::take(&mut part), from.fires));
                part.push(meets);
            }
            part.push((to.x, to.y));
        }
        let fires = piece.last().is_some_and(|last| last.fires);
        parts.push((part, fires));
        parts
    }

    /// Where the line between two points crosses the limit. With `==` and `!=` nothing is crossed: the change is in the middle.
    fn crossing(&self, from: Point, to: Point) -> (f64, f64) {
        let share = match self.threshold {
            Some(Threshold {
                comparison: Comparison::Above | Comparison::Below,
                value,
            }) => {
                // Halved, because the difference of the largest numbers is infinite.
                let whole = to.value / 2.0 - from.value / 2.0;
                (value / 2.0 - from.value / 2.0) / whole
            }
            _ => 0.5,
        };
        // The smallest numbers have no half.
        let share = if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.5
        };
        (
            from.x + share * (to.x - from.x),
            from.y + share * (to.y - from.y),
        )
    }
}

fn colour(fires: bool) -> Colour {
    if fires { Colour::Firing } else { Colour::Line }
}

/// True if the alert fires with this value.
pub(crate) fn fires(Threshold { comparison, value }: Threshold, newest: f64) -> bool {
    match comparison {
        Comparison::Above => newest > value,
        Comparison::Below => newest < value,
        // As they are in the expression, whose numbers were read in the same way.
        #[expect(clippy::float_cmp, reason = "the alert compares them so")]
        Comparison::Equal => newest == value,
        #[expect(clippy::float_cmp, reason = "the alert compares them so")]
        Comparison::NotEqual => newest != value,
    }
}
