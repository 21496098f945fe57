//! A VEVENT of an iCalendar file: when it begins, how long it lasts, whose it is, and what of it recurs, is left out or takes the place
//! of something else (RFC 5545, 3.6.1 and 3.8).

use calcard::icalendar::{
    ICalendarComponent, ICalendarDuration, ICalendarEntry, ICalendarParameterName,
    ICalendarParameterValue, ICalendarParticipationStatus, ICalendarPeriod, ICalendarProperty,
    ICalendarStatus, ICalendarValue,
};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::event::{CalendarError, Event, Window, shown};
use super::moments::{Moment, Zones, at, moment};
use super::recurrence;

/// How long an event lasts.
#[derive(Debug, Clone)]
pub(super) enum Length {
    /// Up to a local time in the zone of its end. RFC 5545 (3.8.5.3) says that a recurring event with DTEND keeps its exact duration; calendars
    /// show, and people mean, the same time of the clock, also in the week in which the clock is changed.
    Clock(TimeZone, SignedDuration),
    /// So many days by the calendar, and exact hours behind them (RFC 5545, 3.3.6).
    Nominal(i64, SignedDuration),
}

impl Length {
    fn is_negative(&self) -> bool {
        match self {
            Self::Clock(_, clock) => clock.is_negative(),
            Self::Nominal(days, exact) => *days < 0 || exact.is_negative(),
        }
    }
}

/// Which occurrence of a series that another component takes the place of.
#[derive(Debug, Clone)]
pub(super) struct Replaces {
    pub(super) moment: Moment,
    /// RANGE=THISANDFUTURE: also all behind it.
    pub(super) and_later: bool,
}

/// A VEVENT.
#[derive(Debug, Clone)]
pub(super) struct Component<'a> {
    event: Event,
    pub(super) zone: TimeZone,
    pub(super) start: DateTime,
    length: Length,
    pub(super) cancelled: bool,
    rule: Option<&'a ICalendarEntry>,
    more: Vec<(DateTime, TimeZone, Option<Length>)>,
    except: Vec<Moment>,
    pub(super) replaces: Option<Replaces>,
    pub(super) sequence: i64,
    /// Its place in the file: of two that say the same, the later counts.
    pub(super) number: usize,
}

impl<'a> Component<'a> {
    pub(super) fn read(
        component: &'a ICalendarComponent,
        number: usize,
        zones: &Zones<'_>,
    ) -> Result<Self, CalendarError> {
        let reader = Reader::of(component, zones);
        let replaced = reader.moment("RECURRENCE-ID", &ICalendarProperty::RecurrenceId)?;
        let start = reader
            .moment("DTSTART", &ICalendarProperty::Dtstart)?
            .or_else(|| replaced.clone())
            .ok_or_else(|| reader.no_time("DTSTART"))?;
        let end = reader.moment("DTEND", &ICalendarProperty::Dtend)?;
        let duration = component.property(&ICalendarProperty::Duration);
        let duration = duration.and_then(|entry| match entry.values.first() {
            Some(ICalendarValue::Duration(duration)) => Some(duration),
            _ => None,
        });
        let length = length(&start, end.as_ref(), duration, zones.default());
        if length.is_negative() {
            let event = shown(&reader.title);
            return Err(CalendarError::Backwards { event });
        }
        let (zone, all_day) = (start.zone(zones.default()), start.is_date());
        let and_later = component
            .property(&ICalendarProperty::RecurrenceId)
            .is_some_and(|entry| entry.has_parameter(&ICalendarParameterName::Range));
        let sequence = component.property(&ICalendarProperty::Sequence);
        let sequence = sequence.and_then(|entry| entry.values.first()?.as_integer());
        let moment = start.moment(&zone);
        Ok(Self {
            except: reader.except()?,
            more: reader.more()?,
            event: Event {
                attendees: entries(component, ICalendarProperty::Attendee)
                    .filter(|entry| !has_declined(entry))
                    .filter_map(ICalendarEntry::calendar_address)
                    .map(str::to_owned)
                    .collect(),
                title: reader.title,
                from: moment,
                until: moment,
                all_day,
            },
            start: start.local(),
            zone,
            length,
            cancelled: component.status() == Some(&ICalendarStatus::Cancelled),
            rule: component.property(&ICalendarProperty::Rrule),
            replaces: replaced.map(|moment| Replaces { moment, and_later }),
            sequence: sequence.unwrap_or_default(),
            number,
        })
    }

