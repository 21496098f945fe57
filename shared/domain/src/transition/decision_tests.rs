//! Tests of who may decide, of how many approvals are needed, and of expiry.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof, proptest,
};
use proptest::test_runner::TestCaseError;
use serde_json::json;

use super::{Pressed, decide, look_again_at, people_needed, refuse, revoke, rule_of, stakes};
use crate::analysis::tests::analysis;
use crate::analysis::{DataImpact, Risk};
use crate::incident::Status;
use crate::incident::approval::{Approval, ApprovalState, Refusal, Taken, Verdict, Vote};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::change::{Decision, IncidentChange};
use crate::incident::operation_log::{Event, verify};
use crate::notification::channels::Channels;
use crate::playbook::plan::tests::plan;
use crate::primitives::id::ApprovalId;
use crate::primitives::identity::{DecidedBy, Identity};
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

fn press(by: Identity, verdict: Verdict, press: &str) -> Pressed<'_> {
    Pressed { verdict, by, press }
}

/// Ada's press at Telegram.
pub(crate) fn ada(verdict: Verdict, id: &str) -> Pressed<'_> {
    press(Identity::Telegram(7), verdict, id)
}

fn bob(verdict: Verdict, id: &str) -> Pressed<'_> {
    press(Identity::Telegram(8), verdict, id)
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// An incident whose plan waits for a decision, of so many people.
pub(crate) fn waiting(needed: u8) -> (IncidentChange, ApprovalId) {
    let mut change = IncidentChange::new(incident());
    if needed == 2 {
        change.incident.analysis = Some(crate::analysis::Analysis {
            risk: Risk::Critical,
            ..analysis()
        });
    }
    change.propose(plan(), now(), SignedDuration::from_hours(4));
    assert_eq!(approval(&change).needed, needed);
    let id = approval(&change).id.clone();
    change.entries.clear();
    (change, id)
}

fn approval(change: &IncidentChange) -> &Approval {
    change.incident.approval.as_ref().expect("an approval")
}

fn events(change: &IncidentChange) -> Vec<Event> {
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
fn people_needed_follow_from_the_risk_and_the_data_impact() {
    for (found, playbook, impact, needed) in [
        (Risk::High, Risk::High, DataImpact::Write, 1),
        (Risk::Critical, Risk::Low, DataImpact::None, 2),
        (Risk::Low, Risk::Critical, DataImpact::None, 2),
        (Risk::Low, Risk::Low, DataImpact::Destructive, 2),
    ] {
        let mut finding = analysis();
        (finding.risk, finding.blast_radius.data_impact) = (found, impact);
        let plan = crate::playbook::plan::Plan {
            risk: playbook,
            ..plan()
        };
        for (earned, by_trust) in [
            (None, 1),
            (Some(AutonomyLevel::Suggest), 2),
            (Some(AutonomyLevel::Approve), 1),
            (Some(AutonomyLevel::Auto), 1),
        ] {
            assert_eq!(
                people_needed(Some(&finding), &plan, earned),
                needed.max(by_trust),
                "{impact:?} {earned:?}"
            );
        }
        assert_eq!(
            people_needed(Some(&finding), &plan, None),
            needed,
            "{found:?} {playbook:?} {impact:?}"
        );
        assert_eq!(stakes(Some(&finding), &plan), found.max(playbook));
    }
    assert_eq!(people_needed(None, &plan(), None), 1);
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
    revoke(&mut change, "ingress", "the alert resolved", now());
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
            why: "the alert resolved".into()
        }),
        "another press is another question"
    );
}

