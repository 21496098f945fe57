//! What every kind of channel can do, and how it can fail.

#[cfg(test)]
mod canned;
pub mod slack;
pub mod telegram;
pub mod webhook;

use aws::secrets::{SecretError, Secrets};
use domain::notification::channels::{Channel, Place, SlackChannel, Webhook as WebhookSettings};
use domain::notification::outbox::Moved;
use jiff::Timestamp;
use outbound::PublicClient;
use reqwest::Client;
use reqwest::header::HeaderValue;
use secrecy::SecretString;
use thiserror::Error;

use crate::channel::slack::Slack;
use crate::channel::telegram::Telegram;
use crate::channel::webhook::{Keys, Webhook};
use crate::content::Post;

/// The wait where a channel names none that can be read, in seconds.
const DEFAULT_WAIT: u64 = 30;
/// The longest wait that is believed, in seconds.
const LONGEST_WAIT: u64 = 3600;

/// Why a channel did not take something. No text of it holds a token or a key (`secrets-stay`).
#[derive(Debug, Error)]
pub enum ChannelError {
    /// It wants fewer messages.
    #[error("it asks to wait {seconds} s")]
    Busy {
        /// For how long.
        seconds: u64,
    },
    /// It could not be reached, or its answer is none of its own: tried again later, for as long as it takes.
    #[error("it did not answer: {0}")]
    Unreachable(String),
    /// The message to be edited is not there any more, or cannot be edited any more.
    #[error("the message is gone")]
    Gone,
    /// The markup was not understood: the same is sent without any.
    #[error("the markup was not understood: {0}")]
    Markup(String),
    /// The chat has another id now.
    #[error("the chat has moved to {chat_id}")]
    Moved {
        /// The new one.
        chat_id: i64,
    },
    /// It refuses, and the operator has to change something: a wrong token, a bot that is not in the chat. Tried again seldom.
    #[error("it refuses ({status}): {why}")]
    Refused {
        /// The HTTP status; 0 where nothing was sent.
        status: u16,
        /// Its words, bounded.
        why: String,
    },
}

/// A secret that nobody has put there is for the operator; everything else passes.
impl From<SecretError> for ChannelError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NoValue { .. } => Self::Refused { status: 0, why: error.to_string() },
            SecretError::Unavailable { .. } => Self::Unreachable(error.to_string()),
        }
    }
}

impl ChannelError {
    /// The same, of something that is no edit: there is no card then that another could take the place of.
    #[must_use]
    pub fn of_a_new_message(self) -> Self {
        match self {
            Self::Gone => Self::Refused { status: 404, why: "there is nowhere to send it".to_owned() },
            other => other,
        }
    }

    /// True if it may be otherwise in some minutes, without anybody's doing.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable(_))
    }
}

/// What senders need of the world.
#[derive(Debug)]
pub struct Outside {
    /// The client for servers that an operator may have on an address of their own.
    pub client: Client,
    /// The client for all others.
    pub public: PublicClient,
    /// The tokens and keys.
    pub secrets: Secrets,
    /// The secret with the token of Telegram's bot, for chats that name none.
    pub telegram_token: String,
    /// The secret with the key of the links to a decision.
    pub link_secret: String,
    /// Where those links lead, without a slash at the end.
    pub api_url: String,
}

impl Outside {
    async fn secret(&self, id: &str) -> Result<SecretString, ChannelError> {
        Ok(self.secrets.get(id).await?)
    }
}

/// Whom a reply is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever asked for it, and looks at the card.
    Asker,
    /// Everybody in the channel.
    Everybody,
}

/// Sends in one channel.
#[derive(Debug)]
pub struct Sender<'a> {
    outside: &'a Outside,
    now: Timestamp,
    to: To<'a>,
}

