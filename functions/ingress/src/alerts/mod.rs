//! Routes by which alerts come in.

pub mod alertmanager;
pub mod answer;
pub mod parse;
pub mod signals;
pub mod signed_alert;