#[test]
fn with_two_needed_a_second_person_decides_or_one_rejects() {
    let (mut change, id) = waiting(2);
    let file = two();
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &file, now()),
        Ok(Taken::Given { more: 1 })
    );
    let same = press(Identity::Slack("U7".into()), Verdict::Approve, "2");
    assert_eq!(
        decide_on(&mut change, &id, &same, &file, now()),
        Ok(Taken::Given { more: 1 }),
        "one person with two ids"
    );
    assert_eq!(
        (change.incident.status, events(&change)),
        (Status::AwaitingApproval, vec![Event::ApprovalGiven])
    );
    let mut rejected = change.clone();
    assert_eq!(
        decide_on(&mut change, &id, &bob(Verdict::Approve, "3"), &file, now()),
        Ok(Taken::Approved)
    );
    assert_eq!(
        (change.incident.status, events(&change)),
        (
            Status::Approved,
            vec![Event::ApprovalGiven, Event::ApprovalDecided]
        )
    );
    assert_eq!(approval(&change).given(), 2);
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "4"), &file, now()),
        Ok(Taken::Approved),
        "who approved first has approved"
    );
    assert_eq!(
        decide_on(&mut rejected, &id, &bob(Verdict::Reject, "3"), &file, now()),
        Ok(Taken::Rejected)
    );
    assert_eq!(rejected.incident.status, Status::Rejected);
}

#[test]
fn where_two_are_needed_only_presses_count() {
    let (mut change, id) = waiting(2);
    let file = two();
    let approve = |by, id| press(by, Verdict::Approve, id);
    assert_eq!(
        decide_on(
            &mut change,
            &id,
            &approve(Identity::Api("eve".into()), "1"),
            &file,
            now()
        ),
        Err(Refusal::NeedsPress)
    );
    assert_eq!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "2"), &file, now()),
        Ok(Taken::Given { more: 1 })
    );
    assert_eq!(
        decide_on(
            &mut change,
            &id,
            &approve(Identity::Api("bob".into()), "3"),
            &file,
            now()
        ),
        Err(Refusal::NeedsPress)
    );
    assert_eq!(
        decide_on(
            &mut change,
            &id,
            &approve(Identity::Link("bob".into()), "4"),
            &file,
            now()
        ),
        Err(Refusal::NeedsPress)
    );
    assert_eq!(
        (change.incident.status, events(&change)),
        (
            Status::AwaitingApproval,
            vec![
                Event::ApprovalRefused,
                Event::ApprovalGiven,
                Event::ApprovalRefused,
                Event::ApprovalRefused
            ]
        )
    );
    let why = change.entries[2].error.as_deref().expect("a reason");
    assert!(
        change.entries[2].actor == "api:bob"
            && why.contains("press the button on the card in Telegram or Slack"),
        "{why}"
    );
    let mut rejected = change.clone();
    let reject = press(Identity::Api("bob".into()), Verdict::Reject, "5");
    assert_eq!(
        decide_on(&mut rejected, &id, &reject, &file, now()),
        Ok(Taken::Rejected),
        "a rejection needs no second person"
    );
    assert_eq!(
        decide_on(&mut change, &id, &bob(Verdict::Approve, "6"), &file, now()),
        Ok(Taken::Approved)
    );
    let (mut one, id) = waiting(1);
    assert_eq!(
        decide_on(
            &mut one,
            &id,
            &approve(Identity::Api("eve".into()), "1"),
            &file,
            now()
        ),
        Ok(Taken::Approved),
        "one person is enough"
    );
}

#[test]
fn votes_that_prove_no_person_count_for_no_repair() {
    let (mut change, id) = waiting(2);
    for (n, (by, given)) in [
        ("api:eve", 0),
        ("link:bob", 0),
        ("telegram:7", 1),
        ("slack:U7", 1),
        ("telegram:8", 2),
    ]
    .into_iter()
    .enumerate()
    {
        let person = ["eve", "bob", "ada", "ada", "bob"][n].to_owned();
        let approval = change.incident.approval.as_mut().expect("an approval");
        approval.votes.push(Vote {
            person,
            by: by.parse().expect("an identity"),
            at: now(),
        });
        assert_eq!(
            (approval.given(), approval.lacks_people()),
            (given, given < 2),
            "{by}"
        );
    }
    assert_eq!(approval(&change).id, id);
}

