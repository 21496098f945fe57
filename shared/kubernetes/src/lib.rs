//! Diagnosis of a Kubernetes namespace: rules over a snapshot of it, which name the failing object and the cause.
//!
//! [`diagnose`] takes a [`Snapshot`] and returns a [`Diagnosis`]: causes in order, each with the object, its evidence and how far
//! the evidence carries. Where nothing carries a cause, [`Diagnosis::cause`] is `None`: the cause is unknown. The crate reads no
//! clock and no network; whoever fetches the objects (through a bastion or the API server) fills the snapshot with what came back,
//! and a rule whose facts are missing is silent.
//!
//! A new cause is a line in [`cause`] and a rule in `rules`, with the document of Kubernetes that explains the state it reads.

pub mod cause;
pub mod finding;
mod model;
mod rules;
pub mod snapshot;

use cause::Cause;
use finding::Diagnosis;
use model::cluster::Cluster;
use snapshot::Snapshot;

/// Every cause that the snapshot carries, the best supported first.
#[must_use]
pub fn diagnose(snapshot: &Snapshot) -> Diagnosis {
    diagnose_without(snapshot, &[])
}

/// As [`diagnose`], but without the rules for some causes: a measurement of what is said about a fault that no rule knows.
#[must_use]
pub fn diagnose_without(snapshot: &Snapshot, without: &[Cause]) -> Diagnosis {
    let cluster = Cluster::of(snapshot);
    let findings = rules::all()
        .filter(|rule| !rule.causes.iter().all(|cause| without.contains(cause)))
        .flat_map(|rule| (rule.look)(&cluster))
        .filter(|finding| !without.contains(&finding.cause));
    Diagnosis::of(findings)
}

#[cfg(test)]
mod properties;
