//! Database addresses in a workload's configuration, and the Services behind them.

use super::address;
use super::cluster::Cluster;
use super::labels::has_all;
use super::object::Object;
use super::pod::settings;
use super::service::Service;
use crate::finding::ObjectRef;

/// The products whose words the rules know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    Mysql,
    Postgres,
    Redis,
}

impl Product {
    /// Whether a Service is one of such a database: by its registered port or by a port's name.
    ///
    /// <https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xhtml>
    fn is(self, service: &Service<'_>) -> bool {
        let (number, name) = match self {
            Self::Mysql => (3306, "mysql"),
            Self::Postgres => (5432, "postgres"),
            Self::Redis => (6379, "redis"),
        };
        service
            .ports()
            .iter()
            .any(|port| port.number == number || port.target.contains(name))
    }
}

/// A line of a log that is about a database.
pub(crate) type Words = &'static [(&'static str, Product)];

/// The product whose words are in a line.
pub(crate) fn product(words: Words, line: &str) -> Option<Product> {
    words
        .iter()
        .find(|(words, _)| line.contains(words))
        .map(|(_, product)| *product)
}

/// The keys of settings with a host, and with a port.
const HOSTS: [&str; 3] = ["HOST", "HOSTNAME", "SERVER"];
const PORT: &str = "PORT";

/// Where a workload is told to find something: host and port in its settings, and the variable that has the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) host: String,
    pub(crate) port: Option<String>,
    pub(crate) key: String,
}

impl Told {
    pub(crate) fn service<'a>(&self, cluster: &Cluster<'a>, from: &str) -> Option<Service<'a>> {
        address::service(cluster, &self.host, from).map(Service)
    }
}

/// `X_HOST` with `X_PORT` among the variables, Secrets and ConfigMaps of a workload. Of Secrets no other value is read.
pub(crate) fn told(cluster: &Cluster<'_>, client: &ObjectRef) -> Vec<Told> {
    let mut all: Vec<(String, String)> = Vec::new();
    for pod in cluster.pods_of(client) {
        for container in pod.containers() {
            let written = container.environment().into_iter();
            all.extend(written.map(|(key, value)| (key.to_owned(), value.to_owned())));
            for (of, kind) in [("secretRef", "Secret"), ("configMapRef", "ConfigMap")] {
                for name in container.environment_from(of) {
                    let source = cluster.find(kind, &client.namespace, name);
                    let endings: Vec<&str> = HOSTS.into_iter().chain([PORT]).collect();
                    all.extend(
                        source
                            .map(|source| settings(source, &endings))
                            .unwrap_or_default(),
                    );
                }
            }
        }
    }
    all.sort();
    all.dedup();
    let told = |(key, host): &(String, String)| {
        let ending = HOSTS.iter().find(|ending| key.ends_with(**ending))?;
        let stem = key.strip_suffix(ending)?;
        let port = all
            .iter()
            .find(|(other, _)| other.strip_prefix(stem) == Some(PORT));
        Some(Told {
            host: host.clone(),
            port: port.map(|(_, port)| port.clone()),
            key: key.clone(),
        })
    };
    all.iter().filter_map(told).collect()
}

/// The databases of a product that a client is told to use, as workloads.
pub(crate) fn servers(
    cluster: &Cluster<'_>,
    client: &ObjectRef,
    product: Product,
) -> Vec<ObjectRef> {
    let mut found: Vec<ObjectRef> = told(cluster, client)
        .iter()
        .filter_map(|told| told.service(cluster, &client.namespace))
        .filter(|service| product.is(service))
        .flat_map(|service| behind(cluster, &service))
        .filter(|server| server != client)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The workloads behind a Service. One of a StatefulSet may select by labels that only some of its pods have.
fn behind(cluster: &Cluster<'_>, service: &Service<'_>) -> Vec<ObjectRef> {
    let selector = service.selector();
    let pods = cluster.pods().into_iter().filter(|pod| {
        !selector.is_empty()
            && pod.namespace() == service.0.namespace()
            && has_all(&pod.labels(), &selector)
    });
    let mut found: Vec<_> = pods.map(|pod| cluster.owner(pod.0)).collect();
    let workloads = service.workloads(cluster);
    found.extend(workloads.iter().map(Object::reference));
    found
}
