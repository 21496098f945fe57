//! Tests of the conditions of a reanalysis, and of its effects.

use jiff::{SignedDuration, Timestamp};

use super::{APART, MOST_ROUNDS, Refusal, ask};
use crate::analysis::tests::analysis;
use crate::analysis::{Analysis, Severity};
use crate::incident::approval::{ApprovalState, Verdict};
use crate::incident::change::IncidentChange;
use crate::incident::guardrail::{Guardrail, blocking};
use crate::incident::operation_log::{Event, verify};
use crate::incident::parts::{IncidentKind, Storm};
use crate::incident::repair::Repair;
use crate::incident::{Incident, Status};
use crate::playbook::plan::Plan;
use crate::playbook::plan::tests::plan;
use crate::transition::analysis_lease::Claimed;
use crate::transition::decision::tests::{ada, decide_on, two};
use crate::transition::lifecycle::tests::incident;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const VALID_FOR: SignedDuration = SignedDuration::from_hours(1);
const BY: &str = "telegram:7";

/// An incident that is analysed, with a plan that waits.
fn waiting() -> IncidentChange {
    let mut change = IncidentChange::new(incident());
    change.analysed(analysis(), vec![], NOW);
    change.propose(plan(), NOW, VALID_FOR);
    change
}

/// The same, and somebody has asked for another analysis.
fn doubted() -> IncidentChange {
    let mut change = waiting();
    assert_eq!(ask(&mut change, BY, NOW), Ok(1));
    change.entries.clear();
    change
}

fn worse() -> Analysis {
    Analysis {
        urgency: Severity::P1.into(),
        root_cause: "another".to_owned(),
        ..analysis()
    }
}

fn other_plan() -> Plan {
    Plan {
        playbook: "replace".into(),
        ..plan()
    }
}

fn events(change: &IncidentChange) -> Vec<Event> {
    change.entries.iter().map(|entry| entry.event).collect()
}

#[test]
fn it_is_asked_for_only_while_nothing_is_decided() {
    use Status::{
        Announced, Approved, AwaitingApproval, InStorm, NeedsHuman, Open, Rejected, RepairFailed,
        Repaired, Repairing, Resolved,
    };
    for (status, allowed) in [
        (Open, false),
        (AwaitingApproval, true),
        (NeedsHuman, true),
        (Approved, false),
        (Rejected, true),
        (Repairing, false),
        (Repaired, false),
        (RepairFailed, true),
        (Resolved, false),
        (Announced, false),
        (InStorm, false),
    ] {
        let mut change = waiting();
        change.incident.status = status;
        let before = change.clone();
        let asked = ask(&mut change, BY, NOW);
        if allowed {
            assert_eq!(asked, Ok(1), "{status:?}");
        } else {
            assert_eq!(
                (asked, change),
                (Err(Refusal::Status(status)), before),
                "{status:?}"
            );
        }
    }
    let mut change = IncidentChange::new(Incident {
        status: NeedsHuman,
        ..incident()
    });
    assert_eq!(ask(&mut change, BY, NOW), Err(Refusal::NotAnalysed));
    let mut change = waiting();
    change.incident.kind = IncidentKind::Storm(Storm::default());
    assert_eq!(ask(&mut change, BY, NOW), Err(Refusal::Storm));
}

