//! Hand-over of a rotation: every day or every week, at a local time.

use jiff::civil::{Time, Weekday};
use serde::Deserialize;

use crate::primitives::local_time::{WeekTime, day_time, week_time};

/// When one person hands over to the next: every day (`09:00`), or every week (`Mon 09:00`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String", inline, extend("pattern" = "^((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?([01][0-9]|2[0-3]):[0-5][0-9]$")))]
pub struct HandOver {
    /// The day of the week, of a weekly hand-over.
    pub day: Option<Weekday>,
    pub time: Time,
}

impl TryFrom<String> for HandOver {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let weekly = |WeekTime { day, time }| Self {
            day: Some(day),
            time,
        };
        let daily = |time| Self { day: None, time };
        day_time(&text)
            .map(daily)
            .or_else(|| week_time(&text).map(weekly))
            .ok_or_else(|| {
                format!("`{text}` is no time of a hand-over: write 09:00 for every day, or Mon 09:00 for every week")
            })
    }
}

impl HandOver {
    /// How many days lie between two hand-overs.
    pub(super) fn days(self) -> i64 {
        if self.day.is_some() { 7 } else { 1 }
    }
}
