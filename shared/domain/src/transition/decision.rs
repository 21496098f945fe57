//! Decisions on a plan: who may decide, how many approvals are needed, and until when. Revokes an
//! approval that is no longer valid.

use crate::primitives::time::expired;
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::analysis::{Analysis, DataImpact, Risk};
use crate::incident::approval::{
    Approval, ApprovalState, Refusal, Taken, TakenPress, Verdict, Vote,
};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::change::{Decision, IncidentChange};
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::{Incident, Status};
use crate::notification::channels::{ApprovalRule, Channels};
use crate::playbook::plan::Plan;
use crate::primitives::id::ApprovalId;
use crate::primitives::identity::{DecidedBy, Identity};

/// How many presses are remembered: a channel redelivers within minutes, long before this many
/// others arrive.
const PRESSES_KEPT: usize = 32;
/// Limit of logged refusals per approval. One person can press as often as they like, and each
/// entry is an item of the table and a save of the incident, which decisions and repairs wait for:
/// presses beyond this limit are answered but not logged.
const REFUSALS_LOGGED: u32 = 200;
/// Reason of an approval that expired.
const NOT_IN_TIME: &str = "nobody decided in time";

/// A person's decision: a button press, a link, or a call of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed<'a> {
    pub verdict: Verdict,
    /// The identity under which the person decides.
    pub by: Identity,
    /// The press's own id: the channel gives it, and gives it again when it delivers again.
    pub press: &'a str,
}

/// The risk of a plan: the worse of the finding's risk and the playbook's.
pub fn stakes(analysis: Option<&Analysis>, plan: &Plan) -> Risk {
    analysis.map_or(plan.risk, |analysis| analysis.risk.max(plan.risk))
}

/// How many different people have to approve a plan: two if users may be cut off or data lost, or
/// if its playbook has not earned more autonomy yet.
pub fn people_needed(
    analysis: Option<&Analysis>,
    plan: &Plan,
    earned: Option<AutonomyLevel>,
) -> u8 {
    let destructive = analysis
        .is_some_and(|analysis| analysis.blast_radius.data_impact == DataImpact::Destructive);
    let at_stake = if destructive || stakes(analysis, plan) == Risk::Critical {
        2
    } else {
        1
    };
    earned.map_or(at_stake, |earned| earned.people().max(at_stake))
}

/// The rule that says who may decide on an incident's plan. Without a rule the plan cannot be
/// decided.
pub fn rule_of<'a>(channels: &'a Channels, incident: &Incident) -> Option<&'a ApprovalRule> {
    let plan = incident.plan.as_ref()?;
    channels.rule(&plan.target, stakes(incident.analysis.as_ref(), plan))
}

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
    if let Some(before) = taken_before(&incident, pressed) {
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
    match taken_before(&incident, pressed) {
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

/// Records the answer to a press, so that its redelivery gets the same one.
fn answered(
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

/// A press that is not refused.
enum Judged {
    /// The person has given the same verdict before.
    Repeated(Taken),
    New {
        person: String,
    },
}

fn judge(
    incident: &Incident,
    id: &ApprovalId,
    pressed: &Pressed<'_>,
    channels: &Channels,
    now: Timestamp,
) -> Result<Judged, Refusal> {
    let person = channels.person(&pressed.by).ok_or(Refusal::NotListed)?;
    let approval = incident
        .approval
        .as_ref()
        .filter(|approval| approval.id == *id)
        .ok_or(Refusal::NotThisPlan)?;
    // The approval covers exactly the plan that was hashed for it.
    if incident.plan.as_ref().map(Plan::hash).as_ref() != Some(&approval.plan_hash) {
        return Err(Refusal::NotThisPlan);
    }
    let may = |rule: &ApprovalRule| rule.may(person, approval.escalated_at.is_some());
    if !rule_of(channels, incident).is_some_and(may) {
        return Err(Refusal::NotAllowed);
    }
    let theirs = |vote: &Vote| vote.person == person && holds(vote, approval, channels);
    // Only approvals are votes: one rejection already decides.
    let voted = pressed.verdict == Verdict::Approve && approval.votes.iter().any(theirs);
    match &approval.state {
        ApprovalState::Decided {
            verdict: Verdict::Approve,
            ..
        } if voted => Ok(Judged::Repeated(Taken::Approved)),
        ApprovalState::Decided { verdict, by, .. } => {
            // One person may have several accounts: the second press is a repetition, not a
            // dispute.
            let same_person = matches!(by, DecidedBy::Person(known) if channels.person(known) == Some(person));
            if same_person && *verdict == pressed.verdict {
                return Ok(Judged::Repeated(match verdict {
                    Verdict::Approve => Taken::Approved,
                    Verdict::Reject => Taken::Rejected,
                }));
            }
            Err(Refusal::Decided {
                verdict: *verdict,
                by: by.clone(),
            })
        }
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

/// True if a vote still counts: it was given in a way that counts, and `channels.json` still maps
/// its account to the same person. Otherwise a person who is renamed between two presses would
/// count as two.
fn holds(vote: &Vote, approval: &Approval, channels: &Channels) -> bool {
    approval.takes(&vote.by) && channels.person(&vote.by) == Some(vote.person.as_str())
}

/// How many more people have to approve. A person whom the rule no longer names does not count.
fn missing(approval: &Approval, channels: &Channels, incident: &Incident) -> u8 {
    let rule = rule_of(channels, incident);
    let counts = |vote: &&Vote| {
        holds(vote, approval, channels)
            && rule.is_some_and(|rule| rule.may(&vote.person, approval.escalated_at.is_some()))
    };
    let people: BTreeSet<&str> = approval
        .votes
        .iter()
        .filter(counts)
        .map(|vote| vote.person.as_str())
        .collect();
    approval
        .needed
        .saturating_sub(u8::try_from(people.len()).unwrap_or(u8::MAX))
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

fn taken_before(incident: &Incident, pressed: &Pressed<'_>) -> Option<Result<Taken, Refusal>> {
    let presses = &incident.approval.as_ref()?.presses;
    presses
        .iter()
        .find(|before| before.id == pressed.press)
        .map(|before| before.came_to.clone())
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
    if approval.refusals >= REFUSALS_LOGGED {
        return;
    }
    approval.refusals += 1;
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

/// Revokes a pending approval, or an approved one whose repair has not started. Others stay as they
/// are.
pub fn revoke(change: &mut IncidentChange, actor: &str, why: &str, now: Timestamp) {
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
    approval.state = ApprovalState::Void {
        why: why.to_owned(),
        at: now,
    };
    let context = particulars(approval);
    change.record(
        now,
        LogRecord::new(Event::ApprovalVoided, actor, why).with(context),
    );
}

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

fn particulars(approval: &Approval) -> Value {
    json!({ "approval_id": approval.id, "plan_hash": approval.plan_hash })
}

#[cfg(test)]
#[path = "decision_tests.rs"]
pub(crate) mod tests;
