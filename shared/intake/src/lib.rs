//! Intake of normalised alerts: one conditional write for each fingerprint, then the queue. Every
//! entry point for alerts counts them here.

mod counted;
mod error;
mod retry;

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tracing::{debug, info, warn};

use aws::queue::Queue;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus};
use domain::episode::{
    Episode, FIRING_MEMBERS_KEPT, Firing, FiringOutcome, Members, ResolvedOutcome, Unsent, Windows,
    on_firing, on_resolved,
};
use domain::incident::change::IncidentChange;
use domain::primitives::id::{Fingerprint, MemberId};
use store::{Join, Joins, Store, StoreError, fresh_incident_id};
use wire::message::Message;

pub use self::counted::{Counted, Outcome};
pub use self::error::IntakeError;
use self::retry::Retry;

/// How many fingerprints of one delivery are written at a time.
const CONCURRENT_WRITES: usize = 16;

/// A delivery of a sender: one group of Alertmanager, or a single alert.
#[derive(Debug)]
pub struct Delivery {
    /// Its alerts, in the sender's order.
    pub alerts: Vec<Alert>,
    /// True if the whole group has resolved.
    pub whole_group_resolved: bool,
    /// How many alerts the sender left out (`truncatedAlerts`).
    pub left_out: u64,
}

impl Delivery {
    /// A delivery of one alert, which is its whole group.
    #[must_use]
    pub fn single(alert: Alert) -> Self {
        Self {
            whole_group_resolved: alert.status == AlertStatus::Resolved,
            alerts: vec![alert],
            left_out: 0,
        }
    }
}

/// The alerts of one fingerprint in one delivery.
#[derive(Default)]
struct Group {
    /// Those that fire, and the worst of them, which speaks for all.
    firing: Option<(Firing, Alert)>,
    resolved: Members,
}

#[derive(Debug)]
pub struct Intake {
    /// Where they are counted.
    pub store: Store,
    /// The same table, for the most frequent case.
    pub joins: Joins,
    /// Where new incidents go.
    pub incidents: Queue,
    /// Where changed ones go.
    pub notifications: Queue,
    /// How long alerts join.
    pub windows: Windows,
    /// Labels that are part of the identity of what is wrong.
    pub fingerprint_labels: Vec<String>,
}

impl Intake {
    /// Counts every alert of a delivery and returns the result of each, in order. No new write
    /// starts after `until`. A start time that is impossible is replaced by `now`, for every entry
    /// point.
    ///
    /// # Errors
    /// If any of them could not be stored or queued; those that were stay counted, and the sender's retry counts them again.
    pub async fn take(
        &self,
        delivery: Delivery,
        now: Timestamp,
        until: Instant,
    ) -> Result<Vec<Counted>, IntakeError> {
        let Delivery {
            alerts,
            whole_group_resolved,
            left_out,
        } = delivery;
        let keys: Vec<(Fingerprint, MemberId, AlertStatus)> = alerts
            .iter()
            .map(|alert| {
                (
                    fingerprint(alert, &self.fingerprint_labels),
                    alert.member.clone(),
                    alert.status,
                )
            })
            .collect();
        let mut groups: BTreeMap<Fingerprint, Group> = BTreeMap::new();
        for (alert, (fingerprint, ..)) in alerts.into_iter().zip(&keys) {
            add(&mut groups, fingerprint, alert.dated(now), left_out);
        }
        let fingerprints = groups.len();
        let batch = Batch {
            intake: self,
            whole_group_resolved,
            now,
            until,
        };
        // Every group is taken to its end, also after one has failed: a write that is cut off may or may not have counted, and one
        // item that cannot be written must not keep out the others.
        let taken: Vec<Result<Vec<Taken>, IntakeError>> = stream::iter(groups)
            .map(|(fingerprint, group)| batch.take_group(fingerprint, group))
            .buffer_unordered(CONCURRENT_WRITES)
            .collect()
            .await;
        let counted = taken.iter().filter(|taken| taken.is_ok()).count();
        let taken: Vec<Vec<Taken>> =
            taken
                .into_iter()
                .collect::<Result<_, _>>()
                .map_err(|error| match error {
                    IntakeError::OutOfTime { .. } => IntakeError::OutOfTime {
                        counted,
                        fingerprints,
                    },
                    other => other,
                })?;
        let outcomes: BTreeMap<(Fingerprint, bool), Outcome> =
            taken.into_iter().flatten().collect();
        let counted = |(fingerprint, member, status): (Fingerprint, MemberId, AlertStatus)| {
            let outcome = outcomes
                .get(&(fingerprint.clone(), status == AlertStatus::Firing))?
                .clone();
            Some(Counted {
                member,
                fingerprint,
                outcome,
            })
        };
        Ok(keys.into_iter().filter_map(counted).collect())
    }
}

