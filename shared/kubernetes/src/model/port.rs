//! Ports that containers declare.

use serde_json::Value;

use super::json::{list, number, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContainerPort<'a> {
    pub(crate) name: &'a str,
    pub(crate) number: i64,
    pub(crate) protocol: &'a str,
}

/// The ports of a container's spec. A container may listen at others as well: they are information only.
///
/// <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#ports>
pub(crate) fn declared(spec: &Value) -> Vec<ContainerPort<'_>> {
    list(spec, "/ports")
        .iter()
        .filter_map(|port| {
            Some(ContainerPort {
                name: text(port, "/name"),
                number: number(port, "/containerPort")?,
                protocol: match text(port, "/protocol") {
                    "" => "TCP",
                    protocol => protocol,
                },
            })
        })
        .collect()
}
