//! Tests of people's dialogues with Quell: each button acts on what the card shows, and every press
//! is answered.

mod email;
mod escalations;
pub(crate) mod own;
mod pagerduty;
mod slack;
mod teams;
mod telegram;
mod topics;
mod webhooks;

use std::time::Duration;

/// How long a story waits for what has to come. Generous: no story measures.
const PATIENCE: Duration = Duration::from_secs(60);
