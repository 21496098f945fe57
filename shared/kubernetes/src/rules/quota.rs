//! Resource quotas that are used up.
//!
//! <https://kubernetes.io/docs/concepts/policy/resource-quotas/>

use std::collections::BTreeMap;

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::cluster::Cluster;
use crate::model::json::{at, scalar, texts};
use crate::model::labels::labels;
use crate::model::object::Object;
use crate::model::quantity::quantity;
use crate::model::schedule::Unscheduled;
use crate::rules::Rule;
use crate::rules::admission::refused;
use crate::rules::service_address::missing_services;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[
            Cause::QuotaCpu,
            Cause::QuotaMemory,
            Cause::QuotaPods,
            Cause::QuotaStorage,
            Cause::QuotaObjects,
        ],
        look: pods_over_quota,
    },
    Rule {
        causes: &[Cause::QuotaNeedsResources],
        look: pods_without_resources,
    },
    Rule {
        causes: &[Cause::QuotaServices],
        look: services_over_quota,
    },
    Rule {
        causes: &[Cause::QuotaStorage],
        look: claims_over_quota,
    },
];

/// A pod was refused because a quota would be exceeded: `exceeded quota: q, requested: pods=1, used: pods=10, limited: pods=10`.
fn pods_over_quota(cluster: &Cluster<'_>) -> Vec<Finding> {
    refused(cluster)
        .into_iter()
        .filter_map(|refused| {
            let message = &refused.event.message;
            let (_, details) = message.split_once("exceeded quota: ")?;
            let cause = cause_of(exceeded(details)?);
            let source = format!("event FailedCreate of {}", refused.event.object);
            let finding = Finding::new(
                namespace(&refused.workload.namespace),
                cause,
                Support::Stated,
            );
            Some(finding.seen(source, message))
        })
        .collect()
}

/// The first resource of a refusal that does not fit: `requested: a=1,b=2, used: a=0,b=9, limited: a=5,b=10`.
fn exceeded(details: &str) -> Option<&str> {
    let part = |name: &str| -> BTreeMap<&str, f64> {
        let text = details.split_once(name).map_or("", |(_, rest)| rest);
        text.split(", ")
            .next()
            .unwrap_or_default()
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .filter_map(|(resource, value)| Some((resource, quantity(value)?)))
            .collect()
    };
    let (requested, used, limited) = (part("requested: "), part("used: "), part("limited: "));
    let fits = |resource: &str, requested: f64| {
        let (Some(used), Some(limit)) = (used.get(resource), limited.get(resource)) else {
            return true;
        };
        requested + used <= *limit
    };
    requested
        .iter()
        .find(|(resource, requested)| !fits(resource, **requested))
        .map(|(resource, _)| *resource)
}

/// A quota counts something that the pod says nothing about: `failed quota: q: must specify limits.cpu`.
fn pods_without_resources(cluster: &Cluster<'_>) -> Vec<Finding> {
    refused(cluster)
        .into_iter()
        .filter(|refused| {
            let message = &refused.event.message;
            message.contains("failed quota") && message.contains("must specify")
        })
        .map(|refused| {
            let source = format!("event FailedCreate of {}", refused.event.object);
            Finding::new(
                refused.workload,
                Cause::QuotaNeedsResources,
                Support::Stated,
            )
            .seen(source, &refused.event.message)
        })
        .collect()
}

/// A Service that others call is not there, and the quota has no room for another.
fn services_over_quota(cluster: &Cluster<'_>) -> Vec<Finding> {
    let missing = missing_services(cluster);
    full(cluster, |resource| {
        cause_of(resource) == Cause::QuotaServices
    })
    .into_iter()
    .filter_map(|(quota, words)| {
        let without = missing
            .iter()
            .find(|one| one.namespace == quota.namespace())?;
        let finding = Finding::new(
            namespace(quota.namespace()),
            Cause::QuotaServices,
            Support::Compared,
        );
        Some(
            finding
                .seen(format!("{} status", quota.reference()), words)
                .seen(without.source.clone(), &without.quote),
        )
    })
    .collect()
}

