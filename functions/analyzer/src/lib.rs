//! The analyzer: gives a new incident its diagnosis and, where a playbook fits, a plan.

mod app;
pub mod config;
mod diagnosis;
pub mod evidence;
pub mod finding;
mod handler;
mod models;
pub mod prompt;
pub mod propose;
pub mod providers;
mod reanalysis;
mod recipe;
mod recurrence;
pub mod static_analyzer;
mod storms;
pub mod surroundings;
pub mod trace;

pub use crate::app::{App, Failure, languages_of};
pub use crate::diagnosis::{Diagnosis, LEASE};
pub use crate::handler::decide;
pub use crate::models::worst_price;

#[cfg(test)]
mod injection_tests;

#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