/// Adds an alert to the group of its fingerprint: what one delivery says of one fingerprint is written once.
fn add(
    groups: &mut BTreeMap<Fingerprint, Group>,
    fingerprint: &Fingerprint,
    alert: Alert,
    left_out: u64,
) {
    let starts_at = alert.starts_at.as_millisecond();
    let group = groups.entry(fingerprint.clone()).or_default();
    let later = |members: &mut Members| {
        let known = members.entry(alert.member.clone()).or_insert(starts_at);
        *known = (*known).max(starts_at);
    };
    match alert.status {
        AlertStatus::Resolved => later(&mut group.resolved),
        AlertStatus::Firing => {
            let Some((firing, worst)) = &mut group.firing else {
                group.firing = Some((
                    Firing {
                        left_out,
                        ..Firing::of(&alert)
                    },
                    alert,
                ));
                return;
            };
            later(&mut firing.members);
            firing.count += 1;
            firing.forbids_repair |= !alert.allows_auto_repair();
            if alert.severity > firing.severity {
                firing.severity = alert.severity;
                *worst = alert;
            }
        }
    }
}

/// The alerts of one fingerprint that fire, or those that have ended, with their result.
type Taken = ((Fingerprint, bool), Outcome);

/// What all groups of one delivery share.
struct Batch<'a> {
    intake: &'a Intake,
    whole_group_resolved: bool,
    now: Timestamp,
    until: Instant,
}

