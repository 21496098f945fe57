//! From normalised alerts to counted ones: one conditional write for each fingerprint, then the queue.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use shared::domain::alert::{Alert, AlertStatus};
use shared::domain::draft::Draft;
use shared::domain::episode::{Episode, Firing, FiringOutcome, Members, ResolvedOutcome, Unsent, on_firing, on_resolved};
use shared::domain::fingerprint::fingerprint;
use shared::domain::id::{Fingerprint, IncidentId};
use shared::message::Message;
use shared::store::{Change, Join, StoreError};
use tracing::{debug, info, warn};
use ulid::Ulid;

use crate::App;
use crate::answer::{self, AlertAnswer};
use crate::rejection::Rejection;

/// How many fingerprints of one delivery are written at a time.
const CONCURRENT_WRITES: usize = 16;
/// How often a write that lost a race is decided anew before the sender is asked to come again.
const ATTEMPTS: u32 = 30;

/// The alerts of one fingerprint in one delivery.
struct Group {
    alert: Alert,
    firing: Option<Firing>,
    resolved: Members,
}

/// Counts every alert of a delivery and answers each, in order.
///
/// # Errors
/// If any of them could not be stored or queued; those that were stay counted, and the sender's retry counts them again.
pub async fn take(app: &App, alerts: Vec<Alert>, whole_group_resolved: bool, now: Timestamp) -> Result<Vec<AlertAnswer>, Rejection> {
    let keys: Vec<(Fingerprint, String, AlertStatus)> = alerts
        .iter()
        .map(|alert| (fingerprint(alert, &app.config.fingerprint_labels), format!("alert-{}", alert.member), alert.status))
        .collect();
    let mut groups: BTreeMap<Fingerprint, Group> = BTreeMap::new();
    for (alert, (fingerprint, ..)) in alerts.into_iter().zip(&keys) {
        add(&mut groups, fingerprint, alert);
    }
    // Every group is taken to its end, also after one has failed: a write that is cut off may or may not have counted.
    let taken: Vec<Result<Answers, Rejection>> = stream::iter(groups)
        .map(|(fingerprint, group)| take_group(app, fingerprint, group, whole_group_resolved, now))
        .buffer_unordered(CONCURRENT_WRITES)
        .collect()
        .await;
    let taken: Vec<Answers> = taken.into_iter().collect::<Result<_, _>>()?;
    let answered: BTreeMap<(Fingerprint, bool), AlertAnswer> = taken.into_iter().flatten().collect();
    let answer = |(fingerprint, alert_id, status)| {
        let answer = answered.get(&(fingerprint, status == AlertStatus::Firing))?;
        Some(AlertAnswer { alert_id, ..answer.clone() })
    };
    Ok(keys.into_iter().filter_map(answer).collect())
}

/// Adds an alert to the group of its fingerprint: what one delivery says of one fingerprint is written once.
fn add(groups: &mut BTreeMap<Fingerprint, Group>, fingerprint: &Fingerprint, alert: Alert) {
    let starts_at = alert.starts_at.as_millisecond();
    let group = groups.entry(fingerprint.clone()).or_insert_with(|| Group { alert: alert.clone(), firing: None, resolved: Members::new() });
    let later = |members: &mut Members| {
        let known = members.entry(alert.member.clone()).or_insert(starts_at);
        *known = (*known).max(starts_at);
    };
    match alert.status {
        AlertStatus::Resolved => later(&mut group.resolved),
        AlertStatus::Firing => {
            let firing = group.firing.get_or_insert(Firing { members: Members::new(), count: 0, severity: alert.severity });
            later(&mut firing.members);
            firing.count += 1;
            if firing.count == 1 || alert.severity > firing.severity {
                firing.severity = alert.severity;
                // The worst alert speaks for the group.
                group.alert = alert;
            }
        }
    }
}

type Answers = Vec<((Fingerprint, bool), AlertAnswer)>;

async fn take_group(app: &App, fingerprint: Fingerprint, group: Group, whole_group: bool, now: Timestamp) -> Result<Answers, Rejection> {
    let mut answers = Vec::new();
    // Firing first: where one pod recovers while another crashes, the episode goes on.
    if let Some(firing) = &group.firing {
        let (outcome, episode) = fire(app, &fingerprint, &group.alert, firing, now).await?;
        let answer = answer::firing(outcome, &episode);
        log(&answer);
        answers.push(((fingerprint.clone(), true), answer));
    }
    if !group.resolved.is_empty() {
        let answer = resolve(app, &fingerprint, &group.resolved, whole_group, now).await?;
        log(&answer);
        answers.push(((fingerprint, false), answer));
    }
    Ok(answers)
}

/// One line for what happened to an incident. Joins are the many: they are lines only for who asks for them.
fn log(answer: &AlertAnswer) {
    let AlertAnswer { fingerprint, incident_id, outcome, hit_count, .. } = answer;
    match *outcome {
        "joined" | "late" | "ignored" => debug!(%fingerprint, incident_id, outcome, hit_count, "alert"),
        _ => info!(%fingerprint, incident_id, outcome, hit_count, "alert"),
    }
}

