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
use serde_json::Value;
use thiserror::Error;

pub use provider::Provider;

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
pub enum Trouble {
    /// It is asked for too much, or is overloaded.
    #[error("it is busy ({status})")]
    Busy {
        /// The HTTP status: 429, 503, 529.
        status: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// It failed (another 5xx).
    #[error("it failed ({status}): {words}")]
    Failed { status: u16, words: String },
    /// It refused the call: a wrong key, an unknown model, a body that it does not take.
    #[error("it refused the call ({status}): {words}")]
    Refused { status: u16, words: String },
    /// It could not be reached, or the connection broke.
    #[error("it could not be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("it did not answer within {0:?}")]
    TimedOut(Duration),
    /// It would not answer this: a content filter or a refusal.
    #[error("it would not answer: {0}")]
    Filtered(String),
    /// The answer did not fit into the most tokens that it may have.
    #[error("its answer was cut off at {0} tokens")]
    Truncated(u32),
    /// What came back is no answer of the interface.
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{trouble}")]
pub struct CallFailed {
    pub trouble: Trouble,
    /// What it has cost all the same.
    pub billed: Billed,
}
