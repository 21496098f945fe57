//! The analyzer: gives a new incident its diagnosis and, where a playbook fits, a plan.

pub mod autonomy;
pub mod config;
mod diagnosis;
pub mod evidence;
pub mod finding;
mod gather;
mod models;
pub mod prompt;
pub mod providers;
mod reanalysis;
mod recurrence;
pub mod static_analyzer;
mod storms;
pub mod trace;

use std::time::Instant;

use aws::batch::Unhandled;
use aws::queue::{Queue, QueueError};
use aws::secrets::Secrets;
use aws_types::SdkConfig;
use domain::alert::Alert;
use domain::analysis::settings::TracingSettings;
use domain::episode::Advice;
use domain::incident::change::Draft;
use domain::incident::guardrail::names;
use domain::incident::{Incident, Status};
use domain::playbook::service;
use domain::policy::limits::Limits;
use domain::policy::precedent::Near;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use outbound::{self, NoClient};
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};
use reqwest::Client;
use settings::fault::{Faults, both};
use store::{Store, StoreError};
use thiserror::Error;
use tokio::sync::OnceCell;
use tracing::warn;
use wire::message::Message;

use crate::autonomy::{Known, Rules};
use crate::config::Config;
pub use crate::diagnosis::{Diagnosis, LEASE};
use crate::evidence::InvalidUrl;
use crate::evidence::prometheus::Prometheus;
use crate::evidence::signoz::Signoz;
use crate::models::{Model, models};
use crate::reanalysis::Occasion;
use crate::trace::{OtlpSettings, Span, SpanKind, Tracer};

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// No rule of the static analyzer is for the alert, which the check of the files excludes.
    #[error("static-rules.yaml has no rule for this type of alert")]
    NoRule,
    /// Another worker asks models about the incident.
    #[error("another worker asks models about it, until {until}")]
    Claimed {
        /// Until when at the latest.
        until: String,
    },
    /// The message is for somebody else.
    #[error("this message does not belong on the queue of incidents to be analysed")]
    Misdirected,
}

impl Unhandled for Failure {}

