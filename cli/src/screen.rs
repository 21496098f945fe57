//! The terminal: texts that cannot steer it, columns that line up in every script, and colours where a person sees them.

use std::io::{IsTerminal as _, stdout};

use clap::ValueEnum;
use domain::primitives::safe_text::{is_hidden, line, without_hidden};
use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::aws::Environment;
use crate::exit::Failure;

/// How long a text in a line may be, before its column cuts it.
const CELL_CHARACTERS: usize = 1_000;
/// How far apart columns are.
const GAP: &str = "  ";
/// What stands for the rest of a text that is cut.
const CUT: char = '…';

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Table,
    /// For programs: what the API answers
    Json,
}

/// What is in front of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen {
    /// True where colours are seen.
    pub(crate) colours: bool,
    /// How many columns a line has; none where a program reads.
    pub(crate) columns: Option<usize>,
    /// How many lines there are.
    pub(crate) lines: Option<usize>,
}

/// How a text stands out. No meaning is told by its colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Red,
    Yellow,
    Green,
    Cyan,
}

impl Style {
    /// The parameters of SGR (ECMA-48, 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Red => "1;31",
            Self::Yellow => "33",
            Self::Green => "32",
            Self::Cyan => "36",
        }
    }

    /// That of a severity.
    pub(crate) fn of_severity(severity: &str) -> Self {
        match severity {
            "P0" | "P1" => Self::Red,
            "P2" => Self::Yellow,
            _ => Self::Plain,
        }
    }

    /// That of a status.
    pub(crate) fn of_status(status: &str) -> Self {
        match status {
            "awaiting_approval" | "needs_human" => Self::Yellow,
            "repair_failed" => Self::Red,
            "approved" | "repairing" => Self::Cyan,
            "repaired" | "resolved" => Self::Green,
            _ => Self::Plain,
        }
    }
}

impl Screen {
    /// A file, a pipe or a test.
    pub(crate) const PLAIN: Self = Self {
        colours: false,
        columns: None,
        lines: None,
    };

    /// The standard output. Colours are left out where `NO_COLOR` is set (<https://no-color.org>), or the terminal has none.
    pub(crate) fn of(variables: &Environment) -> Self {
        if !stdout().is_terminal() {
            return Self::PLAIN;
        }
        let size = crossterm::terminal::size().ok();
        let dumb = variables.optional("TERM").is_none_or(|term| term == "dumb");
        Self {
            colours: !dumb && variables.optional("NO_COLOR").is_none(),
            columns: size.map(|(columns, _)| usize::from(columns)),
            lines: size.map(|(_, lines)| usize::from(lines)),
        }
    }

    /// A text in a style. It has to be safe already.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.colours && style != Style::Plain {
            format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
        } else {
            text.to_owned()
        }
    }
}

/// A text of one line that cannot steer the terminal.
pub(crate) fn safe(text: &str) -> String {
    line(text, CELL_CHARACTERS)
}

/// The lines of a text, none of which can steer the terminal. A carriage return would write over what stands before it.
pub(crate) fn safe_lines(text: &str) -> Vec<String> {
    let lines = text.split(['\n', '\r']).filter(|line| !line.is_empty());
    lines
        .map(|line| without_hidden(line).replace('\t', "    "))
        .collect()
}

/// JSON for a program or a terminal: what a terminal would obey, or not show, is written as an escape, which means the same.
pub(crate) fn json(answer: &impl Serialize) -> Result<String, Failure> {
    written(serde_json::to_string_pretty(answer))
}

/// The same on one line.
pub(crate) fn json_line(answer: &impl Serialize) -> Result<String, Failure> {
    written(serde_json::to_string(answer))
}

fn written(json: serde_json::Result<String>) -> Result<String, Failure> {
    let json = json.map_err(|error| Failure::wrong(format!("this cannot be JSON: {error}")))?;
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    Ok(safe)
}

/// How many columns a text takes: two for each character of Chinese
/// (<https://www.unicode.org/reports/tr11/>).
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text in exactly so many columns: cut, or with spaces behind it.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let mut fitted = cut(text, columns);
    let missing = columns.saturating_sub(width(&fitted));
    fitted.extend(std::iter::repeat_n(' ', missing));
    fitted
}

/// A text in at most so many columns.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut cut, mut taken) = (String::new(), 0);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if taken + wide + 1 > columns {
            break;
        }
        cut.push(c);
        taken += wide;
    }
    if columns > 0 {
        cut.push(CUT);
    }
    cut
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// How many columns of the screen it keeps where a line is too long; none if it is never cut.
    pub(crate) least: Option<usize>,
    pub(crate) right: bool,
}

impl Column {
    pub(crate) const fn whole(name: &'static str) -> Self {
        let (least, right) = (None, false);
        Self { name, least, right }
    }

    pub(crate) const fn number(name: &'static str) -> Self {
        let (least, right) = (None, true);
        Self { name, least, right }
    }

    pub(crate) const fn text(name: &'static str, least: usize) -> Self {
        let (least, right) = (Some(least), false);
        Self { name, least, right }
    }
}

