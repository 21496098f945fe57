//! Playbooks, services, and the plans made from both.

#[cfg(feature = "playbooks")]
pub mod command;
pub mod condition;
#[cfg(feature = "playbooks")]
pub mod dependencies;
#[cfg(feature = "playbooks")]
pub mod placeholder;
pub mod plan;
#[cfg(feature = "playbooks")]
pub mod plan_risk;
#[cfg(feature = "playbooks")]
mod playbook;
#[cfg(feature = "playbooks")]
pub mod scope;
#[cfg(feature = "playbooks")]
pub mod service;
#[cfg(feature = "playbooks")]
pub mod ssm_target;
#[cfg(feature = "playbooks")]
pub mod target;
#[cfg(feature = "playbooks")]
mod validation;

#[cfg(feature = "playbooks")]
pub use self::playbook::*;
