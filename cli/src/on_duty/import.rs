//! `quell on-duty import`: the shifts of an iCalendar file, or of a calendar's address, as overrides of a level's rotation.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use domain::duty::Duty;
use domain::duty::rotation::{Override, Rotation};
use domain::notification::channels::Channels;
use domain::primitives::local_time::Zone;
use jiff::{SignedDuration, Timestamp};
use settings::channels_file;

use super::attribution::Unattributed;
use super::calendar;
use super::event::{Event, Window};
use super::people_file;
use super::shifts::{self, Problem, Shifts};
use crate::exit::{Answer, Failure};
use crate::input;

/// The largest calendar, in bytes.
const MOST_BYTES: usize = 10_000_000;
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The team of people.json
    #[arg(long)]
    team: String,
    /// The level of the team, from 1; it has to have a rotation
    #[arg(long, value_name = "N")]
    level: usize,
    /// An iCalendar file, - for the standard input, or an https:// or webcal:// address
    #[arg(long, value_name = "FILE|URL")]
    calendar: String,
    /// The directory with people.json and channels.json
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// Where the shifts begin, with its offset, such as 2026-12-24T18:00:00+01:00; now if not said
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// How many days of shifts
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
    /// Only events whose title has this text, in capitals or not
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Put the shifts into people.json, in place of the overrides of these days
    #[arg(long)]
    write: bool,
}

impl Import {
    pub(crate) async fn answer(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        let channels = channels_file::load(&self.config)?;
        let rotation = self.rotation(&channels.duty)?;
        let from = self.from.unwrap_or_else(Timestamp::now);
        let days = SignedDuration::from_hours(i64::from(self.days) * 24);
        let window = Window {
            from,
            until: from + days,
        };
        let text = self.text().await?;
        let zone = rotation.zone.time_zone();
        let events = calendar::events(&text, window, zone)
            .map_err(|error| Failure::wrong(format!("The calendar cannot be read: {error}")))?;
        let events = self.wanted(events);
        let found = shifts::shifts(&events, window, &channels.people);
        if !found.problems.is_empty() {
            for problem in &found.problems {
                writeln!(out, "{}", problem.sentence(&rotation.zone))?;
            }
            let count = found.problems.len();
            let (noun, them) = if count == 1 {
                ("problem", "it")
            } else {
                ("problems", "them")
            };
            writeln!(
                out,
                "{count} {noun}, nothing is imported. Fix {them} in the calendar or in channels.json, or leave events out with --only."
            )?;
            return Ok(Answer::No);
        }
        // An empty calendar is more likely a wrong one than a plan: it would take everybody's shifts away.
        if found.shifts.is_empty() {
            return Err(Failure::wrong(
                "The calendar has no shift in these days: nothing is imported. Check the address, --only and --from",
            ));
        }
        self.print(&events, &found, rotation, out)?;
        let overrides = shifts::replaced(&rotation.overrides, window, &found.shifts);
        if self.write {
            self.put(&channels, rotation, &overrides, out)?;
        } else {
            let list = people_file::list(&overrides, &rotation.zone, "");
            writeln!(out, "\n\"overrides\": {list}")?;
        }
        Ok(Answer::Yes)
    }

