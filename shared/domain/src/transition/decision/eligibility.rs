//! Eligibility of a press: whether this person may decide on this plan now.

use jiff::Timestamp;

use crate::incident::Incident;
use crate::incident::approval::{ApprovalState, Refusal, Taken, Verdict, Vote};
use crate::notification::channels::{ApprovalRule, Channels};
use crate::playbook::plan::Plan;
use crate::primitives::id::ApprovalId;
use crate::primitives::identity::{DecidedBy, Identity};
use crate::primitives::time::expired;
use crate::transition::decision::press::Pressed;
use crate::transition::decision::quorum::{holds, missing, rule_of};

/// A press that is not refused.
pub(super) enum Judged {
    /// The person has given the same verdict before.
    Repeated(Taken),
    New {
        person: String,
    },
}

/// Judges a press without counting it.
///
/// # Errors
/// Why it does not count.
pub(super) fn judge(
    incident: &Incident,
    id: &ApprovalId,
    pressed: &Pressed<'_>,
    channels: &Channels,
    now: Timestamp,
) -> Result<Judged, Refusal> {
    let person = who_may(incident, id, &pressed.by, channels, now)?;
    let approval = incident.approval.as_ref().ok_or(Refusal::NotThisPlan)?;
    let theirs = |vote: &Vote| vote.person == person && holds(vote, approval, channels);
    // Only approvals are votes: one rejection already decides.
    let voted = pressed.verdict == Verdict::Approve && approval.votes.iter().any(theirs);
    match &approval.state {
        ApprovalState::Decided {
            verdict: Verdict::Approve,
            ..
        } if voted => Ok(Judged::Repeated(Taken::Approved)),
        // One person may have several accounts: the second press is a repetition, not a dispute.
        ApprovalState::Decided { verdict, by, .. }
            if *verdict == pressed.verdict && is_person(by, person, channels) =>
        {
            Ok(Judged::Repeated(match verdict {
                Verdict::Approve => Taken::Approved,
                Verdict::Reject => Taken::Rejected,
            }))
        }
        ApprovalState::Decided { verdict, by, .. } => Err(Refusal::Decided {
            verdict: *verdict,
            by: by.clone(),
        }),
        ApprovalState::Void { why, .. } => Err(Refusal::Void { why: why.clone() }),
        ApprovalState::Pending if expired(approval.expires_at, now) => Err(Refusal::Expired {
            at: approval.expires_at,
        }),
        // A second approval of one person does not count as a second person.
        ApprovalState::Pending if voted => Ok(Judged::Repeated(Taken::Given {
            more: missing(approval, channels, incident),
        })),
        ApprovalState::Pending
            // Where two people have to approve, links and the API do not prove that they are two.
            if pressed.verdict == Verdict::Approve && !approval.takes(&pressed.by) =>
        {
            Err(Refusal::NeedsPress)
        }
        ApprovalState::Pending => Ok(Judged::New {
            person: person.to_owned(),
        }),
    }
}

/// The name of a person who may decide on this plan of the incident at this moment.
///
/// # Errors
/// If they may not, or the incident has another plan.
pub(super) fn who_may<'a>(
    incident: &Incident,
    id: &ApprovalId,
    by: &Identity,
    channels: &'a Channels,
    now: Timestamp,
) -> Result<&'a str, Refusal> {
    let person = channels.person(by).ok_or(Refusal::NotListed)?;
    let approval = incident
        .approval
        .as_ref()
        .filter(|approval| approval.id == *id)
        .ok_or(Refusal::NotThisPlan)?;
    // The approval covers exactly the plan that was hashed for it.
    if incident.plan.as_ref().map(Plan::hash).as_ref() != Some(&approval.plan_hash) {
        return Err(Refusal::NotThisPlan);
    }
    let may = |rule: &ApprovalRule| {
        rule.may(
            person,
            approval.reach(),
            approval.needed,
            &channels.duty,
            now,
        )
    };
    if !rule_of(channels, incident).is_some_and(may) {
        return Err(Refusal::NotAllowed);
    }
    Ok(person)
}

fn is_person(by: &DecidedBy, person: &str, channels: &Channels) -> bool {
    matches!(by, DecidedBy::Person(known) if channels.person(known) == Some(person))
}
