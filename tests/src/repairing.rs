//! Helpers for repair tests: a decision, access to the host, and the repair function in this
//! process.

use std::process::Command;
use std::time::{Duration, Instant};

use aws::decision_keys::SigningKeyIds;
use aws::secrets::Secrets;
use domain::incident::approval::Verdict;
use domain::incident::repair::RepairOutcome;
use domain::incident::{Incident, Status};
use domain::notification::channels::Identity;
use domain::transition::decision::Pressed;
use jiff::{SignedDuration, Timestamp};
use repair::config::Config;
use repair::delivery::RepairDelivery;
use repair::{App, Failure};
use settings::channels_file;
use settings::variables::Variables;
use wire::message::Message;
use wire::signed_decision::SigningKeys;

use tokio::time::sleep;

use crate::alert::{TestAlert, unique};
use crate::stack::{Stack, project};

impl Stack {
    /// Delivers an alert about a service that has a playbook: its incident, once the plan waits for a decision.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn awaiting_approval(&self, alert: &TestAlert) -> Incident {
        let opened = self.deliver_one(alert).await;
        let id = opened["incident_id"].as_str().expect("an incident");
        self.status(id, Status::AwaitingApproval).await
    }

    /// Approves the plan of an incident through the API, as `api:ada`.
    ///
    /// # Panics
    /// If it has none, or the API refuses.
    pub async fn approve(&self, incident: &Incident) {
        let id = &incident.approval.as_ref().expect("asked").id;
        let request = self
            .http
            .post(self.url(&format!("approvals/{id}/approve")))
            .bearer_auth(&self.facts.tokens["ada"]);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// Approves the plan of an incident in this process, as `api:ada`: the deployed repair function is not told. Gives its message.
    ///
    /// # Panics
    /// If it has none, or `channels.json` does not let them.
    pub async fn approve_quietly(&self, incident: &Incident) -> Message {
        let approval = incident.approval.clone().expect("asked");
        let channels = channels_file::load(&self.facts.target.config_dir).expect("the file");
        let pressed = Pressed {
            verdict: Verdict::Approve,
            by: Identity::Api("ada".into()),
            press: "1",
        };
        let keys = self.signing_keys().await;
        let approve = |incident| {
            let now = Timestamp::now();
            keys.decide(incident, &approval.id, &pressed, &channels, now)
                .0
        };
        self.store
            .decide(&incident.id, approve)
            .await
            .expect("saved")
            .1
            .expect("pending");
        Message::RepairApproved {
            incident_id: incident.id.clone(),
            plan_hash: approval.plan_hash,
        }
    }

    /// The keys with which ingress signs what people decide.
    ///
    /// # Panics
    /// If they cannot be read.
    pub async fn signing_keys(&self) -> SigningKeys {
        let id = |name| self.variable(name).expect("an output of the template");
        let ids = SigningKeyIds {
            repair: id("PEOPLE_REPAIR_KEY_ID"),
            bridge: id("PEOPLE_BRIDGE_KEY_ID"),
        };
        let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(&self.aws()));
        ids.read(&secrets).await.expect("the keys")
    }

    /// Tells the host's supervisor something.
    ///
    /// # Panics
    /// If it does not do it.
    pub fn supervisorctl(&self, arguments: &[&str]) {
        let program = project().join(".venv/bin/supervisorctl");
        let done = Command::new(program)
            .arg("-c")
            .arg(&self.facts.target.supervisor_conf)
            .args(arguments)
            .output()
            .expect("supervisorctl");
        assert!(done.status.success(), "{done:?}");
    }

    /// The repair function in this process, with the deployed bridge.
    ///
    /// # Panics
    /// If a variable or a file is wrong.
    #[must_use]
    pub fn repair(&self) -> App {
        self.repair_with(&[])
    }

    /// The repair function in this process; `changed` replaces variables.
    ///
    /// # Panics
    /// If a variable or a file is wrong.
    #[must_use]
    pub fn repair_with(&self, changed: &[(&str, &str)]) -> App {
        let deployed = |name: &str| match name {
            "BRIDGE_FUNCTION_NAME" => self.facts.outputs.get("BridgeFunctionName").cloned(),
            other => self.variable(other),
        };
        let variables = Variables::from_fn(|name| {
            let replaced = changed.iter().find(|(variable, _)| *variable == name);
            replaced.map_or_else(|| deployed(name), |(_, value)| Some((*value).to_owned()))
        });
        App::new(
            Config::from_variables(&variables).expect("the variables"),
            &self.aws(),
        )
        .expect("the files")
    }
}

/// A turn of a worker of its own, which no queue has given a message.
#[must_use]
pub fn delivery() -> RepairDelivery {
    let ends = Timestamp::now() + SignedDuration::from_mins(15);
    RepairDelivery {
        worker: unique("worker").into(),
        receipt: String::new(),
        receive_count: 1,
        ends,
    }
}

/// Delivers a message to a repair function until it is handled, as a queue does while another worker has the target or its group.
///
/// # Panics
/// If it fails for another reason, or is not handled within a minute.
pub async fn deliver(app: &App, message: &Message, delivery: &RepairDelivery) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match app.handle(message, delivery, &Timestamp::now).await {
            Ok(()) => return,
            Err(Failure::Held { .. } | Failure::GroupFull { .. }) if Instant::now() < deadline => {
                sleep(Duration::from_millis(200)).await
            }
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// How an incident's repair ended.
#[must_use]
pub fn outcome(incident: &Incident) -> Option<RepairOutcome> {
    incident.repair.as_ref().and_then(|repair| repair.outcome)
}

/// Asserts how an incident and its repair ended.
///
/// # Panics
/// If they ended in another way, or have not ended.
#[track_caller]
pub fn assert_ended(incident: &Incident, status: Status, ended: RepairOutcome) {
    assert_eq!(
        (incident.status, outcome(incident)),
        (status, Some(ended)),
        "{:#?}",
        incident.repair
    );
}
