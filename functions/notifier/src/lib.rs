//! The notifier: one card for each incident, which always shows the state in the store.

mod buttons;
pub mod channel;
pub mod check;
pub mod config;
pub mod content;
pub mod rich;
pub mod samples;
pub mod telegram;
pub mod templates;
pub mod view;
mod words;

use aws_types::SdkConfig;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use shared::channels_file;
use shared::domain::channels::{Language, Place};
use shared::domain::digest::Digest;
use shared::domain::id::IncidentId;
use shared::domain::incident::{Incident, Status};
use shared::domain::operation_log::{Event, News};
use shared::domain::storm::Storm;
use shared::fault::Faults;
use shared::message::Message;
use shared::queue::{Queue, QueueError, STORM_LOOKS_EVERY};
use shared::secrets::{SecretError, Secrets};
use shared::store::{CardOf, CardTurn, SentCard, Store, StoreError};
use thiserror::Error;
use tracing::{debug, warn};

use crate::config::Config;
use crate::content::Content;
use crate::telegram::{Telegram, TelegramError};
use crate::templates::{Extras, Templates};

/// The name of the channel in keys and logs.
const CHANNEL: &str = "TELEGRAM";
/// How long one turn at a card may take: longer than the function runs.
const TURN: SignedDuration = SignedDuration::from_secs(40);
/// How often the newest state is shown in one turn before the message comes back.
const ROUNDS: u32 = 10;

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bot's token cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Telegram did not take the card.
    #[error(transparent)]
    Telegram(#[from] TelegramError),
    /// The message is for somebody else.
    #[error("this message does not belong on the queue of notifications")]
    Misdirected,
    /// Others kept changing the incident.
    #[error("the incident changed faster than its card")]
    Restless,
}

