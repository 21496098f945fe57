//! Tests of the guardrails at admission: they are asked again before the first step.

use domain::analysis::Severity;
use domain::episode::Advice;
use domain::incident::Status;
use domain::incident::approval::ApprovalState;
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, all_passed, blocking};
use domain::incident::operation_log::Event;
use domain::incident::repair::Repair;
use domain::playbook::plan::Phase;
use domain::playbook::service::Level;
use domain::policy::attempt_ledger::{Attempt, GuardrailInputs, TargetLedger};
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::{ApprovalId, IncidentId, PlanHash};
use jiff::SignedDuration;
use playbook_files::operator_files::limits;
use serde_json::json;

use super::Admission;
use super::tests::{NOW, admit, approved, enter_with, events, files, nothing, planned, shipped};

/// An incident with a plan that the guardrails let through, and the plan's hash.
pub(super) fn triggered() -> (IncidentChange, PlanHash) {
    let (mut change, plan) = planned();
    let (files, hash) = (files(), plan.hash());
    let limits = limits(&shipped()).expect("the limits that ship with the project");
    let outcomes = files
        .context(&change.incident, &plan, &limits, &nothing(), NOW)
        .check();
    assert!(all_passed(&outcomes), "{outcomes:#?}");
    change.propose_within(outcomes, plan, NOW, SignedDuration::from_hours(1));
    change.entries.clear();
    (change, hash)
}

/// A plan that was let through is stopped by this guardrail, and a human is asked for a new decision.
pub(super) fn assert_stopped(change: &IncidentChange, before: &str, guardrail: Guardrail) {
    let incident = &change.incident;
    assert_eq!(
        blocking(&incident.guardrails)
            .map(|outcome| outcome.guardrail)
            .collect::<Vec<_>>(),
        [guardrail]
    );
    assert_eq!(
        (incident.status, incident.repair.as_ref()),
        (Status::AwaitingApproval, None)
    );
    let asked = incident.approval.as_ref().expect("asked");
    assert_eq!(asked.state, ApprovalState::Pending);
    assert_ne!(
        asked.plan_hash, before,
        "a message about the plan that was stopped must not start the new one"
    );
    assert_eq!(
        Advice::from_incident(incident)
            .expect("analysed")
            .approval_id,
        Some(asked.id.to_string())
    );
    assert_eq!(
        events(change),
        [
            Event::GuardrailBlocked,
            Event::ApprovalVoided,
            Event::ApprovalRequested
        ]
    );
}

#[test]
fn what_the_guardrails_let_through_runs_if_they_still_do() {
    let (mut change, hash) = triggered();
    assert_eq!(
        Advice::from_incident(&change.incident)
            .expect("analysed")
            .approval_id,
        None,
        "nobody can decide any more"
    );
    assert!(matches!(
        admit(&mut change, &files(), &hash),
        Admission::Run(_)
    ));
    assert_eq!(change.incident.status, Status::Repairing);
}

