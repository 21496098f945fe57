//! Views of a snapshot for the rules: objects by kind and name, pods with their containers, labels, quantities.

pub(crate) mod address;
pub(crate) mod claims;
pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod events;
pub(crate) mod json;
pub(crate) mod labels;
pub(crate) mod object;
pub(crate) mod pod;
pub(crate) mod port;
pub(crate) mod probe;
pub(crate) mod quantity;
pub(crate) mod schedule;
pub(crate) mod service;
pub(crate) mod slow_chain;
