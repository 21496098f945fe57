//! Slow services: the one of a call chain that makes its callers slow.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::Cluster;
use super::service::Service;
use crate::finding::ObjectRef;
use crate::snapshot::{Change, Measure};

/// The services whose answers take longer than before, and those of them that no slower one explains.
#[derive(Debug)]
pub(crate) struct SlowChain<'a> {
    /// By name, with the measurement that says so.
    pub(crate) slow: BTreeMap<&'a str, &'a Change>,
    /// Slow, while nothing that they call is.
    pub(crate) leaves: BTreeSet<&'a str>,
}

impl<'a> SlowChain<'a> {
    /// A service whose median went up is slow for everybody; one of which only the tail went up may wait for another, or be measured
    /// by callers that are slow themselves. So the ends are looked for among the medians, and the tails count where there are none,
    /// and below an end: if exactly one service that it calls has a longer tail, and that explains its own, that is the end.
    pub(crate) fn of(cluster: &Cluster<'a>) -> Self {
        let by = |measure| slower(&cluster.snapshot.changes, measure);
        let (medians, tails) = (by(Measure::MedianLatency), by(Measure::TailLatency));
        let slow = if medians.is_empty() {
            tails.clone()
        } else {
            medians
        };
        let ends = slow.keys().filter(|name| {
            let called = called_by(cluster, name);
            !slow
                .keys()
                .any(|other| other != *name && called.contains(other))
        });
        let leaves = ends
            .map(|end| deeper(cluster, &tails, slow.get(end).copied(), end).unwrap_or(end))
            .collect();
        let mut slow = slow;
        for (name, change) in tails {
            slow.entry(name).or_insert(change);
        }
        Self { slow, leaves }
    }
}

/// The one service below an end that explains it: its tail grew by a greater factor, and by a good part of the time.
fn deeper<'a>(
    cluster: &Cluster<'a>,
    tails: &BTreeMap<&'a str, &'a Change>,
    median: Option<&Change>,
    end: &str,
) -> Option<&'a str> {
    // What is measured of a service that is called over a slow network includes some of its caller's delay.
    const GOOD_PART: f64 = 0.25;
    let called = called_by(cluster, end);
    let mut below = tails
        .iter()
        .filter(|(name, _)| **name != end && called.contains(**name));
    let (name, tail) = below.next().filter(|_| below.next().is_none())?;
    let explains = |own: &Change| {
        let (longer, own_longer) = (tail.now - tail.before, own.now - own.before);
        factor(tail) > factor(own) && longer >= GOOD_PART * own_longer
    };
    let own = tails.get(end).copied().or(median);
    own.is_none_or(explains).then_some(*name)
}

/// How many times longer; what took less than a millisecond counts as one.
fn factor(change: &Change) -> f64 {
    change.now / change.before.max(1e-3)
}

fn slower(changes: &[Change], measure: Measure) -> BTreeMap<&str, &Change> {
    changes
        .iter()
        .filter(|change| change.measure == measure && change.now > change.before)
        .filter(|change| change.object.kind != "Node")
        .map(|change| (change.object.name.as_str(), change))
        .collect()
}

/// Everything that a service calls, directly or through others.
fn called_by<'a>(cluster: &Cluster<'a>, name: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next = vec![name.to_owned()];
    while let Some(caller) = next.pop() {
        for call in &cluster.snapshot.calls {
            if call.caller == caller && found.insert(call.callee.as_str()) {
                next.push(call.callee.clone());
            }
        }
    }
    found
}

/// The workload of a service's name: of the same name, or behind the Service of that name.
pub(crate) fn workload(cluster: &Cluster<'_>, of: &ObjectRef) -> Option<ObjectRef> {
    let mut workloads = cluster.workloads();
    let named = workloads.find(|workload| workload.name() == of.name);
    named.map(|workload| workload.reference()).or_else(|| {
        let service = cluster
            .all("Service")
            .find(|service| service.name() == of.name)?;
        let behind = Service(service).workloads(cluster);
        behind.first().map(|workload| workload.reference())
    })
}

/// The nodes that a service's pods are on.
pub(crate) fn nodes<'a>(cluster: &Cluster<'a>, of: &ObjectRef) -> BTreeSet<&'a str> {
    let pods = workload(cluster, of).map(|workload| cluster.pods_of(&workload));
    let nodes = pods.iter().flatten().map(|pod| pod.node());
    nodes.filter(|node| !node.is_empty()).collect()
}

/// Segments sent again per second from which on they are losses. A delay that rises suddenly lets a few retransmission timers fire
/// early, on the other side of the slow link.
///
/// <https://www.rfc-editor.org/rfc/rfc5682>
const LOSSES: f64 = 1.0;

/// The nodes that send more segments again than before.
fn sending_again<'a>(cluster: &Cluster<'a>) -> impl Iterator<Item = &'a Change> {
    let changes = cluster.snapshot.changes.iter();
    changes.filter(|change| {
        change.object.kind == "Node"
            && change.measure == Measure::Retransmissions
            && change.now > change.before
    })
}

/// The node that loses most segments.
pub(crate) fn lossy_node<'a>(cluster: &Cluster<'a>) -> Option<&'a Change> {
    sending_again(cluster)
        .filter(|change| change.now >= LOSSES)
        .max_by(|a, b| a.now.total_cmp(&b.now))
}

/// The one node whose network is late: the slow chain has several ends, which do not call each other, and all are on it; or it has
/// one, and another node sends segments again, whose acknowledgements come late. With the ends.
pub(crate) fn late_node<'a>(cluster: &Cluster<'a>) -> Option<(&'a str, Vec<&'a Change>)> {
    let chain = SlowChain::of(cluster);
    let ends: Vec<&Change> = chain
        .leaves
        .iter()
        .filter_map(|leaf| chain.slow.get(leaf).copied())
        .collect();
    let mut places = ends.iter().map(|end| nodes(cluster, &end.object));
    let first = places.next().filter(|first| first.len() == 1)?;
    let node = *first.first()?;
    let same = places.all(|place| place == first);
    let peers_resend = sending_again(cluster).any(|change| change.object.name != node);
    (same && lossy_node(cluster).is_none() && (ends.len() > 1 || peers_resend))
        .then_some((node, ends))
}
