//! Scheduling: the scheduler's messages about pending pods, and the taints, conditions and capacity of nodes.

use serde_json::Value;

use super::cluster::Cluster;
use super::json::{at, is_true, list, text};
use super::labels::{Labels, has_all, holds, labels};
use super::object::Object;
use super::pod::Pod;

/// One reason of the scheduler's message, with the number of nodes that it rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) nodes: u32,
    pub(crate) reason: String,
}

/// The filters of the scheduler in the order in which it applies them to each node. A node is counted under the first one that
/// rejects it: the last filter of a message is the one that the best nodes failed at.
///
/// <https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Filter {
    Unschedulable,
    Taint,
    NodeAffinity,
    HostPort,
    Resources,
    Volume,
    Spread,
    PodAffinity,
}

impl Rejection {
    pub(crate) fn filter(&self) -> Option<Filter> {
        let has = |part: &str| self.reason.contains(part);
        Some(match () {
            () if has("unschedulable") => Filter::Unschedulable,
            () if has("untolerated taint") || has("didn't tolerate") => Filter::Taint,
            () if has("node affinity/selector") || has("node selector") => Filter::NodeAffinity,
            () if has("free ports") => Filter::HostPort,
            () if has("Insufficient") || has("Too many pods") => Filter::Resources,
            () if has("volume") || has("persistentvolumeclaim") => Filter::Volume,
            () if has("topology spread") => Filter::Spread,
            () if has("affinity rules") => Filter::PodAffinity,
            () => return None,
        })
    }
}

/// `0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu. preemption: …`, and messages without numbers, which
/// hold for every node.
///
/// <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#my-pods-are-pending-with-event-message-failedscheduling>
pub(crate) fn rejections(message: &str) -> Vec<Rejection> {
    let of_nodes = message
        .split_once("nodes are available: ")
        .map_or(message, |(_, reasons)| reasons);
    let reasons = ["preemption:", "no new claims to deallocate"]
        .iter()
        .filter_map(|end| of_nodes.find(end))
        .min()
        .map_or(of_nodes, |end| &of_nodes[..end]);
    reasons
        .trim()
        .trim_end_matches(['.', ','])
        .split(", ")
        .filter(|reason| !reason.is_empty())
        .map(|reason| {
            let (count, rest) = reason.split_once(' ').unwrap_or(("", reason));
            match count.parse() {
                Ok(nodes) => Rejection {
                    nodes,
                    reason: rest.to_owned(),
                },
                Err(_) => Rejection {
                    nodes: 0,
                    reason: reason.to_owned(),
                },
            }
        })
        .collect()
}

/// A pod without a node, with the scheduler's latest words.
#[derive(Debug)]
pub(crate) struct Unscheduled<'a> {
    pub(crate) pod: Pod<'a>,
    pub(crate) message: String,
    pub(crate) rejections: Vec<Rejection>,
}

impl<'a> Unscheduled<'a> {
    pub(crate) fn all(cluster: &Cluster<'a>) -> Vec<Self> {
        let pods = cluster.pods().into_iter().filter(Pod::is_unscheduled);
        pods.map(|pod| {
            let said = cluster
                .events_of(&pod.0.reference(), &["FailedScheduling"])
                .find(|event| !event.message.starts_with("skip schedule"))
                .map(|event| event.message.as_str())
                .or_else(|| pod.condition("PodScheduled"));
            let message = said.unwrap_or_default().to_owned();
            let rejections = rejections(&message);
            Self {
                pod,
                message,
                rejections,
            }
        })
        .collect()
    }

    /// The filter that the best nodes failed at.
    pub(crate) fn last_filter(&self) -> Option<Filter> {
        self.rejections.iter().filter_map(Rejection::filter).max()
    }

    pub(crate) fn rejected_by(&self, filter: Filter) -> impl Iterator<Item = &Rejection> {
        self.rejections
            .iter()
            .filter(move |one| one.filter() == Some(filter))
    }

