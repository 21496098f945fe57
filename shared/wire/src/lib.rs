//! Messages between functions, requests to the bridge, the command line of a step, and the routes and problems of the API.

pub mod bridge;
pub mod command_line;
mod mac;
pub mod message;
pub mod problem;
pub mod route;
pub mod signed_decision;
