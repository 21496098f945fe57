//! Pods as JSON, out of what `kubectl describe pod` prints.

use serde_json::{Map, Value, json};

use super::describe::{labels, owner, scheduling};
use super::outline::Entry;

/// The pod, with the scheduling constraints of its workload's template, which `describe` does not print.
pub(crate) fn pod(root: &Entry, template: Option<&Value>) -> Value {
    let node = root.text("Node");
    let node = node.split_once('/').map_or(node, |(name, _)| name);
    let (init, init_statuses) = containers(root, "Init Containers");
    let (all, statuses) = containers(root, "Containers");
    let mut spec = scheduling(template);
    spec.insert("nodeName".to_owned(), json!(node));
    spec.insert("initContainers".to_owned(), init);
    spec.insert("containers".to_owned(), all);
    spec.insert("volumes".to_owned(), volumes(root));
    json!({
        "kind": "Pod",
        "metadata": {
            "name": root.text("Name"), "namespace": root.text("Namespace"),
            "labels": labels(root, "Labels"), "ownerReferences": owner(root),
        },
        "spec": spec,
        "status": {
            "phase": root.text("Status"), "reason": root.text("Reason"), "message": root.text("Message"),
            "initContainerStatuses": init_statuses, "containerStatuses": statuses,
        },
    })
}

fn containers(root: &Entry, of: &str) -> (Value, Value) {
    let all = root
        .get(of)
        .map(|entry| entry.below.as_slice())
        .unwrap_or_default();
    let specs: Vec<Value> = all.iter().map(container).collect();
    let statuses: Vec<Value> = all.iter().map(status).collect();
    (json!(specs), json!(statuses))
}

fn container(entry: &Entry) -> Value {
    let mut spec = Map::new();
    spec.insert("name".to_owned(), json!(entry.key));
    spec.insert("image".to_owned(), json!(entry.text("Image")));
    spec.insert("ports".to_owned(), ports(entry));
    spec.insert("env".to_owned(), environment(entry));
    spec.insert("envFrom".to_owned(), environment_from(entry));
    spec.insert("volumeMounts".to_owned(), mounts(entry));
    let limits = entry.get("Limits").map(pairs).unwrap_or_default();
    spec.insert("resources".to_owned(), json!({ "limits": limits }));
    for (key, field) in [
        ("Liveness", "livenessProbe"),
        ("Readiness", "readinessProbe"),
        ("Startup", "startupProbe"),
    ] {
        if let Some(probe) = entry
            .get(key)
            .and_then(|entry| probe(entry.values.first()?))
        {
            spec.insert(field.to_owned(), probe);
        }
    }
    Value::Object(spec)
}

fn pairs(entry: &Entry) -> Map<String, Value> {
    let pair = |entry: &Entry| Some((entry.key.clone(), json!(entry.values.first()?)));
    entry.below.iter().filter_map(pair).collect()
}

/// `7070/TCP` or `8848/TCP, 7848/TCP`.
fn ports(entry: &Entry) -> Value {
    let written = [entry.text("Port"), entry.text("Ports")];
    let ports = written
        .iter()
        .flat_map(|ports| ports.split(", "))
        .filter_map(|port| {
            let (number, protocol) = port.split_once('/')?;
            let number: u16 = number.parse().ok()?;
            Some(json!({ "containerPort": number, "protocol": protocol }))
        });
    json!(ports.collect::<Vec<_>>())
}

fn environment(entry: &Entry) -> Value {
    let variables = entry.get("Environment").map(|entry| entry.below.as_slice());
    let variables = variables.unwrap_or_default().iter().filter_map(|variable| {
        let value = variable
            .values
            .first()
            .filter(|value| !value.starts_with('<'))?;
        Some(json!({ "name": variable.key, "value": value }))
    });
    json!(variables.collect::<Vec<_>>())
}

/// `ts-user-mysql  Secret     Optional: false`
fn environment_from(entry: &Entry) -> Value {
    let sources = entry
        .get("Environment Variables from")
        .map(|entry| entry.below.as_slice());
    let sources = sources.unwrap_or_default().iter().filter_map(|source| {
        let mut words = source.key.split_whitespace();
        let name = words.next()?;
        match words.next()? {
            "Secret" => Some(json!({ "secretRef": { "name": name } })),
            "ConfigMap" => Some(json!({ "configMapRef": { "name": name } })),
            _ => None,
        }
    });
    json!(sources.collect::<Vec<_>>())
}

