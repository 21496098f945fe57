//! `quell on-duty`: prints who is on duty on each level of each team, at a moment or over a span; `quell on-duty import` takes the
//! shifts of a calendar over.

mod attribution;
mod calendar;
mod component;
mod event;
mod import;
mod moments;
mod people_file;
mod recurrence;
mod shifts;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::duty::Level;
use domain::duty::rotation::{Rotation, Shift};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use settings::channels_file;

use crate::exit::{Answer, Failure};

/// The longest span that is listed: a year, and the weeks around it.
const LONGEST: SignedDuration = SignedDuration::from_hours(400 * 24);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct OnDuty {
    #[command(subcommand)]
    command: Option<Command>,
    /// The directory with people.json and channels.json
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// The moment, with its offset, such as 2026-12-24T18:00:00+01:00; now if not said
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The end of a span that begins at that moment, at most 400 days later: every shift in it is listed
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Print JSON: a list of shifts with `team`, `level`, `person`, `from`, `until` and `because`
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the shifts of a calendar as overrides of a level's rotation, or puts them into people.json
    Import(import::Import),
}

/// One line: a shift of a rotation, or a person who is always on duty.
struct Row<'a> {
    team: &'a str,
    /// From 1.
    level: usize,
    person: &'a str,
    shift: Option<(&'a Rotation, Shift<'a>)>,
}

impl OnDuty {
    pub(crate) async fn answer(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        match self.command {
            Some(Command::Import(asked)) => asked.answer(out).await,
            None => self.list(out),
        }
    }

    fn list(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        let channels = channels_file::load(&self.config)?;
        let at = self.at.unwrap_or_else(Timestamp::now);
        if let Some(until) = self.until {
            let span = until.duration_since(at);
            if !span.is_positive() || span > LONGEST {
                return Err(Failure::wrong(format!(
                    "--until {until} is not within the 400 days after {at}: name a moment that is"
                )));
            }
        }
        let mut rows = Vec::new();
        for (team, levels) in &channels.duty.teams {
            for (level, number) in levels.levels.iter().zip(1..) {
                rows.extend(of_level(team, number, level, at, self.until));
            }
        }
        if self.json {
            let rows: Vec<Value> = rows.iter().map(Row::as_json).collect();
            writeln!(out, "{}", Value::from(rows))?;
        } else if rows.is_empty() {
            let file = self.config.join(channels_file::PEOPLE);
            writeln!(out, "No teams: {} names none.", file.display())?;
        } else {
            write(&rows, self.until.is_some(), out)?;
        }
        Ok(Answer::Yes)
    }
}

fn of_level<'a>(
    team: &'a str,
    number: usize,
    level: &'a Level,
    at: Timestamp,
    until: Option<Timestamp>,
) -> Vec<Row<'a>> {
    let row = |person, shift| Row {
        team,
        level: number,
        person,
        shift,
    };
    let Some(rotation) = &level.rotation else {
        let always = |person: &'a String| row(person.as_str(), None);
        return level.people.iter().map(always).collect();
    };
    let shifts = match until {
        Some(until) => rotation.shifts(at, until),
        None => vec![rotation.on_duty(at)],
    };
    let of = |shift: Shift<'a>| row(shift.person, Some((rotation, shift)));
    shifts.into_iter().map(of).collect()
}

/// The rows below the name of their team, with times by the clock of their rotation. A span has the beginning of each shift as well.
fn write(rows: &[Row<'_>], span: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let people = rows.iter().map(|row| row.person.chars().count());
    let width = people.max().unwrap_or_default();
    let mut team = None;
    for row in rows {
        if team != Some(row.team) {
            team = Some(row.team);
            writeln!(out, "{}", row.team)?;
        }
        write!(out, "  level {:<2} {:width$}  ", row.level, row.person)?;
        let Some((rotation, shift)) = row.shift else {
            writeln!(out, "always")?;
            continue;
        };
        if span {
            write!(out, "from {} ", rotation.zone.shown(shift.from))?;
        }
        let until = rotation.zone.shown(shift.until);
        writeln!(out, "until {until}  {}", shift.because.as_str())?;
    }
    Ok(())
}

impl Row<'_> {
    fn as_json(&self) -> Value {
        let shift = self.shift.map(|(_, shift)| shift);
        json!({
            "team": self.team, "level": self.level, "person": self.person,
            "from": shift.map(|shift| shift.from), "until": shift.map(|shift| shift.until),
            "because": shift.map_or("always", |shift| shift.because.as_str()),
        })
    }
}
