//! A snapshot with its objects by kind, and their owners.

use std::collections::BTreeMap;

use super::events::event;
use super::object::{Object, WORKLOADS};
use super::pod::Pod;
use crate::finding::ObjectRef;
use crate::snapshot::{Event, Log, Snapshot};

#[derive(Debug)]
pub(crate) struct Cluster<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// By kind, namespace and name.
    objects: BTreeMap<&'a str, BTreeMap<(&'a str, &'a str), Object<'a>>>,
    manifests: Vec<Object<'a>>,
    /// Latest first.
    events: Vec<Event>,
}

impl<'a> Cluster<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        let mut events = snapshot.events.clone();
        let mut objects: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for object in snapshot.objects.iter().flat_map(Object::all_in) {
            if object.kind == "Event" {
                events.push(event(object.value));
            } else {
                let name = (object.namespace(), object.name());
                objects.entry(object.kind).or_default().insert(name, object);
            }
        }
        events.sort_by_key(|event| std::cmp::Reverse((event.last_seen, event.count)));
        let manifests = snapshot.manifests.iter().flat_map(Object::all_in);
        Self {
            snapshot,
            objects,
            manifests: manifests.collect(),
            events,
        }
    }

    pub(crate) fn all(&self, kind: &str) -> impl Iterator<Item = Object<'a>> {
        let of_kind = self.objects.get(kind);
        of_kind.into_iter().flat_map(BTreeMap::values).copied()
    }

    pub(crate) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<Object<'a>> {
        self.objects.get(kind)?.get(&(namespace, name)).copied()
    }

    /// Whether it is known that there is no such object.
    pub(crate) fn is_absent(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.snapshot.listed.contains(kind) && self.find(kind, namespace, name).is_none()
    }

    /// The manifest that was applied for an object.
    pub(crate) fn manifest(&self, kind: &str, namespace: &str, name: &str) -> Option<Object<'a>> {
        self.manifests(kind)
            .find(|object| object.is(kind, namespace, name))
    }

    /// The manifests of a kind.
    pub(crate) fn manifests(&self, kind: &str) -> impl Iterator<Item = Object<'a>> {
        let of = move |object: &&Object<'a>| object.kind == kind;
        self.manifests.iter().filter(of).copied()
    }

    /// What keeps pods running and belongs to nothing else: Deployments, StatefulSets, …
    pub(crate) fn workloads(&self) -> impl Iterator<Item = Object<'a>> {
        let all = WORKLOADS.iter().flat_map(|kind| self.all(kind));
        all.filter(|object| object.controller().is_none())
    }

    pub(crate) fn pods(&self) -> Vec<Pod<'a>> {
        self.all("Pod").map(Pod).collect()
    }

    /// The pods that belong to a workload, directly or through a ReplicaSet.
    pub(crate) fn pods_of(&self, workload: &ObjectRef) -> Vec<Pod<'a>> {
        let mut pods = self.pods();
        pods.retain(|pod| self.owner(pod.0) == *workload);
        pods
    }

    /// The workload that an object belongs to in the end; the object itself if nothing owns it.
    pub(crate) fn owner(&self, object: Object<'a>) -> ObjectRef {
        let mut at = object;
        // A chain is Pod, ReplicaSet, Deployment; what is longer, or a circle, is no chain of Kubernetes.
        for _ in 0..4 {
            let Some((kind, name)) = at.controller() else {
                return at.reference();
            };
            match self.find(kind, at.namespace(), name) {
                Some(owner) => at = owner,
                None => return self.unread_owner(at, kind, name),
            }
        }
        at.reference()
    }

    /// An owner that is not in the snapshot. A ReplicaSet of a Deployment has the name of the Deployment, a hyphen and a hash.
    ///
    /// <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#creating-a-deployment>
    fn unread_owner(&self, object: Object<'a>, kind: &str, name: &str) -> ObjectRef {
        let namespace = object.namespace();
        let deployment = (kind == "ReplicaSet")
            .then(|| name.rsplit_once('-'))
            .flatten()
            .filter(|(stem, _)| self.find("Deployment", namespace, stem).is_some());
        match deployment {
            Some((stem, _)) => ObjectRef::new("Deployment", namespace, stem),
            None => ObjectRef::new(kind, namespace, name),
        }
    }

    /// The events about an object with one of the reasons, latest first.
    pub(crate) fn events_of<'e>(
        &'e self,
        object: &ObjectRef,
        reasons: &[&str],
    ) -> impl Iterator<Item = &'e Event> {
        self.events.iter().filter(move |event| {
            event.object == *object && reasons.contains(&event.reason.as_str())
        })
    }

    /// The events of all objects with one of the reasons, latest first.
    pub(crate) fn events(&self, reasons: &[&str]) -> impl Iterator<Item = &Event> {
        self.events
            .iter()
            .filter(move |event| reasons.contains(&event.reason.as_str()))
    }

    /// The logs of a workload's pods.
    pub(crate) fn logs_of(&self, workload: &ObjectRef) -> impl Iterator<Item = &'a Log> {
        let pods = self.pods_of(workload);
        self.snapshot.logs.iter().filter(move |log| {
            log.object == *workload || pods.iter().any(|pod| pod.0.reference() == log.object)
        })
    }

    /// The workload whose log it is.
    pub(crate) fn workload_of(&self, object: &ObjectRef) -> ObjectRef {
        match self.find(&object.kind, &object.namespace, &object.name) {
            Some(found) => self.owner(found),
            None => object.clone(),
        }
    }

    /// Whether a workload has a pod that should be ready and is not, or misses pods.
    pub(crate) fn is_broken(&self, workload: &ObjectRef) -> bool {
        let misses = self
            .find(&workload.kind, &workload.namespace, &workload.name)
            .is_some_and(|object| missing_pods(object) > 0);
        misses || self.pods_of(workload).iter().any(Pod::is_broken)
    }
}

/// How many of the wanted pods are not ready. A Deployment without `replicas` wants one.
///
/// <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/>
pub(crate) fn missing_pods(workload: Object<'_>) -> i64 {
    let at = |pointer| super::json::number(workload.value, pointer);
    let (wanted, ready) = match workload.kind {
        "DaemonSet" => (
            at("/status/desiredNumberScheduled"),
            at("/status/numberReady"),
        ),
        "Job" => return 0,
        _ if workload.value.get("status").is_none() => return 0,
        _ => (
            at("/spec/replicas").or(Some(1)),
            at("/status/readyReplicas"),
        ),
    };
    wanted
        .unwrap_or(0)
        .saturating_sub(ready.unwrap_or(0))
        .max(0)
}
