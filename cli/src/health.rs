//! `quell health`: what a person on call has to know about Quell itself, from the read API.

use std::io::Write;

use clap::Args;
use serde::Deserialize;

use crate::api::{ApiOf, typed};
use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::screen::{self, Cell, Column, Output, Screen, Style};

/// The state with which a check fails.
const BAD: &str = "bad";

#[derive(Debug, Args)]
pub(crate) struct Health {
    #[command(flatten)]
    api: ApiOf,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Deserialize)]
struct Found {
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    check: String,
    about: Option<String>,
    /// `good`, `look` or `bad`.
    state: String,
    why: String,
    section: String,
}

const COLUMNS: [Column; 4] = [
    Column::whole("STATE"),
    Column::whole("CHECK"),
    Column::text("ABOUT", 12),
    Column::text("WHY", 20),
];

impl Health {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let api = self.api.connect(variables).await?;
        let answer = api.get("health", &[]).await?;
        let found: Found = typed(answer.clone())?;
        match self.output {
            Output::Json => writeln!(out, "{}", screen::json(&answer)?)?,
            Output::Table => write(&found, Screen::of(variables), out)?,
        }
        Ok(Answer::of(!found.checks.iter().any(Check::is_bad)))
    }
}

impl Check {
    fn is_bad(&self) -> bool {
        self.state == BAD
    }
}

fn write(found: &Found, screen: Screen, out: &mut dyn Write) -> Result<(), Failure> {
    let rows: Vec<Vec<Cell>> = found.checks.iter().map(row).collect();
    for line in screen::table(&COLUMNS, &rows, screen) {
        writeln!(out, "{line}")?;
    }
    let bad = found.checks.iter().filter(|check| check.is_bad());
    let mut sections: Vec<&str> = bad.map(|check| check.section.as_str()).collect();
    sections.dedup();
    for section in sections {
        writeln!(out, "see docs/operations.md#{}", screen::safe(section))?;
    }
    Ok(())
}

fn row(check: &Check) -> Vec<Cell> {
    let style = match check.state.as_str() {
        BAD => Style::Red,
        "good" => Style::Green,
        _ => Style::Yellow,
    };
    let plain = |text: &str| (text.to_owned(), Style::Plain);
    vec![
        (check.state.clone(), style),
        plain(&check.check),
        plain(check.about.as_deref().unwrap_or_default()),
        plain(&check.why),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Found, write};
    use crate::screen::Screen;

    #[test]
    fn a_bad_line_names_where_to_read_on() {
        let found: Found = serde_json::from_value(serde_json::json!({ "checks": [
            { "check": "repairs", "state": "bad", "why": "1 repairs are under way.", "section": "a-repair-that-was-cut-off" },
        ] }))
        .expect("an answer");
        let mut out = Vec::new();
        write(&found, Screen::PLAIN, &mut out).expect("written");
        let printed = String::from_utf8(out).expect("text");
        assert!(
            printed.ends_with("see docs/operations.md#a-repair-that-was-cut-off\n"),
            "{printed}"
        );
        assert!(found.checks[0].is_bad());
    }
}
