//! Tests of retries in a repair: of checks, and of invocations that the bridge refused.

use jiff::{SignedDuration, Timestamp};

use super::tests::{BAD, InjectedFault, OK, result, run};
use crate::incident::repair::RepairOutcome::{
    NotVerified, StepFailed, Unknown, Unreachable, Verified,
};
use crate::incident::repair::{Effect, Repair, StepOutcome, StepResult};
use crate::playbook::plan::Phase::{Rollback, Steps, Verify};
use crate::playbook::plan::tests::{plan, step};
use crate::playbook::plan::{Plan, PlannedStep};

#[test]
fn a_check_has_its_tries_and_one_that_flaps_decides_by_its_last() {
    let patient = Plan {
        verify: vec![
            PlannedStep {
                retries: 3,
                ..step(&["check"])
            },
            step(&["second"]),
        ],
        steps: vec![step(&["go"])],
        ..plan()
    };
    for (fates, tries, outcome) in [
        (vec![OK, BAD, BAD, BAD, OK], 4, Verified),
        (vec![OK, BAD, BAD, BAD, BAD], 4, NotVerified),
        (
            vec![OK, InjectedFault::Ends(StepOutcome::Unreachable), OK],
            2,
            Verified,
        ),
        // It was well, and the next check finds it ill again.
        (vec![OK, BAD, OK, BAD], 2, NotVerified),
        (
            vec![OK, InjectedFault::Dies, InjectedFault::Dies, BAD, OK],
            4,
            Verified,
        ),
    ] {
        let (ran, ended, _) = run(&patient, &fates);
        assert_eq!(
            (
                ran.iter().filter(|step| **step == (Verify, 0)).count(),
                ended
            ),
            (tries, outcome),
            "{fates:?}"
        );
    }
}

/// So many refused invocations, then what follows them.
pub(super) fn refused(times: usize, then: &[InjectedFault]) -> Vec<InjectedFault> {
    std::iter::repeat_n(InjectedFault::Ends(StepOutcome::NotInvoked), times)
        .chain(then.iter().cloned())
        .collect()
}

#[test]
fn a_refused_invocation_is_retried_for_about_two_minutes() {
    let with_rollback = Plan {
        rollback: vec![step(&["undo"])],
        ..plan()
    };
    let (ran, outcome, _) = run(&with_rollback, &refused(11, &[]));
    assert_eq!(
        (ran.as_slice(), outcome),
        ([(Steps, 0), (Steps, 1), (Verify, 0)].as_slice(), Verified)
    );
    let (ran, outcome, repair) = run(&with_rollback, &refused(12, &[]));
    assert_eq!(
        (ran.as_slice(), outcome),
        ([].as_slice(), Unreachable),
        "where nothing ran there is nothing to take back"
    );
    assert!(
        !repair.may_still_be_at_work() && repair.steps[0].effect == Effect::Nothing,
        "{repair:?}"
    );
    // After a step that ran, half a repair is on the host.
    let second: Vec<InjectedFault> = [OK].into_iter().chain(refused(12, &[])).collect();
    let (ran, outcome, _) = run(&with_rollback, &second);
    assert_eq!(
        (ran.as_slice(), outcome),
        ([(Steps, 0), (Rollback, 0)].as_slice(), StepFailed)
    );
    // A check has its tries, whatever was refused before each of them.
    let check = Plan {
        verify: vec![PlannedStep {
            retries: 1,
            ..step(&["check"])
        }],
        steps: vec![step(&["go"])],
        ..plan()
    };
    let fates: Vec<InjectedFault> = [OK]
        .into_iter()
        .chain(refused(5, &[BAD]))
        .chain(refused(5, &[OK]))
        .collect();
    assert_eq!(run(&check, &fates).1, Verified);
    let fates: Vec<InjectedFault> = [OK]
        .into_iter()
        .chain(refused(5, &[BAD]))
        .chain(refused(5, &[BAD, OK]))
        .collect();
    assert_eq!(run(&check, &fates).1, NotVerified);
    // A worker that dies in a try leaves a result that nobody knows, also after tries of which it is known that nothing ran.
    let (ran, outcome, repair) = run(&plan(), &refused(3, &[InjectedFault::Dies]));
    assert_eq!(
        (ran.as_slice(), outcome),
        ([(Steps, 0)].as_slice(), Unknown)
    );
    assert!(repair.may_still_be_at_work());
}

#[test]
fn a_step_that_was_cut_off_stays_unknown_when_it_is_refused() {
    let again = Plan {
        steps: vec![PlannedStep {
            idempotent: true,
            ..step(&["go"])
        }],
        rollback: vec![step(&["undo"])],
        ..plan()
    };
    let never = [
        vec![
            InjectedFault::Dies,
            InjectedFault::Ends(StepOutcome::Refused),
        ],
        vec![
            InjectedFault::Dies,
            InjectedFault::Ends(StepOutcome::Unreachable),
        ],
        [InjectedFault::Dies]
            .into_iter()
            .chain(refused(12, &[]))
            .collect(),
    ];
    for fates in never {
        let (ran, outcome, repair) = run(&again, &fates);
        assert_eq!(outcome, Unknown, "{fates:?}");
        assert_eq!(ran.last(), Some(&(Rollback, 0)), "{fates:?}");
        assert!(repair.ran_something() && repair.may_still_be_at_work());
    }
}

#[test]
fn waits_between_refused_invocations_add_up_to_two_minutes() {
    let plan = plan();
    let mut repair = Repair::start(plan.hash(), Timestamp::UNIX_EPOCH);
    let (mut now, mut waits) = (Timestamp::UNIX_EPOCH, Vec::new());
    loop {
        repair.step_started(Steps, 0, now);
        if repair.step_finished(
            &StepResult::without_output(StepOutcome::NotInvoked, "busy", 1),
            &plan,
        ) {
            break;
        }
        let rest = repair.rest(&plan, now);
        waits.push(rest.as_secs());
        now += rest;
    }
    assert_eq!(waits, [1, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15]);
    assert_eq!(now.as_second(), 120);
}

#[test]
fn a_check_rests_between_tries_of_different_workers() {
    let patient = Plan {
        verify: vec![PlannedStep {
            retries: 3,
            every_seconds: 30,
            ..step(&["check"])
        }],
        ..plan()
    };
    let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
    let mut repair = Repair::start(patient.hash(), at(0));
    assert_eq!(repair.rest(&patient, at(0)), SignedDuration::ZERO);
    for index in [0, 1] {
        repair.step_started(Steps, index, at(0));
        repair.step_finished(&result(&OK).expect("a result"), &patient);
    }
    assert_eq!(
        repair.rest(&patient, at(0)),
        SignedDuration::ZERO,
        "the first try waits for nothing"
    );
    repair.step_started(Verify, 0, at(10));
    assert!(!repair.step_finished(&result(&BAD).expect("a result"), &patient));
    for (now, rest) in [(10, 30), (25, 15), (40, 0), (400, 0)] {
        assert_eq!(
            repair.rest(&patient, at(now)),
            SignedDuration::from_secs(rest)
        );
    }
}
