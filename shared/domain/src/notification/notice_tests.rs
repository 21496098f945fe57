//! Tests of the notices that are derived from the operation log.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{What, all, due, may_be_heard};
use crate::alert::AlertSeverity;
use crate::incident::Status;
use crate::incident::approval::Verdict;
use crate::incident::change::IncidentChange;
use crate::incident::guardrail::tests::passing;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::repair::{Repair, RepairOutcome};
use crate::playbook::plan::tests::plan;
use crate::transition::decision::decide;
use crate::transition::decision::tests::{ada, two};
use crate::transition::lifecycle::tests::opened;

const VALID: SignedDuration = SignedDuration::from_hours(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// An incident whose plan waits for a decision.
fn waiting() -> IncidentChange {
    let mut draft = opened();
    draft.propose(plan(), at(1), VALID);
    draft
}

fn approve(draft: &mut IncidentChange) {
    let approval = draft.incident.approval.clone().expect("asked");
    decide(
        draft,
        &approval.id,
        &ada(Verdict::Approve, "p"),
        &two(),
        at(2),
    )
    .expect("taken");
}

/// Runs the plan, as the repair function records it.
fn ran(draft: &mut IncidentChange, outcome: RepairOutcome, seconds: i64) {
    let hash = draft
        .incident
        .approval
        .as_ref()
        .expect("asked")
        .plan_hash
        .clone();
    let repair = Repair {
        outcome: Some(outcome),
        finished_at: Some(at(seconds)),
        ..Repair::start(hash, at(seconds - 1))
    };
    draft.incident.repair = Some(repair);
    draft.incident.status = if outcome == RepairOutcome::Verified {
        Status::Repaired
    } else {
        Status::RepairFailed
    };
    draft.record(
        at(seconds),
        LogRecord::new(Event::ExecutionCompleted, "repair", "playbook p")
            .with(json!({ "outcome": outcome })),
    );
}

fn heard(draft: &IncidentChange, heard: u64) -> Vec<&'static str> {
    due(&draft.entries, heard, &draft.incident)
        .iter()
        .map(|notice| notice.what.as_str())
        .collect()
}

fn head(draft: &IncidentChange) -> u64 {
    draft.incident.log_head.sequence
}

#[test]
fn a_repair_is_told_once_with_who_had_decided_and_nothing_that_only_moves_on() {
    let mut draft = waiting();
    let card = head(&draft);
    approve(&mut draft);
    draft.converged(8, at(3));
    assert_eq!(
        heard(&draft, card),
        Vec::<&str>::new(),
        "a decision and a count are edits"
    );
    ran(&mut draft, RepairOutcome::StepFailed, 10);
    let told = due(&draft.entries, card, &draft.incident);
    let [notice] = told.as_slice() else {
        panic!("one: {told:?}")
    };
    assert_eq!(
        notice.what,
        What::Ended {
            outcome: RepairOutcome::StepFailed,
            automatic: false
        }
    );
    assert_eq!(
        (notice.deciders.clone(), notice.at),
        (vec!["ada".to_owned()], at(10))
    );
    assert_eq!(heard(&draft, notice.sequence), Vec::<&str>::new());
    draft.resolved(9, at(20));
    assert_eq!(
        heard(&draft, card),
        ["repair_failed"],
        "a result is told however late"
    );
}

#[test]
fn what_ran_by_itself_says_so_and_what_did_not_hold_is_told_in_place_of_its_success() {
    let mut draft = opened();
    draft.propose_within(passing(), plan(), at(1), VALID);
    ran(&mut draft, RepairOutcome::Verified, 10);
    let verified = due(&draft.entries, 1, &draft.incident);
    assert_eq!(
        verified[0].what,
        What::Ended {
            outcome: RepairOutcome::Verified,
            automatic: true
        }
    );
    assert_eq!(verified[0].deciders, Vec::<String>::new());
    let approval = draft.incident.approval.clone().expect("decided").id;
    draft.still_fires(&approval, SignedDuration::from_secs(60), at(100));
    assert_eq!(
        heard(&draft, 1),
        ["still_firing"],
        "nobody was told of the success, which none was"
    );
    assert_eq!(heard(&draft, verified[0].sequence), ["still_firing"]);
}

#[test]
fn what_says_where_things_stand_is_told_once_and_not_when_it_is_over() {
    let mut draft = waiting();
    let card = head(&draft);
    assert!(draft.expire(at(4_000)));
    assert_eq!(heard(&draft, card), ["plan_void"]);
    draft.escalated(AlertSeverity::Critical, 3, at(4_001));
    assert_eq!(
        heard(&draft, card),
        ["severity_raised"],
        "one message says both: it shows that the plan is void"
    );
    let first = due(&draft.entries, card, &draft.incident)[0].sequence;
    draft.resolved(3, at(4_002));
    assert_eq!(
        heard(&draft, card),
        Vec::<&str>::new(),
        "it is over: the card says so"
    );
    draft.reopened(1, 4, at(4_003));
    assert_eq!(draft.incident.status, Status::AwaitingApproval);
    assert_eq!(heard(&draft, first), ["fires_again"]);
    let told = due(&draft.entries, card, &draft.incident);
    assert_eq!(told.len(), 1);
    assert_eq!(
        heard(&draft, told[0].sequence),
        Vec::<&str>::new(),
        "that a decision is needed again stands in it"
    );
}

#[test]
fn a_plan_that_is_asked_about_anew_needs_people_and_results_keep_their_order() {
    let mut draft = waiting();
    let card = head(&draft);
    approve(&mut draft);
    draft.stopped_by(
        vec![crate::incident::guardrail::GuardrailOutcome::blocked(
            crate::incident::guardrail::Guardrail::KillSwitch,
            "it is on",
        )],
        "repair",
        at(5),
    );
    assert_eq!(heard(&draft, card), ["decision_needed"]);
    approve(&mut draft);
    ran(&mut draft, RepairOutcome::NotVerified, 10);
    draft.reopened(1, 5, at(20));
    assert_eq!(heard(&draft, card), ["repair_failed", "fires_again"]);
    assert_eq!(
        draft.incident.earlier_repairs.len(),
        1,
        "what was tried is not forgotten"
    );
}

#[test]
fn only_entries_that_may_be_heard_are_and_reports_for_information_are_not() {
    let mut draft = waiting();
    assert!(draft.expire(at(4_000)));
    for notice in all(&draft.entries) {
        let entry = draft
            .entries
            .iter()
            .find(|entry| entry.sequence == notice.sequence)
            .expect("its entry");
        assert!(may_be_heard(entry), "{entry:?}");
    }
    draft.incident.alert.cicd = true;
    draft.incident.alert.severity = AlertSeverity::Info;
    assert_eq!(heard(&draft, 1), Vec::<&str>::new());
}
