//! Change freezes: times without automatic repairs, once or every week.
//!
//! A weekly freeze follows the local time of a time zone. Where that clock is put forward or back,
//! a time of the week can be missing or occur twice: a freeze then begins at the earlier and ends
//! at the later possible moment, so that it is never shorter than written.

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;

use crate::primitives::local_time::{WeekTime, Zone};

/// A time in which nothing is repaired without a human: once (from, to), or every week (weekly).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "Written"))]
pub struct Freeze {
    pub when: When,
    pub why: String,
}

/// When a freeze holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    Once {
        from: Timestamp,
        /// The first moment after it.
        to: Timestamp,
    },
    Weekly(Weekly),
}

/// A part of every week, by the clock of a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Weekly {
    /// Day and time at which it begins, such as Fri 16:00.
    pub from: WeekTime,
    /// Day and time at which it has ended. It may be earlier in the week than the beginning.
    pub to: WeekTime,
    /// The time zone, such as Europe/Berlin.
    pub zone: Zone,
}

/// A freeze as written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("oneOf" = [
        { "required": ["from", "to"], "properties": { "weekly": false } },
        { "required": ["weekly"], "properties": { "from": false, "to": false } }
    ])))]
struct Written {
    /// Its first moment: RFC 3339 with the offset.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("pattern" = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)")))]
    from: Option<Timestamp>,
    /// The first moment after it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("pattern" = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)")))]
    to: Option<Timestamp>,
    /// The part of every week, in place of from and to.
    weekly: Option<Weekly>,
    /// Why, for people.
    why: String,
}

impl TryFrom<Written> for Freeze {
    type Error = String;

    fn try_from(
        Written {
            from,
            to,
            weekly,
            why,
        }: Written,
    ) -> Result<Self, String> {
        let when = match (from, to, weekly) {
            (Some(from), Some(to), None) if from < to => When::Once { from, to },
            (Some(from), Some(to), None) => {
                return Err(format!("a freeze from {from} to {to} has no time in it"));
            }
            (None, None, Some(weekly)) if weekly.from == weekly.to => {
                return Err("a weekly freeze that ends when it begins has no time in it".to_owned());
            }
            (None, None, Some(weekly)) => When::Weekly(weekly),
            _ => return Err("a freeze has either from and to, or weekly".to_owned()),
        };
        Ok(Self { when, why })
    }
}

impl Freeze {
    /// Until when it holds, if it does.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Once { from, to } => (*from <= now && now < *to).then_some(*to),
            When::Weekly(weekly) => weekly.until(now),
        }
    }
}

impl Weekly {
    /// Until when it holds, if it does. Only at the ends of time, which have no weeks around them, nothing is known.
    fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.date(now);
        let monday = today
            .checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days())
            .ok()?;
        let ends_in_the_next = since_monday(self.to) <= since_monday(self.from);
        // The one that began in the week before may last; around a change of the clock, one of the next may have begun.
        [-1, 0, 1].into_iter().find_map(|week| {
            let ends_in = week + i64::from(ends_in_the_next);
            let first = monday.checked_add(week.weeks()).ok()?;
            let last = monday.checked_add(ends_in.weeks()).ok()?;
            let begins = moments(&self.zone, first, self.from)?.0;
            let ends = moments(&self.zone, last, self.to)?.1;
            (begins <= now && now < ends).then_some(ends)
        })
    }
}

/// The order of times within a week.
fn since_monday(at: WeekTime) -> (i8, Time) {
    (at.day.to_monday_zero_offset(), at.time)
}

/// The earliest and the latest moment that a time of the week can mean.
fn moments(zone: &Zone, monday: Date, at: WeekTime) -> Option<(Timestamp, Timestamp)> {
    let day = monday
        .checked_add(i64::from(at.day.to_monday_zero_offset()).days())
        .ok()?;
    let meant = zone
        .time_zone()
        .to_ambiguous_timestamp(day.to_datetime(at.time));
    Some((meant.earlier().ok()?, meant.later().ok()?))
}

#[cfg(test)]
#[path = "freeze_tests.rs"]
mod tests;
