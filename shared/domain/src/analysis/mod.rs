//! Findings, the evidence behind them, and their price.

mod analysis;
pub mod budget;
pub mod evidence;
pub mod price;
#[cfg(feature = "playbooks")]
pub mod settings;
#[cfg(feature = "playbooks")]
pub mod static_rule;

pub use self::analysis::*;
