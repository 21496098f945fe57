//! Starts of an event that recurs (RRULE of RFC 5545, 3.3.10), in local time.

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarProperty,
    ICalendarRecurrenceRule, ICalendarValue,
};
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::moments::{Moment, moment};

/// The most starts of one event: an hourly one over five years. Without a bound a rule of seconds would be counted for hours.
const MOST: usize = 50_000;
/// How far behind the end of the window is counted, as the window's end is a moment and the rule has local time.
const BEHIND: SignedDuration = SignedDuration::from_hours(48);

/// Why a rule cannot be followed.
#[derive(Debug, Error)]
pub(super) enum RecurrenceError {
    #[error("its RRULE is none that RFC 5545 allows")]
    NoRule,
    #[error("its RRULE cannot be followed: {0}")]
    Unfit(String),
    #[error(
        "it recurs more than 50000 times before the window ends: that is no shift of a rotation"
    )]
    TooOften,
}

/// The starts of an event up to a local time, in order, from its first on.
pub(super) fn starts(
    entry: &ICalendarEntry,
    first: DateTime,
    zone: &TimeZone,
    until: DateTime,
) -> Result<Vec<DateTime>, RecurrenceError> {
    let Some(ICalendarValue::RecurrenceRule(rule)) = entry.values.first() else {
        return Err(RecurrenceError::NoRule);
    };
    let mut rule: ICalendarRecurrenceRule = (**rule).clone();
    let bound = until.checked_add(BEHIND).unwrap_or(DateTime::MAX);
    let last = match &rule.until {
        Some(until) => last(until, zone).ok_or(RecurrenceError::NoRule)?,
        None => bound,
    };
    let last = last.min(bound);
    if last < first {
        return Ok(Vec::new());
    }
    // COUNT and UNTIL exclude each other; what is counted ends by itself.
    rule.until = rule.count.is_none().then(|| partial(last));
    let count = rule.count;
    let entry = |name, value| ICalendarEntry {
        name,
        params: Vec::new(),
        values: vec![value],
    };
    // Without a zone: every local time exists once, and becomes a moment only when it is counted.
    let event = ICalendarComponent {
        component_type: ICalendarComponentType::VEvent,
        entries: vec![
            entry(
                ICalendarProperty::Dtstart,
                ICalendarValue::PartialDateTime(Box::new(partial(first))),
            ),
            entry(
                ICalendarProperty::Rrule,
                ICalendarValue::RecurrenceRule(Box::new(rule)),
            ),
        ],
        component_ids: Vec::new(),
    };
    let calendar = ICalendar {
        components: vec![event],
    };
    let expanded = calendar.expand_dates(Tz::Floating, MOST);
    if let Some(error) = expanded.errors.into_iter().next() {
        return Err(RecurrenceError::Unfit(format!("{:?}", error.error)));
    }
    let local = |seconds| {
        let moment = Timestamp::from_second(seconds).ok()?;
        Some(TimeZone::UTC.to_datetime(moment))
    };
    let events = expanded.events.iter();
    let mut starts: Vec<DateTime> = events
        .filter_map(|event| local(event.start.naive_local().and_utc().timestamp()))
        .collect();
    // The start is the first instance, also where the rule does not match it (RFC 5545, 3.8.5.3).
    if starts.first() != Some(&first) {
        starts.insert(0, first);
        if let Some(count) = count.and_then(|count| usize::try_from(count).ok()) {
            starts.truncate(count);
        }
    }
    if starts.len() >= MOST && starts.last().is_none_or(|last| *last < until) {
        return Err(RecurrenceError::TooOften);
    }
    Ok(starts
        .into_iter()
        .take_while(|start| *start <= last)
        .collect())
}

/// The last local time that UNTIL allows. It is in UTC where the start has a zone; a date is meant with its whole day.
fn last(until: &PartialDateTime, zone: &TimeZone) -> Option<DateTime> {
    Some(match moment(until, None)? {
        Moment::Date(date) => date.to_datetime(Time::MAX),
        Moment::Local(local, _) => local,
        Moment::Utc(utc) => {
            let moment = TimeZone::UTC.to_timestamp(utc).ok()?;
            zone.to_datetime(moment)
        }
    })
}

/// A local time as calcard has it.
fn partial(local: DateTime) -> PartialDateTime {
    let small = |part: i8| u8::try_from(part).ok();
    PartialDateTime {
        year: u16::try_from(local.year()).ok(),
        month: small(local.month()),
        day: small(local.day()),
        hour: small(local.hour()),
        minute: small(local.minute()),
        second: small(local.second()),
        ..PartialDateTime::default()
    }
}