/// A text in a table with its style.
pub(crate) type Cell = (String, Style);

/// A table with its head, one line for each row, that fits the screen: long texts are cut first.
pub(crate) fn table(columns: &[Column], rows: &[Vec<Cell>], screen: Screen) -> Vec<String> {
    let rows: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|(text, style)| (safe(text), *style))
                .collect()
        })
        .collect();
    let mut widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            let widest = cells.map(|(text, _)| width(text)).max().unwrap_or(0);
            widest.max(width(column.name))
        })
        .collect();
    if let Some(most) = screen.columns {
        shrink(&mut widths, columns, most);
    }
    let head: Vec<Cell> = columns
        .iter()
        .map(|column| (column.name.to_owned(), Style::Bold))
        .collect();
    let drawn = std::iter::once(&head).chain(&rows);
    drawn
        .map(|row| drawn_row(row, columns, &widths, screen))
        .collect()
}

/// Takes columns of the screen from the widest texts until a line fits.
fn shrink(widths: &mut [usize], columns: &[Column], most: usize) {
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > most {
        let spare = |at: usize| {
            columns[at]
                .least
                .map_or(0, |least| widths[at].saturating_sub(least))
        };
        let Some(at) = (0..columns.len())
            .max_by_key(|at| spare(*at))
            .filter(|at| spare(*at) > 0)
        else {
            return;
        };
        widths[at] -= 1;
    }
}

fn drawn_row(row: &[Cell], columns: &[Column], widths: &[usize], screen: Screen) -> String {
    let cells = row.iter().zip(columns).zip(widths);
    let drawn = cells.map(|(((text, style), column), width)| {
        let fitted = if column.right {
            let text = cut(text, *width);
            let missing = width.saturating_sub(self::width(&text));
            format!("{}{text}", " ".repeat(missing))
        } else {
            fit(text, *width)
        };
        screen.paint(*style, &fitted)
    });
    let drawn = drawn.collect::<Vec<_>>().join(GAP);
    drawn.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Column, Screen, Style, cut, fit, json, safe_lines, table, width};

    const COLUMNS: [Column; 3] = [
        Column::text("ALERT", 5),
        Column::number("HITS"),
        Column::whole("STATUS"),
    ];

    fn drawn(names: &[&str], screen: Screen) -> Vec<String> {
        let row = |name: &&str| {
            vec![
                ((*name).to_owned(), Style::Red),
                ("7".to_owned(), Style::Plain),
                ("open".to_owned(), Style::Plain),
            ]
        };
        table(&COLUMNS, &names.iter().map(row).collect::<Vec<_>>(), screen)
    }

    #[test]
    fn columns_line_up_in_every_script() {
        let lines = drawn(&["TargetDown", "磁碟空間不足", "ünïcode"], Screen::PLAIN);
        insta::assert_snapshot!(lines.join("\n"), @r"
        ALERT         HITS  STATUS
        TargetDown       7  open
        磁碟空間不足     7  open
        ünïcode          7  open
        ");
        let widths: Vec<usize> = lines[1..].iter().map(|line| width(line)).collect();
        assert_eq!(widths, [24; 3]);
    }

    #[test]
    fn a_narrow_screen_cuts_texts_and_nothing_else() {
        let narrow = Screen {
            columns: Some(20),
            ..Screen::PLAIN
        };
        let lines = drawn(&["TargetDown", "磁碟空間不足"], narrow);
        insta::assert_snapshot!(lines.join("\n"), @r"
        ALERT   HITS  STATUS
        Targe…     7  open
        磁碟…      7  open
        ");
        assert_eq!(cut("磁碟", 2), "…");
        assert_eq!(fit("磁碟空間", 6), "磁碟… ");
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        let lines = drawn(&["a\u{1b}[2J\u{9b}31m\nb\u{202e}c"], Screen::PLAIN);
        assert!(lines[1].starts_with("a[2J31m bc"), "{lines:?}");
        assert_eq!(
            safe_lines("one\rtwo\r\n\u{1b}]0;x\u{7}three\tfour"),
            ["one", "two", "]0;xthree    four"]
        );
        let said = json(&json!({ "name": "a\u{1b}[2J\u{9b}\u{202e}\u{e0041}b" })).expect("JSON");
        assert_eq!(
            said,
            "{\n  \"name\": \"a\\u001b[2J\\u009b\\u202e\\udb40\\udc41b\"\n}"
        );
        let read: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!(read["name"], "a\u{1b}[2J\u{9b}\u{202e}\u{e0041}b");
    }

    #[test]
    fn colours_are_for_those_who_see_them() {
        let coloured = Screen {
            colours: true,
            ..Screen::PLAIN
        };
        assert_eq!(coloured.paint(Style::Red, "P0"), "\u{1b}[1;31mP0\u{1b}[0m");
        assert_eq!(coloured.paint(Style::Plain, "P3"), "P3");
        assert_eq!(Screen::PLAIN.paint(Style::Red, "P0"), "P0");
    }
}
