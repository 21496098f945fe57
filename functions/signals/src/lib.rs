//! The signals function: counts queued signals by the same rules as every other alert.

pub mod config;

use std::time::{Duration, Instant};

use aws::batch::Unhandled;
use aws::queue::Queue;
use aws::{AwsEnvironment, Chain};
use intake::{Delivery, Intake, IntakeError};
use jiff::Timestamp;
use store::{Joins, Receipt, Store, StoreError};
use thiserror::Error;
use tracing::{info, warn};
use wire::message::Signal;

use crate::config::Config;

/// How long one try of a request to AWS may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The alert could not be counted.
    #[error(transparent)]
    Intake(#[from] IntakeError),
}

impl Unhandled for Failure {
    fn is_permanent(&self) -> bool {
        matches!(self, Self::Store(error) if !error.is_transient())
    }
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    intake: Intake,
}

impl App {
    pub fn new(config: Config, environment: &AwsEnvironment) -> Self {
        let aws = &environment.sdk_config(ATTEMPT);
        let sqs = aws_sdk_sqs::Client::new(aws);
        Self {
            intake: Intake {
                joins: Joins::new(environment, config.table.clone()),
                store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table)
                    .kept_for(config.retention),
                incidents: Queue::new(sqs.clone(), config.incidents_queue),
                notifications: Queue::new(sqs, config.notifications_queue),
                windows: config.windows,
                fingerprint_labels: config.fingerprint_labels,
            },
        }
    }

    /// Handles one message. Seen twice, it counts once: the receipt says so. Only a try that died between counting and the receipt is
    /// counted again, as a write is whose answer got lost (`exact-count`), and so are two that run at the same moment, which a queue
    /// hands out only after the visibility timeout of a try that hangs.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(
        &self,
        signal: Signal,
        message_id: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<(), Failure> {
        let store = &self.intake.store;
        // A request that its sender signed with a time is one, however often it comes and is queued.
        let Signal { alert, signed } = signal;
        let message_id = signed.as_deref().unwrap_or(message_id);
        if store.receipt(message_id).await? == Receipt::Closed {
            info!(message_id, "it was counted before");
            return Ok(());
        }
        self.intake
            .take(Delivery::single(alert), now, until)
            .await?;
        // It is counted: that it must not come again matters more than that the receipt is missing.
        if let Err(error) = store.close_receipt(message_id, now).await {
            warn!(message_id, error = %Chain(&error), "the receipt could not be written");
        }
        Ok(())
    }
}
