//! What stands in the log and on the incident, whatever happens to a run and to its worker.

use jiff::Timestamp;
use shared::domain::condition::When;
use shared::domain::draft::Draft;
use shared::domain::incident::Status;
use shared::domain::operation_log::{Event, Head, verify};
use shared::domain::plan::{Phase, Plan, PlannedStep};
use shared::domain::repair::{Outcome, Repair, RepairOutcome, StepResult};

use super::{Begun, begin, end, stop};
use crate::entrance::tests::planned;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const ME: &str = "worker";

/// A repair that this worker has taken on, of a plan with one step and one check more than the file's.
fn running(change: fn(&mut Plan)) -> (Draft, Plan) {
    let (mut draft, mut plan) = planned();
    plan.steps[0].idempotent = false;
    change(&mut plan);
    draft.incident.repair = Some(Repair { worker: ME.into(), ..Repair::start(plan.hash(), NOW) });
    draft.incident.status = Status::Repairing;
    draft.incident.plan = Some(plan.clone());
    draft.incident.log_head = Head::start(&draft.incident.id);
    (draft, plan)
}

fn exits(status: u32) -> StepResult {
    StepResult { exit_status: Some(status), ..StepResult::without_output(Outcome::Exited, format!("exited with {status}"), 1) }
}

fn events(draft: &Draft) -> Vec<(Event, bool)> {
    draft.entries.iter().map(|entry| (entry.event, entry.success)).collect()
}

fn outcome(draft: &Draft) -> Option<RepairOutcome> {
    draft.incident.repair.as_ref().and_then(|repair| repair.outcome)
}

#[test]
fn a_worker_that_was_taken_over_writes_nothing_any_more() {
    let (mut draft, plan) = running(|_| {});
    assert_eq!(begin(&mut draft, &plan, ME, NOW), Begun::Step(Phase::Steps, 0));
    draft.incident.repair.as_mut().expect("it runs").worker = "other".into();
    let before = draft.clone();
    assert!(!end(&mut draft, &plan.steps[0], &exits(0), ME, NOW), "its result comes too late");
    assert_eq!(begin(&mut draft, &plan, ME, NOW), Begun::Overtaken);
    stop(&mut draft, &plan, ME, NOW);
    assert_eq!(draft, before);
    // Whoever took over finds a step without a result, and does not run it again.
    assert_eq!(begin(&mut draft, &plan, "other", NOW), Begun::Noted);
    assert_eq!(begin(&mut draft, &plan, "other", NOW), Begun::Ended);
    assert_eq!((outcome(&draft), draft.incident.status), (Some(RepairOutcome::Unknown), Status::RepairFailed));
    assert_eq!(events(&draft), [(Event::StepStarted, true), (Event::StepFinished, false), (Event::ExecutionCompleted, false)]);
    assert_eq!(verify(&draft.incident.id, &draft.entries, &draft.incident.log_head), Ok(()));
}

#[test]
fn a_check_that_is_tried_again_stands_in_the_log_once_with_its_tries() {
    let (mut draft, plan) = running(|plan| plan.verify[0].retries = 2);
    for status in [0, 7, 7, 0] {
        let Begun::Step(phase, index) = begin(&mut draft, &plan, ME, NOW) else { panic!("a step: {draft:?}") };
        assert!(end(&mut draft, &plan.phase(phase)[index], &exits(status), ME, NOW));
    }
    assert_eq!(begin(&mut draft, &plan, ME, NOW), Begun::Ended);
    use Event::{ExecutionCompleted, StepFinished, StepStarted, VerificationFinished};
    let expected = [StepStarted, StepFinished, StepStarted, StepFinished, ExecutionCompleted, VerificationFinished];
    assert_eq!(events(&draft), expected.map(|event| (event, true)));
    assert_eq!(draft.entries[3].context["tries"], 3);
    assert_eq!((outcome(&draft), draft.incident.status), (Some(RepairOutcome::Verified), Status::Repaired));
}

#[test]
fn a_step_that_is_skipped_says_why_and_one_that_was_never_checked_has_failed() {
    let (mut draft, plan) = running(|plan| {
        plan.facts = vec![PlannedStep { fact: Some("up".into()), ..PlannedStep::default() }];
        plan.steps[0].when = Some(When { fact: "up".into(), exits: Some(3), prints: None, not: false });
        plan.verify.clear();
    });
    assert_eq!(begin(&mut draft, &plan, ME, NOW), Begun::Step(Phase::Facts, 0));
    assert!(end(&mut draft, &plan.facts[0], &exits(1), ME, NOW));
    assert_eq!(begin(&mut draft, &plan, ME, NOW), Begun::Noted);
    assert_eq!(begin(&mut draft, &plan, ME, NOW), Begun::Ended);
    assert_eq!(draft.entries[2].detail, "step 1: skipped: it runs only if up exits with 3");
    assert_eq!(outcome(&draft), Some(RepairOutcome::NotVerified));
    let last = draft.entries.last().expect("an entry");
    assert_eq!((last.event, last.error.as_deref()), (Event::VerificationFinished, Some("no check was made")));
}

#[test]
fn the_kill_switch_ends_a_run_that_waits_for_the_bridge_and_nothing_is_lost() {
    let (mut draft, plan) = running(|_| {});
    begin(&mut draft, &plan, ME, NOW);
    let refused = StepResult::without_output(Outcome::NotInvoked, "Nothing ran: the bridge is busy.", 1);
    assert!(end(&mut draft, &plan.steps[0], &refused, ME, NOW));
    assert_eq!(events(&draft), [(Event::StepStarted, true)], "it is tried again");
    stop(&mut draft, &plan, ME, NOW);
    let repair = draft.incident.repair.as_ref().expect("ran");
    assert!(!repair.may_still_be_at_work(), "the target is free at once: {repair:?}");
    assert_eq!((outcome(&draft), repair.steps[0].detail.as_str()), (Some(RepairOutcome::Stopped), "Nothing ran: the bridge is busy."));
}

#[test]
fn the_kill_switch_ends_a_run_and_accounts_for_the_step_that_had_begun() {
    let (mut draft, plan) = running(|plan| plan.rollback = plan.steps.clone());
    begin(&mut draft, &plan, ME, NOW);
    stop(&mut draft, &plan, ME, NOW);
    assert_eq!((outcome(&draft), draft.incident.status), (Some(RepairOutcome::Stopped), Status::RepairFailed));
    use Event::{ExecutionCompleted, GuardrailBlocked, StepFinished, StepStarted};
    assert_eq!(events(&draft), [(StepStarted, true), (StepFinished, false), (GuardrailBlocked, false), (ExecutionCompleted, false)]);
}
