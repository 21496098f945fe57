//! The rules of Quell as pure functions over plain data: no clock, no randomness, no network.

pub mod alert;
pub mod analysis;
pub mod approval;
#[cfg(feature = "playbooks")]
mod argument;
pub mod decision;
pub mod digest;
pub mod draft;
pub mod episode;
pub mod fingerprint;
pub mod id;
pub mod incident;
#[cfg(feature = "playbooks")]
pub mod matching;
pub mod operation_log;
pub mod plan;
#[cfg(feature = "playbooks")]
pub mod playbook;
pub mod repair;
#[cfg(feature = "playbooks")]
pub mod service;
pub mod storm;
pub mod tables;
pub mod target;
pub mod transition;
