//! The repair function: runs an approved plan, one recorded step after the other, and says truthfully how it ended.

pub mod bridge;
pub mod config;
mod entrance;
mod lease;
mod record;
mod run;
mod silence;
pub mod turn;

use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use shared::consumer::Unhandled;
use shared::domain::draft::Draft;
use shared::domain::episode::Advice;
use shared::domain::id::IncidentId;
use shared::domain::incident::{Incident, Status};
use shared::domain::ledger::Attempt;
use shared::domain::limits::Limits;
use shared::fault::{Faults, both};
use shared::message::Message;
use shared::operator_files::{OperatorFiles, limits};
use shared::queue::{Queue, QueueError};
use shared::store::{Store, StoreError};
use thiserror::Error;

use crate::bridge::Bridge;
use crate::config::Config;
use crate::entrance::{Entrance, Rules, enter, give_up};
use crate::lease::{Done, Lease};
use crate::silence::Silencer;
use crate::turn::Turn;

/// For the guardrails and the ledgers, before the first step.
const ENTRANCE: SignedDuration = SignedDuration::from_secs(30);
/// A target stays in the ledger of its group for this much longer than its worker's turn: by then another worker has gone on.
const GROUP_MARGIN: SignedDuration = SignedDuration::from_mins(15);
/// After how many deliveries a repair is given up that could not begin: with the waits in between, after one to two hours.
const MOST_DELIVERIES: u32 = 12;
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
    /// What comes next would take longer than this worker has: the next one goes on.
    #[error("the repair goes on with the next worker, in {rest:#}")]
    HandedOver {
        /// How long a check still has to rest.
        rest: SignedDuration,
    },
    /// Another worker has taken the run over.
    #[error("another worker runs this repair by now")]
    Overtaken,
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

impl Unhandled for Failure {
    fn is_only_early(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::GroupFull { .. } | Self::HandedOver { .. })
    }
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    store: Store,
    notifications: Queue,
    repairs: Queue,
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
        let sqs = aws_sdk_sqs::Client::new(aws);
        Ok(Self {
            silencer: Silencer::new(&config.config_dir, aws)?,
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(sqs.clone(), config.notifications_queue),
            repairs: Queue::new(sqs, config.repairs_queue),
            bridge: Bridge::new(aws, config.bridge_function),
            files,
            limits,
        })
    }

    /// Handles one message.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, turn: &Turn, clock: fn() -> Timestamp) -> Result<(), Failure> {
        let Message::RepairApproved { incident_id, plan_hash } = message else { return Err(Failure::Misdirected) };
        let incident = self.store.known_incident(incident_id).await?;
        let Some(plan) = &incident.plan else { return Ok(()) };
        let lease = Lease { app: self, target: &plan.target, incident: incident_id, turn };
        // Boxed, and so is the run: both hold the SDK's deep futures, and together they would be too large for a thread's stack.
        let ran = Box::pin(self.run(&lease, &incident, plan_hash, clock)).await;
        lease.end(&ran, clock()).await;
        match ran {
            Err(Failure::Overtaken) => Ok(()),
            Err(failure @ (Failure::Held { .. } | Failure::GroupFull { .. })) if turn.times >= MOST_DELIVERIES => {
                let why = failure.to_string();
                let (incident, ()) = self.store.change(incident_id, |draft| give_up(draft, plan_hash, &why, clock())).await?;
                // Whoever is at work on it may die: this may be the only message that the next worker has.
                if incident.status == Status::Repairing {
                    return Err(failure);
                }
                self.tell(incident_id).await
            }
            ran => ran.map(drop),
        }
    }

    async fn run(&self, lease: &Lease<'_>, incident: &Incident, plan_hash: &str, clock: fn() -> Timestamp) -> Result<Done, Failure> {
        let (id, worker) = (&incident.id, &lease.turn.worker);
        let (Some(plan), Some(approval)) = (&incident.plan, &incident.approval) else { return Ok(Done::Quiet) };
        lease.take(clock(), ENTRANCE).await?;
        let asked = self.files.asked(plan);
        let (group, readings) = (asked.group, self.store.readings(asked).await);
        let rules = Rules { files: &self.files, limits: &self.limits, readings: &readings };
        let attempt = Attempt { approval_id: approval.id.clone(), playbook: plan.playbook.clone(), at: clock() };
        // A look at a copy first: while its group is full, an approved plan stays as it is, and does not look as if it ran.
        let expected = enter(&mut Draft::of(incident.clone()), rules, plan_hash, worker, clock());
        if expected != Entrance::Nothing {
            self.enter_ledgers(group, lease, &attempt).await?;
        }
        let (incident, entrance) = self.store.change(id, |draft| enter(draft, rules, plan_hash, worker, clock())).await?;
        if let Some(advice) = Advice::of(&incident).filter(|advice| advice.approval_id.is_some()) {
            // The plan was stopped and waits anew: the answers to alerts that join have to name the new approval.
            self.store.advise(&incident.fingerprint, id, &advice).await?;
        }
        self.tell(id).await?;
        let mut done = Done::Quiet;
        if let Entrance::Run(plan) = entrance {
            if expected == Entrance::Nothing {
                // It was approved in between, and no attempt is without its entry.
                self.enter_ledgers(group, lease, &attempt).await?;
            }
            done = Box::pin(run::to_the_end(lease, incident, &plan, clock)).await?;
            self.tell(id).await?;
        }
        self.silencer.end(&self.store, id, clock).await?;
        if let Some(group) = group {
            self.store.leave_group(group, lease.target, &attempt.approval_id, clock()).await?;
        }
        Ok(done)
    }

    /// Enters the attempt, once: in the ledger of the group, which may be full (`one-hand`), then in that of the target.
    async fn enter_ledgers(&self, group: Option<&str>, lease: &Lease<'_>, attempt: &Attempt) -> Result<(), Failure> {
        let target = lease.target;
        if let Some(group) = group {
            let most = self.files.at_once(&self.limits, group);
            let time = lease.turn.ends.duration_since(attempt.at) + GROUP_MARGIN;
            if !self.store.enter_group(group, target, &attempt.approval_id, attempt.at, time, most).await? {
                return Err(Failure::GroupFull { group: group.to_owned(), target: target.to_owned(), most });
            }
        }
        Ok(self.store.enter_attempt(target, attempt).await?)
    }

    async fn tell(&self, id: &IncidentId) -> Result<(), Failure> {
        self.notifications.send(&Message::IncidentChanged { incident_id: id.clone() }).await?;
        Ok(())
    }
}
