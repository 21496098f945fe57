//! What every kind of channel can do, and how it can fail.

#[cfg(test)]
mod canned;
pub mod slack;
pub mod webhook;

use reqwest::header::HeaderValue;
use thiserror::Error;

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

/// How long to wait, from the header `Retry-After` (<https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>): seconds. A date, which
/// nobody sends who counts messages, is the default wait.
fn wait(header: Option<&HeaderValue>) -> u64 {
    let seconds = header.and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
    seconds.map_or(DEFAULT_WAIT, |seconds: u64| seconds.clamp(1, LONGEST_WAIT))
}
