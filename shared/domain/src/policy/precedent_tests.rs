//! Tests of the precedents that are remembered, and of those that are not.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Near, open_facts, past_facts, recall};
use crate::analysis::evidence::LINE_CHARACTERS;
use crate::analysis::{Analysis, tests};
use crate::incident::repair::{Repair, RepairOutcome};
use crate::incident::{Incident, Status};
use crate::playbook::plan::Plan;
use crate::playbook::plan::tests::plan;
use crate::primitives::id::IncidentId;
use crate::primitives::phrase::Phrase;
use crate::transition::lifecycle::tests::incident as opened;

/// The nth incident of the fingerprint, an hour after the one before.
fn nth(n: u8) -> Incident {
    let id = IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G5F{n:02}")).expect("a ULID");
    Incident {
        id,
        opened_at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(n.into()),
        ..opened()
    }
}

fn with(n: u8, status: Status, plan: Option<Plan>, outcome: Option<RepairOutcome>) -> Incident {
    let mut incident = Incident { status, ..nth(n) };
    incident.repair = outcome.zip(plan.as_ref()).map(|(outcome, plan)| Repair {
        finished_at: Some(incident.opened_at + SignedDuration::from_mins(5)),
        outcome: Some(outcome),
        ..Repair::start(plan.hash(), incident.opened_at)
    });
    Incident { plan, ..incident }
}

fn repaired(n: u8) -> Incident {
    with(
        n,
        Status::Resolved,
        Some(plan()),
        Some(RepairOutcome::Verified),
    )
}

fn analysis(root_cause: &str) -> Analysis {
    Analysis {
        root_cause: root_cause.to_owned(),
        ..tests::analysis()
    }
}

#[test]
fn what_repaired_each_of_the_last_incidents_is_remembered() {
    let past = [repaired(1), repaired(2), repaired(3), repaired(4)];
    let memory = recall(&past, 3).expect("a memory");
    assert_eq!(memory.incidents, [nth(4).id, nth(3).id, nth(2).id]);
    assert_eq!(
        (memory.playbook.as_str(), memory.playbook_name.as_str()),
        ("restart", "Restart")
    );
    assert_eq!(
        memory.last_at,
        nth(4).opened_at + SignedDuration::from_mins(5)
    );
    insta::assert_snapshot!(
        memory.sentence,
        @r#"The last 3 incidents of this fingerprint were repaired by "Restart" on web (verified), most recently 01ARZ3NDEKTSV4RRFFQ69G5F04 at 1970-01-01T04:05:00Z."#
    );
    insta::assert_snapshot!(
        recall(&past, 1).expect("a memory").sentence,
        @r#"The last incident of this fingerprint was repaired by "Restart" on web (verified), most recently 01ARZ3NDEKTSV4RRFFQ69G5F04 at 1970-01-01T04:05:00Z."#
    );
    assert_eq!(
        recall(
            &[
                past[2].clone(),
                past[0].clone(),
                past[3].clone(),
                past[1].clone()
            ],
            3
        ),
        Some(memory),
        "the order does not matter"
    );
}

#[test]
fn what_ended_otherwise_is_a_reason_to_look_again() {
    use RepairOutcome::{NotVerified, StepFailed, Unknown, Verified};
    let other = |change: fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        with(2, Status::Resolved, Some(plan), Some(Verified))
    };
    let mut of_another_plan = repaired(2);
    of_another_plan.repair = of_another_plan.repair.map(|repair| Repair {
        plan_hash: "0".repeat(64).into(),
        ..repair
    });
    for (what, second) in [
        (
            "a failed step",
            with(2, Status::Resolved, Some(plan()), Some(StepFailed)),
        ),
        (
            "a failed step, still open",
            with(2, Status::RepairFailed, Some(plan()), Some(StepFailed)),
        ),
        (
            "no verification",
            with(2, Status::Resolved, Some(plan()), Some(NotVerified)),
        ),
        (
            "an unknown result",
            with(2, Status::Resolved, Some(plan()), Some(Unknown)),
        ),
        ("a rejection", with(2, Status::Rejected, Some(plan()), None)),
        ("no repair", with(2, Status::Resolved, Some(plan()), None)),
        ("no plan", with(2, Status::Resolved, None, None)),
        (
            "an alert that went on",
            with(2, Status::Repaired, Some(plan()), Some(Verified)),
        ),
        ("another playbook", other(|plan| plan.playbook = "x".into())),
        ("another target", other(|plan| plan.target = "x".into())),
        (
            "another parameter",
            other(|plan| plan.parameters = BTreeMap::from([("unit".into(), "db".into())])),
        ),
        ("a repair of another plan", of_another_plan),
    ] {
        assert_eq!(
            recall(&[repaired(1), second.clone(), repaired(3)], 3),
            None,
            "{what}"
        );
        assert_eq!(
            recall(&[repaired(1), second.clone(), repaired(3)], 2),
            None,
            "{what}"
        );
        assert!(
            recall(&[repaired(1), second, repaired(3)], 1).is_some(),
            "{what} is too long ago to matter"
        );
    }
}

#[test]
fn what_has_not_ended_says_nothing() {
    for status in [
        Status::Open,
        Status::AwaitingApproval,
        Status::NeedsHuman,
        Status::Approved,
        Status::Repairing,
        Status::InStorm,
    ] {
        let past = [
            repaired(1),
            with(2, status, Some(plan()), None),
            repaired(3),
        ];
        assert_eq!(
            recall(&past, 2).map(|memory| memory.incidents),
            Some(vec![nth(3).id, nth(1).id]),
            "{status:?}"
        );
        assert_eq!(recall(&past, 3), None, "{status:?}: there are only two");
    }
    assert_eq!(recall(&[], 1), None);
    assert_eq!(recall(&[repaired(1)], 0), None);
}

