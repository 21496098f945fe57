//! Incidents: their parts, their operation log, and how one changes.

pub mod approval;
pub mod autonomy_level;
pub mod cause_outcome;
pub mod change;
pub mod entry_hash;
pub mod erasure;
pub mod guardrail;
mod incident;
pub mod operation_log;
pub mod parts;
pub mod repair;
#[cfg(feature = "playbooks")]
pub mod repair_state_machine;
pub mod response;

pub use self::incident::*;
