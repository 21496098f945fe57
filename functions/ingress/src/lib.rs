//! Ingress, the function behind the API: authenticates, normalises and counts alerts, queues new
//! incidents, and takes people's decisions.

pub mod alerts;
mod app;
pub mod authentication;
pub mod body;
pub mod config;
mod handler;
pub mod interactions;
pub mod rejection;
mod reply;
pub mod routes;

pub use crate::app::App;
