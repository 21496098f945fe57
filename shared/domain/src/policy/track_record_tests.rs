//! Tests of the runs that raise the level of a playbook, and of those that lower it.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;

use super::{RunCounts, TrackRecord, What};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::policy::limits::Earning;
use crate::policy::playbook_run::PlaybookRun;
use crate::primitives::id::IncidentId;

fn hour(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
}

/// The run that ended in an hour: `v` verified, `f` failed, `r` verified and half an hour later it fired again.
fn run(at: i64, ending: char) -> PlaybookRun {
    PlaybookRun {
        playbook: "restart".into(),
        incident_id: IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69{at:05}")).expect("a ULID"),
        round: 1,
        target: "web".into(),
        at: hour(at),
        verified: ending != 'f',
        recurred_at: (ending == 'r').then(|| hour(at) + SignedDuration::from_mins(30)),
    }
}

/// Runs that ended one an hour.
fn runs(endings: &str) -> Vec<PlaybookRun> {
    endings
        .chars()
        .zip(0..)
        .map(|(ending, at)| run(at, ending))
        .collect()
}

/// Runs hold after an hour here.
fn earning() -> Earning {
    serde_saphyr::from_str("{recurrence_window: 1h}").expect("the defaults")
}

fn earned(runs: &[PlaybookRun]) -> TrackRecord {
    TrackRecord::by(runs, &earning(), hour(100_000))
}

#[test]
fn the_bound_is_that_of_wilson() {
    // Checked against the closed form with 40 digits.
    for (held, counted, least, most) in [
        (0, 0, 0.0, 1.0),
        (0, 3, 0.0, 0.4742),
        (1, 1, 0.2699, 1.0),
        (3, 3, 0.5258, 1.0),
        (7, 8, 0.5889, 0.9716),
        (11, 11, 0.8026, 1.0),
    ] {
        let counts = RunCounts { held, counted };
        assert!(
            (counts.at_least() - least).abs() < 0.0001,
            "{counts:?}: {}",
            counts.at_least()
        );
        assert!(
            (counts.at_most() - most).abs() < 0.0001,
            "{counts:?}: {}",
            counts.at_most()
        );
    }
    assert_eq!(
        RunCounts {
            held: 7,
            counted: 8
        }
        .to_string(),
        "7 of 8 held, at least 0.59 of them"
    );
}

#[test]
fn levels_are_earned_one_by_one_and_lost_one_by_one() {
    use AutonomyLevel::{Approve, Auto, Suggest};
    for (endings, level, words) in [
        ("", Suggest, "earned suggest: no run counts yet"),
        (
            "vv",
            Suggest,
            "earned suggest: 2 of 2 held, at least 0.43 of them",
        ),
        (
            "vvv",
            Approve,
            "earned approve: 3 of 3 held, at least 0.53 of them",
        ),
        (
            "vvvvvvvvvv",
            Approve,
            "earned approve: 10 of 10 held, at least 0.79 of them",
        ),
        (
            "vvvvvvvvvvv",
            Auto,
            "earned auto: 11 of 11 held, at least 0.80 of them",
        ),
        (
            "vvvvvvvf",
            Approve,
            "earned approve: 7 of 8 held, at least 0.59 of them",
        ),
        (
            "vvvf",
            Suggest,
            "earned suggest: 3 of 4 held, at least 0.36 of them",
        ),
        (
            "vvvvvvvvvvvf",
            Approve,
            "earned approve: 11 of 12 held, at least 0.70 of them",
        ),
        (
            "vvvvvvvvvvvff",
            Approve,
            "earned approve: 11 of 13 held, at least 0.63 of them",
        ),
        (
            "fff",
            Suggest,
            "earned suggest: 0 of 3 held, at least 0.00 of them",
        ),
        ("vvvvvvvvvvvr", Approve, "earned approve: no run counts yet"),
        (
            "vvvvvvvvvvvrr",
            Suggest,
            "earned suggest: no run counts yet",
        ),
        (
            "vvvvvvvvvvvrv",
            Approve,
            "earned approve: 1 of 1 held, at least 0.27 of them",
        ),
        (
            "vvvvvvvvvvvrf",
            Suggest,
            "earned suggest: 0 of 1 held, at least 0.00 of them",
        ),
        (
            "vvvvvvvvvvvrvvvvvvvvvvv",
            Auto,
            "earned auto: 11 of 11 held, at least 0.80 of them",
        ),
        ("rrr", Suggest, "earned suggest: no run counts yet"),
    ] {
        let earned = earned(&runs(endings));
        assert_eq!(
            (earned.level, earned.to_string().as_str()),
            (level, words),
            "{endings}"
        );
    }
}

