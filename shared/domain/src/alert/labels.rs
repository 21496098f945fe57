//! Labels of Prometheus and Kubernetes: which of them name objects, which describe the
//! scrape, and which change while the problem stays the same.
//!
//! Prometheus adds the labels of the scraped target to what the target says; where both have a label, the target's word is kept as
//! `exported_<label>` unless `honor_labels` is set
//! (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config>).

use std::collections::BTreeMap;

use crate::alert::subject::SubjectKind;

/// Labels or annotations: names to values, both text from outside.
pub type Texts = BTreeMap<String, String>;

/// Labels that name an object, the most telling first. Metrics of kube-state-metrics carry them
/// (<https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics>), metrics of cert-manager, and those of volumes
/// that the kubelet reports.
pub(super) const OBJECTS: [(&str, SubjectKind); 16] = [
    ("persistentvolumeclaim", SubjectKind::PersistentVolumeClaim),
    ("persistentvolume", SubjectKind::PersistentVolume),
    ("job_name", SubjectKind::Job),
    ("cronjob", SubjectKind::CronJob),
    (
        "horizontalpodautoscaler",
        SubjectKind::HorizontalPodAutoscaler,
    ),
    ("poddisruptionbudget", SubjectKind::PodDisruptionBudget),
    ("resourcequota", SubjectKind::ResourceQuota),
    ("statefulset", SubjectKind::StatefulSet),
    ("daemonset", SubjectKind::DaemonSet),
    ("deployment", SubjectKind::Deployment),
    ("replicaset", SubjectKind::ReplicaSet),
    ("ingress", SubjectKind::Ingress),
    ("queue", SubjectKind::Queue),
    ("consumergroup", SubjectKind::ConsumerGroup),
    ("consumer_group", SubjectKind::ConsumerGroup),
    ("topic", SubjectKind::Topic),
];

pub(super) const POD: (&str, SubjectKind) = ("pod", SubjectKind::Pod);
pub(super) const ADDRESS: (&str, SubjectKind) = ("instance", SubjectKind::Instance);

/// Labels with which teams name their machines and services, where no object, pod or address does.
pub(super) const OWN: [(&str, SubjectKind); 12] = [
    ("host", SubjectKind::Node),
    ("hostname", SubjectKind::Node),
    ("nodename", SubjectKind::Node),
    ("server", SubjectKind::Instance),
    ("vm", SubjectKind::Node),
    ("service", SubjectKind::Service),
    ("service_name", SubjectKind::Service),
    ("app", SubjectKind::Service),
    ("application", SubjectKind::Service),
    ("database", SubjectKind::Database),
    ("node", SubjectKind::Node),
    ("job", SubjectKind::ScrapeJob),
];

/// Labels of the scraped target. On an alert of an exporter they say where the exporter is, which is nobody's problem.
pub(super) const SCRAPE: [&str; 10] = [
    "pod",
    "container",
    "instance",
    "service",
    "endpoint",
    "job",
    "node",
    "pod_name",
    "container_name",
    "metrics_path",
];

/// Labels that change from replica to replica of Prometheus, from pod to pod, or as the problem gets worse.
const VOLATILE: [&str; 24] = [
    "alertname",
    "severity",
    "priority",
    "prometheus",
    "prometheus_replica",
    "replica",
    "__replica__",
    "receive",
    "monitor",
    "tenant_id",
    "endpoint",
    "metrics_path",
    "uid",
    "pod_uid",
    "container_id",
    "image_id",
    "pod_ip",
    "host_ip",
    "internal_ip",
    "pod_template_hash",
    "controller_revision_hash",
    "alert_rule_uid",
    "ref_id",
    "datasource_uid",
];

/// Labels of the scrape of a pod: they change from pod to pod of one workload, or say with other words which workload it is.
pub(super) const OF_A_POD: [&str; 9] = [
    "pod",
    "pod_name",
    "instance",
    "node",
    "service",
    "job",
    "id",
    "image",
    "image_spec",
];

/// Labels that change when an exporter is started elsewhere.
pub(super) const MOVES: [&str; 4] = ["pod", "pod_name", "instance", "node"];

/// The usual names of what Prometheus calls a cluster. Each of them that an alert has is a part of its identity.
pub const CLUSTERS: [&str; 9] = [
    "cluster",
    "cluster_name",
    "k8s_cluster",
    "k8s_cluster_name",
    "cluster_id",
    "env",
    "environment",
    "region",
    "datacenter",
];

/// True if a label says nothing that lasts about the problem.
pub(super) fn is_volatile(name: &str) -> bool {
    VOLATILE.contains(&name) || name.starts_with("__")
}

/// What an alert says of a label: the scraped target's own word, if Prometheus has set it aside.
pub fn said<'a>(labels: &'a Texts, name: &str) -> Option<&'a str> {
    let exported = labels.get(&format!("exported_{name}"));
    exported
        .filter(|value| !value.is_empty())
        .or_else(|| labels.get(name))
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// True if Prometheus has set the target's own word for a label aside, so that the label is the scrape's.
pub(super) fn is_set_aside(labels: &Texts, name: &str) -> bool {
    labels
        .get(&format!("exported_{name}"))
        .is_some_and(|value| !value.is_empty())
}
