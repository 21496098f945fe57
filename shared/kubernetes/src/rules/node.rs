//! Nodes and the control plane: services that do not run, conditions that do not hold.
//!
//! <https://kubernetes.io/docs/concepts/architecture/>

use std::collections::BTreeSet;

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::cluster::Cluster;
use crate::model::json::{list, text};
use crate::model::object::Object;
use crate::rules::Rule;
use crate::snapshot::ConnectionCheck;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::Kubelet],
        look: |cluster| stopped(cluster, Cause::Kubelet, &["kubelet"]),
    },
    Rule {
        causes: &[Cause::ContainerRuntime],
        look: |cluster| stopped(cluster, Cause::ContainerRuntime, RUNTIMES),
    },
    Rule {
        causes: &[Cause::KubeProxy],
        look: |cluster| stopped(cluster, Cause::KubeProxy, &["kube-proxy"]),
    },
    Rule {
        causes: &[Cause::Scheduler],
        look: |cluster| stopped(cluster, Cause::Scheduler, &["kube-scheduler"]),
    },
    Rule {
        causes: &[Cause::ControllerManager],
        look: |cluster| {
            stopped(
                cluster,
                Cause::ControllerManager,
                &["kube-controller-manager"],
            )
        },
    },
    Rule {
        causes: &[Cause::ApiServer],
        look: |cluster| stopped(cluster, Cause::ApiServer, &["kube-apiserver"]),
    },
    Rule {
        causes: &[Cause::Etcd],
        look: |cluster| stopped(cluster, Cause::Etcd, &["etcd"]),
    },
    Rule {
        causes: &[Cause::ContainerRuntime],
        look: runtime_down,
    },
    Rule {
        causes: &[Cause::NodeNetworkPlugin],
        look: network_plugin,
    },
    Rule {
        causes: &[Cause::Kubelet],
        look: silent,
    },
    Rule {
        causes: &[Cause::KubeProxy],
        look: cut_off,
    },
    Rule {
        causes: &[
            Cause::NodeMemoryPressure,
            Cause::NodeDiskPressure,
            Cause::NodePidPressure,
        ],
        look: pressure,
    },
    Rule {
        causes: &[
            Cause::Scheduler,
            Cause::ControllerManager,
            Cause::ApiServer,
            Cause::Etcd,
            Cause::KubeProxy,
        ],
        look: static_pods,
    },
];

/// <https://kubernetes.io/docs/setup/production-environment/container-runtimes/>
const RUNTIMES: &[&str] = &["containerd", "crio", "cri-o", "docker", "cri-docker"];

/// A service of the node that its init system says does not run.
///
/// <https://kubernetes.io/docs/tasks/debug/debug-cluster/#looking-at-logs>
fn stopped(cluster: &Cluster<'_>, cause: Cause, units: &[&str]) -> Vec<Finding> {
    cluster
        .snapshot
        .node_services
        .iter()
        .filter(|service| units.contains(&service.unit.as_str()))
        .filter(|service| {
            matches!(
                service.state.as_str(),
                "inactive" | "failed" | "deactivating"
            )
        })
        .map(|service| {
            Finding::new(node(&service.node), cause, Support::Stated).seen(
                format!("{} of {}", service.unit, service.node),
                &service.quote,
            )
        })
        .collect()
}

/// The kubelet says that it cannot reach its container runtime.
///
/// <https://kubernetes.io/docs/reference/node/node-status/#condition>
fn runtime_down(cluster: &Cluster<'_>) -> Vec<Finding> {
    not_ready(cluster, "False")
        .filter(|(_, message)| {
            message.contains("container runtime is down") || message.contains("PLEG is not healthy")
        })
        .map(|(of, message)| {
            Finding::new(node(of.name()), Cause::ContainerRuntime, Support::Stated)
                .seen(format!("{} condition Ready", of.reference()), message)
        })
        .collect()
}

/// The kubelet says that the network of pods is not set up.
///
/// <https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins/>
fn network_plugin(cluster: &Cluster<'_>) -> Vec<Finding> {
    not_ready(cluster, "False")
        .filter(|(_, message)| {
            message.contains("network plugin is not ready")
                || message.contains("cni plugin not initialized")
                || message.contains("NetworkPluginNotReady")
        })
        .map(|(of, message)| {
            Finding::new(node(of.name()), Cause::NodeNetworkPlugin, Support::Stated)
                .seen(format!("{} condition Ready", of.reference()), message)
        })
        .collect()
}

