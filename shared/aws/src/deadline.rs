//! Time left of an invocation: Lambda ends the function at its deadline, whatever it is doing.

use std::time::Duration;

use jiff::Timestamp;

/// Nothing new is begun in the last part of a function's time: what has begun still has to end, and be answered.
const RESERVE: Duration = Duration::from_secs(2);

/// The time in which a function may begin something new: `deadline` is when Lambda ends it, in
/// milliseconds since 1970.
pub fn time_left(deadline: u64, now: Timestamp) -> Duration {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now)).saturating_sub(RESERVE)
}