    pub(crate) fn node_selector(&self) -> Labels<'a> {
        labels(self.pod.spec(), "/nodeSelector")
    }

    /// The terms of the required node affinity: one of them has to hold.
    pub(crate) fn affinity_terms(&self) -> &'a [Value] {
        list(
            self.pod.spec(),
            "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
        )
    }

    pub(crate) fn selector_takes(&self, node: &Object<'_>) -> bool {
        has_all(&node_labels(node), &self.node_selector())
    }

    pub(crate) fn affinity_takes(&self, node: &Object<'_>) -> bool {
        let of = node_labels(node);
        let name = Labels::from([("metadata.name", node.name())]);
        let terms = self.affinity_terms();
        terms.is_empty()
            || terms.iter().any(|term| {
                let (labels, fields) =
                    (list(term, "/matchExpressions"), list(term, "/matchFields"));
                labels.iter().all(|expression| holds(expression, &of))
                    && fields.iter().all(|expression| holds(expression, &name))
            })
    }

    /// Whether the pod wants to be on the node, whatever keeps it from there.
    pub(crate) fn wants(&self, node: &Object<'_>) -> bool {
        self.selector_takes(node) && self.affinity_takes(node)
    }

    /// The taints of a node that keep the pod away, without those that Kubernetes sets by itself for what is wrong with the node.
    ///
    /// <https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/>
    pub(crate) fn kept_away_by(&self, node: &Object<'a>) -> Option<&'a Value> {
        let tolerations = list(self.pod.spec(), "/tolerations");
        list(node.value, "/spec/taints").iter().find(|taint| {
            let soft = text(taint, "/effect") == "PreferNoSchedule";
            let own = text(taint, "/key").starts_with("node.kubernetes.io/");
            !soft && !own && !tolerations.iter().any(|one| tolerates(one, taint))
        })
    }
}

/// The labels of a node. The kubelet sets the host's name, which most often is the node's; a node that has lost it gets it again.
///
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetesiohostname>
fn node_labels<'a>(node: &Object<'a>) -> Labels<'a> {
    let mut labels = node.labels();
    labels
        .entry("kubernetes.io/hostname")
        .or_insert(node.name());
    labels
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let (key, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
    let same_effect = effect.is_empty() || effect == text(taint, "/effect");
    let same_key = key == text(taint, "/key");
    same_effect
        && match text(toleration, "/operator") {
            "Exists" => key.is_empty() || same_key,
            _ => same_key && at(toleration, "/value") == at(taint, "/value"),
        }
}

/// The nodes that are there for pods. One of the control plane that takes none is out by design: no pod waits for it.
///
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#node-role-kubernetes-io-control-plane>
pub(crate) fn for_pods<'a>(cluster: &Cluster<'a>) -> Vec<Object<'a>> {
    let of_control_plane = |node: &Object<'_>| {
        let labels = node.labels();
        let roles = [
            "node-role.kubernetes.io/control-plane",
            "node-role.kubernetes.io/master",
        ];
        let role = labels.get("kubernetes.io/role");
        roles.iter().any(|label| labels.contains_key(label))
            || matches!(role, Some(&("master" | "control-plane")))
    };
    cluster
        .all("Node")
        .filter(|node| !(is_cordoned(node) && of_control_plane(node)))
        .collect()
}

/// A node that somebody took out of service (`kubectl cordon`).
///
/// <https://kubernetes.io/docs/concepts/architecture/nodes/#manual-node-administration>
pub(crate) fn is_cordoned(node: &Object<'_>) -> bool {
    is_true(node.value, "/spec/unschedulable")
}

#[cfg(test)]
mod tests {
    use super::{Filter, Rejection, rejections};

    #[test]
    fn the_scheduler_s_message_falls_into_its_reasons() {
        let found = rejections(
            "0/6 nodes are available: 1 node(s) had untolerated taint {dedicated: batch}, 1 node(s) were unschedulable, \
             4 Insufficient memory. preemption: 0/6 nodes are available: 2 Preemption is not helpful for scheduling, \
             4 No preemption victims found for incoming pod.",
        );
        let filters: Vec<_> = found.iter().map(|one| (one.nodes, one.filter())).collect();
        assert_eq!(
            filters,
            [
                (1, Some(Filter::Taint)),
                (1, Some(Filter::Unschedulable)),
                (4, Some(Filter::Resources))
            ]
        );
    }

    #[test]
    fn a_message_without_numbers_holds_for_all_nodes() {
        let message = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes";
        let found = rejections(message);
        assert_eq!(
            found,
            [Rejection {
                nodes: 0,
                reason: "pod has unbound immediate PersistentVolumeClaims".to_owned()
            }]
        );
        assert_eq!(rejections(""), []);
    }
}
