//! Plays a scene from the alert to the end of the repair, with a real host and the bridge in this process.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use bridge::App;
use bridge::ssh::login_key::LoginKey;
use domain::incident::repair::{Repair, RepairOutcome, StepOutcome};
use domain::incident::repair_state_machine::Next;
use domain::playbook::plan::{Phase, Plan};
use domain::playbook::service::named;
use domain::policy::matching::{Choice, PastSuccess, choose};
use jiff::Timestamp;
use playbook_files::operator_files::{OperatorFiles, PLAYBOOKS, SERVICE_REGISTRY};
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::stack::project;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};

use super::host::Host;
use super::scenes::{LARGE_LOG, Scene, So};
use super::supervisor::Supervisor;
use super::{alert, an_id};

impl Scene {
    /// The entry of the registry.
    pub(super) fn service(&self, target: &Value, ports: &[(&str, u16)]) -> Value {
        let value = |text: &str| {
            ports.iter().fold(text.to_owned(), |text, (name, port)| {
                text.replace(name, &port.to_string())
            })
        };
        let facts: BTreeMap<&str, String> = self
            .facts
            .iter()
            .map(|(name, text)| (*name, value(text)))
            .collect();
        json!({ "name": self.service, "level": "approval", "unit": self.unit, "facts": facts, "target": target })
    }

    /// What is so on the host, with changes; a file whose content is GONE is not there.
    fn state(&self, changes: &[So]) -> Vec<So> {
        let mut state: BTreeMap<&str, &str> = self.state.iter().copied().collect();
        state.extend(changes.iter().copied());
        state
            .into_iter()
            .filter(|(_, content)| *content != "GONE")
            .collect()
    }
}

/// What came of a run.
pub(super) struct Ran {
    pub(super) outcome: RepairOutcome,
    pub(super) repair: Repair,
    pub(super) done: Vec<String>,
}

/// Plays a scene from the alert to the end of the repair. None where something real is missing.
pub(super) async fn play(scene: &Scene, changes: &[So]) -> Option<Ran> {
    let host = Host::start(&scene.state(changes))?;
    if host.path(LARGE_LOG.0).exists() {
        let log = fs::OpenOptions::new()
            .write(true)
            .open(host.path(LARGE_LOG.0))
            .expect("the log");
        log.set_len(LARGE_LOG.1).expect("grown");
    }
    let supervisor = if scene.unit == "web" {
        Some(Supervisor::start(host.path("").as_path())?)
    } else {
        None
    };
    let supervised = supervisor.as_ref().map_or(0, |supervisor| supervisor.port);
    let ports = [
        ("HEALTH", host.health_port),
        ("HTTPS", host.https_port),
        ("SUPERVISED", supervised),
    ];
    let mut service = scene.service(&host.sshd.target(), &ports);
    if let Some(page) = host.lines("page").first() {
        service["facts"]["health_url"] = json!(format!("http://127.0.0.1:{supervised}/{page}"));
    }
    let directory = host
        .sshd
        .path(PLAYBOOKS)
        .parent()
        .expect("a directory")
        .to_owned();
    fs::copy(
        project().join("config").join(PLAYBOOKS),
        directory.join(PLAYBOOKS),
    )
    .expect("copied");
    // JSON is YAML.
    fs::write(
        directory.join(SERVICE_REGISTRY),
        json!([service]).to_string(),
    )
    .expect("written");
    let files = OperatorFiles::load(&directory).expect("the files are right");
    let plan = match choose(
        &files.playbooks,
        &alert(scene.alert, scene.labels),
        Ok(named(&files.services, scene.service).expect("its service")),
        &PastSuccess::new(),
        None,
    ) {
        Choice::Plan(plan) => plan,
        Choice::None(why) => panic!("{}: {why}", scene.playbook),
    };
    assert_eq!(plan.playbook, scene.playbook);
    let app = App::for_operator(
        files,
        LoginKey::Given(SecretString::from(host.sshd.login_key())),
    );
    let (repair, outcome) = run(&app, &plan).await;
    assert_eq!(
        host.lines("unknown"),
        [""; 0],
        "{}: no real program knows this",
        scene.playbook
    );
    Some(Ran {
        outcome,
        repair,
        done: host.lines("done"),
    })
}

/// Runs a plan as the repair function does, with the bridge in this process, and without resting between tries.
async fn run(app: &App, plan: &Plan) -> (Repair, RepairOutcome) {
    let now = Timestamp::now();
    let mut repair = Repair::start(plan.hash(), now);
    loop {
        match repair.next(plan) {
            Next::Run(phase, index) => {
                repair.step_started(phase, index, now);
                let result = app.handle(&request(plan, phase, index)).await.result;
                assert_ne!(result.outcome, StepOutcome::Refused, "{result:?}");
                repair.step_finished(&result, plan);
            }
            Next::Skip(phase, index) => repair.step_skipped(phase, index, String::new().into()),
            Next::GiveUp => drop(repair.step_lost()),
            Next::End(outcome) => return (repair, outcome),
        }
    }
}

pub(super) fn request(plan: &Plan, phase: Phase, step: usize) -> BridgeRequest {
    BridgeRequest {
        v: BRIDGE_VERSION,
        incident_id: an_id(),
        playbook: plan.playbook.clone(),
        phase,
        step,
        parameters: plan.parameters.clone(),
        target: plan.target.clone(),
        round: 0,
        number: 1,
        decision: None,
    }
}

/// True if logrotate is there; the rest that is real the harness needs anyway.
pub(super) fn can_play(scene: &Scene) -> bool {
    if scene.playbook != "rotate-log" || Path::new("/usr/sbin/logrotate").exists() {
        return true;
    }
    let note = "no logrotate: install logrotate to play the scene of rotate-log";
    assert!(std::env::var_os("CI").is_none(), "{note}");
    writeln!(io::stderr(), "skipped: {note}").expect("standard error");
    false
}
