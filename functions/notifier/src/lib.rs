//! The notifier: tells each channel what concerns it, and keeps the card of every incident as the store has it.

mod app;
mod buttons;
pub mod channel;
pub mod check;
pub mod config;
pub mod content;
mod handler;
mod links;
mod live_card;
mod notices;
pub mod outbox;
pub mod presenting;
mod pump;
pub mod rate;
pub mod resolution;
pub mod rich;
pub mod samples;
pub mod silence;
pub mod templates;
pub mod view;
pub mod watch;
mod words;

pub use crate::app::{App, Clock, Failure, NotStarted, SilenceError};
