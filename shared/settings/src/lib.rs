//! Environment variables, configuration errors, and the JSON files that ingress reads.

pub mod alert_tables;
pub mod channels_file;
pub mod config_error;
mod json_file;
pub mod sign_in_file;
pub mod startup;
pub mod variables;
