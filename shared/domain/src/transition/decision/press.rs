//! Presses: a person's verdict, and the record of its answer, so that a redelivered press gets the
//! same answer.

use jiff::Timestamp;
use serde_json::json;

use crate::incident::Incident;
use crate::incident::approval::{Refusal, Taken, TakenPress, Verdict};
use crate::incident::change::{Decision, IncidentChange};
use crate::incident::operation_log::{Event, LogRecord};
use crate::primitives::id::ApprovalId;
use crate::primitives::identity::Identity;

/// How many presses are remembered: a channel redelivers within minutes, long before this many
/// others arrive.
const PRESSES_KEPT: usize = 32;
/// Limit of logged refusals per approval, of the people on the list. One person can press as often as they
/// like, and each entry is an item of the table and a save of the incident, which decisions and repairs wait
/// for: presses beyond this limit are answered but not logged.
const REFUSALS_LOGGED: u32 = 200;
/// The same of all strangers together, so that they cannot use up the limit of the people on the list.
const STRANGER_REFUSALS_LOGGED: u32 = 20;

/// A person's decision: a button press, a link, or a call of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed<'a> {
    pub verdict: Verdict,
    /// The identity under which the person decides.
    pub by: Identity,
    /// The press's own id: the channel gives it, and gives it again when it delivers again.
    pub press: &'a str,
}

/// The recorded answer to a press that was decided before.
pub(super) fn recorded(
    incident: &Incident,
    pressed: &Pressed<'_>,
) -> Option<Result<Taken, Refusal>> {
    let presses = &incident.approval.as_ref()?.presses;
    presses
        .iter()
        .find(|before| before.id == pressed.press)
        .map(|before| before.came_to.clone())
}

/// Records the answer to a press, so that its redelivery gets the same one.
pub(super) fn answered(
    mut change: IncidentChange,
    id: &ApprovalId,
    pressed: &Pressed<'_>,
    answer: Result<Taken, Refusal>,
    now: Timestamp,
) -> Decision<Result<Taken, Refusal>> {
    match &answer {
        Ok(_) => note(&mut change, pressed, answer.clone()),
        Err(refusal) => log_refusal(&mut change, id, pressed, refusal, now),
    }
    Decision { change, answer }
}

fn note(change: &mut IncidentChange, pressed: &Pressed<'_>, came_to: Result<Taken, Refusal>) {
    let Some(approval) = &mut change.incident.approval else {
        return;
    };
    approval.presses.push(TakenPress {
        id: pressed.press.to_owned(),
        came_to,
    });
    let too_many = approval.presses.len().saturating_sub(PRESSES_KEPT);
    // The oldest are first.
    approval.presses.drain(..too_many);
}

/// Logs a refused press. An incident that never requested a decision has no button, and nothing
/// that would bound its log: a forged press is answered but not logged.
fn log_refusal(
    change: &mut IncidentChange,
    id: &ApprovalId,
    pressed: &Pressed<'_>,
    refusal: &Refusal,
    now: Timestamp,
) {
    let Some(approval) = &mut change.incident.approval else {
        return;
    };
    let (logged, limit) = if refusal.is_of_stranger() {
        (&mut approval.stranger_refusals, STRANGER_REFUSALS_LOGGED)
    } else {
        (&mut approval.refusals, REFUSALS_LOGGED)
    };
    if *logged >= limit {
        return;
    }
    *logged += 1;
    let context = json!({ "approval_id": id, "verdict": pressed.verdict, "press": pressed.press });
    let news = LogRecord::new(
        Event::ApprovalRefused,
        pressed.by.to_string(),
        "a press was refused",
    )
    .with(context);
    change.record(now, news.failed(refusal.to_string()));
    note(change, pressed, Err(refusal.clone()));
}
