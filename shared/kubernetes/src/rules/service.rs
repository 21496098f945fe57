//! Services that lead to no pod, or to a port where none listens.
//!
//! <https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/>

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::cluster::Cluster;
use crate::model::json::{at, list, number, scalar, text};
use crate::model::labels::{selects, written};
use crate::model::object::Object;
use crate::model::pod::Container;
use crate::model::service::{Service, ServicePort};
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::ServiceSelector],
        look: selector,
    },
    Rule {
        causes: &[Cause::ServicePort],
        look: port,
    },
    Rule {
        causes: &[Cause::ServiceProtocol],
        look: protocol,
    },
    Rule {
        causes: &[Cause::NetworkPolicy],
        look: network_policy,
    },
    Rule {
        causes: &[Cause::IngressBackend],
        look: ingress,
    },
];

/// The selector takes no pod, although the workload that the Service is meant for makes some.
///
/// <https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#does-the-service-have-any-endpointslices>
fn selector(cluster: &Cluster<'_>) -> Vec<Finding> {
    Service::all(cluster)
        .into_iter()
        .filter(|service| !service.selector().is_empty() && !service.is_external())
        .filter(|service| service.workloads(cluster).is_empty() && !service.takes_pods(cluster))
        .filter(|service| service.has_endpoints(cluster) != Some(true))
        .filter_map(|service| {
            let meant = service
                .meant_for(cluster)
                .filter(|meant| !gets_labels(meant, &service))?;
            let finding = Finding::new(
                service.0.reference(),
                Cause::ServiceSelector,
                Support::Compared,
            );
            Some(
                finding
                    .seen(
                        format!("{} selector", service.0.reference()),
                        written(&service.selector()),
                    )
                    .seen(
                        format!("{} pod labels", meant.reference()),
                        written(&meant.template_labels()),
                    ),
            )
        })
        .collect()
}

/// Whether the pods may get what the selector wants later: those of a StatefulSet have roles, which an operator gives them as labels.
fn gets_labels(meant: &Object<'_>, service: &Service<'_>) -> bool {
    let made = meant.template_labels();
    let mut selector = service.selector().into_iter();
    meant.kind == "StatefulSet"
        && selector.all(|(key, value)| made.get(key).is_none_or(|label| *label == value))
}

/// A Service's port with the containers of a workload behind it.
struct Behind<'a> {
    service: Service<'a>,
    port: ServicePort,
    workload: Object<'a>,
    containers: Vec<Container<'a>>,
}

/// The ports of Services whose containers declare any, without those that took a connection.
fn behind<'a>(cluster: &Cluster<'a>) -> Vec<Behind<'a>> {
    let mut found = Vec::new();
    for service in Service::all(cluster) {
        if service.answers(cluster) == Some(true) || service.is_external() {
            continue;
        }
        for workload in service.workloads(cluster) {
            let containers: Vec<_> = ["/containers", "/initContainers"]
                .iter()
                .flat_map(|pointer| list(workload.template(), pointer))
                .map(|spec| Container {
                    name: text(spec, "/name"),
                    spec,
                    status: &serde_json::Value::Null,
                })
                .collect();
            if containers
                .iter()
                .all(|container| container.ports().is_empty())
            {
                continue;
            }
            for port in service.ports() {
                found.push(Behind {
                    service,
                    port,
                    workload,
                    containers: containers.clone(),
                });
            }
        }
    }
    found
}

impl Behind<'_> {
    /// The protocols in which a container declares the target port.
    fn protocols(&self) -> Vec<&str> {
        let declared = self.containers.iter().flat_map(Container::ports);
        declared
            .filter(|port| {
                port.number.to_string() == self.port.target
                    || port.name == self.port.target && !port.name.is_empty()
            })
            .map(|port| port.protocol)
            .collect()
    }

    fn finding(&self, cause: Cause) -> Finding {
        let declared: Vec<_> = self
            .containers
            .iter()
            .flat_map(Container::ports)
            .map(|port| format!("{} {}/{}", port.name, port.number, port.protocol))
            .collect();
        let of = self.service.0.reference();
        let port = format!(
            "port {} to {}/{}",
            self.port.number, self.port.target, self.port.protocol
        );
        Finding::new(of.clone(), cause, Support::Compared)
            .seen(format!("{of} ports"), port)
            .seen(
                format!("{} container ports", self.workload.reference()),
                declared.join(", "),
            )
    }
}

