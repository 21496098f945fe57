//! What every kind of channel can do, and how it can fail.

pub mod telegram;

use reqwest::Client;
use secrecy::SecretString;
use shared::domain::channels::{Channel, Place};
use shared::domain::outbox::Moved;
use shared::secrets::{SecretError, Secrets};
use thiserror::Error;

use crate::channel::telegram::Telegram;
use crate::content::Post;

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
        /// The HTTP status.
        status: u16,
        /// Its words, bounded.
        why: String,
    },
}

/// A secret that nobody has put there is for the operator; everything else passes.
impl From<SecretError> for ChannelError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NoValue { .. } => Self::Refused { status: 401, why: error.to_string() },
            SecretError::Unavailable { .. } => Self::Unreachable(error.to_string()),
        }
    }
}

/// What senders need of the world.
#[derive(Debug)]
pub struct Outside {
    /// The client for every call.
    pub client: Client,
    /// The tokens and keys.
    pub secrets: Secrets,
    /// The secret with the token of Telegram's bot, for chats that name none.
    pub telegram_token: String,
}

impl Outside {
    async fn secret(&self, id: &str) -> Result<SecretString, ChannelError> {
        Ok(self.secrets.get(id).await?)
    }
}

/// Sends in one channel.
#[derive(Debug)]
pub enum Sender<'a> {
    /// In a chat of Telegram.
    Telegram(Telegram<'a>),
    /// In a channel of a kind that this build cannot send in.
    Unknown(&'static str),
}

impl<'a> Sender<'a> {
    /// The sender of a channel, whose chat may have moved.
    #[must_use]
    pub fn of(channel: &'a Channel, outside: &'a Outside, moved: Option<Moved>) -> Self {
        match &channel.to {
            Place::Telegram(chat) => Self::Telegram(Telegram::new(chat, outside, moved)),
            other => Self::Unknown(other.kind()),
        }
    }

    /// Sends something; the channel's id of the message.
    ///
    /// # Errors
    /// If the channel did not take it, or did not say so.
    pub async fn send(&self, post: &Post) -> Result<String, ChannelError> {
        match self {
            Self::Telegram(telegram) => telegram.send(post).await,
            Self::Unknown(kind) => Err(unknown(kind)),
        }
    }

    /// Replaces what a message shows; the channel's id of the message, which is a new one where nothing can be replaced. A message that
    /// shows it already is a success.
    ///
    /// # Errors
    /// [`ChannelError::Gone`] if the message is not there any more; others if the channel did not take it.
    pub async fn edit(&self, message_id: &str, post: &Post) -> Result<String, ChannelError> {
        match self {
            Self::Telegram(telegram) => telegram.edit(message_id, post).await.map(|()| message_id.to_owned()),
            Self::Unknown(kind) => Err(unknown(kind)),
        }
    }

    /// Sends something below a message, if that is still there.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub async fn reply(&self, message_id: Option<&str>, post: &Post) -> Result<String, ChannelError> {
        match self {
            Self::Telegram(telegram) => telegram.reply(message_id, post).await,
            Self::Unknown(kind) => Err(unknown(kind)),
        }
    }

    /// Looks for a message by the key of its post: its id, if the channel has it.
    ///
    /// # Errors
    /// If the channel did not answer.
    #[expect(clippy::unused_async, reason = "other kinds of channels ask their servers")]
    pub async fn find(&self, _key: &str) -> Result<Option<String>, ChannelError> {
        match self {
            // A bot cannot look back at a chat: https://core.telegram.org/bots/api#getting-updates is all that it sees.
            Self::Telegram(_) | Self::Unknown(_) => Ok(None),
        }
    }

    /// Whether something that is sent twice is seen twice: the channel neither finds nor drops it.
    #[must_use]
    pub fn repeats(&self) -> bool {
        matches!(self, Self::Telegram(_))
    }
}

fn unknown(kind: &str) -> ChannelError {
    ChannelError::Refused { status: 501, why: format!("this build cannot send to {kind}") }
}
