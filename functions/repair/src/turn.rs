//! One delivery of a message to a worker: what is this worker's own, and until when it may work.

use jiff::Timestamp;
use shared::consumer::Delivery;
use shared::deadline::time_left;

/// A worker's turn.
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
        Self { worker, receipt: delivery.receipt.clone(), times: delivery.times, ends: now + time_left(deadline, now) }
    }
}
