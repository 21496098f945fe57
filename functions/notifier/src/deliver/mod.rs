//! Delivery of what is due in a channel.

pub(crate) mod card;
pub(crate) mod notices;
pub mod policy;
pub mod rate_limit;
pub(crate) mod worker;
