//! Tests of the rules for nodes, the control plane, and services that answer slowly.

use serde_json::{Value, json};

use super::fixtures_tests::{
    change, deployment, first, is, node, objects, pod, replica_set, running, with,
};
use crate::cause::Cause;
use crate::snapshot::{Call, Change, ConnectionCheck, Measure, NodeService, Snapshot};

fn unit(unit: &str, state: &str) -> NodeService {
    NodeService {
        node: "n1".to_owned(),
        unit: unit.to_owned(),
        state: state.to_owned(),
        quote: format!("Active: {state}"),
    }
}

#[test]
fn a_service_of_the_node_that_does_not_run_is_named() {
    for (name, cause) in [
        ("kubelet", Cause::Kubelet),
        ("containerd", Cause::ContainerRuntime),
        ("crio", Cause::ContainerRuntime),
        ("kube-proxy", Cause::KubeProxy),
        ("kube-scheduler", Cause::Scheduler),
        ("kube-controller-manager", Cause::ControllerManager),
        ("kube-apiserver", Cause::ApiServer),
        ("etcd", Cause::Etcd),
    ] {
        let mut snapshot = objects(vec![node("n1")]);
        snapshot.node_services = vec![unit(name, "inactive")];
        assert_eq!(first(&snapshot), is(cause, "Node/n1"), "{name}");
        snapshot.node_services = vec![unit(name, "active")];
        assert_eq!(first(&snapshot), None, "{name}");
    }
}

fn condition(kind: &str, status: &str, message: &str) -> Snapshot {
    let conditions = json!([{ "type": kind, "status": status, "reason": "X", "message": message }]);
    objects(vec![with(
        node("n1"),
        &[("/status/conditions", conditions)],
    )])
}

#[test]
fn a_node_s_own_condition_is_named() {
    for (kind, status, message, cause) in [
        (
            "Ready",
            "Unknown",
            "Kubelet stopped posting node status.",
            Cause::Kubelet,
        ),
        (
            "Ready",
            "False",
            "container runtime is down",
            Cause::ContainerRuntime,
        ),
        (
            "Ready",
            "False",
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
            Cause::NodeNetworkPlugin,
        ),
        (
            "MemoryPressure",
            "True",
            "kubelet has insufficient memory available",
            Cause::NodeMemoryPressure,
        ),
        (
            "DiskPressure",
            "True",
            "kubelet has disk pressure",
            Cause::NodeDiskPressure,
        ),
        (
            "PIDPressure",
            "True",
            "kubelet has insufficient PID available",
            Cause::NodePidPressure,
        ),
    ] {
        assert_eq!(
            first(&condition(kind, status, message)),
            is(cause, "Node/n1"),
            "{message}"
        );
    }
    let mut runs = condition("Ready", "Unknown", "Kubelet stopped posting node status.");
    runs.node_services = vec![unit("kubelet", "active")];
    assert_eq!(first(&runs), None);
}

#[test]
fn a_part_of_the_control_plane_that_runs_as_a_pod() {
    let labels = [
        ("/metadata/namespace", json!("kube-system")),
        ("/metadata/labels", json!({ "component": "kube-scheduler" })),
    ];
    let snapshot = objects(vec![with(pod("kube-scheduler"), &labels)]);
    assert_eq!(first(&snapshot), is(Cause::Scheduler, "Node/n1"));
}

#[test]
fn a_node_from_which_no_service_is_reached() {
    let check = |from: &str, service: &str, open| ConnectionCheck {
        namespace: "shop".to_owned(),
        service: service.to_owned(),
        port: 80,
        from: from.to_owned(),
        open,
    };
    let mut snapshot = objects(vec![node("n1"), node("n2")]);
    for service in ["a", "b", "c"] {
        snapshot.checks.push(check("n1", service, false));
        snapshot.checks.push(check("n2", service, true));
    }
    assert_eq!(first(&snapshot), is(Cause::KubeProxy, "Node/n1"));
    snapshot.node_services = vec![unit("kube-proxy", "active")];
    assert_eq!(first(&snapshot), None);
}

