//! Names that do not resolve: the pod's own DNS settings, and the cluster's DNS.
//!
//! <https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/>

use crate::cause::Cause;
use crate::finding::{Finding, Support};
use crate::model::cluster::Cluster;
use crate::model::json::{list, scalar, text};
use crate::model::object::Object;
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::ClusterDns],
        look: cluster_dns,
    },
    Rule {
        causes: &[Cause::PodDns],
        look: pod_dns,
    },
];

/// The labels of the cluster's DNS, by which its Service selects.
///
/// <https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/#check-if-the-dns-pod-is-running>
const DNS: (&str, &str) = ("k8s-app", "kube-dns");

/// No pod of the cluster's DNS is ready.
fn cluster_dns(cluster: &Cluster<'_>) -> Vec<Finding> {
    let pods: Vec<_> = cluster
        .pods()
        .into_iter()
        .filter(|pod| pod.namespace() == "kube-system" && pod.labels().get(DNS.0) == Some(&DNS.1))
        .collect();
    let all_broken = !pods.is_empty() && pods.iter().all(|pod| pod.is_broken());
    let scaled_down = cluster.all("Deployment").filter(|workload| {
        workload.namespace() == "kube-system"
            && workload.template_labels().get(DNS.0) == Some(&DNS.1)
            && crate::model::json::number(workload.value, "/spec/replicas") == Some(0)
    });
    let broken = pods.iter().filter(|_| all_broken).map(|pod| {
        Finding::new(cluster.owner(pod.0), Cause::ClusterDns, Support::Stated)
            .seen(format!("{} status", pod.0.reference()), pod.phase())
    });
    let gone = scaled_down.map(|workload| {
        Finding::new(workload.reference(), Cause::ClusterDns, Support::Stated)
            .seen(format!("{} spec.replicas", workload.reference()), "0")
    });
    broken.chain(gone).collect()
}

/// The pod's policy is `None`, and none of its name servers is the cluster's: it knows no Service. It is a fault where the pod does
/// not come up, and where its log says that names do not resolve.
///
/// <https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy>
fn pod_dns(cluster: &Cluster<'_>) -> Vec<Finding> {
    let own = cluster
        .all("Service")
        .find(|service| is_dns(service))
        .map(|service| text(service.value, "/spec/clusterIP"));
    cluster
        .pods()
        .iter()
        .filter(|pod| text(pod.spec(), "/dnsPolicy") == "None")
        .filter_map(|pod| {
            let servers: Vec<_> = list(pod.spec(), "/dnsConfig/nameservers")
                .iter()
                .map(scalar)
                .collect();
            let foreign = own.is_none_or(|own| !servers.iter().any(|server| server == own));
            let workload = cluster.owner(pod.0);
            let line = cluster
                .logs_of(&workload)
                .flat_map(|log| &log.lines)
                .find(|line| is_unresolved(line));
            let finding = Finding::new(workload, Cause::PodDns, Support::Compared).seen(
                format!("{} dnsConfig.nameservers", pod.0.reference()),
                servers.join(", "),
            );
            (foreign && (line.is_some() || pod.is_broken())).then(|| match line {
                Some(line) => finding.seen(format!("log of {}", pod.0.reference()), line),
                None => finding,
            })
        })
        .collect()
}

fn is_dns(service: &Object<'_>) -> bool {
    service.namespace() == "kube-system" && service.labels().get(DNS.0) == Some(&DNS.1)
}

/// A line that says that a name has no address, in the words of the C library, Go and Java.
fn is_unresolved(line: &str) -> bool {
    [
        "name resolution",
        "no such host",
        "UnknownHostException",
        "Name or service not known",
        "getaddrinfo",
    ]
    .iter()
    .any(|words| line.contains(words))
        || line.contains("lookup ") && line.contains("i/o timeout")
}
