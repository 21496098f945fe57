//! Resolution check of a verified repair: its alert has to resolve in time, or the repair counts as
//! failed (`unknown-is-failure`). Where the sender never sends a resolve, the playbook's checks
//! decide.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::repair::RepairOutcome;
use crate::incident::{Incident, Status};
use crate::primitives::id::ApprovalId;

/// How long after the end of a silence it is asked whether a resolve got lost in it. Prometheus says each minute again for a quarter of an
/// hour that an alert has ended, so that most come by themselves.
const SAID_AGAIN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// By when the alert of a verified repair has to have resolved; none where nothing is waited for.
#[must_use]
pub fn due(incident: &Incident, within: SignedDuration) -> Option<Timestamp> {
    let repair = incident
        .repair
        .as_ref()
        .filter(|repair| repair.outcome == Some(RepairOutcome::Verified))?;
    let waits =
        !within.is_zero() && incident.status == Status::Repaired && incident.resolved_at.is_none();
    let waits = waits && incident.alert.sender_resolves();
    repair
        .finished_at
        .filter(|_| waits)
        .map(|at| at.saturating_add(within).unwrap_or(Timestamp::MAX))
}

/// When to look first after a repair has ended: when its alert has to have resolved, or sooner, because Alertmanager was silent during the
/// repair and may have kept a resolve to itself. None where there is nothing to look for.
#[must_use]
pub fn first_look(incident: &Incident, within: SignedDuration) -> Option<Timestamp> {
    let repair = incident
        .repair
        .as_ref()
        .filter(|repair| repair.outcome.is_some() && incident.resolved_at.is_none())?;
    let silence = incident
        .repair_silence
        .as_ref()
        .filter(|silence| silence.plan_hash == repair.plan_hash);
    let after_silence = silence
        .and_then(|silence| silence.over_at())
        .map(|at| at + SAID_AGAIN_WITHIN);
    [after_silence, due(incident, within)]
        .into_iter()
        .flatten()
        .min()
}

impl IncidentChange {
    /// Counts the repair as failed whose alert has not resolved in time. Anything else changes nothing: a resolve that came before, another
    /// plan, a message that comes early or twice.
    pub fn still_fires(&mut self, approval: &ApprovalId, within: SignedDuration, now: Timestamp) {
        let overdue = due(&self.incident, within).is_some_and(|due| due <= now);
        let mine = self
            .incident
            .approval
            .as_ref()
            .is_some_and(|asked| asked.id == *approval);
        let Some(repair) = self.incident.repair.as_mut().filter(|_| mine && overdue) else {
            return;
        };
        repair.outcome = Some(RepairOutcome::StillFiring);
        self.incident.status = Status::RepairFailed;
        let plan = self.incident.plan.as_ref();
        let context = json!({
            "playbook_id": plan.map(|plan| &plan.playbook), "target": plan.map(|plan| &plan.target), "within_seconds": within.as_secs(),
        });
        let news = LogRecord::new(
            Event::ResolutionOverdue,
            "notifier",
            "the repair was verified, and counts as failed",
        );
        let why = format!("the alert has not resolved within {} s", within.as_secs());
        self.record(now, news.with(context).failed(why));
    }
}

#[cfg(test)]
mod tests {
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
        let mut change = IncidentChange::of(incident());
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
                    change.incident.repair.as_mut().expect("ran").outcome =
                        Some(RepairOutcome::Unknown)
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
            let mut change = IncidentChange::of(incident.clone());
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
        let mut never = IncidentChange::of(repaired());
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
        let mut change = IncidentChange::of(incident.clone());
        change.still_fires(&asked(&incident), WITHIN, at(100_000));
        assert_eq!(
            change,
            IncidentChange::of(incident),
            "its checks have decided"
        );
    }

    #[test]
    fn a_late_resolve_ends_the_incident_and_the_repair_stays_failed() {
        let mut change = IncidentChange::of(repaired());
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
        let silence = |id: Option<&str>, ended: Option<i64>, fault: Option<&str>| RepairSilence {
            plan_hash: plan().hash(),
            id: id.map(str::to_owned),
            until: at(240),
            ended_at: ended.map(at),
            fault: fault.map(str::to_owned),
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
}
