//! Objects as JSON, out of what `kubectl describe` prints; pods are in `pods`.

use serde_json::{Map, Value, json};

use super::outline::{Entry, columns};

/// `key=value` lines as an object.
pub(crate) fn labels(root: &Entry, key: &str) -> Value {
    let pairs = root
        .texts(key)
        .flat_map(|line| line.split(','))
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), json!(value)));
    Value::Object(pairs.collect())
}

/// `Controlled By:  ReplicaSet/cart-7c5f46fc47`
pub(crate) fn owner(root: &Entry) -> Value {
    let owner = root.text("Controlled By").split_once('/');
    let owner = owner.map(|(kind, name)| json!({ "kind": kind, "name": name, "controller": true }));
    json!(owner.into_iter().collect::<Vec<_>>())
}

/// What a pod takes over of its template and `describe` does not print, or prints in words.
pub(crate) fn scheduling(template: Option<&Value>) -> Map<String, Value> {
    let fields = [
        "affinity",
        "nodeSelector",
        "tolerations",
        "topologySpreadConstraints",
        "dnsPolicy",
        "dnsConfig",
        "imagePullSecrets",
        "securityContext",
    ];
    fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), template?.get(field)?.clone())))
        .collect()
}

fn metadata(root: &Entry) -> Value {
    json!({ "name": root.text("Name"), "namespace": root.text("Namespace"), "labels": labels(root, "Labels") })
}

/// `Replicas:  0 current / 1 desired`
pub(crate) fn replica_set(root: &Entry) -> Value {
    let replicas = root.text("Replicas");
    let number = |before: &str| number_before(replicas, before);
    let mut metadata = metadata(root);
    metadata["ownerReferences"] = owner(root);
    json!({
        "kind": "ReplicaSet", "metadata": metadata,
        "spec": { "replicas": number(" desired") }, "status": { "replicas": number(" current") },
    })
}

fn number_before(text: &str, word: &str) -> Option<u32> {
    let (before, _) = text.split_once(word)?;
    before.rsplit(' ').next()?.parse().ok()
}

/// The Deployment that was applied, with the numbers of the one that runs:
/// `Replicas:  1 desired | 1 updated | 1 total | 0 available | 1 unavailable`.
pub(crate) fn deployment(root: &Entry, manifest: &Value) -> Value {
    let replicas = root.text("Replicas");
    let number = |before: &str| number_before(replicas, before);
    let mut live = manifest.clone();
    live["spec"]["replicas"] = json!(number(" desired"));
    live["status"] = json!({ "replicas": number(" total"), "readyReplicas": number(" available") });
    live
}

pub(crate) fn service(root: &Entry) -> Value {
    // Of several ports each has its line `Port`, followed by its `TargetPort`.
    let mut ports: Vec<Value> = Vec::new();
    for entry in &root.below {
        let value = entry.values.first().map(String::as_str).unwrap_or_default();
        match entry.key.as_str() {
            "Port" => {
                let mut parts = value.split_whitespace().rev();
                let (number, protocol) = parts
                    .next()
                    .and_then(|port| port.split_once('/'))
                    .unwrap_or_default();
                let name = parts.next().unwrap_or_default();
                let number: Option<u16> = number.parse().ok();
                ports.push(json!({ "name": name, "port": number, "protocol": protocol }));
            }
            "TargetPort" => {
                let target = value.split('/').next().unwrap_or_default();
                let target = target
                    .parse::<u16>()
                    .map_or_else(|_| json!(target), |port| json!(port));
                if let Some(port) = ports.last_mut() {
                    port["targetPort"] = target;
                }
            }
            _ => {}
        }
    }
    json!({
        "kind": "Service", "metadata": metadata(root),
        "spec": {
            "type": root.text("Type"), "clusterIP": root.text("IP"), "selector": labels(root, "Selector"), "ports": ports,
        },
    })
}

