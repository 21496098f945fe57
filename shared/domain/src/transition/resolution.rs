//! Resolution check of a verified repair: its alert has to resolve in time, or the repair counts as
//! failed (`unknown-is-failure`). Where the sender never sends a resolve, the playbook's checks
//! decide.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::repair::RepairOutcome;
use crate::incident::{Incident, Status};
use crate::primitives::id::ApprovalId;

/// How long after the end of a silence it is asked whether a resolve got lost in it. Prometheus says each minute again for a quarter of an
/// hour that an alert has ended, so that most come by themselves.
const SAID_AGAIN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// By when the alert of a verified repair has to have resolved; none where nothing is waited for.
pub fn due(incident: &Incident, within: SignedDuration) -> Option<Timestamp> {
    let repair = incident
        .repair
        .as_ref()
        .filter(|repair| repair.outcome == Some(RepairOutcome::Verified))?;
    // Whether a repair held is a fact about it, also where a person has closed the incident since.
    let is_repaired = matches!(incident.status, Status::Repaired | Status::Closed);
    let waits = !within.is_zero() && is_repaired && incident.resolved_at.is_none();
    let waits = waits && incident.alert.sender_resolves();
    repair
        .finished_at
        .filter(|_| waits)
        .map(|at| at.saturating_add(within).unwrap_or(Timestamp::MAX))
}

/// When to look first after a repair has ended: when its alert has to have resolved, or sooner, because Alertmanager was silent during the
/// repair and may have kept a resolve to itself. None where there is nothing to look for.
pub fn first_look(incident: &Incident, within: SignedDuration) -> Option<Timestamp> {
    let repair = incident
        .repair
        .as_ref()
        .filter(|repair| repair.outcome.is_some() && incident.resolved_at.is_none())?;
    let silence = incident
        .repair_silence
        .as_ref()
        .filter(|silence| silence.plan_hash == repair.plan_hash);
    let after_silence = silence
        .and_then(|silence| silence.over_at())
        .map(|at| at + SAID_AGAIN_WITHIN);
    [after_silence, due(incident, within)]
        .into_iter()
        .flatten()
        .min()
}

impl IncidentChange {
    /// Counts the repair as failed whose alert has not resolved in time. Anything else changes nothing: a resolve that came before, another
    /// plan, a message that comes early or twice.
    pub fn still_fires(&mut self, approval: &ApprovalId, within: SignedDuration, now: Timestamp) {
        let overdue = due(&self.incident, within).is_some_and(|due| due <= now);
        let mine = self
            .incident
            .approval
            .as_ref()
            .is_some_and(|asked| asked.id == *approval);
        let Some(repair) = self.incident.repair.as_mut().filter(|_| mine && overdue) else {
            return;
        };
        repair.outcome = Some(RepairOutcome::StillFiring);
        if self.incident.status != Status::Closed {
            self.incident.status = Status::RepairFailed;
        }
        let plan = self.incident.plan.as_ref();
        let context = json!({
            "playbook_id": plan.map(|plan| &plan.playbook), "target": plan.map(|plan| &plan.target), "within_seconds": within.as_secs(),
        });
        let news = LogRecord::new(
            Event::ResolutionOverdue,
            "notifier",
            "the repair was verified, and counts as failed",
        );
        let why = format!("the alert has not resolved within {} s", within.as_secs());
        self.record(now, news.with(context).failed(why));
    }
}

#[cfg(test)]
#[path = "resolution_tests.rs"]
mod tests;
