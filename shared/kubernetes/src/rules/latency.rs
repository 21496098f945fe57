//! Services that answer slowly: held back at their CPU limit, or the network of the pod at the end of the slow chain.

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::cluster::Cluster;
use crate::model::slow_chain::{SlowChain, late_node, lossy_node, workload};
use crate::rules::Rule;
use crate::snapshot::{Change, Measure};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::CpuThrottled],
        look: throttled,
    },
    Rule {
        causes: &[Cause::PodPacketLoss],
        look: packet_loss,
    },
    Rule {
        causes: &[Cause::PodNetworkDelay],
        look: delay,
    },
];

/// A workload uses more CPU than before, the kernel holds it back at its limit, and its answers take longer, or nothing's do.
///
/// <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run>
fn throttled(cluster: &Cluster<'_>) -> Vec<Finding> {
    let changes = &cluster.snapshot.changes;
    let chain = SlowChain::of(cluster);
    let held_back = changes
        .iter()
        .filter(|change| change.measure == Measure::Throttled && change.now > 0.0);
    held_back
        .filter_map(|held_back| {
            let cpu = rise(changes, Measure::Cpu, &held_back.object)?;
            let slow = chain.slow.get(held_back.object.name.as_str()).copied();
            let object = workload(cluster, &held_back.object)?;
            let finding = Finding::new(object, Cause::CpuThrottled, Support::Inferred);
            let seen = [Some(held_back), Some(cpu), slow].into_iter().flatten();
            (slow.is_some() || chain.slow.is_empty()).then(|| {
                seen.fold(finding, |finding, change| {
                    finding.seen(format!("metrics of {}", change.object.name), &change.quote)
                })
            })
        })
        .collect()
}

fn rise<'a>(changes: &'a [Change], measure: Measure, of: &ObjectRef) -> Option<&'a Change> {
    changes.iter().find(|change| {
        change.measure == measure && change.object == *of && change.now > change.before
    })
}

/// The end of the slow chain sends more segments again than before, and its node does not.
///
/// <https://www.rfc-editor.org/rfc/rfc6298>
fn packet_loss(cluster: &Cluster<'_>) -> Vec<Finding> {
    only_leaf(cluster)
        .and_then(|slow| {
            let lost = rise(
                &cluster.snapshot.changes,
                Measure::Retransmissions,
                &slow.object,
            )?;
            let object = workload(cluster, &slow.object)?;
            Some(
                Finding::new(object, Cause::PodPacketLoss, Support::Inferred)
                    .seen(format!("metrics of {}", slow.object.name), &lost.quote)
                    .seen(format!("metrics of {}", slow.object.name), &slow.quote),
            )
        })
        .into_iter()
        .collect()
}

/// The end of the slow chain answers later without using more CPU: its network, or what it waits for outside of the cluster.
///
/// <https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/>
fn delay(cluster: &Cluster<'_>) -> Vec<Finding> {
    let changes = &cluster.snapshot.changes;
    only_leaf(cluster)
        .filter(|slow| rise(changes, Measure::Retransmissions, &slow.object).is_none())
        .and_then(|slow| {
            let object = workload(cluster, &slow.object)?;
            let source = format!("metrics of {}", slow.object.name);
            Some(
                Finding::new(object, Cause::PodNetworkDelay, Support::Inferred)
                    .seen(source, &slow.quote),
            )
        })
        .into_iter()
        .collect()
}

/// The one service at the end of the slow chain. Several ends have something in common that is not one pod; a workload that is
/// broken, a node whose network is bad, and a workload held back at its CPU limit make others slow as well.
fn only_leaf<'a>(cluster: &Cluster<'a>) -> Option<&'a Change> {
    let changes = &cluster.snapshot.changes;
    let broken = cluster
        .workloads()
        .any(|workload| cluster.is_broken(&workload.reference()));
    let of_node = lossy_node(cluster).is_some() || late_node(cluster).is_some();
    let chain = SlowChain::of(cluster);
    let mut leaves = chain.leaves.iter();
    let leaf = leaves
        .next()
        .filter(|_| leaves.next().is_none() && !broken && !of_node)?;
    let slow = chain.slow.get(leaf)?;
    let held_back = rise(changes, Measure::Throttled, &slow.object).is_some()
        && rise(changes, Measure::Cpu, &slow.object).is_some();
    (!held_back).then_some(slow)
}
