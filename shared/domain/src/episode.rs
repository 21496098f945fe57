//! The episode state machine: from the first firing alert of a fingerprint until it is resolved or
//! stale (DESIGN §4).
//!
//! Two pure functions hold the whole rule: [`on_firing`] and [`on_resolved`] map the stored episode
//! and a delivery to the new episode. The store implements the most frequent case, a plain join, as
//! one conditional write; its condition is the negation of everything that [`on_firing`] treats in
//! another way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertSeverity};
use crate::incident::Incident;
use crate::incident::approval::ApprovalState;
use crate::primitives::id::{Fingerprint, IncidentId, MemberId};
use crate::primitives::safe_text::cut;

/// How many members an episode remembers; with these bounds its item stays under 1 KB, the unit in which writes are billed.
pub const FIRING_MEMBERS_KEPT: usize = 12;
/// How many members that have resolved it remembers, to recognise their late deliveries.
pub const DEPARTED_MEMBERS_KEPT: usize = 8;

/// Members with the time at which each began to fire (milliseconds since 1970).
pub type Members = BTreeMap<MemberId, i64>;

/// How long alerts join the incident that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// After the last sighting, a new firing alert within this time joins (`DEBOUNCE_SECONDS`).
    pub debounce: SignedDuration,
    /// An open episode not seen for this long is stale (`EPISODE_STALE_SECONDS`).
    pub stale: SignedDuration,
}

/// A fact about an episode that still has to reach a queue.
///
/// It is written with the fact itself and removed after the send, so that the next writer of the
/// episode finds what a crash or a failing queue left unsent (`durable-ack`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsent {
    /// The incident was opened: it has to go onto the queue `incidents`.
    Opened,
    /// The incident changed (resolved, reopened, escalated): its card has to be updated.
    Changed,
}

/// How long the advice on the episode may be: the episode's item stays under 1 KB.
pub const ADVICE_CHARACTERS: usize = 120;

/// The analyzer's summary for the answers to alerts that join, so that a join needs no second read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The approval that waits, if the analysis proposed a plan.
    pub approval_id: Option<String>,
    /// The risk, in lower case.
    pub risk_level: String,
    /// One line for people, bounded to 120 characters.
    pub suggested_action: String,
}

impl Advice {
    /// The advice about an incident, once it is analysed. It names an approval only while that can
    /// still be decided.
    pub fn from_incident(incident: &Incident) -> Option<Self> {
        let analysis = incident.analysis.as_ref()?;
        let waits = incident
            .approval
            .as_ref()
            .filter(|approval| approval.state == ApprovalState::Pending);
        Some(Self {
            approval_id: waits.map(|approval| approval.id.to_string()),
            risk_level: analysis.risk.as_str().to_owned(),
            suggested_action: cut(&analysis.suggested_action, ADVICE_CHARACTERS),
        })
    }
}

/// The state of one fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Whose episode it is.
    pub fingerprint: Fingerprint,
    /// The incident that its alerts join.
    pub incident_id: IncidentId,
    /// False once every member has resolved.
    pub open: bool,
    /// The alerts that fire.
    pub members: Members,
    /// The latest alerts that have resolved.
    pub departed: Members,
    /// True if more members fired than are kept: the episode then ends with its whole group, or by staleness.
    pub overflowed: bool,
    /// The most alerts that one delivery to it left out (`truncatedAlerts`).
    pub left_out: u64,
    /// True once an alert of it had a label that forbids a repair without a human. It holds for the
    /// whole episode, even after that alert has resolved.
    pub forbids_repair: bool,
    /// How many firing alerts were acknowledged (`exact-count`).
    pub hit_count: u64,
    /// When it was opened.
    pub first_seen: Timestamp,
    /// When an alert last joined.
    pub last_seen: Timestamp,
    /// Until when a new firing alert joins although the episode is resolved.
    pub window_end: Timestamp,
    /// The worst severity seen.
    pub severity: AlertSeverity,
    /// How often it fired again after a resolve.
    pub flaps: u64,
    /// What still has to be sent.
    pub unsent: BTreeSet<Unsent>,
    /// The analyzer's answer, once there is one.
    pub advice: Option<Advice>,
    /// Counts the writes, for optimistic locking.
    pub version: u64,
}

