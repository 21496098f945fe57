//! Tests of the rules for pods that no node takes.

use serde_json::{Value, json};

use super::fixtures_tests::{
    deployment, first, is, node, objects, pending, pod_event, replica_set, with,
};
use crate::cause::Cause;
use crate::snapshot::Snapshot;

/// A pod with a spec that no node takes, the scheduler's message, and the nodes.
fn unscheduled(spec: &[(&str, Value)], message: &str, nodes: Vec<Value>) -> Snapshot {
    let mut all = vec![
        deployment("cart"),
        replica_set("cart"),
        with(pending("cart"), spec),
    ];
    all.extend(nodes);
    Snapshot {
        events: vec![pod_event("cart", "FailedScheduling", message)],
        ..objects(all)
    }
}

fn labelled(name: &str, key: &str, value: &str) -> Value {
    let mut node = node(name);
    node["metadata"]["labels"][key] = json!(value);
    node
}

fn tainted(node: Value) -> Value {
    let taint = json!([{ "key": "dedicated", "value": "batch", "effect": "NoSchedule" }]);
    with(node, &[("/spec/taints", taint)])
}

fn cordoned(node: Value) -> Value {
    let taint = json!([{ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }]);
    with(
        node,
        &[
            ("/spec/unschedulable", json!(true)),
            ("/spec/taints", taint),
        ],
    )
}

const CART: &str = "Deployment/cart";
const UNMATCHED: &str =
    "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.";

#[test]
fn too_little_of_a_resource_is_named() {
    for (reason, cause) in [
        ("Insufficient cpu", Cause::InsufficientCpu),
        ("Insufficient memory", Cause::InsufficientMemory),
        ("Insufficient nvidia.com/gpu", Cause::InsufficientOther),
        ("Too many pods", Cause::InsufficientOther),
    ] {
        let message = format!(
            "0/3 nodes are available: 1 node(s) were unschedulable, 2 {reason}. preemption: 0/3"
        );
        assert_eq!(
            first(&unscheduled(&[], &message, Vec::new())),
            is(cause, CART),
            "{reason}"
        );
    }
}

#[test]
fn a_selector_that_no_node_has() {
    let selector = [("/spec/nodeSelector", json!({ "disk": "ssd" }))];
    let nodes = vec![labelled("n1", "disk", "hdd"), node("n2")];
    assert_eq!(
        first(&unscheduled(&selector, UNMATCHED, nodes)),
        is(Cause::NodeSelector, CART)
    );
}

#[test]
fn an_affinity_that_no_node_satisfies() {
    let pointer = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let terms =
        json!([{ "matchExpressions": [{ "key": "zone", "operator": "NotIn", "values": ["a"] }] }]);
    let nodes = || vec![labelled("n1", "zone", "a"), labelled("n2", "zone", "a")];
    let snapshot = unscheduled(&[(pointer, terms.clone())], UNMATCHED, nodes());
    assert_eq!(first(&snapshot), is(Cause::NodeAffinity, CART));
    let free = unscheduled(
        &[(pointer, terms)],
        UNMATCHED,
        vec![labelled("n1", "zone", "b")],
    );
    assert_eq!(first(&free), None);
}

#[test]
fn the_node_that_is_wanted_has_a_taint() {
    let selector = [("/spec/nodeSelector", json!({ "pool": "batch" }))];
    let message = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {dedicated: batch}.";
    let nodes = || vec![tainted(labelled("n1", "pool", "batch")), node("n2")];
    let snapshot = unscheduled(&selector, message, nodes());
    assert_eq!(first(&snapshot), is(Cause::TaintNotTolerated, CART));
    let tolerated = json!([{ "key": "dedicated", "operator": "Equal", "value": "batch", "effect": "NoSchedule" }]);
    let spec = [selector[0].clone(), ("/spec/tolerations", tolerated)];
    assert_eq!(first(&unscheduled(&spec, message, nodes())), None);
}

#[test]
fn every_node_that_is_wanted_is_cordoned() {
    let selector = [("/spec/nodeSelector", json!({ "pool": "web" }))];
    let message = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable.";
    let nodes = vec![cordoned(labelled("n1", "pool", "web")), node("n2")];
    assert_eq!(
        first(&unscheduled(&selector, message, nodes)),
        is(Cause::NodesCordoned, CART)
    );
    let all = "0/2 nodes are available: 2 node(s) were unschedulable.";
    assert_eq!(
        first(&unscheduled(&[], all, Vec::new())),
        is(Cause::NodesCordoned, CART)
    );
}

