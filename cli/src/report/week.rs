//! A week of ISO 8601.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, ISOWeekDate, Weekday};

/// A week, by the number of its year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Week {
    monday: ISOWeekDate,
    sunday: ISOWeekDate,
}

impl Week {
    /// Its first and its last day.
    pub(crate) fn days(&self) -> (Date, Date) {
        (self.monday.date(), self.sunday.date())
    }
}

impl FromStr for Week {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no week: write it as 2026-W48");
        let (year, week) = text.split_once("-W").ok_or_else(wrong)?;
        let year = year.parse().map_err(|_| wrong())?;
        let week = week.parse().map_err(|_| wrong())?;
        let day = |weekday| ISOWeekDate::new(year, week, weekday).map_err(|_| wrong());
        Ok(Self {
            monday: day(Weekday::Monday)?,
            sunday: day(Weekday::Sunday)?,
        })
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-W{:02}", self.monday.year(), self.monday.week())
    }
}

#[cfg(test)]
mod tests {
    use super::Week;

    fn days(text: &str) -> Result<String, String> {
        let week: Week = text.parse()?;
        let (from, to) = week.days();
        Ok(format!("{week} {from} {to}"))
    }

    #[test]
    fn a_week_goes_from_monday_to_sunday() {
        assert_eq!(
            days("2026-W48").as_deref(),
            Ok("2026-W48 2026-11-23 2026-11-29")
        );
        assert_eq!(
            days("2026-W1").as_deref(),
            Ok("2026-W01 2025-12-29 2026-01-04")
        );
        assert_eq!(
            days("2026-W53").as_deref(),
            Ok("2026-W53 2026-12-28 2027-01-03")
        );
        for wrong in [
            "2026-48", "2026-W54", "2025-W53", "W48", "2026-W", "x-W1", "2026-W-1",
        ] {
            assert!(
                days(wrong).is_err_and(|said| said.contains("2026-W48")),
                "{wrong}"
            );
        }
    }
}