async fn fire(
    app: &App,
    fingerprint: &Fingerprint,
    alert: &Alert,
    firing: &Firing,
    now: Timestamp,
) -> Result<(FiringOutcome, Episode), Rejection> {
    let windows = app.config.windows;
    for attempt in 0..ATTEMPTS {
        let current = match app.store.join(fingerprint, firing, now, windows).await {
            Ok(Join::Joined(episode)) => {
                settle(app, &episode).await?;
                converged(app, &episode, firing.count).await;
                return Ok((FiringOutcome::Joined, episode));
            }
            Ok(Join::NotPlain(current)) => current,
            Err(StoreError::Conflict) => {
                app.pause(attempt).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let (outcome, episode) = on_firing(current.as_ref(), fingerprint, firing, &fresh_id(now), now, windows);
        let saved = match outcome {
            FiringOutcome::Joined | FiringOutcome::Late => app.store.save_episode(Change(&episode), windows).await,
            FiringOutcome::Opened => {
                let id = episode.incident_id.clone();
                let draft = Draft::open(id, fingerprint.clone(), alert.clone(), episode.hit_count, now);
                app.store.save_with_episode(draft, Change(&episode), windows).await.map(drop)
            }
            FiringOutcome::Escalated | FiringOutcome::Reopened => {
                let change = |draft: &mut Draft| {
                    if outcome == FiringOutcome::Reopened {
                        draft.reopened(episode.flaps, episode.hit_count, now);
                    }
                    if firing.severity > draft.incident.alert.severity {
                        draft.escalated(firing.severity, episode.hit_count, now);
                    }
                };
                save_change(app, &episode, change).await
            }
        };
        match saved {
            Ok(()) => {
                settle(app, &episode).await?;
                if outcome == FiringOutcome::Joined {
                    converged(app, &episode, firing.count).await;
                }
                return Ok((outcome, episode));
            }
            Err(StoreError::Conflict) => app.pause(attempt).await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

async fn resolve(
    app: &App,
    fingerprint: &Fingerprint,
    members: &Members,
    whole_group: bool,
    now: Timestamp,
) -> Result<AlertAnswer, Rejection> {
    let windows = app.config.windows;
    for attempt in 0..ATTEMPTS {
        let Some(current) = app.store.episode(fingerprint).await? else {
            return Ok(answer::resolved(ResolvedOutcome::Ignored, fingerprint, None));
        };
        let (outcome, episode) = on_resolved(&current, members, whole_group, now, windows);
        let saved = match outcome {
            _ if episode.version == current.version => Ok(()),
            ResolvedOutcome::Resolved => save_change(app, &episode, |draft| draft.resolved(episode.hit_count, now)).await,
            ResolvedOutcome::MemberLeft | ResolvedOutcome::Ignored => app.store.save_episode(Change(&episode), windows).await,
        };
        match saved {
            Ok(()) => {
                settle(app, &episode).await?;
                return Ok(answer::resolved(outcome, fingerprint, Some(&episode)));
            }
            Err(StoreError::Conflict) => app.pause(attempt).await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Saves an episode together with what it means for its incident.
async fn save_change(app: &App, episode: &Episode, change: impl FnOnce(&mut Draft)) -> Result<(), StoreError> {
    let missing = || StoreError::Missing { key: format!("INC#{} / INCIDENT", episode.incident_id) };
    let incident = app.store.incident(&episode.incident_id).await?.ok_or_else(missing)?;
    let mut draft = Draft::of(incident);
    change(&mut draft);
    app.store.save_with_episode(draft, Change(episode), app.config.windows).await.map(drop)
}

/// Sends what an episode still has to send, then notes that it was sent.
async fn settle(app: &App, episode: &Episode) -> Result<(), Rejection> {
    for unsent in &episode.unsent {
        let incident_id = episode.incident_id.clone();
        match unsent {
            Unsent::Opened => app.incidents.send(&Message::IncidentOpened { incident_id }).await?,
            Unsent::Changed => app.notifications.send(&Message::IncidentChanged { incident_id }).await?,
        }
        // It is on the queue: the promise is kept even if this note fails, and the next delivery would only send once more.
        if let Err(error) = app.store.mark_sent(episode, *unsent).await {
            warn!(incident_id = %episode.incident_id, %error, "what was sent could not be noted as sent");
        }
    }
    Ok(())
}

/// Tells the notifier when the count passes a power of two. The alert is counted already: a failure here must not make the
/// sender count it again, so it is only logged; the next power of two shows the right number.
async fn converged(app: &App, episode: &Episode, count: u64) {
    let hit_count = episode.hit_count;
    let before = hit_count.saturating_sub(count).max(1);
    if hit_count.ilog2() == before.ilog2() {
        return;
    }
    let message = Message::AlertsConverged { incident_id: episode.incident_id.clone(), hit_count };
    if let Err(error) = app.notifications.send(&message).await {
        warn!(incident_id = %episode.incident_id, %error, "the notifier could not be told of the count");
    }
}

fn fresh_id(now: Timestamp) -> IncidentId {
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let ulid = Ulid::from_parts(milliseconds, Ulid::generate().random());
    match IncidentId::try_from(ulid.to_string()) {
        Ok(id) => id,
        Err(_) => unreachable!("a ULID is an incident id"),
    }
}
