//! Claims that no volume is bound to, and claims that are not there.
//!
//! <https://kubernetes.io/docs/concepts/storage/persistent-volumes/>

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::claims::{Mismatch, mismatches};
use crate::model::cluster::Cluster;
use crate::model::json::{text, texts};
use crate::model::object::Object;
use crate::model::schedule::Unscheduled;
use crate::rules::Rule;
use crate::rules::quota::cause_of;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::ClaimAccessMode],
        look: |cluster| only(cluster, Mismatch::AccessMode, Cause::ClaimAccessMode),
    },
    Rule {
        causes: &[Cause::ClaimCapacity],
        look: |cluster| only(cluster, Mismatch::Capacity, Cause::ClaimCapacity),
    },
    Rule {
        causes: &[Cause::ClaimSelector],
        look: |cluster| only(cluster, Mismatch::Selector, Cause::ClaimSelector),
    },
    Rule {
        causes: &[Cause::ClaimStorageClass],
        look: |cluster| only(cluster, Mismatch::StorageClass, Cause::ClaimStorageClass),
    },
    Rule {
        causes: &[Cause::ClaimStorageClass],
        look: unknown_class,
    },
    Rule {
        causes: &[Cause::VolumeTaken],
        look: |cluster| only(cluster, Mismatch::Taken, Cause::VolumeTaken),
    },
    Rule {
        causes: &[Cause::ClaimMissing],
        look: missing,
    },
    Rule {
        causes: &[Cause::ClaimUnbound],
        look: unbound,
    },
];

/// A pending claim that an unscheduled pod waits for, with the workload of the pod.
struct Waiting<'a> {
    workload: ObjectRef,
    claim: Object<'a>,
}

fn waiting<'a>(cluster: &Cluster<'a>) -> Vec<Waiting<'a>> {
    Unscheduled::all(cluster)
        .iter()
        .flat_map(|one| {
            let (pod, namespace) = (one.pod, one.pod.namespace());
            pod.volumes("/persistentVolumeClaim/claimName")
                .into_iter()
                .filter_map(move |name| {
                    let claim = cluster.find("PersistentVolumeClaim", namespace, name)?;
                    let workload = cluster.owner(pod.0);
                    let pending = text(claim.value, "/status/phase") == "Pending";
                    pending.then_some(Waiting { workload, claim })
                })
        })
        .collect()
}

/// A volume would fit the claim but for one thing, and no volume fits without it.
///
/// <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#persistentvolumeclaims>
fn only(cluster: &Cluster<'_>, mismatch: Mismatch, cause: Cause) -> Vec<Finding> {
    waiting(cluster)
        .into_iter()
        .filter_map(|Waiting { workload, claim }| {
            let against: Vec<_> = cluster
                .all("PersistentVolume")
                .map(|volume| (volume, mismatches(&claim, &volume)))
                .collect();
            let fits = against.iter().any(|(_, against)| against.is_empty());
            let (volume, _) = against
                .iter()
                .find(|(_, against)| **against == [mismatch])?;
            let (wanted, has) = (spec(&claim), spec(volume));
            (!fits).then(|| {
                Finding::new(workload, cause, Support::Compared)
                    .seen(format!("{} spec", claim.reference()), wanted)
                    .seen(format!("{} spec", volume.reference()), has)
            })
        })
        .collect()
}

fn spec(object: &Object<'_>) -> String {
    let spec = object.value.get("spec");
    spec.map(serde_json::Value::to_string).unwrap_or_default()
}

/// The claim names a storage class that is not there.
///
/// <https://kubernetes.io/docs/concepts/storage/storage-classes/>
fn unknown_class(cluster: &Cluster<'_>) -> Vec<Finding> {
    waiting(cluster)
        .into_iter()
        .filter_map(|Waiting { workload, claim }| {
            let class = text(claim.value, "/spec/storageClassName");
            let event = cluster
                .events_of(&claim.reference(), &["ProvisioningFailed"])
                .next()
                .filter(|event| {
                    event.message.contains("storageclass") && event.message.contains("not found")
                });
            let absent = !class.is_empty() && cluster.is_absent("StorageClass", "", class);
            let finding = Finding::new(workload, Cause::ClaimStorageClass, Support::Stated);
            match event {
                Some(event) => Some(finding.seen("event ProvisioningFailed", &event.message)),
                None if absent => Some(finding.seen(
                    format!("{} spec.storageClassName", claim.reference()),
                    class,
                )),
                None => None,
            }
        })
        .collect()
}

/// The pod names a claim that is not there, and no quota explains why it could not be made.
///
/// <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#claims-as-volumes>
fn missing(cluster: &Cluster<'_>) -> Vec<Finding> {
    let quota = cluster.all("ResourceQuota").any(|quota| {
        texts(quota.value, "/status/hard")
            .any(|(resource, _)| cause_of(resource) == Cause::QuotaStorage)
    });
    Unscheduled::all(cluster)
        .into_iter()
        .filter(|one| {
            !quota
                && one.message.contains("persistentvolumeclaim \"")
                && one.message.contains("not found")
        })
        .map(|one| {
            Finding::new(
                cluster.owner(one.pod.0),
                Cause::ClaimMissing,
                Support::Stated,
            )
            .seen("FailedScheduling", &one.message)
        })
        .collect()
}

/// A pod waits for a claim that is bound to nothing. It is a symptom: why, it does not say.
fn unbound(cluster: &Cluster<'_>) -> Vec<Finding> {
    waiting(cluster)
        .into_iter()
        .map(|Waiting { workload, claim }| {
            Finding::new(workload, Cause::ClaimUnbound, Support::Symptom)
                .seen(format!("{} status", claim.reference()), "Pending")
        })
        .collect()
}
