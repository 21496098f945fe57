//! The analyzer: gives a new incident its diagnosis and, where a playbook fits, a plan.

pub mod config;
pub mod static_analyzer;

use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use shared::domain::alert::cut;
use shared::domain::draft::Draft;
use shared::domain::episode::Advice;
use shared::domain::incident::{Incident, Status};
use shared::domain::matching::{Choice, choose};
use shared::domain::service;
use shared::message::Message;
use shared::operator_files::{Faults, OperatorFiles};
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
    approval_ttl: SignedDuration,
}

impl App {
    /// Reads the operator's files and builds the clients.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, Faults> {
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(aws_sdk_sqs::Client::new(aws), config.notifications_queue),
            files: OperatorFiles::load(&config.config_dir)?,
            approval_ttl: config.approval_ttl,
        })
    }

    /// Handles one message. Seen twice, it finds the analysis there and only tells the notifier again.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, now: Timestamp) -> Result<(), Failure> {
        let Message::IncidentOpened { incident_id } = message else { return Err(Failure::Misdirected) };
        let (incident, ()) = self.store.change(incident_id, |draft| decide(draft, &self.files, self.approval_ttl, now)).await?;
        if let Some(advice) = advice(&incident) {
            self.store.advise(&incident.fingerprint, &incident.id, &advice).await?;
        }
        self.notifications.send(&Message::IncidentChanged { incident_id: incident.id }).await?;
        Ok(())
    }
}

/// Analyses an incident that is open and not analysed, and proposes a plan where a playbook fits.
///
/// Every repair is proposed to a human: the guardrails under which one may run by itself are not built yet, and without
/// them `human-or-guardrails` leaves only the human.
fn decide(draft: &mut Draft, files: &OperatorFiles, approval_ttl: SignedDuration, now: Timestamp) {
    if draft.incident.analysis.is_some() || draft.incident.status != Status::Open {
        return;
    }
    let alert = draft.incident.alert.clone();
    let service = service::find(&files.services, &alert);
    draft.analysed(static_analyzer::analyse(&alert, service), now);
    match choose(&files.playbooks, &alert, service) {
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
    use shared::domain::alert::{Alert, AlertStatus, Texts};
    use shared::domain::draft::Draft;
    use shared::domain::fingerprint::fingerprint;
    use shared::domain::id::{IncidentId, MemberId};
    use shared::domain::incident::Status;
    use shared::operator_files::OperatorFiles;

    use super::decide;

    fn opened(component: &str) -> Draft {
        let labels: Texts = [("alertname", "TargetDown"), ("component", component)].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let member = MemberId::try_from("m1").expect("a member id");
        let alert = Alert::from_labels(AlertStatus::Firing, "alertmanager", labels, Texts::new(), Timestamp::UNIX_EPOCH, member);
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
        let fingerprint = fingerprint(&alert, &[]);
        Draft::open(id, fingerprint, alert, 1, Timestamp::UNIX_EPOCH)
    }

    fn decided(component: &str) -> Draft {
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        let files = OperatorFiles::load(&shipped).expect("the files that ship with the project");
        let mut draft = opened(component);
        decide(&mut draft, &files, SignedDuration::from_hours(1), Timestamp::UNIX_EPOCH);
        let again = draft.clone();
        decide(&mut draft, &files, SignedDuration::from_hours(1), Timestamp::UNIX_EPOCH);
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