impl Episode {
    /// True if an alert that fires now belongs to this episode.
    pub fn accepts(&self, now: Timestamp, windows: Windows) -> bool {
        let fresh = self.open && now.duration_since(self.last_seen) <= windows.stale;
        fresh || now <= self.window_end
    }

    /// True if every member that still fires comes from a sender that may never send a resolve (see
    /// [`Alert::sender_resolves`]).
    pub fn may_never_resolve(&self) -> bool {
        self.open
            && !self.overflowed
            && !self.members.is_empty()
            && self.members.keys().all(MemberId::is_unnumbered)
    }

    fn is_late(&self, member: &MemberId, starts_at: i64) -> bool {
        self.departed
            .get(member)
            .is_some_and(|departed| starts_at <= *departed)
    }

    fn sighted(&mut self, firing: &Firing, now: Timestamp, windows: Windows) {
        // `max`, because the clock of the function that wrote last may be ahead of this one.
        self.last_seen = self.last_seen.max(now);
        self.window_end = self.window_end.max(now + windows.debounce);
        for (member, starts_at) in &firing.members {
            // An old delivery must not make a resolved member fire again.
            if self.is_late(member, *starts_at) {
                continue;
            }
            if let Some(known) = self.members.get_mut(member) {
                *known = (*known).max(*starts_at);
            } else if self.members.len() < FIRING_MEMBERS_KEPT {
                self.members.insert(member.clone(), *starts_at);
            } else {
                // This member's resolve will not be recognised, so the episode cannot end by
                // counting members any more.
                self.overflowed = true;
            }
        }
    }
}

/// The firing alerts of one fingerprint in one delivery, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// Who fires, since when.
    pub members: Members,
    /// How many alerts were added up.
    pub count: u64,
    /// The worst of them.
    pub severity: AlertSeverity,
    /// How many alerts the sender left out of the delivery; some of them may be of this fingerprint.
    pub left_out: u64,
    /// False where the incident that they open is not analysed and only gets a card.
    pub analysed: bool,
    /// True if the label of one of them forbids a repair without a human (`auto_repair=false`).
    pub forbids_repair: bool,
}

impl Firing {
    /// One sighting of one alert.
    pub fn from_alert(alert: &Alert) -> Self {
        let members = Members::from([(alert.member.clone(), alert.starts_at.as_millisecond())]);
        let forbids_repair = !alert.allows_auto_repair();
        Self {
            members,
            count: 1,
            severity: alert.severity,
            left_out: 0,
            analysed: !alert.cicd,
            forbids_repair,
        }
    }
}

/// What a firing delivery does to its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FiringOutcome {
    /// A new episode and a new incident.
    Opened,
    /// One more sighting of what is known.
    Joined,
    /// The same, and worse than before.
    Escalated,
    /// It fires again inside the window after a resolve.
    Reopened,
    /// An old delivery of an alert that has resolved: counted, nothing else.
    Late,
}

/// Decides what a firing delivery does. `fresh_id` becomes the incident's id if a new one is opened.
pub fn on_firing(
    current: Option<&Episode>,
    fingerprint: &Fingerprint,
    firing: &Firing,
    fresh_id: &IncidentId,
    now: Timestamp,
    windows: Windows,
) -> (FiringOutcome, Episode) {
    let late = |episode: &Episode| {
        firing
            .members
            .iter()
            .all(|(member, starts_at)| episode.is_late(member, *starts_at))
    };
    // A late delivery belongs to this episode even if the episode accepts no more alerts: it must
    // not open an incident of its own.
    let Some(episode) = current.filter(|episode| late(episode) || episode.accepts(now, windows))
    else {
        return (
            FiringOutcome::Opened,
            open(fingerprint, firing, fresh_id, current, now, windows),
        );
    };
    let mut next = episode.clone();
    next.version += 1;
    // Late deliveries were acknowledged too, so they count (`exact-count`).
    next.hit_count += firing.count;
    if late(episode) {
        return (FiringOutcome::Late, next);
    }
    next.sighted(firing, now, windows);
    // The card shows the largest number, so only a larger one changes it.
    if firing.left_out > next.left_out {
        next.left_out = firing.left_out;
        next.unsent.insert(Unsent::Changed);
    }
    next.forbids_repair |= firing.forbids_repair;
    let mut outcome = FiringOutcome::Joined;
    if firing.severity > next.severity {
        next.severity = firing.severity;
        outcome = FiringOutcome::Escalated;
    }
    if !next.open {
        next.open = true;
        next.flaps += 1;
        // Takes precedence over `Escalated`: the severity is raised either way.
        outcome = FiringOutcome::Reopened;
        if firing.analysed {
            // The episode may have ended before its analysis, and the analyzer skips what has
            // ended; or it was repaired, and the analyzer counts the recurrence.
            next.unsent.insert(Unsent::Opened);
        }
    }
    if outcome != FiringOutcome::Joined {
        next.unsent.insert(Unsent::Changed);
    }
    (outcome, next)
}

