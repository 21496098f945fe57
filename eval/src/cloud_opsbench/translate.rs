//! A case's tool answers as a snapshot of the cluster.

use std::collections::BTreeMap;

use kubernetes::finding::ObjectRef;
use kubernetes::snapshot::{ConnectionCheck, Event, Log, NodeService, Snapshot};
use serde_json::Value;

use super::outline::Entry;
use super::tool_cache::{Answer, ToolCache};
use super::{describe, events, metrics, pods};

/// The types whose objects are listed whole, and their kinds.
const LISTED: [(&str, &str); 5] = [
    ("services", "Service"),
    ("persistentvolumeclaims", "PersistentVolumeClaim"),
    ("persistentvolumes", "PersistentVolume"),
    ("storageclasses", "StorageClass"),
    ("pods", "Pod"),
];

pub(crate) fn snapshot(namespace: &str, cache: &ToolCache) -> Snapshot {
    let manifests = manifests(cache);
    let objects = objects(namespace, cache, &manifests);
    let listed = LISTED
        .iter()
        .filter(|(resource, _)| cache.table(resource).next().is_some())
        .map(|(_, kind)| (*kind).to_owned());
    let alerts = cache.of_tool("GetAlerts").map(|answer| &answer.said);
    Snapshot {
        listed: listed.collect(),
        events: all_events(namespace, cache),
        logs: logs(namespace, cache, &objects),
        node_services: node_services(cache),
        checks: checks(cache),
        changes: alerts
            .flat_map(|alerts| metrics::changes(namespace, alerts))
            .collect(),
        calls: cache
            .of_tool("GetServiceDependencies")
            .flat_map(|answer| metrics::calls(answer.argument("service_name"), answer.text()))
            .collect(),
        objects,
        manifests,
    }
}

/// The documents of every application's YAML.
fn manifests(cache: &ToolCache) -> Vec<Value> {
    let files = cache.of_tool("GetAppYAML").map(Answer::text);
    files.flat_map(documents).collect()
}

/// The documents of a YAML file; a file that is none has none.
fn documents(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    all.into_iter().filter(Value::is_object).collect()
}

fn is(object: &Value, kind: &str, name: &str) -> bool {
    object["kind"] == kind && object["metadata"]["name"] == name
}

fn objects(namespace: &str, cache: &ToolCache, manifests: &[Value]) -> Vec<Value> {
    let applied = |kind: &str, name: &str| manifests.iter().find(|one| is(one, kind, name));
    let mut all = Vec::new();
    for resource in [
        "deployments",
        "statefulsets",
        "services",
        "configmaps",
        "secrets",
        "networkpolicies",
    ] {
        all.extend(
            cache
                .yaml(resource)
                .flat_map(|answer| documents(answer.text())),
        );
    }
    let described = |resource: &str| -> Vec<Entry> {
        let answers = cache.described(resource);
        answers.map(|answer| Entry::parse(answer.text())).collect()
    };
    let has = |all: &[Value], kind: &str, root: &Entry| {
        all.iter().any(|one| is(one, kind, root.text("Name")))
    };
    for root in described("deployments") {
        if !has(&all, "Deployment", &root)
            && let Some(manifest) = applied("Deployment", root.text("Name"))
        {
            all.push(describe::deployment(&root, manifest));
        }
    }
    for root in described("services") {
        if !has(&all, "Service", &root) {
            all.push(describe::service(&root));
        }
    }
    all.extend(described("replicasets").iter().map(describe::replica_set));
    all.extend(described("endpoints").iter().map(describe::endpoints));
    all.extend(described("nodes").iter().map(describe::node));
    all.extend(described("persistentvolumes").iter().map(describe::volume));
    all.extend(described("resourcequota").iter().map(describe::quota));
    for root in described("persistentvolumeclaims") {
        let manifest = applied("PersistentVolumeClaim", root.text("Name"));
        all.push(describe::claim(&root, manifest));
    }
    for root in described("storageclasses") {
        all.push(serde_json::json!({ "kind": "StorageClass", "metadata": { "name": root.text("Name") } }));
    }
    let templates = templates(&all);
    for root in described("pods") {
        let template = templates
            .iter()
            .find(|(labels, _)| has_labels(&root, labels))
            .map(|(_, template)| template);
        all.push(pods::pod(&root, template));
    }
    for object in &mut all {
        let metadata = &mut object["metadata"];
        if metadata.get("namespace").is_some() {
            // One manifest has its namespace with a blank behind it.
            let trimmed = metadata["namespace"]
                .as_str()
                .unwrap_or(namespace)
                .trim()
                .to_owned();
            metadata["namespace"] = trimmed.into();
        }
    }
    all
}

