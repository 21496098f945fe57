//! The notifier: tells each channel what concerns it, and keeps the card of every incident as the store has it.

mod app;
pub mod channel;
pub mod config;
pub mod deliver;
pub mod follow_up;
mod handler;
pub mod render;

pub use crate::app::{App, Clock, Failure, SilenceError, StartupError};