#[test]
fn a_run_counts_neither_way_until_its_window_is_over() {
    let now = hour(3) - SignedDuration::from_secs(1);
    let before = TrackRecord::by(&runs("vvv"), &earning(), now);
    assert_eq!(
        (before.counts, before.pending, before.level),
        (
            RunCounts {
                held: 2,
                counted: 2
            },
            1,
            AutonomyLevel::Suggest
        )
    );
    let after = TrackRecord::by(&runs("vvv"), &earning(), hour(3));
    assert_eq!(
        (after.counts, after.pending, after.level),
        (
            RunCounts {
                held: 3,
                counted: 3
            },
            0,
            AutonomyLevel::Approve
        )
    );
    let future = TrackRecord::by(&[run(50, 'v')], &earning(), hour(3));
    assert_eq!(
        (future.counts.counted, future.pending),
        (0, 1),
        "a run of a clock that is ahead has not held"
    );
    assert_eq!(
        TrackRecord::by(&[run(2, 'f')], &earning(), hour(2)).counts,
        RunCounts {
            held: 0,
            counted: 1
        },
        "a failure counts at once"
    );
}

#[test]
fn what_ended_before_a_recurrence_speaks_for_nothing_after_it() {
    // The first run holds at 01:00, which is after the second came back; it had ended before.
    let runs = [
        PlaybookRun {
            recurred_at: Some(hour(0) + SignedDuration::from_mins(20)),
            ..run(0, 'v')
        },
        run(0, 'v'),
    ];
    assert_eq!(earned(&runs).counts, RunCounts::default());
}

#[test]
fn each_step_says_why() {
    let words: Vec<String> = earned(&runs("vvvfr"))
        .steps
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    1970-01-01T01:00:00Z the run of 01ARZ3NDEKTSV4RRFFQ6900000 held: 1 of 1 held, at least 0.27 of them; suggest stays
    1970-01-01T02:00:00Z the run of 01ARZ3NDEKTSV4RRFFQ6900001 held: 2 of 2 held, at least 0.43 of them; suggest stays
    1970-01-01T03:00:00Z the run of 01ARZ3NDEKTSV4RRFFQ6900002 held: 3 of 3 held, at least 0.53 of them; suggest becomes approve
    1970-01-01T03:00:00Z the run of 01ARZ3NDEKTSV4RRFFQ6900003 failed: 3 of 4 held, at least 0.36 of them; approve becomes suggest
    1970-01-01T04:30:00Z the run of 01ARZ3NDEKTSV4RRFFQ6900004 recurred: the count starts anew; suggest stays
    ");
}

proptest! {
    #[test]
    fn more_evidence_never_lowers_it(endings in "[vvvvvvvfr]{0,60}", at in any::<Index>()) {
        let before = earned(&runs(&endings));
        let mut more = endings.clone();
        more.insert(at.index(endings.len() + 1), 'v');
        let after = earned(&runs(&more));
        prop_assert!(after.level >= before.level, "{} gives {:?}, {} gives {:?}", endings, before.level, more, after.level);
    }

    #[test]
    fn only_failures_and_recurrences_lower_it_by_one(endings in "[vvvvvvvfr]{0,60}") {
        let earned = earned(&runs(&endings));
        let mut level = AutonomyLevel::Suggest;
        for step in &earned.steps {
            prop_assert_eq!(step.before, level);
            match step.what {
                What::Held => prop_assert!(step.after == level || step.after == level.more()),
                What::Failed => prop_assert!(step.after == level || step.after == level.less()),
                What::Recurred => prop_assert_eq!(step.after, level.less()),
            }
            level = step.after;
        }
        prop_assert_eq!(earned.level, level);
    }

    #[test]
    fn a_recurrence_lowers_it_by_one_and_restarts_the_count(endings in "[vvvvvvvvvvvvf]{0,60}") {
        let before = earned(&runs(&endings));
        let after = earned(&runs(&format!("{endings}r")));
        prop_assert_eq!((after.level, after.counts), (before.level.less(), RunCounts::default()));
    }

    #[test]
    fn the_order_in_which_they_are_read_says_nothing(endings in "[vvvvvfr]{0,40}") {
        let mut backwards = runs(&endings);
        backwards.reverse();
        prop_assert_eq!(earned(&backwards), earned(&runs(&endings)));
    }
}
