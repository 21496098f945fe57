//! Samples of incidents that were approved, and of what came of their repairs.

use domain::incident::approval::Verdict;
use domain::incident::change::IncidentChange;
use domain::incident::repair::{OutputEnd, Repair, RepairOutcome, StepRun};
use domain::incident::{Incident, Status};
use domain::notification::channels::Identity;
use domain::playbook::plan::Phase;
use domain::transition::decision::{Pressed, decide};
use domain::transition::reanalysis;
use jiff::SignedDuration;

use super::parts::{VALID_FOR, analysed, at, channels, evidence, finding, guardrails, plan};

/// One whose repair is at its check.
pub fn repairing() -> IncidentChange {
    let mut change = repaired();
    change.incident.status = Status::Repairing;
    if let Some(repair) = &mut change.incident.repair {
        (repair.finished_at, repair.outcome) = (None, None);
        repair.steps.truncate(1);
        repair.steps.push(StepRun {
            finished: false,
            ..StepRun::ended(Phase::Verify, 0, false)
        });
    }
    change.repair_silenced(
        &plan().hash(),
        Ok(("7c5e2a90-5c0e-4f4b-9a51-0d6a5f3a1c11", at(320))),
        at(140),
    );
    change
}

/// One that was approved and repaired.
pub fn repaired() -> IncidentChange {
    let mut change = approved();
    let ran = |phase, detail: &str| StepRun {
        detail: detail.into(),
        ..StepRun::ended(phase, 0, true)
    };
    change.incident.repair = Some(Repair {
        finished_at: Some(at(149)),
        outcome: Some(RepairOutcome::Verified),
        steps: vec![
            ran(Phase::Steps, "exited with 0 after 4.1 s"),
            ran(Phase::Verify, "exited with 0 after 0.2 s"),
        ],
        ..Repair::start(plan().hash(), at(140))
    });
    change.incident.status = Status::Repaired;
    change
}

fn approved() -> IncidentChange {
    let mut change = analysed(3);
    change.propose_within(guardrails(), plan(), at(9), VALID_FOR);
    if let Some(id) = change
        .incident
        .approval
        .as_ref()
        .map(|approval| approval.id.clone())
    {
        let pressed = Pressed {
            verdict: Verdict::Approve,
            by: Identity::Telegram(7),
            press: "press",
        };
        let decision = decide(change.incident.clone(), &id, &pressed, &channels(), at(130));
        decision.answer.expect("it is pending");
        change.append(decision.change);
    }
    change
}

/// One whose repair failed and was taken back.
pub fn failed() -> IncidentChange {
    let mut change = approved();
    let ran = |phase, succeeded, detail: &str| StepRun {
        detail: detail.into(),
        ..StepRun::ended(phase, 0, succeeded)
    };
    change.incident.repair = Some(Repair {
        finished_at: Some(at(175)),
        outcome: Some(RepairOutcome::NotVerified),
        steps: vec![
            ran(Phase::Steps, true, "exited with 0 after 4.1 s"),
            StepRun {
                output: OutputEnd {
                    stdout: String::new(),
                    stderr: "curl: (22) The requested URL returned error: 503".to_owned(),
                },
                ..ran(Phase::Verify, false, "exited with 22 after 30.0 s")
            },
            ran(Phase::Rollback, true, "exited with 0 after 0.3 s"),
        ],
        ..Repair::start(plan().hash(), at(140))
    });
    change.incident.status = Status::RepairFailed;
    change.incident.flaps = 2;
    change
}

/// One whose repair failed, where a new analysis came to another plan.
pub fn tried_before() -> IncidentChange {
    let mut change = failed();
    if let Ok(round) = reanalysis::ask(&mut change, "telegram:7", at(600)) {
        change.reanalysed(
            round,
            (finding(), evidence()),
            |_| Ok(plan()),
            at(608),
            VALID_FOR,
        );
    }
    change
}

/// One whose repair had nothing to do.
pub(super) fn idle() -> Incident {
    let mut incident = failed().incident;
    incident.status = Status::NeedsHuman;
    if let Some(repair) = &mut incident.repair {
        repair.outcome = Some(RepairOutcome::NothingToDo);
        repair.steps.clear();
    }
    incident
}

/// One whose repair was verified, but whose alert went on.
pub fn still_firing() -> IncidentChange {
    let mut change = repaired();
    if let Some(id) = change
        .incident
        .approval
        .as_ref()
        .map(|approval| approval.id.clone())
    {
        change.still_fires(&id, SignedDuration::from_secs(900), at(1_060));
    }
    change
}
