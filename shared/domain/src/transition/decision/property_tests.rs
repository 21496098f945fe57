//! Property tests of decisions: random presses, escalations, resolves and reopens in any order.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof, proptest,
};
use proptest::test_runner::TestCaseError;

use crate::incident::Status;
use crate::incident::approval::{ApprovalState, Taken, Verdict, Vote};
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, verify};
use crate::notification::channels::Channels;
use crate::phrase;
use crate::primitives::identity::Identity;
use crate::transition::decision::quorum::rule_of;
use crate::transition::decision::revocation::revoke;
use crate::transition::decision::tests::{
    after, approval, bob, decide_on, events, now, press, two, waiting,
};
use crate::transition::lifecycle::tests::incident;

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
        approval.stranger_refusals = 0;
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
        people.iter().all(|person| rule.may(
            person,
            approval.reach(),
            approval.needed,
            &file.duty,
            now()
        )),
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
            prop_assert!(change.escalate(&file, after(600)));
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
                Act::Escalate => drop(change.escalate(&file, at)),
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
                    revoke(&mut change, "repair", phrase!("the playbook has changed"), at);
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
