//! Stops one repair: before its first step the approval is taken back, after that the run ends behind
//! the step that is under way.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::analysis::Risk;
use crate::incident::approval::{ApprovalState, Refusal, Verdict};
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::repair::{COUNTDOWN, StopAsked, Stopped};
use crate::incident::{Incident, Status};
use crate::notification::channels::{Channels, Identity};
use crate::phrase;
use crate::primitives::id::ApprovalId;
use crate::primitives::identity::DecidedBy;
use crate::transition::decision::eligibility::who_may;

/// How much of its countdown an approved plan still has to wait; none if it may begin.
pub fn countdown(incident: &Incident, now: Timestamp) -> Option<SignedDuration> {
    let plan = incident.plan.as_ref()?;
    let ApprovalState::Decided {
        verdict: Verdict::Approve,
        by: DecidedBy::Person(_),
        at,
    } = &incident.approval.as_ref()?.state
    else {
        return None;
    };
    let waits = incident.status == Status::Approved && plan.risk > Risk::Low;
    let rest = (*at + COUNTDOWN).duration_since(now);
    (waits && rest.is_positive()).then_some(rest)
}

/// Stops the repair of a plan, in the name of whoever may decide on it. A request that comes twice
/// changes nothing the second time. Whoever has approved may stop what follows from it, also when they are on duty no more.
///
/// # Errors
/// If the person may not decide on this plan, or it is another one by now.
pub fn stop(
    change: &mut IncidentChange,
    id: &ApprovalId,
    by: &Identity,
    channels: &Channels,
    now: Timestamp,
) -> Result<Stopped, Refusal> {
    let person = match who_may(&change.incident, id, by, channels, now) {
        Err(Refusal::NotAllowed) => voter(&change.incident, by, channels),
        person => person.map(str::to_owned),
    }?;
    let actor = by.to_string();
    let why = phrase!("{person} stopped it", person);
    if let Some(repair) = &mut change.incident.repair {
        if repair.outcome.is_some() {
            return Ok(Stopped::Nothing);
        }
        if repair.stop_asked.is_none() {
            repair.stop_asked = Some(StopAsked {
                by: person,
                at: now,
            });
            let context = json!({ "approval_id": id });
            let news = LogRecord::new(Event::RepairStopRequested, actor, why.to_string());
            change.record(now, news.with(context));
        }
        return Ok(Stopped::BehindTheStep);
    }
    if !is_approved(&change.incident) {
        return Ok(Stopped::Nothing);
    }
    let context = json!({ "approval_id": id });
    let news = LogRecord::new(Event::RepairStopRequested, actor.clone(), why.to_string());
    change.record(now, news.with(context));
    change.repair_taken_back(&actor, why, now);
    Ok(Stopped::BeforeItBegan)
}

/// The name of a person who has approved this plan.
///
/// # Errors
/// If they have not.
fn voter(incident: &Incident, by: &Identity, channels: &Channels) -> Result<String, Refusal> {
    let person = channels.person(by).ok_or(Refusal::NotListed)?;
    let approval = incident.approval.as_ref().ok_or(Refusal::NotThisPlan)?;
    let voted = approval.votes.iter().any(|vote| vote.person == person);
    if voted {
        Ok(person.to_owned())
    } else {
        Err(Refusal::NotAllowed)
    }
}

fn is_approved(incident: &Incident) -> bool {
    let approval = incident.approval.as_ref().map(|approval| &approval.state);
    incident.status == Status::Approved
        && matches!(
            approval,
            Some(ApprovalState::Decided {
                verdict: Verdict::Approve,
                ..
            })
        )
}

