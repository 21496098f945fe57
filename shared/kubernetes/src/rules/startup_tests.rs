//! Tests of the rules for containers that do not start: images, Secrets, ConfigMaps, volumes, security contexts.

use serde_json::json;

use super::fixtures_tests::{
    crashing, deployment, first, in_state, is, log, objects, pod_event, replica_set, with,
};
use crate::cause::Cause;
use crate::snapshot::Snapshot;

const CART: &str = "Deployment/cart";

fn waiting(reason: &str, message: &str, event: (&str, &str)) -> Snapshot {
    let state = json!({ "waiting": { "reason": reason, "message": message } });
    Snapshot {
        events: vec![pod_event("cart", event.0, event.1)],
        ..objects(vec![
            deployment("cart"),
            replica_set("cart"),
            in_state("cart", state, 0, json!({})),
        ])
    }
}

#[test]
fn why_an_image_is_not_pulled_is_named() {
    let pull = "Failed to pull image \"registry.example/a:1\": failed to resolve reference \"registry.example/a:1\": ";
    for (said, cause) in [
        (
            "failed to do request: Head \"https://registry.example/v2/a/manifests/1\": dial tcp: lookup registry.example on 10.0.0.2:53: no such host",
            Cause::RegistryUnresolvable,
        ),
        (
            "failed to do request: Head \"https://registry.example/v2/a/manifests/1\": dial tcp 192.0.2.1:443: connect: connection refused",
            Cause::RegistryUnreachable,
        ),
        (
            "failed to do request: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            Cause::RegistryUnreachable,
        ),
        (
            "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://registry.example/token: 401 Unauthorized",
            Cause::ImagePullUnauthorized,
        ),
        ("registry.example/a:1: not found", Cause::ImageNotFound),
        (
            "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
            Cause::ImageNotFound,
        ),
    ] {
        let snapshot = waiting("ErrImagePull", "", ("Failed", &format!("{pull}{said}")));
        assert_eq!(first(&snapshot), is(cause, CART), "{said}");
    }
}

#[test]
fn a_private_repository_with_wrong_credentials_is_no_missing_image() {
    let said = "Failed to pull image \"registry.example/a:1\": pull access denied, repository does not exist or may require authorization";
    let mut snapshot = waiting("ImagePullBackOff", "", ("Failed", said));
    let secrets = json!([{ "name": "registry" }]);
    let pod = snapshot.objects.pop().expect("a pod");
    snapshot
        .objects
        .push(with(pod, &[("/spec/imagePullSecrets", secrets)]));
    assert_eq!(first(&snapshot), is(Cause::ImagePullUnauthorized, CART));
}

#[test]
fn a_name_that_is_none_and_a_foreign_architecture() {
    let snapshot = waiting(
        "InvalidImageName",
        "",
        ("InspectFailed", "couldn't parse image name"),
    );
    assert_eq!(first(&snapshot), is(Cause::ImageNameInvalid, CART));
    let snapshot = Snapshot {
        logs: vec![log("cart", &["exec /app/server: exec format error"])],
        ..objects(vec![
            deployment("cart"),
            replica_set("cart"),
            crashing("cart"),
        ])
    };
    assert_eq!(first(&snapshot), is(Cause::ImageArchitecture, CART));
}

#[test]
fn why_a_container_is_not_created_is_named() {
    for (reason, event, said, cause) in [
        (
            "CreateContainerConfigError",
            "Failed",
            "Error: secret \"cart-db\" not found",
            Cause::SecretMissing,
        ),
        (
            "ContainerCreating",
            "FailedMount",
            "MountVolume.SetUp failed for volume \"certs\" : secret \"cart-tls\" not found",
            Cause::SecretMissing,
        ),
        (
            "CreateContainerConfigError",
            "Failed",
            "Error: configmap \"cart\" not found",
            Cause::ConfigMapMissing,
        ),
        (
            "CreateContainerConfigError",
            "Failed",
            "Error: couldn't find key PASSWORD in Secret shop/cart-db",
            Cause::ConfigKeyMissing,
        ),
        (
            "CreateContainerConfigError",
            "Failed",
            "Error: container has runAsNonRoot and image will run as root (pod: \"cart\", container: server)",
            Cause::SecurityContext,
        ),
        (
            "RunContainerError",
            "Failed",
            "Error: failed to create containerd task: OCI runtime create failed: unable to start container process: exec: \"serve\": executable file not found in $PATH",
            Cause::CommandNotFound,
        ),
        (
            "ContainerCreating",
            "FailedMount",
            "MountVolume.MountDevice failed for volume \"data\" : rpc error: code = Internal desc = mount failed: exit status 32",
            Cause::VolumeMount,
        ),
    ] {
        assert_eq!(
            first(&waiting(reason, "", (event, said))),
            is(cause, CART),
            "{said}"
        );
        // The words of a waiting container alone do as well.
        if reason != "ContainerCreating" {
            let alone = waiting(reason, said, ("Pulled", ""));
            assert_eq!(first(&alone), is(cause, CART), "{said}");
        }
    }
}

#[test]
fn a_running_pod_is_not_judged_by_an_old_event() {
    let said = "MountVolume.SetUp failed for volume \"config\" : configmap \"cart\" not found";
    let ready = [("/status/containerStatuses/0/ready", json!(true))];
    let snapshot = Snapshot {
        events: vec![pod_event("cart", "FailedMount", said)],
        ..objects(vec![
            super::fixtures_tests::running("cart"),
            replica_set("cart"),
            with(super::fixtures_tests::pod("cart"), &ready),
        ])
    };
    assert_eq!(first(&snapshot), None);
}

#[test]
fn a_volume_that_the_user_may_not_read() {
    let mounts = json!([{ "name": "data", "mountPath": "/data" }]);
    let mounted = with(
        crashing("cart"),
        &[("/spec/containers/0/volumeMounts", mounts)],
    );
    let lines = ["# Fatal error: can't open the file dump.rdb for reading: Permission denied"];
    let snapshot = |pod| Snapshot {
        logs: vec![log("cart", &lines)],
        ..objects(vec![deployment("cart"), replica_set("cart"), pod])
    };
    assert_eq!(first(&snapshot(mounted)), is(Cause::VolumePermission, CART));
    assert_eq!(first(&snapshot(crashing("cart"))), None);
}
