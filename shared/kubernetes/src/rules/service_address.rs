//! Addresses in workloads' variables that lead to no Service, or to one that does not offer the port.

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::address::{self, Address, service_name};
use crate::model::cluster::Cluster;
use crate::model::json::{list, text};
use crate::model::object::Object;
use crate::model::port::declared;
use crate::model::service::Service;
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::ServiceAddress, Cause::ServicePort],
        look: wrong_port,
    },
    Rule {
        causes: &[Cause::ServiceAddress],
        look: unknown_host,
    },
    Rule {
        causes: &[Cause::ServiceAddress],
        look: itself,
    },
    Rule {
        causes: &[Cause::ServiceMissing],
        look: service_missing,
    },
];

/// An address that a workload is told to call.
struct Callee<'a> {
    workload: Object<'a>,
    variable: String,
    address: Address,
}

/// `host:port` among the variables of the workloads' templates.
///
/// <https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/>
fn callees<'a>(cluster: &Cluster<'a>) -> Vec<Callee<'a>> {
    cluster
        .workloads()
        .flat_map(|workload| {
            let containers = list(workload.template(), "/containers");
            containers.iter().flat_map(move |container| {
                list(container, "/env").iter().filter_map(move |variable| {
                    let value = text(variable, "/value");
                    Some(Callee {
                        workload,
                        variable: text(variable, "/name").to_owned(),
                        address: Address::parse(value)?,
                    })
                })
            })
        })
        .collect()
}

/// The Service is there, and has no such port: the caller is wrong, or the Service, where the pods behind it declare the very port
/// that the caller asks for.
///
/// <https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports>
fn wrong_port(cluster: &Cluster<'_>) -> Vec<Finding> {
    callees(cluster)
        .into_iter()
        .filter_map(|callee| {
            let from = callee.workload.namespace();
            let service = Service(address::service(cluster, &callee.address.host, from)?);
            let offered = service.ports();
            let port = i64::from(callee.address.port);
            let wrong = !offered.is_empty()
                && !service.is_external()
                && offered.iter().all(|one| one.number != port);
            let numbers: Vec<_> = offered.iter().map(|one| one.number.to_string()).collect();
            let agreed = service
                .workloads(cluster)
                .iter()
                .any(|behind| declares(behind, port));
            let (object, cause) = if agreed {
                (service.0.reference(), Cause::ServicePort)
            } else {
                (callee.workload.reference(), Cause::ServiceAddress)
            };
            wrong.then(|| {
                Finding::new(object, cause, Support::Compared)
                    .seen(
                        format!("variable {}", callee.variable),
                        callee.address.to_string(),
                    )
                    .seen(
                        format!("{} ports", service.0.reference()),
                        numbers.join(", "),
                    )
            })
        })
        .collect()
}

fn declares(workload: &Object<'_>, number: i64) -> bool {
    list(workload.template(), "/containers")
        .iter()
        .flat_map(declared)
        .any(|port| port.number == number)
}

/// No Service has the name, nothing else in the cluster has it either, and a log names it, or a Service has nearly the same name: a
/// variable that is not used, or leads out of the cluster, is no fault.
///
/// <https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#services>
fn unknown_host(cluster: &Cluster<'_>) -> Vec<Finding> {
    callees(cluster)
        .into_iter()
        .filter(|callee| is_unknown(cluster, callee) && !is_meant(cluster, callee))
        .filter_map(|callee| {
            let workload = callee.workload.reference();
            let named = named_in_log(cluster, &callee.address.host);
            let (source, quote) = named.or_else(|| {
                let similar = cluster
                    .all("Service")
                    .find(|service| is_similar(service.name(), &callee.address.host))?;
                Some(("Service".to_owned(), similar.name()))
            })?;
            Some(
                Finding::new(workload, Cause::ServiceAddress, Support::Compared)
                    .seen(
                        format!("variable {}", callee.variable),
                        callee.address.to_string(),
                    )
                    .seen(source, quote),
            )
        })
        .collect()
}

