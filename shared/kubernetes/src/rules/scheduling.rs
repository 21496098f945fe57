//! Pods that no node takes: resources, selectors, affinity, taints, cordons, ports, spread.
//!
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/>

use crate::cause::Cause;
use crate::finding::{Finding, Support};
use crate::model::cluster::Cluster;
use crate::model::json::text;
use crate::model::labels::written;
use crate::model::object::Object;
use crate::model::schedule::{Filter, Unscheduled, for_pods, is_cordoned};
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[
            Cause::InsufficientCpu,
            Cause::InsufficientMemory,
            Cause::InsufficientOther,
        ],
        look: resources,
    },
    Rule {
        causes: &[Cause::NodeSelector],
        look: node_selector,
    },
    Rule {
        causes: &[Cause::NodeAffinity],
        look: node_affinity,
    },
    Rule {
        causes: &[Cause::TaintNotTolerated],
        look: taint,
    },
    Rule {
        causes: &[Cause::NodesCordoned],
        look: cordon,
    },
    Rule {
        causes: &[Cause::PodAntiAffinity, Cause::PodAffinity],
        look: pod_affinity,
    },
    Rule {
        causes: &[Cause::TopologySpread],
        look: spread,
    },
    Rule {
        causes: &[Cause::HostPortTaken],
        look: host_port,
    },
    Rule {
        causes: &[Cause::VolumeZone],
        look: volume_zone,
    },
];

/// The nodes that pass every other filter have too little left.
///
/// <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-requests-are-scheduled>
fn resources(cluster: &Cluster<'_>) -> Vec<Finding> {
    last(cluster, Filter::Resources)
        .filter_map(|pod| {
            let most = pod
                .rejected_by(Filter::Resources)
                .max_by_key(|one| one.nodes)?;
            let cause = match most.reason.as_str() {
                "Insufficient cpu" => Cause::InsufficientCpu,
                "Insufficient memory" => Cause::InsufficientMemory,
                _ => Cause::InsufficientOther,
            };
            Some(stated(cluster, &pod, cause))
        })
        .collect()
}

/// No node has the labels of the pod's `nodeSelector`.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodeselector>
fn node_selector(cluster: &Cluster<'_>) -> Vec<Finding> {
    unmatched(cluster)
        .filter(|(pod, nodes)| {
            let selector = pod.node_selector();
            !selector.is_empty() && !nodes.iter().any(|node| pod.selector_takes(node))
        })
        .map(|(pod, _)| {
            let selector = written(&pod.node_selector());
            stated(cluster, &pod, Cause::NodeSelector).seen("nodeSelector", selector)
        })
        .collect()
}

/// No node satisfies the pod's required node affinity.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#node-affinity>
fn node_affinity(cluster: &Cluster<'_>) -> Vec<Finding> {
    unmatched(cluster)
        .filter(|(pod, nodes)| {
            let terms = pod.affinity_terms();
            !terms.is_empty() && !nodes.iter().any(|node| pod.affinity_takes(node))
        })
        .map(|(pod, _)| {
            let terms = serde_json::Value::from(pod.affinity_terms()).to_string();
            stated(cluster, &pod, Cause::NodeAffinity).seen("nodeAffinity", terms)
        })
        .collect()
}

/// Pods of which the scheduler says that their selector or affinity does not match, with the nodes that it looked at.
fn unmatched<'c, 'a>(
    cluster: &'c Cluster<'a>,
) -> impl Iterator<Item = (Unscheduled<'a>, Vec<Object<'a>>)> + 'c {
    let nodes = for_pods(cluster);
    Unscheduled::all(cluster)
        .into_iter()
        .filter(|pod| pod.rejected_by(Filter::NodeAffinity).next().is_some())
        .map(move |pod| (pod, nodes.clone()))
}

