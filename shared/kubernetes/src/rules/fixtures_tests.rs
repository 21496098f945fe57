//! Objects for the tests of the rules, as the API server returns them, and what is asked of a diagnosis.

use serde_json::{Value, json};

use crate::cause::Cause;
use crate::diagnose;
use crate::finding::ObjectRef;
use crate::snapshot::{Change, Event, Log, Measure, Snapshot};

pub(crate) const SHOP: &str = "shop";

/// Sets values at JSON pointers below an object; what is missing on the way is made.
pub(crate) fn with(mut object: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let mut at = &mut object;
        for part in pointer.split('/').skip(1) {
            at = match part.parse::<usize>() {
                Ok(index) => &mut at[index],
                Err(_) => &mut at[part],
            };
        }
        *at = value.clone();
    }
    object
}

/// A Deployment of one replica that is not ready, with one container that declares port 8080.
pub(crate) fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": SHOP, "labels": { "app": name } },
        "spec": {
            "replicas": 1, "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "server", "image": "registry.example/a:1", "ports": [{ "containerPort": 8080 }] }] },
            },
        },
        "status": { "replicas": 1, "readyReplicas": 0 },
    })
}

/// A Deployment whose replica is ready.
pub(crate) fn running(name: &str) -> Value {
    with(deployment(name), &[("/status/readyReplicas", json!(1))])
}

pub(crate) fn replica_set(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{name}-7d4b9c"), "namespace": SHOP,
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": name, "controller": true }],
        },
        "spec": { "replicas": 1 }, "status": { "replicas": 1 },
    })
}

/// The pod of a Deployment on the node `n1`, with a container that is not ready.
pub(crate) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": pod_name(name), "namespace": SHOP, "labels": { "app": name, "pod-template-hash": "7d4b9c" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{name}-7d4b9c"), "controller": true }],
        },
        "spec": {
            "nodeName": "n1",
            "containers": [{ "name": "server", "image": "registry.example/a:1", "ports": [{ "containerPort": 8080 }] }],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [{ "name": "server", "ready": false, "restartCount": 0, "state": { "running": {} }, "lastState": {} }],
        },
    })
}

pub(crate) fn pod_name(of: &str) -> String {
    format!("{of}-7d4b9c-x2x4z")
}

/// A pod that no node takes.
pub(crate) fn pending(name: &str) -> Value {
    let nothing = [
        ("/spec/nodeName", json!("")),
        ("/status/phase", json!("Pending")),
        ("/status/containerStatuses", json!([])),
    ];
    with(pod(name), &nothing)
}

/// The pod's container with a state, a number of restarts and how it ended before.
pub(crate) fn in_state(name: &str, state: Value, restarts: u32, last: Value) -> Value {
    let status = [
        ("/status/containerStatuses/0/state", state),
        ("/status/containerStatuses/0/restartCount", json!(restarts)),
        ("/status/containerStatuses/0/lastState", last),
    ];
    with(pod(name), &status)
}

pub(crate) fn crashing(name: &str) -> Value {
    let waits = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container" } });
    in_state(
        name,
        waits,
        4,
        json!({ "terminated": { "reason": "Error", "exitCode": 1 } }),
    )
}

pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": SHOP, "labels": { "app": name } },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.0.0.7", "selector": { "app": name },
            "ports": [{ "name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP" }],
        },
    })
}

pub(crate) fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
        "spec": {},
        "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status" }] },
    })
}

pub(crate) fn event(kind: &str, name: &str, reason: &str, message: &str) -> Event {
    let namespace = if kind == "Node" { "" } else { SHOP };
    Event {
        object: ObjectRef::new(kind, namespace, name),
        warning: true,
        reason: reason.to_owned(),
        message: message.to_owned(),
        count: 3,
        last_seen: 100,
    }
}

pub(crate) fn pod_event(of: &str, reason: &str, message: &str) -> Event {
    event("Pod", &pod_name(of), reason, message)
}

pub(crate) fn log(of: &str, lines: &[&str]) -> Log {
    Log {
        object: ObjectRef::new("Pod", SHOP, &pod_name(of)),
        container: "server".to_owned(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    }
}

pub(crate) fn change(kind: &str, name: &str, measure: Measure, before: f64, now: f64) -> Change {
    let namespace = if kind == "Node" { "" } else { SHOP };
    Change {
        object: ObjectRef::new(kind, namespace, name),
        measure,
        before,
        now,
        quote: format!("{before} to {now}"),
    }
}

pub(crate) fn objects(objects: Vec<Value>) -> Snapshot {
    Snapshot {
        objects,
        ..Snapshot::default()
    }
}

/// The cause, with its object as `Kind/name`.
pub(crate) fn first(snapshot: &Snapshot) -> Option<(Cause, String)> {
    let diagnosis = diagnose(snapshot);
    let cause = diagnosis.cause()?;
    assert!(
        !cause.evidence.is_empty(),
        "{cause:?} has to cite its evidence"
    );
    Some((cause.cause, cause.object.to_string()))
}

/// What a test expects of [`first`].
pub(crate) fn is(cause: Cause, object: &str) -> Option<(Cause, String)> {
    Some((cause, object.to_owned()))
}
