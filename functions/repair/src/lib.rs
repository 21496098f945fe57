//! The repair function: runs an approved plan step by step, records each step, and reports how the
//! run ended.

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
