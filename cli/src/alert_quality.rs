//! `quell quality`: what the incidents of each alert rule say of the rule, and what to change.

use std::io::Write;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::api::{ApiOf, typed};
use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::report::length;
use crate::screen::{self, Cell, Column, Output, Screen, Style, safe, safe_lines};

/// How far back is looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Since {
    #[default]
    #[value(name = "7d")]
    Week,
    #[value(name = "30d")]
    Month,
}

#[derive(Debug, Args)]
pub(crate) struct Quality {
    /// How far back is looked
    #[arg(long, value_name = "TIME", value_enum, default_value_t)]
    since: Since,
    #[command(flatten)]
    api: ApiOf,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// The answer of the API, with what is printed.
#[derive(Debug, Deserialize)]
struct Found {
    from: Timestamp,
    as_of: Timestamp,
    looked_at: usize,
    complete: bool,
    rules: Vec<Rule>,
    left_out: usize,
}

#[derive(Debug, Deserialize)]
struct Rule {
    name: String,
    source: String,
    incidents: usize,
    alerts: u64,
    flaps: u64,
    acknowledged: usize,
    acted_on: usize,
    untouched: usize,
    median_open_seconds: Option<i64>,
    verdicts: Vec<Verdict>,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    verdict: String,
    why: String,
    advice: String,
    change: Option<String>,
}

const COLUMNS: [Column; 9] = [
    Column::text("RULE", 16),
    Column::number("INCIDENTS"),
    Column::number("ALERTS"),
    Column::number("FLAPS"),
    Column::number("TAKEN"),
    Column::number("ACTED ON"),
    Column::number("NEITHER"),
    Column::number("MEDIAN"),
    Column::text("VERDICT", 12),
];

impl Quality {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let api = self.api.connect(variables).await?;
        let since = match self.since {
            Since::Week => "7d",
            Since::Month => "30d",
        };
        let answer = api.get("quality", &[("since", since.to_owned())]).await?;
        match self.output {
            Output::Json => writeln!(out, "{}", screen::json(&answer)?)?,
            Output::Table => write(&typed(answer)?, Screen::of(variables), out)?,
        }
        Ok(Answer::Yes)
    }
}

fn write(found: &Found, screen: Screen, out: &mut dyn Write) -> Result<(), Failure> {
    let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
    let (from, until) = (minute(found.from), minute(found.as_of));
    let looked_at = found.looked_at;
    writeln!(
        out,
        "{looked_at} incidents were looked at, opened from {from} to {until} (UTC)"
    )?;
    if !found.complete {
        writeln!(out, "older ones of this time were not looked at")?;
    }
    if found.rules.is_empty() {
        return Ok(writeln!(out, "no alert rule opened one")?);
    }
    writeln!(out)?;
    let rows: Vec<Vec<Cell>> = found.rules.iter().map(row).collect();
    for line in screen::table(&COLUMNS, &rows, screen) {
        writeln!(out, "{line}")?;
    }
    if found.left_out > 0 {
        writeln!(out, "{} more rules are not listed", found.left_out)?;
    }
    for rule in found.rules.iter().filter(|rule| !rule.verdicts.is_empty()) {
        writeln!(out, "\n{} ({})", safe(&rule.name), safe(&rule.source))?;
        for verdict in &rule.verdicts {
            writeln!(out, "  {}\n  {}", safe(&verdict.why), safe(&verdict.advice))?;
            for line in verdict.change.iter().flat_map(|change| safe_lines(change)) {
                writeln!(out, "    {line}")?;
            }
        }
    }
    Ok(())
}

fn row(rule: &Rule) -> Vec<Cell> {
    let median = rule
        .median_open_seconds
        .map(|seconds| length::shown(SignedDuration::from_secs(seconds)));
    let verdicts: Vec<&str> = rule
        .verdicts
        .iter()
        .map(|verdict| verdict.verdict.as_str())
        .collect();
    let numbers = [
        rule.incidents.to_string(),
        rule.alerts.to_string(),
        rule.flaps.to_string(),
        rule.acknowledged.to_string(),
        rule.acted_on.to_string(),
        rule.untouched.to_string(),
        median.unwrap_or_default(),
    ];
    let texts = std::iter::once(rule.name.clone()).chain(numbers);
    let plain = texts.map(|text| (text, Style::Plain));
    plain.chain([(verdicts.join(" "), Style::Yellow)]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Found, write};
    use crate::screen::Screen;

    #[test]
    fn what_was_not_looked_at_is_said() {
        let none: Found = serde_json::from_value(serde_json::json!({
            "from": "2026-11-18T21:16:00Z", "as_of": "2026-11-25T21:16:00Z", "looked_at": 2_000, "complete": false, "rules": [], "left_out": 0,
        }))
        .expect("an answer");
        let mut out = Vec::new();
        write(&none, Screen::PLAIN, &mut out).expect("written");
        let printed = String::from_utf8(out).expect("text");
        let lines: Vec<&str> = printed.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "older ones of this time were not looked at",
                "no alert rule opened one"
            ]
        );
    }
}
