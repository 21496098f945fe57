//! Findings, the evidence behind them, and their price.

mod analysis;
#[cfg(feature = "playbooks")]
mod beta;
pub mod budget;
pub mod evidence;
#[cfg(feature = "playbooks")]
pub mod impact;
pub mod named_cause;
#[cfg(feature = "playbooks")]
pub mod posterior;
pub mod price;
#[cfg(feature = "playbooks")]
pub mod settings;
mod severity;
#[cfg(feature = "playbooks")]
pub mod static_rule;
pub mod urgency;

pub use self::analysis::*;
pub use self::severity::*;