/// Why the function does not start.
#[derive(Debug, Error)]
pub enum NotStarted {
    /// The operator's files are wrong.
    #[error(transparent)]
    Files(#[from] Faults),
    /// A server's URL cannot be used.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// There is no client for the world outside AWS.
    #[error(transparent)]
    Client(#[from] NoClient),
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    store: Store,
    notifications: Queue,
    repairs: Queue,
    files: OperatorFiles,
    analyzer: AnalyzerFiles,
    limits: Limits,
    secrets: Secrets,
    http: Client,
    prometheus: Option<Prometheus>,
    signoz: Option<Signoz>,
    models: Vec<Model>,
    tracer: OnceCell<Tracer>,
    function_name: Option<String>,
    approval_ttl: SignedDuration,
    storm_limit: u32,
}

impl App {
    /// Reads the operator's files and builds the clients.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, NotStarted> {
        let of_repairs = both(OperatorFiles::load(&config.config_dir), limits(&config.config_dir));
        let ((files, limits), analyzer) = both(of_repairs, AnalyzerFiles::load(&config.config_dir))?;
        let http = outbound::client()?;
        let servers = &analyzer.settings.evidence;
        let prometheus = servers.prometheus.as_ref().map(|settings| Prometheus::new(settings, http.clone())).transpose()?;
        let signoz = servers.signoz.as_ref().map(|settings| Signoz::new(settings, http.clone())).transpose()?;
        let sqs = aws_sdk_sqs::Client::new(aws);
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(sqs.clone(), config.notifications_queue),
            repairs: Queue::new(sqs, config.repairs_queue),
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            models: models(&analyzer, &http, aws),
            tracer: OnceCell::new(),
            function_name: config.function_name,
            prometheus,
            signoz,
            http,
            files,
            analyzer,
            limits,
            approval_ttl: config.approval_ttl,
            storm_limit: config.storm_limit,
        })
    }

    /// Handles one message: `holder` is its id; nothing slow is begun after `until`. Seen twice, it finds the work done and only tells the
    /// notifier again.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, holder: &str, now: Timestamp, until: Instant) -> Result<(), Failure> {
        let handled = match message {
            Message::IncidentOpened { incident_id } => self.incident_opened(incident_id, holder, now, until).await,
            Message::AnalysisAsked { incident_id, round } => self.analysis_asked(incident_id, *round, holder, now, until).await,
            _ => return Err(Failure::Misdirected),
        };
        // Behind what people wait for, and before the answer: a frozen function sends nothing.
        if let Some(tracer) = self.tracer.get() {
            tracer.flush().await;
        }
        handled
    }

    async fn incident_opened(&self, id: &IncidentId, holder: &str, now: Timestamp, until: Instant) -> Result<(), Failure> {
        let incident = self.count_recurrence(self.store.known_incident(id).await?, now).await?;
        match self.storm_for(&incident, now).await? {
            Some(storm) => self.tie(&incident, &storm, holder, now, until).await,
            None => self.analyse(incident, holder, now, until).await.map(drop),
        }
    }

    async fn analyse(&self, mut incident: Incident, holder: &str, now: Timestamp, until: Instant) -> Result<Incident, Failure> {
        // Before it looks around: of two incidents of one moment, one at least sees the other.
        let remembered = self.remember(&incident).await;
        if incident.analysis.is_none() && incident.status == Status::Open {
            let began = Instant::now();
            let (diagnosis, span) = Box::pin(self.diagnose(&incident, Occasion::Opened, holder, now, until)).await?;
            // A model takes its time: a freeze may have begun by now, and people decide from now on.
            let now = now + began.elapsed();
            let mut decision = span.child("decide", SpanKind::Internal);
            let known = autonomy::gather(&self.store, &self.files, &self.limits, &incident.alert, now).await;
            let rules = self.rules(&known);
            (incident, ()) = self.store.change_loaded(incident, |draft| decide(draft, &diagnosis, rules, now)).await?;
            tell(&mut decision, &incident);
            decision.end();
            span.end();
        }
        if let Some(advice) = Advice::of(&incident) {
            self.store.advise(&incident.fingerprint, &incident.id, &advice).await?;
        }
        // After the save, with the decision in the log, and after the advice, which repair replaces if it stops the plan. A message seen
        // twice sends again; repair acts once.
        self.repairs.send_repair(&incident).await?;
        self.notifications.send(&Message::IncidentChanged { incident_id: incident.id.clone() }).await?;
        // Last, so that nobody waits for it: the message comes again, finds the analysis done, and remembers. With a gap in the lists, memory
        // would conclude from older incidents what this one may speak against.
        remembered?;
        Ok(incident)
    }

    /// By what it is decided, with what the store says.
    fn rules<'a>(&'a self, known: &'a Known) -> Rules<'a> {
        Rules { files: &self.files, limits: &self.limits, known, approval_ttl: self.approval_ttl }
    }

    /// Puts an incident on the lists by which others find it. A storm repeats no fingerprint and is on no target.
    async fn remember(&self, incident: &Incident) -> Result<(), StoreError> {
        if incident.storm.is_some() {
            return Ok(());
        }
        self.store.remember(incident, &self.near(&incident.alert)).await
    }

    /// What other incidents have to share with an alert to stand near it.
    fn near(&self, alert: &Alert) -> Near {
        let service = service::find(&self.files.services, alert);
        Near::of(alert, service.map(|service| (service.name.as_str(), service.redundancy_group.as_deref())))
    }

    /// What records spans. Its headers are a secret, which is read when the first spans are recorded.
    async fn tracer(&self) -> &Tracer {
        self.tracer
            .get_or_init(|| async {
                let otlp = match &self.analyzer.settings.tracing {
                    None => Ok(None),
                    Some(settings) => self.otlp(settings).await.map(Some),
                };
                let otlp = otlp.unwrap_or_else(|why| {
                    warn!(error = why, "there are no traces until the function starts anew");
                    None
                });
                Tracer::new(otlp, self.http.clone())
            })
            .await
    }

    async fn otlp(&self, settings: &TracingSettings) -> Result<OtlpSettings, String> {
        let headers = self.key(settings.headers_secret.as_deref()).await?;
        OtlpSettings::new(&settings.otlp_url, headers.as_ref(), self.function_name.clone())
    }
}

/// Writes into a span what was decided.
fn tell(span: &mut Span, incident: &Incident) {
    span.set("quell.incident.status", incident.status.as_str());
    if let Some(plan) = &incident.plan {
        span.set("quell.playbook", plan.playbook.clone());
        span.set("quell.plan.hash", plan.hash());
        span.set("quell.plan.score", i64::from(plan.score));
        span.set("quell.guardrails.blocking", names(&incident.guardrails));
    }
}

/// Takes over a diagnosis, if the incident is open and has none, and proposes a plan where a playbook fits: the guardrails decide whether
/// it runs by itself or a human is asked (`human-or-guardrails`). Which plan that is depends on the alert and the operator's files alone:
/// no word of a model has a part in it (`no-words-executed`).
pub fn decide(draft: &mut Draft, diagnosis: &Diagnosis, rules: Rules<'_>, now: Timestamp) {
    if draft.incident.analysis.is_some() || draft.incident.status != Status::Open {
        return;
    }
    draft.analysed(diagnosis.analysis.clone(), diagnosis.evidence.clone(), now);
    if draft.incident.storm.is_some() {
        draft.incident.no_plan_because = Some("no playbook repairs a storm".to_owned());
        return;
    }
    match autonomy::planned(draft, rules, now) {
        Ok(plan) => autonomy::propose(draft, plan, rules, now),
        Err(why) => draft.incident.no_plan_because = Some(why),
    }
}

#[cfg(test)]
mod injection_tests;

#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
