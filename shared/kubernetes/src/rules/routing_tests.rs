//! Tests of the rules for requests that do not arrive: Services, addresses, gateways, DNS, policies.

use serde_json::{Value, json};

use super::fixtures_tests::{
    SHOP, deployment, first, is, log, objects, pod, replica_set, running, service, with,
};
use crate::cause::Cause;
use crate::snapshot::{ConnectionCheck, Snapshot};

/// A workload with its ready pod and a Service with a difference.
fn served(of_service: &[(&str, Value)]) -> Snapshot {
    let ready = [("/status/containerStatuses/0/ready", json!(true))];
    objects(vec![
        running("cart"),
        replica_set("cart"),
        with(pod("cart"), &ready),
        with(service("cart"), of_service),
    ])
}

fn check(open: bool) -> ConnectionCheck {
    ConnectionCheck {
        namespace: SHOP.to_owned(),
        service: "cart".to_owned(),
        port: 80,
        from: String::new(),
        open,
    }
}

#[test]
fn a_service_as_it_should_be_is_no_finding() {
    assert_eq!(crate::diagnose(&served(&[])).findings, []);
}

#[test]
fn what_is_wrong_with_a_service_is_named() {
    for (pointer, value, cause) in [
        (
            "/spec/selector",
            json!({ "app": "carts" }),
            Cause::ServiceSelector,
        ),
        (
            "/spec/selector",
            json!({ "app": "cart", "env": "prod" }),
            Cause::ServiceSelector,
        ),
        ("/spec/ports/0/targetPort", json!(9090), Cause::ServicePort),
        (
            "/spec/ports/0/targetPort",
            json!("grpc"),
            Cause::ServicePort,
        ),
        (
            "/spec/ports/0/protocol",
            json!("UDP"),
            Cause::ServiceProtocol,
        ),
    ] {
        let mut snapshot = served(&[(pointer, value.clone())]);
        assert_eq!(
            first(&snapshot),
            is(cause, "Service/cart"),
            "{pointer} {value}"
        );
        if cause != Cause::ServiceSelector {
            snapshot.checks = vec![check(true)];
            assert_eq!(first(&snapshot), None, "it answers");
        }
    }
}

#[test]
fn services_that_select_nothing_on_purpose_are_none() {
    for change in [
        ("/spec/selector", json!(null)),
        ("/spec/type", json!("ExternalName")),
    ] {
        let other = with(service("elsewhere"), std::slice::from_ref(&change));
        let mut snapshot = served(&[]);
        snapshot.objects.push(other);
        assert_eq!(first(&snapshot), None, "{change:?}");
    }
    // A role that an operator gives to one pod of a StatefulSet.
    let leader = with(
        service("cart"),
        &[("/spec/selector", json!({ "app": "cart", "role": "leader" }))],
    );
    let stateful = with(running("cart"), &[("/kind", json!("StatefulSet"))]);
    assert_eq!(first(&objects(vec![stateful, leader])), None);
}

/// A workload that is told to call an address.
fn told(address: &str, line: &str) -> Snapshot {
    let env = json!([{ "name": "CART_ADDR", "value": address }]);
    let mut snapshot = served(&[]);
    snapshot.objects.extend([
        with(
            running("front"),
            &[("/spec/template/spec/containers/0/env", env)],
        ),
        replica_set("front"),
        pod("front"),
    ]);
    snapshot.listed.insert("Service".to_owned());
    snapshot.logs = vec![log("front", &[line])];
    snapshot
}

#[test]
fn an_address_that_leads_nowhere_is_named() {
    let none = "could not fetch: dial tcp 10.0.0.7:81: connect: connection refused";
    assert_eq!(
        first(&told("cart:81", none)),
        is(Cause::ServiceAddress, "Deployment/front")
    );
    assert_eq!(first(&told("http://cart.shop:80/api", none)), None);
    // The pods behind the Service declare the port that the caller asks for: the Service is wrong.
    assert_eq!(
        first(&told("cart:8080", none)),
        is(Cause::ServicePort, "Service/cart")
    );
    let unknown = "could not fetch: dial tcp: lookup kart on 10.0.0.2:53: no such host";
    assert_eq!(
        first(&told("kart:80", unknown)),
        is(Cause::ServiceAddress, "Deployment/front")
    );
    assert_eq!(
        first(&told("kart:80", "starting")),
        None,
        "a variable that is not used"
    );
    let own = "could not fetch: dial tcp 127.0.0.1:9090: connect: connection refused";
    assert_eq!(
        first(&told("127.0.0.1:9090", own)),
        is(Cause::ServiceAddress, "Deployment/front")
    );
    assert_eq!(first(&told("127.0.0.1:8080", own)), None);
    assert_eq!(
        first(&told("api.example.com:443", "api.example.com: refused")),
        None
    );
}