/// Why the function does not start.
#[derive(Debug, Error)]
pub enum NotStarted {
    /// The operator's file is wrong.
    #[error(transparent)]
    File(#[from] Faults),
    /// There is no client for the world outside AWS.
    #[error(transparent)]
    Client(#[from] TelegramError),
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    store: Store,
    notifications: Queue,
    secrets: Secrets,
    telegram: Telegram,
    token_secret: String,
    chat: Option<String>,
    templates: Templates,
    language: Language,
}

impl App {
    /// Builds the clients.
    ///
    /// # Errors
    /// What is wrong with the operator's file, or that the HTTP client cannot be built.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, NotStarted> {
        let channels = channels_file::load(&config.config_dir)?;
        let found = channels.channels.iter().find_map(|channel| match &channel.to {
            Place::Telegram(chat) => Some((chat.clone(), channel.language)),
            _ => None,
        });
        let language = found.as_ref().and_then(|(_, language)| *language).unwrap_or(channels.language);
        let chat = found.map(|(chat, _)| chat);
        let api_url = chat.as_ref().and_then(|chat| chat.api_url.clone());
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table),
            notifications: Queue::new(aws_sdk_sqs::Client::new(aws), config.notifications_queue),
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            telegram: Telegram::new(api_url.unwrap_or_else(|| "https://api.telegram.org".to_owned()))?,
            token_secret: config.telegram_token_secret,
            chat: chat.map(|chat| chat.chat_id.to_string()),
            templates: Templates::load(&config.config_dir),
            language,
        })
    }

    /// Handles one message: `holder` is its id, `clock` the time.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(&self, message: &Message, holder: &str, clock: fn() -> Timestamp) -> Result<(), Failure> {
        match message {
            Message::BudgetUsedUp { day } => return self.show(CardOf::Budget(*day), holder, clock).await,
            Message::AlertsConverged { incident_id, hit_count } => {
                self.store.change(incident_id, |draft| draft.converged(*hit_count, clock())).await?;
                self.incident_changed(incident_id, holder, clock).await
            }
            Message::IncidentOpened { incident_id }
            | Message::IncidentChanged { incident_id }
            | Message::RepairApproved { incident_id, .. } => self.incident_changed(incident_id, holder, clock).await,
            Message::ChannelDue { .. }
            | Message::DecisionDue { .. }
            | Message::MoreAsked { .. }
            | Message::SilenceAsked { .. }
            | Message::AnalysisAsked { .. } => Err(Failure::Misdirected),
        }
    }

    async fn incident_changed(&self, id: &IncidentId, holder: &str, clock: fn() -> Timestamp) -> Result<(), Failure> {
        let incident = self.store.known_incident(id).await?;
        if let Some(storm) = incident.tied_to {
            // The storm's card shows it, together with what else changes in the next seconds.
            if self.store.mark_storm(&storm, clock()).await? {
                self.notifications.send_later(&Message::IncidentChanged { incident_id: storm }, STORM_LOOKS_EVERY).await?;
            }
            return Ok(());
        }
        if incident.storm.is_some() {
            self.store.unmark_storm(id).await?;
            let found = Storm::of(&self.store.tied(id).await?);
            self.store.change(id, |draft| draft.storm_is(found.clone(), clock())).await?;
        }
        if too_early(&incident) {
            return Ok(());
        }
        self.show(CardOf::Incident(id), holder, clock).await
    }

    /// Makes a card true. Whoever changes what it shows meanwhile leaves a mark, and the newest state is shown in the end.
    async fn show(&self, of: CardOf<'_>, holder: &str, clock: fn() -> Timestamp) -> Result<(), Failure> {
        let Some(chat) = &self.chat else {
            debug!(?of, "no chat is configured: there is no card");
            return Ok(());
        };
        for _ in 0..ROUNDS {
            let sent = match self.store.take_card(of, CHANNEL, holder, clock(), TURN).await? {
                CardTurn::Theirs => return Ok(()),
                CardTurn::Mine(sent) => sent,
            };
            let shown = match of {
                CardOf::Incident(id) => self.show_incident(id, chat, holder, sent, clock).await,
                CardOf::Budget(day) => self.tell_of_budget(day, chat, holder, sent).await,
            };
            let done = self.store.give_card_back(of, CHANNEL, holder).await?;
            shown?;
            if done {
                return Ok(());
            }
        }
        Err(Failure::Restless)
    }

    /// Tells once that a day's budget is used up: what is spent later that day changes nothing for the reader.
    async fn tell_of_budget(&self, day: Date, chat: &str, holder: &str, sent: Option<SentCard>) -> Result<(), Failure> {
        if sent.is_some() {
            return Ok(());
        }
        let notice = self.templates.budget(self.language, day, &self.store.spending(day).await?);
        let token = self.secrets.get(&self.token_secret).await?;
        let message_id = self.telegram.send(&token, chat, &notice).await?;
        let shows = Digest::new().field(notice.text.telegram()).hex();
        Ok(self.store.card_sent(CardOf::Budget(day), CHANNEL, holder, &SentCard { message_id, shows }).await?)
    }

    async fn show_incident(
        &self,
        id: &IncidentId,
        chat: &str,
        holder: &str,
        sent: Option<SentCard>,
        clock: fn() -> Timestamp,
    ) -> Result<(), Failure> {
        let incident = self.store.known_incident(id).await?;
        let card = self.templates.card(self.language, &incident, &Extras::default());
        let shows = digest(&card, &incident);
        if sent.as_ref().is_some_and(|sent| sent.shows == shows) {
            return Ok(());
        }
        let token = self.secrets.get(&self.token_secret).await?;
        let message_id = match &sent {
            None => self.telegram.send(&token, chat, &card).await?,
            Some(sent) => match self.telegram.edit(&token, chat, &sent.message_id, &card).await {
                Ok(()) => sent.message_id.clone(),
                Err(TelegramError::Gone) => {
                    warn!(incident_id = %id, "the card was deleted in the chat: a new one is sent");
                    self.telegram.send(&token, chat, &card).await?
                }
                Err(error) => return Err(error.into()),
            },
        };
        self.store
            .card_sent(CardOf::Incident(id), CHANNEL, holder, &SentCard { message_id: message_id.clone(), shows: shows.clone() })
            .await?;
        if let Some(news) = news(&incident, sent.as_ref(), &shows, &message_id) {
            self.store.change(id, |draft| draft.record(clock(), news.clone())).await?;
        }
        Ok(())
    }
}

/// True until the analyzer has looked at an incident: it may turn out to be a part of a storm, which has the card. The analyzer says
/// when it is done.
fn too_early(incident: &Incident) -> bool {
    incident.status == Status::Open && incident.analysis.is_none()
}

/// What a card shows, as a digest: the stage that is worth a log entry, then the text with its buttons.
fn digest(card: &Content, incident: &Incident) -> String {
    let buttons = card.buttons.iter().flatten();
    let buttons = buttons.fold(Digest::new(), |digest, button| digest.field(&button.label).field(button.ask.to_string()));
    format!("{} {}", stage(incident), Digest::new().field(card.text.telegram()).field(buttons.hex()).hex())
}

fn stage(incident: &Incident) -> &'static str {
    if incident.repair.as_ref().is_some_and(|repair| repair.outcome.is_some()) { "result" } else { "card" }
}

/// The log entry that a send is worth: the first card, and the first that shows a repair's result.
fn news(incident: &Incident, before: Option<&SentCard>, shows: &str, message_id: &str) -> Option<News> {
    let context = serde_json::json!({ "message_id": message_id, "hit_count": incident.hit_count, "severity": incident.severity });
    let result = |shows: &str| shows.starts_with("result ");
    if result(shows) && !before.is_some_and(|before| result(&before.shows)) {
        return Some(News::new(Event::TelegramResultSent, "notifier", "the card shows the result of the repair").with(context));
    }
    before.is_none().then(|| News::new(Event::TelegramSent, "notifier", "the card was sent").with(context))
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
