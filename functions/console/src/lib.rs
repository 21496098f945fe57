//! The console: a read API and the war room's pages, for people who have signed in. It changes nothing about incidents: what
//! its pages change goes through ingress, like a press in a chat.

mod alert_quality;
mod api;
mod app;
mod assets;
pub mod config;
mod filter;
mod handler;
mod health;
mod incidents;
mod pages;
mod refusal;
mod reply;
pub mod routes;
mod say;
mod sign_in;
mod view;

pub use crate::app::App;
