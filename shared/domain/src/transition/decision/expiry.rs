//! Expiry of an undecided approval, and its escalation to the second list of people before that.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::incident::Status;
use crate::incident::approval::{Approval, ApprovalState};
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::notification::channels::ApprovalRule;
use crate::primitives::time::expired;
use crate::transition::decision::revocation::{particulars, revoke};

/// Reason of an approval that expired.
const NOT_IN_TIME: &str = "nobody decided in time";

impl IncidentChange {
    /// Revokes an approval that expired undecided. True if it did.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let over = |approval: &Approval| {
            approval.state == ApprovalState::Pending && expired(approval.expires_at, now)
        };
        if !self.incident.approval.as_ref().is_some_and(over) {
            return false;
        }
        revoke(self, "notifier", NOT_IN_TIME, now);
        // `revoke` leaves the status to its callers.
        self.incident.status = Status::NeedsHuman;
        true
    }

    /// Lets the second list of people decide too, if the approval is still undecided after the
    /// rule's delay. True if it did.
    pub fn escalate(&mut self, rule: &ApprovalRule, now: Timestamp) -> bool {
        let Some(approval) = &mut self.incident.approval else {
            return false;
        };
        if approval.state != ApprovalState::Pending
            || escalates_at(approval, rule).is_none_or(|at| now < at)
        {
            return false;
        }
        approval.escalated_at = Some(now);
        let mut context = particulars(approval);
        context["people"] = json!(rule.then);
        self.record(
            now,
            LogRecord::new(
                Event::ApprovalEscalated,
                "notifier",
                format!("{} may decide as well", rule.then.join(", ")),
            )
            .with(context),
        );
        true
    }
}

/// Time of the next follow-up check of an undecided approval: its escalation to the second list of
/// people, or its expiry.
pub fn look_again_at(approval: &Approval, rule: Option<&ApprovalRule>) -> Option<Timestamp> {
    if approval.state != ApprovalState::Pending {
        return None;
    }
    let escalates = rule.and_then(|rule| escalates_at(approval, rule));
    Some(escalates.map_or(approval.expires_at, |at| at.min(approval.expires_at)))
}

fn escalates_at(approval: &Approval, rule: &ApprovalRule) -> Option<Timestamp> {
    let after = rule
        .escalate_after_seconds
        // An approval escalates once, and only if the rule has a second list.
        .filter(|_| approval.escalated_at.is_none() && !rule.then.is_empty())?;
    Some(approval.requested_at + SignedDuration::from_secs(i64::from(after)))
}

#[cfg(test)]
#[path = "expiry_tests.rs"]
mod tests;
