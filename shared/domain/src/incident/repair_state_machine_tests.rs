//! Tests of the repair state machine: results of steps in their order, and a worker that dies at any point.

use jiff::Timestamp;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, proptest};

use super::Next;
use crate::incident::repair::RepairOutcome::{
    self, NotVerified, StepFailed, Unknown, Unreachable, Verified,
};
use crate::incident::repair::{Effect, Repair, StepOutcome, StepResult};
use crate::playbook::plan::Phase::{self, Facts, Rollback, Steps, Verify};
use crate::playbook::plan::tests::{plan, step};
use crate::playbook::plan::{Plan, PlannedStep};

/// What happens to a step that is run.
#[derive(Debug, Clone)]
pub(super) enum InjectedFault {
    /// It exits with this status, having printed this.
    Exits(u32, &'static str),
    Ends(StepOutcome),
    /// Its worker dies before the result is recorded.
    Dies,
}

pub(super) const OK: InjectedFault = InjectedFault::Exits(0, "");

pub(super) const BAD: InjectedFault = InjectedFault::Exits(3, "");

pub(super) fn result(fault: &InjectedFault) -> Option<StepResult> {
    match fault {
        InjectedFault::Exits(status, printed) => {
            let exited = StepResult::without_output(StepOutcome::Exited, "exited", 1);
            Some(StepResult {
                exit_status: Some(*status),
                stdout: (*printed).to_owned(),
                ..exited
            })
        }
        InjectedFault::Ends(outcome) => Some(StepResult::without_output(*outcome, "ended", 1)),
        InjectedFault::Dies => None,
    }
}

/// Runs a plan to its end; each call of the bridge has the next fault, and past the last of them all goes well. Gives the steps for which
/// the bridge was invoked.
pub(super) fn run(
    plan: &Plan,
    fates: &[InjectedFault],
) -> (Vec<(Phase, usize)>, RepairOutcome, Repair) {
    let mut repair = Repair::start(plan.hash(), Timestamp::UNIX_EPOCH);
    let (mut ran, mut fates) = (Vec::new(), fates.iter());
    for _ in 0..1000 {
        match repair.next(plan) {
            Next::Run(phase, index) => {
                let fault = fates.next().unwrap_or(&OK);
                if !matches!(fault, InjectedFault::Ends(StepOutcome::NotInvoked)) {
                    ran.push((phase, index));
                }
                repair.step_started(phase, index, Timestamp::UNIX_EPOCH);
                if let Some(result) = result(fault) {
                    repair.step_finished(&result, plan);
                }
            }
            Next::Skip(phase, index) => repair.step_skipped(phase, index, "skipped".into()),
            Next::GiveUp => assert!(repair.step_lost().is_some()),
            Next::End(outcome) => return (ran, outcome, repair),
        }
        // What is recorded is all that a worker knows that takes over.
        repair =
            serde_json::from_str(&serde_json::to_string(&repair).expect("JSON")).expect("the same");
    }
    panic!("the run does not end: {ran:?}")
}

pub(super) fn look(name: &str) -> PlannedStep {
    PlannedStep {
        fact: Some(name.into()),
        ..step(&["look"])
    }
}

#[test]
fn the_run_follows_the_plan_and_its_results() {
    let with_rollback = Plan {
        rollback: vec![step(&["undo"])],
        ..plan()
    };
    let without_check = Plan {
        verify: vec![],
        ..plan()
    };
    let gone = InjectedFault::Ends(StepOutcome::Unreachable);
    let cut = InjectedFault::Ends(StepOutcome::ConnectionLost);
    let late = InjectedFault::Ends(StepOutcome::TimedOut);
    type Case<'a> = (
        &'a Plan,
        &'a [InjectedFault],
        &'a [(Phase, usize)],
        RepairOutcome,
    );
    let cases: [Case<'_>; 11] = [
        (
            &plan(),
            &[],
            &[(Steps, 0), (Steps, 1), (Verify, 0)],
            Verified,
        ),
        (&plan(), &[BAD], &[(Steps, 0)], StepFailed),
        (
            &plan(),
            &[OK, OK, BAD],
            &[(Steps, 0), (Steps, 1), (Verify, 0)],
            NotVerified,
        ),
        (
            &with_rollback,
            &[OK, BAD],
            &[(Steps, 0), (Steps, 1), (Rollback, 0)],
            StepFailed,
        ),
        (
            &with_rollback,
            &[OK, OK, BAD, BAD],
            &[(Steps, 0), (Steps, 1), (Verify, 0), (Rollback, 0)],
            NotVerified,
        ),
        (&without_check, &[], &[(Steps, 0), (Steps, 1)], NotVerified),
        // Nothing ran: there is nothing to take back.
        (
            &with_rollback,
            std::slice::from_ref(&gone),
            &[(Steps, 0)],
            Unreachable,
        ),
        (
            &with_rollback,
            &[OK, gone.clone()],
            &[(Steps, 0), (Steps, 1), (Rollback, 0)],
            StepFailed,
        ),
        // What a step did that did not end, or whose end nobody saw, is unknown.
        (&plan(), std::slice::from_ref(&cut), &[(Steps, 0)], Unknown),
        (
            &with_rollback,
            &[late],
            &[(Steps, 0), (Rollback, 0)],
            Unknown,
        ),
        (
            &with_rollback,
            &[OK, OK, cut.clone()],
            &[(Steps, 0), (Steps, 1), (Verify, 0), (Rollback, 0)],
            NotVerified,
        ),
    ];
    for (plan, fates, ran, outcome) in cases {
        let (did, came_to, _) = run(plan, fates);
        assert_eq!((did.as_slice(), came_to), (ran, outcome), "{fates:?}");
    }
}

