//! The subject of an alert: the thing that is wrong, which is rarely the exporter that measured it.

use serde::{Deserialize, Serialize};

use crate::primitives::names::named;

named! {
    /// The kind of a subject. Kubernetes' kinds have the names that kube-state-metrics gives its labels.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum SubjectKind {
        /// What the sender itself calls the thing that is meant.
        Component = "component",
        Pod = "pod",
        Container = "container",
        Deployment = "deployment",
        StatefulSet = "statefulset",
        DaemonSet = "daemonset",
        ReplicaSet = "replicaset",
        Job = "job",
        CronJob = "cronjob",
        HorizontalPodAutoscaler = "horizontalpodautoscaler",
        PodDisruptionBudget = "poddisruptionbudget",
        ResourceQuota = "resourcequota",
        PersistentVolumeClaim = "persistentvolumeclaim",
        PersistentVolume = "persistentvolume",
        Ingress = "ingress",
        Certificate = "certificate",
        Service = "service",
        Namespace = "namespace",
        /// A machine, in Kubernetes or not.
        Node = "node",
        Disk = "disk",
        /// The address that Prometheus scrapes.
        Instance = "instance",
        /// The address that a prober asks.
        Endpoint = "endpoint",
        /// A job of Prometheus' scrape configuration.
        ScrapeJob = "scrape_job",
        Database = "database",
        Queue = "queue",
        Topic = "topic",
        ConsumerGroup = "consumer_group",
        Cluster = "cluster",
        /// A rule of the sender that has no data.
        Rule = "rule",
        /// Unknown: the alert stands for itself, and all its lasting labels tell it apart.
        Alert = "alert",
    }
}

impl SubjectKind {
    /// True if things of this kind belong to no namespace: a namespace on such an alert is the exporter's.
    pub fn is_cluster_scoped(self) -> bool {
        matches!(
            self,
            Self::Node
                | Self::PersistentVolume
                | Self::Cluster
                | Self::Namespace
                | Self::Disk
                | Self::Endpoint
        )
    }
}

/// How the subject of an alert was found. Its name is the alert's target, its namespace the alert's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub kind: SubjectKind,
    /// The cluster or environment, where the sender names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Labels that tell it apart from others of its name, and so belong to its identity: a mount point, a unit, a queue's virtual host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<String>,
    /// Digest of those labels with their values, which stays when an alert is cut to what an item can hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart_digest: Option<String>,
    /// What named it, for people: a rule of `alert-rules.json`, an exporter's convention, or a label.
    pub named_by: String,
}

/// A subject of which only the name is known: that of alerts from before subjects were kept.
impl Default for Subject {
    fn default() -> Self {
        Self::of_sender(SubjectKind::Component)
    }
}

impl Subject {
    /// A subject that the sender names outright.
    pub fn of_sender(kind: SubjectKind) -> Self {
        Self {
            kind,
            cluster: None,
            apart: Vec::new(),
            apart_digest: None,
            named_by: "the sender".to_owned(),
        }
    }
}
