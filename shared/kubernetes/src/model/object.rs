//! One object, and the objects in what the API server returned.

use serde_json::Value;

use super::json::{at, list, text};
use super::labels::{Labels, labels};
use crate::finding::ObjectRef;

/// The kinds that keep pods running from a template.
pub(crate) const WORKLOADS: [&str; 6] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "ReplicaSet",
    "ReplicationController",
];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) kind: &'a str,
    pub(crate) value: &'a Value,
}

impl<'a> Object<'a> {
    /// The object, or the items of a list (`List`, `PodList`, …). The items of a typed list may be without a kind of their own.
    pub(crate) fn all_in(value: &'a Value) -> Vec<Self> {
        let kind = text(value, "/kind");
        match kind.strip_suffix("List") {
            Some(of) if at(value, "/items").is_array() => list(value, "/items")
                .iter()
                .map(|item| {
                    let own = text(item, "/kind");
                    let kind = if own.is_empty() { of } else { own };
                    Self { kind, value: item }
                })
                .collect(),
            _ => vec![Self { kind, value }],
        }
    }

    pub(crate) fn name(&self) -> &'a str {
        text(self.value, "/metadata/name")
    }

    pub(crate) fn namespace(&self) -> &'a str {
        text(self.value, "/metadata/namespace")
    }

    pub(crate) fn labels(&self) -> Labels<'a> {
        labels(self.value, "/metadata/labels")
    }

    pub(crate) fn reference(&self) -> ObjectRef {
        ObjectRef::new(self.kind, self.namespace(), self.name())
    }

    pub(crate) fn is(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.kind == kind && self.namespace() == namespace && self.name() == name
    }

    /// The labels of the pods that a workload makes.
    pub(crate) fn template_labels(&self) -> Labels<'a> {
        labels(self.value, "/spec/template/metadata/labels")
    }

    /// The spec of a workload's pods.
    pub(crate) fn template(&self) -> &'a Value {
        at(self.value, "/spec/template/spec")
    }

    /// The controller that owns the object: kind and name.
    ///
    /// <https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/>
    pub(crate) fn controller(&self) -> Option<(&'a str, &'a str)> {
        let owners = list(self.value, "/metadata/ownerReferences");
        let controller = owners
            .iter()
            .find(|owner| at(owner, "/controller").as_bool() != Some(false))?;
        Some((text(controller, "/kind"), text(controller, "/name")))
    }
}
