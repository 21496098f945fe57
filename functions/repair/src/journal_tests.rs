//! Tests of the log and the incident after every course of a run, the death of its worker included.

use domain::incident::Status;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::{Event, Head, verify};
use domain::incident::repair::{Repair, RepairOutcome, StepOutcome, StepResult};
use domain::playbook::Playbook;
use domain::playbook::command::{Check, Fact, Step};
use domain::playbook::condition::When;
use domain::playbook::plan::{Phase, Plan, PlannedStep};
use domain::policy::playbook_run::PlaybookRun;
use jiff::Timestamp;

use super::{Begun, begin, end, stop};
use crate::admission::tests::{files, planned};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const ME: &str = "worker";

/// A repair that this worker has taken on, of a plan with one step and one check more than the file's.
fn running(edit: fn(&mut Plan)) -> (IncidentChange, Plan) {
    let (mut change, mut plan) = planned();
    plan.steps[0].idempotent = false;
    edit(&mut plan);
    change.incident.repair = Some(Repair {
        worker: ME.into(),
        ..Repair::start(plan.hash(), NOW)
    });
    change.incident.status = Status::Repairing;
    change.incident.plan = Some(plan.clone());
    change.incident.log_head = Head::start(&change.incident.id);
    (change, plan)
}

fn exits(status: u32) -> StepResult {
    StepResult {
        exit_status: Some(status),
        ..StepResult::without_output(StepOutcome::Exited, format!("exited with {status}"), 1)
    }
}

fn events(change: &IncidentChange) -> Vec<(Event, bool)> {
    change
        .entries
        .iter()
        .map(|entry| (entry.event, entry.success))
        .collect()
}

fn outcome(change: &IncidentChange) -> Option<RepairOutcome> {
    change
        .incident
        .repair
        .as_ref()
        .and_then(|repair| repair.outcome)
}

