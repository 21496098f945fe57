//! Nodes whose network is slow or loses packets: everything on them is slow, and nothing else is.

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::cluster::Cluster;
use crate::model::slow_chain::{SlowChain, late_node, lossy_node};
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::NodePacketLoss],
        look: packet_loss,
    },
    Rule {
        causes: &[Cause::NodeNetworkDelay],
        look: delay,
    },
];

/// The node sends more TCP segments again than before, and services are slow.
///
/// <https://github.com/prometheus/node_exporter> (`netstat`: `node_netstat_Tcp_RetransSegs`), <https://www.rfc-editor.org/rfc/rfc6298>
fn packet_loss(cluster: &Cluster<'_>) -> Vec<Finding> {
    let slow = SlowChain::of(cluster).slow;
    let lossy = lossy_node(cluster).filter(|_| !slow.is_empty());
    let found = lossy.map(|change| {
        let of = ObjectRef::new("Node", "", &change.object.name);
        let finding = Finding::new(of, Cause::NodePacketLoss, Support::Inferred)
            .seen(format!("metrics of {}", change.object.name), &change.quote);
        let slow = slow.values().take(3);
        slow.fold(finding, |finding, slow| {
            finding.seen(format!("metrics of {}", slow.object.name), &slow.quote)
        })
    });
    found.into_iter().collect()
}

/// Everything that is slow comes together at one node, which loses nothing.
///
/// <https://kubernetes.io/docs/concepts/cluster-administration/networking/>
fn delay(cluster: &Cluster<'_>) -> Vec<Finding> {
    let late = late_node(cluster).map(|(name, ends)| {
        let of = ObjectRef::new("Node", "", name);
        let finding = Finding::new(of, Cause::NodeNetworkDelay, Support::Inferred);
        ends.iter().fold(finding, |finding, end| {
            finding.seen(format!("metrics of {}", end.object.name), &end.quote)
        })
    });
    late.into_iter().collect()
}
