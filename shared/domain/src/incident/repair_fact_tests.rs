//! Tests of facts and conditions in a repair: which steps they let run.

use super::answer;
use super::tests::{BAD, InjectedFault, OK, look, result, run};
use crate::incident::repair::RepairOutcome::{
    self, NotVerified, NothingToDo, StepFailed, Unreachable, Verified,
};
use crate::incident::repair::{StepOutcome, StepResult};
use crate::playbook::condition::{FACT_BYTES, When};
use crate::playbook::plan::Phase::{self, Facts, Rollback, Steps, Verify};
use crate::playbook::plan::tests::{plan, step};
use crate::playbook::plan::{Plan, PlannedStep};

fn when(fact: &str, exits: Option<u32>, prints: Option<&str>, not: bool) -> Option<When> {
    Some(When {
        fact: fact.into(),
        exits,
        prints: prints.map(str::to_owned),
        not,
    })
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
            repair.steps[0]
                .detail
                .to_string()
                .contains("this status says that"),
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
        repair.steps[0]
            .detail
            .to_string()
            .contains("more than the 4096 bytes"),
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
