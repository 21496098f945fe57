//! Fixture for repairs on a test's own hosts: the repair function and the bridge in this process,
//! with faults between them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use bridge::ssh::login_key::LoginKey;
use domain::incident::Incident;
use domain::incident::approval::Verdict;
use domain::incident::change::IncidentChange;
use domain::notification::channels::{Channels, Identity};
use domain::transition::decision::Pressed;
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::{OperatorFiles, PLAYBOOKS, SERVICE_REGISTRY};
use repair::App;
use repair::config::{AWS_ATTEMPT, Config};
use secrecy::SecretString;
use serde_json::{Value, json};
use settings::channels_file;
use settings::variables::Variables;
use tempfile::TempDir;
use wire::message::Message;

use crate::analysing::{asking, files};
use crate::faulty_aws::pass_on;
use crate::opened::{alert, opened};
use crate::own_queue::OwnQueue;
use crate::repairing::delivery;
use crate::stack::Stack;
use loopback::{Answer, Request, serve};

/// What becomes of a request to the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    Answered,
    /// The bridge is killed before it does anything.
    KilledBefore,
    /// The bridge is killed after the command has run, before it can say so.
    KilledAfter,
    /// Lambda refuses the invocation with this status and this error.
    Refused(u16, &'static str),
}

/// The files of an operator, and the functions that read them.
#[derive(Debug)]
pub struct RepairFixture {
    /// The stack with the table.
    pub stack: Stack,
    /// Where the repair function tells of changes.
    pub notifications: OwnQueue,
    pub app: Arc<App>,
    /// Where its AWS answers, with the bridge in it.
    pub endpoint_url: String,
    files: OperatorFiles,
    channels: Channels,
    config: TempDir,
}

impl RepairFixture {
    /// A repair fixture with these playbooks and services, whose bridge logs in with this key. What becomes of each request to the bridge is
    /// `fault`'s to say.
    ///
    /// # Panics
    /// If the files have faults.
    pub async fn open(
        playbooks: &Value,
        services: &Value,
        key: String,
        fault: impl Fn() -> InjectedFault + Send + Sync + 'static,
    ) -> Self {
        Self::open_with(
            playbooks,
            services,
            LoginKey::Given(SecretString::from(key)),
            fault,
        )
        .await
    }

    /// The same, whose bridge gets its key from wherever it is.
    ///
    /// # Panics
    /// If the files have faults.
    pub async fn open_with(
        playbooks: &Value,
        services: &Value,
        key: LoginKey,
        fault: impl Fn() -> InjectedFault + Send + Sync + 'static,
    ) -> Self {
        Self::open_bridge(
            playbooks,
            services,
            &[],
            |files| bridge::App::for_operator(files, key),
            fault,
        )
        .await
    }

    /// The same with any bridge for the files; `changed` replaces variables of the repair function.
    ///
    /// # Panics
    /// If the files have faults.
    pub async fn open_bridge(
        playbooks: &Value,
        services: &Value,
        changed: &[(&str, &str)],
        bridge: impl FnOnce(OperatorFiles) -> bridge::App,
        fault: impl Fn() -> InjectedFault + Send + Sync + 'static,
    ) -> Self {
        let stack = Stack::start();
        let config = files(&stack, &asking(&[]));
        let channels =
            channels_file::load(&stack.facts.target.config_dir).expect("the stack's file");
        // JSON is YAML.
        fs::write(config.path().join(PLAYBOOKS), playbooks.to_string()).expect("written");
        fs::write(config.path().join(SERVICE_REGISTRY), services.to_string()).expect("written");
        let files = OperatorFiles::load(config.path()).expect("the files are right");
        let bridge = Arc::new(bridge(files.clone()));
        let (http, endpoint, fault) = (
            stack.http.clone(),
            stack.facts.endpoint_url.clone(),
            Arc::new(fault),
        );
        let address = serve(move |request: Request| {
            let (bridge, http, endpoint, fault) = (
                Arc::clone(&bridge),
                http.clone(),
                endpoint.clone(),
                Arc::clone(&fault),
            );
            async move {
                if request.path.starts_with("/2015-03-31/functions/") {
                    invoked(&bridge, &request, fault()).await
                } else {
                    pass_on(&http, &endpoint, request).await
                }
            }
        });
        let notifications = OwnQueue::create(&stack).await;
        let directory = config.path().display().to_string();
        let variables = Variables::from_fn(|name| match name {
            "BRIDGE_FUNCTION_NAME" => Some("bridge".to_owned()),
            "NOTIFICATIONS_QUEUE_URL" => Some(notifications.url.clone()),
            "CONFIG_DIR" => Some(directory.clone()),
            other => {
                let replaced = changed.iter().find(|(name, _)| *name == other);
                replaced.map_or_else(
                    || stack.variable(other),
                    |(_, value)| Some((*value).to_owned()),
                )
            }
        });
        let endpoint_url = format!("http://{address}");
        let aws = stack.environment_at(&endpoint_url).sdk_config(AWS_ATTEMPT);
        let app = App::new(
            Config::from_variables(&variables).expect("the variables"),
            &aws,
        )
        .expect("the files");
        Self {
            app: Arc::new(app),
            endpoint_url,
            stack,
            notifications,
            files,
            channels,
            config,
        }
    }

