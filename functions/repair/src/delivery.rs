//! One delivery of a message: the identity of its worker, the message's receipt, and the worker's
//! deadline.

use aws::batch::Delivery;
use aws::deadline::time_left;
use domain::primitives::id::WorkerId;
use jiff::{SignedDuration, Timestamp};

/// The longest that a message waits for something that has no end of its own.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone)]
pub struct RepairDelivery {
    /// Identity of the worker: another delivery, or another invocation, is another worker.
    pub worker: WorkerId,
    /// The receipt with which the queue is asked to bring the message back at a time; empty if no
    /// queue delivered it.
    pub receipt: String,
    /// How often the message has come, this time included.
    pub receive_count: u32,
    /// Deadline of the worker.
    pub ends: Timestamp,
}

impl RepairDelivery {
    /// A delivery to an invocation, which Lambda ends at `deadline`, in milliseconds since 1970.
    pub fn new(delivery: &Delivery, request_id: &str, deadline: u64, now: Timestamp) -> Self {
        let worker = format!("{request_id}/{}", delivery.receive_count).into();
        Self {
            worker,
            receipt: delivery.receipt.clone(),
            receive_count: delivery.receive_count,
            ends: now + time_left(deadline, now),
        }
    }

    /// The wait before the message comes again: longer each time, up to a bound: 15 s, 30 s, 60 s.
    pub(crate) fn growing_wait(&self) -> SignedDuration {
        growing_wait(self.receive_count)
    }
}

/// The wait before a message that has come `times` times comes again.
pub(crate) fn growing_wait(receive_count: u32) -> SignedDuration {
    // The shift is bounded: it would overflow for a message that has come very often.
    let doubled = 15_i64.saturating_mul(1 << receive_count.saturating_sub(1).min(10));
    SignedDuration::from_secs(doubled).min(LONGEST_WAIT)
}
