//! The local stack: the real template deployed to the embedded AWS, with a chat and a host to
//! repair.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws::AwsEnvironment;
use aws_types::SdkConfig;

use domain::incident::operation_log::{self, Entry, Event};
use domain::incident::{Incident, Status};
use domain::primitives::id::{Fingerprint, IncidentId};
use playbook_files::operator_files::OperatorFiles;
use reqwest::{Client, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settings::variables::Variables;
use store::{ControlTable, Store};

use crate::alert::TestAlert;

/// How long a stage may take before a story gives up. Generous: these machines are slow and busy, and no story measures.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `python -m infra.local up` says about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    /// The API's base URL.
    pub api_url: String,
    /// Where the embedded AWS answers.
    pub endpoint_url: String,
    pub region: String,
    /// Credentials that may do everything.
    pub access_key_id: String,
    pub secret_access_key: String,
    pub outputs: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
    /// People's tokens for the approvals API, by name; of some who may not decide by it, too.
    pub tokens: BTreeMap<String, String>,
    /// People's tokens with the right to administer alone.
    pub administrators: BTreeMap<String, String>,
    /// The functions' variables, as `sam local invoke --env-vars` takes them.
    pub sam_env_file: PathBuf,
    pub telegram: Telegram,
    /// The other chat, where nothing is told before a story's own file says so.
    pub slack: Slack,
    pub target: Target,
}

impl Facts {
    /// Where the embedded AWS is and who may do everything there, in the variables of AWS's SDKs.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint_url),
            ("AWS_REGION", &self.region),
            ("AWS_ACCESS_KEY_ID", &self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret_access_key),
        ]
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Telegram {
    /// Where its Bot API answers.
    pub base_url: String,
    /// Where it is controlled.
    pub control_url: String,
    pub token: String,
    /// The chat of the cards.
    pub chat_id: i64,
    pub approver_id: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slack {
    /// Where its Web API answers.
    pub base_url: String,
    /// Where it is controlled.
    pub control_url: String,
    pub token: String,
    /// The name of the secret with it.
    pub token_secret: String,
    /// With what it signs presses.
    pub signing_secret: String,
    pub channel_id: String,
    /// The one who presses, if nobody else is named.
    pub user_id: String,
    /// Everybody in the channel.
    pub user_ids: Vec<String>,
}

/// The host to repair.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// The name of its service in the registry, which asks for approval.
    pub service: String,
    /// The name of the same service as one that is repaired without a human (level auto).
    pub auto_service: String,
    /// Where the service answers when it is well.
    pub health_url: String,
    /// The directory with the operator's files.
    pub config_dir: PathBuf,
    /// The key with which the bridge logs in.
    pub private_key_file: PathBuf,
    pub supervisor_conf: PathBuf,
}

/// A running stack. One that this process started ends with it.
#[derive(Debug)]
pub struct Stack {
    pub facts: Facts,
    pub http: Client,
    pub store: Store,
    pub control: ControlTable,
    child: Option<Child>,
}

