//! The rules of Quell as pure functions over plain data: no clock, no randomness, no network.

pub mod alert;
pub mod analysis;
pub mod approval;
#[cfg(feature = "playbooks")]
mod argument;
pub mod autonomy;
pub mod decision;
pub mod digest;
pub mod draft;
pub mod episode;
pub mod fingerprint;
pub mod guardrail;
pub mod id;
pub mod incident;
pub mod ledger;
pub mod limits;
#[cfg(feature = "playbooks")]
pub mod matching;
pub mod operation_log;
pub mod plan;
#[cfg(feature = "playbooks")]
pub mod playbook;
pub mod record;
pub mod repair;
#[cfg(feature = "playbooks")]
pub mod service;
#[cfg(feature = "playbooks")]
pub mod situation;
pub mod storm;
pub mod tables;
pub mod target;
pub mod transition;
