//! Rotation: people who take turns, with exactly one of them on duty at every moment.
//!
//! Three rules, the first that applies wins: an override, a holiday, the turn. All of them end where another begins, so
//! that no moment is without a person and none has two.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;

use crate::duty::hand_over::HandOver;
use crate::primitives::local_time::Zone;

/// How many days around the local date are searched for the last hand-over. The clocks of a zone have been put back or forward
/// by a day at most, where the date line was moved.
const AROUND: [i64; 4] = [1, 0, -1, -2];

/// People who take turns.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rotation {
    /// The time zone of the hand-over, such as Europe/Berlin.
    pub zone: Zone,
    /// When one person hands over to the next: 09:00 for every day, Mon 09:00 for every week. Where the clock leaves out that
    /// time, as much later as it leaves out; where the time comes twice, the first time.
    pub hand_over: HandOver,
    /// The date of a hand-over to the first member. Before it the turns are the same, counted backwards.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("pattern" = r"^\d{4}-\d\d-\d\d$")))]
    pub first: Date,
    /// How many days or weeks a turn has, if it is more than one: 1 to 52.
    #[serde(default = "one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 52)))]
    pub every: u8,
    /// Who takes turns, in this order, by their names in channels.json.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub members: Vec<String>,
    /// Times in which a named person is on duty, whoever else would be.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Dates on which a named person is on duty in place of whose turn it is. The turns go on as if there were none.
    #[serde(default)]
    pub holidays: Vec<Holiday>,
}

fn one() -> u8 {
    1
}

/// A time in which a named person is on duty, such as one who takes another's turn.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Override {
    /// Its first moment: RFC 3339 with the offset.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("pattern" = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)")))]
    pub from: Timestamp,
    /// The first moment after it.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("pattern" = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)")))]
    pub until: Timestamp,
    /// Who is on duty, by their name in channels.json.
    pub person: String,
}

/// Dates on which a named person is on duty. A date lasts from its hand-over time to that of the next date, so that a holiday
/// begins and ends when people hand over anyway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Holiday {
    /// The dates, such as 2026-12-25, each by the clock of the rotation's zone.
    #[cfg_attr(
        feature = "schema",
        schemars(
            with = "Vec<String>",
            length(min = 1),
            inner(pattern(r"^\d{4}-\d\d-\d\d$"))
        )
    )]
    pub dates: Vec<Date>,
    /// Who is on duty, by their name in channels.json.
    pub person: String,
}

/// A time in which one person is on duty, for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift<'a> {
    pub person: &'a str,
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    pub because: Because,
}

/// Why a person is on duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    Turn,
    Holiday,
    Override,
}

impl Because {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Holiday => "holiday",
            Self::Override => "override",
        }
    }
}

impl Rotation {
    /// All who are ever on duty: members, and who takes a time or a date of theirs.
    pub(crate) fn people(&self) -> impl Iterator<Item = &str> {
        let overrides = self.overrides.iter().map(|one| &one.person);
        let holidays = self.holidays.iter().map(|one| &one.person);
        let all = self.members.iter().chain(overrides).chain(holidays);
        all.map(String::as_str)
    }

    /// Who is on duty at a moment, and for which time around it nothing changes.
    pub fn on_duty(&self, at: Timestamp) -> Shift<'_> {
        let mut shift = self.planned(at);
        for swap in &self.overrides {
            if swap.from <= at && at < swap.until {
                return Shift {
                    person: &swap.person,
                    from: swap.from,
                    until: swap.until,
                    because: Because::Override,
                };
            }
            if swap.until <= at {
                shift.from = shift.from.max(swap.until);
            } else {
                shift.until = shift.until.min(swap.from);
            }
        }
        shift
    }

    /// Who is on duty in a span, in order and without a gap: the first begins at `from`, the last ends at `until`.
    pub fn shifts(&self, from: Timestamp, until: Timestamp) -> Vec<Shift<'_>> {
        let mut shifts = Vec::new();
        let mut at = from;
        while at < until {
            let shift = self.on_duty(at);
            shifts.push(Shift {
                from: at,
                until: shift.until.min(until),
                ..shift
            });
            if shift.until <= at {
                // The last day that jiff knows has no day behind it.
                break;
            }
            at = shift.until;
        }
        shifts
    }

    /// The holiday or the turn at a moment.
    fn planned(&self, at: Timestamp) -> Shift<'_> {
        let date = self.duty_date(at);
        if let Some(person) = self.holiday(date) {
            return Shift {
                person,
                from: self.begins(date),
                until: self.begins(later(date, 1)),
                because: Because::Holiday,
            };
        }
        let length = self.hand_over.days() * i64::from(self.every.max(1));
        let days = date.duration_since(self.first).as_hours() / 24;
        let turn = days.div_euclid(length);
        let (first, next) = (
            later(self.first, turn * length),
            later(self.first, (turn + 1) * length),
        );
        // A turn that a holiday interrupts is two shifts, or more.
        let dates = || self.holidays.iter().flat_map(|holiday| &holiday.dates);
        let before = dates().filter(|holiday| **holiday < date).max();
        let after = dates().filter(|holiday| **holiday > date).min();
        Shift {
            person: self.member(turn),
            from: self.begins(before.map_or(first, |holiday| later(*holiday, 1).max(first))),
            until: self.begins(after.map_or(next, |holiday| (*holiday).min(next))),
            because: Because::Turn,
        }
    }

    /// The member whose turn has this number, which is negative before the first.
    fn member(&self, turn: i64) -> &str {
        let count = i64::try_from(self.members.len()).unwrap_or(i64::MAX);
        let place = turn.checked_rem_euclid(count).unwrap_or_default();
        usize::try_from(place)
            .ok()
            .and_then(|place| self.members.get(place))
            .map_or("", String::as_str)
    }

    fn holiday(&self, date: Date) -> Option<&str> {
        let on = |holiday: &&Holiday| holiday.dates.contains(&date);
        self.holidays
            .iter()
            .find(on)
            .map(|holiday| holiday.person.as_str())
    }

    /// The last date whose hand-over time is not after a moment.
    fn duty_date(&self, at: Timestamp) -> Date {
        let today = self.zone.date(at);
        AROUND
            .iter()
            .map(|days| later(today, *days))
            .find(|date| self.begins(*date) <= at)
            .unwrap_or(today)
    }

    /// The moment of the hand-over time on a date; never earlier than that of the date before. A time in a gap or a fold is
    /// resolved as RFC 5545 does (<https://docs.rs/jiff/1/jiff/tz/enum.Disambiguation.html#variant.Compatible>).
    fn begins(&self, date: Date) -> Timestamp {
        let local = date.to_datetime(self.hand_over.time);
        let meant = self.zone.time_zone().to_ambiguous_timestamp(local);
        // Only the first and the last day that jiff knows have times without a moment.
        meant.compatible().unwrap_or(if date.year() < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

fn later(date: Date, days: i64) -> Date {
    date.saturating_add(days.days())
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