#[cfg(test)]
mod tests {
    use super::{countdown, stop};
    use crate::analysis::Risk;
    use crate::incident::Status;
    use crate::incident::approval::{ApprovalState, Refusal, Verdict};
    use crate::incident::change::IncidentChange;
    use crate::incident::operation_log::Event;
    use crate::incident::repair::{Repair, RepairOutcome, Stopped};
    use crate::primitives::id::ApprovalId;
    use crate::primitives::identity::Identity;
    use crate::transition::decision::tests::{
        ada, after, approval, decide_on, events, now, two, waiting,
    };

    const ADA: Identity = Identity::Telegram(7);

    /// An incident whose plan Ada has approved.
    fn approved() -> IncidentChange {
        let (mut change, id) = waiting(1);
        let press = ada(Verdict::Approve, "one");
        decide_on(&mut change, &id, &press, &two(), now()).expect("approved");
        change.entries.clear();
        change
    }

    fn stopped(change: &mut IncidentChange, by: &Identity) -> Result<Stopped, Refusal> {
        let id = approval(change).id.clone();
        stop(change, &id, by, &two(), now())
    }

    #[test]
    fn before_its_first_step_nothing_runs() {
        let mut change = approved();
        assert_eq!(stopped(&mut change, &ADA), Ok(Stopped::BeforeItBegan));
        let state = &approval(&change).state;
        assert!(matches!(state, ApprovalState::Void { why, .. } if why == "ada stopped it"));
        assert_eq!(change.incident.status, Status::NeedsHuman);
        assert_eq!(
            events(&change),
            [Event::RepairStopRequested, Event::ApprovalVoided]
        );
        assert_eq!(stopped(&mut change, &ADA), Ok(Stopped::Nothing));
    }

    #[test]
    fn a_run_is_asked_once_to_end() {
        let mut change = approved();
        let hash = approval(&change).plan_hash.clone();
        change.repair_started(Repair::start(hash, now()));
        for _ in 0..2 {
            assert_eq!(stopped(&mut change, &ADA), Ok(Stopped::BehindTheStep));
        }
        assert_eq!(events(&change), [Event::RepairStopRequested]);
        let repair = change.incident.repair.as_mut().expect("it runs");
        assert_eq!(repair.stop_asked.as_ref().expect("asked").by, "ada");
        repair.outcome = Some(RepairOutcome::Verified);
        assert_eq!(stopped(&mut change, &ADA), Ok(Stopped::Nothing));
    }

    #[test]
    fn a_plan_above_low_risk_waits_after_its_approval() {
        let mut change = approved();
        let mut rest = |risk, seconds| {
            change.incident.plan.as_mut().expect("a plan").risk = risk;
            countdown(&change.incident, after(seconds)).map(|rest| rest.as_secs())
        };
        assert_eq!(rest(Risk::Low, 0), None);
        for risk in [Risk::Medium, Risk::High, Risk::Critical] {
            assert_eq!(rest(risk, 0), Some(10));
            assert_eq!(rest(risk, 9), Some(1));
            assert_eq!(rest(risk, 10), None);
        }
    }

    #[test]
    fn who_approved_stops_it_also_when_the_rule_names_them_no_more() {
        let mut change = approved();
        let mut others = two();
        others.approvals[0].people.retain(|name| name != "ada");
        let id = approval(&change).id.clone();
        let stopped = stop(&mut change, &id, &ADA, &others, now());
        assert_eq!(stopped, Ok(Stopped::BeforeItBegan));
    }

    #[test]
    fn only_who_may_decide_stops() {
        let mut change = approved();
        for (by, refusal) in [
            (Identity::Telegram(99), Refusal::NotListed),
            (Identity::Telegram(10), Refusal::NotAllowed),
        ] {
            assert_eq!(stopped(&mut change, &by), Err(refusal));
        }
        let other = ApprovalId::for_plan(&change.incident.id, &"0".repeat(64).into());
        let refused = stop(&mut change, &other, &ADA, &two(), now());
        assert_eq!(refused, Err(Refusal::NotThisPlan));
        assert_eq!(change.incident.status, Status::Approved);
        assert_eq!(events(&change), []);
    }
}
