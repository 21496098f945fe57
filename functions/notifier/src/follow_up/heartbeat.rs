//! Follow-up checks of heartbeats: a sender that says nothing any more is an incident of its own.

use domain::alert::AlertStatus;
use domain::primitives::id::HeartbeatId;
use domain::primitives::time::{Clock, expired};
use store::{FollowUp, StoreError, is_forgotten};
use tracing::warn;
use wire::message::Signal;

use crate::app::{App, Failure};

impl App {
    /// Looks whether a heartbeat is still heard, and looks again when it can be overdue next. One that is not is reported, again and again
    /// as long as it stays away: an incident of which nobody hears expires.
    ///
    /// # Errors
    /// If the queue or the table does not answer; looking again reports nothing twice but the count.
    pub async fn heartbeat_due(&self, id: &HeartbeatId, clock: Clock<'_>) -> Result<(), Failure> {
        let now = clock();
        let Some(stored) = self.store.heartbeat(id).await? else {
            return Ok(());
        };
        // Its sender was taken away on purpose: its incident expires.
        if is_forgotten(&stored.heartbeat, now) {
            return Ok(());
        }
        // So that people see which senders are watched. It is written again with each look, because it expires with the heartbeat.
        self.store.list_heartbeat(&stored.heartbeat).await?;
        let mut heartbeat = stored.heartbeat.clone();
        if expired(heartbeat.look_at(self.windows.stale), now) {
            warn!(heartbeat = %id, source = heartbeat.source, last_heard = %heartbeat.last_heard, "a heartbeat stays away");
            // Sent before it is noted: what is sent twice is counted on one incident.
            let alert = heartbeat.alert(AlertStatus::Firing, now);
            self.signals.send(&Signal::from(alert)).await?;
            heartbeat.reported_at = Some(now);
            match self
                .store
                .save_heartbeat(&stored.with(heartbeat.clone()))
                .await
            {
                // It was heard meanwhile. Whoever heard it does not know of the report: it is taken back.
                Err(StoreError::Conflict) => {
                    let alert = heartbeat.alert(AlertStatus::Resolved, now);
                    self.signals.send(&Signal::from(alert)).await?;
                    heartbeat.reported_at = None;
                    heartbeat.last_heard = now;
                }
                saved => saved?,
            }
        }
        let at = heartbeat.look_at(self.windows.stale);
        self.look_again(FollowUp::Heartbeat(id), at, now).await
    }
}
