//! Tests of the rules for admission: service accounts, quotas, limit ranges, pod security, webhooks.

use serde_json::json;

use super::fixtures_tests::{
    deployment, event, first, is, objects, pending, pod_event, replica_set, running, service, with,
};
use crate::cause::Cause;
use crate::snapshot::Snapshot;

const REPLICA_SET: &str = "cart-7d4b9c";

/// A Deployment whose ReplicaSet has made no pod, with why.
fn refused(message: &str) -> Snapshot {
    let empty = with(replica_set("cart"), &[("/status/replicas", json!(0))]);
    Snapshot {
        events: vec![event("ReplicaSet", REPLICA_SET, "FailedCreate", message)],
        ..objects(vec![deployment("cart"), empty])
    }
}

#[test]
fn what_the_api_server_refuses_is_named() {
    for (message, cause, object) in [
        (
            "Error creating: pods \"cart-7d4b9c-\" is forbidden: error looking up service account shop/carts: serviceaccount \"carts\" not found",
            Cause::ServiceAccountMissing,
            "Deployment/cart",
        ),
        (
            "Error creating: pods \"cart-7d4b9c-abcde\" is forbidden: exceeded quota: compute, requested: requests.cpu=2, used: requests.cpu=9, limited: requests.cpu=10",
            Cause::QuotaCpu,
            "Namespace/shop",
        ),
        (
            "Error creating: pods \"cart-7d4b9c-abcde\" is forbidden: exceeded quota: objects, requested: pods=1, used: pods=20, limited: pods=20",
            Cause::QuotaPods,
            "Namespace/shop",
        ),
        (
            "Error creating: pods \"cart-7d4b9c-abcde\" is forbidden: failed quota: compute: must specify limits.memory for: server",
            Cause::QuotaNeedsResources,
            "Deployment/cart",
        ),
        (
            "Error creating: pods \"cart-7d4b9c-abcde\" is forbidden: maximum cpu usage per Container is 500m, but limit is 2",
            Cause::LimitRange,
            "Deployment/cart",
        ),
        (
            "Error creating: pods \"cart-7d4b9c-abcde\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false",
            Cause::PodSecurity,
            "Deployment/cart",
        ),
        (
            "Error creating: Internal error occurred: failed calling webhook \"inject.example.com\": no endpoints available for service \"inject\"",
            Cause::AdmissionWebhook,
            "Deployment/cart",
        ),
    ] {
        assert_eq!(first(&refused(message)), is(cause, object), "{message}");
    }
}

#[test]
fn a_refusal_is_past_when_the_pods_are_there() {
    let message = "Error creating: pods \"cart-7d4b9c-\" is forbidden: error looking up service account shop/cart: serviceaccount \"cart\" not found";
    let mut snapshot = refused(message);
    snapshot.objects = vec![running("cart"), replica_set("cart")];
    assert_eq!(first(&snapshot), None);
}

#[test]
fn the_latest_refusal_counts() {
    let mut snapshot = refused(
        "Error creating: pods \"cart-7d4b9c-a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=9, limited: pods=9",
    );
    let mut before = snapshot.events[0].clone();
    before.last_seen -= 60;
    before.message =
        "error looking up service account shop/cart: serviceaccount \"cart\" not found".to_owned();
    snapshot.events.push(before);
    assert_eq!(first(&snapshot), is(Cause::QuotaPods, "Namespace/shop"));
}

fn quota(resource: &str, used: &str, hard: &str) -> serde_json::Value {
    json!({
        "kind": "ResourceQuota", "metadata": { "name": "objects", "namespace": "shop" },
        "spec": { "hard": { resource: hard } }, "status": { "hard": { resource: hard }, "used": { resource: used } },
    })
}

/// A workload that calls `cart:80`, and no Service of that name although there is such a workload.
fn without_service(quota: serde_json::Value) -> Snapshot {
    let env = json!([{ "name": "CART_ADDR", "value": "cart:80" }]);
    let caller = with(
        running("front"),
        &[("/spec/template/spec/containers/0/env", env)],
    );
    Snapshot {
        listed: ["Service".to_owned()].into(),
        ..objects(vec![caller, running("cart"), service("front"), quota])
    }
}

#[test]
fn a_service_that_the_quota_has_no_room_for() {
    let snapshot = without_service(quota("services", "5", "5"));
    assert_eq!(first(&snapshot), is(Cause::QuotaServices, "Namespace/shop"));
}

#[test]
fn a_service_that_is_just_missing() {
    let snapshot = without_service(json!({}));
    assert_eq!(first(&snapshot), is(Cause::ServiceMissing, "Service/cart"));
}

#[test]
fn a_claim_that_the_quota_has_no_room_for() {
    let volumes =
        json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "cart-data" } }]);
    let message = "0/3 nodes are available: persistentvolumeclaim \"cart-data\" not found. preemption: 0/3 nodes are available";
    let claim = json!({
        "kind": "PersistentVolumeClaim", "metadata": { "name": "cart-data", "namespace": "shop" },
        "spec": { "resources": { "requests": { "storage": "8Gi" } } },
    });
    let mut snapshot = Snapshot {
        events: vec![pod_event("cart", "FailedScheduling", message)],
        manifests: vec![claim],
        ..objects(vec![
            deployment("cart"),
            replica_set("cart"),
            with(pending("cart"), &[("/spec/volumes", volumes)]),
        ])
    };
    assert_eq!(first(&snapshot), is(Cause::ClaimMissing, "Deployment/cart"));
    snapshot
        .objects
        .push(quota("requests.storage", "4Gi", "10Gi"));
    assert_eq!(first(&snapshot), is(Cause::QuotaStorage, "Namespace/shop"));
}
