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
use crate::incident::parts::IncidentKind;
use crate::incident::repair::{Repair, RepairOutcome};
use crate::playbook::plan::tests::plan;
use crate::transition::decision::tests::{ada, decide_on, two};
use crate::transition::lifecycle::tests::opened;

const VALID: SignedDuration = SignedDuration::from_hours(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// An incident whose plan waits for a decision.
fn waiting() -> IncidentChange {
    let mut change = opened();
    change.propose(plan(), at(1), VALID);
    change
}

fn approve(change: &mut IncidentChange) {
    let approval = change.incident.approval.clone().expect("asked");
    decide_on(
        change,
        &approval.id,
        &ada(Verdict::Approve, "p"),
        &two(),
        at(2),
    )
    .expect("taken");
}

/// Runs the plan, as the repair function records it.
fn ran(change: &mut IncidentChange, outcome: RepairOutcome, seconds: i64) {
    let hash = change
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
    change.incident.repair = Some(repair);
    change.incident.status = if outcome == RepairOutcome::Verified {
        Status::Repaired
    } else {
        Status::RepairFailed
    };
    change.record(
        at(seconds),
        LogRecord::new(Event::ExecutionCompleted, "repair", "playbook p")
            .with(json!({ "outcome": outcome })),
    );
}

fn heard(change: &IncidentChange, heard: u64) -> Vec<&'static str> {
    due(&change.entries, heard, &change.incident)
        .iter()
        .map(|notice| notice.what.as_str())
        .collect()
}

fn head(change: &IncidentChange) -> u64 {
    change.incident.log_head.sequence
}

#[test]
fn a_result_is_told_once_with_who_had_decided() {
    let mut change = waiting();
    let card = head(&change);
    approve(&mut change);
    change.converged(8, at(3));
    assert_eq!(
        heard(&change, card),
        Vec::<&str>::new(),
        "a decision and a count are edits"
    );
    ran(&mut change, RepairOutcome::StepFailed, 10);
    let told = due(&change.entries, card, &change.incident);
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
    assert_eq!(heard(&change, notice.sequence), Vec::<&str>::new());
    change.resolved(9, at(20));
    assert_eq!(
        heard(&change, card),
        ["repair_failed"],
        "a result is told however late"
    );
}

#[test]
fn automatic_runs_say_so_and_still_firing_replaces_success() {
    let mut change = opened();
    change.propose_within(passing(), plan(), at(1), VALID);
    ran(&mut change, RepairOutcome::Verified, 10);
    let verified = due(&change.entries, 1, &change.incident);
    assert_eq!(
        verified[0].what,
        What::Ended {
            outcome: RepairOutcome::Verified,
            automatic: true
        }
    );
    assert_eq!(verified[0].deciders, Vec::<String>::new());
    let approval = change.incident.approval.clone().expect("decided").id;
    change.still_fires(&approval, SignedDuration::from_secs(60), at(100));
    assert_eq!(
        heard(&change, 1),
        ["still_firing"],
        "nobody was told of the success, which none was"
    );
    assert_eq!(heard(&change, verified[0].sequence), ["still_firing"]);
}

#[test]
fn state_notices_are_told_once_and_not_when_over() {
    let mut change = waiting();
    let card = head(&change);
    assert!(change.expire(at(4_000)));
    assert_eq!(heard(&change, card), ["plan_void"]);
    change.escalated(AlertSeverity::Critical, 3, at(4_001));
    assert_eq!(
        heard(&change, card),
        ["severity_raised"],
        "one message says both: it shows that the plan is void"
    );
    let first = due(&change.entries, card, &change.incident)[0].sequence;
    change.resolved(3, at(4_002));
    assert_eq!(
        heard(&change, card),
        ["ended_unattended"],
        "it is over: nothing else is true any more"
    );
    change.reopened(1, 4, at(4_003));
    assert_eq!(change.incident.status, Status::AwaitingApproval);
    assert_eq!(heard(&change, first), ["fires_again"]);
    let told = due(&change.entries, card, &change.incident);
    assert_eq!(told.len(), 1);
    assert_eq!(
        heard(&change, told[0].sequence),
        Vec::<&str>::new(),
        "that a decision is needed again stands in it"
    );
}

