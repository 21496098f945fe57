//! The analyzer: gives a new incident its diagnosis and, where a playbook fits, a plan.

pub mod autonomy;
pub mod config;
pub mod evidence;
pub mod finding;
pub mod providers;
pub mod redaction;
pub mod static_analyzer;
mod storms;
pub mod trace;
mod visible;

use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use shared::analyzer_files::AnalyzerFiles;
use shared::domain::alert::cut;
use shared::domain::analysis::Analysis;
use shared::domain::draft::Draft;
use shared::domain::episode::Advice;
use shared::domain::evidence::Evidence;
use shared::domain::incident::{Incident, Status};
use shared::domain::limits::Limits;
use shared::domain::matching::{Choice, choose};
use shared::domain::service;
use shared::fault::{Faults, both};
use shared::message::Message;
use shared::operator_files::{OperatorFiles, limits};
use shared::queue::{Queue, QueueError};
use shared::store::{Store, StoreError};
use thiserror::Error;

use crate::autonomy::Rules;
use crate::config::Config;

/// How long the advice on the episode may be: the episode's item stays under 1 KB.
const ADVICE_CHARACTERS: usize = 120;

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
    /// The message is for somebody else.
    #[error("this message does not belong on the queue of new incidents")]
    Misdirected,
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
    approval_ttl: SignedDuration,
    storm_limit: u32,
}

/// What was found out about an incident, and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The finding.
    pub analysis: Analysis,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

impl App {
    /// Reads the operator's files and builds the clients.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, Faults> {
        let of_repairs = both(OperatorFiles::load(&config.config_dir), limits(&config.config_dir));
        let ((files, limits), analyzer) = both(of_repairs, AnalyzerFiles::load(&config.config_dir))?;
        let sqs = aws_sdk_sqs::Client::new(aws);
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(sqs.clone(), config.notifications_queue),
            repairs: Queue::new(sqs, config.repairs_queue),
            files,
            analyzer,
            limits,
            approval_ttl: config.approval_ttl,
            storm_limit: config.storm_limit,
        })
    }

    /// Handles one message: `holder` is its id. Seen twice, it finds the work done and only tells the notifier again.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, holder: &str, now: Timestamp) -> Result<(), Failure> {
        let Message::IncidentOpened { incident_id } = message else { return Err(Failure::Misdirected) };
        let incident = self.store.known_incident(incident_id).await?;
        match self.storm_for(&incident, now).await? {
            Some(storm) => self.tie(&incident, &storm, holder, now).await,
            None => self.analyse(&incident, holder, now).await.map(drop),
        }
    }

    async fn analyse(&self, incident: &Incident, _holder: &str, now: Timestamp) -> Result<Incident, Failure> {
        let service = service::find(&self.files.services, &incident.alert);
        let rule = self.analyzer.rules.rule(&incident.alert, incident.storm.is_some()).ok_or(Failure::NoRule)?;
        let diagnosis = Diagnosis { analysis: static_analyzer::analyse(rule, &incident.alert, service), evidence: Vec::new() };
        let readings = autonomy::gather(&self.store, &self.files, &incident.alert).await;
        let rules = Rules { files: &self.files, limits: &self.limits, readings: &readings, approval_ttl: self.approval_ttl };
        let (incident, ()) = self.store.change(&incident.id, |draft| decide(draft, &diagnosis, rules, now)).await?;
        // After the save: the decision is in the log before anything can run. A message seen twice sends again; repair acts once.
        self.repairs.send_repair(&incident).await?;
        if let Some(advice) = advice(&incident) {
            self.store.advise(&incident.fingerprint, &incident.id, &advice).await?;
        }
        self.notifications.send(&Message::IncidentChanged { incident_id: incident.id.clone() }).await?;
        Ok(incident)
    }
}

/// Takes over a diagnosis, if the incident is open and has none, and proposes a plan where a playbook fits: the guardrails decide whether
/// it runs by itself or a human is asked (`human-or-guardrails`). Which plan that is depends on the alert and the operator's files alone:
/// no word of a model has a part in it (`no-words-executed`).
fn decide(draft: &mut Draft, diagnosis: &Diagnosis, rules: Rules<'_>, now: Timestamp) {
    if draft.incident.analysis.is_some() || draft.incident.status != Status::Open {
        return;
    }
    draft.analysed(diagnosis.analysis.clone(), diagnosis.evidence.clone(), now);
    if draft.incident.storm.is_some() {
        draft.incident.no_plan_because = Some("no playbook repairs a storm".to_owned());
        return;
    }
    let alert = draft.incident.alert.clone();
    match choose(&rules.files.playbooks, &alert, service::find(&rules.files.services, &alert)) {
        Choice::Plan(plan) => autonomy::propose(draft, *plan, rules, now),
        Choice::None(why) => draft.incident.no_plan_because = Some(why),
    }
}

fn advice(incident: &Incident) -> Option<Advice> {
    let analysis = incident.analysis.as_ref()?;
    Some(Advice {
        approval_id: incident.approval.as_ref().map(|approval| approval.id.to_string()),
        risk_level: analysis.risk.as_str().to_owned(),
        suggested_action: cut(&analysis.suggested_action, ADVICE_CHARACTERS),
    })
}

#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