fn open(
    fingerprint: &Fingerprint,
    firing: &Firing,
    id: &IncidentId,
    before: Option<&Episode>,
    now: Timestamp,
    windows: Windows,
) -> Episode {
    let mut episode = Episode {
        fingerprint: fingerprint.clone(),
        incident_id: id.clone(),
        open: true,
        members: Members::new(),
        // What resolved in the episode before can still be delivered late into this one.
        departed: before
            .map(|episode| episode.departed.clone())
            .unwrap_or_default(),
        overflowed: false,
        left_out: firing.left_out,
        forbids_repair: firing.forbids_repair,
        hit_count: firing.count,
        first_seen: now,
        last_seen: now,
        window_end: now,
        severity: firing.severity,
        flaps: 0,
        unsent: BTreeSet::from([if firing.analysed {
            Unsent::Opened
        } else {
            Unsent::Changed
        }]),
        advice: None,
        version: before.map_or(1, |episode| episode.version + 1),
    };
    episode.sighted(firing, now, windows);
    episode
}

/// What a resolved delivery does to its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedOutcome {
    /// The last member left: the incident is over.
    Resolved,
    /// Members left, others still fire.
    MemberLeft,
    /// Nothing of it is open: a repetition, or an alert that was never seen.
    Ignored,
}

/// Decides what resolved alerts do. `whole_group` says that the sender's whole group has resolved, which is what ends
/// an episode that had more members than it keeps.
pub fn on_resolved(
    current: &Episode,
    resolved: &Members,
    whole_group: bool,
    now: Timestamp,
    windows: Windows,
) -> (ResolvedOutcome, Episode) {
    let mut next = current.clone();
    for (member, starts_at) in resolved {
        // A resolve that was overtaken by a newer firing of the same alert must not end the newer one.
        if next
            .members
            .get(member)
            .is_some_and(|firing| firing <= starts_at)
        {
            next.members.remove(member);
        }
        // Also for a member that was never seen: its firing alert may still be delivered late.
        let departed = next.departed.entry(member.clone()).or_insert(*starts_at);
        *departed = (*departed).max(*starts_at);
    }
    // The item has to stay under 1 KB: the members that began to fire first are dropped first.
    while next.departed.len() > DEPARTED_MEMBERS_KEPT {
        let oldest = next
            .departed
            .iter()
            .min_by_key(|(_, starts_at)| **starts_at)
            .map(|(member, _)| member.clone());
        oldest.map(|member| next.departed.remove(&member));
    }
    if !next.open {
        // A closed episode does not change state, but new departures are still written.
        next.version = current.version + u64::from(next != *current);
        return (ResolvedOutcome::Ignored, next);
    }
    if next == *current {
        return (ResolvedOutcome::Ignored, next);
    }
    next.version += 1;
    // After an overflow an empty list does not mean that every member has resolved.
    if next.members.is_empty() && (!next.overflowed || whole_group) {
        next.open = false;
        next.overflowed = false;
        // An alert that flaps right after the resolve joins this incident.
        next.window_end = next.window_end.max(now + windows.debounce);
        next.unsent.insert(Unsent::Changed);
        return (ResolvedOutcome::Resolved, next);
    }
    (ResolvedOutcome::MemberLeft, next)
}

#[cfg(test)]
#[path = "episode_tests.rs"]
mod tests;
