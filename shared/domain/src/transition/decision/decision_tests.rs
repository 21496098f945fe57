//! Tests of decisions: who may decide, what is recorded, and what a redelivered press gets.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Pressed, decide, refuse};
use crate::analysis::Risk;
use crate::incident::Status;
use crate::incident::approval::{Approval, ApprovalState, Refusal, Taken, Verdict};
use crate::incident::change::{Decision, IncidentChange};
use crate::incident::operation_log::Event;
use crate::notification::channels::Channels;
use crate::phrase;
use crate::playbook::plan::Plan;
use crate::playbook::plan::tests::plan;
use crate::primitives::id::ApprovalId;
use crate::primitives::identity::{DecidedBy, Identity};
use crate::transition::decision::revocation::revoke;
use crate::transition::lifecycle::tests::incident;

/// Ada by two ids, bob, who decides by the API too, eve, who decides by the API; carol, who is told late; mallory, whom no rule names.
pub(crate) fn two() -> Channels {
    let file = json!({
        "people": {
            "ada": { "telegram": 7, "slack": "U7" }, "bob": { "telegram": 8, "api": true }, "eve": { "api": true },
            "carol": { "telegram": 9 }, "mallory": { "telegram": 10 },
        },
        "approvals": [{ "people": ["ada", "bob", "eve"], "then": ["carol"], "escalate_after_seconds": 600 }],
    });
    serde_json::from_value(file).expect("the shape of the file")
}

pub(super) fn press(by: Identity, verdict: Verdict, press: &str) -> Pressed<'_> {
    Pressed { verdict, by, press }
}

/// Ada's press at Telegram.
pub(crate) fn ada(verdict: Verdict, id: &str) -> Pressed<'_> {
    press(Identity::Telegram(7), verdict, id)
}

pub(super) fn bob(verdict: Verdict, id: &str) -> Pressed<'_> {
    press(Identity::Telegram(8), verdict, id)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)
}

pub(super) fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// An incident whose plan waits for a decision, of so many people.
pub(crate) fn waiting(needed: u8) -> (IncidentChange, ApprovalId) {
    let mut change = IncidentChange::new(incident());
    let risk = if needed == 2 {
        Risk::Critical
    } else {
        Risk::Low
    };
    change.propose(
        Plan { risk, ..plan() },
        now(),
        SignedDuration::from_hours(4),
    );
    assert_eq!(approval(&change).needed, needed);
    let id = approval(&change).id.clone();
    change.entries.clear();
    (change, id)
}

pub(crate) fn approval(change: &IncidentChange) -> &Approval {
    change.incident.approval.as_ref().expect("an approval")
}

pub(crate) fn events(change: &IncidentChange) -> Vec<Event> {
    change.entries.iter().map(|entry| entry.event).collect()
}

/// Decides on the incident that a change leaves, and appends what the decision changes.
pub(crate) fn decide_on(
    change: &mut IncidentChange,
    id: &ApprovalId,
    pressed: &Pressed<'_>,
    file: &Channels,
    at: Timestamp,
) -> Result<Taken, Refusal> {
    let decision = decide(change.incident.clone(), id, pressed, file, at);
    change.append(decision.change);
    decision.answer
}

#[test]
fn a_decision_is_recorded_once_and_names_the_person() {
    let (mut change, id) = waiting(1);
    let file = two();
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &file, now()),
        Ok(Taken::Approved)
    );
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "2"), &file, now()),
        Ok(Taken::Approved)
    );
    let by_slack = press(Identity::Slack("U7".into()), Verdict::Approve, "3");
    assert_eq!(
        decide_on(&mut change, &id, &by_slack, &file, now()),
        Ok(Taken::Approved),
        "two ids of one person are one person"
    );
    assert_eq!(
        (change.incident.status, events(&change)),
        (Status::Approved, vec![Event::ApprovalDecided])
    );
    assert_eq!(change.entries[0].actor, "telegram:7");
    let refused = Err(Refusal::Decided {
        verdict: Verdict::Approve,
        by: DecidedBy::Person(Identity::Telegram(7)),
    });
    assert_eq!(
        decide_on(&mut change, &id, &bob(Verdict::Approve, "4"), &file, now()),
        refused
    );
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Reject, "5"), &file, now()),
        refused
    );
    assert_eq!(
        events(&change)[1..],
        [Event::ApprovalRefused, Event::ApprovalRefused]
    );
    let entry = &change.entries[1];
    assert_eq!((entry.actor.as_str(), entry.success), ("telegram:8", false));
    assert_eq!(
        entry.error.as_deref(),
        Some("telegram:7 has already decided: approved")
    );
    assert_eq!(
        (&entry.context["press"], &entry.context["approval_id"]),
        (&json!("4"), &json!(id))
    );
}

