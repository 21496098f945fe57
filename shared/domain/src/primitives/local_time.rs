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

    /// The moment there for people, to the minute: `2026-03-30 09:00 UTC+2`.
    pub fn moment(&self, at: Timestamp) -> String {
        let there = self.0.to_datetime(at).strftime("%Y-%m-%d %H:%M");
        format!("{there} {}", self.offset(at))
    }

    /// How far the clock there is from UTC at that moment: `UTC`, `UTC+2` or `UTC-3:30`. The short names of zones are not used: CST is
    /// the time of Taipei, of Chicago and of Havana.
    pub fn offset(&self, at: Timestamp) -> String {
        let seconds = self.0.to_offset(at).seconds();
        let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
        match (minutes / 60, minutes % 60) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
        }
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

#[cfg(test)]
mod tests {
    use super::Zone;

    #[test]
    fn a_moment_says_how_far_it_is_from_utc() {
        for (zone, at, expected) in [
            ("UTC", "2026-11-22T03:12:40Z", "2026-11-22 03:12 UTC"),
            (
                "Asia/Taipei",
                "2026-11-22T03:12:40Z",
                "2026-11-22 11:12 UTC+8",
            ),
            (
                "Europe/Berlin",
                "2026-07-01T22:30:00Z",
                "2026-07-02 00:30 UTC+2",
            ),
            (
                "Europe/Berlin",
                "2026-11-22T03:12:40Z",
                "2026-11-22 04:12 UTC+1",
            ),
            (
                "Asia/Kolkata",
                "2026-11-22T03:12:40Z",
                "2026-11-22 08:42 UTC+5:30",
            ),
            (
                "America/St_Johns",
                "2026-11-22T03:12:40Z",
                "2026-11-21 23:42 UTC-3:30",
            ),
        ] {
            let zone = Zone::try_from(zone.to_owned()).expect("a zone");
            assert_eq!(zone.moment(at.parse().expect("a time")), expected);
        }
    }
}
