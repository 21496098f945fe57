//! The repair function: runs an approved plan, one recorded step after the other, and says truthfully how it ended.

pub mod bridge;
pub mod config;
mod entrance;
mod lease;
mod record;
mod run;
mod silence;
pub mod turn;

use aws::batch::Unhandled;
use aws::queue::{Queue, QueueError};
use aws_types::SdkConfig;
use domain::episode::Advice;
use domain::incident::change::Draft;
use domain::incident::{Incident, Status};
use domain::policy::attempt_ledger::{Attempt, Readings};
use domain::policy::evaluation::start_by;
use domain::policy::limits::Limits;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::{OperatorFiles, limits};
use settings::fault::{Faults, both};
use store::{Store, StoreError};
use thiserror::Error;
use tracing::warn;
use wire::message::Message;

use crate::bridge::Bridge;
use crate::config::Config;
use crate::entrance::{Entrance, Rules, enter, give_up, lapse};
use crate::lease::{Done, Lease};
use crate::silence::Silencer;
use crate::turn::{Turn, growing_wait};

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
    starts_within: SignedDuration,
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
            starts_within: config.starts_within,
        })
    }

    /// Handles one message.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, turn: &Turn, clock: fn() -> Timestamp) -> Result<(), Failure> {
        let Message::RepairApproved { incident_id, plan_hash } = message else {
            Box::pin(self.put_back(&turn.receipt, turn.times)).await;
            return Err(Failure::Misdirected);
        };
        let incident = match self.store.known_incident(incident_id).await {
            Ok(incident) => incident,
            Err(error) => {
                // No lease has set a time yet, and the queue's own is an hour and a half: the approval would be too old by then.
                Box::pin(self.put_back(&turn.receipt, turn.times)).await;
                return Err(error.into());
            }
        };
        let Some(plan) = &incident.plan else { return Ok(()) };
        let start_by = start_by(&incident, self.starts_within);
        let lease = Lease { app: self, target: &plan.target, incident: incident_id, turn, start_by };
        // Boxed, and so is the run: both hold the SDK's deep futures, and together they would be too large for a thread's stack.
        let ran = Box::pin(self.run(&lease, &incident, plan_hash, clock)).await;
        lease.end(&ran, clock()).await;
        match ran {
            Err(Failure::Overtaken) => Ok(()),
            Err(Failure::Held { .. } | Failure::GroupFull { .. }) if Box::pin(self.lapsed(&incident, plan_hash, clock)).await? => Ok(()),
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
        let rules = self.rules(&readings);
        let attempt = Attempt { approval_id: approval.id.clone(), playbook: plan.playbook.clone(), at: clock() };
        // A look at a copy first: while its group is full, an approved plan stays as it is, and does not look as if it ran.
        let expected = enter(&mut Draft::of(incident.clone()), rules, plan_hash, worker, clock());
        if expected != Entrance::Nothing {
            self.enter_ledgers(group, lease, &attempt).await?;
        }
        let (incident, entrance) = self.store.change(id, |draft| enter(draft, rules, plan_hash, worker, clock())).await?;
        Box::pin(self.tell_of(&incident)).await?;
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

    fn rules<'a>(&'a self, readings: &'a Readings) -> Rules<'a> {
        Rules { files: &self.files, limits: &self.limits, readings, starts_within: self.starts_within }
    }

    /// Takes the approval of a plan back that waits for its target or its group, once it is too old, and asks people anew. True if it was
    /// so: the message has nothing to start any more.
    async fn lapsed(&self, incident: &Incident, plan_hash: &str, clock: fn() -> Timestamp) -> Result<bool, Failure> {
        let over = start_by(incident, self.starts_within).is_some_and(|start_by| start_by < clock());
        let Some(plan) = incident.plan.as_ref().filter(|_| over) else { return Ok(false) };
        let readings = self.store.readings(self.files.asked(plan)).await;
        let rules = self.rules(&readings);
        let (incident, lapsed) = self.store.change(&incident.id, |draft| lapse(draft, rules, plan_hash, clock())).await?;
        if lapsed {
            self.tell_of(&incident).await?;
        }
        Ok(lapsed)
    }

    /// Tells what became of an approved plan. One that was stopped waits anew: the answers to alerts that join have to name the new approval.
    async fn tell_of(&self, incident: &Incident) -> Result<(), Failure> {
        if let Some(advice) = Advice::of(incident).filter(|advice| advice.approval_id.is_some()) {
            self.store.advise(&incident.fingerprint, &incident.id, &advice).await?;
        }
        self.tell(&incident.id).await
    }

    /// Has a message come again soon that failed before a worker could take its target: in seconds, later each time. The queue's own time
    /// is for a worker that is at work.
    pub async fn put_back(&self, receipt: &str, times: u32) {
        self.comes_again_in(receipt, growing_wait(times)).await;
    }

    /// Without an answer the queue keeps to its own visibility timeout, which is long: the message is late then, not lost.
    async fn comes_again_in(&self, receipt: &str, time: SignedDuration) {
        if receipt.is_empty() {
            return;
        }
        let seconds = i32::try_from(time.as_secs().max(0)).unwrap_or(i32::MAX);
        if let Err(error) = self.repairs.come_again(receipt, seconds).await {
            warn!(%error, seconds, "the queue was not told when the message comes again");
        }
    }

    async fn tell(&self, id: &IncidentId) -> Result<(), Failure> {
        self.notifications.send(&Message::IncidentChanged { incident_id: id.clone() }).await?;
        Ok(())
    }
}
