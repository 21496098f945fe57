//! Snapshot of a cluster: objects, events, logs and metrics as read, the input of a diagnosis.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::finding::ObjectRef;

/// Everything is optional: a rule whose facts are missing is silent.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Objects as the API server has them (`kubectl get -o json`), one by one or as lists; events may be among them.
    ///
    /// Of a Secret no value is needed, and its `data` may be left out. Where it is there, only hosts and ports are read.
    pub objects: Vec<Value>,
    /// The kinds of which `objects` has all of the namespace, or of the cluster: only of these is it known what is not there.
    pub listed: BTreeSet<String>,
    /// The manifests that somebody applied: what should be there.
    pub manifests: Vec<Value>,
    pub events: Vec<Event>,
    pub logs: Vec<Log>,
    /// Services of the nodes' own init system.
    pub node_services: Vec<NodeService>,
    pub checks: Vec<ConnectionCheck>,
    /// Measurements that are not as they were.
    pub changes: Vec<Change>,
    /// Who calls whom.
    pub calls: Vec<Call>,
}

/// An event about an object.
///
/// <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub object: ObjectRef,
    /// Whether its type is `Warning`.
    pub warning: bool,
    pub reason: String,
    pub message: String,
    pub count: u32,
    /// When it was seen last, in seconds. It is compared with other events only, and so the clock may begin anywhere.
    pub last_seen: i64,
}

/// Lines of a container's log, oldest first. They may be chosen (errors alone) and need not be many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The pod, or the workload if it is not known which of its pods.
    pub object: ObjectRef,
    pub container: String,
    pub lines: Vec<String>,
}

/// A service of a node's init system, as `systemctl is-active` names its state.
///
/// <https://www.freedesktop.org/software/systemd/man/latest/systemctl.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeService {
    pub node: String,
    /// The unit without `.service`: `kubelet`, `containerd`, `kube-proxy`, …
    pub unit: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub state: String,
    /// The line that says so.
    pub quote: String,
}

/// Whether a Service's port took a connection from inside of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionCheck {
    pub namespace: String,
    pub service: String,
    pub port: u16,
    /// The node that it was tried from; empty if it is not known.
    pub from: String,
    pub open: bool,
}

/// A measurement before and now.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// A Service, a workload or a Node.
    pub object: ObjectRef,
    pub measure: Measure,
    pub before: f64,
    pub now: f64,
    /// The measurement in the words of its source.
    pub quote: String,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Seconds until half of the requests were answered.
    MedianLatency,
    /// Seconds until nearly all (90 % or more) were answered.
    TailLatency,
    /// Share of requests that failed, from 0 to 1.
    Errors,
    /// Requests per second.
    Requests,
    /// Packets per second, in or out.
    Packets,
    /// TCP segments that were sent again, per second.
    Retransmissions,
    /// Cores in use.
    Cpu,
    /// Seconds in which the kernel held the containers back at their CPU limit.
    Throttled,
    /// Bytes in use.
    Memory,
}

/// One Service, or workload, calls another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    pub caller: String,
    pub callee: String,
}
