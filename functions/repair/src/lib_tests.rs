//! Whether an approved repair may still run, decided right before its first step.

use jiff::{SignedDuration, Timestamp};
use shared::domain::alert::{AlertStatus, Texts};
use shared::domain::approval::{Standing, Verdict};
use shared::domain::decision::decide;
use shared::domain::draft::Draft;
use shared::domain::episode::Firing;
use shared::domain::fingerprint::fingerprint;
use shared::domain::id::{IncidentId, MemberId};
use shared::domain::incident::Status;
use shared::domain::matching::{Choice, choose};
use shared::domain::operation_log::Event;
use shared::domain::plan::Phase;
use shared::domain::repair::RepairOutcome;
use shared::domain::service;
use shared::domain::tables::AlertTables;
use shared::operator_files::OperatorFiles;

use super::{Entrance, enter};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn files() -> OperatorFiles {
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    OperatorFiles::load(&shipped).expect("the files that ship with the project")
}

/// An incident with an approved plan, and the plan's hash.
fn approved() -> (Draft, String) {
    let labels: Texts = [("alertname", "TargetDown"), ("component", "checkout")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let member = MemberId::try_from("m1").expect("a member id");
    let alert = AlertTables::default().alert(AlertStatus::Firing, "alertmanager", labels, Texts::new(), NOW, member);
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let files = files();
    let Choice::Plan(plan) = choose(&files.playbooks, &alert, service::find(&files.services, &alert)) else { panic!("a plan") };
    let mut draft = Draft::open(id, fingerprint(&alert, &[]), alert.clone(), &Firing::of(&alert), NOW);
    draft.propose(*plan, NOW, SignedDuration::from_hours(1));
    let approval = draft.incident.approval.clone().expect("asked");
    decide(&mut draft, &approval.id, Verdict::Approve, "telegram:7", NOW).expect("pending");
    draft.entries.clear();
    (draft, approval.plan_hash)
}

#[test]
fn an_approved_and_unchanged_plan_runs() {
    let (mut draft, hash) = approved();
    assert!(matches!(enter(&mut draft, &files(), &hash, NOW), Entrance::Run(_)));
    assert_eq!(draft.incident.status, Status::Repairing);
}

#[test]
fn nothing_runs_without_this_very_approval() {
    let (mut draft, hash) = approved();
    assert_eq!(enter(&mut draft, &files(), &"0".repeat(64), NOW), Entrance::Nothing);
    draft.incident.plan.as_mut().expect("a plan").steps[0].argv.push("--now".into());
    assert_eq!(enter(&mut draft, &files(), &hash, NOW), Entrance::Nothing);
    let (mut rejected, hash) = approved();
    rejected.incident.approval.as_mut().expect("asked").standing = Standing::Pending;
    assert_eq!(enter(&mut rejected, &files(), &hash, NOW), Entrance::Nothing);
    assert!(rejected.incident.repair.is_none() && draft.incident.repair.is_none());
}

#[test]
fn a_resolve_before_the_first_step_stops_the_repair() {
    let (mut draft, hash) = approved();
    draft.resolved(1, NOW);
    assert_eq!(enter(&mut draft, &files(), &hash, NOW), Entrance::Nothing);
    assert_eq!(draft.incident.status, Status::Resolved);
}

#[test]
fn files_that_changed_since_the_plan_was_shown_make_it_void() {
    for change in [
        (|files| files.services[1].unit = Some("other".into())) as fn(&mut OperatorFiles),
        |files| files.playbooks[1].steps[0].run.push("--all".into()),
        |files| files.services.clear(),
    ] {
        let (mut draft, hash) = approved();
        let mut changed = files();
        change(&mut changed);
        assert_eq!(enter(&mut draft, &changed, &hash, NOW), Entrance::Nothing);
        assert_eq!(draft.incident.status, Status::NeedsHuman);
        let events: Vec<Event> = draft.entries.iter().map(|entry| entry.event).collect();
        assert_eq!(events, [Event::GuardrailBlocked, Event::ApprovalVoided]);
    }
}

#[test]
fn a_repair_that_was_cut_off_goes_on_and_one_that_ended_does_not() {
    let (mut draft, hash) = approved();
    enter(&mut draft, &files(), &hash, NOW);
    draft.incident.repair.as_mut().expect("started").step_started(Phase::Steps, 0);
    assert!(matches!(enter(&mut draft, &files(), &hash, NOW), Entrance::Run(_)));
    draft.incident.repair.as_mut().expect("started").outcome = Some(RepairOutcome::Unknown);
    assert_eq!(enter(&mut draft, &files(), &hash, NOW), Entrance::Nothing);
}