/// The Service sends to a port that no container of its pods declares, by number or by name.
///
/// <https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#is-the-service-defined-correctly>
fn port(cluster: &Cluster<'_>) -> Vec<Finding> {
    behind(cluster)
        .iter()
        .filter(|behind| behind.protocols().is_empty())
        .map(|behind| behind.finding(Cause::ServicePort))
        .collect()
}

/// The containers declare the port, but in another protocol than the Service.
///
/// <https://kubernetes.io/docs/reference/networking/service-protocols/>
fn protocol(cluster: &Cluster<'_>) -> Vec<Finding> {
    behind(cluster)
        .iter()
        .filter(|behind| {
            let declared = behind.protocols();
            !declared.is_empty() && !declared.contains(&behind.port.protocol.as_str())
        })
        .map(|behind| behind.finding(Cause::ServiceProtocol))
        .collect()
}

/// The pods behind a Service are ready, no connection reaches it, and a policy lets nobody in.
///
/// <https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-deny-all-ingress-traffic>
fn network_policy(cluster: &Cluster<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in Service::all(cluster) {
        let cut_off =
            service.answers(cluster) == Some(false) && service.has_endpoints(cluster) == Some(true);
        for workload in service.workloads(cluster).into_iter().filter(|_| cut_off) {
            let closed = cluster.all("NetworkPolicy").find(|policy| {
                let types = list(policy.value, "/spec/policyTypes");
                let of_ingress = types.is_empty() || types.iter().any(|one| one == "Ingress");
                policy.namespace() == service.0.namespace()
                    && of_ingress
                    && list(policy.value, "/spec/ingress").is_empty()
                    && selects(
                        at(policy.value, "/spec/podSelector"),
                        &workload.template_labels(),
                    )
            });
            if let Some(policy) = closed {
                let of = policy.reference();
                found.push(
                    Finding::new(of.clone(), Cause::NetworkPolicy, Support::Compared)
                        .seen(format!("{of} ingress"), "none")
                        .seen(service.0.reference().to_string(), "no connection"),
                );
            }
        }
    }
    found
}

/// An Ingress sends to a Service that is not there, or to a port that it does not have.
///
/// <https://kubernetes.io/docs/concepts/services-networking/ingress/#the-ingress-resource>
fn ingress(cluster: &Cluster<'_>) -> Vec<Finding> {
    cluster
        .all("Ingress")
        .flat_map(|ingress| {
            let paths = list(ingress.value, "/spec/rules")
                .iter()
                .flat_map(|rule| list(rule, "/http/paths"))
                .map(|path| at(path, "/backend"));
            let backends = paths.chain([at(ingress.value, "/spec/defaultBackend")]);
            backends
                .filter(|backend| !text(backend, "/service/name").is_empty())
                .filter_map(|backend| leads_nowhere(cluster, &ingress, backend))
                .map(|(cause_of, quote)| {
                    Finding::new(
                        ingress.reference(),
                        Cause::IngressBackend,
                        Support::Compared,
                    )
                    .seen(format!("{} backend", ingress.reference()), quote)
                    .seen("Service", cause_of)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn leads_nowhere(
    cluster: &Cluster<'_>,
    ingress: &Object<'_>,
    backend: &serde_json::Value,
) -> Option<(String, String)> {
    let (name, namespace) = (text(backend, "/service/name"), ingress.namespace());
    let wanted = at(backend, "/service/port");
    let quote = format!("{name}: {wanted}");
    let Some(service) = cluster.find("Service", namespace, name) else {
        let absent = cluster.is_absent("Service", namespace, name);
        let of = ObjectRef::new("Service", namespace, name);
        return absent.then(|| (format!("{of} is not there"), quote));
    };
    let has = list(service.value, "/spec/ports").iter().any(|port| {
        let by_name = text(wanted, "/name");
        number(port, "/port") == number(wanted, "/number")
            || !by_name.is_empty() && scalar(at(port, "/name")) == by_name
    });
    (!has).then(|| (at(service.value, "/spec/ports").to_string(), quote))
}
