//! Tests of the repair state machine: every result of a step, and a worker that dies at any point.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, proptest};

use super::{Next, answer};
use crate::incident::repair::RepairOutcome::{
    NotVerified, NothingToDo, StepFailed, Unknown, Unreachable, Verified,
};
use crate::incident::repair::{Effect, Repair, RepairOutcome, StepOutcome, StepResult};
use crate::playbook::condition::{FACT_BYTES, When};
use crate::playbook::plan::Phase::{self, Facts, Rollback, Steps, Verify};
use crate::playbook::plan::tests::{plan, step};
use crate::playbook::plan::{Plan, PlannedStep};

/// What happens to a step that is run.
#[derive(Debug, Clone)]
enum InjectedFault {
    /// It exits with this status, having printed this.
    Exits(u32, &'static str),
    Ends(StepOutcome),
    /// Its worker dies before the result is recorded.
    Dies,
}

const OK: InjectedFault = InjectedFault::Exits(0, "");
const BAD: InjectedFault = InjectedFault::Exits(3, "");

fn result(fault: &InjectedFault) -> Option<StepResult> {
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
fn run(plan: &Plan, fates: &[InjectedFault]) -> (Vec<(Phase, usize)>, RepairOutcome, Repair) {
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

fn look(name: &str) -> PlannedStep {
    PlannedStep {
        fact: Some(name.into()),
        ..step(&["look"])
    }
}

fn when(fact: &str, exits: Option<u32>, prints: Option<&str>, not: bool) -> Option<When> {
    Some(When {
        fact: fact.into(),
        exits,
        prints: prints.map(str::to_owned),
        not,
    })
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
        repair.steps[0].detail.contains("unknown") && repair.steps[0].effect == Effect::Unknown,
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
fn refused(times: usize, then: &[InjectedFault]) -> Vec<InjectedFault> {
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
fn facts_decide_which_steps_run() {
    let conditional = |condition| Plan {
        facts: vec![look("disk")],
        steps: vec![PlannedStep {
            when: condition,
            ..step(&["clean"])
        }],
        ..plan()
    };
    let cases = [
        (when("disk", Some(0), None, false), OK, true),
        (when("disk", Some(0), None, false), BAD, false),
        (when("disk", Some(0), None, true), BAD, true),
        (
            when("disk", None, Some("9[0-9]%"), false),
            InjectedFault::Exits(1, "Use%\n 93%\n"),
            true,
        ),
        (
            when("disk", None, Some("9[0-9]%"), false),
            InjectedFault::Exits(0, "Use%\n 23%\n"),
            false,
        ),
        (
            when("disk", Some(0), Some("9[0-9]%"), false),
            InjectedFault::Exits(1, " 93%"),
            false,
        ),
        (
            when("disk", Some(0), Some("9[0-9]%"), true),
            InjectedFault::Exits(1, " 93%"),
            true,
        ),
        // One that is no pattern, or asks for a fact that is not there, holds for nothing: `quell check` refuses both.
        (when("disk", None, Some("("), false), OK, false),
        (when("other", Some(0), None, true), OK, false),
    ];
    for (condition, fault, runs) in cases {
        let plan = conditional(condition.clone());
        let (ran, outcome, repair) = run(&plan, &[fault]);
        assert_eq!(ran.contains(&(Steps, 0)), runs, "{condition:?}");
        assert_eq!(
            outcome,
            if runs { Verified } else { NothingToDo },
            "a check that passes proves no repair where nothing ran"
        );
        assert_eq!(
            repair
                .steps
                .iter()
                .find(|step| step.phase == Steps)
                .map(|step| step.skipped),
            Some(!runs)
        );
    }
    let unreachable = run(
        &conditional(None),
        &[InjectedFault::Ends(StepOutcome::Unreachable)],
    );
    assert_eq!(
        (unreachable.0.as_slice(), unreachable.1),
        ([(Facts, 0)].as_slice(), Unreachable),
        "without its facts nothing runs"
    );
    let refused = run(
        &conditional(None),
        &[InjectedFault::Ends(StepOutcome::Refused)],
    );
    assert_eq!(
        refused.1, StepFailed,
        "the files of the two functions differ, which somebody has to mend"
    );
    let never_checked = Plan {
        verify: vec![PlannedStep {
            when: when("disk", Some(1), None, false),
            ..step(&["check"])
        }],
        ..conditional(None)
    };
    assert_eq!(
        run(&never_checked, &[OK]).1,
        NotVerified,
        "a check that was skipped has verified nothing"
    );
}

#[test]
fn a_fact_without_an_answer_fails_the_repair() {
    let asks = |condition| Plan {
        facts: vec![look("disk")],
        steps: vec![PlannedStep {
            when: condition,
            ..step(&["clean"])
        }],
        rollback: vec![step(&["undo"])],
        ..plan()
    };
    let (exits, prints) = (
        when("disk", Some(0), None, false),
        when("disk", None, Some("9[0-9]%"), true),
    );
    // POSIX: not executable, not found, ended by a signal (of which Linux has 64).
    for status in [126, 127, 129, 137, 143, 192] {
        let (ran, outcome, repair) = run(&asks(exits.clone()), &[InjectedFault::Exits(status, "")]);
        assert_eq!(
            (ran.as_slice(), outcome),
            ([(Facts, 0)].as_slice(), StepFailed),
            "{status}"
        );
        assert!(
            repair.steps[0].detail.contains("this status says that"),
            "{status}: {repair:?}"
        );
    }
    for status in [0, 1, 125, 128, 193, 255] {
        assert_ne!(
            run(&asks(exits.clone()), &[InjectedFault::Exits(status, "")]).1,
            StepFailed,
            "{status} is the command's own answer"
        );
    }
    for outcome in [
        StepOutcome::Signalled,
        StepOutcome::TimedOut,
        StepOutcome::ConnectionLost,
    ] {
        let (ran, ended, _) = run(&asks(exits.clone()), &[InjectedFault::Ends(outcome)]);
        assert_eq!(
            (ran.as_slice(), ended),
            ([(Facts, 0)].as_slice(), StepFailed),
            "{outcome:?}"
        );
    }
    // What is searched has to be there as a whole, or `not` would hold for what was cut off.
    let long: &'static str = Box::leak(format!("{} 93%", "x".repeat(FACT_BYTES)).into_boxed_str());
    let (ran, outcome, repair) = run(&asks(prints.clone()), &[InjectedFault::Exits(0, long)]);
    assert_eq!(
        (ran.as_slice(), outcome),
        ([(Facts, 0)].as_slice(), StepFailed)
    );
    assert!(
        repair.steps[0].detail.contains("more than the 4096 bytes"),
        "{repair:?}"
    );
    assert_eq!(
        run(&asks(exits), &[InjectedFault::Exits(0, long)]).1,
        Verified,
        "nobody asks what it printed"
    );
    assert!(asks(prints).searches("disk") && !asks(None).searches("disk"));
    let said = result(&OK).expect("a result");
    for unreadable in [
        StepResult {
            not_utf8: true,
            ..said.clone()
        },
        StepResult {
            truncated: true,
            ..said.clone()
        },
    ] {
        assert!(
            answer(&unreadable, true).is_err() && answer(&unreadable, false).is_ok(),
            "{unreadable:?}"
        );
    }
}

#[test]
fn a_repair_whose_every_step_was_skipped_has_nothing_to_do() {
    let only_if = |fact: &str| PlannedStep {
        when: when(fact, Some(0), None, false),
        ..step(&["mend"])
    };
    let two = Plan {
        facts: vec![look("a"), look("b")],
        steps: vec![only_if("a"), only_if("b")],
        rollback: vec![step(&["undo"])],
        ..plan()
    };
    type Case<'a> = (&'a [InjectedFault], &'a [(Phase, usize)], RepairOutcome);
    let cases: [Case<'_>; 4] = [
        (
            &[BAD, BAD, OK],
            &[(Facts, 0), (Facts, 1), (Verify, 0)],
            NothingToDo,
        ),
        // The symptom is there, and still nothing ran that could have failed or be taken back.
        (
            &[BAD, BAD, BAD],
            &[(Facts, 0), (Facts, 1), (Verify, 0)],
            NothingToDo,
        ),
        (
            &[BAD, OK],
            &[(Facts, 0), (Facts, 1), (Steps, 1), (Verify, 0)],
            Verified,
        ),
        (
            &[OK, BAD, BAD],
            &[(Facts, 0), (Facts, 1), (Steps, 0), (Rollback, 0)],
            StepFailed,
        ),
    ];
    for (fates, ran, outcome) in cases {
        let (did, ended, _) = run(&two, fates);
        assert_eq!((did.as_slice(), ended), (ran, outcome), "{fates:?}");
    }
    assert_eq!(
        run(
            &Plan {
                verify: vec![],
                ..two
            },
            &[BAD, BAD]
        )
        .1,
        NothingToDo
    );
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

fn fates() -> impl Strategy<Value = Vec<InjectedFault>> {
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
