//! The repair function: runs an approved plan, one recorded step after the other, and says truthfully how it ended.

mod admission;
mod app;
pub mod bridge_client;
pub mod config;
pub mod delivery;
mod executor;
mod handler;
mod journal;
mod lease;
mod silence;

pub use crate::app::{App, Failure};
