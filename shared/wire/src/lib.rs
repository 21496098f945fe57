//! Messages between functions, requests to the bridge, and the command line of a step.

pub mod bridge;
pub mod command_line;
mod mac;
pub mod message;
pub mod problem;
pub mod signed_decision;
