//! Analyzer for tests: with models, prices and a day of its own, against the deployed table.

use std::time::{Duration, Instant};

use analyzer::{App, Failure};
use domain::alert::Alert;
use domain::analysis::Analysis;
use domain::analysis::budget::Spending;
use domain::analysis::price::MicroUsd;
use domain::incident::Incident;
use domain::incident::operation_log::{Entry, Event};
use domain::primitives::time::utc_day;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::message::Message;

use crate::alert::unique;
use crate::model_server::{ModelServer, USAGE};
use crate::opened::{opened, own_day};
use crate::own_queue::OwnQueue;
use crate::stack::Stack;

/// The longest that a story lets the analyzer begin something.
const PATIENCE: Duration = Duration::from_secs(60);
/// What models cost here. What is sent is free, so that the worst price of a call is that of the longest answer, whatever is asked.
const PRICES: &str =
    "[{ model: test-model, input_usd_per_million: 0, output_usd_per_million: 100 }]";
/// The most tokens of an answer.
const MOST_TOKENS: u64 = 1000;
/// The price of a call at worst, in micro-dollars.
pub const WORST: MicroUsd = 100 * MOST_TOKENS;
/// The price of a call that is answered, in micro-dollars.
pub const PRICE: MicroUsd = 100 * USAGE.output;

/// Settings with which these models are asked.
#[must_use]
pub fn asking(models: &[(&str, &ModelServer)]) -> Value {
    let provider = |(name, server): &(&str, &ModelServer)| json!({ "name": name, "api": "openai", "base_url": server.base_url(), "model": "test-model", "max_output_tokens": MOST_TOKENS });
    json!({ "providers": models.iter().map(provider).collect::<Vec<_>>(), "budget": { "day_usd": 100, "incident_usd": 10 } })
}

/// The stack's files of an operator, with other settings of the analyzer.
///
/// # Panics
/// If they cannot be written.
#[must_use]
pub fn files(stack: &Stack, settings: &Value) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for file in std::fs::read_dir(&stack.facts.target.config_dir).expect("the files") {
        let file = file.expect("a file");
        // The directory with the templates is for the notifier.
        if file.path().is_dir() {
            continue;
        }
        std::fs::copy(file.path(), directory.path().join(file.file_name())).expect("copied");
    }
    // Each language of a channel makes a finding, and what is reserved for it, larger: the budgets of the stories are for one.
    let channels = stack.facts.target.config_dir.join("channels.json");
    let channels = std::fs::read_to_string(channels).expect("the stack's file");
    let mut channels: Value = serde_json::from_str(&channels).expect("JSON");
    for channel in channels["channels"].as_array_mut().into_iter().flatten() {
        channel
            .as_object_mut()
            .map(|channel| channel.remove("language"));
    }
    for (name, text) in [
        ("channels.json", channels.to_string()),
        ("analyzer.yaml", settings.to_string()),
        ("model-prices.yaml", PRICES.to_owned()),
    ] {
        std::fs::write(directory.path().join(name), text).expect("written");
    }
    directory
}

/// An analyzer with settings of its own, on a day of its own, whose notifications nobody takes but the story.
#[derive(Debug)]
pub struct Story {
    pub stack: Stack,
    /// Where the analyzer tells of changes.
    pub notifications: OwnQueue,
    /// A moment of a day on which no other story spends.
    pub now: Timestamp,
    files: TempDir,
}

impl Story {
    /// A story with these settings of the analyzer.
    ///
    /// # Panics
    /// If there is no stack.
    pub async fn with(settings: &Value) -> Self {
        let stack = Stack::start();
        let (files, notifications) = (files(&stack, settings), OwnQueue::create(&stack).await);
        Self {
            stack,
            notifications,
            now: own_day(),
            files,
        }
    }

    /// Puts another file, or one in place of the stack's, before workers that start from now on.
    ///
    /// # Panics
    /// If it is not written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.files.path().join(name);
        let directory = path.parent().expect("a directory");
        std::fs::create_dir_all(directory).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// A worker.
    ///
    /// # Panics
    /// If the settings are wrong.
    #[must_use]
    pub fn analyzer(&self) -> App {
        let directory = self.files.path().to_str().expect("text");
        // What other stories open in the same minute is no storm of this one.
        let changed = [
            ("CONFIG_DIR", directory),
            ("NOTIFICATIONS_QUEUE_URL", &self.notifications.url),
            ("STORM_INCIDENTS_PER_MINUTE", "0"),
        ];
        self.stack.analyzer(&changed)
    }

    /// A new incident.
    ///
    /// # Panics
    /// If it is not saved.
    pub async fn opened(&self, alert: &Alert) -> Incident {
        self.stack
            .store
            .save(opened(alert, 0))
            .await
            .expect("saved")
    }

    /// Hands a worker the message of a new incident.
    ///
    /// # Errors
    /// As the analyzer.
    pub async fn handle(
        &self,
        app: &App,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let message = Message::IncidentOpened {
            incident_id: incident.id.clone(),
        };
        Box::pin(app.handle(&message, &unique("message"), now, Instant::now() + PATIENCE)).await
    }

    /// Hands a worker the message of a new analysis.
    ///
    /// # Errors
    /// As the analyzer.
    pub async fn handle_doubt(
        &self,
        app: &App,
        incident: &Incident,
        round: u32,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let message = Message::AnalysisAsked {
            incident_id: incident.id.clone(),
            round,
        };
        Box::pin(app.handle(&message, &unique("message"), now, Instant::now() + PATIENCE)).await
    }

    /// The analysis of a new incident.
    ///
    /// # Panics
    /// If there is none.
    pub async fn analysed(&self, app: &App, incident: &Incident) -> Analysis {
        self.handle(app, incident, self.now).await.expect("handled");
        self.analysis(incident).await
    }

    /// The analysis of an incident.
    ///
    /// # Panics
    /// If there is none.
    pub async fn analysis(&self, incident: &Incident) -> Analysis {
        self.stack
            .read(&incident.id)
            .await
            .analysis
            .expect("analysed")
    }

    /// The log of an incident that is analysed.
    ///
    /// # Panics
    /// If it is not, or the chain is broken.
    pub async fn log(&self, incident: &Incident) -> Vec<Entry> {
        self.stack
            .log_with(incident.id.as_str(), Event::AnalysisCompleted)
            .await
    }

    /// What the models have cost on the story's day.
    ///
    /// # Panics
    /// If the table does not answer.
    pub async fn spending(&self) -> Spending {
        self.stack
            .store
            .spending(utc_day(self.now))
            .await
            .expect("the figures")
    }
}

/// What happened, in order.
#[must_use]
pub fn events(log: &[Entry]) -> Vec<Event> {
    log.iter().map(|entry| entry.event).collect()
}

/// A new secret in Secrets Manager: its name.
///
/// # Panics
/// If it is not made.
pub async fn secret(stack: &Stack, value: &str) -> String {
    let name = unique("quell/analyzer/test");
    stack.create_secret(&name, value).await;
    name
}
