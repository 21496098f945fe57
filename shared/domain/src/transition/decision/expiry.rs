//! Expiry of an undecided approval; before that, a reminder, and the escalation to the second list of people.

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

/// What is left of an approval's time when people are reminded of it: a quarter.
const REMINDED_WITH: i32 = 4;

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

    /// Reminds people that the time for a decision is nearly over, once. True if it did.
    pub fn remind(&mut self, now: Timestamp) -> bool {
        let Some(approval) = &mut self.incident.approval else {
            return false;
        };
        if approval.state != ApprovalState::Pending
            || reminds_at(approval).is_none_or(|at| now < at)
        {
            return false;
        }
        approval.reminded_at = Some(now);
        let mut context = particulars(approval);
        context["expires_at"] = json!(approval.expires_at);
        let detail = format!("undecided until {}", approval.expires_at);
        self.record(
            now,
            LogRecord::new(Event::ApprovalReminded, "notifier", detail).with(context),
        );
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
/// people, its reminder, or its expiry.
pub fn look_again_at(approval: &Approval, rule: Option<&ApprovalRule>) -> Option<Timestamp> {
    if approval.state != ApprovalState::Pending {
        return None;
    }
    let escalates = rule.and_then(|rule| escalates_at(approval, rule));
    [escalates, reminds_at(approval)]
        .into_iter()
        .flatten()
        .chain([approval.expires_at])
        .min()
}

fn reminds_at(approval: &Approval) -> Option<Timestamp> {
    if approval.reminded_at.is_some() {
        return None;
    }
    let valid_for = approval.expires_at.duration_since(approval.requested_at);
    Some(approval.expires_at - valid_for / REMINDED_WITH)
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
