//! Effect of what is heard of an episode on its incident: of a delivery that is counted, and of a follow-up check.
//!
//! Intake and the notifier apply it in the transaction that saves the episode; `quell backtest` applies the same to incidents in memory.

use jiff::{SignedDuration, Timestamp};

use crate::alert::Alert;
use crate::episode::{Episode, FiringOutcome, LookOutcome, ResolvedOutcome};
use crate::incident::change::IncidentChange;

/// A firing delivery that joined the episode of an incident.
#[derive(Debug, Clone, Copy)]
pub struct Fired<'a> {
    pub outcome: FiringOutcome,
    /// The episode as it was.
    pub before: &'a Episode,
    /// The episode as it is now.
    pub after: &'a Episode,
    /// The worst alert of the delivery.
    pub alert: &'a Alert,
}

impl Fired<'_> {
    fn newly_forbidden(&self) -> bool {
        !self.before.forbids_repair && self.after.forbids_repair
    }

    /// False where nothing changes that the incident shows: it need not be read and written.
    pub fn is_shown(&self) -> bool {
        !matches!(self.outcome, FiringOutcome::Joined | FiringOutcome::Late)
            || self.before.left_out < self.after.left_out
            || self.newly_forbidden()
    }

    /// Changes the incident.
    pub fn apply(&self, change: &mut IncidentChange, now: Timestamp) {
        let (episode, alert) = (self.after, self.alert);
        change.incident.left_out = episode.left_out;
        if self.newly_forbidden() {
            change.auto_repair_forbidden(now);
        }
        if self.outcome == FiringOutcome::Reopened {
            change.reopened(episode.flaps, episode.hit_count, now);
        }
        if alert.severity > change.incident.alert.severity {
            change.worsened(alert, episode.hit_count, now);
        }
        // It had ended, and what fires now is milder.
        change.eased(episode.severity, episode.hit_count, now);
    }
}

/// A delivery of alerts that have ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    pub outcome: ResolvedOutcome,
    /// The episode as it was.
    pub before: &'a Episode,
    /// The episode as it is now.
    pub after: &'a Episode,
}

impl Ended<'_> {
    /// False where nothing changes that the incident shows.
    pub fn is_shown(&self) -> bool {
        match self.outcome {
            ResolvedOutcome::Resolved => true,
            ResolvedOutcome::MemberLeft => self.after.severity < self.before.severity,
            ResolvedOutcome::Ignored => false,
        }
    }

    /// Changes the incident.
    pub fn apply(&self, change: &mut IncidentChange, now: Timestamp) {
        let episode = self.after;
        match self.outcome {
            ResolvedOutcome::Resolved => change.resolved(episode.hit_count, now),
            ResolvedOutcome::MemberLeft | ResolvedOutcome::Ignored => {
                change.eased(episode.severity, episode.hit_count, now);
            }
        }
    }
}

/// A follow-up check of an episode.
#[derive(Debug, Clone, Copy)]
pub struct LookedAt<'a> {
    pub outcome: LookOutcome,
    /// The episode as it was.
    pub before: &'a Episode,
    /// The episode as it is now.
    pub after: &'a Episode,
    /// After which time without any word an episode is stale.
    pub stale: SignedDuration,
}

impl LookedAt<'_> {
    /// Changes the incident, if the check found something that it shows.
    pub fn apply(&self, change: &mut IncidentChange, now: Timestamp) {
        let episode = self.after;
        let hit_count = episode.hit_count;
        match self.outcome {
            LookOutcome::Unchanged | LookOutcome::Heard => {}
            LookOutcome::Believed => {
                if !self.before.open {
                    change.reopened(episode.flaps, hit_count, now);
                }
                if episode.severity > change.incident.alert.severity {
                    change.escalated(episode.severity, hit_count, now);
                }
            }
            LookOutcome::Ended => change.ended_unheard(hit_count, now),
            LookOutcome::Expired => {
                let stale = self.stale.as_secs();
                let why = format!("nothing was heard of its alerts for {stale} s");
                change.expired(&why, hit_count, now);
            }
        }
        if episode.open {
            change.eased(episode.severity, hit_count, now);
        }
    }
}
