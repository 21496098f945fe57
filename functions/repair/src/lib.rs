//! The repair function: runs an approved plan, one recorded step after the other, and says truthfully how it ended.

mod app;
pub mod bridge;
pub mod config;
mod entrance;
mod handler;
mod lease;
mod record;
mod run;
mod silence;
pub mod turn;

pub use crate::app::{App, Failure};