    fn rotation<'a>(&self, duty: &'a Duty) -> Result<&'a Rotation, Failure> {
        let (team, number) = (&self.team, self.level);
        let file = self.config.join(channels_file::PEOPLE);
        let levels = duty.levels(team);
        if levels.is_empty() {
            let names: Vec<&str> = duty.teams.keys().map(String::as_str).collect();
            return Err(Failure::wrong(format!(
                "{} has no team {team}. Its teams: {}",
                file.display(),
                names.join(", ")
            )));
        }
        let level = number.checked_sub(1).and_then(|place| levels.get(place));
        let level = level.ok_or_else(|| {
            let last = levels.len();
            Failure::wrong(format!(
                "{team} has the levels 1 to {last}, and no {number}"
            ))
        })?;
        level.rotation.as_ref().ok_or_else(|| {
            Failure::wrong(format!(
                "level {number} of {team} has people who are always on duty: give it a rotation, which is on duty where the calendar has no one"
            ))
        })
    }

    /// The text of the calendar. Its address may be a secret: no message has more of it than the host.
    async fn text(&self) -> Result<String, Failure> {
        let Some((scheme, rest)) = self.calendar.split_once("://") else {
            return input::text(Path::new(&self.calendar));
        };
        if !["https", "webcal"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(Failure::wrong(
                "The calendar's address has to begin with https://: who can change it on its way can put anybody on duty",
            ));
        }
        let address = format!("https://{rest}");
        let client = outbound::client()?;
        let host = reqwest::Url::parse(&address).ok();
        let host = host
            .as_ref()
            .and_then(|url| url.host_str())
            .unwrap_or("the address")
            .to_owned();
        let failed = |why: String| Failure::wrong(format!("No calendar from {host}: {why}"));
        let sent = client.get(&address).timeout(ANSWER_WITHIN).send().await;
        let response = sent.map_err(|error| failed(outbound::reason(error)))?;
        let status = response.status();
        if !status.is_success() {
            return Err(failed(format!(
                "it answers {}: take the address of the iCal feed itself; no redirect is followed",
                status.as_u16()
            )));
        }
        let body = outbound::body(response, MOST_BYTES).await;
        let body = body.map_err(|error| failed(error.to_string()))?;
        String::from_utf8(body).map_err(|_| failed("what it sends is not UTF-8 text".to_owned()))
    }

    fn wanted(&self, events: Vec<Event>) -> Vec<Event> {
        let only = self.only.as_ref().map(|only| only.to_lowercase());
        let wanted = |event: &Event| {
            let title = event.title.to_lowercase();
            only.as_ref().is_none_or(|only| title.contains(only))
        };
        events.into_iter().filter(wanted).collect()
    }

    fn print(
        &self,
        events: &[Event],
        found: &Shifts,
        rotation: &Rotation,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let zone = &rotation.zone;
        writeln!(out, "{} level {}", self.team, self.level)?;
        let people = found.shifts.iter().map(|one| one.person.chars().count());
        let width = people.max().unwrap_or_default();
        for one in &found.shifts {
            let (from, until) = (zone.shown(one.from), zone.shown(one.until));
            writeln!(out, "  {:width$}  from {from} until {until}", one.person)?;
        }
        for (from, until) in &found.gaps {
            let (from, until) = (zone.shown(*from), zone.shown(*until));
            writeln!(
                out,
                "note: from {from} until {until} the calendar has no one: the rotation stays on duty"
            )?;
        }
        let days = events.iter().filter(|event| event.all_day).count();
        if days > 0 {
            let name = zone.time_zone().iana_name().unwrap_or("the rotation");
            writeln!(
                out,
                "note: events with a date and no time ({days}) last from midnight to midnight by the clock of {name}"
            )?;
        }
        for one in rotation.overrides.iter().filter(|one| found.ends(one)) {
            let (from, until) = (zone.shown(one.from), zone.shown(one.until));
            writeln!(
                out,
                "note: the override of {} from {from} until {until} gives way to the calendar",
                one.person
            )?;
        }
        Ok(())
    }

    fn put(
        &self,
        channels: &Channels,
        rotation: &Rotation,
        overrides: &[Override],
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let file = self.config.join(channels_file::PEOPLE);
        let text = input::text(&file)?;
        let place = self.level.saturating_sub(1);
        let changed =
            people_file::with_overrides(&text, &self.team, place, overrides, &rotation.zone);
        let changed = changed.ok_or_else(|| {
            Failure::wrong(format!(
                "{} has been changed meanwhile: try again",
                file.display()
            ))
        })?;
        // What is written is read as the functions will read it.
        let duty: Duty = serde_json::from_str(&changed).map_err(|error| {
            Failure::wrong(format!("{} would be broken: {error}", file.display()))
        })?;
        let errors = duty.errors(|name| channels.people.contains_key(name));
        if let Some((field, why)) = errors.first() {
            return Err(Failure::wrong(format!("{}: {field} {why}", file.display())));
        }
        people_file::write(&file, &changed)?;
        let count = overrides.len();
        writeln!(
            out,
            "{} has {count} overrides there now. Look at it, and deploy.",
            file.display()
        )?;
        Ok(())
    }
}

impl Problem {
    fn sentence(&self, zone: &Zone) -> String {
        let event = |event: &Event| {
            let (from, until) = (zone.shown(event.from), zone.shown(event.until));
            format!("\"{}\" from {from} until {until}", event.shown())
        };
        match self {
            Self::NotOnePerson(of, Unattributed::NoOne) => {
                let known = if of.attendees.is_empty() {
                    "it has no attendee, and no name or address of one in its title".to_owned()
                } else {
                    let given: Vec<&str> = of.attendees.iter().map(String::as_str).collect();
                    let given = domain::primitives::safe_text::line(&given.join(", "), 120);
                    format!("nobody has the address {given}, and no name is in its title")
                };
                format!(
                    "{} matches no person in channels.json: {known}. Add people.<name>.email, or write the name into the title.",
                    event(of)
                )
            }
            Self::NotOnePerson(of, Unattributed::Several(names)) => {
                let names = names.join(", ");
                format!(
                    "{} is more than one person's: {names}. A rotation has one on duty: name one.",
                    event(of)
                )
            }
            Self::Overlap(one, other) => {
                format!(
                    "{} overlaps {}. A rotation has one on duty: shorten one of them.",
                    event(other),
                    event(one)
                )
            }
        }
    }
}
