//! The repair function: runs an approved plan, one recorded step after the other, and says truthfully how it ended.

pub mod bridge;
pub mod config;
pub mod run;

use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use shared::domain::approval::{Standing, Verdict};
use shared::domain::decision::void;
use shared::domain::draft::Draft;
use shared::domain::id::IncidentId;
use shared::domain::incident::Status;
use shared::domain::operation_log::{Event, News};
use shared::domain::plan::Plan;
use shared::domain::repair::Repair;
use shared::domain::service;
use shared::fault::Faults;
use shared::message::Message;
use shared::operator_files::OperatorFiles;
use shared::queue::{Queue, QueueError};
use shared::store::{Held, Store, StoreError};
use thiserror::Error;
use tracing::info;

use crate::bridge::Bridge;
use crate::config::Config;

/// How long a lock lasts: longer than the function runs, so that only a repair that was killed leaves one to expire.
const LOCK_TIME: SignedDuration = SignedDuration::from_secs(330);
/// Who writes these log entries.
const ACTOR: &str = "repair";

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Another repair holds the target.
    #[error("the target {target} is held by the repair of {by} until {until}")]
    Held {
        /// Which target.
        target: String,
        /// The incident whose repair holds it.
        by: String,
        /// Until when at the latest.
        until: Timestamp,
    },
    /// The message is for somebody else.
    #[error("this message does not belong on the queue of repairs")]
    Misdirected,
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    store: Store,
    notifications: Queue,
    bridge: Bridge,
    files: OperatorFiles,
}

/// What an approved repair comes to when it is looked at again before its first step.
#[derive(Debug, PartialEq)]
enum Entrance {
    /// It may run, or go on.
    Run(Box<Plan>),
    /// It may not, or it has ended: there is nothing to run.
    Nothing,
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
            bridge: Bridge::new(aws, config.bridge_function),
            files: OperatorFiles::load(&config.config_dir)?,
        })
    }

    /// Handles one message.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, clock: fn() -> Timestamp) -> Result<(), Failure> {
        let Message::RepairApproved { incident_id, plan_hash } = message else { return Err(Failure::Misdirected) };
        let Some(incident) = self.store.incident(incident_id).await? else {
            return Err(StoreError::Missing { key: format!("INC#{incident_id} / INCIDENT") }.into());
        };
        let Some(target) = incident.plan.map(|plan| plan.target) else { return Ok(()) };
        match self.store.lock(&target, incident_id, clock(), LOCK_TIME).await? {
            Held::Mine => {}
            Held::By { incident_id: by, until } => return Err(Failure::Held { target, by, until }),
        }
        let ran = self.run(incident_id, plan_hash, clock).await;
        // A failure keeps the lock: the message comes again and takes it again, and nobody else may begin in between.
        ran?;
        self.store.unlock(&target, incident_id).await?;
        Ok(())
    }

    async fn run(&self, id: &IncidentId, plan_hash: &str, clock: fn() -> Timestamp) -> Result<(), Failure> {
        let (_, entrance) = self.store.change(id, |draft| enter(draft, &self.files, plan_hash, clock())).await?;
        self.notifications.send(&Message::IncidentChanged { incident_id: id.clone() }).await?;
        if let Entrance::Run(plan) = entrance {
            run::to_the_end(self, id, &plan, clock).await?;
            self.notifications.send(&Message::IncidentChanged { incident_id: id.clone() }).await?;
        }
        Ok(())
    }
}

/// Decides whether the approved plan runs now, and notes that it does. The decision stands in the operation log since it
/// was made (`human-or-guardrails`); here it is looked at again, together with everything that may have changed since.
fn enter(draft: &mut Draft, files: &OperatorFiles, plan_hash: &str, now: Timestamp) -> Entrance {
    let incident = &draft.incident;
    let (Some(plan), Some(approval)) = (incident.plan.clone(), incident.approval.clone()) else { return Entrance::Nothing };
    let approved = matches!(approval.standing, Standing::Decided { verdict: Verdict::Approve, .. });
    if !approved || approval.plan_hash != plan_hash || plan.hash() != plan_hash {
        info!(incident_id = %incident.id, "the message speaks of a plan that is not approved (any more): nothing runs");
        return Entrance::Nothing;
    }
    if let Some(repair) = &incident.repair {
        return if repair.outcome.is_some() { Entrance::Nothing } else { Entrance::Run(Box::new(plan)) };
    }
    if incident.status != Status::Approved {
        return Entrance::Nothing;
    }
    if planned_now(files, &plan).as_deref() != Some(plan_hash) {
        let why = "the playbook or the registry has changed since the plan was shown";
        draft.record(now, News::new(Event::GuardrailBlocked, ACTOR, "unchanged plan").failed(why));
        void(draft, ACTOR, why, now);
        draft.incident.status = Status::NeedsHuman;
        return Entrance::Nothing;
    }
    draft.incident.repair = Some(Repair::start(plan_hash.to_owned(), now));
    draft.incident.status = Status::Repairing;
    Entrance::Run(Box::new(plan))
}

/// The hash of the plan that the files give now for the same playbook and service.
fn planned_now(files: &OperatorFiles, plan: &Plan) -> Option<String> {
    let playbook = files.playbooks.iter().find(|playbook| playbook.id == plan.playbook)?;
    let service = service::named(&files.services, &plan.target)?;
    playbook.plan(service, plan.round, Vec::new()).ok().map(|plan| plan.hash())
}

#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