/// The labels that a workload selects its pods by, with the spec of its template.
fn templates(all: &[Value]) -> Vec<(BTreeMap<String, String>, Value)> {
    let workloads = all
        .iter()
        .filter(|object| matches!(object["kind"].as_str(), Some("Deployment" | "StatefulSet")));
    workloads
        .map(|workload| {
            let labels = &workload["spec"]["selector"]["matchLabels"];
            let labels = serde_json::from_value(labels.clone()).unwrap_or_default();
            (labels, workload["spec"]["template"]["spec"].clone())
        })
        .collect()
}

fn has_labels(root: &Entry, labels: &BTreeMap<String, String>) -> bool {
    let of_pod = describe::labels(root, "Labels");
    !labels.is_empty()
        && labels
            .iter()
            .all(|(key, value)| of_pod[key] == value.as_str())
}

fn all_events(namespace: &str, cache: &ToolCache) -> Vec<Event> {
    let kinds = [
        ("pods", "Pod"),
        ("replicasets", "ReplicaSet"),
        ("deployments", "Deployment"),
        ("statefulsets", "StatefulSet"),
        ("persistentvolumeclaims", "PersistentVolumeClaim"),
        ("nodes", "Node"),
    ];
    let mut all = Vec::new();
    for (resource, kind) in kinds {
        for answer in cache.described(resource) {
            let namespace = if kind == "Node" { "" } else { namespace };
            let of = ObjectRef::new(kind, namespace, answer.argument("name"));
            all.extend(events::described(&of, answer.text()));
        }
    }
    for answer in cache.table("events") {
        all.extend(events::listed(answer.argument("namespace"), answer.text()));
    }
    all
}

/// `{"patterns": [{"sample" or "pattern": line}]}`, as text or not, or `{container: [lines]}`.
fn logs(namespace: &str, cache: &ToolCache, objects: &[Value]) -> Vec<Log> {
    let mut all = Vec::new();
    for answer in cache.of_tool("GetErrorLogs") {
        let name = answer.argument("service_name");
        let kind = ["Deployment", "StatefulSet"]
            .into_iter()
            .find(|kind| objects.iter().any(|object| is(object, kind, name)));
        let object = ObjectRef::new(kind.unwrap_or("Deployment"), namespace, name);
        let parsed: Value = serde_json::from_str(answer.text()).unwrap_or_default();
        let said = if answer.said.is_string() {
            &parsed
        } else {
            &answer.said
        };
        let texts = |of: &Value| -> Vec<String> {
            let lines = of.as_array().into_iter().flatten();
            let line = |one: &Value| {
                let text = one
                    .get("sample")
                    .or_else(|| one.get("pattern"))
                    .unwrap_or(one);
                text.as_str().map(str::to_owned)
            };
            let entries = lines.filter_map(line);
            entries
                .flat_map(|entry| entry.lines().map(str::to_owned).collect::<Vec<_>>())
                .collect()
        };
        for (container, lines) in said.as_object().into_iter().flatten() {
            let lines = texts(lines);
            if !lines.is_empty() {
                all.push(Log {
                    object: object.clone(),
                    container: container.clone(),
                    lines,
                });
            }
        }
    }
    all
}

fn node_services(cache: &ToolCache) -> Vec<NodeService> {
    let answers = cache.of_tool("CheckNodeServiceStatus");
    answers
        .filter_map(|answer| {
            let line = answer
                .text()
                .lines()
                .find(|line| line.trim_start().starts_with("Active:"))?;
            let state = line
                .trim_start()
                .strip_prefix("Active:")?
                .split_whitespace()
                .next()?;
            Some(NodeService {
                node: answer.argument("node_name").to_owned(),
                unit: answer.argument("service_name").to_owned(),
                state: state.to_owned(),
                quote: line.trim().to_owned(),
            })
        })
        .collect()
}

/// One result, or a report with one from every node.
fn checks(cache: &ToolCache) -> Vec<ConnectionCheck> {
    let mut all = Vec::new();
    for answer in cache.of_tool("CheckServiceConnectivity") {
        let Some(port) = answer
            .number("port")
            .and_then(|port| u16::try_from(port).ok())
        else {
            continue;
        };
        let check = |from: &str, text: &str| ConnectionCheck {
            namespace: answer.argument("namespace").to_owned(),
            service: answer.argument("service_name").to_owned(),
            port,
            from: from.to_owned(),
            open: text.contains("Connection Succeeded"),
        };
        let mut reports = answer.text().split("deployed on ").skip(1).peekable();
        if reports.peek().is_none() {
            all.push(check("", answer.text()));
        }
        for report in reports {
            let (node, result) = report.split_once(':').unwrap_or((report, ""));
            if !result.trim().is_empty() {
                all.push(check(node, result));
            }
        }
    }
    all
}
