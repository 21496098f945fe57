//! The rules, by the kind of object whose state they read.
//!
//! A rule looks at the facts of its own kind and says nothing where they are missing or ambiguous. It does not know what other rules
//! found: each has to be right by itself, so that a fault which no rule knows stays unknown.

mod admission;
mod claims;
mod config;
mod crash;
mod database;
mod dns;
mod gateway;
mod image;
mod latency;
mod memory;
mod node;
mod node_network;
mod probe;
mod quota;
mod scheduling;
mod service;
mod service_address;
mod workload;

#[cfg(test)]
mod admission_tests;
#[cfg(test)]
mod fixtures_tests;
#[cfg(test)]
mod node_tests;
#[cfg(test)]
mod routing_tests;
#[cfg(test)]
mod runtime_tests;
#[cfg(test)]
mod scheduling_tests;
#[cfg(test)]
mod startup_tests;

use crate::cause::Cause;
use crate::finding::Finding;
use crate::model::cluster::Cluster;

/// A function over the cluster, and the causes that it can name.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) causes: &'static [Cause],
    pub(crate) look: fn(&Cluster<'_>) -> Vec<Finding>,
}

/// All rules. What breaks others stands before what is broken by it: among findings of equal support the first is the cause.
const BY_KIND: [&[Rule]; 18] = [
    node::RULES,
    node_network::RULES,
    dns::RULES,
    quota::RULES,
    admission::RULES,
    scheduling::RULES,
    claims::RULES,
    image::RULES,
    config::RULES,
    memory::RULES,
    probe::RULES,
    database::RULES,
    crash::RULES,
    workload::RULES,
    service::RULES,
    service_address::RULES,
    gateway::RULES,
    latency::RULES,
];

pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    BY_KIND.into_iter().flatten()
}
