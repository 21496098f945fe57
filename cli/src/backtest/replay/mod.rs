//! One replay: what a configuration makes of a history, in memory and by the clock of the history.
//!
//! Every rule is the functions' own: identity and fingerprint, episodes, what they do to incidents, storms, the static analysis, the choice of a
//! playbook, the guardrails, routes, notices and prices. What is here is what AWS does on the deployed stack: it keeps episodes and incidents,
//! and brings messages and timers.

mod cards;
mod deliveries;
mod incidents;
mod looks;
mod state;
mod timer;

pub(crate) use self::state::{Heard, Replay};
