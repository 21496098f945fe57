//! State and errors of the notifier.

use std::time::Duration;

use domain::phrase;
use domain::primitives::phrase::Phrase;
use domain::primitives::time::Clock;
use domain::transition::silence::Refusal;
use outbound::alertmanager::AlertmanagerError;

use aws::AwsEnvironment;
use aws::batch::Unhandled;
use aws::queue::{Queue, QueueError};
use aws::secrets::Secrets;
use aws::signed::{SES_V2, SignedClient};
use domain::episode::Windows;
use domain::incident::Incident;
use domain::notification::channels::{Channel, Channels};
use domain::notification::outbox::{Rank, Subject};
use jiff::SignedDuration;
use outbound::alertmanager::Alertmanager;
use outbound::{self, PublicClient};
use settings::channels_file;
use settings::startup::StartupError;
use store::{CardOf, Store, StoreError};
use thiserror::Error;
use tracing::debug;

use crate::channel::{ChannelDeps, ChannelError};
use crate::config::Config;
use crate::render::templates::Templates;

/// Why there is no silence. No text of it holds a token (`secrets-stay`).
#[derive(Debug, Error)]
pub enum SilenceError {
    /// The operator has not said where it is.
    #[error("{}", self.phrase())]
    NotConfigured,
    /// It is over, it is not one alert, or Alertmanager has not sent it.
    #[error(transparent)]
    Impossible(#[from] Refusal),
    /// Alertmanager has not made it.
    #[error(transparent)]
    Alertmanager(#[from] AlertmanagerError),
}

impl SilenceError {
    /// The same for people.
    pub(crate) fn phrase(&self) -> Phrase {
        match self {
            Self::NotConfigured => phrase!("channels.json names no Alertmanager"),
            Self::Impossible(refusal) => refusal.phrase(),
            Self::Alertmanager(error) => error.phrase(),
        }
    }

    /// True if it may be otherwise in some minutes.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Alertmanager(error) if error.may_pass())
    }
}

/// How long one try of a call to AWS may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for an e-mail, which is tried once, like every call to a channel.
const EMAIL_TIMEOUT: Duration = Duration::from_secs(8);

/// Delay in seconds before a channel is tried again after a fault that was not the channel's own.
pub(crate) const AGAIN_AFTER: i32 = 30;

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A channel did not take an answer to a press, or what a message needs besides the channel could not be had.
    #[error("a message could not be sent: {0}")]
    Channel(#[from] ChannelError),
    /// Alertmanager has not made the silence yet.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// The message is for another function.
    #[error("this message does not belong on the queue of notifications")]
    Misdirected,
}

impl Unhandled for Failure {
    fn is_permanent(&self) -> bool {
        match self {
            Self::Store(error) => !error.is_transient(),
            Self::Queue(error) => !error.transient,
            _ => false,
        }
    }
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) notifications: Queue,
    pub(crate) signals: Queue,
    pub(crate) windows: Windows,
    pub(crate) resolve_within: SignedDuration,
    pub(crate) channels: Channels,
    pub(crate) outside: ChannelDeps,
    pub(crate) alertmanager: Option<Alertmanager>,
    pub(crate) templates: Templates,
}

impl App {
    /// Builds the clients.
    ///
    /// # Errors
    /// What is wrong with the operator's file, or that the HTTP client cannot be built.
    pub fn new(config: Config, environment: &AwsEnvironment) -> Result<Self, StartupError> {
        let aws = &environment.sdk_config(CALL_TIMEOUT);
        let channels = channels_file::load(&config.config_dir)?;
        let outside = ChannelDeps {
            client: outbound::client()?,
            public: PublicClient::new()?,
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            telegram_token: config.telegram_token_secret,
            // An e-mail whose answer was lost may have been sent: whoever calls says that it may come twice.
            ses: SignedClient::new(environment, &SES_V2, EMAIL_TIMEOUT).without_retries(),
            api_url: config.api_url,
        };
        let alertmanager = channels.alertmanager.clone().map(|server| {
            let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(aws));
            Alertmanager::new(server, &outside.client, &outside.public, secrets)
        });
        let sqs = aws_sdk_sqs::Client::new(aws);
        Ok(Self {
            alertmanager,
            templates: Templates::load(&config.config_dir),
            channels,
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table)
                .kept_for(config.retention),
            notifications: Queue::new(sqs.clone(), config.notifications_queue),
            signals: Queue::new(sqs, config.signals_queue),
            windows: config.windows,
            resolve_within: config.resolve_within,
            outside,
        })
    }

    pub(crate) fn named(&self, name: &str) -> Vec<&Channel> {
        let channel = self.channels.channel(name);
        if channel.is_none() {
            debug!(
                channel = name,
                "the channel is not in channels.json any more"
            );
        }
        channel.into_iter().collect()
    }

    pub(crate) async fn put(
        &self,
        channels: &[&Channel],
        rank: Rank,
        subject: &Subject,
        clock: Clock<'_>,
    ) -> Result<(), StoreError> {
        for channel in channels {
            self.store
                .put_due(&channel.name, rank, subject, clock())
                .await?;
        }
        Ok(())
    }

    /// Where an incident is told: where the routes lead, and wherever it has a card already, which has to stay true.
    pub(crate) async fn concerned(
        &self,
        incident: &Incident,
        card: CardOf<'_>,
    ) -> Result<Vec<&Channel>, Failure> {
        let mut channels = self.channels.routed(incident);
        for name in self.store.channels_with_card(card).await? {
            if !channels.iter().any(|channel| channel.name == name) {
                channels.extend(self.channels.channel(&name));
            }
        }
        Ok(channels)
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