#[test]
fn a_person_who_is_renamed_between_two_presses_is_one_person() {
    let (mut change, id) = waiting(2);
    decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &two(), now()).expect("allowed");
    // The account of the first press belongs to the second name by now; the first name is somebody else's.
    let mut renamed = two();
    let ada_before = renamed.people.remove("ada").expect("ada");
    let bob_before = renamed
        .people
        .insert("bob".into(), ada_before)
        .expect("bob");
    renamed.people.insert("ada".into(), bob_before);
    assert_eq!(
        decide_on(
            &mut change,
            &id,
            &ada(Verdict::Approve, "2"),
            &renamed,
            now()
        ),
        Ok(Taken::Given { more: 1 })
    );
    assert_eq!(change.incident.status, Status::AwaitingApproval);
    assert_eq!(
        decide_on(
            &mut change,
            &id,
            &bob(Verdict::Approve, "3"),
            &renamed,
            now()
        ),
        Ok(Taken::Approved),
        "the other person still may"
    );
}

#[test]
fn a_vote_of_somebody_who_may_no_more_does_not_count() {
    let (mut change, id) = waiting(2);
    decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &two(), now()).expect("allowed");
    let mut later = two();
    later.approvals[0].people.retain(|name| name != "ada");
    assert_eq!(
        decide_on(&mut change, &id, &bob(Verdict::Approve, "2"), &later, now()),
        Ok(Taken::Given { more: 1 })
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
    for i in 0..250 {
        let refused = decide_on(
            &mut change,
            &id,
            &press(Identity::Telegram(99), Verdict::Approve, &i.to_string()),
            &two(),
            now(),
        );
        assert_eq!(refused, Err(Refusal::NotListed));
    }
    let approval = approval(&change);
    assert_eq!(
        (
            change.entries.len(),
            approval.refusals,
            approval.presses.len()
        ),
        (200, 200, 32)
    );
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
    revoke(&mut change, "ingress", "the alert resolved", now());
    assert!(matches!(
        decide_on(&mut change, &id, &ada(Verdict::Approve, "2"), &two(), now()),
        Err(Refusal::Void { .. })
    ));
}

#[test]
fn a_void_stops_an_approved_plan_only_before_its_repair() {
    let (mut change, id) = waiting(1);
    decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &two(), now()).expect("pending");
    revoke(&mut change, "ingress", "the alert resolved", now());
    assert!(matches!(
        approval(&change).state,
        ApprovalState::Void { .. }
    ));
}

#[test]
fn an_undecided_approval_escalates_and_then_expires() {
    let (mut change, id) = waiting(1);
    let file = two();
    let rule = rule_of(&file, &change.incident).expect("a rule").clone();
    let carol = |id| press(Identity::Telegram(9), Verdict::Approve, id);
    assert_eq!(
        look_again_at(approval(&change), Some(&rule)),
        Some(after(600))
    );
    assert_eq!(
        look_again_at(approval(&change), None),
        Some(after(4 * 3600)),
        "without a rule it still expires"
    );
    assert!(!change.escalate(&rule, after(599)));
    assert_eq!(
        decide_on(&mut change, &id, &carol("1"), &file, after(599)),
        Err(Refusal::NotAllowed)
    );
    assert!(
        change.escalate(&rule, after(600)) && !change.escalate(&rule, after(601)),
        "once"
    );
    assert_eq!(
        change
            .entries
            .last()
            .map(|entry| (entry.event, entry.context["people"].clone())),
        Some((Event::ApprovalEscalated, json!(["carol"])))
    );
    assert_eq!(
        look_again_at(approval(&change), Some(&rule)),
        Some(after(4 * 3600))
    );
    assert!(!change.clone().expire(after(4 * 3600 - 1)));
    let mut decided = change.clone();
    assert_eq!(
        decide_on(&mut decided, &id, &carol("2"), &file, after(602)),
        Ok(Taken::Approved)
    );
    assert!(!decided.expire(after(5 * 3600)) && !decided.escalate(&rule, after(700)));
    assert!(change.expire(after(4 * 3600)) && !change.expire(after(4 * 3600)));
    assert_eq!(
        (
            change.incident.status,
            look_again_at(approval(&change), Some(&rule))
        ),
        (Status::NeedsHuman, None)
    );
    assert!(
        matches!(&approval(&change).state, ApprovalState::Void { why, .. } if why == "nobody decided in time")
    );
    assert_eq!(
        change.entries.last().map(|entry| entry.event),
        Some(Event::ApprovalVoided)
    );
}

