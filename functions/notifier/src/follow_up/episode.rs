//! Follow-up checks of an episode: whether its alerts still fire, although nobody has heard of them
//! for long (`nothing-forever`), and whether an alert fires again that had just resolved.
//!
//! Alertmanager sends no resolve for what it silences, inhibits or has forgotten, and senders of
//! signed alerts send none at all. Where it can be asked, it decides; else the incident expires.

use std::collections::BTreeSet;

use aws::Chain;
use aws::retry::wait_or;
use domain::alert::{Alert, AlertStatus};
use domain::episode::{Episode, LookOutcome, Unsent, on_look};
use domain::incident::change::IncidentChange;
use domain::incident::parts::IncidentKind;
use domain::incident::{Incident, Status};
use domain::primitives::id::{IncidentId, MemberId};
use domain::primitives::time::Clock;
use domain::transition::sighting::LookedAt;
use domain::transition::silence::TRIED_FOR;
use jiff::{SignedDuration, Timestamp};
use outbound::alertmanager::AlertmanagerError;
use store::{FollowUp, StoreError};
use tracing::{info, warn};
use wire::message::{Message, Signal};

use crate::app::{App, Failure};

/// How far apart two searches for checks that were lost are.
const SEARCHES_APART: SignedDuration = SignedDuration::from_mins(15);
/// How many incidents one search looks for.
const SEARCHED: usize = 50;
/// How often an incident is looked at again that cannot end yet: its repair runs, or Alertmanager is
/// down.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);