#[test]
fn three_times_and_five_minutes_apart() {
    let mut change = waiting();
    let mut now = NOW;
    for round in 1..=MOST_ROUNDS {
        assert_eq!(ask(&mut change, BY, now), Ok(round));
        let under_way = Err(Refusal::UnderWay {
            round,
            by: BY.to_owned(),
        });
        assert_eq!(ask(&mut change, "telegram:8", now + APART / 2), under_way);
        assert!(
            change.incident.is_reanalysed(now)
                && change.incident.awaits_reanalysis(round)
                && !change.incident.awaits_reanalysis(round + 1)
        );
        change.reanalysed(round, (worse(), vec![]), |_| Ok(plan()), now, VALID_FOR);
        assert!(!change.incident.is_reanalysed(now));
        if round < MOST_ROUNDS {
            assert_eq!(
                ask(&mut change, BY, now + APART / 2),
                Err(Refusal::TooSoon {
                    asked_at: now,
                    from: now + APART
                })
            );
        }
        now += APART;
    }
    assert_eq!(ask(&mut change, BY, now), Err(Refusal::UsedUp));
    let asked: Vec<_> = change
        .entries
        .iter()
        .filter(|entry| entry.event == Event::ReanalysisRequested)
        .collect();
    assert_eq!(asked.len(), 3);
    assert_eq!(
        (asked[1].actor.as_str(), asked[1].detail.as_str()),
        (BY, "a new analysis was asked for (2 of 3)")
    );
    assert_eq!(
        verify(
            &change.incident.id,
            &change.entries,
            &change.incident.log_head
        ),
        Ok(())
    );
}

#[test]
fn one_that_never_came_does_not_stand_in_the_way() {
    let mut change = doubted();
    let lease = APART * 2;
    assert_eq!(
        change.claim_analysis("m1", &["a"], lease, NOW),
        Claimed::Mine
    );
    assert!(
        matches!(
            ask(&mut change, BY, NOW + APART),
            Err(Refusal::UnderWay { .. })
        ),
        "its worker may still be there"
    );
    assert_eq!(ask(&mut change, BY, NOW + lease), Ok(2));
    assert_eq!(change.incident.claim, None, "attempts are those of a round");
    let before = change.clone();
    change.reanalysed(1, (worse(), vec![]), |_| Ok(plan()), NOW + lease, VALID_FOR);
    assert_eq!(change, before, "nobody waits for it any more");
}

#[test]
fn the_same_plan_stays_as_it_was_asked_for() {
    let mut change = doubted();
    let approval = change.incident.approval.clone();
    change.reanalysed(
        1,
        (worse(), vec![]),
        |_| Ok(Plan { score: 7, ..plan() }),
        NOW,
        VALID_FOR,
    );
    assert_eq!(
        (events(&change), &change.incident.approval),
        (vec![Event::AnalysisCompleted], &approval)
    );
    assert_eq!(change.entries[0].context["round"], 1);
    assert_eq!(
        (change.incident.severity, change.incident.status),
        (Severity::P1, Status::AwaitingApproval)
    );
    assert_eq!(
        change
            .incident
            .analysis
            .as_ref()
            .map(|analysis| analysis.root_cause.as_str()),
        Some("another")
    );
    let again = change.clone();
    change.reanalysed(
        1,
        (analysis(), vec![]),
        |_| Ok(other_plan()),
        NOW,
        VALID_FOR,
    );
    assert_eq!(change, again, "a message twice");
}

#[test]
fn another_plan_is_proposed_and_the_old_one_is_revoked() {
    let mut change = doubted();
    let old = change.incident.approval.clone().expect("asked");
    change.reanalysed(1, (worse(), vec![]), |_| Ok(other_plan()), NOW, VALID_FOR);
    assert_eq!(
        events(&change),
        [
            Event::AnalysisCompleted,
            Event::ApprovalVoided,
            Event::ApprovalRequested
        ]
    );
    assert_eq!(
        change.entries[1].detail,
        "a new analysis came to another plan"
    );
    let asked = change.incident.approval.clone().expect("asked");
    assert_eq!(
        (&asked.state, change.incident.status),
        (&ApprovalState::Pending, Status::AwaitingApproval)
    );
    assert!(
        decide_on(
            &mut change,
            &old.id,
            &ada(Verdict::Approve, "p"),
            &two(),
            NOW
        )
        .is_err()
    );
    assert_eq!(
        blocking(&change.incident.guardrails)
            .map(|found| found.guardrail)
            .collect::<Vec<_>>(),
        [Guardrail::Confidence]
    );
}

