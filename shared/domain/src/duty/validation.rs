//! Validation of `people.json` beyond its shape: people who are not there, and times that contradict each other.

use std::collections::BTreeSet;

use jiff::civil::Weekday;

use crate::duty::rotation::{Override, Rotation};
use crate::duty::{Duty, Level};

/// The most levels of a team.
const MOST_LEVELS: usize = 10;
/// The longest wait for the next level, in seconds: a week.
const LONGEST_WAIT: u32 = 7 * 24 * 3600;
/// The longest turn, in days or weeks.
const LONGEST_TURN: u8 = 52;

/// Why a person's name is refused.
const UNKNOWN: &str =
    "is none of the people of channels.json: add the person there, or correct the name";

type Errors = Vec<(String, String)>;

impl Duty {
    /// What is wrong with the file beyond its shape: each a field and a sentence. `known` says whether channels.json has a
    /// person of this name.
    pub fn errors(&self, known: impl Fn(&str) -> bool) -> Errors {
        let mut errors = Errors::new();
        for (name, team) in &self.teams {
            let place = format!("teams.{name}");
            let fits = |c: char| c.is_alphanumeric() || "._-".contains(c);
            if !(1..=32).contains(&name.chars().count()) || !name.chars().all(fits) {
                let what =
                    "has to have a name of 1 to 32 letters, digits, dots, dashes and underscores";
                errors.push((place.clone(), what.to_owned()));
            }
            if !(1..=MOST_LEVELS).contains(&team.levels.len()) {
                let what = "has to have 1 to 10 levels of people who are on duty";
                errors.push((format!("{place}.levels"), what.to_owned()));
            }
            for (i, level) in team.levels.iter().enumerate() {
                let last = i + 1 == team.levels.len();
                level.errors(&format!("{place}.levels[{i}]"), last, &known, &mut errors);
            }
        }
        errors
    }
}

impl Level {
    fn errors(&self, place: &str, last: bool, known: &impl Fn(&str) -> bool, errors: &mut Errors) {
        if self.rotation.is_some() != self.people.is_empty() {
            let what = "has to have either a rotation or people, and not both";
            errors.push((place.to_owned(), what.to_owned()));
        }
        unknown(&format!("{place}.people"), &self.people, known, errors);
        let wait = match (self.wait_seconds, last) {
            (None, false) => {
                Some("is missing: say how long this level has before the next is asked")
            }
            (Some(_), true) => Some("has no level behind it to ask: take it away, or add a level"),
            (Some(seconds), false) if !(1..=LONGEST_WAIT).contains(&seconds) => {
                Some("has to be 1 to 604800, which is a week")
            }
            (Some(_), false) | (None, true) => None,
        };
        errors.extend(wait.map(|what| (format!("{place}.wait_seconds"), what.to_owned())));
        if let Some(rotation) = &self.rotation {
            rotation.errors(&format!("{place}.rotation"), known, errors);
        }
    }
}

impl Rotation {
    fn errors(&self, place: &str, known: &impl Fn(&str) -> bool, errors: &mut Errors) {
        let mut error = |field: &str, what: String| errors.push((format!("{place}.{field}"), what));
        if self.members.is_empty() {
            error("members", "is empty: name who takes turns".to_owned());
        }
        if !(1..=LONGEST_TURN).contains(&self.every) {
            error("every", "has to be 1 to 52 days or weeks".to_owned());
        }
        let day = self.first.weekday();
        if let Some(expected) = self.hand_over.day.filter(|expected| *expected != day) {
            let (day, expected) = (name(day), name(expected));
            error(
                "first",
                format!(
                    "is a {day}, and the hand-over is on {expected}: name the date of a {expected}"
                ),
            );
        }
        unknown(&format!("{place}.members"), &self.members, known, errors);
        self.override_errors(place, known, errors);
        self.holiday_errors(place, known, errors);
    }

    fn override_errors(&self, place: &str, known: &impl Fn(&str) -> bool, errors: &mut Errors) {
        for (i, swap) in self.overrides.iter().enumerate() {
            let mut error = |field: &str, what: String| {
                errors.push((format!("{place}.overrides[{i}]{field}"), what))
            };
            if swap.from >= swap.until {
                error(
                    ".until",
                    format!("is not after from, {}: there is no time in it", swap.from),
                );
            }
            if !known(&swap.person) {
                error(".person", UNKNOWN.to_owned());
            }
            let overlaps = |other: &Override| other.from < swap.until && swap.from < other.until;
            if let Some(n) = self.overrides[..i].iter().position(overlaps) {
                error(
                    "",
                    format!(
                        "overlaps overrides[{n}], which lasts until {}: one person is on duty at a time",
                        self.overrides[n].until
                    ),
                );
            }
        }
    }

    fn holiday_errors(&self, place: &str, known: &impl Fn(&str) -> bool, errors: &mut Errors) {
        let mut dates = BTreeSet::new();
        for (i, holiday) in self.holidays.iter().enumerate() {
            let mut error = |field: String, what: String| {
                errors.push((format!("{place}.holidays[{i}].{field}"), what))
            };
            if holiday.dates.is_empty() {
                error("dates".to_owned(), "is empty: name the dates".to_owned());
            }
            if !known(&holiday.person) {
                error("person".to_owned(), UNKNOWN.to_owned());
            }
            for (n, date) in holiday.dates.iter().enumerate() {
                if !dates.insert(*date) {
                    error(
                        format!("dates[{n}]"),
                        format!(
                            "is {date}, which is a holiday of this rotation already: one person is on duty at a time"
                        ),
                    );
                }
            }
        }
    }
}

fn unknown(place: &str, names: &[String], known: &impl Fn(&str) -> bool, errors: &mut Errors) {
    let missing = names.iter().enumerate().filter(|(_, name)| !known(name));
    errors.extend(missing.map(|(n, _)| (format!("{place}[{n}]"), UNKNOWN.to_owned())));
}

/// A day of the week as `hand_over` spells it.
fn name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

#[cfg(test)]
#[path = "validation_tests.rs"]
mod tests;
