//! Tests of who is meant: the subject of alerts as common senders write them, and what is told apart.

use jiff::Timestamp;

use crate::alert::alert_rules::AlertRules;
use crate::alert::classification::AlertTables;
use crate::alert::fingerprint::fingerprint;
use crate::alert::{Alert, AlertStatus, Texts};
use crate::primitives::id::MemberId;

/// Reads `name=value` pairs; the first without a name is the alert's.
fn alert_by(rules: &str, text: &str) -> Alert {
    let labels: Texts = text
        .split_whitespace()
        .map(|pair| pair.split_once('=').unwrap_or(("alertname", pair)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let rules: AlertRules = serde_json::from_str(rules).expect("rules");
    AlertTables::default().with_rules(rules).alert(
        AlertStatus::Firing,
        "test",
        labels,
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        MemberId::unnumbered(),
    )
}

fn alert(text: &str) -> Alert {
    alert_by("{}", text)
}

const STATE_METRICS: &str = "job=kube-state-metrics instance=10.4.1.2:8080 pod=kube-state-metrics-66d8f5c7b4-q9w8z container=kube-state-metrics endpoint=http service=kube-state-metrics namespace=shop";
const NODE_EXPORTER: &str = "job=node-exporter pod=node-exporter-x2x4z container=node-exporter endpoint=metrics service=node-exporter namespace=monitoring";

#[test]
fn the_exporter_is_never_taken_for_what_it_measures() {
    let state = STATE_METRICS;
    let node = NODE_EXPORTER;
    for (labels, subject) in [
        (format!("A {state} deployment=cart"), "deployment cart"),
        (format!("A {state} persistentvolumeclaim=data-db-0"), "persistentvolumeclaim data-db-0"),
        (format!("A {state} job_name=backup-29387520"), "job backup-29387520"),
        (format!("A {state} node=worker-3"), "node worker-3"),
        (format!("A {state}"), "alert A"),
        // With honor_labels the pod is the object's, without it stands as exported_pod.
        ("A job=kube-state-metrics instance=10.4.1.2:8080 pod=web-0 container=app".to_owned(), "pod web-0"),
        (format!("A {state} exported_pod=web-0"), "pod web-0"),
        (format!("A {node} instance=10.0.0.5:9100 mountpoint=/"), "node 10.0.0.5:9100"),
        (format!("A {node} instance=10.0.0.5:9100 nodename=worker-3"), "node worker-3"),
        ("A job=kubelet instance=10.0.0.5:10250 node=worker-3 metrics_path=/metrics".to_owned(), "node worker-3"),
        ("A job=kubelet metrics_path=/metrics/cadvisor instance=10.0.0.5:10250 node=worker-3 pod=web-0 container=app".to_owned(), "pod web-0"),
        ("A job=blackbox instance=https://shop.example/ pod=blackbox-exporter-0".to_owned(), "endpoint https://shop.example/"),
        // An exporter in a pod of its own; within the pod that it measures; and asked about another machine.
        ("A job=pg pod=postgres-exporter-7d9c5b8f6d-x2x4z instance=10.4.1.9:9187 server=db-1:5432".to_owned(), "instance db-1:5432"),
        ("A job=pg pod=orders-db-0 container=postgres-exporter instance=10.4.1.9:9187".to_owned(), "pod orders-db-0"),
        ("A job=redis pod=redis-exporter-7d9c5b8f6d-x2x4z instance=redis://cache-1:6379".to_owned(), "instance redis://cache-1:6379"),
        ("A job=postgres-exporter instance=db-1:9187".to_owned(), "instance db-1:9187"),
    ] {
        let found = alert(&labels);
        assert_eq!(
            format!("{} {}", found.subject.kind.as_str(), found.target),
            subject,
            "{labels}: {}",
            found.subject.named_by
        );
    }
}

#[test]
fn the_order_is_that_of_the_original_where_the_sender_says_so() {
    for (labels, target) in [
        (
            "A component=shop deployment=cart pod=web-0 instance=h:1",
            "shop",
        ),
        ("A deployment=cart pod=web-0 instance=h:1", "cart"),
        ("A pod=web-0 instance=h:1 host=h", "web-0"),
        ("A instance=h:1 job=node service=s", "h:1"),
        ("A service=payments instance=h:1", "payments"),
        ("A host=db-1 path=/data", "db-1"),
        ("A", "A"),
    ] {
        assert_eq!(alert(labels).target, target, "{labels}");
    }
}

#[test]
fn what_the_sender_tells_apart_is_never_one_incident() {
    let node = NODE_EXPORTER;
    let pairs = [
        (
            "TargetDown job=a namespace=n",
            "TargetDown job=b namespace=n",
        ),
        (
            "DatasourceNoData rulename=latency",
            "DatasourceNoData rulename=payments",
        ),
        ("DiskFull host=db-1 path=/", "DiskFull host=db-1 path=/data"),
        ("Down frp=1", "Down frp=2"),
        (
            "QueueFull instance=mq:1 job=mq queue=a",
            "QueueFull instance=mq:1 job=mq queue=b",
        ),
        (
            "QueueFull instance=mq:1 queue=a vhost=x",
            "QueueFull instance=mq:1 queue=a vhost=y",
        ),
        ("A pod=web-0 cluster=eu", "A pod=web-0 cluster=us"),
        ("A component=c env=dev", "A component=c env=prod"),
        (
            "A component=c cluster=k region=eu",
            "A component=c cluster=k region=us",
        ),
        ("A pod=web-7d9c5b8f6d-x2x4z", "A pod=api-7d9c5b8f6d-x2x4z"),
        (
            "A pod=web-0 exported_service=x service=m",
            "A pod=web-0 exported_service=y service=m",
        ),
    ];
    let on_nodes = [
        (
            format!("A {node} instance=10.0.0.5:9100"),
            format!("A {node} instance=10.0.0.6:9100"),
        ),
        (
            format!("A {node} instance=n:9100 name=a.service"),
            format!("A {node} instance=n:9100 name=b.service"),
        ),
    ];
    let pairs = pairs.map(|(one, other)| (one.to_owned(), other.to_owned()));
    for (one, other) in pairs.into_iter().chain(on_nodes) {
        let of = |labels| fingerprint(&alert(labels), &[]);
        assert_ne!(of(&one), of(&other), "{one} and {other}");
    }
}

#[test]
fn what_changes_by_itself_changes_no_identity() {
    let moved = STATE_METRICS
        .replace("10.4.1.2", "10.4.9.9")
        .replace("q9w8z", "bbbbb");
    let pairs = [
        (
            format!("A {STATE_METRICS} deployment=cart"),
            format!("A {moved} deployment=cart"),
        ),
        (format!("A {STATE_METRICS}"), format!("A {moved}")),
        (
            "A job=kubelet instance=10.0.0.5:10250 node=a persistentvolumeclaim=data".to_owned(),
            "A job=kubelet instance=10.0.0.6:10250 node=b persistentvolumeclaim=data".to_owned(),
        ),
        (
            "A pod=web-7d9c5b8f6d-x2x4z instance=10.4.1.1:80 node=a uid=1 job=web".to_owned(),
            "A pod=web-66d8f5c7b4-q9w8z instance=10.4.1.2:80 node=b uid=2 job=web".to_owned(),
        ),
        (
            "A host=h prometheus=m/0 replica=a severity=info".to_owned(),
            "A host=h prometheus=m/1 replica=b severity=page".to_owned(),
        ),
        (
            "A job_name=backup-29387520".to_owned(),
            "A job_name=backup-29387580".to_owned(),
        ),
        (
            "A pod=pg-exporter-7d9c5b8f6d-x2x4z instance=10.4.1.1:9187 job=pg datname=shop"
                .to_owned(),
            "A pod=pg-exporter-7d9c5b8f6d-bbbbb instance=10.4.1.2:9187 job=pg datname=shop"
                .to_owned(),
        ),
    ];
    for (one, other) in &pairs {
        let of = |labels| fingerprint(&alert(labels), &[]);
        assert_eq!(of(one), of(other), "{one} and {other}");
    }
}

#[test]
fn a_rule_names_the_subject_and_all_that_tells_it_apart() {
    let rules = r#"{"rules":[
        {"alerts":["DiskFull","DiskFillingUp","Disk*"],"type":"disk_full","subject":{"kind":"node","name":["nodename","instance"],"apart":["mountpoint"]}},
        {"alerts":["DiskSlow"],"type":"high_cpu","subject":{"kind":"disk","name":["device"]}}]}"#;
    let of = |labels| alert_by(rules, labels);
    let one = of("DiskFull instance=h:1 mountpoint=/ device=sda fstype=ext4 namespace=monitoring");
    let other = of("DiskFillingUp instance=h:1 mountpoint=/ device=sdb");
    assert_eq!(
        fingerprint(&one, &[]),
        fingerprint(&other, &[]),
        "one type, one subject"
    );
    assert_eq!(
        (one.namespace.as_str(), one.subject.apart),
        ("default", vec!["mountpoint".to_owned()])
    );
    assert_ne!(
        fingerprint(&other, &[]),
        fingerprint(&of("DiskFull instance=h:1 mountpoint=/data"), &[])
    );
    // A pattern fits alerts that nobody knew, so their other labels count as well.
    let unknown = |labels| fingerprint(&of(labels), &[]);
    assert_ne!(
        unknown("DiskOdd instance=h:1 mountpoint=/ shelf=a"),
        unknown("DiskOdd instance=h:1 mountpoint=/ shelf=b")
    );
    // A rule whose labels are not there leaves the alert to the next one; its type stays the first's.
    let slow = of("DiskSlow device=sda");
    assert_eq!(
        (slow.alert_type.as_str(), slow.target.as_str()),
        ("disk_full", "sda")
    );
    assert_eq!(of("DiskSlow other=x").target, "DiskSlow");
}
