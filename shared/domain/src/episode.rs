//! The episode state machine: from the first firing alert of a fingerprint until its last member has
//! ended or nobody has heard of it for too long (DESIGN §4).
//!
//! Pure functions hold the whole rule: [`on_firing`] and [`on_resolved`] map the stored episode and a
//! delivery to the new episode, [`on_look`] does so at a follow-up check. The store implements the
//! most frequent case, a plain join, as one conditional write; its condition is the negation of
//! everything that [`on_firing`] treats in another way.
//!
//! The order of what is said about a member is the order of receipt. `startsAt` is no sequence
//! number: Alertmanager keeps the earliest one of what several Prometheus servers report
//! (`Alert.Merge` in <https://github.com/prometheus/alertmanager/blob/v0.28.0/types/types.go>), and an
//! alert that Prometheus could not refresh in time is resolved and fires again with the same one.

mod firing;
mod look;
mod resolved;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertSeverity};
use crate::incident::Incident;
use crate::incident::approval::ApprovalState;
use crate::primitives::id::{AlertGroupId, Fingerprint, IncidentId, MemberId};
use crate::primitives::safe_text::cut;

pub use self::firing::{FiringOutcome, on_firing};
pub use self::look::{LookOutcome, on_look};
pub use self::resolved::{ResolvedOutcome, on_resolved};

/// How long after the resolve of a member a firing that began before that resolve is only noted.
///
/// The late half of an HA pair may still deliver what is over: a peer waits 15 s for each peer before
/// it (`--cluster.peer-timeout`, <https://prometheus.io/docs/alerting/latest/high_availability/>), so
/// that the third one of a cluster speaks half a minute after the first.
pub const SETTLING: SignedDuration = SignedDuration::from_secs(45);
/// The most members that are remembered. A pod's member takes less than 30 bytes, and an item holds
/// 400 KB. An episode with more ends only when it is looked at.
pub const MEMBERS_KEPT: usize = 12_000;

/// An alert of an episode that fires. Of what is said of it twice, the greater one counts: the worse,
/// and of two that are as bad the one that began later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    pub severity: AlertSeverity,
    /// When it began to fire, by its sender (milliseconds since 1970).
    pub starts_at: i64,
}

/// Alerts that fire.
pub type Members = BTreeMap<MemberId, Member>;

/// An alert of an episode that has resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departed {
    /// When its last resolve was received.
    pub left_at: Timestamp,
    /// What was received of it since, and is not believed yet.
    pub disputed: Option<Member>,
}

impl Departed {
    /// From when a firing of it is believed, whenever it began.
    pub fn settled_at(&self) -> Timestamp {
        self.left_at + SETTLING
    }
}

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
    /// A firing is disputed: a timer has to settle it.
    Disputed,
}

/// How long the advice on the episode may be: the episode's item stays under 1 KB.
pub const ADVICE_CHARACTERS: usize = 120;

