//! Decisions on a plan: applies a person's verdict to an incident, as a pure function.

mod eligibility;
pub mod expiry;
mod press;
pub mod quorum;
mod request;
pub mod revocation;
pub mod stop;

use jiff::Timestamp;
use serde_json::json;

pub use self::press::Pressed;

use crate::incident::approval::{ApprovalState, Refusal, Taken, Verdict, Vote};
use crate::incident::change::{Decision, IncidentChange};
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::{Incident, Status};
use crate::notification::channels::Channels;
use crate::primitives::id::ApprovalId;
use crate::primitives::identity::DecidedBy;
use crate::transition::decision::eligibility::{Judged, judge};
use crate::transition::decision::press::{answered, recorded};
use crate::transition::decision::quorum::missing;

/// Decides what a press means for an incident. A press that was decided before changes nothing and
/// gets the same answer again; so does a person who repeats the same verdict. A refusal changes only
/// the log and the record that bounds it.
pub fn decide(
    incident: Incident,
    id: &ApprovalId,
    pressed: &Pressed<'_>,
    channels: &Channels,
    now: Timestamp,
) -> Decision<Result<Taken, Refusal>> {
    // Channels redeliver presses: the recorded result is returned, whatever has changed since.
    if let Some(before) = recorded(&incident, pressed) {
        return Decision::unchanged(incident, before);
    }
    let judged = judge(&incident, id, pressed, channels, now);
    let mut change = IncidentChange::new(incident);
    let taken = match judged {
        Ok(Judged::Repeated(taken)) => Ok(taken),
        Ok(Judged::New { person }) => count(&mut change, pressed, &person, channels, now),
        Err(refusal) => Err(refusal),
    };
    answered(change, id, pressed, taken, now)
}

/// Refuses a press for a reason that lies outside of the incident, such as the chat that it came
/// from. A press that was decided before gets the same answer again.
pub fn refuse(
    incident: Incident,
    id: &ApprovalId,
    pressed: &Pressed<'_>,
    refusal: Refusal,
    now: Timestamp,
) -> Decision<Result<Taken, Refusal>> {
    match recorded(&incident, pressed) {
        Some(before) => Decision::unchanged(incident, before),
        None => answered(
            IncidentChange::new(incident),
            id,
            pressed,
            Err(refusal),
            now,
        ),
    }
}

/// Counts the verdict of a person who may decide: one rejection is final, and so is the last
/// approval that is needed.
///
/// # Errors
/// If there is no approval to count it for, which `judge` has refused before.
fn count(
    change: &mut IncidentChange,
    pressed: &Pressed<'_>,
    person: &str,
    channels: &Channels,
    now: Timestamp,
) -> Result<Taken, Refusal> {
    let by = pressed.by.to_string();
    let mut approval = change
        .incident
        .approval
        .take()
        .ok_or(Refusal::NotThisPlan)?;
    if pressed.verdict == Verdict::Approve {
        approval.votes.push(Vote {
            person: person.to_owned(),
            by: pressed.by.clone(),
            at: now,
            signature: None,
        });
    }
    let context = json!({
        "approval_id": approval.id, "plan_hash": approval.plan_hash, "verdict": pressed.verdict, "person": person,
        "given": approval.given(), "needed": approval.needed,
    });
    // Counted after this vote was added, against the current `channels.json`.
    let more = missing(&approval, channels, &change.incident);
    let waits = pressed.verdict == Verdict::Approve && more > 0;
    if !waits {
        approval.state = ApprovalState::Decided {
            verdict: pressed.verdict,
            by: DecidedBy::Person(pressed.by.clone()),
            at: now,
        };
    }
    change.incident.approval = Some(approval);
    if waits {
        let detail = format!("the plan was approved; {more} more has to");
        change.record(
            now,
            LogRecord::new(Event::ApprovalGiven, by, detail).with(context),
        );
        return Ok(Taken::Given { more });
    }
    let (status, word, taken) = match pressed.verdict {
        Verdict::Approve => (Status::Approved, "approved", Taken::Approved),
        Verdict::Reject => (Status::Rejected, "rejected", Taken::Rejected),
    };
    change.incident.status = status;
    change.record(
        now,
        LogRecord::new(Event::ApprovalDecided, by, format!("the plan was {word}")).with(context),
    );
    Ok(taken)
}

#[cfg(test)]
#[path = "decision_tests.rs"]
pub(crate) mod tests;

#[cfg(test)]
mod property_tests;
