//! A worker's hold on its target and on its message, renewed before everything that takes time (`one-hand`).
//!
//! Both last a little longer than what is done next. So a worker that was killed keeps others from the target for no longer than
//! its step could still be at work there, and its message comes back right after that: who takes over can be sure that what was
//! started, and has no result, has nobody any more who would record one.

use jiff::{SignedDuration, Timestamp};
use shared::domain::id::IncidentId;
use shared::store::{Held, Holder};
use tracing::warn;

use crate::turn::Turn;
use crate::{App, Failure};

/// For what surrounds a step: writing down what it did, and clocks that differ.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// The message comes this much later than the lock ends.
const AFTER_THE_LOCK: SignedDuration = SignedDuration::from_secs(2);
/// How long a lock is kept for the next worker of the same repair. Its message comes at once, or soon.
const LEFT_FOR: SignedDuration = SignedDuration::from_mins(15);
/// The longest that a message waits for something that has no end of its own.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// How a worker's work has ended, where it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Nothing of it is at work on the target any more.
    Quiet,
    /// A command was started whose end nobody saw: it may still be at work there.
    Unsure,
}

/// The hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease<'a> {
    pub(crate) app: &'a App,
    pub(crate) target: &'a str,
    pub(crate) incident: &'a IncidentId,
    pub(crate) turn: &'a Turn,
}

impl Lease<'_> {
    /// Takes the target for some time, or renews it, and keeps the message for as long.
    ///
    /// # Errors
    /// If somebody else has it, or the store fails.
    pub(crate) async fn take(&self, now: Timestamp, time: SignedDuration) -> Result<(), Failure> {
        let time = time + MARGIN;
        match self.app.store.lock(self.target, self.holder(), now, now + time).await? {
            Held::Mine => {
                self.comes_again_in(time + AFTER_THE_LOCK).await;
                Ok(())
            }
            Held::By { incident_id: by, until } => Err(Failure::Held { target: self.target.to_owned(), by, until }),
        }
    }

    /// Ends the hold as the work ended. What cannot be given back ends by its time, and so does the lock of a target on which something
    /// may still be at work: its last renewal outlasts the longest that this may take.
    pub(crate) async fn end(&self, ran: &Result<Done, Failure>, now: Timestamp) {
        let store = &self.app.store;
        let (released, wait) = match ran {
            Ok(Done::Unsure) => (Ok(()), None),
            Ok(Done::Quiet) | Err(Failure::Overtaken) => (store.unlock(self.target, self.holder()).await, None),
            Err(Failure::GroupFull { .. }) => (store.unlock(self.target, self.holder()).await, Some(self.growing())),
            // Most holders are done before their time: it is looked at sooner, and no later than that.
            Err(Failure::Held { until, .. }) => (Ok(()), Some(self.growing().min(until.duration_since(now) + AFTER_THE_LOCK))),
            // Nobody else may begin in between: half a repair is on the target.
            Err(Failure::HandedOver { rest }) => (store.leave_lock(self.target, self.holder(), now + *rest + LEFT_FOR).await, Some(*rest)),
            Err(_) => (store.leave_lock(self.target, self.holder(), now + LEFT_FOR).await, Some(self.growing())),
        };
        if let Err(error) = released {
            warn!(%error, target_name = self.target, "the lock could not be given back: it ends by its time");
        }
        if let Some(wait) = wait {
            self.comes_again_in(wait).await;
        }
    }

    /// Longer each time, up to a bound: 15 s, 30 s, 60 s.
    fn growing(&self) -> SignedDuration {
        let doubled = 15_i64.saturating_mul(1 << self.turn.times.saturating_sub(1).min(10));
        SignedDuration::from_secs(doubled).min(LONGEST_WAIT)
    }

    fn holder(&self) -> Holder<'_> {
        Holder { incident: self.incident, worker: &self.turn.worker }
    }

    /// Without an answer the queue keeps to its own visibility timeout, which is long: the message is late then, not lost.
    async fn comes_again_in(&self, time: SignedDuration) {
        if self.turn.receipt.is_empty() {
            return;
        }
        let seconds = i32::try_from(time.as_secs().max(0)).unwrap_or(i32::MAX);
        if let Err(error) = self.app.repairs.come_again(&self.turn.receipt, seconds).await {
            warn!(%error, seconds, "the queue was not told when the message comes again");
        }
    }
}
