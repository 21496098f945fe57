//! The notifier: tells each channel what concerns it, and keeps the card of every incident as the store has it.

mod buttons;
pub mod channel;
pub mod check;
pub mod config;
pub mod content;
mod links;
mod live_card;
mod notices;
pub mod outbox;
pub mod presenting;
mod pump;
pub mod rate;
pub mod resolution;
pub mod rich;
pub mod samples;
pub mod silence;
pub mod templates;
pub mod view;
pub mod watch;
mod words;

use std::time::Instant;

use aws::batch::Unhandled;
use aws::queue::{Queue, QueueError, STORM_LOOKS_EVERY};
use aws::secrets::Secrets;
use aws_types::SdkConfig;
use domain::incident::parts::Storm;
use domain::incident::{Incident, Status};
use domain::notification::button_action::Ask;
use domain::notification::button_action::More;
use domain::notification::channels::{Channel, Channels};
use domain::notification::outbox::{Rank, Subject};
use domain::notification::pipeline_run::flow_of;
use domain::primitives::id::IncidentId;
use futures_util::future::join_all;
use jiff::SignedDuration;
use outbound::alertmanager::Alertmanager;
use outbound::{self, NoClient, PublicClient};
use settings::channels_file;
use settings::fault::Faults;
use store::{CardOf, Store, StoreError};
use thiserror::Error;
use tracing::{debug, error};
use wire::message::Message;

use crate::channel::{ChannelError, Outside, Sender};
use crate::config::Config;
use crate::presenting::Presenter;
use crate::pump::Pump;
use crate::silence::SilenceError;
use crate::templates::Templates;

pub use crate::pump::Clock;

/// After how many seconds a channel is looked at again in which something went wrong beside the channel itself.
const AGAIN_AFTER: i32 = 30;

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A channel did not take an answer to a press, or what a message needs besides the channel could not be had.
    #[error("a message could not be sent: {0}")]
    Channel(#[from] ChannelError),
    /// Alertmanager has not made the silence yet.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// The message is for somebody else.
    #[error("this message does not belong on the queue of notifications")]
    Misdirected,
}

impl Unhandled for Failure {}

/// Why the function does not start.
#[derive(Debug, Error)]
pub enum NotStarted {
    /// The operator's file is wrong.
    #[error(transparent)]
    File(#[from] Faults),
    /// There is no client for the world outside AWS.
    #[error(transparent)]
    Client(#[from] NoClient),
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    store: Store,
    notifications: Queue,
    signals: Queue,
    resolve_within: SignedDuration,
    channels: Channels,
    outside: Outside,
    alertmanager: Option<Alertmanager>,
    templates: Templates,
}

impl App {
    /// Builds the clients.
    ///
    /// # Errors
    /// What is wrong with the operator's file, or that the HTTP client cannot be built.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, NotStarted> {
        let channels = channels_file::load(&config.config_dir)?;
        let outside = Outside {
            client: outbound::client()?,
            public: PublicClient::new()?,
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            telegram_token: config.telegram_token_secret,
            link_secret: config.approval_link_secret,
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
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(sqs.clone(), config.notifications_queue),
            signals: Queue::new(sqs, config.signals_queue),
            resolve_within: config.resolve_within,
            outside,
        })
    }

