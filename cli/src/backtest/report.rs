//! Output of `quell backtest`: the numbers of both replays, then what differs.

use std::io::Write;

use domain::analysis::price::dollars;
use jiff::Timestamp;
use serde::Serialize;

use super::difference::Difference;
use super::outcome::Totals;
use crate::exit::Failure;
use crate::screen::{self, Cell, Column, Screen, Style, safe};
use crate::show::time;

/// The answer of a backtest.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The first and the last moment of the history.
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    /// How many alerts were replayed: those that fired and those that ended.
    pub(crate) alerts: u64,
    /// Requests that ingress refuses, with the line of the first.
    pub(crate) refused: u64,
    pub(crate) first_refused: Option<u64>,
    /// How many incidents the history has, if it is one of incidents.
    pub(crate) recorded: Option<u64>,
    pub(crate) base: Totals,
    pub(crate) changed: Totals,
    pub(crate) differences: Vec<Difference>,
}

const NUMBERS: [Column; 4] = [
    Column::whole(""),
    Column::number("BASE"),
    Column::number("CHANGED"),
    Column::number("DIFFERENCE"),
];

const COLUMNS: [Column; 5] = [
    Column::number("INCIDENTS"),
    Column::whole("WHAT"),
    Column::text("ALERTS", 12),
    Column::text("BASE", 12),
    Column::text("CHANGED", 12),
];

impl Report {
    /// True if both replays come to the same.
    pub(crate) fn is_empty(&self) -> bool {
        self.base == self.changed && self.differences.is_empty()
    }

    /// Writes it for people, with at most so many lines of differences.
    pub(crate) fn write(
        &self,
        most: usize,
        screen: Screen,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let span = self
            .from
            .zip(self.to)
            .map_or_else(String::new, |(from, to)| {
                format!(" from {} to {}", time(from), time(to))
            });
        writeln!(out, "{} alerts were replayed{span}", self.alerts)?;
        if let Some(recorded) = self.recorded {
            writeln!(
                out,
                "the history has {recorded} incidents; the base makes {} of its alerts",
                self.base.incidents
            )?;
        }
        if let Some(line) = self.first_refused {
            let refused = self.refused;
            writeln!(
                out,
                "{refused} requests are refused by ingress, the first in line {line}: `quell plan` says why"
            )?;
        }
        writeln!(out)?;
        let rows: Vec<Vec<Cell>> = numbers(&self.base, &self.changed);
        for line in screen::table(&NUMBERS, &rows, screen) {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
        if self.is_empty() {
            return Ok(writeln!(out, "no difference")?);
        }
        let rows: Vec<Vec<Cell>> = self.differences.iter().take(most).map(row).collect();
        for line in screen::table(&COLUMNS, &rows, screen) {
            writeln!(out, "{line}")?;
        }
        let left_out = self.differences.len().saturating_sub(most);
        if left_out > 0 {
            writeln!(
                out,
                "{left_out} more differences are not listed: --most shows more"
            )?;
        }
        Ok(())
    }
}

/// What is counted under a name.
type Counted = (&'static str, fn(&Totals) -> u64);

fn numbers(base: &Totals, changed: &Totals) -> Vec<Vec<Cell>> {
    let counted: [Counted; 11] = [
        ("incidents", |it| it.incidents),
        ("alerts that joined one", |it| it.merged),
        ("heartbeats and noise", |it| it.left_out),
        ("storms", |it| it.storms),
        ("incidents in storms", |it| it.in_storms),
        ("cards", |it| it.cards),
        ("sounds", |it| it.rings),
        ("approvals asked for", |it| it.approvals),
        ("repairs by themselves", |it| it.repairs),
        ("calls of a model", |it| it.model_calls),
        ("beyond the budget", |it| it.beyond_budget),
    ];
    let plain = |texts: [String; 4]| texts.map(|text| (text, Style::Plain)).to_vec();
    let mut rows: Vec<Vec<Cell>> = counted
        .iter()
        .map(|(name, of)| {
            let (one, other) = (of(base), of(changed));
            plain([
                (*name).to_owned(),
                one.to_string(),
                other.to_string(),
                signed(one, other, |number| number.to_string()),
            ])
        })
        .collect();
    let (one, other) = (base.micro_usd, changed.micro_usd);
    rows.push(plain([
        "models cost at most".to_owned(),
        dollars(one),
        dollars(other),
        signed(one, other, dollars),
    ]));
    rows
}

/// By how much the second number is more; nothing where they are the same.
fn signed(one: u64, other: u64, shown: impl Fn(u64) -> String) -> String {
    match other.abs_diff(one) {
        0 => String::new(),
        by if other > one => format!("+{}", shown(by)),
        by => format!("-{}", shown(by)),
    }
}

fn row(one: &Difference) -> Vec<Cell> {
    let (target, at) = &one.first;
    let alerts = format!("{} (first on {target}, {})", one.alerts, time(*at));
    let texts = [
        one.incidents.to_string(),
        one.kind.word().to_owned(),
        safe(&alerts),
        safe(&one.base),
        safe(&one.changed),
    ];
    texts.map(|text| (text, Style::Plain)).to_vec()
}
