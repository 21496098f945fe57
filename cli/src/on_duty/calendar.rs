//! Events of an iCalendar file (RFC 5545) within a window of time. `calcard` parses the file and counts the recurrences; moments come
//! from jiff, by the clock of each event's zone.
//!
//! Recurrences are counted in local time, without a zone, and only then become moments: where the clock leaves a time out or has it
//! twice, RFC 5545 (3.3.5) says which moment is meant, and jiff's "compatible" is that.

use std::collections::BTreeMap;

use calcard::icalendar::{ICalendar, ICalendarComponentType};
use calcard::{Entry, Parser};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::component::Component;
use super::event::{CalendarError, Event, Window};
use super::moments::{Zones, at};

/// The events of a calendar that have time in the window, in the order of their times. `zone` is for dates, and for times without a
/// zone of their own.
///
/// # Errors
/// If the text is no calendar, or an event is not one that can be placed in time. Nothing is left out silently.
pub(super) fn events(
    text: &str,
    window: Window,
    zone: &TimeZone,
) -> Result<Vec<Event>, CalendarError> {
    let mut found = Vec::new();
    for calendar in calendars(text)? {
        let zones = Zones::of(&calendar, zone);
        let mut series: BTreeMap<&str, Series<'_>> = BTreeMap::new();
        for (number, component) in calendar.components.iter().enumerate() {
            if component.component_type != ICalendarComponentType::VEvent {
                continue;
            }
            let event = Component::read(component, number, &zones)?;
            let series = series
                .entry(component.uid().unwrap_or_default())
                .or_default();
            match &event.replaces {
                Some(_) => series.changed.push(event),
                None => series.plain.push(event),
            }
        }
        for series in series.values() {
            series.expand(window, &mut found)?;
        }
    }
    // What has no length is no shift: no minute is in it.
    found.retain(|event| {
        event.from < event.until && event.from < window.until && window.from < event.until
    });
    found.sort_by(|one, other| {
        (one.from, one.until, &one.title).cmp(&(other.from, other.until, &other.title))
    });
    Ok(found)
}

/// The calendars of a stream, which RFC 5545 allows to be more than one.
fn calendars(text: &str) -> Result<Vec<ICalendar>, CalendarError> {
    let mut parser = Parser::new(text);
    let mut calendars = Vec::new();
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => calendars.push(calendar),
            Entry::UnterminatedComponent(name) => {
                return Err(CalendarError::Damaged(name.into_owned()));
            }
            Entry::UnexpectedComponentEnd { expected, .. } => {
                return Err(CalendarError::Damaged(expected.as_str().to_owned()));
            }
            Entry::Eof => break,
            // Lines between calendars say nothing; a file with nothing else is no calendar.
            _ => {}
        }
    }
    let whole = |calendar: &ICalendar| {
        let first = calendar.components.first();
        first.is_some_and(|one| one.component_type == ICalendarComponentType::VCalendar)
    };
    calendars.retain(whole);
    if calendars.is_empty() {
        return Err(CalendarError::NoCalendar);
    }
    // The parser takes the end of the file for the end of everything that is open: the shifts behind it would be missing.
    if !text
        .trim_end()
        .to_ascii_uppercase()
        .ends_with("END:VCALENDAR")
    {
        return Err(CalendarError::Damaged("VCALENDAR".to_owned()));
    }
    Ok(calendars)
}

/// The components with one UID.
#[derive(Debug, Default)]
struct Series<'a> {
    plain: Vec<Component<'a>>,
    changed: Vec<Component<'a>>,
}

impl Series<'_> {
    fn expand(&self, window: Window, found: &mut Vec<Event>) -> Result<(), CalendarError> {
        let changed = self.latest_changes();
        for change in changed.iter().filter(|change| !change.cancelled) {
            found.push(change.itself());
        }
        for plain in &self.plain {
            let mut seen = Vec::new();
            for (start, zone, length) in plain.starts(window)? {
                let from = at(&zone, start);
                // RDATE may repeat what the rule gives.
                if seen.contains(&from) || plain.is_excepted(from) {
                    continue;
                }
                seen.push(from);
                let replaces = |change: &&&Component<'_>| {
                    let place = change.replaces.as_ref();
                    place.is_some_and(|place| place.moment.is(from, &plain.zone))
                };
                if changed.iter().find(replaces).is_some() {
                    continue;
                }
                let later = changed.iter().filter_map(|change| {
                    let place = change.replaces.as_ref().filter(|place| place.and_later)?;
                    let begins = place.moment.moment(&plain.zone);
                    (begins < from).then_some((begins, *change))
                });
                let of = match later.max_by_key(|(begins, _)| *begins) {
                    None => {
                        (!plain.cancelled).then(|| plain.starting(start, &zone, length.as_ref()))
                    }
                    Some((_, change)) if change.cancelled => None,
                    Some((begins, change)) => {
                        // As much earlier or later by the clock as the first that was moved.
                        let moved = change.start.duration_since(change.zone.to_datetime(begins));
                        let start = change.zone.to_datetime(from).checked_add(moved);
                        let start = start.unwrap_or(DateTime::MAX);
                        Some(change.starting(start, &change.zone, None))
                    }
                };
                found.extend(of);
            }
        }
        Ok(())
    }

    /// The changes of single times, of which the last version counts.
    fn latest_changes(&self) -> Vec<&Component<'_>> {
        let mut latest: BTreeMap<Timestamp, &Component<'_>> = BTreeMap::new();
        for change in &self.changed {
            let Some(place) = &change.replaces else {
                continue;
            };
            let version = |one: &Component<'_>| (one.sequence, one.number);
            let kept = latest
                .entry(place.moment.moment(&change.zone))
                .or_insert(change);
            if version(change) > version(kept) {
                *kept = change;
            }
        }
        latest.into_values().collect()
    }
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