#[test]
fn automatic_plan_is_stopped_by_any_later_change() {
    let ran = |playbook: &str| {
        let other = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAW").expect("a ULID");
        let mut ledger = TargetLedger::default();
        ledger.record(Attempt {
            approval_id: ApprovalId::for_plan(&other, &"0".repeat(64).into()),
            playbook: playbook.into(),
            at: NOW,
        });
        ledger
    };
    let changes: [(GuardrailInputs, Guardrail); 4] = [
        (
            GuardrailInputs {
                killed: Some(true),
                ..nothing()
            },
            Guardrail::KillSwitch,
        ),
        (
            GuardrailInputs {
                killed: None,
                ..nothing()
            },
            Guardrail::KillSwitch,
        ),
        (
            GuardrailInputs {
                target: Some(ran("restart-supervisor-program")),
                ..nothing()
            },
            Guardrail::Cooldown,
        ),
        (
            GuardrailInputs {
                record: Some(PlaybookRecord {
                    failed: 1,
                    ..PlaybookRecord::default()
                }),
                ..nothing()
            },
            Guardrail::PlaybookRecord,
        ),
    ];
    for (readings, guardrail) in changes {
        let (mut change, hash) = triggered();
        assert_eq!(
            enter_with(&mut change, &files(), &readings, &hash),
            Admission::Nothing
        );
        assert_stopped(&change, &hash, guardrail);
    }
    let (mut change, hash) = triggered();
    change.incident.severity = Severity::P1;
    assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
    assert_stopped(&change, &hash, Guardrail::Severity);
    // Another alert has joined meanwhile whose label forbids it.
    let (mut change, hash) = triggered();
    change.auto_repair_forbidden(NOW);
    change.auto_repair_forbidden(NOW);
    assert_eq!(
        events(&change),
        [Event::GuardrailBlocked],
        "it is in the log once"
    );
    change.entries.clear();
    assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
    assert_stopped(&change, &hash, Guardrail::AutoRepairLabel);
    let (mut change, hash) = triggered();
    let mut changed = files();
    changed.services[1].level = Level::Approval;
    assert_eq!(admit(&mut change, &changed, &hash), Admission::Nothing);
    assert_stopped(&change, &hash, Guardrail::ServiceLevel);
}

#[test]
fn plan_does_not_start_where_its_alert_does_not_come_from() {
    for (mut change, hash) in [triggered(), approved()] {
        let mut moved = files();
        moved.services[1].scope = serde_json::from_value(json!({ "cluster": "prod" })).ok();
        assert_eq!(admit(&mut change, &moved, &hash), Admission::Nothing);
        assert_eq!(change.incident.repair, None);
    }
}

#[test]
fn approved_plan_is_stopped_by_the_kill_switch_alone() {
    for killed in [Some(true), None] {
        let (mut change, hash) = approved();
        assert_eq!(
            enter_with(
                &mut change,
                &files(),
                &GuardrailInputs {
                    killed,
                    ..nothing()
                },
                &hash
            ),
            Admission::Nothing
        );
        assert_stopped(&change, &hash, Guardrail::KillSwitch);
    }
    let (mut change, hash) = approved();
    change.incident.severity = Severity::P0;
    let unknown = GuardrailInputs {
        killed: Some(false),
        ..GuardrailInputs::default()
    };
    assert!(matches!(
        enter_with(&mut change, &files(), &unknown, &hash),
        Admission::Run(_)
    ));
}

#[test]
fn repair_cut_off_before_its_first_step_is_checked_again() {
    let killed = GuardrailInputs {
        killed: Some(true),
        ..nothing()
    };
    let cut_off = || {
        let (mut change, hash) = triggered();
        change.incident.repair = Some(Repair::start(hash.clone(), NOW));
        change.incident.status = Status::Repairing;
        (change, hash)
    };
    let (mut change, hash) = cut_off();
    assert_eq!(
        enter_with(&mut change, &files(), &killed, &hash),
        Admission::Nothing
    );
    assert_stopped(&change, &hash, Guardrail::KillSwitch);
    // The alert resolved while the message waited: nothing runs any more, and nobody has to decide on anything.
    let by_human = approved();
    for (mut change, hash) in [cut_off(), by_human] {
        change.incident.repair = Some(Repair::start(hash.clone(), NOW));
        change.incident.status = Status::Repairing;
        change.resolved(1, NOW);
        assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
        assert_eq!(
            (change.incident.status, change.incident.repair.as_ref()),
            (Status::Resolved, None)
        );
        assert!(matches!(
            change.incident.approval.expect("kept").state,
            ApprovalState::Void { .. }
        ));
    }
    // Once a step has begun, the run goes on to its end: half a repair helps nobody.
    let (mut change, hash) = cut_off();
    change
        .incident
        .repair
        .as_mut()
        .expect("started")
        .step_started(Phase::Steps, 0, NOW);
    assert!(matches!(
        enter_with(&mut change, &files(), &killed, &hash),
        Admission::Run(_)
    ));
}
