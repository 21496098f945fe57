//! Times of an iCalendar file (RFC 5545, 3.3.4 and 3.3.5) as moments, and the zones that it names.

use calcard::common::PartialDateTime;
use calcard::icalendar::timezone::TzResolver;
use calcard::icalendar::{ICalendar, ICalendarEntry};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// A time as the file writes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Moment {
    /// A date alone: a whole day.
    Date(Date),
    /// By the clock of a zone; none is the zone of whoever reads.
    Local(DateTime, Option<TimeZone>),
    Utc(DateTime),
}

/// The moment of a local time. A time that the clock leaves out is as much later; of one that it has twice, the first is meant
/// (RFC 5545, 3.3.5).
pub(super) fn at(zone: &TimeZone, local: DateTime) -> Timestamp {
    let meant = zone.to_ambiguous_timestamp(local).compatible();
    // Only the first and the last day that jiff knows have times without a moment.
    meant.unwrap_or(if local.year() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The time in a value; none if it is no date of the calendar. `zone` is the one that its property names.
pub(super) fn moment(value: &PartialDateTime, zone: Option<TimeZone>) -> Option<Moment> {
    let small = |part: Option<u8>| part.and_then(|part| i8::try_from(part).ok());
    let year = value.year.and_then(|year| i16::try_from(year).ok())?;
    let date = Date::new(year, small(value.month)?, small(value.day)?).ok()?;
    let Some(hour) = small(value.hour) else {
        return Some(Moment::Date(date));
    };
    // A leap second is written as 60, and is none of jiff's.
    let second = small(value.second).unwrap_or_default().min(59);
    let time = Time::new(hour, small(value.minute)?, second, 0).ok()?;
    let local = date.to_datetime(time);
    Some(match value.tz_hour {
        // iCalendar has no other offset than Z.
        Some(_) => Moment::Utc(local),
        None => Moment::Local(local, zone),
    })
}

impl Moment {
    pub(super) fn is_date(&self) -> bool {
        matches!(self, Self::Date(_))
    }

    /// The time by its own clock; of a date its first.
    pub(super) fn local(&self) -> DateTime {
        match self {
            Self::Date(date) => date.to_datetime(Time::midnight()),
            Self::Local(local, _) | Self::Utc(local) => *local,
        }
    }

    /// The zone of its clock, if it names one.
    pub(super) fn zone(&self, default: &TimeZone) -> TimeZone {
        match self {
            Self::Date(_) | Self::Local(_, None) => default.clone(),
            Self::Local(_, Some(zone)) => zone.clone(),
            Self::Utc(_) => TimeZone::UTC,
        }
    }

    pub(super) fn moment(&self, default: &TimeZone) -> Timestamp {
        at(&self.zone(default), self.local())
    }

    /// True if it names this moment, or its date by the clock of this zone.
    pub(super) fn is(&self, moment: Timestamp, zone: &TimeZone) -> bool {
        match self {
            Self::Date(date) => zone.to_datetime(moment).date() == *date,
            other => other.moment(zone) == moment,
        }
    }
}

/// The zones that a calendar names, and the one of what names none.
pub(super) struct Zones<'a> {
    named: TzResolver<&'a str>,
    default: &'a TimeZone,
}

impl<'a> Zones<'a> {
    pub(super) fn of(calendar: &'a ICalendar, default: &'a TimeZone) -> Self {
        Self {
            named: calendar.build_tz_resolver(),
            default,
        }
    }

    pub(super) fn default(&self) -> &TimeZone {
        self.default
    }

    /// The zone that a property names with TZID.
    ///
    /// # Errors
    /// The name, if it is no zone.
    pub(super) fn of_entry(&self, entry: &ICalendarEntry) -> Result<Option<TimeZone>, String> {
        let Some(name) = entry.tz_id() else {
            return Ok(None);
        };
        let zone = self.zone(name).ok_or_else(|| name.to_owned())?;
        Ok(Some(zone))
    }

    /// A zone by the name of the IANA database, behind the prefix that some programs put before it, or by a name of Microsoft's.
    fn zone(&self, name: &str) -> Option<TimeZone> {
        let name = name.trim_matches('"');
        let behind = name.match_indices('/').map(|(at, _)| &name[at + 1..]);
        let iana = std::iter::once(name)
            .chain(behind)
            .find_map(|name| TimeZone::get(name).ok());
        iana.or_else(|| {
            let known = self.named.resolve(name)?.name()?;
            TimeZone::get(&known).ok()
        })
    }
}
