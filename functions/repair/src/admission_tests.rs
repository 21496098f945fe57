//! Tests of admission: whether an approved repair may still run, after a human's approval and after
//! one by the guardrails.

use std::path::{Path, PathBuf};

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{AlertStatus, Texts};
use domain::analysis::{Analysis, Severity};
use domain::episode::{Advice, Firing};
use domain::incident::Status;
use domain::incident::approval::{ApprovalState, Verdict, Vote};
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, all_passed, blocking};
use domain::incident::operation_log::Event;
use domain::incident::repair::{Repair, RepairOutcome};
use domain::notification::channels::{Channels, Identity};
use domain::playbook::plan::{Phase, Plan};
use domain::playbook::service::{self, Level};
use domain::policy::attempt_ledger::{Attempt, GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::matching::{Choice, PastSuccess, choose};
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::{ApprovalId, IncidentId, MemberId, PlanHash};
use domain::transition::decision::{Pressed, decide};
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::{OperatorFiles, limits};
use serde_json::json;

use super::{Admission, AdmissionRules};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

/// The files that ship with the project, in which the service is auto.
pub(crate) fn files() -> OperatorFiles {
    let mut files = OperatorFiles::load(&shipped()).expect("the files that ship with the project");
    files.services[1].level = Level::Auto;
    files
}

/// A store that holds nothing.
fn nothing() -> GuardrailInputs {
    let (target, group) = (Some(TargetLedger::default()), Some(GroupLedger::default()));
    GuardrailInputs {
        killed: Some(false),
        target,
        group,
        record: Some(PlaybookRecord::default()),
        runs: Some(vec![]),
        ..GuardrailInputs::default()
    }
}

fn enter_with(
    change: &mut IncidentChange,
    files: &OperatorFiles,
    readings: &GuardrailInputs,
    hash: &PlanHash,
) -> Admission {
    ruled(files, readings, |rules| {
        super::admit(change, rules, hash, &"worker".into(), NOW)
    })
}

/// Asks something by the shipped limits, with the time of the template in which a repair has to start.
fn ruled<T>(
    files: &OperatorFiles,
    readings: &GuardrailInputs,
    ask: impl FnOnce(AdmissionRules<'_>) -> T,
) -> T {
    let limits = limits(&shipped()).expect("the limits that ship with the project");
    ask(AdmissionRules {
        files,
        limits: &limits,
        readings,
        starts_within: SignedDuration::from_mins(15),
    })
}

fn admit(change: &mut IncidentChange, files: &OperatorFiles, hash: &PlanHash) -> Admission {
    enter_with(change, files, &nothing(), hash)
}

fn events(change: &IncidentChange) -> Vec<Event> {
    change.entries.iter().map(|entry| entry.event).collect()
}

/// An incident with a finding, and a plan for it.
pub(crate) fn planned() -> (IncidentChange, Plan) {
    let labels: Texts = [("alertname", "TargetDown"), ("component", "checkout")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    let member = MemberId::try_from("m1").expect("a member id");
    let alert = AlertTables::default().alert(
        AlertStatus::Firing,
        "alertmanager",
        labels,
        Texts::new(),
        NOW,
        member,
    );
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let files = files();
    let Choice::Plan(plan) = choose(
        &files.playbooks,
        &alert,
        service::find(&files.services, &alert),
        &PastSuccess::new(),
    ) else {
        panic!("a plan")
    };
    let mut change = IncidentChange::open(
        id,
        fingerprint(&alert, &[]),
        alert.clone(),
        &Firing::from_alert(&alert),
        NOW,
    );
    change.analysed(finding(), vec![], NOW);
    change.entries.clear();
    (change, *plan)
}

fn finding() -> Analysis {
    let finding = json!({
        "action_title": "", "description": "", "root_cause": "", "suggested_action": "", "suggested_command": null, "risk": "medium",
        "confidence": 0.6, "rule_confidence": 0.6, "affected_services": [], "primary_responsibility": "APP", "optimisation_suggestions": [], "deviation": null,
        "blast_radius": { "affected_pods": 1, "estimated_downtime": "", "related_services": [], "data_impact": "NONE" },
        "provider": "static", "model": null, "tokens": 0, "price_micro_usd": 0, "duration_ms": 0,
    });
    serde_json::from_value(finding).expect("a finding")
}

/// An incident with a plan that a human approved, and the plan's hash.
fn approved() -> (IncidentChange, PlanHash) {
    let (mut change, plan) = planned();
    change.propose(plan, NOW, SignedDuration::from_hours(1));
    let approval = change.incident.approval.clone().expect("asked");
    let channels: Channels = serde_json::from_value(
        json!({ "people": { "ada": { "telegram": 7 } }, "approvals": [{ "people": ["ada"] }] }),
    )
    .expect("the file");
    let pressed = Pressed {
        verdict: Verdict::Approve,
        by: Identity::Telegram(7),
        press: "1",
    };
    let decision = decide(change.incident, &approval.id, &pressed, &channels, NOW);
    decision.answer.expect("pending");
    (
        IncidentChange::new(decision.change.incident),
        approval.plan_hash,
    )
}

/// An incident with a plan that the guardrails let through, and the plan's hash.
fn triggered() -> (IncidentChange, PlanHash) {
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

#[test]
fn an_approved_and_unchanged_plan_runs() {
    let (mut change, hash) = approved();
    assert!(matches!(
        admit(&mut change, &files(), &hash),
        Admission::Run(_)
    ));
    assert_eq!(change.incident.status, Status::Repairing);
}

#[test]
fn a_plan_that_fewer_people_approved_than_have_to_does_not_run() {
    let (mut change, hash) = approved();
    change.incident.approval.as_mut().expect("approved").needed = 2;
    assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
    assert_eq!(
        (change.incident.status, events(&change)),
        (
            Status::NeedsHuman,
            vec![Event::GuardrailBlocked, Event::ApprovalVoided]
        )
    );
    // The same person by another id is no other person.
    let (mut change, hash) = approved();
    let approval = change.incident.approval.as_mut().expect("approved");
    approval.needed = 2;
    approval.votes.push(Vote {
        person: "ada".into(),
        by: Identity::Slack("U7".into()),
        at: NOW,
    });
    assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
    let (mut change, hash) = approved();
    let approval = change.incident.approval.as_mut().expect("approved");
    approval.needed = 2;
    approval.votes.push(Vote {
        person: "bob".into(),
        by: Identity::Slack("U8".into()),
        at: NOW,
    });
    assert!(matches!(
        admit(&mut change, &files(), &hash),
        Admission::Run(_)
    ));
    // What was approved before votes were kept.
    let (mut change, hash) = approved();
    change
        .incident
        .approval
        .as_mut()
        .expect("approved")
        .votes
        .clear();
    assert!(matches!(
        admit(&mut change, &files(), &hash),
        Admission::Run(_)
    ));
}

#[test]
fn nothing_runs_without_this_very_approval() {
    let (mut change, hash) = approved();
    assert_eq!(
        admit(&mut change, &files(), &"0".repeat(64).into()),
        Admission::Nothing
    );
    change.incident.plan.as_mut().expect("a plan").steps[0]
        .argv
        .push("--now".into());
    assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
    let (mut rejected, hash) = approved();
    rejected.incident.approval.as_mut().expect("asked").state = ApprovalState::Pending;
    assert_eq!(admit(&mut rejected, &files(), &hash), Admission::Nothing);
    assert!(rejected.incident.repair.is_none() && change.incident.repair.is_none());
}

#[test]
fn a_resolve_before_the_first_step_stops_the_repair() {
    let (mut change, hash) = approved();
    change.resolved(1, NOW);
    assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
    assert_eq!(change.incident.status, Status::Resolved);
}

#[test]
fn files_that_changed_since_the_plan_was_shown_make_it_void() {
    for edit in [
        (|files| files.services[1].unit = Some("other".into())) as fn(&mut OperatorFiles),
        |files| {
            let playbook = files
                .playbooks
                .iter_mut()
                .find(|playbook| playbook.id == "restart-supervisor-program");
            playbook.expect("it ships").steps[0]
                .run
                .push("--all".into());
        },
        |files| files.services.clear(),
    ] {
        let (mut change, hash) = approved();
        let mut changed = files();
        edit(&mut changed);
        assert_eq!(admit(&mut change, &changed, &hash), Admission::Nothing);
        assert_eq!(change.incident.status, Status::NeedsHuman);
        assert_eq!(
            events(&change),
            [Event::GuardrailBlocked, Event::ApprovalVoided]
        );
    }
}

#[test]
fn interrupted_repair_goes_on_and_ended_one_does_not() {
    let (mut change, hash) = approved();
    admit(&mut change, &files(), &hash);
    change
        .incident
        .repair
        .as_mut()
        .expect("started")
        .step_started(Phase::Steps, 0, NOW);
    assert!(matches!(
        admit(&mut change, &files(), &hash),
        Admission::Run(_)
    ));
    change.incident.repair.as_mut().expect("started").outcome = Some(RepairOutcome::Unknown);
    assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
}

/// A plan that was let through is stopped by this guardrail, and a human is asked for a new decision.
fn assert_stopped(change: &IncidentChange, before: &str, guardrail: Guardrail) {
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

#[test]
fn old_decision_starts_nothing_and_people_are_asked_again() {
    let enter_after = |change: &mut IncidentChange, hash: &PlanHash, seconds| {
        let now = NOW + SignedDuration::from_secs(seconds);
        ruled(&files(), &nothing(), |rules| {
            super::admit(change, rules, hash, &"worker".into(), now)
        })
    };
    // A human's as well as the guardrails' own, and one whose worker died before its first step.
    for decided in [approved, triggered] {
        for cut_off in [false, true] {
            let begin = || {
                let (mut change, hash) = decided();
                if cut_off {
                    change.incident.repair = Some(Repair::start(hash.clone(), NOW));
                    change.incident.status = Status::Repairing;
                }
                (change, hash)
            };
            let (mut change, hash) = begin();
            assert!(
                matches!(enter_after(&mut change, &hash, 900), Admission::Run(_)),
                "it is still in time"
            );
            for late in [901, 86_400] {
                let (mut change, hash) = begin();
                assert_eq!(enter_after(&mut change, &hash, late), Admission::Nothing);
                assert_stopped(&change, &hash, Guardrail::StartsInTime);
            }
        }
        // Half a repair helps nobody: what has begun goes on.
        let (mut change, hash) = decided();
        admit(&mut change, &files(), &hash);
        change
            .incident
            .repair
            .as_mut()
            .expect("started")
            .step_started(Phase::Steps, 0, NOW);
        assert!(matches!(
            enter_after(&mut change, &hash, 3_600),
            Admission::Run(_)
        ));
    }
    let (mut change, hash) = approved();
    change.resolved(1, NOW);
    assert_eq!(enter_after(&mut change, &hash, 3_600), Admission::Nothing);
    assert_eq!(
        change.incident.status,
        Status::Resolved,
        "nobody is asked about what is over"
    );
}

#[test]
fn waiting_plan_with_an_old_decision_asks_people_again() {
    let lapse_after = |change: &mut IncidentChange, hash: &PlanHash, seconds| {
        let now = NOW + SignedDuration::from_secs(seconds);
        ruled(&files(), &nothing(), |rules| {
            super::lapse(change, rules, hash, now)
        })
    };
    let (mut change, hash) = approved();
    assert!(!lapse_after(&mut change, &hash, 900));
    assert!(!lapse_after(&mut change, &"another plan".into(), 901));
    assert_eq!(
        (change.incident.status, change.entries.len()),
        (Status::Approved, 0)
    );
    assert!(lapse_after(&mut change, &hash, 901));
    assert_stopped(&change, &hash, Guardrail::StartsInTime);
    let (mut runs, hash) = approved();
    admit(&mut runs, &files(), &hash);
    let before = runs.clone();
    assert!(!lapse_after(&mut runs, &hash, 901));
    assert_eq!(
        runs, before,
        "another worker is about to run its first step"
    );
}
