//! Alerts that open no incident: heartbeats, which are kept, and what only serves Alertmanager.

use aws::retry::{CONFLICTS, wait_or};
use domain::alert::heartbeat::Heartbeat;
use domain::alert::{Alert, AlertStatus};
use domain::primitives::id::HeartbeatId;
use jiff::Timestamp;
use store::{StoreError, StoredHeartbeat};
use tracing::info;
use wire::message::{Message, Signal};

use crate::app::App;
use crate::rejection::Rejection;

impl App {
    /// Keeps when a heartbeat was heard, and has it watched; its id is the answer.
    ///
    /// A sender that ends its heartbeat has stopped: Alertmanager does when Prometheus has said nothing for `resolve_timeout`.
    ///
    /// # Errors
    /// If table or queue do not answer: the sender has to send it again.
    pub(crate) async fn heartbeat(
        &self,
        alert: &Alert,
        now: Timestamp,
    ) -> Result<HeartbeatId, Rejection> {
        let mut waits = CONFLICTS.waits();
        loop {
            match self.note_heartbeat(alert, now).await? {
                Ok(id) => return Ok(id),
                Err(error) => wait_or(waits.next(), error).await?,
            }
        }
    }

    /// Notes it once; the inner error is a lost race.
    async fn note_heartbeat(
        &self,
        alert: &Alert,
        now: Timestamp,
    ) -> Result<Result<HeartbeatId, StoreError>, Rejection> {
        let first = Heartbeat::first(alert, now);
        let id = first.id();
        let known = self.intake.store.heartbeat(&id).await?;
        let (before, mut heartbeat) = match &known {
            Some(known) => (known.heartbeat.reported_at, known.heartbeat.clone()),
            None => (None, first),
        };
        // Sent before it is noted: what is sent twice is counted on one incident.
        match (alert.status, before) {
            (AlertStatus::Firing, reported) => {
                heartbeat = heartbeat.heard(now);
                if reported.is_some() {
                    info!(heartbeat = %id, source = heartbeat.source, "a heartbeat is heard again");
                    self.report(&heartbeat, AlertStatus::Resolved, now).await?;
                }
            }
            (AlertStatus::Resolved, None) => {
                self.report(&heartbeat, AlertStatus::Firing, now).await?;
                heartbeat.reported_at = Some(now);
            }
            (AlertStatus::Resolved, Some(_)) => return Ok(Ok(id)),
        }
        if heartbeat.is_unwatched(now) {
            let heartbeat_id = id.clone();
            self.intake
                .notifications
                .send(&Message::HeartbeatTimer { heartbeat_id })
                .await?;
            heartbeat.watched_at = Some(now);
        }
        let stored = match known {
            Some(known) => known.with(heartbeat),
            None => StoredHeartbeat::new(heartbeat),
        };
        match self.intake.store.save_heartbeat(&stored).await {
            Err(error @ StoreError::Conflict) => Ok(Err(error)),
            saved => {
                saved?;
                Ok(Ok(id))
            }
        }
    }

    async fn report(
        &self,
        heartbeat: &Heartbeat,
        status: AlertStatus,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let alert = heartbeat.alert(status, now);
        self.signals.send(&Signal::from(alert)).await?;
        Ok(())
    }
}