#[test]
fn a_redelivered_press_gets_its_recorded_result() {
    let (mut change, id) = waiting(1);
    let file = two();
    let refused = decide_on(
        &mut change,
        &id,
        &press(Identity::Telegram(9), Verdict::Approve, "early"),
        &file,
        now(),
    );
    assert_eq!(refused, Err(Refusal::NotAllowed));
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &file, now()),
        Ok(Taken::Approved)
    );
    revoke(&mut change, "ingress", phrase!("the alert resolved"), now());
    let before = change.clone();
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &file, now()),
        Ok(Taken::Approved)
    );
    assert_eq!(
        decide_on(
            &mut change,
            &id,
            &press(Identity::Telegram(9), Verdict::Approve, "early"),
            &file,
            now()
        ),
        refused
    );
    assert_eq!(change, before);
    let again = decide_on(&mut change, &id, &ada(Verdict::Approve, "2"), &file, now());
    assert_eq!(
        again,
        Err(Refusal::Void {
            why: phrase!("the alert resolved")
        }),
        "another press is another question"
    );
}

#[test]
fn only_the_shown_plan_is_decided_on_by_those_who_may() {
    let (mut change, id) = waiting(1);
    let file = two();
    let mut refused = |id: &ApprovalId, by, press_id| {
        decide_on(
            &mut change,
            id,
            &press(by, Verdict::Approve, press_id),
            &file,
            now(),
        )
        .err()
    };
    let other = ApprovalId::for_plan(&incident().id, &"0".repeat(64).into());
    assert_eq!(
        refused(&other, Identity::Telegram(7), "1"),
        Some(Refusal::NotThisPlan)
    );
    assert_eq!(
        refused(&id, Identity::Telegram(99), "2"),
        Some(Refusal::NotListed)
    );
    assert_eq!(
        refused(&id, Identity::Api("ada".into()), "3"),
        Some(Refusal::NotListed),
        "she does not decide by the API"
    );
    assert_eq!(
        refused(&id, Identity::Telegram(10), "4"),
        Some(Refusal::NotAllowed)
    );
    change.incident.plan.as_mut().expect("a plan").steps[0]
        .argv
        .push("--force".into());
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "5"), &file, now()),
        Err(Refusal::NotThisPlan)
    );
    let pressed = ada(Verdict::Approve, "6");
    let Decision {
        change: last,
        answer,
    } = refuse(
        change.incident.clone(),
        &id,
        &pressed,
        Refusal::OtherChat,
        now(),
    );
    change.append(last);
    assert_eq!(answer, Err(Refusal::OtherChat));
    assert_eq!(events(&change), [Event::ApprovalRefused; 6]);
    let mut nobody = IncidentChange::new(waiting(1).0.incident);
    assert_eq!(
        decide_on(
            &mut nobody,
            &id,
            &ada(Verdict::Approve, "1"),
            &Channels::default(),
            now()
        ),
        Err(Refusal::NotListed)
    );
}

#[test]
fn refused_presses_fill_neither_the_log_nor_the_incident() {
    let (mut change, id) = waiting(1);
    let mut press_all = |person: fn(i64) -> Identity, expected: Refusal| {
        for i in 0..250 {
            let by = person(i);
            let nth = format!("{by} {i}");
            let pressed = press(by, Verdict::Approve, &nth);
            let refused = decide_on(&mut change, &id, &pressed, &two(), now());
            assert_eq!(refused, Err(expected.clone()));
        }
        let approval = approval(&change);
        (
            change.entries.len(),
            approval.stranger_refusals,
            approval.refusals,
        )
    };
    let strangers = press_all(|i| Identity::Telegram(1_000 + i), Refusal::NotListed);
    assert_eq!(strangers, (20, 20, 0));
    let mallory = press_all(|_| Identity::Telegram(10), Refusal::NotAllowed);
    assert_eq!(mallory, (220, 20, 200), "of the list there is still room");
    assert_eq!(approval(&change).presses.len(), 32);
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "x"), &two(), now()),
        Ok(Taken::Approved),
        "who may still may"
    );
}

#[test]
fn nobody_decides_after_the_time_or_after_a_void() {
    let (mut change, id) = waiting(1);
    let late = after(4 * 3600);
    assert!(matches!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &two(), late),
        Err(Refusal::Expired { .. })
    ));
    revoke(&mut change, "ingress", phrase!("the alert resolved"), now());
    assert!(matches!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "2"), &two(), now()),
        Err(Refusal::Void { .. })
    ));
}

#[test]
fn a_void_stops_an_approved_plan_only_before_its_repair() {
    let (mut change, id) = waiting(1);
    decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &two(), now()).expect("pending");
    revoke(&mut change, "ingress", phrase!("the alert resolved"), now());
    assert!(matches!(
        approval(&change).state,
        ApprovalState::Void { .. }
    ));
}
