//! The clock that is handed in, and the comparison that says when a time is over.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A clock. Only `main.rs` has that of the machine; tests have one of their own.
pub type Clock<'a> = &'a (dyn Fn() -> Timestamp + Send + Sync);

/// True from `end` on: leases, approvals and links are over at the moment that they name. The conditions of the table say the same.
pub fn expired(end: Timestamp, now: Timestamp) -> bool {
    end <= now
}

/// The day of a moment in UTC: budgets begin anew with it, and lists are kept by it.
pub fn utc_day(at: Timestamp) -> Date {
    at.to_zoned_datetime(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::utc_day;

    #[test]
    fn a_day_ends_at_midnight_utc() {
        for (moment, expected) in [
            ("2026-11-22T23:59:59.999Z", date(2026, 11, 22)),
            ("2026-11-23T00:00:00Z", date(2026, 11, 23)),
            ("2026-11-23T00:30:00+01:00", date(2026, 11, 22)),
        ] {
            assert_eq!(
                utc_day(moment.parse().expect("a time")),
                expected,
                "{moment}"
            );
        }
    }
}
