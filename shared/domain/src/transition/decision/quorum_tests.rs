//! Tests of the quorum: how many people a plan needs, and whose approvals count.

use serde_json::json;

use crate::analysis::Risk;
use crate::incident::Status;
use crate::incident::approval::{Refusal, Taken, Verdict, Vote};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::operation_log::Event;
use crate::notification::channels::Channels;
use crate::playbook::plan::Plan;
use crate::playbook::plan::tests::plan;
use crate::primitives::identity::Identity;
use crate::transition::decision::quorum::{NoApprover, people_needed, without_approver};
use crate::transition::decision::tests::{
    ada, approval, bob, decide_on, events, now, press, two, waiting,
};

#[test]
fn people_needed_follow_from_the_plans_risk_alone() {
    for (risk, needed) in [(Risk::Low, 1), (Risk::High, 1), (Risk::Critical, 2)] {
        let plan = Plan { risk, ..plan() };
        for (earned, by_trust) in [
            (None, 1),
            (Some(AutonomyLevel::Suggest), 2),
            (Some(AutonomyLevel::Approve), 1),
            (Some(AutonomyLevel::Auto), 1),
        ] {
            let expected = needed.max(by_trust);
            assert_eq!(
                people_needed(&plan, earned),
                expected,
                "{risk:?} {earned:?}"
            );
        }
    }
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
            signature: None,
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
fn a_plan_that_no_one_can_approve_says_why() {
    let channels = |file: serde_json::Value| {
        let channels: Channels = serde_json::from_value(file).expect("the shape of the file");
        channels
    };
    let people = json!({
        "ada": { "telegram": 7 }, "bob": { "slack": "U8" }, "eve": { "api": true }, "leo": {},
    });
    let rules = |rules: serde_json::Value| {
        channels(json!({ "people": people.clone(), "approvals": rules }))
    };
    let too_few = |able| Some(NoApprover::TooFew { able });
    for (file, of_one, of_two) in [
        (
            Channels::default(),
            Some(NoApprover::NoRule),
            Some(NoApprover::NoRule),
        ),
        (
            rules(json!([{ "services": ["another"], "people": ["ada"] }])),
            Some(NoApprover::NoRule),
            Some(NoApprover::NoRule),
        ),
        (rules(json!([{ "people": ["ada"] }])), None, too_few(1)),
        // Only a press proves that two are two.
        (
            rules(json!([{ "people": ["eve", "leo"] }])),
            None,
            too_few(0),
        ),
        (rules(json!([{ "people": ["ada", "bob"] }])), None, None),
        (
            rules(json!([{ "people": ["ada"], "then": ["bob"], "escalate_after_seconds": 60 }])),
            None,
            None,
        ),
    ] {
        for (needed, expected) in [(1, of_one), (2, of_two)] {
            let (change, _) = waiting(needed);
            let why = without_approver(&file, &change.incident, now());
            assert_eq!(why, expected, "{needed} of {:?}", file.approvals);
        }
    }
}

#[test]
fn who_has_approved_counts_also_off_duty() {
    let (mut change, id) = waiting(2);
    let two = two();
    decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &two, now()).expect("taken");
    assert_eq!(without_approver(&two, &change.incident, now()), None);
    let mut alone = two.clone();
    alone.approvals[0].people = vec!["ada".to_owned()];
    alone.approvals[0].then.clear();
    assert_eq!(
        without_approver(&alone, &change.incident, now()),
        Some(NoApprover::TooFew { able: 1 })
    );
    change.resolved(1, now());
    assert_eq!(without_approver(&alone, &change.incident, now()), None);
}

#[test]
fn who_has_another_account_by_now_can_vote_again() {
    let (mut change, id) = waiting(2);
    let mut file = two();
    decide_on(&mut change, &id, &ada(Verdict::Approve, "1"), &file, now()).expect("taken");
    let moved = file.people.get_mut("ada").expect("one of the people");
    moved.telegram = Some(70);
    assert_eq!(
        without_approver(&file, &change.incident, now()),
        None,
        "her first vote does not count, and she can approve all the same"
    );
    let again = press(Identity::Telegram(70), Verdict::Approve, "2");
    assert_eq!(
        decide_on(&mut change, &id, &again, &file, now()),
        Ok(Taken::Given { more: 1 })
    );
}
