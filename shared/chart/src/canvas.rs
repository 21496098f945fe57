//! The canvas: shapes and texts as elements of SVG (<https://www.w3.org/TR/SVG11/>).

use std::fmt::Write as _;

use crate::label::LETTERS;

/// The fonts, of which the pictures for chats have the first.
const FONTS: &str = "'DejaVu Sans', Verdana, 'Noto Sans', sans-serif";

/// What a shape is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Colour {
    Grid,
    Text,
    /// A text that is seldom needed.
    Faint,
    Line,
    /// The line and the newest value where the alert fires.
    Firing,
    /// The limit's own number.
    Limit,
    /// The moment at which the alert began.
    Mark,
}

impl Colour {
    /// Dark enough for a text on white: 4.5 to 1 or more, but for the grid (<https://www.w3.org/TR/WCAG22/#contrast-minimum>).
    fn as_str(self) -> &'static str {
        match self {
            Self::Grid => "#e2e8f0",
            Self::Text => "#475569",
            Self::Faint => "#64748b",
            Self::Line => "#2563eb",
            Self::Firing => "#dc2626",
            Self::Limit => "#b91c1c",
            Self::Mark => "#0f172a",
        }
    }
}

/// To which side of its place a text stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug)]
pub(crate) struct Canvas {
    svg: String,
}

impl Canvas {
    pub(crate) fn new(width: u16, height: u16) -> Self {
        let mut canvas = Self { svg: String::new() };
        canvas.element(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             font-family=\"{FONTS}\" font-size=\"{LETTERS}\">"
        ));
        canvas.element(format_args!(
            "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
        ));
        canvas
    }

    pub(crate) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    /// The area in which the alert fires.
    pub(crate) fn area(&mut self, left: f64, right: f64, top: f64, bottom: f64) {
        let (width, height) = (right - left, (bottom - top).max(0.0));
        self.element(format_args!(
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"#fee2e2\" fill-opacity=\"0.75\"/>"
        ));
    }

    pub(crate) fn horizontal(&mut self, left: f64, right: f64, y: f64, colour: Colour) {
        let colour = colour.as_str();
        self.element(format_args!(
            "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"{colour}\" stroke-width=\"1\"/>"
        ));
    }

    /// The limit.
    pub(crate) fn dashed(&mut self, left: f64, right: f64, y: f64, colour: Colour) {
        let colour = colour.as_str();
        self.element(format_args!(
            "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"8 6\"/>"
        ));
    }

    /// A short line below the plot.
    pub(crate) fn tick(&mut self, x: f64, y: f64, colour: Colour) {
        let colour = colour.as_str();
        self.element(format_args!(
            "<path d=\"M{x:.1} {y:.1}v6\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        ));
    }

    /// The moment at which the alert began: a line from a triangle downwards.
    pub(crate) fn marker(&mut self, x: f64, top: f64, bottom: f64) {
        let colour = Colour::Mark.as_str();
        self.element(format_args!(
            "<path d=\"M{x:.1} {top:.1}V{bottom:.1}\" stroke=\"{colour}\" stroke-width=\"1.5\" stroke-opacity=\"0.55\"/>"
        ));
        self.element(format_args!(
            "<path d=\"M{x:.1} {top:.1}m-6 -9h12l-6 9z\" fill=\"{colour}\"/>"
        ));
    }

    /// The area below a piece of the line.
    pub(crate) fn filled(&mut self, corners: &[(f64, f64)], bottom: f64) {
        let ([(first, _), ..], [.., (last, _)]) = (corners, corners) else {
            return;
        };
        let path = path(corners);
        self.element(format_args!(
            "<path d=\"{path}L{last:.1} {bottom:.1}L{first:.1} {bottom:.1}z\" fill=\"#2563eb\" fill-opacity=\"0.07\"/>"
        ));
    }

    pub(crate) fn line(&mut self, corners: &[(f64, f64)], colour: Colour) {
        let (path, colour) = (path(corners), colour.as_str());
        self.element(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"3\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>"
        ));
    }

    pub(crate) fn dot(&mut self, x: f64, y: f64, radius: f64, colour: Colour) {
        let colour = colour.as_str();
        self.element(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{colour}\"/>"
        ));
    }

    /// The newest point.
    pub(crate) fn ring(&mut self, x: f64, y: f64, colour: Colour) {
        let colour = colour.as_str();
        self.element(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.5\" fill=\"{colour}\" stroke=\"#ffffff\" stroke-width=\"2\"/>"
        ));
    }

    /// A text whose middle is at this height. It may come from outside: it is escaped.
    pub(crate) fn text(&mut self, x: f64, y: f64, text: &str, anchor: Anchor, colour: Colour) {
        // The capitals of these fonts are about 0.73 of their size high. `dominant-baseline` would say so too, and not all programs know it.
        let (y, colour) = (y + LETTERS * 0.365, colour.as_str());
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.element(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
        ));
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        // A text takes everything.
        let _ = writeln!(self.svg, "{element}");
    }
}

fn path(corners: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (n, (x, y)) in corners.iter().enumerate() {
        let command = if n == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{command}{x:.1} {y:.1}");
    }
    path
}

/// A text between tags. What XML forbids is left out (<https://www.w3.org/TR/xml/#charsets>).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}
