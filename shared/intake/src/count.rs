//! Counting of the alerts of one fingerprint: one conditional write, then the messages that follow from it.

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::Timestamp;
use tracing::{debug, info, warn};

use aws::Chain;
use aws::queue::{Queue, delay_until};
use aws::retry::{self, Backoff};
use domain::alert::Alert;
use domain::episode::{
    Episode, Firing, FiringOutcome, ResolvedOutcome, Unsent, Windows, on_firing, on_resolved,
};
use domain::incident::change::IncidentChange;
use domain::primitives::id::{Fingerprint, MemberId};
use domain::transition::sighting::{Ended, Fired};
use store::{Join, Joins, Store, StoreError, fresh_incident_id};
use wire::message::Message;

use crate::counted::Outcome;
use crate::error::IntakeError;
use crate::grouped::Group;

/// After these, the sender is asked to retry.
const CONFLICTS: Backoff = Backoff {
    retries: 30,
    ..retry::CONFLICTS
};
/// A throttled table is asked until the time is up.
const THROTTLED: Backoff = Backoff {
    retries: u32::MAX,
    ..retry::THROTTLED
};

/// What alerts are counted with.
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

/// The alerts of one fingerprint that fire, or those that have ended, with their result.
pub(crate) type Taken = ((Fingerprint, bool), Outcome);

/// What all groups of one delivery share.
pub(crate) struct Batch<'a> {
    pub(crate) intake: &'a Intake,
    pub(crate) now: Timestamp,
    pub(crate) until: Instant,
}

impl Batch<'_> {
    pub(crate) async fn take_group(
        &self,
        fingerprint: Fingerprint,
        group: Group,
    ) -> Result<Vec<Taken>, IntakeError> {
        // Checked before each fingerprint: the delivery is refused whole then, and its retry gets further.
        if Instant::now() >= self.until {
            return Err(IntakeError::OutOfTime {
                counted: 0,
                fingerprints: 0,
            });
        }
        let mut taken = Vec::new();
        // Firing first: where one pod recovers while another crashes, the episode goes on.
        if let Some((firing, alert)) = &group.firing {
            let fire = || self.fire(&fingerprint, alert, firing);
            taken.push(((fingerprint.clone(), true), self.patiently(fire).await?));
        }
        if !group.resolved.is_empty() {
            let resolve = || self.resolve(&fingerprint, &group.resolved);
            let outcome = self.patiently(resolve).await?;
            taken.push(((fingerprint.clone(), false), outcome));
        }
        for (_, outcome) in &taken {
            log(&fingerprint, outcome);
        }
        Ok(taken)
    }

    /// Counts, and decides again after a conflict or asks a throttled table again, while there is time.
    async fn patiently<F>(&self, count: impl FnMut() -> F) -> Result<Outcome, IntakeError>
    where
        F: Future<Output = Result<Outcome, IntakeError>>,
    {
        let (mut conflicts, mut throttling) = (CONFLICTS.waits(), THROTTLED.waits());
        retry::retry(count, |error| {
            let wait = match error {
                IntakeError::Store(StoreError::Conflict) => conflicts.next(),
                IntakeError::Store(StoreError::Busy(_)) => throttling.next(),
                _ => None,
            };
            // A wait beyond the deadline would end in no answer, where a 503 makes the sender try again.
            wait.filter(|wait| Instant::now() + *wait < self.until)
        })
        .await
    }

    async fn fire(
        &self,
        fingerprint: &Fingerprint,
        alert: &Alert,
        firing: &Firing,
    ) -> Result<Outcome, IntakeError> {
        let Intake {
            store,
            joins,
            windows,
            ..
        } = self.intake;
        let now = self.now;
        // More members than the episode's own item holds cannot be joined by one conditional update.
        let current = if firing.members.len() > Joins::MOST_MEMBERS {
            store.episode(fingerprint).await?
        } else {
            match joins.join(fingerprint, firing, now, *windows).await? {
                Join::Joined(episode) => {
                    // An earlier delivery may have crashed between its write and its message: whoever joins sends what is left.
                    self.send_unsent(&episode).await?;
                    self.converged(&episode, firing.count).await;
                    return Ok(Outcome::Firing(FiringOutcome::Joined, episode));
                }
                Join::NotPlain(None) => None,
                Join::NotPlain(Some(current)) => Some(store.whole(current).await?),
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
        match outcome {
            // Episode, incident and first log entry in one transaction: none of them is ever there alone.
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
            FiringOutcome::Joined
            | FiringOutcome::Late
            | FiringOutcome::Escalated
            | FiringOutcome::Reopened => {
                let fired = current.as_ref().map(|before| Fired {
                    outcome,
                    before,
                    after: &episode,
                    alert,
                });
                match fired.filter(Fired::is_shown) {
                    Some(fired) => {
                        self.save_change(&episode, |change| fired.apply(change, now))
                            .await?
                    }
                    None => store.save_episode(&episode, *windows).await?,
                }
            }
        }
        self.send_unsent(&episode).await?;
        if outcome == FiringOutcome::Joined {
            self.converged(&episode, firing.count).await;
        }
        Ok(Outcome::Firing(outcome, episode))
    }

    async fn resolve(
        &self,
        fingerprint: &Fingerprint,
        members: &BTreeSet<MemberId>,
    ) -> Result<Outcome, IntakeError> {
        let (Intake { store, windows, .. }, now) = (self.intake, self.now);
        let Some(current) = store.episode(fingerprint).await? else {
            return Ok(Outcome::Resolved(ResolvedOutcome::Ignored, None));
        };
        let (outcome, episode) = on_resolved(&current, members, now, *windows);
        let ended = Ended {
            outcome,
            before: &current,
            after: &episode,
        };
        if ended.is_shown() {
            self.save_change(&episode, |change| ended.apply(change, now))
                .await?;
        } else if episode.version != current.version {
            // Otherwise the resolve says nothing that the episode does not know.
            store.save_episode(&episode, *windows).await?;
        }
        self.send_unsent(&episode).await?;
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
        let mut change = IncidentChange::new(incident);
        apply(&mut change);
        self.intake
            .store
            .save_with_episode(change, episode, self.intake.windows)
            .await
            .map(drop)
    }

    /// Sends what an episode still has to send, then notes that it was sent.
    async fn send_unsent(&self, episode: &Episode) -> Result<(), IntakeError> {
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
                Unsent::Disputed => {
                    let at = episode.settles_at().unwrap_or(self.now);
                    self.intake
                        .notifications
                        .send_later(
                            &Message::EpisodeTimer { incident_id },
                            delay_until(at, self.now),
                        )
                        .await?
                }
            };
            // It is on the queue: the promise is kept even if this note fails, and the next delivery would only send once more.
            if let Err(error) = self.intake.store.mark_sent(episode, *unsent).await {
                warn!(incident_id = %episode.incident_id, error = %Chain(&error), "what was sent could not be noted as sent");
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
            warn!(incident_id = %episode.incident_id, error = %Chain(&error), "the notifier could not be told of the count");
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
