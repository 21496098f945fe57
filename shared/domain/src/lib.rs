//! The rules of Quell as pure functions over plain data: no clock, no randomness, no network.
//!
//! Folders import from left to right only: primitives < {alert, duty} < analysis < playbook < incident < {policy, notification, episode} < transition.

pub mod alert;
pub mod analysis;
pub mod duty;
pub mod episode;
pub mod incident;
pub mod notification;
pub mod playbook;
pub mod policy;
pub mod primitives;
pub mod transition;