#[test]
fn a_route_that_leads_to_another_service() {
    let routes = |target: &str| {
        let file = format!(
            "spring:\n  cloud:\n    gateway:\n      routes:\n        - id: cart\n          uri: lb://{target}\n          predicates:\n            - Path=/api/cart/**\n        \
             - id: ad\n          uri: lb://${{AD_HOST:shop-ad}}\n          predicates:\n            - Path=/api/ad/**\n"
        );
        json!({ "kind": "ConfigMap", "metadata": { "name": "gateway", "namespace": "shop" }, "data": { "application.yml": file } })
    };
    let snapshot = |target| {
        objects(vec![
            service("shop-cart"),
            service("shop-ad"),
            routes(target),
        ])
    };
    assert_eq!(
        first(&snapshot("shop-ad")),
        is(Cause::GatewayRoute, "Service/shop-cart")
    );
    assert_eq!(
        first(&snapshot("gone")),
        is(Cause::GatewayRoute, "Service/shop-cart")
    );
    assert_eq!(first(&snapshot("shop-cart")), None);
}

#[test]
fn a_pod_that_asks_a_foreign_name_server() {
    let dns = [
        ("/spec/dnsPolicy", json!("None")),
        ("/spec/dnsConfig", json!({ "nameservers": ["192.0.2.53"] })),
    ];
    let mut snapshot = objects(vec![
        deployment("cart"),
        replica_set("cart"),
        with(pod("cart"), &dns),
    ]);
    assert_eq!(first(&snapshot), is(Cause::PodDns, "Deployment/cart"));
    let cluster_dns = json!({
        "kind": "Service", "metadata": { "name": "kube-dns", "namespace": "kube-system", "labels": { "k8s-app": "kube-dns" } },
        "spec": { "clusterIP": "192.0.2.53", "ports": [{ "port": 53, "protocol": "UDP" }] },
    });
    snapshot.objects.push(cluster_dns);
    assert_eq!(first(&snapshot), None);
}

#[test]
fn the_cluster_s_own_dns_is_down() {
    let dns = [
        ("/metadata/namespace", json!("kube-system")),
        ("/metadata/labels", json!({ "k8s-app": "kube-dns" })),
        ("/metadata/ownerReferences", json!([])),
    ];
    let snapshot = objects(vec![with(pod("coredns"), &dns)]);
    assert_eq!(
        first(&snapshot),
        is(Cause::ClusterDns, "Pod/coredns-7d4b9c-x2x4z")
    );
}

#[test]
fn a_policy_that_lets_nobody_in_matters_where_nothing_arrives() {
    let policy = json!({
        "kind": "NetworkPolicy", "metadata": { "name": "deny", "namespace": "shop" },
        "spec": { "podSelector": { "matchLabels": { "app": "cart" } }, "policyTypes": ["Ingress"] },
    });
    let endpoints = json!({
        "kind": "Endpoints", "metadata": { "name": "cart", "namespace": "shop" },
        "subsets": [{ "addresses": [{ "ip": "10.1.0.4" }] }],
    });
    let mut snapshot = served(&[]);
    snapshot.objects.extend([policy, endpoints]);
    assert_eq!(first(&snapshot), None);
    snapshot.checks = vec![check(false)];
    assert_eq!(
        first(&snapshot),
        is(Cause::NetworkPolicy, "NetworkPolicy/deny")
    );
    snapshot.checks.push(check(true));
    assert_eq!(first(&snapshot), None);
}

#[test]
fn an_ingress_that_leads_nowhere() {
    let ingress = |name: &str, port: u16| {
        json!({
            "kind": "Ingress", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "rules": [{ "http": { "paths": [{ "path": "/", "backend": { "service": { "name": name, "port": { "number": port } } } }] } }] },
        })
    };
    let with_ingress = |ingress| {
        let mut snapshot = served(&[]);
        snapshot.objects.push(ingress);
        snapshot.listed.insert("Service".to_owned());
        snapshot
    };
    assert_eq!(first(&with_ingress(ingress("cart", 80))), None);
    for wrong in [ingress("cart", 8080), ingress("carts", 80)] {
        assert_eq!(
            first(&with_ingress(wrong)),
            is(Cause::IngressBackend, "Ingress/web")
        );
    }
}
