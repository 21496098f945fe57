//! Revocation of an approval that is no longer valid.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::incident::approval::{Approval, ApprovalState, Verdict};
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::primitives::phrase::Phrase;

/// Revokes a pending approval, or an approved one whose repair has not started. Others stay as they
/// are.
pub fn revoke(change: &mut IncidentChange, actor: &str, why: Phrase, now: Timestamp) {
    // An approval whose repair has started stays decided.
    let undone = change.incident.repair.is_none();
    let Some(approval) = change.incident.approval.as_mut() else {
        return;
    };
    let stoppable = match approval.state {
        ApprovalState::Pending => true,
        ApprovalState::Decided { verdict, .. } => verdict == Verdict::Approve && undone,
        ApprovalState::Void { .. } => false,
    };
    if !stoppable {
        return;
    }
    let detail = why.to_string();
    approval.state = ApprovalState::Void { why, at: now };
    let context = particulars(approval);
    change.record(
        now,
        LogRecord::new(Event::ApprovalVoided, actor, detail).with(context),
    );
}

/// What log entries about an approval say of it.
pub(super) fn particulars(approval: &Approval) -> Value {
    json!({ "approval_id": approval.id, "plan_hash": approval.plan_hash })
}