    /// Handles one message: `holder` is the same only for one try of one worker. Nothing new is begun after `until`.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, holder: &str, clock: Clock<'_>, until: Instant) -> Result<(), Failure> {
        let concerned = match message {
            Message::BudgetUsedUp { day } => {
                let channels = self.channels.for_notices();
                self.put(&channels, Rank::NOTICE, &Subject::Budget(*day), clock).await?;
                channels
            }
            Message::AlertsConverged { incident_id, hit_count } => {
                self.store.change(incident_id, |draft| draft.converged(*hit_count, clock())).await?;
                self.incident_changed(incident_id, clock).await?
            }
            Message::IncidentOpened { incident_id }
            | Message::IncidentChanged { incident_id }
            | Message::RepairApproved { incident_id, .. } => self.incident_changed(incident_id, clock).await?,
            Message::MoreAsked { incident_id, what, channel, press, by } => {
                let ask = match what {
                    More::Details => Ask::Details(incident_id.clone()),
                    More::History => Ask::History(incident_id.clone()),
                };
                self.store.change(incident_id, |draft| draft.more_asked(&ask, press, by, clock())).await?;
                let subject = Subject::More { what: *what, incident_id: incident_id.clone(), press: press.clone() };
                let channels = self.named(channel);
                self.put(&channels, Rank::ANSWER, &subject, clock).await?;
                channels
            }
            Message::ChannelDue { channel } => self.named(channel),
            Message::PressAnswered { channel, user, words } => return self.whisper(channel, user, words, clock).await,
            Message::DecisionDue { approval_id } => match self.decision_due(approval_id, clock).await? {
                Some(incident) => {
                    let channels = self.concerned(&incident, CardOf::Incident(&incident.id)).await?;
                    self.put(&channels, Rank::heard(incident.severity), &Subject::Escalation(approval_id.clone()), clock).await?;
                    channels
                }
                None => Vec::new(),
            },
            Message::ResolutionDue { approval_id } => return self.resolution_due(approval_id, clock).await,
            Message::SilenceAsked { incident_id } => return self.silence_asked(incident_id, clock).await,
            Message::AnalysisAsked { .. } => return Err(Failure::Misdirected),
        };
        for (channel, pumped) in self.pump(&concerned, holder, clock, until).await {
            if let Err(error) = pumped {
                // What is due is in the outbox: the others have done their part, and need not do it again.
                error!(channel = channel.name, %error, "what is due in a channel was not told: it is tried again");
                self.notifications.send_later(&Message::ChannelDue { channel: channel.name.clone() }, AGAIN_AFTER).await?;
            }
        }
        Ok(())
    }

    /// Tells somebody what their press came to, which nobody else has to see. It is worth something at once or not at all, and so it
    /// is in no outbox, and what Slack refuses, such as a member who has left, is not tried again.
    async fn whisper(&self, channel: &str, user: &str, words: &str, clock: Clock<'_>) -> Result<(), Failure> {
        for channel in self.named(channel) {
            match Sender::of(channel, &self.outside, None, clock()).whisper(user, words).await {
                Err(error) if !error.may_pass() => error!(channel = channel.name, %error, "somebody was not told what their press came to"),
                told => told?,
            }
        }
        Ok(())
    }

    fn named(&self, name: &str) -> Vec<&Channel> {
        let channel = self.channels.channel(name);
        if channel.is_none() {
            debug!(channel = name, "the channel is not in channels.json any more");
        }
        channel.into_iter().collect()
    }

    async fn put(&self, channels: &[&Channel], rank: Rank, subject: &Subject, clock: Clock<'_>) -> Result<(), StoreError> {
        for channel in channels {
            self.store.put_due(&channel.name, rank, subject, clock()).await?;
        }
        Ok(())
    }

    /// Tells what is due in these channels, in all of them at once: none waits for another.
    async fn pump<'a>(
        &'a self,
        channels: &[&'a Channel],
        holder: &str,
        clock: Clock<'_>,
        until: Instant,
    ) -> Vec<(&'a Channel, Result<(), Failure>)> {
        let (store, notifications, outside) = (&self.store, &self.notifications, &self.outside);
        let pumped = channels.iter().map(|channel| async move {
            let (channels, language) = (&self.channels, self.channels.language_of(channel));
            let presenter = Presenter { templates: &self.templates, language, silences: self.alertmanager.is_some(), channels };
            let pump = Pump { store, notifications, outside, channels, channel, presenter, holder, clock, until };
            (*channel, Box::pin(pump.run()).await)
        });
        join_all(pumped).await
    }

    /// Puts the newest state of an incident into the outboxes of those whom it concerns.
    async fn incident_changed(&self, id: &IncidentId, clock: Clock<'_>) -> Result<Vec<&Channel>, Failure> {
        let mut incident = self.store.known_incident(id).await?;
        if let Some(storm) = incident.tied_to {
            // The storm's card shows it, together with what else changes in the next seconds.
            if self.store.mark_storm(&storm, clock()).await? {
                self.notifications.send_later(&Message::IncidentChanged { incident_id: storm }, STORM_LOOKS_EVERY).await?;
            }
            return Ok(Vec::new());
        }
        if incident.storm.is_some() {
            self.store.unmark_storm(id).await?;
            let found = Storm::of(&self.store.tied(id).await?);
            (incident, ()) = self.store.change(id, |draft| draft.storm_is(found.clone(), clock())).await?;
        }
        if too_early(&incident) {
            return Ok(Vec::new());
        }
        self.watch(&incident, clock()).await?;
        self.watch_resolution(&incident, clock()).await?;
        let flow = flow_of(&incident.alert);
        let card = flow.as_ref().map_or(CardOf::Incident(id), CardOf::Flow);
        let channels = self.concerned(&incident, card).await?;
        let subject = flow.clone().map_or_else(|| Subject::Incident(id.clone()), Subject::Flow);
        self.put(&channels, Rank::of(incident.severity), &subject, clock).await?;
        Ok(channels)
    }

    /// Where an incident is told: where the routes lead, and wherever it has a card already, which has to stay true.
    async fn concerned(&self, incident: &Incident, card: CardOf<'_>) -> Result<Vec<&Channel>, Failure> {
        let mut channels = self.channels.routed(incident);
        for name in self.store.channels_with_card(card).await? {
            if !channels.iter().any(|channel| channel.name == name) {
                channels.extend(self.channels.channel(&name));
            }
        }
        Ok(channels)
    }
}

/// True until the analyzer has looked at an incident: it may turn out to be a part of a storm, which has the card. The analyzer says
/// when it is done.
fn too_early(incident: &Incident) -> bool {
    incident.status == Status::Open && incident.analysis.is_none()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Status, samples, too_early};

    #[test]
    fn there_is_no_card_before_the_analyzer_has_looked() {
        let mut draft = samples::waiting();
        assert!(!too_early(&draft.incident));
        draft.incident.analysis = None;
        draft.incident.status = Status::Open;
        assert!(too_early(&draft.incident), "it may be a part of a storm");
        draft.resolved(1, Timestamp::UNIX_EPOCH);
        assert!(!too_early(&draft.incident), "what is over is not a part of anything any more");
        assert!(!too_early(&samples::pipeline().incident), "nobody analyses a report of a pipeline");
    }
}