#[test]
fn a_worker_that_was_taken_over_writes_nothing_any_more() {
    let (mut change, plan) = running(|_| {});
    assert_eq!(
        begin(&mut change, &plan, ME, NOW),
        Begun::Step(Phase::Steps, 0)
    );
    change.incident.repair.as_mut().expect("it runs").worker = "other".into();
    let before = change.clone();
    assert!(
        !end(&mut change, &plan, &exits(0), ME, NOW),
        "its result comes too late"
    );
    assert_eq!(begin(&mut change, &plan, ME, NOW), Begun::Overtaken);
    stop(&mut change, &plan, ME, NOW);
    assert_eq!(change, before);
    // Whoever took over finds a step without a result, and does not run it again.
    assert_eq!(begin(&mut change, &plan, "other", NOW), Begun::Noted);
    assert_eq!(begin(&mut change, &plan, "other", NOW), Begun::Ended);
    assert_eq!(
        (outcome(&change), change.incident.status),
        (Some(RepairOutcome::Unknown), Status::RepairFailed)
    );
    assert_eq!(
        events(&change),
        [
            (Event::StepStarted, true),
            (Event::StepFinished, false),
            (Event::ExecutionCompleted, false)
        ]
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
fn retried_check_is_logged_once_with_its_tries() {
    let (mut change, plan) = running(|plan| plan.verify[0].retries = 2);
    for status in [0, 7, 7, 0] {
        assert!(
            matches!(begin(&mut change, &plan, ME, NOW), Begun::Step(..)),
            "a step: {change:?}"
        );
        assert!(end(&mut change, &plan, &exits(status), ME, NOW));
    }
    assert_eq!(begin(&mut change, &plan, ME, NOW), Begun::Ended);
    use Event::{ExecutionCompleted, StepFinished, StepStarted, VerificationFinished};
    let expected = [
        StepStarted,
        StepFinished,
        StepStarted,
        StepFinished,
        ExecutionCompleted,
        VerificationFinished,
    ];
    assert_eq!(events(&change), expected.map(|event| (event, true)));
    assert_eq!(change.entries[3].context["tries"], 3);
    assert_eq!(
        (outcome(&change), change.incident.status),
        (Some(RepairOutcome::Verified), Status::Repaired)
    );
}

#[test]
fn last_result_and_end_of_a_run_are_one_change() {
    let (mut change, plan) = running(|plan| plan.verify.clear());
    begin(&mut change, &plan, ME, NOW);
    let mut saved = IncidentChange::new(change.incident);
    assert!(end(&mut saved, &plan, &exits(0), ME, NOW));
    use Event::{ExecutionCompleted, StepFinished, VerificationFinished};
    assert_eq!(
        events(&saved),
        [
            (StepFinished, true),
            (ExecutionCompleted, true),
            (VerificationFinished, false)
        ]
    );
    let before = saved.clone();
    assert_eq!(begin(&mut saved, &plan, ME, NOW), Begun::Ended);
    assert_eq!(saved, before, "it ends once");
}

#[test]
fn skipped_step_says_why_and_unchecked_one_has_failed() {
    let (mut change, plan) = running(|plan| {
        plan.facts = vec![PlannedStep {
            fact: Some("up".into()),
            ..PlannedStep::default()
        }];
        plan.steps.insert(0, plan.steps[0].clone());
        plan.steps[0].when = Some(When {
            fact: "up".into(),
            exits: Some(3),
            prints: None,
            not: false,
        });
        plan.verify.clear();
    });
    assert_eq!(
        begin(&mut change, &plan, ME, NOW),
        Begun::Step(Phase::Facts, 0)
    );
    assert!(end(&mut change, &plan, &exits(1), ME, NOW));
    assert_eq!(begin(&mut change, &plan, ME, NOW), Begun::Noted);
    assert_eq!(
        begin(&mut change, &plan, ME, NOW),
        Begun::Step(Phase::Steps, 1)
    );
    assert!(end(&mut change, &plan, &exits(0), ME, NOW));
    assert_eq!(begin(&mut change, &plan, ME, NOW), Begun::Ended);
    assert_eq!(
        change.entries[2].detail,
        "step 1: skipped: it runs only if up exits with 3"
    );
    assert_eq!(outcome(&change), Some(RepairOutcome::NotVerified));
    let last = change.entries.last().expect("an entry");
    assert_eq!(
        (last.event, last.error.as_deref()),
        (Event::VerificationFinished, Some("no check was made"))
    );
}

#[test]
fn kill_switch_ends_a_run_that_waits_for_the_bridge() {
    let (mut change, plan) = running(|_| {});
    begin(&mut change, &plan, ME, NOW);
    let refused = StepResult::without_output(
        StepOutcome::NotInvoked,
        "Nothing ran: the bridge is busy.",
        1,
    );
    assert!(end(&mut change, &plan, &refused, ME, NOW));
    assert_eq!(
        events(&change),
        [(Event::StepStarted, true)],
        "it is tried again"
    );
    stop(&mut change, &plan, ME, NOW);
    let repair = change.incident.repair.as_ref().expect("ran");
    assert!(
        !repair.may_still_be_at_work(),
        "the target is free at once: {repair:?}"
    );
    assert_eq!(
        (
            outcome(&change),
            repair.steps[0].detail.to_string().as_str()
        ),
        (
            Some(RepairOutcome::Stopped),
            "Nothing ran: the bridge is busy."
        )
    );
}

#[test]
fn kill_switch_ends_a_run_and_accounts_for_its_open_step() {
    let (mut change, plan) = running(|plan| plan.rollback = plan.steps.clone());
    begin(&mut change, &plan, ME, NOW);
    stop(&mut change, &plan, ME, NOW);
    assert_eq!(
        (outcome(&change), change.incident.status),
        (Some(RepairOutcome::Stopped), Status::RepairFailed)
    );
    use Event::{ExecutionCompleted, GuardrailBlocked, StepFinished, StepStarted};
    assert_eq!(
        events(&change),
        [
            (StepStarted, true),
            (StepFinished, false),
            (GuardrailBlocked, false),
            (ExecutionCompleted, false)
        ]
    );
}

/// What a repair comes to whose every fact ends like this, and whose steps and checks go well.
fn with_facts(plan: &Plan, fact: &StepResult) -> IncidentChange {
    let (mut change, _) = running(|_| {});
    change.incident.repair = Some(Repair {
        worker: ME.into(),
        ..Repair::start(plan.hash(), NOW)
    });
    change.incident.plan = Some(plan.clone());
    for _ in 0..100 {
        match begin(&mut change, plan, ME, NOW) {
            Begun::Step(Phase::Facts, _) => assert!(end(&mut change, plan, fact, ME, NOW)),
            Begun::Step(..) => assert!(end(&mut change, plan, &exits(0), ME, NOW)),
            Begun::Noted => {}
            Begun::Ended => return change,
            Begun::Overtaken => panic!("nobody took it over"),
        }
    }
    panic!("it does not end: {change:#?}")
}

/// The plan of a playbook, without the values of a service.
fn unfilled(playbook: &Playbook) -> Plan {
    let (_, plan) = planned();
    let fact = |look: &Fact| PlannedStep {
        fact: Some(look.id.clone()),
        argv: look.run.clone(),
        ..PlannedStep::default()
    };
    let step = |step: &Step| PlannedStep {
        when: step.when.clone(),
        argv: step.run.clone(),
        ..PlannedStep::default()
    };
    let check = |check: &Check| PlannedStep {
        when: check.when.clone(),
        argv: check.run.clone(),
        ..PlannedStep::default()
    };
    Plan {
        playbook: playbook.id.clone(),
        facts: playbook.facts.iter().map(fact).collect(),
        steps: playbook.steps.iter().map(step).collect(),
        verify: playbook.verify.iter().map(check).collect(),
        rollback: playbook.rollback.iter().map(step).collect(),
        ..plan
    }
}

#[test]
fn shipped_playbook_that_ran_nothing_is_not_called_repaired() {
    let playbooks = files().playbooks;
    let conditional = playbooks
        .iter()
        .filter(|playbook| playbook.steps.iter().all(|step| step.when.is_some()));
    let ids: Vec<&str> = conditional
        .clone()
        .map(|playbook| playbook.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "restart-compose-service",
            "start-sentry-stack",
            "restart-stuck-container",
            "rollout-restart-deployment",
            "scale-out-deployment",
            "delete-stuck-pod",
            "free-disk-space",
            "reset-connection-pool",
            "restart-collector",
        ]
    );
    for plan in conditional.map(unfilled) {
        let id = &plan.playbook;
        // The fact's program is not there, and every check passes all the same.
        let broken = with_facts(&plan, &exits(127));
        assert_eq!(
            (outcome(&broken), broken.incident.status),
            (Some(RepairOutcome::StepFailed), Status::RepairFailed),
            "{id}"
        );
        assert!(
            PlaybookRun::ended_by(&broken).is_some_and(|run| !run.verified),
            "{id}: it counts as failed"
        );

        // The fact says that the playbook is not for what is wrong.
        let answers = [exits(3), exits(0)].map(|fact| with_facts(&plan, &fact));
        let idle = answers
            .into_iter()
            .find(|change| outcome(change) == Some(RepairOutcome::NothingToDo))
            .expect(id);
        assert_eq!(idle.incident.status, Status::NeedsHuman, "{id}");
        assert_eq!(
            PlaybookRun::ended_by(&idle),
            None,
            "{id}: it stands in nobody's record"
        );
        let ended = idle
            .entries
            .iter()
            .find(|entry| entry.event == Event::ExecutionCompleted)
            .expect("it ended");
        assert!(
            !ended.success
                && ended
                    .error
                    .as_deref()
                    .is_some_and(|why| why.starts_with("nothing to do")),
            "{id}: {ended:?}"
        );
        assert!(
            idle.entries
                .iter()
                .any(|entry| entry.event == Event::VerificationFinished && entry.success),
            "{id}: the check passed"
        );
        let mut over = idle.clone();
        over.resolved(1, NOW);
        assert_eq!(
            over.incident.status,
            Status::Resolved,
            "{id}: nobody is needed once the alert is over"
        );
    }
}
