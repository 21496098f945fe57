//! The clock that is handed in, and the comparison that says when a time is over.

use jiff::Timestamp;

/// A clock. Only `main.rs` has that of the machine; tests have one of their own.
pub type Clock<'a> = &'a (dyn Fn() -> Timestamp + Send + Sync);

/// True from `end` on: leases, approvals and links are over at the moment that they name. The conditions of the table say the same.
pub fn expired(end: Timestamp, now: Timestamp) -> bool {
    end <= now
}
