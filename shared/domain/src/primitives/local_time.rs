//! Time zones, and times of the day and of the week by the clock of one.

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;

/// A time zone of the IANA database, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String", inline))]
pub struct Zone(TimeZone);

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        TimeZone::get(&name)
            .map(Self)
            .map_err(|_| format!("`{name}` is not a time zone such as Europe/Berlin"))
    }
}

impl Zone {
    /// Its rules.
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    /// The date there.
    pub fn date(&self, at: Timestamp) -> Date {
        self.0.to_datetime(at).date()
    }

    /// The time of the day there.
    pub fn time(&self, at: Timestamp) -> Time {
        self.0.to_datetime(at).time()
    }

    /// The moment there for people, to the minute: `2026-03-30 09:00 CEST`.
    pub fn moment(&self, at: Timestamp) -> String {
        let there = self.0.to_datetime(at).strftime("%Y-%m-%d %H:%M");
        format!("{there} {}", self.abbreviation(at))
    }

    /// The short name of the zone's time at that moment: `CEST`, or its offset where it has no name.
    pub fn abbreviation(&self, at: Timestamp) -> String {
        self.0.to_offset_info(at).abbreviation().to_owned()
    }

    /// The time there with its offset, such as `2026-03-30T09:00:00+02:00`.
    pub fn shown(&self, at: Timestamp) -> String {
        at.display_with_offset(self.0.to_offset(at)).to_string()
    }
}

/// A time of the day, such as `22:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String", inline, extend("pattern" = "^([01][0-9]|2[0-3]):[0-5][0-9]$")))]
pub struct DayTime(pub Time);

impl TryFrom<String> for DayTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        day_time(&text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a time of the day such as 22:00"))
    }
}

/// A time of the week, such as `Fri 16:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String", inline, extend("pattern" = "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01][0-9]|2[0-3]):[0-5][0-9]$")))]
pub struct WeekTime {
    pub day: Weekday,
    pub time: Time,
}

impl TryFrom<String> for WeekTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        week_time(&text)
            .ok_or_else(|| format!("`{text}` is not a time of the week such as Fri 16:00"))
    }
}

/// Three letters of a day and a time of the day, such as `Fri 16:00`.
pub(crate) fn week_time(text: &str) -> Option<WeekTime> {
    let (day, time) = text.split_once(' ')?;
    let day = match day {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        _ => return None,
    };
    let time = day_time(time)?;
    Some(WeekTime { day, time })
}

/// Hours and minutes with two digits each, such as `09:00`.
pub(crate) fn day_time(text: &str) -> Option<Time> {
    let two = |digits: &str| {
        digits
            .parse::<i8>()
            .ok()
            .filter(|_| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let (hour, minute) = text.split_once(':')?;
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}