    /// What a repair of a service has to itself.
    pub fn lock_of(&self, service: &str) -> String {
        self.files.lock_of(service)
    }

    /// An incident of a service whose plan somebody has approved, and the message that says so.
    ///
    /// # Panics
    /// If the plan cannot be made, or not saved.
    pub async fn approved(&self, service: &str, playbook: &str) -> (Incident, Message) {
        self.approved_at(service, playbook, Timestamp::now()).await
    }

    /// The same with a decision of this time.
    ///
    /// # Panics
    /// If the plan cannot be made, or not saved.
    pub async fn approved_at(
        &self,
        service: &str,
        playbook: &str,
        now: Timestamp,
    ) -> (Incident, Message) {
        let alert = alert(service);
        let service = self
            .files
            .services
            .iter()
            .find(|known| known.name == service)
            .expect("in the registry");
        let plan = self
            .files
            .playbook(playbook)
            .expect("in the file")
            .plan(service, &std::collections::BTreeMap::new(), 1, Vec::new())
            .expect("a plan");
        let mut change: IncidentChange = opened(&alert, 0);
        change.propose(plan, now, SignedDuration::from_hours(4));
        let id = change.incident.approval.as_ref().expect("asked").id.clone();
        let pressed = Pressed {
            verdict: Verdict::Approve,
            by: Identity::Api("ada".into()),
            press: "1",
        };
        let keys = self.stack.signing_keys().await;
        let incident = change.incident.clone();
        let (decision, _) = keys.decide(incident, &id, &pressed, &self.channels, now);
        decision.answer.expect("pending");
        change.append(decision.change);
        let incident = self.stack.store.save(change).await.expect("saved");
        let plan_hash = incident
            .approval
            .as_ref()
            .expect("decided")
            .plan_hash
            .clone();
        let message = Message::RepairApproved {
            incident_id: incident.id.clone(),
            plan_hash,
        };
        (incident, message)
    }

    /// Hands the repair function a message that it handles to the end.
    ///
    /// # Panics
    /// If it does not.
    pub async fn run(&self, message: &Message) {
        let handled = self.app.handle(message, &delivery(), &Timestamp::now).await;
        handled.expect("handled");
    }

    /// The directory with the operator's files.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.config.path().to_owned()
    }
}

/// Answers as Lambda does for a synchronous invocation (API reference, `Invoke`).
async fn invoked(bridge: &bridge::App, request: &Request, fault: InjectedFault) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let killed = |mut headers: Vec<(String, String)>| {
        headers.push(("x-amz-function-error".to_owned(), "Unhandled".to_owned()));
        let body = json!({ "errorType": "Runtime.ExitError", "errorMessage": "signal: killed" });
        Answer {
            status: 200,
            headers,
            body: body.to_string().into_bytes(),
        }
    };
    match fault {
        InjectedFault::KilledBefore => return killed(headers),
        InjectedFault::Refused(status, error) => {
            let headers = vec![("x-amzn-errortype".to_owned(), error.to_owned())];
            return Answer {
                status,
                headers,
                body: json!({ "Message": "refused" }).to_string().into_bytes(),
            };
        }
        InjectedFault::Answered | InjectedFault::KilledAfter => {}
    }
    let reply = bridge
        .answer(serde_json::from_slice(&request.body).expect("JSON"))
        .await;
    if fault == InjectedFault::KilledAfter {
        return killed(headers);
    }
    Answer {
        status: 200,
        headers,
        body: serde_json::to_vec(&reply).expect("JSON"),
    }
}
