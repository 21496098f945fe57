//! `quell backtest`: what a changed configuration would have made of what was received, beside what the deployed one makes of it.

mod again;
mod configuration;
mod deployed;
mod difference;
mod events;
mod ledgers;
mod outcome;
mod replay;
mod report;
#[cfg(test)]
mod scenes;
mod side_by_side;
mod storms;

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _, Read, Write, stderr, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::configuration::{Configuration, Parameters};
use self::deployed::Deployment;
use self::side_by_side::SideBySide;
use crate::aws::{Environment, store};
use crate::exit::{Answer, Failure};
use crate::export::history::{Span, each};
use crate::history::HistoryLine;
use crate::screen::{self, Output, Screen};

#[derive(Debug, Args)]
pub(crate) struct Backtest {
    /// The directory with the changed files
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// The directory with the files to compare them with; without it, those of the deployed stack
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// The name of the deployed stack
    #[arg(
        long,
        value_name = "NAME",
        default_value = "quell",
        conflicts_with = "base"
    )]
    stack: String,
    /// A parameter of the template that changes too, such as DebounceSeconds=600 (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    parameter: Vec<String>,
    /// A parameter that --base is deployed with; those of a deployed stack are read from it (repeatable)
    #[arg(long, value_name = "NAME=VALUE", requires = "base")]
    base_parameter: Vec<String>,
    /// The history, as `quell export history` writes it; `-` reads the standard input
    #[arg(
        value_name = "HISTORY",
        required_unless_present = "table",
        conflicts_with = "table"
    )]
    history: Option<PathBuf>,
    /// Read the history from this table: the stack's output TableName
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    span: Span,
    /// How many kinds of differences are listed
    #[arg(long, value_name = "N", default_value_t = 40)]
    most: usize,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

impl Backtest {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let (base, before) = match &self.base {
            Some(directory) => {
                let parameters = Parameters::default().with(&self.base_parameter)?;
                let base = Configuration::load(directory, parameters.clone())?;
                (base, parameters)
            }
            None => {
                let deployed = Deployment::read(variables, &self.stack).await?;
                let base = Configuration::load(deployed.directory(), deployed.parameters.clone())?;
                (base, deployed.parameters.clone())
            }
        };
        let changed = Configuration::load(&self.config, before.with(&self.parameter)?)?;
        let mut both = SideBySide::new(&base, &changed);
        match (&self.history, self.table) {
            (Some(_), _) if self.span != Span::default() => {
                return Err(Failure::wrong(
                    "--from, --to and --after are of a table: give --table, or export less with `quell export history`",
                ));
            }
            (Some(file), _) => replay_file(file, &mut both)?,
            (None, Some(table)) => {
                let store = store(variables, table).await?;
                each(&store, &self.span, |line| both.add(line)).await?;
            }
            (None, None) => return Err(Failure::wrong("give a history, or --table")),
        }
        let report = both.end()?;
        match self.output {
            Output::Json => writeln!(out, "{}", screen::json(&report)?)?,
            Output::Table => report.write(self.most, Screen::of(variables), out)?,
        }
        Ok(Answer::of(report.is_empty()))
    }
}

/// Replays a file, line by line. How far it is, is shown where a person looks.
fn replay_file(file: &Path, both: &mut SideBySide<'_>) -> Result<(), Failure> {
    let unread = |error| Failure::unread(file, &error);
    let (input, bytes): (Box<dyn Read>, Option<u64>) = if file == Path::new("-") {
        (Box::new(stdin()), None)
    } else {
        let opened = File::open(file).map_err(unread)?;
        let bytes = opened.metadata().ok().map(|known| known.len());
        (Box::new(opened), bytes)
    };
    let progress = bar(bytes);
    let mut lines = BufReader::with_capacity(1 << 20, progress.wrap_read(input));
    let mut text = String::new();
    let mut number = 0u64;
    loop {
        text.clear();
        if lines.read_line(&mut text).map_err(unread)? == 0 {
            break;
        }
        number += 1;
        if text.trim().is_empty() {
            continue;
        }
        let line: HistoryLine = serde_json::from_str(&text).map_err(|error| {
            Failure::wrong(format!(
                "{}:{number}: this is no line of a history ({error}): `quell export history` writes them, and docs/command.md shows their form",
                file.display()
            ))
        })?;
        both.add(line)?;
        progress.set_message(format!("{} alerts", both.alerts()));
    }
    progress.finish_and_clear();
    Ok(())
}

/// A bar of this many bytes, on a terminal alone.
fn bar(bytes: Option<u64>) -> ProgressBar {
    let bar = bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
    if !stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let form = "{bar:30} {percent:>3} %  {msg}  {elapsed}, {eta} to go";
    match ProgressStyle::with_template(form) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
#[path = "backtest_tests.rs"]
mod tests;
