//! Tests of the changes that end a run, and of the alerts that count as a recurrence.

use jiff::{SignedDuration, Timestamp};

use super::{PlaybookRun, Recurrence};
use crate::incident::Incident;
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::repair::{Repair, RepairOutcome};
use crate::playbook::plan::tests::plan;
use crate::transition::lifecycle::tests::incident;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn minute(minutes: i64) -> Timestamp {
    NOW + SignedDuration::from_mins(minutes)
}

/// An incident whose run ended so after an hour.
fn ran(outcome: RepairOutcome) -> Incident {
    let repair = Repair {
        outcome: Some(outcome),
        finished_at: Some(minute(60)),
        ..Repair::start(plan().hash(), NOW)
    };
    Incident {
        plan: Some(plan()),
        repair: Some(repair),
        ..incident()
    }
}

const FAILURES: [RepairOutcome; 4] = [
    RepairOutcome::NotVerified,
    RepairOutcome::StepFailed,
    RepairOutcome::Unknown,
    RepairOutcome::StillFiring,
];

#[test]
fn only_the_change_that_ends_a_run_counts() {
    for (outcome, verified) in FAILURES
        .map(|outcome| (outcome, false))
        .into_iter()
        .chain([(RepairOutcome::Verified, true)])
    {
        let mut change = IncidentChange::new(ran(outcome));
        assert_eq!(
            PlaybookRun::ended_by(&change),
            None,
            "a later change of an incident whose run has ended"
        );
        change.record(
            minute(60),
            LogRecord::new(Event::ExecutionCompleted, "repair", ""),
        );
        let (playbook, target, incident_id) =
            ("restart".into(), "web".into(), change.incident.id.clone());
        let run = PlaybookRun {
            playbook,
            incident_id,
            round: 1,
            target,
            at: minute(60),
            verified,
            recurred_at: None,
        };
        assert_eq!(
            (
                PlaybookRun::ended_by(&change),
                PlaybookRun::fails_after_all(&change)
            ),
            (Some(run), false),
            "{outcome:?}"
        );
        change.incident.repair.as_mut().expect("ran").outcome = Some(RepairOutcome::Unreachable);
        assert_eq!(
            PlaybookRun::ended_by(&change),
            None,
            "of a run of which nothing ran, the record says nothing"
        );
    }
}

#[test]
fn a_verified_run_whose_alert_went_on_has_failed() {
    let mut change = IncidentChange::new(ran(RepairOutcome::StillFiring));
    change.record(
        minute(75),
        LogRecord::new(Event::ResolutionOverdue, "notifier", ""),
    );
    let run = PlaybookRun::ended_by(&change).expect("a run");
    assert_eq!(
        (
            run.round,
            run.at,
            run.verified,
            PlaybookRun::fails_after_all(&change)
        ),
        (1, minute(60), false, true)
    );
}

#[test]
fn an_alert_comes_back_only_after_what_was_verified() {
    let back =
        Recurrence::after_repair(&ran(RepairOutcome::Verified), minute(70)).expect("a recurrence");
    assert_eq!(
        (back.playbook.as_str(), back.round, back.ended_at, back.at),
        ("restart", 1, minute(60), minute(70))
    );
    assert!(back.is_within(SignedDuration::from_mins(11)));
    assert!(
        !back.is_within(SignedDuration::from_mins(10)),
        "when the window is over, the run has held"
    );
    assert_eq!(
        Recurrence::after_repair(&ran(RepairOutcome::Verified), minute(59)),
        None,
        "it fired before the run had ended"
    );
    for outcome in FAILURES {
        assert_eq!(
            Recurrence::after_repair(&ran(outcome), minute(70)),
            None,
            "{outcome:?}"
        );
    }
    let mut other = ran(RepairOutcome::Verified);
    other.plan.as_mut().expect("a plan").round += 1;
    assert_eq!(
        Recurrence::after_repair(&other, minute(70)),
        None,
        "the plan that it has now has not run"
    );
}

#[test]
fn a_flap_after_a_verified_run_asks_at_the_lower_level() {
    for (earned, then, needed) in [
        (None, None, 1),
        (Some(AutonomyLevel::Auto), Some(AutonomyLevel::Approve), 1),
        (
            Some(AutonomyLevel::Approve),
            Some(AutonomyLevel::Suggest),
            2,
        ),
    ] {
        let mut change = IncidentChange::new(Incident {
            plan: None,
            repair: None,
            earned,
            ..ran(RepairOutcome::Verified)
        });
        change.propose(plan(), NOW, SignedDuration::from_hours(1));
        let mut repair = Repair::start(plan().hash(), NOW);
        (repair.outcome, repair.finished_at) = (Some(RepairOutcome::Verified), Some(minute(60)));
        change.incident.repair = Some(repair);
        change.resolved(1, minute(61));
        change.reopened(1, 2, minute(62));
        assert_eq!(change.incident.earned, then);
        assert_eq!(
            change
                .incident
                .approval
                .as_ref()
                .expect("asked again")
                .needed,
            needed,
            "{earned:?}"
        );
        let recurrence = change.incident.recurrence.clone().expect("kept");
        assert_eq!(
            (recurrence.round, recurrence.at),
            (1, minute(62)),
            "the run's round, not that of the plan that waits now"
        );
        change.recurred(&recurrence, "analyzer", minute(63));
        assert_eq!(
            (
                change.incident.recurrence.as_ref(),
                change.entries.last().map(|entry| entry.event)
            ),
            (None, Some(Event::RepairRecurred))
        );
    }
}