#[test]
fn a_step_whose_worker_died_never_runs_again_and_is_taken_back() {
    let (ran, outcome, repair) = run(&plan(), &[InjectedFault::Dies]);
    assert_eq!(
        (ran.as_slice(), outcome),
        ([(Steps, 0)].as_slice(), Unknown)
    );
    assert!(repair.may_still_be_at_work() && !run(&plan(), &[BAD]).2.may_still_be_at_work());
    assert!(
        repair.steps[0].detail.to_string().contains("unknown")
            && repair.steps[0].effect == Effect::Unknown,
        "{repair:?}"
    );
    let with_rollback = Plan {
        rollback: vec![step(&["undo"]), step(&["more"])],
        ..plan()
    };
    let (ran, outcome, _) = run(&with_rollback, &[OK, InjectedFault::Dies]);
    assert_eq!(
        (ran.as_slice(), outcome),
        (
            [(Steps, 0), (Steps, 1), (Rollback, 0), (Rollback, 1)].as_slice(),
            Unknown
        )
    );
    let (ran, outcome, _) = run(&with_rollback, &[InjectedFault::Dies, InjectedFault::Dies]);
    assert_eq!(
        (ran.as_slice(), outcome),
        ([(Steps, 0), (Rollback, 0)].as_slice(), Unknown),
        "nor does a step of the rollback"
    );
}

#[test]
fn what_only_reads_or_is_idempotent_runs_again_and_not_for_ever() {
    let again = Plan {
        facts: vec![look("up")],
        steps: vec![PlannedStep {
            idempotent: true,
            ..step(&["sync"])
        }],
        ..plan()
    };
    let (ran, outcome, repair) = run(
        &again,
        &[
            InjectedFault::Dies,
            OK,
            InjectedFault::Dies,
            OK,
            InjectedFault::Dies,
            OK,
        ],
    );
    assert_eq!(
        ran,
        [
            (Facts, 0),
            (Facts, 0),
            (Steps, 0),
            (Steps, 0),
            (Verify, 0),
            (Verify, 0)
        ]
    );
    assert_eq!((outcome, repair.steps.len()), (Verified, 3));
    for (healthy, what, outcome) in [
        (0, (Facts, 0), StepFailed),
        (1, (Steps, 0), Unknown),
        (2, (Verify, 0), NotVerified),
    ] {
        let fates: Vec<InjectedFault> = std::iter::repeat_n(OK, healthy)
            .chain(std::iter::repeat_n(InjectedFault::Dies, 9))
            .collect();
        let (ran, ended, _) = run(&again, &fates);
        assert_eq!(
            (ran.iter().filter(|step| **step == what).count(), ended),
            (3, outcome),
            "{ran:?}"
        );
    }
}

pub(super) fn fates() -> impl Strategy<Value = Vec<InjectedFault>> {
    use StepOutcome::{
        ConnectionLost, LoginRefused, NotInvoked, Refused, Signalled, TimedOut, Unreachable,
    };
    let ends = [
        Signalled,
        TimedOut,
        Unreachable,
        NotInvoked,
        LoginRefused,
        ConnectionLost,
        Refused,
    ];
    let fault = prop_oneof![
        4 => Just(OK),
        1 => Just(BAD),
        1 => (0..ends.len()).prop_map(move |i| InjectedFault::Ends(ends[i])),
        2 => Just(InjectedFault::Dies),
    ];
    collection::vec(fault, 0..20)
}

proptest! {
    /// Whatever happens: the run ends, no step runs twice that is not idempotent, nothing runs after its failure but the rollback,
    /// and only what every check has seen is verified.
    #[test]
    fn whatever_happens_a_step_runs_once_and_the_end_is_true(fates in fates(), idempotent in any::<bool>(), undo in 0_usize..3) {
        let steps = vec![step(&["a"]), PlannedStep { idempotent, ..step(&["b"]) }, step(&["c"])];
        let verify = vec![PlannedStep { retries: 2, ..step(&["check"]) }];
        let plan = Plan { facts: vec![look("up")], steps, verify, rollback: vec![step(&["undo"]); undo], ..plan() };
        let (ran, outcome, repair) = run(&plan, &fates);
        for place in [(Steps, 0), (Steps, 2), (Rollback, 0), (Rollback, 1)] {
            assert!(ran.iter().filter(|step| **step == place).count() <= 1, "{place:?} of {ran:?}");
        }
        let order = |phase: &Phase| [Facts, Steps, Verify, Rollback].iter().position(|other| other == phase);
        assert!(ran.is_sorted_by_key(|(phase, index)| (order(phase), *index)), "{ran:?}");
        let bad = repair.steps.iter().find(|step| !step.succeeded);
        assert_eq!(outcome == Verified, bad.is_none(), "{repair:?}");
        if let Some(bad) = bad {
            assert!(repair.steps.iter().skip_while(|step| *step != bad).skip(1).all(|step| step.phase == Rollback), "{repair:?}");
        }
    }
}
