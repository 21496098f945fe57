//! Exporters that report about something else than themselves, and how an alert shows that it comes
//! from one.

use std::net::{IpAddr, SocketAddr};

use wildmatch::WildMatch;

use crate::alert::labels::Texts;
use crate::alert::subject::SubjectKind;

/// An exporter, known by the names that people give its job, service, container and pods.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) name: &'static str,
    patterns: &'static [&'static str],
    pub(super) pods: Pods,
    /// The labels that name what it measures, after the objects that every metric can name.
    pub(super) about: &'static [(&'static str, SubjectKind)],
}

/// What the label `pod` means on an alert of an exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pods {
    /// The exporter measures pods: it is the object's, unless pod or container have the exporter's name.
    Measured,
    /// It is where the exporter runs.
    Own,
    /// The exporter may run within the pod that it measures: the pod's name tells.
    Beside,
}

/// The exporters, the most precise names first.
const EXPORTERS: [Exporter; 5] = [
    Exporter {
        name: "kube-state-metrics",
        patterns: &["*kube-state-metrics*", "*openshift-state-metrics*"],
        pods: Pods::Measured,
        about: &[("node", SubjectKind::Node)],
    },
    Exporter {
        name: "the kubelet",
        patterns: &["*kubelet*", "*cadvisor*"],
        pods: Pods::Measured,
        about: &[("node", SubjectKind::Node), ("instance", SubjectKind::Node)],
    },
    Exporter {
        name: "node-exporter",
        patterns: &[
            "*node-exporter*",
            "*node_exporter*",
            "*nodeexporter*",
            "*windows-exporter*",
            "*windows_exporter*",
        ],
        pods: Pods::Own,
        about: &[
            ("nodename", SubjectKind::Node),
            ("node", SubjectKind::Node),
            ("instance", SubjectKind::Node),
        ],
    },
    Exporter {
        name: "a prober",
        patterns: &["*blackbox*", "*snmp*exporter*", "*ping*exporter*"],
        pods: Pods::Own,
        about: &[
            ("target", SubjectKind::Endpoint),
            ("instance", SubjectKind::Endpoint),
        ],
    },
    Exporter {
        name: "an exporter",
        patterns: &["*-exporter*", "*_exporter*"],
        pods: Pods::Beside,
        about: &[
            ("server", SubjectKind::Instance),
            ("addr", SubjectKind::Instance),
            ("target", SubjectKind::Instance),
            ("host", SubjectKind::Node),
            ("hostname", SubjectKind::Node),
            ("database", SubjectKind::Database),
            ("datname", SubjectKind::Database),
        ],
    },
];

/// Labels of the scrape by which an exporter is known.
const KNOWN_BY: [&str; 6] = [
    "job",
    "container",
    "service",
    "pod",
    "app",
    "app_kubernetes_io_name",
];

impl Exporter {
    /// The exporter that an alert comes from, if it comes from one.
    pub(super) fn of(labels: &Texts) -> Option<&'static Self> {
        let words = || KNOWN_BY.iter().filter_map(|name| labels.get(*name));
        EXPORTERS
            .iter()
            .find(|exporter| words().any(|word| exporter.is_called(word)))
    }

    /// True if a name is one of the exporter's own.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.patterns
            .iter()
            .any(|pattern| WildMatch::new(pattern).matches(name))
    }

    /// True if the label `pod` is the pod of the exporter itself.
    pub(super) fn is_own_pod(&self, labels: &Texts) -> bool {
        let own = |name: &str| labels.get(name).is_some_and(|value| self.is_called(value));
        match self.pods {
            Pods::Measured => own("pod") || own("container"),
            Pods::Own => true,
            Pods::Beside => own("pod"),
        }
    }

    /// True if `instance` is the address of the exporter itself, which changes when it is started elsewhere.
    pub(super) fn is_own_address(&self, labels: &Texts) -> bool {
        if self.about.iter().any(|(label, _)| *label == "instance") {
            return false;
        }
        // In a pod of its own it is scraped at the pod's address; a name is one that was given for it to stay.
        let in_pod = self.pods == Pods::Measured || self.is_own_pod(labels);
        in_pod && labels.get("instance").is_some_and(|address| is_ip(address))
    }
}

fn is_ip(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok() || address.parse::<IpAddr>().is_ok()
}
