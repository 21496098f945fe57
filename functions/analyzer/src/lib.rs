//! The analyzer: gives a new incident its diagnosis and, where a playbook fits, a plan.

pub mod config;
pub mod finding;
pub mod providers;
pub mod static_analyzer;
mod storms;
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
use shared::domain::matching::{Choice, choose};
use shared::domain::service;
use shared::fault::Faults;
use shared::message::Message;
use shared::operator_files::OperatorFiles;
use shared::queue::{Queue, QueueError};
use shared::store::{Store, StoreError};
use thiserror::Error;

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
    files: OperatorFiles,
    analyzer: AnalyzerFiles,
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
        let (files, analyzer) = match (OperatorFiles::load(&config.config_dir), AnalyzerFiles::load(&config.config_dir)) {
            (Ok(files), Ok(analyzer)) => (files, analyzer),
            (files, analyzer) => {
                return Err(Faults([files.err(), analyzer.err()].into_iter().flatten().flat_map(|faults| faults.0).collect()));
            }
        };
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(aws_sdk_sqs::Client::new(aws), config.notifications_queue),
            files,
            analyzer,
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
        let decide = |draft: &mut Draft| decide(draft, diagnosis.clone(), &self.files, self.approval_ttl, now);
        let (incident, ()) = self.store.change(&incident.id, decide).await?;
        if let Some(advice) = advice(&incident) {
            self.store.advise(&incident.fingerprint, &incident.id, &advice).await?;
        }
        self.notifications.send(&Message::IncidentChanged { incident_id: incident.id.clone() }).await?;
        Ok(incident)
    }
}

/// Takes over a diagnosis, if the incident is open and has none, and proposes a plan where a playbook fits. Which plan that is depends on
/// the alert and the operator's files alone: no word of a model has a part in it (`no-words-executed`).
///
/// Every repair is proposed to a human: the guardrails under which one may run by itself are not built yet, and without
/// them `human-or-guardrails` leaves only the human.
fn decide(draft: &mut Draft, diagnosis: Diagnosis, files: &OperatorFiles, approval_ttl: SignedDuration, now: Timestamp) {
    if draft.incident.analysis.is_some() || draft.incident.status != Status::Open {
        return;
    }
    draft.analysed(diagnosis.analysis, diagnosis.evidence, now);
    if draft.incident.storm.is_some() {
        draft.incident.no_plan_because = Some("no playbook repairs a storm".to_owned());
        return;
    }
    let alert = draft.incident.alert.clone();
    match choose(&files.playbooks, &alert, service::find(&files.services, &alert)) {
        Choice::Plan(plan) => draft.propose(*plan, now, approval_ttl),
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
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use shared::analyzer_files::AnalyzerFiles;
    use shared::domain::alert::{AlertStatus, Texts};
    use shared::domain::draft::Draft;
    use shared::domain::episode::Firing;
    use shared::domain::fingerprint::fingerprint;
    use shared::domain::id::{IncidentId, MemberId};
    use shared::domain::incident::Status;
    use shared::domain::tables::AlertTables;
    use shared::operator_files::OperatorFiles;

    use super::{Diagnosis, decide, static_analyzer};

    fn opened(component: &str) -> Draft {
        let labels: Texts = [("alertname", "TargetDown"), ("component", component)].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let member = MemberId::try_from("m1").expect("a member id");
        let alert = AlertTables::default().alert(AlertStatus::Firing, "alertmanager", labels, Texts::new(), Timestamp::UNIX_EPOCH, member);
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
        let fingerprint = fingerprint(&alert, &[]);
        let firing = Firing::of(&alert);
        Draft::open(id, fingerprint, alert, &firing, Timestamp::UNIX_EPOCH)
    }

    fn decided(component: &str) -> Draft {
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        let files = OperatorFiles::load(&shipped).expect("the files that ship with the project");
        let rules = AnalyzerFiles::load(&shipped).expect("the files that ship with the project").rules;
        let mut draft = opened(component);
        let alert = draft.incident.alert.clone();
        let analysis = static_analyzer::analyse(rules.rule(&alert, false).expect("a rule"), &alert, None);
        let diagnosis = Diagnosis { analysis, evidence: vec![] };
        decide(&mut draft, diagnosis.clone(), &files, SignedDuration::from_hours(1), Timestamp::UNIX_EPOCH);
        let again = draft.clone();
        decide(&mut draft, diagnosis, &files, SignedDuration::from_hours(1), Timestamp::UNIX_EPOCH);
        assert_eq!(draft, again, "a second delivery decides nothing");
        draft
    }

    #[test]
    fn a_known_service_gets_a_plan_that_waits_for_a_human() {
        let incident = decided("checkout-web").incident;
        assert_eq!(incident.status, Status::AwaitingApproval);
        assert_eq!(incident.plan.expect("a plan").playbook, "restart-supervisor-program");
    }

    #[test]
    fn an_unknown_service_is_analysed_and_left_to_a_human() {
        let incident = decided("nobody-knows").incident;
        assert_eq!(incident.status, Status::NeedsHuman);
        assert!(incident.analysis.is_some() && incident.plan.is_none() && incident.no_plan_because.is_some());
    }
}