impl Batch<'_> {
    async fn take_group(
        &self,
        fingerprint: Fingerprint,
        group: Group,
    ) -> Result<Vec<Taken>, IntakeError> {
        if Instant::now() >= self.until {
            return Err(IntakeError::OutOfTime {
                counted: 0,
                fingerprints: 0,
            });
        }
        let mut taken = Vec::new();
        // Firing first: where one pod recovers while another crashes, the episode goes on.
        if let Some((firing, alert)) = &group.firing {
            let mut patience = Retry::default();
            let outcome = loop {
                match self.fire(&fingerprint, alert, firing).await {
                    Ok(outcome) => break outcome,
                    Err(error) => patience.wait(error, self.until).await?,
                }
            };
            log(&fingerprint, &outcome);
            taken.push(((fingerprint.clone(), true), outcome));
        }
        if !group.resolved.is_empty() {
            let mut patience = Retry::default();
            let outcome = loop {
                match self.resolve(&fingerprint, &group.resolved).await {
                    Ok(outcome) => break outcome,
                    Err(error) => patience.wait(error, self.until).await?,
                }
            };
            log(&fingerprint, &outcome);
            taken.push(((fingerprint, false), outcome));
        }
        Ok(taken)
    }

    async fn fire(
        &self,
        fingerprint: &Fingerprint,
        alert: &Alert,
        firing: &Firing,
    ) -> Result<Outcome, IntakeError> {
        let (
            Intake {
                store,
                joins,
                windows,
                ..
            },
            now,
        ) = (self.intake, self.now);
        let current = if firing.members.len() > FIRING_MEMBERS_KEPT {
            store.episode(fingerprint).await?
        } else {
            match joins.join(fingerprint, firing, now, *windows).await? {
                Join::Joined(episode) => {
                    self.settle(&episode).await?;
                    self.converged(&episode, firing.count).await;
                    return Ok(Outcome::Firing(FiringOutcome::Joined, episode));
                }
                Join::NotPlain(current) => current,
            }
        };
        let (outcome, episode) = on_firing(
            current.as_ref(),
            fingerprint,
            firing,
            &fresh_incident_id(now),
            now,
            *windows,
        );
        let known = current.as_ref();
        let more_left_out = known.is_some_and(|current| current.left_out < episode.left_out);
        let newly_forbidden =
            known.is_some_and(|current| !current.forbids_repair && episode.forbids_repair);
        match outcome {
            FiringOutcome::Opened => {
                let change = IncidentChange::open(
                    episode.incident_id.clone(),
                    fingerprint.clone(),
                    alert.clone(),
                    firing,
                    now,
                );
                store.save_with_episode(change, &episode, *windows).await?;
            }
            FiringOutcome::Joined | FiringOutcome::Late if !more_left_out && !newly_forbidden => {
                store.save_episode(&episode, *windows).await?
            }
            FiringOutcome::Joined
            | FiringOutcome::Late
            | FiringOutcome::Escalated
            | FiringOutcome::Reopened => {
                let change = |change: &mut IncidentChange| {
                    change.incident.left_out = episode.left_out;
                    if newly_forbidden {
                        change.auto_repair_forbidden(now);
                    }
                    if outcome == FiringOutcome::Reopened {
                        change.reopened(episode.flaps, episode.hit_count, now);
                    }
                    if firing.severity > change.incident.alert.severity {
                        change.escalated(firing.severity, episode.hit_count, now);
                    }
                };
                self.save_change(&episode, change).await?;
            }
        }
        self.settle(&episode).await?;
        if outcome == FiringOutcome::Joined {
            self.converged(&episode, firing.count).await;
        }
        Ok(Outcome::Firing(outcome, episode))
    }

    async fn resolve(
        &self,
        fingerprint: &Fingerprint,
        members: &Members,
    ) -> Result<Outcome, IntakeError> {
        let (Intake { store, windows, .. }, now) = (self.intake, self.now);
        let Some(current) = store.episode(fingerprint).await? else {
            return Ok(Outcome::Resolved(ResolvedOutcome::Ignored, None));
        };
        let (outcome, episode) =
            on_resolved(&current, members, self.whole_group_resolved, now, *windows);
        match outcome {
            _ if episode.version == current.version => {}
            ResolvedOutcome::Resolved => {
                self.save_change(&episode, |change| change.resolved(episode.hit_count, now))
                    .await?
            }
            ResolvedOutcome::MemberLeft | ResolvedOutcome::Ignored => {
                store.save_episode(&episode, *windows).await?
            }
        }
        self.settle(&episode).await?;
        Ok(Outcome::Resolved(outcome, Some(episode)))
    }

    /// Saves an episode together with what it means for its incident.
    async fn save_change(
        &self,
        episode: &Episode,
        apply: impl FnOnce(&mut IncidentChange),
    ) -> Result<(), StoreError> {
        let incident = self
            .intake
            .store
            .known_incident(&episode.incident_id)
            .await?;
        let mut change = IncidentChange::of(incident);
        apply(&mut change);
        self.intake
            .store
            .save_with_episode(change, episode, self.intake.windows)
            .await
            .map(drop)
    }

    /// Sends what an episode still has to send, then notes that it was sent.
    async fn settle(&self, episode: &Episode) -> Result<(), IntakeError> {
        for unsent in &episode.unsent {
            let incident_id = episode.incident_id.clone();
            match unsent {
                Unsent::Opened => {
                    self.intake
                        .incidents
                        .send(&Message::IncidentOpened { incident_id })
                        .await?
                }
                Unsent::Changed => {
                    self.intake
                        .notifications
                        .send(&Message::IncidentChanged { incident_id })
                        .await?
                }
            };
            // It is on the queue: the promise is kept even if this note fails, and the next delivery would only send once more.
            if let Err(error) = self.intake.store.mark_sent(episode, *unsent).await {
                warn!(incident_id = %episode.incident_id, %error, "what was sent could not be noted as sent");
            }
        }
        Ok(())
    }

    /// Tells the notifier when the count passes a power of two. The alert is counted already: a failure here must not make the
    /// sender count it again, so it is only logged; the next power of two shows the right number.
    async fn converged(&self, episode: &Episode, count: u64) {
        let hit_count = episode.hit_count;
        let before = hit_count.saturating_sub(count).max(1);
        if hit_count.ilog2() == before.ilog2() {
            return;
        }
        let message = Message::AlertsConverged {
            incident_id: episode.incident_id.clone(),
            hit_count,
        };
        if let Err(error) = self.intake.notifications.send(&message).await {
            warn!(incident_id = %episode.incident_id, %error, "the notifier could not be told of the count");
        }
    }
}

/// Logs what happened to an incident. Joins log at debug level because they dominate traffic.
fn log(fingerprint: &Fingerprint, outcome: &Outcome) {
    let (name, episode) = (outcome.name(), outcome.episode());
    let incident_id = episode.map(|episode| episode.incident_id.as_str());
    let hit_count = episode.map(|episode| episode.hit_count);
    match name {
        "joined" | "late" | "ignored" => {
            debug!(%fingerprint, incident_id, outcome = name, hit_count, "alert")
        }
        _ => info!(%fingerprint, incident_id, outcome = name, hit_count, "alert"),
    }
}
