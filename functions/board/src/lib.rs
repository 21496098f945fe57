//! The board's function: keeps the document that the console shows, from the table's stream (decision 46).
//!
//! Its role reads incidents and writes the board and its census, and nothing else.

mod app;
pub mod config;
pub mod event;
mod handler;

pub use crate::app::{App, Failure};