/// The nodes that the pod wants to be on have a taint that it does not tolerate. Where nodes were not read, the scheduler's word has
/// to be that no other filter got further.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/>
fn taint(cluster: &Cluster<'_>) -> Vec<Finding> {
    let nodes = for_pods(cluster);
    Unscheduled::all(cluster)
        .into_iter()
        .filter(|pod| pod.rejected_by(Filter::Taint).next().is_some())
        .filter_map(|pod| {
            let finding = stated(cluster, &pod, Cause::TaintNotTolerated);
            if nodes.is_empty() {
                return (pod.last_filter() == Some(Filter::Taint)).then_some(finding);
            }
            let wanted: Vec<_> = nodes
                .iter()
                .filter(|node| pod.wants(node) && !is_cordoned(node))
                .collect();
            let (first, taint) = wanted
                .iter()
                .find_map(|node| Some((node, pod.kept_away_by(node)?)))?;
            let all = wanted.iter().all(|node| pod.kept_away_by(node).is_some());
            let quote = format!(
                "{}={}:{}",
                text(taint, "/key"),
                text(taint, "/value"),
                text(taint, "/effect")
            );
            all.then(|| finding.seen(format!("{} taints", first.reference()), quote))
        })
        .collect()
}

/// Every node that the pod wants to be on is out of service.
///
/// <https://kubernetes.io/docs/concepts/architecture/nodes/#manual-node-administration>
fn cordon(cluster: &Cluster<'_>) -> Vec<Finding> {
    let nodes = for_pods(cluster);
    Unscheduled::all(cluster)
        .into_iter()
        .filter(|pod| pod.rejected_by(Filter::Unschedulable).next().is_some())
        .filter(|pod| {
            let mut wanted = nodes.iter().filter(|node| pod.wants(node)).peekable();
            match wanted.peek() {
                Some(_) => wanted.all(is_cordoned),
                None => pod.last_filter() == Some(Filter::Unschedulable),
            }
        })
        .map(|pod| stated(cluster, &pod, Cause::NodesCordoned))
        .collect()
}

/// The nodes that have room run a pod that this one must not, or must, be beside of.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity>
fn pod_affinity(cluster: &Cluster<'_>) -> Vec<Finding> {
    last(cluster, Filter::PodAffinity)
        .map(|pod| {
            let anti = pod
                .rejected_by(Filter::PodAffinity)
                .any(|one| one.reason.contains("anti-affinity"));
            let cause = if anti {
                Cause::PodAntiAffinity
            } else {
                Cause::PodAffinity
            };
            stated(cluster, &pod, cause)
        })
        .collect()
}

/// One more pod there would make the spread uneven.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/>
fn spread(cluster: &Cluster<'_>) -> Vec<Finding> {
    last(cluster, Filter::Spread)
        .map(|pod| stated(cluster, &pod, Cause::TopologySpread))
        .collect()
}

/// Another pod has the node's port.
///
/// <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#ports>
fn host_port(cluster: &Cluster<'_>) -> Vec<Finding> {
    last(cluster, Filter::HostPort)
        .map(|pod| stated(cluster, &pod, Cause::HostPortTaken))
        .collect()
}

/// The pod's volume can only be mounted on nodes that do not take the pod.
///
/// <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#node-affinity>
fn volume_zone(cluster: &Cluster<'_>) -> Vec<Finding> {
    last(cluster, Filter::Volume)
        .filter(|pod| {
            pod.rejected_by(Filter::Volume)
                .any(|one| one.reason.contains("volume node affinity conflict"))
        })
        .map(|pod| stated(cluster, &pod, Cause::VolumeZone))
        .collect()
}

/// Pods whose best nodes failed at a filter.
fn last<'a>(cluster: &Cluster<'a>, filter: Filter) -> impl Iterator<Item = Unscheduled<'a>> {
    Unscheduled::all(cluster)
        .into_iter()
        .filter(move |pod| pod.last_filter() == Some(filter))
}

fn stated(cluster: &Cluster<'_>, of: &Unscheduled<'_>, cause: Cause) -> Finding {
    let pod = of.pod.0;
    Finding::new(cluster.owner(pod), cause, Support::Stated).seen(
        format!("FailedScheduling of {}", pod.reference()),
        &of.message,
    )
}
