//! Delivery of a channel's outbox.

pub(crate) mod card;
mod chart;
mod chart_policy;
mod log;
pub(crate) mod notices;
pub mod policy;
mod posts;
pub mod rate_limit;
pub(crate) mod replies;
pub(crate) mod trouble;
pub(crate) mod worker;
