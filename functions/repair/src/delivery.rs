//! One delivery of a message to a worker: what is this worker's own, and until when it may work.

use aws::batch::Delivery;
use aws::deadline::time_left;
use jiff::{SignedDuration, Timestamp};

/// The longest that a message waits for something that has no end of its own.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone)]
pub struct Turn {
    /// Who works: another delivery, and another invocation, is another worker.
    pub worker: String,
    /// The receipt with which the queue is told when the message comes again; empty where no queue delivered it.
    pub receipt: String,
    /// How often the message has come, this time included.
    pub times: u32,
    /// When the worker has to be done.
    pub ends: Timestamp,
}

impl Turn {
    /// The turn of a delivery to an invocation, which Lambda ends at `deadline`, in milliseconds since 1970.
    #[must_use]
    pub fn of(delivery: &Delivery, request_id: &str, deadline: u64, now: Timestamp) -> Self {
        let worker = format!("{request_id}/{}", delivery.times);
        Self {
            worker,
            receipt: delivery.receipt.clone(),
            times: delivery.times,
            ends: now + time_left(deadline, now),
        }
    }

    /// The wait before the message comes again: longer each time, up to a bound: 15 s, 30 s, 60 s.
    pub(crate) fn growing_wait(&self) -> SignedDuration {
        growing_wait(self.times)
    }
}

/// The wait before a message comes again that has come so often.
pub(crate) fn growing_wait(times: u32) -> SignedDuration {
    let doubled = 15_i64.saturating_mul(1 << times.saturating_sub(1).min(10));
    SignedDuration::from_secs(doubled).min(LONGEST_WAIT)
}
