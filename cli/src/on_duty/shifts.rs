//! Shifts of a level from the events of a calendar: each with one person, in order and without overlap; and the overrides of a rotation
//! that they become.

use std::collections::BTreeMap;

use domain::duty::rotation::Override;
use domain::notification::channels::Person;
use jiff::Timestamp;

use super::attribution::{self, Unattributed};
use super::event::{Event, Window};

/// Why a calendar says not clearly who is on duty.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    NotOnePerson(Event, Unattributed),
    /// Two people at the same time.
    Overlap(Event, Event),
}

/// What the calendar says about a window.
#[derive(Debug)]
pub(super) struct Shifts {
    window: Window,
    /// Within the window, in order. Shifts of one person that follow on each other are one.
    pub(super) shifts: Vec<Override>,
    /// Times of the window in which the calendar has no one.
    pub(super) gaps: Vec<(Timestamp, Timestamp)>,
    pub(super) problems: Vec<Problem>,
}

impl Shifts {
    /// True if an override that was there before has time in the window that its person does not keep.
    pub(super) fn ends(&self, before: &Override) -> bool {
        let from = before.from.max(self.window.from);
        let until = before.until.min(self.window.until);
        let keeps =
            |one: &Override| one.person == before.person && one.from <= from && until <= one.until;
        from < until && !self.shifts.iter().any(keeps)
    }
}

/// The shifts of events, which are in the order of their times.
pub(super) fn shifts(
    events: &[Event],
    window: Window,
    people: &BTreeMap<String, Person>,
) -> Shifts {
    let mut found = Shifts {
        window,
        shifts: Vec::new(),
        gaps: Vec::new(),
        problems: Vec::new(),
    };
    let mut before: Option<(&Event, &str)> = None;
    for event in events {
        let person = match attribution::person(event, people) {
            Ok(person) => person,
            Err(why) => {
                found
                    .problems
                    .push(Problem::NotOnePerson(event.clone(), why));
                continue;
            }
        };
        let one = Override {
            from: event.from.max(window.from),
            until: event.until.min(window.until),
            person: person.to_owned(),
        };
        // The one before is the one that lasts longest so far.
        let overlaps = before.filter(|(before, _)| event.from < before.until);
        match (overlaps, found.shifts.last_mut()) {
            (Some((other, of)), _) if of != person => {
                found
                    .problems
                    .push(Problem::Overlap(other.clone(), event.clone()));
            }
            (_, Some(last)) if last.person == person && one.from <= last.until => {
                last.until = last.until.max(one.until);
            }
            _ => found.shifts.push(one),
        }
        if before.is_none_or(|(before, _)| event.until > before.until) {
            before = Some((event, person));
        }
    }
    let mut at = window.from;
    for shift in &found.shifts {
        if at < shift.from {
            found.gaps.push((at, shift.from));
        }
        at = at.max(shift.until);
    }
    if at < window.until {
        found.gaps.push((at, window.until));
    }
    found
}

/// The overrides of a rotation once those of the window are the shifts. What is outside of it stays as it is: by what was before, votes count.
pub(super) fn replaced(
    existing: &[Override],
    window: Window,
    shifts: &[Override],
) -> Vec<Override> {
    let mut all = shifts.to_vec();
    for one in existing {
        let part = |from: Timestamp, until: Timestamp| Override {
            from,
            until,
            person: one.person.clone(),
        };
        let parts = [
            part(one.from, one.until.min(window.from)),
            part(one.from.max(window.until), one.until),
        ];
        all.extend(parts.into_iter().filter(|part| part.from < part.until));
    }
    all.sort_by_key(|one| (one.from, one.until));
    all
}

#[cfg(test)]
#[path = "shifts_tests.rs"]
mod tests;
