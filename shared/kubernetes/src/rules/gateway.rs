//! Routes of an API gateway that lead to another Service than the one that they are named after.
//!
//! Spring Cloud Gateway keeps its routes in its application's YAML, which is a ConfigMap on Kubernetes:
//! <https://docs.spring.io/spring-cloud-gateway/reference/>

use serde_json::Value;

use crate::cause::Cause;
use crate::finding::{Finding, ObjectRef, Support};
use crate::model::address::Address;
use crate::model::cluster::Cluster;
use crate::model::json::{list, scalar, text, texts};
use crate::model::service::Service;
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[Rule {
    causes: &[Cause::GatewayRoute],
    look: misrouted,
}];

struct Route {
    id: String,
    target: String,
    uri: String,
    predicates: String,
}

/// A route whose id names a Service, and that leads to something else, while no other route leads there; or to a port that the
/// Service does not have.
///
/// <https://docs.spring.io/spring-cloud-gateway/reference/>
fn misrouted(cluster: &Cluster<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for config in cluster.all("ConfigMap") {
        let namespace = config.namespace();
        let services: Vec<&str> = cluster
            .all("Service")
            .filter(|service| service.namespace() == namespace)
            .map(|service| service.name())
            .collect();
        for (key, file) in texts(config.value, "/data") {
            let routes = routes(file);
            for route in &routes {
                let Some(named) = named_after(&route.id, &services) else {
                    continue;
                };
                let arrives = routes.iter().any(|other| other.target == named);
                if arrives && (route.target != named || offers_port(cluster, namespace, route)) {
                    continue;
                }
                let of = ObjectRef::new("Service", namespace, named);
                let quote = format!("{}: {} to {}", route.id, route.predicates, route.uri);
                found.push(
                    Finding::new(of, Cause::GatewayRoute, Support::Compared)
                        .seen(format!("{} {key}", config.reference()), quote),
                );
            }
        }
    }
    found
}

/// Whether the Service has the port that a route names; one without a port leads to whatever is registered.
fn offers_port(cluster: &Cluster<'_>, namespace: &str, route: &Route) -> bool {
    let Some(port) = Address::parse(&route.uri) else {
        return true;
    };
    let service = cluster
        .find("Service", namespace, &route.target)
        .map(Service);
    service.is_none_or(|service| {
        let ports = service.ports();
        ports.is_empty() || ports.iter().any(|one| one.number == i64::from(port.port))
    })
}

/// The routes of a file; none if it is not the YAML of such a gateway.
fn routes(file: &str) -> Vec<Route> {
    if !file.contains("gateway") || !file.contains("routes") {
        return Vec::new();
    }
    let Ok(parsed) = serde_saphyr::from_str::<Value>(file) else {
        return Vec::new();
    };
    let places = [
        "/spring/cloud/gateway/routes",
        "/spring/cloud/gateway/server/webflux/routes",
        "/spring/cloud/gateway/server/webmvc/routes",
    ];
    places
        .iter()
        .flat_map(|place| list(&parsed, place))
        .filter_map(|route| {
            let uri = text(route, "/uri");
            let predicates: Vec<_> = list(route, "/predicates").iter().map(scalar).collect();
            Some(Route {
                id: text(route, "/id").to_owned(),
                target: host(uri)?,
                uri: uri.to_owned(),
                predicates: predicates.join(", "),
            })
        })
        .collect()
}

/// The host of `lb://name`, `http://name:port/` and `lb://${VARIABLE:name}`.
fn host(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    let name = match rest.strip_prefix("${") {
        Some(placeholder) => placeholder.split('}').next()?.split_once(':')?.1,
        None => rest.split([':', '/']).next()?,
    };
    let name = name.split('.').next().unwrap_or_default();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The Service that a route's id names: its words are next to each other among the Service's, which has fewer others than any.
fn named_after<'s>(id: &str, services: &[&'s str]) -> Option<&'s str> {
    let id: Vec<&str> = words(id).collect();
    let mut named: Vec<(usize, &str)> = services
        .iter()
        .filter_map(|service| {
            let of: Vec<&str> = words(service).collect();
            let has = !id.is_empty() && of.windows(id.len()).any(|part| part == id);
            has.then_some((of.len(), *service))
        })
        .collect();
    named.sort_unstable();
    match named.as_slice() {
        [(first, name), rest @ ..] if rest.first().is_none_or(|(next, _)| next > first) => {
            Some(name)
        }
        _ => None,
    }
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{host, named_after};

    #[test]
    fn the_host_of_a_route_may_have_a_default() {
        for (uri, expected) in [
            ("lb://cart", Some("cart")),
            ("http://cart.shop.svc:8080/x", Some("cart")),
            ("lb://${CART_HOST:cart}", Some("cart")),
            ("lb://${CART_HOST}", None),
            ("cart", None),
        ] {
            assert_eq!(host(uri).as_deref(), expected, "{uri}");
        }
    }

    #[test]
    fn a_route_names_the_service_with_the_fewest_other_words() {
        let services = [
            "my-order-service",
            "my-old-order-service",
            "my-user-service",
        ];
        assert_eq!(named_after("order", &services), Some("my-order-service"));
        assert_eq!(
            named_after("old-order", &services),
            Some("my-old-order-service")
        );
        assert_eq!(named_after("my", &services), None);
        assert_eq!(named_after("admin-order", &services), None);
        assert_eq!(named_after("", &services), None);
    }
}
