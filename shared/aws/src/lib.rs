//! AWS without its default client: one connection pool for all services, signed requests, secrets, queues, batches, logs and metrics.

#[cfg(feature = "batch")]
pub mod batch;
mod cause;
pub mod chain;
mod connection;
pub mod deadline;
pub mod decision_keys;
mod dialer;
mod environment;
pub mod lazy_client;
pub mod metrics;
pub mod queue;
pub mod retry;
pub mod secrets;
pub mod signed;
pub mod telemetry;

pub use self::cause::{Cause, Chain};
pub use self::connection::{Connection, never_sent, requests_sent};
pub use self::dialer::Ahead;
pub use self::environment::*;