impl App {
    /// Schedules the checks of an incident's episode, unless one is under way.
    ///
    /// # Errors
    /// If the queue or the table does not answer.
    pub(crate) async fn watch_episode(
        &self,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<(), Failure> {
        // A storm has no episode of its own: it ends with its members.
        if !incident.is_open() || incident.storm().is_some() {
            return Ok(());
        }
        let at = now + self.windows.stale + SignedDuration::from_secs(1);
        if !self
            .look_once(FollowUp::Episode(&incident.id), at, now)
            .await?
        {
            return Ok(());
        }
        self.look_at_predecessor(incident, now).await?;
        self.search_lost(now).await
    }

    /// Looks at the last incident of the same fingerprint, if it is open still: what nobody had heard
    /// of has a successor now.
    async fn look_at_predecessor(
        &self,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let past = self
            .store
            .past(&incident.fingerprint, &incident.id, 1)
            .await?;
        for before in past.incidents.iter().filter(|before| before.is_open()) {
            self.look_later(FollowUp::Episode(&before.id), now, now)
                .await?;
        }
        Ok(())
    }

    /// Schedules the checks of open incidents that were lost, as with messages that nobody could
    /// handle for days. New incidents cause it, so that nothing runs where nothing happens.
    async fn search_lost(&self, now: Timestamp) -> Result<(), Failure> {
        let due = self.store.next_look(FollowUp::LostEpisodes).await?;
        if due.is_some_and(|due| now < due) {
            return Ok(());
        }
        self.store
            .look_is_due(FollowUp::LostEpisodes, now + SEARCHES_APART)
            .await?;
        let open = self.store.open_incidents().await?;
        // Others have their turn another time.
        let first = usize::try_from(now.as_millisecond()).unwrap_or_default() % open.len().max(1);
        for id in open
            .iter()
            .cycle()
            .skip(first)
            .take(SEARCHED.min(open.len()))
        {
            self.look_once(FollowUp::Episode(id), now, now).await?;
        }
        Ok(())
    }

    /// Looks at an incident's episode, and saves what is due.
    ///
    /// # Errors
    /// If the queue or the table does not answer; looking again changes nothing twice.
    pub async fn episode_due(&self, id: &IncidentId, clock: Clock<'_>) -> Result<(), Failure> {
        let mut waits = aws::retry::CONFLICTS.waits();
        let looked = loop {
            match self.look_at_episode(id, clock()).await {
                Err(Failure::Store(error @ StoreError::Conflict)) => {
                    wait_or(waits.next(), error).await?;
                }
                looked => break looked?,
            }
        };
        let Some(Looked { episode, again_at }) = looked else {
            return Ok(());
        };
        self.send_unsent(&episode).await?;
        let (look, now) = (FollowUp::Episode(id), clock());
        match (episode.settles_at(), again_at) {
            // The check that is under way may be later.
            (Some(at), _) => self.look_later(look, at, now).await,
            (None, Some(at)) => self.look_again(look, at, now).await,
            // It is over. If it comes back, its checks begin anew, and do not wait for this one.
            (None, None) => {
                let long_ago = Timestamp::UNIX_EPOCH;
                Ok(self.store.look_is_due(look, long_ago).await?)
            }
        }
    }

    /// Looks once. None if the incident has no episode any more; it has expired then.
    async fn look_at_episode(
        &self,
        id: &IncidentId,
        now: Timestamp,
    ) -> Result<Option<Looked>, Failure> {
        let Some(incident) = self.store.incident(id).await? else {
            return Ok(None);
        };
        let current = self.store.episode(&incident.fingerprint).await?;
        // Without an episode nobody was heard since it opened.
        let young = now.duration_since(incident.opened_at) <= self.windows.stale;
        let current = match current {
            Some(current) if current.incident_id == *id => current,
            None if young => return Ok(None),
            _ => {
                self.succeeded(incident, now).await?;
                return Ok(None);
            }
        };
        let is_report = incident.kind == IncidentKind::Pipeline;
        let stale = current.is_stale(now, self.windows) && !is_report;
        let settles = current.settles_at().is_some_and(|at| at <= now);
        let again_at = |episode: &Episode| {
            let stale_at = episode.last_seen + self.windows.stale + SignedDuration::from_secs(1);
            let at = if stale_at > now {
                stale_at
            } else {
                now + AGAIN_AFTER
            };
            (episode.open && !is_report).then_some(at)
        };
        // A repair that runs ends first.
        if !settles && (!stale || incident.status == Status::Repairing) {
            let again_at = again_at(&current);
            return Ok(Some(Looked {
                episode: current,
                again_at,
            }));
        }
        let active = match self.active_members(&incident, &current, now).await {
            Err(error) => {
                warn!(incident_id = %id, error = %Chain(&error), "Alertmanager could not be asked what fires");
                let give_up_at = current.last_seen + self.windows.stale + TRIED_FOR;
                if !settles && error.may_pass() && now < give_up_at {
                    let again_at = again_at(&current);
                    return Ok(Some(Looked {
                        episode: current,
                        again_at,
                    }));
                }
                None
            }
            Ok(active) => active,
        };
        let (outcome, episode) = on_look(&current, active.as_ref(), !is_report, now, self.windows);
        if episode.version != current.version {
            self.save_look(incident, &current, outcome, &episode, now)
                .await?;
        }
        let again_at = again_at(&episode);
        Ok(Some(Looked { episode, again_at }))
    }

    /// Saves what a look has found, together with what it means for the incident.
    async fn save_look(
        &self,
        incident: Incident,
        current: &Episode,
        outcome: LookOutcome,
        episode: &Episode,
        now: Timestamp,
    ) -> Result<(), Failure> {
        info!(incident_id = %incident.id, ?outcome, "looked at an episode");
        let mut change = IncidentChange::new(incident);
        let looked = LookedAt {
            outcome,
            before: current,
            after: episode,
            stale: self.windows.stale,
        };
        looked.apply(&mut change, now);
        if change.entries.is_empty() {
            self.store.save_episode(episode, self.windows).await?;
        } else {
            self.store
                .save_with_episode(change, episode, self.windows)
                .await?;
        }
        Ok(())
    }

    /// Ends an incident whose episode is gone: its fingerprint has another one, or none for a week.
    async fn succeeded(&self, incident: Incident, now: Timestamp) -> Result<(), Failure> {
        let open = |incident: &Incident| {
            incident.is_open()
                && incident.storm().is_none()
                && incident.resolved_at.is_none()
                && incident.status != Status::Repairing
        };
        if !open(&incident) {
            return Ok(());
        }
        let id = incident.id.clone();
        self.store
            .change_loaded(incident, |change| {
                if open(&change.incident) {
                    let hit_count = change.incident.hit_count;
                    let why = "nothing was heard of its alerts, until others opened a new incident";
                    change.expired(why, hit_count, now);
                }
            })
            .await?;
        let changed = Message::IncidentChanged { incident_id: id };
        self.notifications.send(&changed).await?;
        Ok(())
    }

    /// The members that Alertmanager has now; none if it cannot be asked about this incident.
    async fn active_members(
        &self,
        incident: &Incident,
        episode: &Episode,
        now: Timestamp,
    ) -> Result<Option<BTreeSet<MemberId>>, AlertmanagerError> {
        let of_alertmanager = incident.is_of_alertmanager();
        let Some(alertmanager) = self.alertmanager.as_ref().filter(|_| of_alertmanager) else {
            return Ok(None);
        };
        let members = episode.members.keys().chain(episode.departed.keys());
        let members = members.map(MemberId::as_str).collect();
        let active = alertmanager.active(&incident.alert, &members, now).await?;
        let active = active.into_iter();
        let known = active.filter_map(|fingerprint| MemberId::try_from(fingerprint).ok());
        Ok(Some(known.collect()))
    }

    /// Sends what an episode still has to send, then notes that it was sent.
    pub(crate) async fn send_unsent(&self, episode: &Episode) -> Result<(), Failure> {
        for unsent in &episode.unsent {
            let incident_id = episode.incident_id.clone();
            match unsent {
                // Messages to the analyzer are for those who count alerts: no chain of messages comes back
                // to a function. A resolve of a member that there never was changes nothing, and makes them
                // send what is unsent.
                Unsent::Opened => {
                    let incident = self.store.known_incident(&incident_id).await?;
                    let alert = Alert {
                        status: AlertStatus::Resolved,
                        member: MemberId::of_nobody(),
                        ..incident.alert
                    };
                    self.signals.send(&Signal::from(alert)).await?;
                    continue;
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

/// What a look leaves behind.
struct Looked {
    episode: Episode,
    /// When to look again.
    again_at: Option<Timestamp>,
}
