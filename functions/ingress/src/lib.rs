//! Ingress: the door. It authenticates, normalises and counts alerts, queues new incidents, and takes people's decisions.

pub mod alertmanager;
pub mod answer;
mod app;
pub mod approvals;
pub mod authentication;
pub mod body;
pub mod config;
mod handler;
mod link_page;
mod links;
mod presses;
pub mod reading;
pub mod rejection;
mod reply;
pub mod routes;
pub mod signals;
pub mod signed_alert;
mod slack;
pub mod telegram;

pub use crate::app::App;
