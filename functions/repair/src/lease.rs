//! Lease of a worker on its target's host and on its message, renewed before everything that takes time
//! (`one-hand`).
//!
//! Both last a little longer than the next step. So a killed worker keeps others from the target
//! for no longer than its step could still be at work there, and its message comes back right after
//! that: the next worker can be sure that no one else will record the result of a step that was
//! started and has none.

use aws::Chain;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use store::{Held, Holder};
use tracing::warn;

use crate::app::{App, Failure};
use crate::delivery::RepairDelivery;

/// Allowance around a step for recording its result and for clocks that differ.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);
/// The message comes back this long after the end of the lock.
const AFTER_THE_LOCK: SignedDuration = SignedDuration::from_secs(2);
/// How long a lock is kept for the next worker of the same repair, whose message comes at once or
/// soon.
const LEFT_FOR: SignedDuration = SignedDuration::from_mins(15);

/// State of the target after a worker's run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// No command of the run is at work on the target any more.
    Quiet,
    /// The end of a started command was not seen: it may still be at work there.
    Unsure,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease<'a> {
    pub(crate) app: &'a App,
    pub(crate) target: &'a str,
    /// What the worker has to itself: the target's host, or the target.
    pub(crate) lock: &'a str,
    pub(crate) incident: &'a IncidentId,
    pub(crate) delivery: &'a RepairDelivery,
    /// By when the first step has to start. A message that waits comes no later, so that people are asked again in time.
    pub(crate) start_by: Option<Timestamp>,
}

impl Lease<'_> {
    /// Takes the target for some time, or renews it, and keeps the message for as long.
    ///
    /// # Errors
    /// [`Failure::Held`] if another worker has the target, or if the store fails.
    pub(crate) async fn take(&self, now: Timestamp, time: SignedDuration) -> Result<(), Failure> {
        let time = time + MARGIN;
        match self
            .app
            .control
            .lock(self.lock, self.holder(), now, now + time)
            .await?
        {
            Held::Mine => {
                // Before the end of the lock, the next worker would only find it taken.
                self.comes_again_in(time + AFTER_THE_LOCK).await;
                Ok(())
            }
            Held::By {
                incident_id: by,
                until,
            } => Err(Failure::Held {
                target: self.target.to_owned(),
                by,
                until,
            }),
        }
    }

    /// Ends the lease according to the result of the work. A lock that cannot be given back
    /// expires, and so does the lock of a target on which a command may still be at work: its last
    /// renewal outlasts the longest time that the command may take.
    pub(crate) async fn end(&self, ran: &Result<Done, Failure>, now: Timestamp) {
        let control = &self.app.control;
        let (released, wait) = match ran {
            Ok(Done::Unsure) => (Ok(()), None),
            Ok(Done::Quiet) | Err(Failure::Overtaken) => {
                (control.unlock(self.lock, self.holder()).await, None)
            }
            Err(Failure::GroupFull { .. }) => (
                control.unlock(self.lock, self.holder()).await,
                Some(self.waiting(now)),
            ),
            // Most holders finish before their time: the message comes back sooner, and no later
            // than that.
            Err(Failure::Held { until, .. }) => (
                Ok(()),
                Some(
                    self.waiting(now)
                        .min(until.duration_since(now) + AFTER_THE_LOCK),
                ),
            ),
            // No other repair may begin in between: half of this one is on the target.
            Err(Failure::HandedOver { rest }) => (
                control
                    .leave_lock(self.lock, self.holder(), now + *rest + LEFT_FOR)
                    .await,
                Some(*rest),
            ),
            // A fault may have left the repair half done: the lock waits for its next worker.
            Err(_) => (
                control
                    .leave_lock(self.lock, self.holder(), now + LEFT_FOR)
                    .await,
                Some(self.delivery.growing_wait()),
            ),
        };
        if let Err(error) = released {
            warn!(error = %Chain(&error), target_name = self.target, "the lock could not be given back: it ends by its time");
        }
        if let Some(wait) = wait {
            self.comes_again_in(wait).await;
        }
    }

    /// The wait for a target or a group, which ends right after the approval has become too old.
    fn waiting(&self, now: Timestamp) -> SignedDuration {
        let left = self
            .start_by
            .map(|start_by| start_by.duration_since(now) + AFTER_THE_LOCK)
            .filter(SignedDuration::is_positive);
        left.map_or_else(
            || self.delivery.growing_wait(),
            |left| left.min(self.delivery.growing_wait()),
        )
    }

    fn holder(&self) -> Holder<'_> {
        Holder {
            incident: self.incident,
            worker: &self.delivery.worker,
        }
    }

    async fn comes_again_in(&self, time: SignedDuration) {
        self.app.comes_again_in(&self.delivery.receipt, time).await;
    }
}
