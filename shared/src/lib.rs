//! What the functions of Quell agree on: the pure domain, the messages between functions, and the store.
//!
//! `domain` and `message` build with no feature; everything that talks to AWS stands behind one (see `Cargo.toml`).

pub mod bridge;
pub mod deadline;
pub mod domain;
pub mod fault;
pub mod message;
pub mod metrics;
pub mod variables;

#[cfg(feature = "json-files")]
pub mod alert_tables;
#[cfg(feature = "alertmanager")]
pub mod alertmanager;
#[cfg(feature = "playbooks")]
pub mod analyzer_files;
#[cfg(feature = "links")]
pub mod approval_link;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(any(feature = "queue", feature = "consumer"))]
pub mod chain;
#[cfg(feature = "json-files")]
pub mod channels_file;
#[cfg(feature = "command-line")]
pub mod command_line;
#[cfg(feature = "consumer")]
pub mod consumer;
#[cfg(feature = "command-line")]
pub mod guard_lines;
#[cfg(feature = "intake")]
pub mod intake;
#[cfg(feature = "jitter")]
pub mod jitter;
#[cfg(feature = "json-files")]
mod json_file;
#[cfg(any(feature = "store", feature = "queue"))]
pub mod lazily;
#[cfg(feature = "playbooks")]
pub mod operator_files;
#[cfg(feature = "outbound")]
pub mod outbound;
#[cfg(feature = "queue")]
pub mod queue;
#[cfg(feature = "redaction")]
pub mod redaction;
#[cfg(feature = "secret-cache")]
pub mod secrets;
#[cfg(feature = "signed")]
pub mod signed;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "aws")]
pub mod telemetry;
#[cfg(feature = "playbooks")]
mod yaml;