/// `/data from redis-data (rw)`
fn mounts(entry: &Entry) -> Value {
    let mounts = entry.texts("Mounts").filter_map(|mount| {
        let (path, rest) = mount.split_once(" from ")?;
        let name = rest.split_whitespace().next()?;
        Some(json!({ "mountPath": path, "name": name }))
    });
    json!(mounts.collect::<Vec<_>>())
}

fn volumes(root: &Entry) -> Value {
    let volumes = root.get("Volumes").map(|entry| entry.below.as_slice());
    let volumes = volumes.unwrap_or_default().iter().map(|volume| {
        let kind = volume.text("Type");
        if kind.starts_with("PersistentVolumeClaim") {
            json!({ "name": volume.key, "persistentVolumeClaim": { "claimName": volume.text("ClaimName") } })
        } else if kind.starts_with("HostPath") {
            json!({ "name": volume.key, "hostPath": { "path": volume.text("Path") } })
        } else {
            json!({ "name": volume.key })
        }
    });
    json!(volumes.collect::<Vec<_>>())
}

/// `grpc <pod>:9555  delay=5s timeout=1s period=10s #success=1 #failure=3`, `http-get http://:8080/_healthz delay=…`,
/// `tcp-socket :6379 delay=…`, `exec [sh -c …] delay=…`
fn probe(text: &str) -> Option<Value> {
    let (kind, rest) = text.split_once(' ')?;
    let (asks, timing) = rest.split_once(" delay=")?;
    let asks = asks.trim();
    let after_colon = |text: &str| -> Option<(Value, String)> {
        let (_, port) = text.split_once(':')?;
        let (port, path) = port.split_once('/').unwrap_or((port, ""));
        let number = port
            .parse::<u16>()
            .map_or_else(|_| json!(port), |port| json!(port));
        Some((number, format!("/{path}")))
    };
    let mut probe = Map::new();
    match kind {
        "grpc" => {
            let (port, _) = after_colon(asks)?;
            probe.insert("grpc".to_owned(), json!({ "port": port }));
        }
        "http-get" => {
            let (_, host) = asks.split_once("://")?;
            let (port, path) = after_colon(host)?;
            probe.insert("httpGet".to_owned(), json!({ "port": port, "path": path }));
        }
        "tcp-socket" => {
            let (port, _) = after_colon(asks)?;
            probe.insert("tcpSocket".to_owned(), json!({ "port": port }));
        }
        _ => {
            probe.insert("exec".to_owned(), json!({ "command": [asks] }));
        }
    }
    let timing = format!("delay={timing}");
    for (name, field) in [
        ("delay=", "initialDelaySeconds"),
        ("timeout=", "timeoutSeconds"),
        ("period=", "periodSeconds"),
        ("#failure=", "failureThreshold"),
    ] {
        let value = timing
            .split_whitespace()
            .find_map(|word| word.strip_prefix(name));
        if let Some(number) =
            value.and_then(|value| value.trim_end_matches('s').parse::<u32>().ok())
        {
            probe.insert(field.to_owned(), json!(number));
        }
    }
    Some(Value::Object(probe))
}

fn status(entry: &Entry) -> Value {
    let state = |key: &str| {
        let entry = entry.get(key)?;
        let kind = entry.values.first()?.to_lowercase();
        let code: Option<i64> = entry.text("Exit Code").parse().ok();
        let mut state = json!({ "reason": entry.text("Reason"), "message": entry.text("Message") });
        if let Some(code) = code {
            state["exitCode"] = json!(code);
        }
        Some(json!({ kind: state }))
    };
    json!({
        "name": entry.key, "ready": entry.text("Ready") == "True",
        "restartCount": entry.text("Restart Count").parse::<u32>().unwrap_or(0),
        "state": state("State"), "lastState": state("Last State"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::probe;

    #[test]
    fn every_kind_of_probe_is_read() {
        let timing = "delay=5s timeout=1s period=10s #success=1 #failure=3";
        let of = |asks: &str| probe(&format!("{asks} {timing}")).expect("a probe");
        assert_eq!(of("grpc <pod>:9555 ")["grpc"]["port"], 9555);
        assert_eq!(
            of("http-get http://:8080/_healthz")["httpGet"],
            json!({ "port": 8080, "path": "/_healthz" })
        );
        assert_eq!(of("tcp-socket :redis")["tcpSocket"]["port"], "redis");
        let exec = of("exec [pgrep xenon]");
        assert_eq!(
            (&exec["initialDelaySeconds"], &exec["failureThreshold"]),
            (&json!(5), &json!(3))
        );
    }
}