/// The kubelet reports nothing any more. If its service is known to run, something else keeps it from reporting.
///
/// <https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats>
fn silent(cluster: &Cluster<'_>) -> Vec<Finding> {
    not_ready(cluster, "Unknown")
        .filter(|(of, _)| !runs(cluster, of.name(), "kubelet"))
        .map(|(of, message)| {
            Finding::new(node(of.name()), Cause::Kubelet, Support::Inferred)
                .seen(format!("{} condition Ready", of.reference()), message)
        })
        .collect()
}

/// Nodes whose condition `Ready` has a status, with its message.
fn not_ready<'a>(
    cluster: &Cluster<'a>,
    status: &'static str,
) -> impl Iterator<Item = (Object<'a>, &'a str)> {
    cluster.all("Node").filter_map(move |of| {
        let message = condition(&of, "Ready", status)?;
        Some((of, message))
    })
}

fn condition<'a>(of: &Object<'a>, kind: &str, status: &str) -> Option<&'a str> {
    list(of.value, "/status/conditions")
        .iter()
        .find(|one| text(one, "/type") == kind && text(one, "/status") == status)
        .map(|one| text(one, "/message"))
}

/// From one node no Service is reached, and from others all of these are: what routes Services on the node does not. If it is known
/// to run, something else keeps the node's connections back.
///
/// <https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#is-the-kube-proxy-working>
fn cut_off(cluster: &Cluster<'_>) -> Vec<Finding> {
    // One or two Services may be broken by themselves.
    const SERVICES: usize = 3;
    let checks = &cluster.snapshot.checks;
    let places: BTreeSet<&str> = checks.iter().map(|check| check.from.as_str()).collect();
    let reached_from_elsewhere = |one: &ConnectionCheck| {
        checks.iter().any(|other| {
            other.open
                && other.from != one.from
                && (&other.service, other.port) == (&one.service, one.port)
        })
    };
    places
        .into_iter()
        .filter(|place| !place.is_empty() && !runs(cluster, place, "kube-proxy"))
        .filter_map(|place| {
            let mut from = checks.iter().filter(|check| check.from == place);
            let tried = from
                .clone()
                .filter(|check| reached_from_elsewhere(check))
                .count();
            let none = from.all(|check| !check.open);
            let quote = format!("none of {tried} Services is reached that are from elsewhere");
            (none && tried >= SERVICES).then(|| {
                Finding::new(node(place), Cause::KubeProxy, Support::Inferred)
                    .seen(format!("connections from {place}"), quote)
            })
        })
        .collect()
}

/// Whether a service of a node is known to run.
fn runs(cluster: &Cluster<'_>, node: &str, unit: &str) -> bool {
    cluster
        .snapshot
        .node_services
        .iter()
        .any(|service| service.node == node && service.unit == unit && service.state == "active")
}

/// The node runs out of memory, disk or process ids.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-conditions>
fn pressure(cluster: &Cluster<'_>) -> Vec<Finding> {
    let kinds = [
        ("MemoryPressure", Cause::NodeMemoryPressure),
        ("DiskPressure", Cause::NodeDiskPressure),
        ("PIDPressure", Cause::NodePidPressure),
    ];
    cluster
        .all("Node")
        .flat_map(|of| {
            kinds.into_iter().filter_map(move |(kind, cause)| {
                let message = condition(&of, kind, "True")?;
                let finding = Finding::new(node(of.name()), cause, Support::Stated);
                Some(finding.seen(format!("{} condition {kind}", of.reference()), message))
            })
        })
        .collect()
}

/// Parts of the control plane that run as pods, and kube-proxy where it does. Their labels are kubeadm's.
///
/// <https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/#generate-static-pod-manifests-for-control-plane-components>
fn static_pods(cluster: &Cluster<'_>) -> Vec<Finding> {
    let parts = [
        ("component", "kube-scheduler", Cause::Scheduler),
        (
            "component",
            "kube-controller-manager",
            Cause::ControllerManager,
        ),
        ("component", "kube-apiserver", Cause::ApiServer),
        ("component", "etcd", Cause::Etcd),
        ("k8s-app", "kube-proxy", Cause::KubeProxy),
    ];
    cluster
        .pods()
        .iter()
        .filter(|pod| pod.namespace() == "kube-system" && pod.is_broken() && !pod.node().is_empty())
        .filter_map(|pod| {
            let (_, name, cause) = parts
                .into_iter()
                .find(|(key, name, _)| pod.labels().get(key) == Some(name))?;
            Some(Finding::new(node(pod.node()), cause, Support::Stated).seen(
                format!("{} status", pod.0.reference()),
                format!("{name} is not ready"),
            ))
        })
        .collect()
}

fn node(name: &str) -> ObjectRef {
    ObjectRef::new("Node", "", name)
}
