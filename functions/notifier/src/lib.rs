//! The notifier: sends each channel the messages that concern it, and keeps the card of every
//! incident in step with the store.

mod app;
pub mod channel;
pub mod config;
pub mod deliver;
pub mod follow_up;
mod handler;
pub mod render;

pub use crate::app::{App, Failure, SilenceError};

#[cfg(test)]
#[path = "../tests/samples/mod.rs"]
mod samples;
