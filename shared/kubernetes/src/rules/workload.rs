//! Workloads that run nothing although others call them.

use crate::cause::Cause;
use crate::finding::{Finding, Support};
use crate::model::cluster::Cluster;
use crate::model::json::number;
use crate::model::object::Object;
use crate::model::service::Service;
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[Rule {
    causes: &[Cause::ScaledToZero],
    look: scaled_to_zero,
}];

/// A Deployment or StatefulSet wants no replica, and a Service leads to it or somebody calls it.
///
/// <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#scaling-a-deployment>
fn scaled_to_zero(cluster: &Cluster<'_>) -> Vec<Finding> {
    let services = Service::all(cluster);
    cluster
        .workloads()
        .filter(|workload| matches!(workload.kind, "Deployment" | "StatefulSet"))
        .filter(|workload| number(workload.value, "/spec/replicas") == Some(0))
        .filter(|workload| is_used(cluster, &services, workload))
        .map(|workload| {
            Finding::new(workload.reference(), Cause::ScaledToZero, Support::Stated)
                .seen(format!("{} spec.replicas", workload.reference()), "0")
        })
        .collect()
}

fn is_used(cluster: &Cluster<'_>, services: &[Service<'_>], workload: &Object<'_>) -> bool {
    let called = cluster
        .snapshot
        .calls
        .iter()
        .any(|call| call.callee == workload.name());
    called
        || services.iter().any(|service| {
            let mut behind = service.workloads(cluster).into_iter();
            behind.any(|one| one.reference() == workload.reference())
        })
}
