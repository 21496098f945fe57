//! What every kind of channel can do, and how it can fail.

use thiserror::Error;

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
