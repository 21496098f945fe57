//! The repair function: runs an approved plan, one recorded step after the other, and says truthfully how it ended.

pub mod bridge;
pub mod config;
mod entrance;
pub mod run;
mod silence;

use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use shared::domain::draft::Draft;
use shared::domain::episode::Advice;
use shared::domain::id::{ApprovalId, IncidentId};
use shared::domain::incident::Incident;
use shared::domain::ledger::Attempt;
use shared::domain::limits::Limits;
use shared::domain::plan::Plan;
use shared::domain::service;
use shared::fault::{Faults, both};
use shared::message::Message;
use shared::operator_files::{OperatorFiles, limits};
use shared::queue::{Queue, QueueError};
use shared::store::{Held, Store, StoreError};
use thiserror::Error;

use crate::bridge::Bridge;
use crate::config::Config;
use crate::entrance::{Entrance, Rules, enter};
use crate::silence::Silencer;

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
    /// As many of the target's redundancy group are being repaired as may be at once.
    #[error("{most} members of the group {group} are being repaired, which is the most at once: the target {target} waits")]
    GroupFull {
        /// Which group.
        group: String,
        /// Which target.
        target: String,
        /// How many at once.
        most: u32,
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
    limits: Limits,
    silencer: Silencer,
}

impl App {
    /// Reads the operator's files and builds the clients.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, Faults> {
        let (files, limits) = both(OperatorFiles::load(&config.config_dir), limits(&config.config_dir))?;
        Ok(Self {
            silencer: Silencer::new(&config.config_dir, aws)?,
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(aws_sdk_sqs::Client::new(aws), config.notifications_queue),
            bridge: Bridge::new(aws, config.bridge_function),
            files,
            limits,
        })
    }

    /// Handles one message.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, clock: fn() -> Timestamp) -> Result<(), Failure> {
        let Message::RepairApproved { incident_id, plan_hash } = message else { return Err(Failure::Misdirected) };
        let incident = self.store.known_incident(incident_id).await?;
        let (Some(plan), Some(approval)) = (&incident.plan, &incident.approval) else { return Ok(()) };
        let target = &plan.target;
        match self.store.lock(target, incident_id, clock(), LOCK_TIME).await? {
            Held::Mine => {}
            Held::By { incident_id: by, until } => return Err(Failure::Held { target: target.clone(), by, until }),
        }
        let ran = self.run(&incident, plan, &approval.id, plan_hash, clock).await;
        if let Err(failure) = &ran
            && !matches!(failure, Failure::GroupFull { .. })
        {
            // A failure keeps the lock: the message comes again and takes it again, and nobody else may begin in between.
            return ran;
        }
        self.store.unlock(target, incident_id).await?;
        ran
    }

    async fn run(
        &self,
        incident: &Incident,
        plan: &Plan,
        approval_id: &ApprovalId,
        plan_hash: &str,
        clock: fn() -> Timestamp,
    ) -> Result<(), Failure> {
        let id = &incident.id;
        let group = service::named(&self.files.services, &plan.target).and_then(|service| service.redundancy_group.as_deref());
        let readings = self.store.readings(&plan.target, group, &plan.playbook).await;
        let rules = Rules { files: &self.files, limits: &self.limits, readings: &readings };
        // A look at a copy first: while its group is full, an approved plan stays as it is, and does not look as if it ran.
        let expected = enter(&mut Draft::of(incident.clone()), rules, plan_hash, clock());
        if expected != Entrance::Nothing {
            self.enter_ledgers(group, plan, approval_id, clock()).await?;
        }
        let (incident, entrance) = self.store.change(id, |draft| enter(draft, rules, plan_hash, clock())).await?;
        if let Some(advice) = Advice::of(&incident).filter(|advice| advice.approval_id.is_some()) {
            // The plan was stopped and waits anew: the answers to alerts that join have to name the new approval.
            self.store.advise(&incident.fingerprint, id, &advice).await?;
        }
        self.tell(id).await?;
        if let Entrance::Run(plan) = entrance {
            if expected == Entrance::Nothing {
                // It was approved in between, and no attempt is without its entry.
                self.enter_ledgers(group, &plan, approval_id, clock()).await?;
            }
            self.silencer.begin(&self.store, &incident, clock).await?;
            run::to_the_end(self, id, &plan, clock).await?;
            self.silencer.end(&self.store, id, clock).await?;
            self.tell(id).await?;
        }
        if let Some(group) = group {
            self.store.leave_group(group, &plan.target, approval_id, clock()).await?;
        }
        Ok(())
    }

    /// Enters the attempt, once: in the ledger of the group, which may be full (`one-hand`), then in that of the target.
    async fn enter_ledgers(&self, group: Option<&str>, plan: &Plan, approval_id: &ApprovalId, now: Timestamp) -> Result<(), Failure> {
        let (target, most) = (&plan.target, self.limits.max_in_group.get());
        if let Some(group) = group
            && !self.store.enter_group(group, target, approval_id, now, LOCK_TIME, most).await?
        {
            return Err(Failure::GroupFull { group: group.to_owned(), target: target.clone(), most });
        }
        let attempt = Attempt { approval_id: approval_id.clone(), playbook: plan.playbook.clone(), at: now };
        Ok(self.store.enter_attempt(target, &attempt).await?)
    }

    async fn tell(&self, id: &IncidentId) -> Result<(), Failure> {
        self.notifications.send(&Message::IncidentChanged { incident_id: id.clone() }).await?;
        Ok(())
    }
}
