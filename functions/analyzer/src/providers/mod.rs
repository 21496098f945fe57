//! Common interface of the model providers: one question in, one answer or one error out.

mod anthropic;
mod attempt;
mod bedrock;
pub(crate) mod configured;
mod openai;
mod over_http;
mod provider;
mod refusal;
mod wording;

use std::time::Duration;

use domain::analysis::price::Usage;
use domain::phrase;
use domain::primitives::phrase::Phrase;
use serde_json::Value;
use thiserror::Error;

pub use provider::{Provider, prompt_tokens_at_most};

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What it has to do: our own words alone.
    pub instructions: String,
    /// What it has to look at: text from outside, redacted, bounded and fenced.
    pub material: String,
    /// The JSON schema of an answer.
    pub schema: Value,
    /// The most tokens of an answer.
    pub max_output_tokens: u32,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its words, which should be JSON.
    pub text: String,
    pub usage: Usage,
    /// Which model says that it answered.
    pub model: String,
    /// Why it stopped, in the provider's word.
    pub finish: String,
}

/// What a failed call has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billed {
    /// Nothing: the provider refused before it began.
    Nothing,
    Used(Usage),
    /// Unknown: the call may have been worked on to its end. The reservation stays.
    Unknown,
}

/// Why there is no answer. No text of it holds a key (`secrets-stay`).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub enum Trouble {
    /// It is asked for too much, or is overloaded.
    Busy {
        /// The HTTP status: 429, 503, 529.
        status: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// It failed (another 5xx).
    Failed { status: u16, words: Phrase },
    /// It refused the call: a wrong key, an unknown model, a body that it does not take.
    Refused { status: u16, words: Phrase },
    /// It could not be reached, or the connection broke.
    Unreachable(String),
    /// It did not answer in time.
    TimedOut(Duration),
    /// It would not answer this: a content filter or a refusal.
    Filtered(String),
    /// The answer did not fit into the most tokens that it may have.
    Truncated(u32),
    /// What came back is no answer of the interface.
    Unreadable(Phrase),
}

impl Trouble {
    /// The same for people.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::Busy { status, .. } => phrase!("it is busy ({status})", status),
            Self::Failed { status, words } => {
                phrase!("it failed ({status}): {words}", status, words => words.clone())
            }
            Self::Refused { status, words } => {
                phrase!("it refused the call ({status}): {words}", status, words => words.clone())
            }
            Self::Unreachable(why) => phrase!("it could not be reached: {why}", why),
            Self::TimedOut(time) => phrase!(
                "it did not answer within {seconds} s",
                seconds = format!("{:.1}", time.as_secs_f64())
            ),
            Self::Filtered(words) => phrase!("it would not answer: {words}", words),
            Self::Truncated(tokens) => phrase!("its answer was cut off at {tokens} tokens", tokens),
            Self::Unreadable(why) => {
                phrase!("its answer cannot be read: {why}", why => why.clone())
            }
        }
    }
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{trouble}")]
pub struct CallFailed {
    pub trouble: Trouble,
    /// What it has cost all the same.
    pub billed: Billed,
}
