//! Run record of a playbook: the results of its runs, and the recurrences after them.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::incident::Incident;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::parts::Recurrence;
use crate::incident::repair::RepairOutcome;
use crate::primitives::id::{IncidentId, PlaybookId, ServiceName};

/// How often a playbook was verified and how often it failed, over all targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaybookRecord {
    /// Runs whose checks found the symptom gone.
    pub verified: u64,
    /// All other runs, also those whose effect is unknown (`unknown-is-failure`).
    pub failed: u64,
    /// Verified runs after which the alert came back within `recurrence_window`.
    pub recurred: u64,
    /// When the last one ended.
    pub last_run: Option<Timestamp>,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybookRun {
    pub playbook: PlaybookId,
    /// The incident that it was to repair.
    pub incident_id: IncidentId,
    /// The round of its plan.
    pub round: u32,
    /// What it was to repair.
    pub target: ServiceName,
    pub at: Timestamp,
    /// True if the symptom was gone.
    pub verified: bool,
    /// When the alert came back within `recurrence_window`.
    pub recurred_at: Option<Timestamp>,
}

impl PlaybookRun {
    /// The run that ends with this very change, or turns out to have failed after all. Saved together with the change, it counts once. None
    /// if it does not count ([`RepairOutcome::counts`]).
    pub fn ended_by(change: &IncidentChange) -> Option<Self> {
        let ended = change
            .entries
            .iter()
            .find(|entry| entry.event == Event::ExecutionCompleted);
        let repair = change.incident.repair.as_ref()?;
        let (at, outcome) = (
            ended
                .map(|entry| entry.at)
                .or(repair.finished_at.filter(|_| Self::fails_after_all(change)))?,
            repair.outcome?,
        );
        // A run of which nothing ran was neither verified, nor has it failed.
        let plan = change.incident.plan.as_ref().filter(|_| outcome.counts())?;
        Some(Self {
            playbook: plan.playbook.clone(),
            incident_id: change.incident.id.clone(),
            round: plan.round,
            target: plan.target.clone(),
            at,
            verified: outcome == RepairOutcome::Verified,
            recurred_at: None,
        })
    }

    /// True if this very change takes a run back that was counted as verified: its alert has not resolved in time.
    pub fn fails_after_all(change: &IncidentChange) -> bool {
        change
            .entries
            .iter()
            .any(|entry| entry.event == Event::ResolutionOverdue)
    }
}

impl Recurrence {
    /// The alert of this incident fires again. That is no recurrence where its last run was not verified: nothing was repaired then.
    pub fn after_repair(repaired: &Incident, at: Timestamp) -> Option<Self> {
        let (plan, repair) = (repaired.plan.as_ref()?, repaired.repair.as_ref()?);
        let ended_at = repair.finished_at.filter(|ended| *ended <= at)?;
        let verified =
            repair.outcome == Some(RepairOutcome::Verified) && repair.plan_hash == plan.hash();
        let (playbook, incident_id, round) =
            (plan.playbook.clone(), repaired.id.clone(), plan.round);
        verified.then_some(Self {
            playbook,
            incident_id,
            round,
            ended_at,
            at,
        })
    }

    /// True if it came back so early that the run has not held.
    pub fn is_within(&self, window: SignedDuration) -> bool {
        self.at.duration_since(self.ended_at) < window
    }
}

impl IncidentChange {
    /// Notes that the alert came back after a verified run, of this incident or of one before it.
    pub fn recurred(&mut self, recurrence: &Recurrence, actor: &str, now: Timestamp) {
        let Recurrence {
            playbook,
            incident_id,
            round,
            ended_at,
            at,
        } = recurrence;
        let after = SignedDuration::from_secs(at.duration_since(*ended_at).as_secs());
        let context = json!({ "playbook_id": playbook, "incident_id": incident_id, "round": round, "ended_at": ended_at, "recurred_at": at });
        let detail = format!(
            "{playbook} had repaired it in {incident_id} (verified), and it fired again {after:#} later"
        );
        self.record(
            now,
            LogRecord::new(Event::RepairRecurred, actor, detail).with(context),
        );
        self.incident.recurrence = None;
    }
}

#[cfg(test)]
#[path = "playbook_run_tests.rs"]
mod tests;
