use jiff::{SignedDuration, Timestamp};

use super::{due, first_look};
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::Event;
use crate::incident::parts::RepairSilence;
use crate::incident::repair::{Repair, RepairOutcome};
use crate::incident::{Incident, Status};
use crate::playbook::plan::tests::plan;
use crate::primitives::id::{ApprovalId, MemberId};
use crate::transition::lifecycle::tests::incident;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const WITHIN: SignedDuration = SignedDuration::from_secs(900);

fn at(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

/// An incident whose repair was verified at second 60.
fn repaired() -> Incident {
    let mut change = IncidentChange::new(incident());
    change.propose(plan(), NOW, SignedDuration::from_hours(1));
    let repair = Repair {
        finished_at: Some(at(60)),
        outcome: Some(RepairOutcome::Verified),
        ..Repair::start(plan().hash(), NOW)
    };
    Incident {
        repair: Some(repair),
        status: Status::Repaired,
        ..change.incident
    }
}

fn asked(incident: &Incident) -> ApprovalId {
    incident.approval.as_ref().expect("asked").id.clone()
}

#[test]
fn what_is_overdue_fails_and_nothing_else_does() {
    type Case = (&'static str, fn(&mut IncidentChange), i64, bool);
    let cases: [Case; 9] = [
        ("in time", |_| {}, 959, false),
        ("overdue", |_| {}, 960, true),
        ("long overdue", |_| {}, 100_000, true),
        (
            "it resolved",
            |change| change.resolved(1, at(900)),
            960,
            false,
        ),
        (
            "it resolved, and fires again, whose plan is a new one",
            |change| {
                change.resolved(1, at(900));
                change.reopened(1, 2, at(901));
            },
            960,
            false,
        ),
        (
            "it runs again",
            |change| change.incident.status = Status::Repairing,
            960,
            false,
        ),
        (
            "it has not ended",
            |change| change.incident.repair.as_mut().expect("ran").outcome = None,
            960,
            false,
        ),
        (
            "it failed",
            |change| {
                change.incident.repair.as_mut().expect("ran").outcome = Some(RepairOutcome::Unknown)
            },
            960,
            false,
        ),
        (
            "it did so before",
            |change| change.still_fires(&asked(&change.incident.clone()), WITHIN, at(960)),
            961,
            false,
        ),
    ];
    for (what, set, now, fails) in cases {
        let incident = repaired();
        let mut change = IncidentChange::new(incident.clone());
        set(&mut change);
        let before = change.clone();
        change.still_fires(&asked(&incident), WITHIN, at(now));
        if !fails {
            assert_eq!(change, before, "{what}");
            continue;
        }
        let outcome = change
            .incident
            .repair
            .as_ref()
            .and_then(|repair| repair.outcome);
        assert_eq!(
            (change.incident.status, outcome),
            (Status::RepairFailed, Some(RepairOutcome::StillFiring)),
            "{what}"
        );
        let [entry] = change.entries.as_slice() else {
            panic!("{what}: one entry: {:?}", change.entries)
        };
        assert_eq!(
            (entry.event, entry.success),
            (Event::ResolutionOverdue, false),
            "{what}"
        );
    }
    let mut never = IncidentChange::new(repaired());
    never.still_fires(&asked(&repaired()), SignedDuration::ZERO, at(100_000));
    assert_eq!(never.entries.len(), 0, "0 means never");
}

#[test]
fn no_resolve_is_waited_for_where_the_sender_knows_none() {
    let mut incident = repaired();
    incident.alert.member = MemberId::unnumbered();
    assert_eq!(
        (due(&incident, WITHIN), first_look(&incident, WITHIN)),
        (None, None)
    );
    let mut change = IncidentChange::new(incident.clone());
    change.still_fires(&asked(&incident), WITHIN, at(100_000));
    assert_eq!(
        change,
        IncidentChange::new(incident),
        "its checks have decided"
    );
}

#[test]
fn a_late_resolve_ends_the_incident_and_the_repair_stays_failed() {
    let mut change = IncidentChange::new(repaired());
    change.still_fires(&asked(&repaired()), WITHIN, at(960));
    change.resolved(1, at(1000));
    assert_eq!(change.incident.status, Status::Resolved);
    assert_eq!(
        change.incident.repair.and_then(|repair| repair.outcome),
        Some(RepairOutcome::StillFiring)
    );
}

#[test]
fn it_is_looked_at_when_it_is_due_and_sooner_after_a_silence() {
    let silence = |id: Option<&str>, ended: Option<i64>, error: Option<&str>| RepairSilence {
        plan_hash: plan().hash(),
        id: id.map(str::to_owned),
        until: at(240),
        ended_at: ended.map(at),
        error: error.map(Into::into),
    };
    let failed = |incident: &mut Incident| {
        incident.repair.as_mut().expect("ran").outcome = Some(RepairOutcome::StepFailed);
        incident.status = Status::RepairFailed;
    };
    for (silence, failure, expected) in [
        (None, false, Some(960)),
        (None, true, None),
        (Some(silence(Some("s1"), Some(60), None)), false, Some(180)),
        (Some(silence(Some("s1"), Some(60), None)), true, Some(180)),
        (
            Some(silence(Some("s1"), Some(60), Some("it is down"))),
            true,
            Some(360),
        ),
        (Some(silence(Some("s1"), None, None)), false, Some(360)),
        (
            Some(silence(None, Some(0), Some("it is down"))),
            false,
            Some(960),
        ),
        (
            Some(RepairSilence {
                plan_hash: "another".into(),
                ..silence(Some("s1"), Some(60), None)
            }),
            false,
            Some(960),
        ),
    ] {
        let mut incident = Incident {
            repair_silence: silence.clone(),
            ..repaired()
        };
        if failure {
            failed(&mut incident);
        }
        assert_eq!(
            first_look(&incident, WITHIN),
            expected.map(at),
            "{silence:?} {failure}"
        );
        incident.resolved_at = Some(at(61));
        assert_eq!(
            (first_look(&incident, WITHIN), due(&incident, WITHIN)),
            (None, None)
        );
    }
}