/// The address is the pod itself, at a port that none of its containers declares, and a log names it.
///
/// <https://kubernetes.io/docs/concepts/workloads/pods/#pod-networking>
fn itself(cluster: &Cluster<'_>) -> Vec<Finding> {
    callees(cluster)
        .into_iter()
        .filter(|callee| matches!(callee.address.host.as_str(), "localhost" | "127.0.0.1"))
        .filter(|callee| !declares(&callee.workload, i64::from(callee.address.port)))
        .filter_map(|callee| {
            let (source, quote) = named_in_log(cluster, &callee.address.to_string())?;
            Some(
                Finding::new(
                    callee.workload.reference(),
                    Cause::ServiceAddress,
                    Support::Compared,
                )
                .seen(
                    format!("variable {}", callee.variable),
                    callee.address.to_string(),
                )
                .seen(source, quote),
            )
        })
        .collect()
}

/// The first line of a log with a host or an address: the log's name and the line.
fn named_in_log<'a>(cluster: &Cluster<'a>, host: &str) -> Option<(String, &'a str)> {
    cluster.snapshot.logs.iter().find_map(|log| {
        let line = log.lines.iter().find(|line| names_host(line, host))?;
        Some((format!("log of {}", log.object), line.as_str()))
    })
}

/// Whether a host's name is a Service's with something before or behind it.
fn is_similar(service: &str, host: &str) -> bool {
    let rest = host
        .strip_prefix(service)
        .or_else(|| host.strip_suffix(service));
    !service.is_empty() && rest.is_some_and(|rest| rest.starts_with('-') || rest.ends_with('-'))
}

/// Whether a line has the host as a whole word.
fn names_host(line: &str, host: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    line.match_indices(host).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + host.len()..].chars().next();
        !before.is_some_and(of_name) && !after.is_some_and(of_name)
    })
}

fn is_unknown(cluster: &Cluster<'_>, callee: &Callee<'_>) -> bool {
    service_name(&callee.address.host, callee.workload.namespace())
        .is_some_and(|(name, namespace)| cluster.is_absent("Service", namespace, name))
}

/// Whether there should be a Service of that name: it was applied, or a workload has the name.
fn is_meant(cluster: &Cluster<'_>, callee: &Callee<'_>) -> bool {
    let from = callee.workload.namespace();
    service_name(&callee.address.host, from).is_some_and(|(name, namespace)| {
        let workload = cluster
            .workloads()
            .any(|workload| workload.name() == name && workload.namespace() == namespace);
        workload || cluster.manifest("Service", namespace, name).is_some()
    })
}

/// A Service that others call, that is not there although it should be.
#[derive(Debug)]
pub(crate) struct MissingService {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) quote: String,
}

/// Services that a variable names, or that were applied, and that are not there.
pub(crate) fn missing_services(cluster: &Cluster<'_>) -> Vec<MissingService> {
    let named = callees(cluster)
        .into_iter()
        .filter(|callee| is_unknown(cluster, callee) && is_meant(cluster, callee))
        .filter_map(|callee| {
            let (name, namespace) =
                service_name(&callee.address.host, callee.workload.namespace())?;
            Some(MissingService {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                source: format!(
                    "{} variable {}",
                    callee.workload.reference(),
                    callee.variable
                ),
                quote: callee.address.to_string(),
            })
        });
    let applied = cluster
        .manifests("Service")
        .filter(|service| cluster.is_absent("Service", service.namespace(), service.name()))
        .map(|service| MissingService {
            namespace: service.namespace().to_owned(),
            name: service.name().to_owned(),
            source: "manifest".to_owned(),
            quote: service.reference().to_string(),
        });
    named.chain(applied).collect()
}

/// A Service that others call is not there, and no quota keeps it from being made.
///
/// <https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#does-the-service-exist>
fn service_missing(cluster: &Cluster<'_>) -> Vec<Finding> {
    let counted = |namespace: &str| {
        cluster
            .all("ResourceQuota")
            .any(|quota| quota.namespace() == namespace)
    };
    missing_services(cluster)
        .into_iter()
        .filter(|missing| !counted(&missing.namespace))
        .map(|missing| {
            let object = ObjectRef::new("Service", &missing.namespace, &missing.name);
            Finding::new(object, Cause::ServiceMissing, Support::Compared)
                .seen(missing.source, missing.quote)
        })
        .collect()
}