    /// The event at another start.
    pub(super) fn starting(
        &self,
        start: DateTime,
        zone: &TimeZone,
        length: Option<&Length>,
    ) -> Event {
        let from = at(zone, start);
        let until = match length.unwrap_or(&self.length) {
            Length::Clock(of_end, clock) => {
                // Where the clock leaves the start out, the end stays where it is.
                let same = of_end == zone;
                let start = if same {
                    start
                } else {
                    of_end.to_datetime(from)
                };
                at(of_end, start.checked_add(*clock).unwrap_or(DateTime::MAX))
            }
            Length::Nominal(days, exact) => {
                let end = start.checked_add(days.days());
                at(zone, end.unwrap_or(DateTime::MAX)) + *exact
            }
        };
        Event {
            from,
            until,
            ..self.event.clone()
        }
    }

    pub(super) fn itself(&self) -> Event {
        self.starting(self.start, &self.zone, None)
    }

    /// The starts of the times at which it would be if nothing were changed, each with its zone and its length if that is another.
    pub(super) fn starts(
        &self,
        window: Window,
    ) -> Result<Vec<(DateTime, TimeZone, Option<Length>)>, CalendarError> {
        let failed = |why| CalendarError::Recurrence {
            event: self.event.shown(),
            why,
        };
        let mut starts = match self.rule {
            Some(rule) => {
                let until = self.zone.to_datetime(window.until);
                let found = recurrence::starts(rule, self.start, &self.zone, until);
                let own = |start| (start, self.zone.clone(), None);
                found.map_err(failed)?.into_iter().map(own).collect()
            }
            None => vec![(self.start, self.zone.clone(), None)],
        };
        starts.extend(self.more.iter().cloned());
        Ok(starts)
    }

    pub(super) fn is_excepted(&self, from: Timestamp) -> bool {
        self.except.iter().any(|moment| moment.is(from, &self.zone))
    }
}

/// Reads the times of a component, and says of which event one is wrong.
struct Reader<'a, 'z> {
    component: &'a ICalendarComponent,
    zones: &'z Zones<'z>,
    title: String,
}

impl<'a, 'z> Reader<'a, 'z> {
    fn of(component: &'a ICalendarComponent, zones: &'z Zones<'z>) -> Self {
        let summary = component.property(&ICalendarProperty::Summary);
        let title = summary.and_then(|entry| entry.values.first()?.as_text());
        Self {
            component,
            zones,
            title: title.unwrap_or_default().to_owned(),
        }
    }

    fn no_time(&self, field: &'static str) -> CalendarError {
        CalendarError::NoTime {
            event: shown(&self.title),
            field,
        }
    }

    /// The zone that an entry names.
    fn zone(&self, entry: &ICalendarEntry) -> Result<Option<TimeZone>, CalendarError> {
        let zone = self.zones.of_entry(entry);
        zone.map_err(|zone| CalendarError::UnknownZone {
            event: shown(&self.title),
            zone,
        })
    }

    /// The time of a property, if the component has it.
    fn moment(
        &self,
        field: &'static str,
        property: &ICalendarProperty,
    ) -> Result<Option<Moment>, CalendarError> {
        let Some(entry) = self.component.property(property) else {
            return Ok(None);
        };
        let value = entry.values.first();
        let Some(value) = value.and_then(ICalendarValue::as_partial_date_time) else {
            return Err(self.no_time(field));
        };
        let moment = moment(value, self.zone(entry)?);
        moment.ok_or_else(|| self.no_time(field)).map(Some)
    }

