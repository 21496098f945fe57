//! Parsers of alerts and their answers, by kind of sender.

pub mod alertmanager;
pub mod answer;
mod heartbeats;
pub mod parse;
pub mod signals;
pub mod signed_alert;