/// A pod waits for a claim that is not there, and the quota on storage has no room for what the claim's manifest asks, or none at
/// all where the manifest is not known.
fn claims_over_quota(cluster: &Cluster<'_>) -> Vec<Finding> {
    let waiting = Unscheduled::all(cluster);
    let absent = waiting.iter().flat_map(|one| {
        let namespace = one.pod.namespace();
        let claims = one.pod.volumes("/persistentVolumeClaim/claimName");
        claims
            .into_iter()
            .filter(move |claim| {
                one.message
                    .contains(&format!("persistentvolumeclaim \"{claim}\" not found"))
            })
            .map(move |claim| (namespace, claim, one.message.as_str()))
    });
    absent
        .filter_map(|(namespace_name, claim, message)| {
            let manifest = cluster.manifest("PersistentVolumeClaim", namespace_name, claim);
            let asked = manifest.and_then(|claim| {
                quantity(&scalar(at(claim.value, "/spec/resources/requests/storage")))
            });
            let (quota, words) = cluster
                .all("ResourceQuota")
                .filter(|quota| quota.namespace() == namespace_name)
                .find_map(|quota| {
                    let (resource, used, hard) =
                        limits(&quota).find(|(resource, used, hard)| {
                            let counts = resource.ends_with("persistentvolumeclaims");
                            let more = if counts { 1.0 } else { asked.unwrap_or(0.0) };
                            let none_left = used + more > *hard || asked.is_none() && used >= hard;
                            cause_of(resource) == Cause::QuotaStorage && none_left
                        })?;
                    Some((quota, format!("{resource}: {used} of {hard} used")))
                })?;
            let finding = Finding::new(
                namespace(namespace_name),
                Cause::QuotaStorage,
                Support::Compared,
            );
            Some(
                finding
                    .seen(format!("{} status", quota.reference()), words)
                    .seen("event FailedScheduling", message),
            )
        })
        .collect()
}

/// The quotas that have no room for one more of a resource.
pub(crate) fn full<'a>(cluster: &Cluster<'a>, is: fn(&str) -> bool) -> Vec<(Object<'a>, String)> {
    cluster
        .all("ResourceQuota")
        .filter_map(|quota| {
            let (resource, used, hard) =
                limits(&quota).find(|(resource, used, hard)| is(resource) && used + 1.0 > *hard)?;
            Some((quota, format!("{resource}: {used} of {hard} used")))
        })
        .collect()
}

/// Resource, used, hard.
fn limits<'a>(quota: &Object<'a>) -> impl Iterator<Item = (&'a str, f64, f64)> {
    let used = labels(quota.value, "/status/used");
    texts(quota.value, "/status/hard").filter_map(move |(resource, hard)| {
        let used = used.get(resource).and_then(|used| quantity(used));
        Some((resource, used.unwrap_or(0.0), quantity(hard)?))
    })
}

/// The cause of a resource's name in a quota: `cpu`, `requests.cpu`, `limits.cpu`, `pods`, `count/services`, `services.nodeports`,
/// `gold.storageclass.storage.k8s.io/requests.storage`, …
pub(crate) fn cause_of(resource: &str) -> Cause {
    let last = resource.rsplit('/').next().unwrap_or(resource);
    match last {
        "cpu" | "requests.cpu" | "limits.cpu" => Cause::QuotaCpu,
        "memory" | "requests.memory" | "limits.memory" => Cause::QuotaMemory,
        "pods" => Cause::QuotaPods,
        "requests.storage" | "persistentvolumeclaims" => Cause::QuotaStorage,
        services if services.split('.').next() == Some("services") => Cause::QuotaServices,
        _ => Cause::QuotaObjects,
    }
}

fn namespace(name: &str) -> ObjectRef {
    ObjectRef::new("Namespace", "", name)
}

#[cfg(test)]
mod tests {
    use super::{cause_of, exceeded};
    use crate::cause::Cause;

    #[test]
    fn the_resource_that_does_not_fit_is_named() {
        let details = "team, requested: limits.memory=2Gi,requests.cpu=500m, used: limits.memory=2Gi,requests.cpu=3800m, \
                       limited: limits.memory=8Gi,requests.cpu=4";
        assert_eq!(exceeded(details), Some("requests.cpu"));
        assert_eq!(exceeded("team, requested: pods=1"), None);
        assert_eq!(exceeded(""), None);
    }

    #[test]
    fn every_spelling_of_a_resource_has_its_cause() {
        for (resource, cause) in [
            ("limits.cpu", Cause::QuotaCpu),
            ("memory", Cause::QuotaMemory),
            ("count/pods", Cause::QuotaPods),
            ("services", Cause::QuotaServices),
            ("services.loadbalancers", Cause::QuotaServices),
            (
                "fast.storageclass.storage.k8s.io/requests.storage",
                Cause::QuotaStorage,
            ),
            ("count/secrets", Cause::QuotaObjects),
        ] {
            assert_eq!(cause_of(resource), cause, "{resource}");
        }
    }
}
