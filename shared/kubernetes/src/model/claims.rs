//! Claims for volumes, and what keeps a volume from being bound to one.
//!
//! <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding>

use serde_json::Value;

use super::json::{at, list, scalar, text};
use super::labels::selects;
use super::object::Object;
use super::quantity::quantity;

/// What speaks against a volume for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mismatch {
    StorageClass,
    AccessMode,
    Capacity,
    Selector,
    /// Another claim has it.
    Taken,
}

/// Everything that speaks against binding the volume to the claim.
pub(crate) fn mismatches(claim: &Object<'_>, volume: &Object<'_>) -> Vec<Mismatch> {
    let (wanted, has) = (claim.value, volume.value);
    let size = |value: &Value| quantity(&scalar(value));
    let modes = list(has, "/spec/accessModes");
    let large_enough = match (
        size(at(wanted, "/spec/resources/requests/storage")),
        size(at(has, "/spec/capacity/storage")),
    ) {
        (Some(wanted), Some(has)) => has >= wanted,
        _ => true,
    };
    let taken_by = text(has, "/spec/claimRef/name");
    let free = taken_by.is_empty()
        || (taken_by == claim.name() && text(has, "/spec/claimRef/namespace") == claim.namespace());
    let class = |value| text(value, "/spec/storageClassName");
    [
        (Mismatch::StorageClass, class(wanted) == class(has)),
        (
            Mismatch::AccessMode,
            list(wanted, "/spec/accessModes")
                .iter()
                .all(|mode| modes.contains(mode)),
        ),
        (Mismatch::Capacity, large_enough),
        (
            Mismatch::Selector,
            selects(at(wanted, "/spec/selector"), &volume.labels()),
        ),
        (Mismatch::Taken, free),
    ]
    .into_iter()
    .filter(|(_, fits)| !fits)
    .map(|(mismatch, _)| mismatch)
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Mismatch, mismatches};
    use crate::model::object::Object;

    #[test]
    fn a_volume_has_to_fit_in_every_respect() {
        let claim = json!({
            "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "shop" },
            "spec": {
                "accessModes": ["ReadWriteMany"], "storageClassName": "fast",
                "resources": { "requests": { "storage": "5Gi" } }, "selector": { "matchLabels": { "disk": "ssd" } },
            },
        });
        let fits = json!({
            "kind": "PersistentVolume", "metadata": { "name": "pv-1", "labels": { "disk": "ssd" } },
            "spec": {
                "accessModes": ["ReadWriteOnce", "ReadWriteMany"], "storageClassName": "fast",
                "capacity": { "storage": "5120Mi" }, "claimRef": { "name": "data", "namespace": "shop" },
            },
        });
        let differs = json!({
            "kind": "PersistentVolume", "metadata": { "name": "pv-2", "labels": { "disk": "hdd" } },
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "slow", "capacity": { "storage": "1Gi" },
                "claimRef": { "name": "other", "namespace": "shop" },
            },
        });
        let of = |volume| {
            let [claim, volume] = [
                (&claim, "PersistentVolumeClaim"),
                (volume, "PersistentVolume"),
            ]
            .map(|(value, kind)| Object { kind, value });
            mismatches(&claim, &volume)
        };
        assert_eq!(of(&fits), []);
        assert_eq!(
            of(&differs),
            [
                Mismatch::StorageClass,
                Mismatch::AccessMode,
                Mismatch::Capacity,
                Mismatch::Selector,
                Mismatch::Taken
            ]
        );
    }
}
