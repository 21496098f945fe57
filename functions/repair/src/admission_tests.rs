//! Tests of admission: whether an approved repair may still run.

use std::path::{Path, PathBuf};

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{AlertStatus, Texts};
use domain::analysis::Analysis;
use domain::episode::Firing;
use domain::incident::Status;
use domain::incident::approval::{ApprovalState, Verdict, Vote};
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::Guardrail;
use domain::incident::operation_log::Event;
use domain::incident::repair::{Repair, RepairOutcome};
use domain::notification::channels::{Channels, Identity};
use domain::playbook::plan::{Phase, Plan};
use domain::playbook::service::{self, Level};
use domain::policy::attempt_ledger::{GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::matching::{Choice, PastSuccess, choose};
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::{IncidentId, MemberId, PlanHash};
use domain::transition::decision::{Pressed, decide};
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::{OperatorFiles, limits};
use serde_json::json;
use wire::signed_decision::{Reader, SignedDecision};

use super::guardrail_tests::{assert_stopped, triggered};
use super::{Admission, AdmissionRules, CheckedDecision};

pub(super) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

/// The files that ship with the project, in which the service is auto.
pub(crate) fn files() -> OperatorFiles {
    let mut files = OperatorFiles::load(&shipped()).expect("the files that ship with the project");
    files.services[1].level = Level::Auto;
    files
}

/// A store that holds nothing.
pub(super) fn nothing() -> GuardrailInputs {
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

pub(super) fn enter_with(
    change: &mut IncidentChange,
    files: &OperatorFiles,
    readings: &GuardrailInputs,
    hash: &PlanHash,
) -> Admission {
    let checked = signed(change);
    ruled(files, readings, &checked, |rules| {
        super::admit(change, rules, hash, &"worker".into(), NOW)
    })
}

/// The decision on an incident, with right signatures.
fn signed(change: &IncidentChange) -> CheckedDecision {
    let approval = change.incident.approval.as_ref();
    CheckedDecision {
        decision: approval.and_then(|approval| SignedDecision::of(approval, Reader::Repair)),
        valid: Ok(()),
    }
}

/// Asks something by the shipped limits, with the time of the template in which a repair has to start.
fn ruled<T>(
    files: &OperatorFiles,
    readings: &GuardrailInputs,
    checked: &CheckedDecision,
    ask: impl FnOnce(AdmissionRules<'_>) -> T,
) -> T {
    let limits = limits(&shipped()).expect("the limits that ship with the project");
    ask(AdmissionRules {
        files,
        limits: &limits,
        readings,
        starts_within: SignedDuration::from_mins(15),
        checked,
    })
}

pub(super) fn admit(
    change: &mut IncidentChange,
    files: &OperatorFiles,
    hash: &PlanHash,
) -> Admission {
    enter_with(change, files, &nothing(), hash)
}

pub(super) fn events(change: &IncidentChange) -> Vec<Event> {
    change.entries.iter().map(|entry| entry.event).collect()
}

/// An incident with a finding, and a plan for it.
pub(crate) fn planned() -> (IncidentChange, Plan) {
    let labels: Texts = [
        ("alertname", "TargetDown"),
        ("component", "checkout"),
        ("namespace", "shop"),
    ]
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
        None,
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
        "named_cause": { "source": "static", "cause": "service_404", "speaks_for": ["restart-supervisor-program"] },
        "confidence": { "mean": 0.9, "at_least": 0.7, "counts": { "right": 30, "wrong": 1 } },
        "affected_services": [], "primary_responsibility": "APP", "optimisation_suggestions": [], "deviation": null,
        "blast_radius": { "affected_pods": 1, "estimated_downtime": "", "related_services": [], "data_impact": "NONE" },
        "provider": "static", "model": null, "tokens": 0, "price_micro_usd": 0, "duration_ms": 0,
    });
    serde_json::from_value(finding).expect("a finding")
}

/// An incident with a plan that a human approved, and the plan's hash.
pub(super) fn approved() -> (IncidentChange, PlanHash) {
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
        signature: None,
    });
    assert_eq!(admit(&mut change, &files(), &hash), Admission::Nothing);
    let (mut change, hash) = approved();
    let approval = change.incident.approval.as_mut().expect("approved");
    approval.needed = 2;
    approval.votes.push(Vote {
        person: "bob".into(),
        by: Identity::Slack("U8".into()),
        at: NOW,
        signature: None,
    });
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
fn a_decision_that_nobody_signed_starts_nothing() {
    let forged = |checked: &mut CheckedDecision, _: &mut IncidentChange| {
        checked.valid = Err("the signature of telegram:7 is wrong".to_owned().into());
    };
    let unchecked = |checked: &mut CheckedDecision, _: &mut IncidentChange| {
        checked.decision = None;
    };
    // The table says another time than the vote that was signed.
    let younger = |_: &mut CheckedDecision, change: &mut IncidentChange| {
        let approval = change.incident.approval.as_mut().expect("approved");
        let ApprovalState::Decided { at, .. } = &mut approval.state else {
            panic!("it is decided");
        };
        *at += SignedDuration::from_secs(1);
    };
    let cases: [fn(&mut CheckedDecision, &mut IncidentChange); 3] = [forged, unchecked, younger];
    for case in cases {
        let (mut change, hash) = approved();
        let mut checked = signed(&change);
        case(&mut checked, &mut change);
        let admission = ruled(&files(), &nothing(), &checked, |rules| {
            super::admit(&mut change, rules, &hash, &"worker".into(), NOW)
        });
        assert_eq!(admission, Admission::Nothing);
        assert_eq!(change.incident.status, Status::NeedsHuman);
        let blocked = &change.entries[0];
        assert_eq!(
            (blocked.event, blocked.detail.as_str()),
            (Event::GuardrailBlocked, "signed_decision")
        );
    }
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

#[test]
fn old_decision_starts_nothing_and_people_are_asked_again() {
    let enter_after = |change: &mut IncidentChange, hash: &PlanHash, seconds| {
        let now = NOW + SignedDuration::from_secs(seconds);
        let checked = signed(change);
        ruled(&files(), &nothing(), &checked, |rules| {
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
        let checked = signed(change);
        ruled(&files(), &nothing(), &checked, |rules| {
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