/// The analyzer's summary for the answers to alerts that join, so that a join needs no second read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The approval that waits, if the analysis proposed a plan.
    pub approval_id: Option<String>,
    /// The urgency as a word of the original's interface, in lower case: `critical` is P0, and `low` P3.
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
            risk_level: analysis.urgency.level.as_risk().as_str().to_owned(),
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
    /// False once every member has ended.
    pub open: bool,
    /// True if it is not open because nobody has heard of it for too long.
    pub expired: bool,
    /// The alerts that fire.
    pub members: Members,
    /// The alerts that have resolved within [`SETTLING`], and those whose firing is disputed.
    pub departed: BTreeMap<MemberId, Departed>,
    /// When the youngest of the members that have ended began to fire (milliseconds since 1970).
    pub latest_start: i64,
    /// True if more members fired than are kept: it then ends only when it is looked at.
    pub overflowed: bool,
    /// True if its item does not hold all members, and a further item holds the others.
    pub spilled: bool,
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
    /// The severity of the worst member that fires; once it is over, that of the last ones.
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
    /// True if alerts that fire now belong to this episode.
    ///
    /// Within its times any alert does. Later only what has fired all along does: what began before
    /// the episode was last heard of, or, if it is over, before all of its members had begun. So an
    /// alert that is repeated every twelve hours stays one episode, whatever the times are.
    fn accepts(&self, firing: &Firing, now: Timestamp, windows: Windows) -> bool {
        let last_seen = self.last_seen.as_millisecond();
        let mut members = firing.members.iter();
        // A sender's clock may be ahead of ours: what it says again is no later than what it said.
        let known = |member| self.members.get(member).map(|known| known.starts_at);
        now <= self.window_end
            || if self.open {
                !self.is_stale(now, windows)
                    || members.any(|(member, fires)| {
                        fires.starts_at <= known(member).unwrap_or(0).max(last_seen)
                    })
            } else {
                members.all(|(_, fires)| fires.starts_at <= self.latest_start)
            }
    }

    /// True if it is open, and nobody has heard of it for too long.
    pub fn is_stale(&self, now: Timestamp, windows: Windows) -> bool {
        self.open && now.duration_since(self.last_seen) > windows.stale
    }

    /// True if every member that still fires comes from a sender that may never send a resolve (see
    /// [`Alert::sender_resolves`]).
    pub fn may_never_resolve(&self) -> bool {
        self.open
            && !self.overflowed
            && !self.members.is_empty()
            && self.members.keys().all(MemberId::is_unnumbered)
    }

    /// True if a firing of this member may be an old delivery of what is over.
    fn disputes(&self, member: &MemberId, fires: Member, now: Timestamp) -> bool {
        self.departed.get(member).is_some_and(|departed| {
            now < departed.settled_at() && fires.starts_at <= departed.left_at.as_millisecond()
        })
    }

    /// When the first disputed firing is settled.
    pub fn settles_at(&self) -> Option<Timestamp> {
        let disputed = self.departed.values().filter(|it| it.disputed.is_some());
        disputed.map(Departed::settled_at).min()
    }

    fn joined_by(&mut self, member: MemberId, fires: Member) {
        self.departed.remove(&member);
        if let Some(known) = self.members.get_mut(&member) {
            *known = (*known).max(fires);
        } else if self.members.len() < MEMBERS_KEPT {
            self.members.insert(member, fires);
        } else {
            self.overflowed = true;
        }
    }

    /// Takes a member away that has ended.
    fn left_by(&mut self, member: &MemberId) -> bool {
        let Some(left) = self.members.remove(member) else {
            return false;
        };
        self.latest_start = self.latest_start.max(left.starts_at);
        true
    }

    fn seen(&mut self, now: Timestamp, windows: Windows) {
        // `max`, because the clock of the function that wrote last may be ahead of this one.
        self.last_seen = self.last_seen.max(now);
        self.window_end = self.window_end.max(now + windows.debounce);
    }

    /// Opens it again, because a member of it fires.
    fn reopen(&mut self, analysed: bool) {
        self.open = true;
        // It had not resolved, so it does not flap.
        self.flaps += u64::from(!self.expired);
        self.expired = false;
        if analysed {
            // The episode may have ended before its analysis, and the analyzer skips what has
            // ended; or it was repaired, and the analyzer counts the recurrence.
            self.unsent.insert(Unsent::Opened);
        }
    }

    /// Ends it.
    fn close(&mut self) {
        self.open = false;
        self.overflowed = false;
        self.unsent.insert(Unsent::Changed);
    }

    /// Sets the severity to that of the worst member, and forgets departures that no longer matter.
    fn tidy(&mut self, now: Timestamp) {
        self.departed
            .retain(|_, it| it.disputed.is_some() || now < it.settled_at());
        let worst = self.members.values().map(|member| member.severity).max();
        if let Some(worst) = worst {
            // Members that are not kept may be as bad as ever.
            let least = if self.overflowed {
                self.severity
            } else {
                worst
            };
            self.severity = worst.max(least);
        }
    }
}

/// How many of the things that an incident is about are known by name: a card shows a few of them.
pub const NAMED: usize = 10;

/// The firing alerts of one fingerprint in one delivery, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// Who fires, since when.
    pub members: Members,
    /// The names of what they are about, at most [`NAMED`] of them.
    pub targets: BTreeSet<String>,
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
    /// The many alerts of one rule with which they came, which share one card.
    pub group: Option<AlertGroupId>,
}

impl Firing {
    /// Adds another alert of the same delivery.
    pub fn add(&mut self, alert: &Alert) {
        for (member, fires) in Self::from_alert(alert).members {
            let known = self.members.entry(member).or_insert(fires);
            *known = (*known).max(fires);
        }
        if self.targets.len() < NAMED {
            self.targets.insert(alert.target.clone());
        }
        self.count += 1;
        self.severity = self.severity.max(alert.severity);
        self.forbids_repair |= !alert.allows_auto_repair();
    }

    /// One sighting of one alert.
    pub fn from_alert(alert: &Alert) -> Self {
        let fires = Member {
            severity: alert.severity,
            starts_at: alert.starts_at.as_millisecond(),
        };
        let members = Members::from([(alert.member.clone(), fires)]);
        let forbids_repair = !alert.allows_auto_repair();
        Self {
            members,
            targets: BTreeSet::from([alert.target.clone()]),
            count: 1,
            severity: alert.severity,
            left_out: 0,
            analysed: !alert.cicd,
            forbids_repair,
            group: None,
        }
    }
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
#[path = "episode_tests.rs"]
mod tests;
