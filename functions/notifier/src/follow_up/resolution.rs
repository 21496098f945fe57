//! Fails a verified repair whose alert has not resolved in time (`unknown-is-failure`).
//! Alertmanager sends no resolve for a silenced alert, so it is asked for the alert's state before
//! a repair is counted as failed.

use crate::app::SilenceError;
use aws::Chain;
use domain::episode::{Episode, ResolvedOutcome, on_resolved};
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::primitives::id::ApprovalId;
use domain::primitives::time::Clock;
use domain::transition::resolution::{due, first_look};
use domain::transition::silence::{TRIED_FOR, labels};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use store::FollowUp;
use tracing::{info, warn};
use wire::message::Message;

use crate::app::{App, Failure};

/// When to look again after an alert has ended of which Alertmanager has told nobody.
const COUNTED_AFTER: SignedDuration = SignedDuration::from_secs(60);

impl App {
    /// Schedules a check, once a repair has ended, of whether its alert resolves.
    ///
    /// # Errors
    /// If the queue or the table does not answer.
    pub(crate) async fn watch_resolution(
        &self,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let (Some(approval), Some(at)) = (
            &incident.approval,
            first_look(incident, self.resolve_within),
        ) else {
            return Ok(());
        };
        self.look_once(FollowUp::Resolution(&approval.id), at, now)
            .await
            .map(drop)
    }

    /// Checks whether the alert of a repair has resolved, and counts the repair as failed if it is
    /// overdue. A resolve that Alertmanager has not sent counts as if it had.
    ///
    /// # Errors
    /// If the queue or the table does not answer; a repeated check changes nothing twice.
    pub async fn resolution_due(&self, id: &ApprovalId, clock: Clock<'_>) -> Result<(), Failure> {
        let Some(incident) = self.store.incident(&id.incident()).await? else {
            return Ok(());
        };
        let (now, within) = (clock(), self.resolve_within);
        let mine = incident
            .approval
            .as_ref()
            .is_some_and(|approval| approval.id == *id);
        let Some(first) = first_look(&incident, within).filter(|_| mine) else {
            return Ok(());
        };
        let waits = now
            < due(&incident, within)
                .filter(|due| *due <= now)
                .unwrap_or(first)
                + TRIED_FOR;
        if due(&incident, within).is_some_and(|due| due <= now)
            && self.may_never_resolve(&incident).await?
        {
            info!(incident_id = %incident.id, "what still fires is of a sender that may never resolve it: the checks have decided");
            return Ok(());
        }
        if now >= first {
            match self.ended_unheard(&incident, now).await {
                Ok(Some(episode)) if waits => {
                    info!(incident_id = %incident.id, "Alertmanager does not know the alert any more, and has not said so");
                    self.end_unheard(incident, &episode, now).await?;
                    return self
                        .look_later(FollowUp::Resolution(id), now + COUNTED_AFTER, now)
                        .await;
                }
                Err(Failure::Silence(error)) if !(waits && error.may_pass()) => {
                    warn!(incident_id = %incident.id, error = %Chain(&error), "whether the alert still fires could not be found out");
                }
                asked => drop(asked?),
            }
        }
        let (incident, ()) = self
            .store
            .change_loaded(incident, |change| change.still_fires(id, within, now))
            .await?;
        // Also if it was not this look that changed it: the one that did may have ended before it sent this.
        self.notifications
            .send(&Message::IncidentChanged {
                incident_id: incident.id.clone(),
            })
            .await?;
        match due(&incident, within) {
            Some(at) => self.look_again(FollowUp::Resolution(id), at, now).await,
            None => Ok(()),
        }
    }

    /// True if nothing of the incident fires any more but what a sender has sent that may never say that it has ended.
    async fn may_never_resolve(&self, incident: &Incident) -> Result<bool, Failure> {
        let episode = self.store.episode(&incident.fingerprint).await?;
        Ok(episode.is_some_and(|episode| {
            episode.incident_id == incident.id && episode.may_never_resolve()
        }))
    }

    /// The incident's episode, if Alertmanager does not know its alert as firing while the episode does.
    async fn ended_unheard(
        &self,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<Option<Episode>, Failure> {
        let Some(alertmanager) = self
            .alertmanager
            .as_ref()
            .filter(|_| incident.can_be_silenced())
        else {
            return Ok(None);
        };
        let Some(labels) = labels(&incident.alert) else {
            return Ok(None);
        };
        // First what is to be ended, then whether it has: what comes in between changes the version.
        let episode = self.store.episode(&incident.fingerprint).await?;
        let Some(episode) = episode.filter(|episode| {
            episode.incident_id == incident.id
                && episode.members.contains_key(&incident.alert.member)
        }) else {
            return Ok(None);
        };
        let fires = alertmanager.fires(&labels, now).await;
        Ok((!fires.map_err(SilenceError::from)?).then_some(episode))
    }

    /// Ends the incident's alert, of which Alertmanager has told nobody.
    async fn end_unheard(
        &self,
        incident: Incident,
        episode: &Episode,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let member = BTreeSet::from([incident.alert.member.clone()]);
        let (outcome, episode) = on_resolved(episode, &member, now, self.windows);
        let mut change = IncidentChange::new(incident);
        match outcome {
            ResolvedOutcome::Resolved => change.ended_unheard(episode.hit_count, now),
            ResolvedOutcome::MemberLeft | ResolvedOutcome::Ignored => {
                change.eased(episode.severity, episode.hit_count, now);
            }
        }
        if change.entries.is_empty() {
            self.store.save_episode(&episode, self.windows).await?;
        } else {
            self.store
                .save_with_episode(change, &episode, self.windows)
                .await?;
        }
        self.send_unsent(&episode).await
    }
}
