//! Settles disputed firings: an alert that fired again right after its resolve is open again within
//! a minute, unless Alertmanager does not have it.

use std::collections::BTreeSet;

use aws::Chain;
use aws::retry::wait_or;
use domain::episode::{Episode, LookOutcome, Unsent, on_look};
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::IncidentKind;
use domain::primitives::id::{IncidentId, MemberId};
use domain::primitives::time::Clock;
use jiff::Timestamp;
use store::{FollowUp, StoreError};
use tracing::{info, warn};
use wire::message::Message;

use crate::app::{App, Failure};

impl App {
    /// Looks at an incident's episode, and saves what is due.
    ///
    /// # Errors
    /// If the queue or the table does not answer; looking again changes nothing twice.
    pub async fn episode_due(&self, id: &IncidentId, clock: Clock<'_>) -> Result<(), Failure> {
        let Some(incident) = self.store.incident(id).await? else {
            return Ok(());
        };
        let mut waits = aws::retry::CONFLICTS.waits();
        let episode = loop {
            match self.look_at_episode(&incident.id, clock()).await {
                Err(Failure::Store(error @ StoreError::Conflict)) => {
                    wait_or(waits.next(), error).await?;
                }
                looked => break looked?,
            }
        };
        let Some(episode) = episode else {
            return Ok(());
        };
        self.send_unsent(&episode).await?;
        if let Some(at) = episode.settles_at() {
            self.look_later(FollowUp::Episode(id), at, clock()).await?;
        }
        Ok(())
    }

    /// The episode as it is after one look, if it is still the incident's.
    async fn look_at_episode(
        &self,
        id: &IncidentId,
        now: Timestamp,
    ) -> Result<Option<Episode>, Failure> {
        let incident = self.store.known_incident(id).await?;
        let Some(current) = self.store.episode(&incident.fingerprint).await? else {
            return Ok(None);
        };
        if current.incident_id != *id {
            return Ok(None);
        }
        let due = current.settles_at().is_some_and(|at| at <= now);
        let active = if due {
            self.active_members(&incident, &current, now).await
        } else {
            None
        };
        let analysed = incident.kind != IncidentKind::Pipeline;
        let (outcome, episode) = on_look(&current, active.as_ref(), analysed, now, self.windows);
        if episode.version == current.version {
            return Ok(Some(current));
        }
        if outcome == LookOutcome::Believed {
            info!(incident_id = %id, reopened = !current.open, "an alert fires again that had just resolved");
            let mut change = IncidentChange::new(incident);
            if !current.open {
                change.reopened(episode.flaps, episode.hit_count, now);
            }
            if episode.severity > change.incident.alert.severity {
                change.escalated(episode.severity, episode.hit_count, now);
            }
            change.eased(episode.severity, episode.hit_count, now);
            self.store
                .save_with_episode(change, &episode, self.windows)
                .await?;
        } else {
            self.store.save_episode(&episode, self.windows).await?;
        }
        Ok(Some(episode))
    }

    /// The members that Alertmanager has now; none if it cannot be asked about this incident, or has
    /// no answer.
    async fn active_members(
        &self,
        incident: &Incident,
        episode: &Episode,
        now: Timestamp,
    ) -> Option<BTreeSet<MemberId>> {
        let alertmanager = self
            .alertmanager
            .as_ref()
            .filter(|_| incident.is_of_alertmanager())?;
        let members = episode.members.keys().chain(episode.departed.keys());
        let members = members.map(MemberId::as_str).collect();
        match alertmanager.active(&incident.alert, &members, now).await {
            Ok(active) => Some(
                active
                    .into_iter()
                    .filter_map(|fingerprint| MemberId::try_from(fingerprint).ok())
                    .collect(),
            ),
            Err(error) => {
                warn!(incident_id = %incident.id, error = %Chain(&error), "Alertmanager could not be asked what fires");
                None
            }
        }
    }

    /// Sends what an episode still has to send, then notes that it was sent.
    async fn send_unsent(&self, episode: &Episode) -> Result<(), Failure> {
        for unsent in &episode.unsent {
            let incident_id = episode.incident_id.clone();
            match unsent {
                Unsent::Opened => {
                    self.incidents
                        .send(&Message::IncidentOpened { incident_id })
                        .await?;
                }
                Unsent::Changed => {
                    self.notifications
                        .send(&Message::IncidentChanged { incident_id })
                        .await?;
                }
                // This look is its timer, or is followed by one.
                Unsent::Disputed => {}
            }
            self.store.mark_sent(episode, *unsent).await?;
        }
        Ok(())
    }
}