#[test]
fn what_is_no_longer_asked_or_for_other_people_is_asked_anew() {
    type Case = (&'static str, fn(&mut IncidentChange), Timestamp);
    let cases: [Case; 4] = [
        (
            "another number of people",
            |change| change.incident.approval.as_mut().expect("asked").needed = 9,
            NOW,
        ),
        (
            "there was no decision in time",
            |_| {},
            NOW + VALID_FOR + VALID_FOR,
        ),
        (
            "rejected",
            |change| change.incident.status = Status::Rejected,
            NOW,
        ),
        (
            "failed",
            |change| {
                change.incident.status = Status::RepairFailed;
                change.incident.repair = Some(Repair::start(plan().hash(), NOW));
            },
            NOW,
        ),
    ];
    for (case, set, now) in cases {
        let mut change = doubted();
        let first = change.incident.approval.clone().expect("asked");
        set(&mut change);
        if matches!(
            change.incident.status,
            Status::Rejected | Status::RepairFailed
        ) {
            let verdict = if change.incident.status == Status::Rejected {
                Verdict::Reject
            } else {
                Verdict::Approve
            };
            change.incident.approval.as_mut().expect("asked").state = ApprovalState::Decided {
                verdict,
                by: BY.parse().expect("a person"),
                at: NOW,
            };
        }
        change.reanalysed(1, (worse(), vec![]), |_| Ok(plan()), now, VALID_FOR);
        let asked = change.incident.approval.as_ref().expect("asked again");
        assert_eq!(
            (&asked.state, change.incident.status),
            (&ApprovalState::Pending, Status::AwaitingApproval),
            "{case}"
        );
        assert_ne!(
            (&asked.id, &asked.plan_hash),
            (&first.id, &first.plan_hash),
            "{case}"
        );
        assert_eq!(change.incident.repair, None, "{case}");
    }
}

#[test]
fn a_plan_that_comes_back_after_it_was_gone_is_another_plan() {
    let mut change = doubted();
    let first = change.incident.approval.clone().expect("asked");
    change.reanalysed(
        1,
        (worse(), vec![]),
        |_| Err("no playbook fits".to_owned().into()),
        NOW,
        VALID_FOR,
    );
    assert_eq!(
        (change.incident.status, &change.incident.plan),
        (Status::NeedsHuman, &None)
    );
    assert_eq!(
        change.incident.no_plan_because,
        Some("no playbook fits".to_owned().into())
    );
    assert!(matches!(
        change.incident.approval.as_ref().expect("kept").state,
        ApprovalState::Void { .. }
    ));
    assert_eq!(ask(&mut change, BY, NOW + APART), Ok(2));
    change.reanalysed(2, (worse(), vec![]), |_| Ok(plan()), NOW + APART, VALID_FOR);
    let second = change.incident.approval.clone().expect("asked");
    assert_ne!(first.id, second.id);
    assert_eq!(change.incident.no_plan_because, None);
}

#[test]
fn what_happened_meanwhile_holds() {
    let approved = |change: &mut IncidentChange| {
        let id = change.incident.approval.clone().expect("asked").id;
        decide_on(change, &id, &ada(Verdict::Approve, "p"), &two(), NOW).expect("pending");
    };
    let resolved = |change: &mut IncidentChange| change.resolved(3, NOW);
    for happened in [approved as fn(&mut IncidentChange), resolved] {
        let mut change = doubted();
        happened(&mut change);
        change.entries.clear();
        let before = change.incident.clone();
        assert!(!before.awaits_reanalysis(1), "its models are not asked");
        change.reanalysed(1, (worse(), vec![]), |_| Ok(other_plan()), NOW, VALID_FOR);
        let [entry] = change.entries.as_slice() else {
            panic!("one entry: {:?}", change.entries)
        };
        assert_eq!(
            (entry.event, entry.success),
            (Event::AnalysisCompleted, false)
        );
        assert_eq!(
            (&change.incident.analysis, &change.incident.approval),
            (&before.analysis, &before.approval)
        );
        assert_eq!(
            (change.incident.status, change.incident.severity),
            (before.status, before.severity)
        );
    }
}