impl Stack {
    /// The stack of this test among those that `make test` has started, else one of this process's own.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the harness is a main of its own"
    )]
    pub fn start() -> Self {
        let Some(files) = std::env::var_os("QUELL_STACK") else {
            return Self::start_with(&[]);
        };
        // nextest numbers the tests that it runs at once. cargo's own runner does not, and runs one at a time.
        let slot = std::env::var("NEXTEST_TEST_GROUP_SLOT").map_or(0, |slot| {
            slot.parse().expect("a story is in the group `stack`")
        });
        let file = std::env::split_paths(&files).nth(slot).expect(
            "a stack for each story at once: `infra.local up --stacks` as in .config/nextest.toml",
        );
        Self::of(
            &std::fs::read_to_string(file).expect("a file that QUELL_STACK names"),
            None,
        )
    }

    /// A stack of this process's own, with further arguments of `infra.local up`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        let (facts, child) = up(arguments);
        Self::of(&facts, Some(child))
    }

    fn of(facts: &str, child: Option<Child>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let facts: Facts =
            serde_json::from_str(facts).expect("the line that `infra.local up` prints");
        let aws = environment(&facts, &facts.endpoint_url).sdk_config(PATIENCE);
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        let store = Store::new(dynamodb.clone(), facts.outputs["TableName"].clone());
        let control = ControlTable::new(dynamodb, facts.outputs["ControlTableName"].clone());
        let http = Client::builder()
            .timeout(PATIENCE)
            .build()
            .expect("an HTTP client");
        Self {
            facts,
            http,
            store,
            control,
            child,
        }
    }

    /// What a repair of one of the stack's services has to itself.
    ///
    /// # Panics
    /// If the stack's files have faults.
    #[must_use]
    pub fn lock_of(&self, service: &str) -> String {
        OperatorFiles::load(&self.facts.target.config_dir)
            .expect("the stack's files")
            .lock_of(service)
    }

    /// The configuration of AWS clients that may do everything.
    #[must_use]
    pub fn aws(&self) -> SdkConfig {
        self.environment().sdk_config(PATIENCE)
    }

    /// What a function on the stack is told about AWS.
    #[must_use]
    pub fn environment(&self) -> AwsEnvironment {
        environment(&self.facts, &self.facts.endpoint_url)
    }

    /// The same with another endpoint.
    #[must_use]
    pub fn environment_at(&self, endpoint_url: &str) -> AwsEnvironment {
        environment(&self.facts, endpoint_url)
    }

    /// A variable of a function, from the template's outputs and the harness's own choice.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        let output = match name {
            "TABLE_NAME" => "TableName",
            "CONTROL_TABLE_NAME" => "ControlTableName",
            "PEOPLE_REPAIR_KEY_ID" => "PeopleRepairKeyArn",
            "PEOPLE_BRIDGE_KEY_ID" => "PeopleBridgeKeyArn",
            "GUARDRAILS_REPAIR_KEY_ID" => "GuardrailsRepairKeyArn",
            "GUARDRAILS_BRIDGE_KEY_ID" => "GuardrailsBridgeKeyArn",
            "INCIDENTS_QUEUE_URL" => "IncidentsQueueUrl",
            "NOTIFICATIONS_QUEUE_URL" => "NotificationsQueueUrl",
            "REPAIRS_QUEUE_URL" => "RepairsQueueUrl",
            "SIGNALS_QUEUE_URL" => "SignalsQueueUrl",
            "WEBHOOK_SECRET_ID" => "WebhookSecretArn",
            "ALERTMANAGER_SECRET_ID" => "AlertmanagerSecretArn",
            "TELEGRAM_WEBHOOK_SECRET_ID" => "TelegramWebhookSecretArn",
            // The output names a host that not every machine resolves.
            "API_URL" => return Some(self.facts.api_url.clone()),
            "SLACK_SIGNING_SECRET_ID" => {
                return Some("quell/inbound/slack-signing-secret".to_owned());
            }
            "PAGERDUTY_WEBHOOK_SECRET_ID" => {
                return Some("quell/inbound/pagerduty-webhook-secret".to_owned());
            }
            "TELEGRAM_BOT_TOKEN_SECRET_ID" => "TelegramBotTokenArn",
            "ENVIRONMENT" => return Some("prod".to_owned()),
            "CONFIG_DIR" => return Some(self.facts.target.config_dir.display().to_string()),
            _ => return None,
        };
        self.facts.outputs.get(output).cloned()
    }

    /// Ingress in this process, against the deployed table and queues; `changed` replaces variables.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn ingress(&self, changed: &[(&str, &str)]) -> ingress::App {
        let variables = Variables::from_fn(|name| {
            let replaced = changed.iter().find(|(variable, _)| *variable == name);
            replaced.map_or_else(
                || self.variable(name),
                |(_, value)| Some((*value).to_owned()),
            )
        });
        let config = ingress::config::Config::from_variables(&variables).expect("the variables");
        ingress::App::new(config, &self.environment())
    }

    /// A URL of the API.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.facts.api_url)
    }

    /// Sends a body to a route as Alertmanager would.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn deliver(&self, body: &Value) -> Response {
        let request = self
            .http
            .post(self.url("webhooks/alertmanager"))
            .bearer_auth(&self.facts.secrets["alertmanager"]);
        request.json(body).send().await.expect("an answer")
    }

    /// Delivers one alert and gives the answer, which has to be a 200.
    ///
    /// # Panics
    /// If it is not.
    pub async fn deliver_one(&self, alert: &TestAlert) -> Value {
        let response = self.deliver(&alert.delivery()).await;
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// An incident as it is now.
    ///
    /// # Panics
    /// If there is none.
    pub async fn read(&self, id: &IncidentId) -> Incident {
        self.store.known_incident(id).await.expect("an incident")
    }

    /// Asserts that no alert of a fingerprint was counted.
    ///
    /// # Panics
    /// If one was.
    pub async fn assert_never_counted(&self, fingerprint: &Fingerprint) {
        let episode = self.store.episode(fingerprint).await;
        assert_eq!(episode.expect("the store answers"), None);
    }

    /// Waits until an incident is as wanted.
    ///
    /// # Panics
    /// If it does not come to that in time.
    pub async fn incident(&self, id: &str, wanted: impl Fn(&Incident) -> bool) -> Incident {
        let id = IncidentId::try_from(id).expect("an incident's id");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let incident = self
                .store
                .incident(&id)
                .await
                .expect("the store answers")
                .expect("the incident is there");
            if wanted(&incident) {
                return incident;
            }
            assert!(
                Instant::now() < deadline,
                "the incident stays {:?}: {incident:#?}",
                incident.status
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an incident has a status.
    pub async fn status(&self, id: &str, status: Status) -> Incident {
        self.incident(id, |incident| incident.status == status)
            .await
    }

    /// The operation log of an incident, once it holds an event; its chain has to verify.
    ///
    /// # Panics
    /// If the event does not come, or the chain is broken.
    pub async fn log_with(&self, id: &str, event: Event) -> Vec<Entry> {
        let id = IncidentId::try_from(id).expect("an incident's id");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let entries = self.store.log(&id).await.expect("the log");
            if entries.iter().any(|entry| entry.event == event) {
                self.verify(&id).await;
                return entries;
            }
            assert!(Instant::now() < deadline, "no {event:?} in {entries:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Checks the chain of an incident's log. The two reads are not one: a writer in between makes it try again.
    async fn verify(&self, id: &IncidentId) {
        let mut found = Ok(());
        for _ in 0..20 {
            let entries = self.store.log(id).await.expect("the log");
            let incident = self
                .store
                .incident(id)
                .await
                .expect("the store answers")
                .expect("the incident is there");
            found = operation_log::verify(id, &entries, &incident.log_head);
            if found.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the chain is broken: {found:?}");
    }

    /// The cards in the chat that are about an incident, each with its text, buttons and history. What stands below a card is none.
    ///
    /// # Panics
    /// If the stand-in does not answer.
    pub async fn cards(&self, id: &str) -> Vec<Value> {
        let messages = self
            .control(
                "messages",
                &json!({ "chat_id": self.facts.telegram.chat_id }),
            )
            .await;
        let all = messages["messages"].as_array().expect("a list").clone();
        let about = |message: &Value| {
            message["text"]
                .as_str()
                .is_some_and(|text| text.contains(id))
        };
        all.into_iter()
            .filter(|message| message["reply_to_message_id"].is_null() && about(message))
            .collect()
    }

    /// Waits until the one card of an incident shows a text.
    ///
    /// # Panics
    /// If there is another number of cards, or it does not show it in time.
    pub async fn card(&self, id: &str, text: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let cards = self.cards(id).await;
            assert!(cards.len() <= 1, "more than one card: {cards:#?}");
            if let Some(card) = cards.first().filter(|card| {
                card["text"]
                    .as_str()
                    .is_some_and(|shown| shown.contains(text))
            }) {
                return card.clone();
            }
            assert!(
                Instant::now() < deadline,
                "no card with {text:?}: {cards:#?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a press was answered, and gives what the person was told.
    ///
    /// # Panics
    /// If it is not answered in time.
    pub async fn pressed(&self, callback_query_id: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answers = self.control("callback_answers", &json!({})).await;
            let answers = answers["callback_answers"]
                .as_array()
                .expect("a list")
                .clone();
            if let Some(answer) = answers
                .iter()
                .find(|answer| answer["callback_query_id"] == callback_query_id)
            {
                return answer["text"].as_str().expect("a text").to_owned();
            }
            assert!(
                Instant::now() < deadline,
                "the press was not answered: {answers:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks the Telegram stand-in to do something.
    ///
    /// # Panics
    /// If it does not.
    pub async fn control(&self, action: &str, parameters: &Value) -> Value {
        let url = &self.facts.telegram.control_url;
        self.ask_stand_in(url, action, parameters).await
    }

    pub(crate) async fn ask_stand_in(&self, url: &str, action: &str, parameters: &Value) -> Value {
        let response = self
            .http
            .post(format!("{url}/{action}"))
            .json(parameters)
            .send()
            .await
            .expect("the stand-in answers");
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(status, 200, "{action}: {answer}");
        answer
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Its end of standard input closes: it stops what it has started, and then itself.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

#[must_use]
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the project's directory")
}

fn environment(facts: &Facts, endpoint_url: &str) -> AwsEnvironment {
    let variables = Variables::from_fn(|name| match name {
        "AWS_REGION" => Some(facts.region.clone()),
        "AWS_ACCESS_KEY_ID" => Some(facts.access_key_id.clone()),
        "AWS_SECRET_ACCESS_KEY" => Some(facts.secret_access_key.clone()),
        "AWS_ENDPOINT_URL" => Some(endpoint_url.to_owned()),
        _ => None,
    });
    AwsEnvironment::from_variables(&variables).expect("a region and credentials")
}

fn up(arguments: &[&str]) -> (String, Child) {
    let python = project().join(".venv/bin/python");
    assert!(
        python.exists(),
        "the local stack's Python tools are missing: run `make venv` once"
    );
    let mut child = Command::new(python)
        .args(["-m", "infra.local", "up", "--bootstraps", "target/debug"])
        .args(arguments)
        .current_dir(project())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its standard output");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    assert!(
        !line.is_empty(),
        "the local stack did not start: it says why above"
    );
    (line, child)
}

/// Looks until there is something.
///
/// # Panics
/// If it does not come.
pub async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