/// Where to.
#[derive(Debug)]
enum To<'a> {
    Telegram(Telegram<'a>),
    Slack(Slack, &'a SlackChannel),
    Webhook(Webhook, &'a WebhookSettings),
}

impl<'a> Sender<'a> {
    /// The sender of a channel, whose chat may have moved. `now` is the time that its signatures carry.
    #[must_use]
    pub fn of(channel: &'a Channel, outside: &'a Outside, moved: Option<Moved>, now: Timestamp) -> Self {
        let to = match &channel.to {
            Place::Telegram(chat) => To::Telegram(Telegram::new(chat, outside, moved)),
            Place::Slack(slack) => To::Slack(Slack::new(outside.client.clone(), slack), slack),
            Place::Webhook(webhook) => To::Webhook(Webhook::new(&outside.client, &outside.public, webhook), webhook),
        };
        Self { outside, now, to }
    }

    /// Sends something; the channel's id of the message.
    ///
    /// # Errors
    /// If the channel did not take it, or did not say so.
    pub async fn send(&self, post: &Post) -> Result<String, ChannelError> {
        match &self.to {
            To::Telegram(telegram) => telegram.send(post).await,
            To::Slack(slack, settings) => slack.send(&self.outside.secret(&settings.token_secret).await?, post).await,
            To::Webhook(webhook, settings) => {
                let (current, previous) = self.outside.secrets.with_previous(&settings.key_secret).await?;
                webhook.send(Keys { current: &current, previous: previous.as_ref() }, self.now, post).await
            }
        }
    }

    /// Replaces what a message shows; the channel's id of the message, which is a new one where nothing can be replaced. A message that
    /// shows it already is a success.
    ///
    /// # Errors
    /// [`ChannelError::Gone`] if the message is not there any more; others if the channel did not take it.
    pub async fn edit(&self, message_id: &str, post: &Post) -> Result<String, ChannelError> {
        match &self.to {
            To::Telegram(telegram) => telegram.edit(message_id, post).await?,
            To::Slack(slack, settings) => {
                slack.edit(&self.outside.secret(&settings.token_secret).await?, message_id, post).await?;
            }
            To::Webhook(webhook, settings) => {
                let (current, previous) = self.outside.secrets.with_previous(&settings.key_secret).await?;
                webhook.edit(Keys { current: &current, previous: previous.as_ref() }, self.now, message_id, post).await?;
                return Ok(post.key.clone());
            }
        }
        Ok(message_id.to_owned())
    }

    /// Sends something below a message, if that is still there; the channel's id of the reply.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn reply(&self, message_id: Option<&str>, post: &Post, audience: Audience) -> Result<String, ChannelError> {
        match &self.to {
            // A new message of a chat makes a sound for everybody in it.
            To::Telegram(telegram) => telegram.reply(message_id, post).await,
            To::Slack(slack, settings) => {
                slack.reply(&self.outside.secret(&settings.token_secret).await?, message_id, post, audience).await
            }
            To::Webhook(webhook, settings) => {
                let (current, previous) = self.outside.secrets.with_previous(&settings.key_secret).await?;
                webhook.reply(Keys { current: &current, previous: previous.as_ref() }, self.now, message_id, post).await?;
                Ok(post.key.clone())
            }
        }
    }

    /// Says something to one person in the channel, which nobody else sees. Only Slack can do that.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn whisper(&self, user: &str, words: &str) -> Result<(), ChannelError> {
        match &self.to {
            To::Slack(slack, settings) => slack.whisper(&self.outside.secret(&settings.token_secret).await?, user, words).await,
            To::Telegram(_) | To::Webhook(..) => Ok(()),
        }
    }

    /// Looks for a message by the key of its post: its id, if the channel has it, or takes it once however often it comes.
    ///
    /// # Errors
    /// If the channel did not answer.
    pub async fn find(&self, key: &str) -> Result<Option<String>, ChannelError> {
        match &self.to {
            // A bot cannot look back at a chat: https://core.telegram.org/bots/api#getting-updates is all that it sees.
            To::Telegram(_) => Ok(None),
            To::Slack(slack, settings) => slack.find(&self.outside.secret(&settings.token_secret).await?, key).await,
            // Its server may not have it: it is sent again under the same key, which is all that the server needs.
            To::Webhook(..) => Ok(None),
        }
    }

    /// Whether something that is sent twice is seen twice: the channel neither finds nor drops it.
    #[must_use]
    pub fn repeats(&self) -> bool {
        matches!(self.to, To::Telegram(_))
    }
}

/// How long to wait, from the header `Retry-After` (<https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>): seconds. A date, which
/// nobody sends who counts messages, is the default wait.
fn wait(header: Option<&HeaderValue>) -> u64 {
    let seconds = header.and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
    seconds.map_or(DEFAULT_WAIT, |seconds: u64| seconds.clamp(1, LONGEST_WAIT))
}