    /// The times that EXDATE leaves out.
    fn except(&self) -> Result<Vec<Moment>, CalendarError> {
        let mut except = Vec::new();
        for entry in entries(self.component, ICalendarProperty::Exdate) {
            let zone = self.zone(entry)?;
            for value in &entry.values {
                let value = value.as_partial_date_time();
                let moment = value.and_then(|value| moment(value, zone.clone()));
                except.push(moment.ok_or_else(|| self.no_time("EXDATE"))?);
            }
        }
        Ok(except)
    }

    /// The times that RDATE adds.
    fn more(&self) -> Result<Vec<(DateTime, TimeZone, Option<Length>)>, CalendarError> {
        let mut more = Vec::new();
        for entry in entries(self.component, ICalendarProperty::Rdate) {
            let own = self.zone(entry)?;
            for value in &entry.values {
                let one = more_time(value, own.as_ref(), self.zones.default());
                more.push(one.ok_or_else(|| self.no_time("RDATE"))?);
            }
        }
        Ok(more)
    }
}

fn entries(
    component: &ICalendarComponent,
    property: ICalendarProperty,
) -> impl Iterator<Item = &ICalendarEntry> {
    let all = component.entries.iter();
    all.filter(move |entry| entry.name == property)
}

/// The length of an event from its end, or its duration; an event with a date alone lasts a day (RFC 5545, 3.6.1).
fn length(
    start: &Moment,
    end: Option<&Moment>,
    duration: Option<&ICalendarDuration>,
    default: &TimeZone,
) -> Length {
    if let Some(end) = end {
        let zone = end.zone(default);
        let begins = if zone == start.zone(default) {
            start.local()
        } else {
            zone.to_datetime(start.moment(default))
        };
        return Length::Clock(zone, end.local().duration_since(begins));
    }
    match duration {
        Some(duration) => of_duration(duration),
        None => Length::Nominal(i64::from(start.is_date()), SignedDuration::ZERO),
    }
}

fn of_duration(duration: &ICalendarDuration) -> Length {
    let exact = i64::from(duration.hours) * 3600
        + i64::from(duration.minutes) * 60
        + i64::from(duration.seconds);
    let days = i64::from(duration.weeks) * 7 + i64::from(duration.days);
    let sign = if duration.neg { -1 } else { 1 };
    Length::Nominal(days * sign, SignedDuration::from_secs(exact * sign))
}

/// A time of RDATE, which may have an end of its own.
fn more_time(
    value: &ICalendarValue,
    own: Option<&TimeZone>,
    default: &TimeZone,
) -> Option<(DateTime, TimeZone, Option<Length>)> {
    let read = |value| moment(value, own.cloned());
    let start = |moment: &Moment| (moment.local(), moment.zone(default));
    Some(match value {
        ICalendarValue::PartialDateTime(value) => {
            let (start, zone) = start(&read(value)?);
            (start, zone, None)
        }
        ICalendarValue::Period(ICalendarPeriod::Range { start: from, end }) => {
            let (from, end) = (read(from)?, read(end)?);
            let (start, zone) = start(&from);
            (start, zone, Some(length(&from, Some(&end), None, default)))
        }
        ICalendarValue::Period(ICalendarPeriod::Duration {
            start: from,
            duration,
        }) => {
            let (start, zone) = start(&read(from)?);
            (start, zone, Some(of_duration(duration)))
        }
        _ => return None,
    })
}

fn has_declined(attendee: &ICalendarEntry) -> bool {
    let declined = ICalendarParameterValue::Partstat(ICalendarParticipationStatus::Declined);
    attendee.parameter(&ICalendarParameterName::Partstat) == Some(&declined)
}