#[test]
fn other_filters_of_the_scheduler_are_named() {
    for (reason, cause) in [
        (
            "node(s) didn't match pod anti-affinity rules",
            Cause::PodAntiAffinity,
        ),
        (
            "node(s) didn't satisfy existing pods anti-affinity rules",
            Cause::PodAntiAffinity,
        ),
        (
            "node(s) didn't match pod affinity rules",
            Cause::PodAffinity,
        ),
        (
            "node(s) didn't match pod topology spread constraints",
            Cause::TopologySpread,
        ),
        (
            "node(s) didn't have free ports for the requested pod ports",
            Cause::HostPortTaken,
        ),
        (
            "node(s) had volume node affinity conflict",
            Cause::VolumeZone,
        ),
    ] {
        let message = format!("0/3 nodes are available: 1 Insufficient cpu, 2 {reason}.");
        let expected = if cause == Cause::HostPortTaken {
            // Ports are checked before resources: the node without CPU got further.
            is(Cause::InsufficientCpu, CART)
        } else {
            is(cause, CART)
        };
        assert_eq!(
            first(&unscheduled(&[], &message, Vec::new())),
            expected,
            "{reason}"
        );
        let alone = format!("0/2 nodes are available: 2 {reason}.");
        assert_eq!(
            first(&unscheduled(&[], &alone, Vec::new())),
            is(cause, CART),
            "{reason}"
        );
    }
}

#[test]
fn a_pod_that_waits_without_a_word_is_unknown() {
    assert_eq!(
        first(&objects(vec![
            deployment("cart"),
            replica_set("cart"),
            pending("cart")
        ])),
        None
    );
}

/// A pod that waits for a claim, and a volume, both with a difference.
fn claim(of_claim: &[(&str, Value)], of_volume: &[(&str, Value)]) -> Snapshot {
    let volumes = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }]);
    let claim = json!({
        "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "shop" },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": { "requests": { "storage": "1Gi" } } },
        "status": { "phase": "Pending" },
    });
    let volume = json!({
        "kind": "PersistentVolume", "metadata": { "name": "pv-1", "labels": { "disk": "hdd" } },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "", "capacity": { "storage": "1Gi" } },
    });
    let message = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3";
    let nodes = vec![with(claim, of_claim), with(volume, of_volume)];
    unscheduled(&[("/spec/volumes", volumes)], message, nodes)
}

#[test]
fn what_keeps_a_volume_from_a_claim_is_named() {
    for (of_claim, of_volume, cause) in [
        (
            ("/spec/accessModes", json!(["ReadWriteMany"])),
            None,
            Cause::ClaimAccessMode,
        ),
        (
            ("/spec/resources/requests/storage", json!("5Gi")),
            None,
            Cause::ClaimCapacity,
        ),
        (
            (
                "/spec/selector",
                json!({ "matchLabels": { "disk": "ssd" } }),
            ),
            None,
            Cause::ClaimSelector,
        ),
        (
            ("/spec/storageClassName", json!("fast")),
            None,
            Cause::ClaimStorageClass,
        ),
        (
            ("/status/phase", json!("Pending")),
            Some((
                "/spec/claimRef",
                json!({ "name": "other", "namespace": "shop" }),
            )),
            Cause::VolumeTaken,
        ),
    ] {
        let of_volume: Vec<_> = of_volume.into_iter().collect();
        assert_eq!(
            first(&claim(&[of_claim], &of_volume)),
            is(cause, CART),
            "{cause:?}"
        );
    }
}

#[test]
fn a_claim_with_two_reasons_against_it_is_unknown() {
    let twice = [
        ("/spec/accessModes", json!(["ReadWriteMany"])),
        ("/spec/resources/requests/storage", json!("5Gi")),
    ];
    assert_eq!(first(&claim(&twice, &[])), None);
}

#[test]
fn a_claim_of_a_class_that_is_not_there() {
    let mut snapshot = claim(
        &[("/spec/storageClassName", json!("fats"))],
        &[("/spec/storageClassName", json!("slow"))],
    );
    snapshot.events.push(super::fixtures_tests::event(
        "PersistentVolumeClaim",
        "data",
        "ProvisioningFailed",
        "storageclass.storage.k8s.io \"fats\" not found",
    ));
    assert_eq!(first(&snapshot), is(Cause::ClaimStorageClass, CART));
}
