//! Pods that the API server refuses to create: service accounts, limit ranges, pod security, webhooks. Quotas are in `quota`.

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::cluster::Cluster;
use crate::model::json::number;
use crate::model::object::{Object, WORKLOADS};
use crate::rules::Rule;
use crate::snapshot::Event;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::ServiceAccountMissing],
        look: service_account,
    },
    Rule {
        causes: &[Cause::LimitRange],
        look: limit_range,
    },
    Rule {
        causes: &[Cause::PodSecurity],
        look: pod_security,
    },
    Rule {
        causes: &[Cause::AdmissionWebhook],
        look: webhook,
    },
];

/// A controller that has fewer pods than it should, with why the last creation failed.
#[derive(Debug)]
pub(crate) struct Refused<'e> {
    pub(crate) workload: ObjectRef,
    pub(crate) event: &'e Event,
}

/// Controllers whose pods are missing because creating them failed. An event of a controller that has its pods by now is past.
///
/// <https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/>
pub(crate) fn refused<'e>(cluster: &'e Cluster<'_>) -> Vec<Refused<'e>> {
    WORKLOADS
        .iter()
        .flat_map(|kind| cluster.all(kind))
        .filter(|controller| misses_pods(*controller))
        .filter_map(|controller| {
            let event = cluster
                .events_of(&controller.reference(), &["FailedCreate"])
                .next()?;
            let workload = cluster.owner(controller);
            Some(Refused { workload, event })
        })
        .collect()
}

/// Whether a controller has made fewer pods than it wants, ready or not.
fn misses_pods(controller: Object<'_>) -> bool {
    let at = |pointer| number(controller.value, pointer);
    let (wanted, has) = match controller.kind {
        "DaemonSet" => (
            at("/status/desiredNumberScheduled"),
            at("/status/currentNumberScheduled"),
        ),
        "Job" => (
            at("/spec/parallelism").or(Some(1)),
            at("/status/active").or_else(|| at("/status/succeeded")),
        ),
        _ => (at("/spec/replicas").or(Some(1)), at("/status/replicas")),
    };
    has.unwrap_or(0) < wanted.unwrap_or(0)
}

/// The pod names a service account that is not there.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/>
fn service_account(cluster: &Cluster<'_>) -> Vec<Finding> {
    found(cluster, Cause::ServiceAccountMissing, |message| {
        message.contains("error looking up service account")
            || message.contains("serviceaccount") && message.contains("not found")
    })
}

/// The pod's requests or limits are outside of what a LimitRange allows.
///
/// <https://kubernetes.io/docs/concepts/policy/limit-range/>
fn limit_range(cluster: &Cluster<'_>) -> Vec<Finding> {
    found(cluster, Cause::LimitRange, |message| {
        let bound = ["maximum ", "minimum "]
            .iter()
            .any(|bound| message.contains(bound));
        bound && message.contains(" usage per ")
            || message.contains("max limit to request ratio per ")
    })
}

/// The namespace's Pod Security Standard forbids the pod.
///
/// <https://kubernetes.io/docs/concepts/security/pod-security-admission/>
fn pod_security(cluster: &Cluster<'_>) -> Vec<Finding> {
    found(cluster, Cause::PodSecurity, |message| {
        message.contains("violates PodSecurity")
    })
}

/// A webhook denies the pod, or does not answer.
///
/// <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>
fn webhook(cluster: &Cluster<'_>) -> Vec<Finding> {
    found(cluster, Cause::AdmissionWebhook, |message| {
        message.contains("failed calling webhook") || message.contains("admission webhook")
    })
}

fn found(cluster: &Cluster<'_>, cause: Cause, says: fn(&str) -> bool) -> Vec<Finding> {
    refused(cluster)
        .into_iter()
        .filter(|refused| says(&refused.event.message))
        .map(|refused| {
            let source = format!("event FailedCreate of {}", refused.event.object);
            Finding::new(refused.workload, cause, Support::Stated)
                .seen(source, &refused.event.message)
        })
        .collect()
}