/// What can happen to an approval.
#[derive(Debug, Clone)]
enum Act {
    /// A press: by whom, what, with which id, on the approval that stands or on the first.
    Press {
        by: Identity,
        verdict: Verdict,
        id: u8,
        first: bool,
    },
    Escalate,
    Expire,
    Resolve,
    Reopen,
    Void,
    /// So many minutes go by.
    Wait(u16),
}

fn act() -> impl Strategy<Value = Act> {
    let by = prop::sample::select(vec![
        Identity::Telegram(7),
        Identity::Slack("U7".into()),
        Identity::Telegram(8),
        Identity::Api("bob".into()),
        Identity::Api("eve".into()),
        Identity::Link("ada".into()),
        Identity::Telegram(9),
        Identity::Telegram(10),
        Identity::Telegram(99),
    ]);
    let verdict = prop_oneof![4 => Just(Verdict::Approve), 1 => Just(Verdict::Reject)];
    prop_oneof![
        12 => (by, verdict, 0..12_u8, prop::bool::weighted(0.1))
            .prop_map(|(by, verdict, id, first)| Act::Press { by, verdict, id, first }),
        2 => Just(Act::Escalate),
        1 => Just(Act::Expire),
        1 => Just(Act::Resolve),
        1 => Just(Act::Reopen),
        1 => Just(Act::Void),
        2 => (0..100_u16).prop_map(Act::Wait),
    ]
}

/// A change in which only what a refused press may change is as in another.
fn apart_from_log_and_counters(change: &IncidentChange) -> IncidentChange {
    let mut bare = IncidentChange::new(change.incident.clone());
    bare.incident.log_head = incident().log_head;
    if let Some(approval) = &mut bare.incident.approval {
        approval.presses.clear();
        approval.refusals = 0;
    }
    bare
}

/// Checks that an approved plan was approved by as many different people as it takes, who all may.
fn is_sound(change: &IncidentChange, file: &Channels) -> Result<(), TestCaseError> {
    let approval = approval(change);
    if !matches!(
        approval.state,
        ApprovalState::Decided {
            verdict: Verdict::Approve,
            ..
        }
    ) {
        prop_assert!(change.incident.status != Status::Approved);
        return Ok(());
    }
    let rule = rule_of(file, &change.incident).expect("a rule");
    let people: BTreeSet<&str> = approval
        .votes
        .iter()
        .map(|vote| vote.person.as_str())
        .collect();
    prop_assert!(
        people.len() >= usize::from(approval.needed) && !approval.lacks_people(),
        "{approval:?}"
    );
    prop_assert!(
        people
            .iter()
            .all(|person| rule.may(person, approval.escalated_at.is_some())),
        "{approval:?}"
    );
    let proven = |vote: &Vote| {
        let by = vote.by.to_string();
        ["telegram:", "slack:"]
            .iter()
            .any(|way| by.starts_with(way))
    };
    prop_assert!(
        approval.needed == 1 || approval.votes.iter().all(proven),
        "{approval:?}"
    );
    prop_assert_eq!(
        change
            .incident
            .plan
            .as_ref()
            .map(crate::playbook::plan::Plan::hash),
        Some(approval.plan_hash.clone())
    );
    Ok(())
}

/// Everything with which one person can approve: their own accounts, the API's token in every name, and every link, forwarded or read
/// where the receiver of a webhook keeps them.
fn ways_of_ada() -> impl Strategy<Value = Identity> {
    let names = || {
        prop::sample::select(vec!["ada", "bob", "eve", "carol", "mallory", "nobody"])
            .prop_map(str::to_owned)
    };
    prop_oneof![
        Just(Identity::Telegram(7)),
        Just(Identity::Slack("U7".into())),
        names().prop_map(Identity::Api),
        names().prop_map(Identity::Link),
    ]
}