/// The facts in English, one on a line.
fn text(facts: &[Phrase]) -> String {
    let lines: Vec<String> = facts.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn each_earlier_incident_is_one_line() {
    use RepairOutcome::{NotVerified, StepFailed, Unknown, Verified};
    let mut past = vec![
        with(1, Status::Resolved, Some(plan()), Some(Verified)),
        with(2, Status::Resolved, Some(plan()), Some(StepFailed)),
        with(3, Status::RepairFailed, Some(plan()), Some(NotVerified)),
        with(4, Status::RepairFailed, Some(plan()), Some(Unknown)),
        with(5, Status::Rejected, Some(plan()), None),
        with(6, Status::Resolved, Some(plan()), None),
        with(7, Status::Resolved, None, None),
        with(8, Status::NeedsHuman, None, None),
        with(9, Status::Repaired, Some(plan()), Some(Verified)),
        with(10, Status::AwaitingApproval, Some(plan()), None),
    ];
    past[0].analysis = Some(analysis("the pool of\nconnections is full"));
    insta::assert_snapshot!(text(&past_facts(&past)), @r#"
    01ARZ3NDEKTSV4RRFFQ69G5F10 at 1970-01-01T10:00:00Z: TargetDown, waiting for a decision
    01ARZ3NDEKTSV4RRFFQ69G5F09 at 1970-01-01T09:00:00Z: TargetDown, "Restart" on web was verified, but the alert has not resolved
    01ARZ3NDEKTSV4RRFFQ69G5F08 at 1970-01-01T08:00:00Z: TargetDown, needs a human
    01ARZ3NDEKTSV4RRFFQ69G5F07 at 1970-01-01T07:00:00Z: TargetDown, resolved without a repair
    01ARZ3NDEKTSV4RRFFQ69G5F06 at 1970-01-01T06:00:00Z: TargetDown, resolved without "Restart" on web, which was proposed
    01ARZ3NDEKTSV4RRFFQ69G5F05 at 1970-01-01T05:00:00Z: TargetDown, a human rejected "Restart" on web
    01ARZ3NDEKTSV4RRFFQ69G5F04 at 1970-01-01T04:00:00Z: TargetDown, "Restart" on web failed: what a step did is unknown
    01ARZ3NDEKTSV4RRFFQ69G5F03 at 1970-01-01T03:00:00Z: TargetDown, "Restart" on web failed: the symptom stayed
    01ARZ3NDEKTSV4RRFFQ69G5F02 at 1970-01-01T02:00:00Z: TargetDown, "Restart" on web failed: a step failed
    01ARZ3NDEKTSV4RRFFQ69G5F01 at 1970-01-01T01:00:00Z: TargetDown, repaired by "Restart" on web (verified); cause: the pool of connections is full
    "#);
}

#[test]
fn each_open_incident_is_one_line() {
    let mut open = with(1, Status::AwaitingApproval, Some(plan()), None);
    open.analysis = Some(analysis("the disk is full"));
    insta::assert_snapshot!(text(&open_facts(&[open, with(2, Status::Open, None, None)])), @r#"
    01ARZ3NDEKTSV4RRFFQ69G5F02 since 1970-01-01T02:00:00Z: TargetDown on web (P2, being analysed)
    01ARZ3NDEKTSV4RRFFQ69G5F01 since 1970-01-01T01:00:00Z: TargetDown on web (P2, waiting for a decision); cause: the disk is full
    "#);
}

#[test]
fn no_outside_text_breaks_or_lengthens_a_line() {
    use RepairOutcome::{NotVerified, StepFailed, Unknown, Verified};
    let endings = [
        Status::RepairFailed,
        Status::Repaired,
        Status::Resolved,
        Status::AwaitingApproval,
    ]
    .into_iter()
    .flat_map(|status| {
        [
            None,
            Some(NotVerified),
            Some(StepFailed),
            Some(Unknown),
            Some(Verified),
        ]
        .map(|outcome| (status, outcome))
    });
    for (status, outcome) in endings {
        for text in [
            "\n".repeat(500),
            "警\u{85}\u{2028}".repeat(500),
            "\u{1b}[31m\"\\".repeat(500),
        ] {
            let wide = Plan {
                playbook_name: text.clone(),
                target: text.as_str().into(),
                ..plan()
            };
            let mut incident = with(1, status, Some(wide), outcome);
            incident.alert.name.clone_from(&text);
            incident.alert.target.clone_from(&text);
            incident.analysis = Some(analysis(&text));
            for fact in past_facts(&[incident.clone()])
                .into_iter()
                .chain(open_facts(&[incident]))
                .map(|fact| fact.to_string())
            {
                assert!(
                    fact.chars().count() <= LINE_CHARACTERS,
                    "{}: {fact}",
                    fact.chars().count()
                );
                assert_eq!(fact.lines().count(), 1);
                assert!(
                    !fact.contains(|c: char| c.is_control() || c == '\u{2028}'),
                    "{fact:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_near_fits_into_a_key_and_is_never_two_things() {
    let near = |namespace: &str, target: &str| {
        let mut alert = opened().alert;
        (alert.namespace, alert.normalised_target) = (namespace.to_owned(), target.to_owned());
        Near::of(&alert, None)
    };
    assert_eq!(near("a", "b"), near("a", "b"));
    assert_ne!(near("a/b", "c"), near("a", "b/c"));
    assert_eq!(
        near(&"\u{10ffff}".repeat(256), &"\u{10ffff}".repeat(256))
            .target
            .len(),
        "unknown/".len() + 64
    );
    let known = Near::of(&opened().alert, Some(("web", Some("front"))));
    assert_eq!(
        (known.target.as_str(), known.group.as_deref()),
        ("web", Some("front"))
    );
}