pub(crate) fn endpoints(root: &Entry) -> Value {
    let subsets = root.get("Subsets");
    let addresses = |key: &str| -> Vec<Value> {
        let text = subsets.map(|subsets| subsets.text(key)).unwrap_or_default();
        let ips = text.split(',').filter(|ip| !ip.is_empty());
        ips.map(|ip| json!({ "ip": ip })).collect()
    };
    let (ready, waiting) = (addresses("Addresses"), addresses("NotReadyAddresses"));
    let subset = json!({ "addresses": ready, "notReadyAddresses": waiting });
    let subsets: Vec<Value> = (subsets.is_some_and(|subsets| !subsets.below.is_empty()))
        .then_some(subset)
        .into_iter()
        .collect();
    json!({ "kind": "Endpoints", "metadata": metadata(root), "subsets": subsets })
}

pub(crate) fn node(root: &Entry) -> Value {
    let taints = root.texts("Taints").filter_map(|taint| {
        let (pair, effect) = taint.rsplit_once(':')?;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some(json!({ "key": key, "value": value, "effect": effect }))
    });
    let lines = root.lines("Conditions");
    let conditions = lines.iter().filter_map(|line| {
        let parts = columns(line);
        let [
            kind,
            status @ ("True" | "False" | "Unknown"),
            ..,
            reason,
            message,
        ] = parts.as_slice()
        else {
            return None;
        };
        Some(json!({ "type": kind, "status": status, "reason": reason, "message": message }))
    });
    json!({
        "kind": "Node", "metadata": { "name": root.text("Name"), "labels": labels(root, "Labels") },
        "spec": {
            "unschedulable": root.text("Unschedulable") == "true", "taints": taints.collect::<Vec<_>>(),
        },
        "status": { "conditions": conditions.collect::<Vec<_>>() },
    })
}

/// The claim that was applied, with the state of the one that is there.
pub(crate) fn claim(root: &Entry, manifest: Option<&Value>) -> Value {
    let spec = manifest.and_then(|manifest| manifest.get("spec")).cloned();
    let spec = spec.unwrap_or_else(|| {
        json!({
            "storageClassName": root.text("StorageClass"), "accessModes": modes(root),
            "resources": { "requests": { "storage": root.text("Capacity") } },
        })
    });
    json!({
        "kind": "PersistentVolumeClaim", "metadata": metadata(root), "spec": spec,
        "status": { "phase": root.text("Status") },
    })
}

pub(crate) fn volume(root: &Entry) -> Value {
    let taken = root.text("Claim").split_once('/');
    json!({
        "kind": "PersistentVolume",
        "metadata": { "name": root.text("Name"), "labels": labels(root, "Labels") },
        "spec": {
            "storageClassName": root.text("StorageClass"), "accessModes": modes(root),
            "capacity": { "storage": root.text("Capacity") },
            "claimRef": taken.map(|(namespace, name)| json!({ "namespace": namespace, "name": name })),
        },
        "status": { "phase": root.text("Status") },
    })
}

/// `RWO,RWX`
fn modes(root: &Entry) -> Vec<&'static str> {
    let short = root.text("Access Modes").split(',').map(str::trim);
    short
        .filter_map(|mode| match mode {
            "RWO" => Some("ReadWriteOnce"),
            "ROX" => Some("ReadOnlyMany"),
            "RWX" => Some("ReadWriteMany"),
            "RWOP" => Some("ReadWriteOncePod"),
            _ => None,
        })
        .collect()
}

/// The table of a quota: resource, used, hard.
pub(crate) fn quota(root: &Entry) -> Value {
    let (mut used, mut hard) = (Map::new(), Map::new());
    let lines = root
        .values
        .iter()
        .chain(root.below.iter().flat_map(|entry| &entry.values));
    for line in lines {
        if let [resource, of_used, of_hard] = columns(line).as_slice()
            && !matches!(*resource, "Resource")
            && !resource.starts_with('-')
        {
            used.insert((*resource).to_owned(), json!(of_used));
            hard.insert((*resource).to_owned(), json!(of_hard));
        }
    }
    json!({
        "kind": "ResourceQuota",
        "metadata": { "name": root.text("Name"), "namespace": root.text("Namespace") },
        "status": { "used": used, "hard": hard },
    })
}
