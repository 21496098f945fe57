//! State and errors of the repair function.

use aws::Chain;
use aws::batch::Unhandled;
use aws::decision_keys::CheckingKeyIds;
use aws::queue::{Queue, QueueError};
use aws::secrets::{SecretError, Secrets};
use aws_types::SdkConfig;
use domain::phrase;
use domain::policy::limits::Limits;
use domain::primitives::id::IncidentId;
use domain::primitives::phrase::Phrase;
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::{OperatorFiles, limits};
use settings::config_error::both;
use settings::startup::StartupError;
use store::{ControlTable, Store, StoreError};
use thiserror::Error;
use tracing::warn;
use wire::message::Message;

use crate::bridge_client::Bridge;
use crate::config::Config;
use crate::delivery::growing_wait;
use crate::silence::Silencer;

/// For the guardrails and the ledgers, before the first step.
pub(crate) const ENTRANCE: SignedDuration = SignedDuration::from_secs(30);
/// A target stays in the ledger of its group for this much longer than its worker's delivery: by then another worker has gone on.
pub(crate) const GROUP_MARGIN: SignedDuration = SignedDuration::from_mins(15);
/// After how many deliveries a repair is given up that could not begin: with the waits in between, after one to two hours.
pub(crate) const MOST_DELIVERIES: u32 = 12;
/// Who writes these log entries.
pub(crate) const ACTOR: &str = "repair";

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A decision could not be checked.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Another repair holds the target, or its host.
    #[error("the target {target} waits: the repair of {by} has its host until {until}")]
    Held {
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
    /// A plan above low risk was approved a moment ago: people may still stop it.
    #[error("the plan begins in {rest:#}, unless somebody stops it")]
    Countdown {
        /// How long it still waits.
        rest: SignedDuration,
    },
    /// Another worker has taken the run over.
    #[error("another worker runs this repair by now")]
    Overtaken,
    /// As many of the target's redundancy group are being repaired as may be at once.
    #[error(
        "{most} members of the group {group} are being repaired, which is the most at once: the target {target} waits"
    )]
    GroupFull {
        group: String,
        target: String,
        /// How many at once.
        most: u32,
    },
    /// The message is for another function.
    #[error("this message does not belong on the queue of repairs")]
    Misdirected,
}

impl Failure {
    /// The same for people who read why a plan did not begin.
    pub(crate) fn phrase(&self) -> Phrase {
        match self {
            Self::Held { target, by, until } => phrase!(
                "the target {target} waits: the repair of {incident} has its host until {until}",
                target,
                incident = by,
                until
            ),
            Self::GroupFull {
                group,
                target,
                most,
            } => phrase!(
                "{most} members of the group {group} are being repaired, which is the most at once: the target {target} waits",
                most,
                group,
                target
            ),
            other => other.to_string().into(),
        }
    }
}

impl Unhandled for Failure {
    fn is_permanent(&self) -> bool {
        match self {
            Self::Store(error) => !error.is_transient(),
            Self::Queue(error) => !error.transient,
            _ => false,
        }
    }

    fn is_only_early(&self) -> bool {
        matches!(
            self,
            Self::Held { .. }
                | Self::GroupFull { .. }
                | Self::HandedOver { .. }
                | Self::Countdown { .. }
        )
    }
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) control: ControlTable,
    pub(crate) notifications: Queue,
    pub(crate) repairs: Queue,
    pub(crate) bridge: Bridge,
    pub(crate) files: OperatorFiles,
    pub(crate) limits: Limits,
    pub(crate) silencer: Silencer,
    pub(crate) starts_within: SignedDuration,
    pub(crate) secrets: Secrets,
    pub(crate) keys: CheckingKeyIds,
}

impl App {
    /// Reads the operator's files and builds the clients.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, StartupError> {
        let (files, limits) = both(
            OperatorFiles::load(&config.config_dir),
            limits(&config.config_dir),
        )?;
        let sqs = aws_sdk_sqs::Client::new(aws);
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        Ok(Self {
            silencer: Silencer::new(&config.config_dir, aws)?,
            store: Store::new(dynamodb.clone(), config.table).kept_for(config.retention),
            control: ControlTable::new(dynamodb, config.control_table),
            notifications: Queue::new(sqs.clone(), config.notifications_queue),
            repairs: Queue::new(sqs, config.repairs_queue),
            bridge: Bridge::new(aws, config.bridge_function),
            files,
            limits,
            starts_within: config.starts_within,
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            keys: config.keys,
        })
    }

    /// Has a message come again soon that failed before a worker could take its target: in seconds, later each time. The queue's own time
    /// is for a worker that is at work.
    pub async fn put_back(&self, receipt: &str, receive_count: u32) {
        self.comes_again_in(receipt, growing_wait(receive_count))
            .await;
    }

    /// Without an answer the queue keeps to its own visibility timeout, which is long: the message is late then, not lost.
    pub(crate) async fn comes_again_in(&self, receipt: &str, time: SignedDuration) {
        if receipt.is_empty() {
            return;
        }
        let seconds = i32::try_from(time.as_secs().max(0)).unwrap_or(i32::MAX);
        if let Err(error) = self.repairs.change_visibility(receipt, seconds).await {
            warn!(error = %Chain(&error), seconds, "the queue was not told when the message comes again");
        }
    }

    pub(crate) async fn tell(&self, id: &IncidentId) -> Result<(), Failure> {
        self.notifications
            .send(&Message::IncidentChanged {
                incident_id: id.clone(),
            })
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws::batch::Unhandled as _;
    use aws::queue::QueueError;
    use store::StoreError;

    use super::Failure;

    #[test]
    fn a_failure_is_permanent_where_no_retry_helps() {
        let queue = |transient| QueueError {
            queue: "q".to_owned(),
            cause: "test".into(),
            transient,
        };
        let missing = StoreError::Missing {
            key: "k".to_owned(),
        };
        let cases: [(Failure, bool); 4] = [
            (queue(false).into(), true),
            (queue(true).into(), false),
            (missing.into(), true),
            (StoreError::Conflict.into(), false),
        ];
        for (failure, permanent) in cases {
            assert_eq!(failure.is_permanent(), permanent, "{failure:?}");
        }
    }
}
