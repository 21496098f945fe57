//! The analyzer: gives a new incident its diagnosis and, where a playbook fits, a plan.

pub mod autonomy;
pub mod config;
pub mod static_analyzer;

use std::time::Duration;

use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use shared::domain::alert::cut;
use shared::domain::analysis::Risk;
use shared::domain::draft::Draft;
use shared::domain::episode::{ADVICE_CHARACTERS, Advice};
use shared::domain::id::IncidentId;
use shared::domain::incident::{Incident, Status};
use shared::domain::limits::Limits;
use shared::domain::matching::{Choice, choose};
use shared::domain::{service, storm};
use shared::fault::{Faults, both};
use shared::message::Message;
use shared::operator_files::{OperatorFiles, limits};
use shared::queue::{Queue, QueueError, STORM_LOOKS_EVERY};
use shared::store::{Place, Store, StoreError, fresh_incident_id};
use thiserror::Error;

use crate::autonomy::Rules;
use crate::config::Config;

/// How often an incident's place is asked for again that met the transaction which begins its minute's storm.
const ATTEMPTS: u32 = 6;

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
    repairs: Queue,
    files: OperatorFiles,
    limits: Limits,
    approval_ttl: SignedDuration,
    storm_limit: u32,
}

impl App {
    /// Reads the operator's files and builds the clients.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, Faults> {
        let (files, limits) = both(OperatorFiles::load(&config.config_dir), limits(&config.config_dir))?;
        let sqs = aws_sdk_sqs::Client::new(aws);
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(sqs.clone(), config.notifications_queue),
            repairs: Queue::new(sqs, config.repairs_queue),
            files,
            limits,
            approval_ttl: config.approval_ttl,
            storm_limit: config.storm_limit,
        })
    }

    /// Handles one message. Seen twice, it finds the work done and only tells the notifier again.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, now: Timestamp) -> Result<(), Failure> {
        let Message::IncidentOpened { incident_id } = message else { return Err(Failure::Misdirected) };
        let incident = self.store.known_incident(incident_id).await?;
        match self.storm_for(&incident, now).await? {
            Some(storm) => self.tie(&incident, &storm, now).await,
            None => self.analyse(&incident, now).await.map(drop),
        }
    }

    /// The storm that an incident belongs to: the one that it is tied to, or the one of its minute, if that has more than enough.
    async fn storm_for(&self, incident: &Incident, now: Timestamp) -> Result<Option<IncidentId>, Failure> {
        if incident.tied_to.is_some() || incident.analysis.is_some() || incident.storm.is_some() || self.storm_limit == 0 {
            return Ok(incident.tied_to.clone());
        }
        let minute = storm::minute(incident.opened_at);
        for attempt in 0..ATTEMPTS {
            match self.place(minute, &incident.id, now).await {
                // The queue would bring the message back after minutes, with nobody told of the incident until then.
                Err(Failure::Store(StoreError::Conflict)) => tokio::time::sleep(Duration::from_millis(10 << attempt)).await,
                placed => return placed,
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn place(&self, minute: i64, incident: &IncidentId, now: Timestamp) -> Result<Option<IncidentId>, Failure> {
        match self.store.place(minute, incident, self.storm_limit, now).await? {
            Place::Alone => Ok(None),
            Place::InStorm(Some(storm)) => Ok(Some(storm)),
            Place::InStorm(None) => self.storm_of(minute, now).await.map(Some),
        }
    }

    /// Gives a minute its storm: that of the minute before, while it lasts, else a new one.
    async fn storm_of(&self, minute: i64, now: Timestamp) -> Result<IncidentId, Failure> {
        let before = match self.store.storm_of_minute(minute - 1).await? {
            Some(storm) => self.store.incident(&storm).await?.filter(Incident::is_open),
            None => None,
        };
        let begun = match before {
            Some(storm) => self.store.continue_storm(minute, &storm.id).await.map(|()| storm.id),
            None => {
                let draft = Draft::storm(fresh_incident_id(now), minute, u64::from(self.storm_limit), now);
                self.store.begin_storm(minute, draft).await.map(|storm| storm.id)
            }
        };
        match begun {
            // Somebody else gave it one in between.
            Err(StoreError::Conflict) => {
                let storm = self.store.storm_of_minute(minute).await?;
                storm.ok_or(Failure::Store(StoreError::Conflict))
            }
            begun => Ok(begun?),
        }
    }

    /// Ties an incident to a storm, which gets its analysis from whoever comes first.
    async fn tie(&self, incident: &Incident, storm: &IncidentId, now: Timestamp) -> Result<(), Failure> {
        let mut of_storm = self.store.known_incident(storm).await?;
        if of_storm.analysis.is_none() {
            of_storm = self.analyse(&of_storm, now).await?;
        }
        let seen_before = incident.tied_to.is_some();
        if !seen_before {
            self.store
                .change(&incident.id, |draft| {
                    if draft.incident.tied_to.is_none() {
                        draft.tie(storm, now)
                    }
                })
                .await?;
        }
        let suggested_action = cut(&format!("part of a storm: see incident {storm}"), ADVICE_CHARACTERS);
        let risk = of_storm.analysis.map_or(Risk::Critical, |analysis| analysis.risk);
        let advice = Advice { approval_id: None, risk_level: risk.as_str().to_owned(), suggested_action };
        self.store.advise(&incident.fingerprint, &incident.id, &advice).await?;
        // One look shows all that was tied until then. A message that comes again may be the one whose look got lost.
        if self.store.mark_storm(storm, now).await? || seen_before {
            self.notifications.send_later(&Message::IncidentChanged { incident_id: storm.clone() }, STORM_LOOKS_EVERY).await?;
        }
        Ok(())
    }

    async fn analyse(&self, incident: &Incident, now: Timestamp) -> Result<Incident, Failure> {
        let readings = autonomy::gather(&self.store, &self.files, &incident.alert).await;
        let rules = Rules { files: &self.files, limits: &self.limits, readings: &readings, approval_ttl: self.approval_ttl };
        let (incident, ()) = self.store.change(&incident.id, |draft| decide(draft, rules, now)).await?;
        if let Some(advice) = Advice::of(&incident) {
            self.store.advise(&incident.fingerprint, &incident.id, &advice).await?;
        }
        // After the save, with the decision in the log, and after the advice, which repair replaces if it stops the plan. A message seen
        // twice sends again; repair acts once.
        self.repairs.send_repair(&incident).await?;
        self.notifications.send(&Message::IncidentChanged { incident_id: incident.id.clone() }).await?;
        Ok(incident)
    }
}

/// Analyses an incident that is open and not analysed, and proposes a plan where a playbook fits: the guardrails decide whether it runs
/// by itself or a human is asked (`human-or-guardrails`).
fn decide(draft: &mut Draft, rules: Rules<'_>, now: Timestamp) {
    if draft.incident.analysis.is_some() || draft.incident.status != Status::Open {
        return;
    }
    let alert = draft.incident.alert.clone();
    let service = service::find(&rules.files.services, &alert);
    if draft.incident.storm.is_some() {
        draft.analysed(static_analyzer::storm(&alert), now);
        draft.incident.no_plan_because = Some("no playbook repairs a storm".to_owned());
        return;
    }
    draft.analysed(static_analyzer::analyse(&alert, service), now);
    match choose(&rules.files.playbooks, &alert, service) {
        Choice::Plan(plan) => autonomy::propose(draft, *plan, rules, now),
        Choice::None(why) => draft.incident.no_plan_because = Some(why),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use shared::domain::alert::{AlertStatus, Texts};
    use shared::domain::draft::Draft;
    use shared::domain::episode::Firing;
    use shared::domain::fingerprint::fingerprint;
    use shared::domain::guardrail::{Guardrail, blocking};
    use shared::domain::id::{IncidentId, MemberId};
    use shared::domain::incident::{Incident, Status};
    use shared::domain::ledger::{GroupLedger, Readings, TargetLedger};
    use shared::domain::operation_log::Event;
    use shared::domain::record::PlaybookRecord;
    use shared::domain::service::Level;
    use shared::domain::tables::AlertTables;
    use shared::operator_files::{OperatorFiles, limits};

    use super::decide;
    use crate::autonomy::Rules;

    fn opened(component: &str) -> Draft {
        let labels: Texts = [("alertname", "TargetDown"), ("component", component)].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let member = MemberId::try_from("m1").expect("a member id");
        let alert = AlertTables::default().alert(AlertStatus::Firing, "alertmanager", labels, Texts::new(), Timestamp::UNIX_EPOCH, member);
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
        let fingerprint = fingerprint(&alert, &[]);
        let firing = Firing::of(&alert);
        Draft::open(id, fingerprint, alert, &firing, Timestamp::UNIX_EPOCH)
    }

    /// A store that holds nothing.
    fn nothing() -> Readings {
        let (target, group) = (Some(TargetLedger::default()), Some(GroupLedger::default()));
        Readings { killed: Some(false), target, group, record: Some(PlaybookRecord::default()) }
    }

    fn decided_with(component: &str, readings: &Readings, change: impl FnOnce(&mut OperatorFiles)) -> Draft {
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        let mut files = OperatorFiles::load(&shipped).expect("the files that ship with the project");
        change(&mut files);
        let limits = limits(&shipped).expect("the limits that ship with the project");
        let rules = Rules { files: &files, limits: &limits, readings, approval_ttl: SignedDuration::from_hours(1) };
        let mut draft = opened(component);
        decide(&mut draft, rules, Timestamp::UNIX_EPOCH);
        let again = draft.clone();
        decide(&mut draft, rules, Timestamp::UNIX_EPOCH);
        assert_eq!(draft, again, "a second delivery decides nothing");
        draft
    }

    fn decided(component: &str) -> Draft {
        decided_with(component, &nothing(), |_| {})
    }

    fn stopped(incident: &Incident) -> Vec<Guardrail> {
        blocking(&incident.guardrails).map(|outcome| outcome.guardrail).collect()
    }

    #[test]
    fn a_known_service_gets_a_plan_that_waits_for_a_human() {
        let incident = decided("checkout-web").incident;
        assert_eq!((incident.status, stopped(&incident)), (Status::AwaitingApproval, vec![Guardrail::ServiceLevel]));
        assert_eq!(incident.plan.expect("a plan").playbook, "restart-supervisor-program");
    }

    #[test]
    fn a_service_that_is_auto_is_repaired_by_itself_if_nothing_is_unknown() {
        let auto = |files: &mut OperatorFiles| files.services[1].level = Level::Auto;
        let draft = decided_with("checkout-web", &nothing(), auto);
        assert_eq!((draft.incident.status, stopped(&draft.incident)), (Status::Approved, vec![]));
        assert!(draft.incident.approval.as_ref().is_some_and(|approval| approval.by_guardrails()));
        assert_eq!(draft.entries.last().map(|entry| entry.event), Some(Event::AutoRepairTriggered));
        let incident = decided_with("checkout-web", &Readings::default(), auto).incident;
        assert_eq!(incident.status, Status::AwaitingApproval);
        assert_eq!(stopped(&incident), [Guardrail::KillSwitch, Guardrail::PlaybookRecord, Guardrail::Cooldown, Guardrail::AttemptsPerHour]);
    }

    #[test]
    fn an_unknown_service_is_analysed_and_left_to_a_human() {
        let incident = decided("nobody-knows").incident;
        assert_eq!(incident.status, Status::NeedsHuman);
        assert!(incident.analysis.is_some() && incident.plan.is_none() && incident.no_plan_because.is_some());
    }
}