proptest! {
    #[test]
    fn one_person_is_never_two_whatever_they_mix(
        presses in prop::collection::vec((ways_of_ada(), 0..4_u8), 0..40), escalated in any::<bool>(), swapped in 0..40_usize,
    ) {
        let (mut change, id) = waiting(2);
        let mut file = two();
        for person in file.people.values_mut() {
            person.api = true;
        }
        if escalated {
            let rule = rule_of(&file, &change.incident).expect("a rule").clone();
            prop_assert!(change.escalate(&rule, after(600)));
        }
        for (n, (by, press_id)) in presses.into_iter().enumerate() {
            if n == swapped {
                let ada = file.people["ada"].clone();
                let bob = file.people.insert("bob".into(), ada).expect("bob");
                file.people.insert("ada".into(), bob);
            }
            let press_id = format!("{n} {press_id}");
            let came_to = decide_on(&mut change, &id, &press(by, Verdict::Approve, &press_id), &file, after(601));
            prop_assert_ne!(came_to, Ok(Taken::Approved), "{:?}", approval(&change));
            prop_assert_eq!(&approval(&change).state, &ApprovalState::Pending);
        }
        prop_assert!(decide_on(&mut change, &id, &bob(Verdict::Approve, "other"), &file, after(602)).is_ok(), "somebody else still may");
    }

    #[test]
    fn in_any_order_a_plan_is_decided_once_by_enough_people(
        acts in prop::collection::vec(act(), 0..60), grave in any::<bool>(),
    ) {
        let file = two();
        let (mut change, first) = waiting(if grave { 2 } else { 1 });
        let rule = rule_of(&file, &change.incident).expect("a rule").clone();
        // The request itself was cleared from the entries: the chain is checked from a log that has it.
        let mut log = vec![];
        change.incident.log_head = incident().log_head;
        let (mut at, mut flaps) = (now(), 0);
        for act in acts {
            let before = change.clone();
            match act {
                Act::Press { by, verdict, id, first: stale } => {
                    let on = if stale { first.clone() } else { approval(&change).id.clone() };
                    let id = id.to_string();
                    let came_to = decide_on(&mut change, &on, &press(by, verdict, &id), &file, at);
                    let repeated = approval(&before).presses.iter().find(|taken| taken.id == id);
                    if let Some(taken) = repeated {
                        prop_assert_eq!(&change, &before);
                        prop_assert_eq!(&came_to, &taken.came_to);
                    } else if came_to.is_err() {
                        prop_assert_eq!(events(&change), [Event::ApprovalRefused]);
                        prop_assert_eq!(apart_from_log_and_counters(&change), apart_from_log_and_counters(&before));
                    } else {
                        prop_assert_eq!(&on, &approval(&before).id);
                        prop_assert!(at < approval(&before).expires_at || approval(&before).state != ApprovalState::Pending);
                    }
                }
                Act::Escalate => drop(change.escalate(&rule, at)),
                Act::Expire => drop(change.expire(at)),
                Act::Resolve if change.incident.resolved_at.is_none() => change.resolved(1, at),
                Act::Reopen if change.incident.resolved_at.is_some() => {
                    flaps += 1;
                    change.reopened(flaps, 1, at);
                    let asked = approval(&change);
                    prop_assert!(asked.votes.is_empty() && asked.presses.is_empty() && asked.escalated_at.is_none() && asked.requested_at == at);
                }
                Act::Resolve | Act::Reopen => {}
                Act::Void if change.incident.status == Status::Resolved => {}
                Act::Void => {
                    revoke(&mut change, "repair", "the playbook has changed", at);
                    change.incident.status = Status::NeedsHuman;
                }
                Act::Wait(minutes) => at += SignedDuration::from_mins(i64::from(minutes)),
            }
            if let (ApprovalState::Decided { .. }, true) = (&approval(&before).state, approval(&before).id == approval(&change).id) {
                let kept = approval(&change).state == approval(&before).state;
                prop_assert!(kept || matches!(approval(&change).state, ApprovalState::Void { .. }), "decided twice");
            }
            is_sound(&change, &file)?;
            log.append(&mut change.entries);
        }
        prop_assert_eq!(verify(&change.incident.id, &log, &change.incident.log_head), Ok(()));
        let mut decided = BTreeSet::new();
        for entry in log.iter().filter(|entry| entry.event == Event::ApprovalDecided) {
            prop_assert!(decided.insert(entry.context["approval_id"].to_string()), "decided twice");
        }
    }
}
