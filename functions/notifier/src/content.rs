//! What is told in a channel, whatever kind of channel it is.

use serde_json::Value;
use shared::domain::ask::Ask;

use crate::rich::Rich;

/// A text with its buttons.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// The text.
    pub text: Rich,
    /// The buttons, by rows. A channel without buttons leaves them out.
    pub buttons: Vec<Vec<Button>>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What pressing it asks for.
    pub ask: Ask,
}

/// What a channel is to send, or to show in place of what it has sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The same whenever the same thing is sent again, so that a receiver that can tell drops the second one: 64 hex.
    pub key: String,
    /// What it is about, for machines: `incident`, `notice`, `details`, `history` or `escalation`.
    pub about: &'static str,
    /// What people see.
    pub content: Content,
    /// The same for machines: an object. Only webhooks carry it.
    pub facts: Value,
}
