//! Services, and the workloads that they lead to or are meant for.
//!
//! <https://kubernetes.io/docs/concepts/services-networking/service/>

use super::cluster::Cluster;
use super::json::{at, list, number, scalar, text};
use super::labels::{Labels, has_all, labels};
use super::object::Object;
use serde_json::Value;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Service<'a>(pub(crate) Object<'a>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServicePort {
    pub(crate) number: i64,
    /// A number or a name; the Service's own number where nothing else is written.
    pub(crate) target: String,
    pub(crate) protocol: String,
}

impl<'a> Service<'a> {
    pub(crate) fn all(cluster: &Cluster<'a>) -> Vec<Self> {
        cluster.all("Service").map(Service).collect()
    }

    /// Empty for a Service whose endpoints somebody else writes.
    pub(crate) fn selector(&self) -> Labels<'a> {
        labels(self.0.value, "/spec/selector")
    }

    pub(crate) fn is_external(&self) -> bool {
        text(self.0.value, "/spec/type") == "ExternalName"
    }

    pub(crate) fn ports(&self) -> Vec<ServicePort> {
        let text_or = |port: &Value, field: &str, default: &str| match scalar(at(port, field)) {
            written if written.is_empty() => default.to_owned(),
            written => written,
        };
        list(self.0.value, "/spec/ports")
            .iter()
            .filter_map(|port| {
                let number = number(port, "/port")?;
                Some(ServicePort {
                    number,
                    target: text_or(port, "/targetPort", &number.to_string()),
                    protocol: text_or(port, "/protocol", "TCP"),
                })
            })
            .collect()
    }

    /// The workloads whose pods the selector takes.
    pub(crate) fn workloads(&self, cluster: &Cluster<'a>) -> Vec<Object<'a>> {
        let selector = self.selector();
        let namespace = self.0.namespace();
        cluster
            .workloads()
            .filter(|workload| workload.namespace() == namespace)
            .filter(|workload| {
                !selector.is_empty() && has_all(&workload.template_labels(), &selector)
            })
            .collect()
    }

    /// The pods that the selector takes.
    pub(crate) fn takes_pods(&self, cluster: &Cluster<'a>) -> bool {
        let selector = self.selector();
        cluster
            .pods()
            .iter()
            .any(|pod| pod.namespace() == self.0.namespace() && has_all(&pod.labels(), &selector))
    }

    /// The workload that a Service without pods is meant for: of the same name, or whose pods have a label that the Service itself
    /// has and no other workload.
    pub(crate) fn meant_for(&self, cluster: &Cluster<'a>) -> Option<Object<'a>> {
        let own = self.0.labels();
        let here: Vec<_> = cluster
            .workloads()
            .filter(|workload| workload.namespace() == self.0.namespace())
            .collect();
        let named = here
            .iter()
            .find(|workload| workload.name() == self.0.name());
        named.copied().or_else(|| {
            let mut labelled = here.iter().filter(|workload| {
                let of_pods = workload.template_labels();
                own.iter()
                    .any(|(key, value)| of_pods.get(key) == Some(value))
            });
            labelled
                .next()
                .filter(|_| labelled.next().is_none())
                .copied()
        })
    }

    /// Whether something is behind it: `None` where its endpoints were not read.
    ///
    /// <https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/>
    pub(crate) fn has_endpoints(&self, cluster: &Cluster<'_>) -> Option<bool> {
        let (namespace, name) = (self.0.namespace(), self.0.name());
        if let Some(endpoints) = cluster.find("Endpoints", namespace, name) {
            let subsets = list(endpoints.value, "/subsets");
            return Some(
                subsets
                    .iter()
                    .any(|subset| !list(subset, "/addresses").is_empty()),
            );
        }
        let slices: Vec<_> = cluster
            .all("EndpointSlice")
            .filter(|slice| {
                slice.namespace() == namespace
                    && slice.labels().get("kubernetes.io/service-name") == Some(&name)
            })
            .collect();
        let ready = |endpoint: &Value| at(endpoint, "/conditions/ready").as_bool() != Some(false);
        (!slices.is_empty()).then(|| {
            slices
                .iter()
                .any(|slice| list(slice.value, "/endpoints").iter().any(ready))
        })
    }

    /// Whether a connection to it was tried: true if one succeeded, false if all failed.
    pub(crate) fn answers(&self, cluster: &Cluster<'_>) -> Option<bool> {
        let tried: Vec<bool> = cluster
            .snapshot
            .checks
            .iter()
            .filter(|check| check.service == self.0.name() && check.namespace == self.0.namespace())
            .map(|check| check.open)
            .collect();
        (!tried.is_empty()).then(|| tried.contains(&true))
    }
}