/// `front` calls `cart` and `ad`, `cart` calls `store`; `ad` and `store` are on `n2`. All are ready.
fn chain(changes: Vec<Change>) -> Snapshot {
    let ready = ("/status/containerStatuses/0/ready", json!(true));
    let mut all: Vec<Value> = Vec::new();
    for (name, on) in [
        ("front", "n1"),
        ("cart", "n1"),
        ("ad", "n2"),
        ("store", "n2"),
    ] {
        let pod = with(pod(name), &[ready.clone(), ("/spec/nodeName", json!(on))]);
        all.extend([running(name), replica_set(name), pod]);
    }
    let calls = [("front", "cart"), ("front", "ad"), ("cart", "store")];
    Snapshot {
        changes,
        calls: calls
            .map(|(caller, callee)| Call {
                caller: caller.to_owned(),
                callee: callee.to_owned(),
            })
            .to_vec(),
        ..objects(all)
    }
}

fn slow(name: &str) -> Change {
    change("Service", name, Measure::MedianLatency, 0.02, 2.0)
}

#[test]
fn the_end_of_the_slow_chain_is_the_cause() {
    let snapshot = chain(vec![slow("front"), slow("cart"), slow("store")]);
    assert_eq!(
        first(&snapshot),
        is(Cause::PodNetworkDelay, "Deployment/store")
    );
    // The tail of what is called by slow callers is slow as well, and is not the cause.
    let tail = change("Service", "store", Measure::TailLatency, 0.02, 0.4);
    let snapshot = chain(vec![slow("front"), slow("cart"), tail]);
    assert_eq!(
        first(&snapshot),
        is(Cause::PodNetworkDelay, "Deployment/cart")
    );
}

#[test]
fn a_tail_below_the_end_counts_if_it_explains_the_end() {
    let measured = |name, measure, now| change("Service", name, measure, 0.02, now);
    let of_store = |now| {
        chain(vec![
            measured("cart", Measure::MedianLatency, 1.0),
            measured("cart", Measure::TailLatency, 2.0),
            change("Service", "store", Measure::TailLatency, 0.002, now),
        ])
    };
    assert_eq!(
        first(&of_store(0.9)),
        is(Cause::PodNetworkDelay, "Deployment/store")
    );
    assert_eq!(
        first(&of_store(0.3)),
        is(Cause::PodNetworkDelay, "Deployment/cart")
    );
}

#[test]
fn a_delay_is_not_concluded_where_something_is_broken() {
    let mut snapshot = chain(vec![slow("front"), slow("cart")]);
    snapshot.objects.push(deployment("mail"));
    assert_eq!(first(&snapshot), None);
}

#[test]
fn a_workload_that_is_held_back_at_its_limit() {
    let held_back = change("Service", "cart", Measure::Throttled, 0.0, 0.8);
    let cpu = change("Service", "cart", Measure::Cpu, 0.02, 0.2);
    let snapshot = chain(vec![slow("front"), slow("cart"), held_back.clone(), cpu]);
    assert_eq!(first(&snapshot), is(Cause::CpuThrottled, "Deployment/cart"));
    let snapshot = chain(vec![slow("front"), slow("cart"), held_back]);
    assert_eq!(
        first(&snapshot),
        is(Cause::PodNetworkDelay, "Deployment/cart")
    );
}

#[test]
fn several_ends_on_one_node_are_the_node_s_network() {
    let snapshot = chain(vec![slow("front"), slow("ad"), slow("store")]);
    assert_eq!(first(&snapshot), is(Cause::NodeNetworkDelay, "Node/n2"));
    let snapshot = chain(vec![slow("cart"), slow("ad")]);
    assert_eq!(first(&snapshot), None, "two ends on two nodes");
}

#[test]
fn segments_that_are_sent_again_are_losses() {
    let lost = |kind, name| change(kind, name, Measure::Retransmissions, 0.01, 8.0);
    let snapshot = chain(vec![slow("front"), slow("ad"), lost("Node", "n2")]);
    assert_eq!(first(&snapshot), is(Cause::NodePacketLoss, "Node/n2"));
    let snapshot = chain(vec![slow("front"), slow("ad"), lost("Service", "ad")]);
    assert_eq!(first(&snapshot), is(Cause::PodPacketLoss, "Deployment/ad"));
    assert_eq!(
        first(&chain(vec![lost("Node", "n2")])),
        None,
        "nothing is slow"
    );
}