#[test]
fn a_new_request_needs_people_and_results_keep_their_order() {
    let mut change = waiting();
    let card = head(&change);
    approve(&mut change);
    change.stopped_by(
        vec![crate::incident::guardrail::GuardrailOutcome::blocked(
            crate::incident::guardrail::Guardrail::KillSwitch,
            "it is on".to_owned(),
        )],
        "repair",
        at(5),
    );
    assert_eq!(heard(&change, card), ["decision_needed"]);
    approve(&mut change);
    ran(&mut change, RepairOutcome::NotVerified, 10);
    change.reopened(1, 5, at(20));
    assert_eq!(heard(&change, card), ["repair_failed", "fires_again"]);
    assert_eq!(
        change.incident.earlier_repairs.len(),
        1,
        "what was tried is not forgotten"
    );
}

#[test]
fn only_audible_entries_are_told_and_no_info_reports() {
    let mut change = waiting();
    assert!(change.expire(at(4_000)));
    for notice in all(&change.entries) {
        let entry = change
            .entries
            .iter()
            .find(|entry| entry.sequence == notice.sequence)
            .expect("its entry");
        assert!(may_be_heard(entry), "{entry:?}");
    }
    change.incident.kind = IncidentKind::Pipeline;
    change.incident.alert.severity = AlertSeverity::Info;
    assert_eq!(heard(&change, 1), Vec::<&str>::new());
}

#[test]
fn a_decision_whose_time_is_nearly_over_is_told_once() {
    let mut change = waiting();
    let card = head(&change);
    // A quarter of the hour is left.
    let late = at(1) + SignedDuration::from_mins(45);
    assert!(!change.remind(late - SignedDuration::from_secs(1)));
    assert!(change.remind(late) && !change.remind(late));
    assert_eq!(heard(&change, card), ["decision_expiring"]);
    approve(&mut change);
    assert_eq!(heard(&change, card), Vec::<&str>::new());
}

#[test]
fn an_end_is_told_where_people_were_asked_and_none_acted() {
    let mut undecided = waiting();
    let card = head(&undecided);
    undecided.resolved(2, at(9));
    assert_eq!(heard(&undecided, card), ["ended_unattended"]);
    undecided.reopened(1, 3, at(10));
    assert_eq!(heard(&undecided, card), ["fires_again"], "it is not over");

    let mut decided = waiting();
    let card = head(&decided);
    approve(&mut decided);
    decided.resolved(2, at(9));
    assert_eq!(heard(&decided, card), Vec::<&str>::new());

    let mut nothing_asked = opened();
    nothing_asked.expired("silent", 1, at(9));
    assert_eq!(heard(&nothing_asked, 0), Vec::<&str>::new());
}

#[test]
fn calls_that_are_told_together_name_all_who_were_called() {
    let mut change = opened();
    change.incident.status = Status::NeedsHuman;
    for (second, people) in [(1, ["ada", "bob"]), (2, ["bob", "carol"])] {
        let news = LogRecord::new(Event::ResponderCalled, "notifier", "called");
        change.record(at(second), news.with(json!({ "people": people })));
    }
    let told = |heard| {
        let notices = due(&change.entries, heard, &change.incident);
        let [notice] = &notices[..] else {
            panic!("one notice: {notices:?}")
        };
        let What::Called { people } = &notice.what else {
            panic!("a call: {notice:?}")
        };
        assert_eq!(notice.sequence, head(&change));
        people.join(" ")
    };
    let first = change.entries[change.entries.len() - 2].sequence;
    assert_eq!(told(first - 1), "ada bob carol");
    assert_eq!(told(first), "bob carol", "the first call was told");
}
