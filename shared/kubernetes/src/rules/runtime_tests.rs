//! Tests of the rules for containers that do not stay up, or are of no use: probes, memory, ports, replicas, databases.

use serde_json::{Value, json};

use super::fixtures_tests::{
    crashing, deployment, first, in_state, is, log, objects, pod, pod_event, replica_set, running,
    service, with,
};
use crate::cause::Cause;
use crate::snapshot::{Call, Snapshot};

const CART: &str = "Deployment/cart";

fn of(pod: Value) -> Snapshot {
    objects(vec![deployment("cart"), replica_set("cart"), pod])
}

/// A container that its liveness probe killed three times, or that its readiness probe keeps unready.
fn probed(kind: &str, probe: Value, said: &str, more: &[(&str, Value)]) -> Snapshot {
    let liveness = kind == "liveness";
    let ended = json!({ "terminated": { "reason": "Error", "exitCode": 137 } });
    let (restarts, last) = if liveness { (3, ended) } else { (0, json!({})) };
    let state = in_state("cart", json!({ "running": {} }), restarts, last);
    let with_probe = match kind {
        "liveness" => with(state, &[("/spec/containers/0/livenessProbe", probe)]),
        _ => with(state, &[("/spec/containers/0/readinessProbe", probe)]),
    };
    let title = if liveness { "Liveness" } else { "Readiness" };
    let message = format!("{title} probe failed: {said}");
    Snapshot {
        events: vec![pod_event("cart", "Unhealthy", &message)],
        ..of(with(with_probe, more))
    }
}

#[test]
fn a_probe_that_asks_wrongly_is_named() {
    let refused = "dial tcp 10.1.0.4:9090: connect: connection refused";
    let answers_http2 = "Get \"http://10.1.0.4:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\\x00\\x00\"";
    let not_there = "HTTP probe failed with statuscode: 404";
    for (kind, probe, said, cause) in [
        (
            "liveness",
            json!({ "tcpSocket": { "port": 9090 } }),
            refused,
            Cause::LivenessPort,
        ),
        (
            "readiness",
            json!({ "tcpSocket": { "port": 9090 } }),
            refused,
            Cause::ReadinessPort,
        ),
        (
            "readiness",
            json!({ "httpGet": { "port": "web", "path": "/" } }),
            refused,
            Cause::ReadinessPort,
        ),
        (
            "liveness",
            json!({ "httpGet": { "port": 8080, "path": "/" } }),
            answers_http2,
            Cause::LivenessProtocol,
        ),
        (
            "readiness",
            json!({ "httpGet": { "port": 8080, "path": "/" } }),
            answers_http2,
            Cause::ReadinessProtocol,
        ),
        (
            "liveness",
            json!({ "httpGet": { "port": 8080, "path": "/x" } }),
            not_there,
            Cause::LivenessPath,
        ),
        (
            "readiness",
            json!({ "httpGet": { "port": 8080, "path": "/x" } }),
            not_there,
            Cause::ReadinessPath,
        ),
        (
            "liveness",
            json!({ "grpc": { "port": 8080 }, "initialDelaySeconds": 1, "periodSeconds": 1, "failureThreshold": 2 }),
            "timeout: failed to connect service \"10.1.0.4:8080\" within 1s: context deadline exceeded",
            Cause::LivenessTiming,
        ),
    ] {
        let snapshot = probed(kind, probe.clone(), said, &[]);
        assert_eq!(first(&snapshot), is(cause, CART), "{kind} {probe}");
    }
}

#[test]
fn the_other_probe_shows_the_protocol() {
    let http = json!({ "httpGet": { "port": 8080, "path": "/healthz" } });
    let more = [
        ("/spec/containers/0/readinessProbe", http),
        ("/status/containerStatuses/0/ready", json!(true)),
    ];
    let said =
        "timeout: failed to connect service \"10.1.0.4:8080\" within 1s: context deadline exceeded";
    let snapshot = probed("liveness", json!({ "grpc": { "port": 8080 } }), said, &more);
    assert_eq!(first(&snapshot), is(Cause::LivenessProtocol, CART));
}

#[test]
fn a_right_probe_of_a_container_that_hangs_is_unknown() {
    let probe = json!({ "httpGet": { "port": 8080, "path": "/" }, "initialDelaySeconds": 5 });
    let snapshot = probed("liveness", probe.clone(), "context deadline exceeded", &[]);
    assert_eq!(first(&snapshot), None);
    // One that failed while it started, and has not been killed.
    let never = [
        ("/status/containerStatuses/0/restartCount", json!(0)),
        ("/status/containerStatuses/0/ready", json!(true)),
    ];
    let wrong = json!({ "tcpSocket": { "port": 9090 } });
    assert_eq!(
        first(&probed("liveness", wrong, "connection refused", &never)),
        None
    );
}

#[test]
fn a_readiness_probe_that_has_not_begun() {
    let probe = json!({ "httpGet": { "port": 8080, "path": "/" }, "initialDelaySeconds": 3600 });
    let waits = with(pod("cart"), &[("/spec/containers/0/readinessProbe", probe)]);
    assert_eq!(first(&of(waits)), is(Cause::ReadinessTiming, CART));
}

#[test]
fn a_startup_probe_that_gives_up() {
    let probe = json!({ "httpGet": { "port": 8080, "path": "/" }, "failureThreshold": 3 });
    let ended = json!({ "terminated": { "reason": "Error", "exitCode": 143 } });
    let state = in_state("cart", json!({ "running": {} }), 2, ended);
    let snapshot = Snapshot {
        events: vec![pod_event(
            "cart",
            "Unhealthy",
            "Startup probe failed: connection refused",
        )],
        ..of(with(state, &[("/spec/containers/0/startupProbe", probe)]))
    };
    assert_eq!(first(&snapshot), is(Cause::StartupProbe, CART));
}

#[test]
fn what_the_kernel_killed_for_its_memory() {
    let ended = json!({ "terminated": { "reason": "OOMKilled", "exitCode": 137 } });
    let waits = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
    assert_eq!(
        first(&of(in_state("cart", waits, 3, ended))),
        is(Cause::OutOfMemory, CART)
    );
    let creating = json!({ "waiting": { "reason": "ContainerCreating" } });
    let said = "Failed to create pod sandbox: container init was OOM-killed (memory limit too low?): unknown";
    let snapshot = Snapshot {
        events: vec![pod_event("cart", "FailedCreatePodSandBox", said)],
        ..of(in_state("cart", creating, 0, json!({})))
    };
    assert_eq!(first(&snapshot), is(Cause::OutOfMemory, CART));
}

#[test]
fn an_evicted_pod_and_a_full_disk() {
    let status = json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage." });
    assert_eq!(
        first(&of(with(pod("cart"), &[("/status", status)]))),
        is(Cause::Evicted, CART)
    );
    let snapshot = Snapshot {
        logs: vec![log("cart", &["write /data/wal: No space left on device"])],
        ..of(crashing("cart"))
    };
    assert_eq!(first(&snapshot), is(Cause::DiskFull, CART));
}

#[test]
fn what_the_log_of_a_crash_says_is_named() {
    for (line, cause) in [
        (
            "listen tcp :8080: bind: address already in use",
            Cause::PortTaken,
        ),
        (
            "Web server failed to start. Port 8080 was already in use.",
            Cause::PortTaken,
        ),
        (
            "pods is forbidden: User \"system:serviceaccount:shop:cart\" cannot list resource \"pods\" in API group \"\"",
            Cause::RbacDenied,
        ),
    ] {
        let snapshot = Snapshot {
            logs: vec![log("cart", &["starting", line])],
            ..of(crashing("cart"))
        };
        assert_eq!(first(&snapshot), is(cause, CART), "{line}");
    }
}

#[test]
fn a_crash_without_a_word_is_unknown_and_noted() {
    let snapshot = of(crashing("cart"));
    assert_eq!(first(&snapshot), None);
    let noted: Vec<_> = crate::diagnose(&snapshot)
        .findings
        .iter()
        .map(|finding| finding.cause)
        .collect();
    assert_eq!(noted, [Cause::CrashLoop]);
}

#[test]
fn a_workload_without_replicas_is_a_fault_if_it_is_used() {
    let none = with(running("cart"), &[("/spec/replicas", json!(0))]);
    let mut snapshot = objects(vec![none]);
    assert_eq!(first(&snapshot), None);
    snapshot.calls = vec![Call {
        caller: "front".to_owned(),
        callee: "cart".to_owned(),
    }];
    assert_eq!(first(&snapshot), is(Cause::ScaledToZero, CART));
    let none = snapshot.objects.remove(0);
    assert_eq!(
        first(&objects(vec![none, service("cart")])),
        is(Cause::ScaledToZero, CART)
    );
}

/// A client with settings for its database, the database with its Service, and a line in the client's log.
fn client(port: &str, line: &str) -> Snapshot {
    let secret = json!({
        "kind": "Secret", "metadata": { "name": "cart-db", "namespace": "shop" },
        "stringData": { "CART_DB_HOST": "orders-db", "CART_DB_PORT": port, "CART_DB_PASSWORD": "never read" },
    });
    let from = json!([{ "secretRef": { "name": "cart-db" } }]);
    let ports = json!([{ "port": 3306, "targetPort": "mysql" }]);
    let database = with(service("orders-db"), &[("/spec/ports", ports)]);
    let listens = json!([{ "name": "mysql", "containerPort": 3306 }]);
    let stateful = with(
        running("orders-db"),
        &[
            ("/kind", json!("StatefulSet")),
            ("/spec/template/spec/containers/0/ports", listens),
        ],
    );
    Snapshot {
        logs: vec![log("cart", &[line])],
        ..objects(vec![
            deployment("cart"),
            replica_set("cart"),
            with(crashing("cart"), &[("/spec/containers/0/envFrom", from)]),
            secret,
            database,
            stateful,
        ])
    }
}

#[test]
fn what_a_client_says_of_its_database_is_named() {
    for (port, line, cause, object) in [
        (
            "3306",
            "java.sql.SQLException: Access denied for user 'cart'@'10.1.0.4' (using password: YES)",
            Cause::DatabaseCredentials,
            CART,
        ),
        (
            "3307",
            "com.mysql.cj.exceptions: Communications link failure",
            Cause::DatabasePort,
            CART,
        ),
        (
            "3306",
            "java.sql.SQLNonTransientConnectionException: Too many connections",
            Cause::DatabaseConnections,
            "StatefulSet/orders-db",
        ),
        (
            "3306",
            "The MySQL server is running with the --read-only option so it cannot execute this statement",
            Cause::DatabaseReadOnly,
            "StatefulSet/orders-db",
        ),
    ] {
        let snapshot = client(port, line);
        assert_eq!(first(&snapshot), is(cause, object), "{line}");
        let told = serde_json::to_string(&crate::diagnose(&snapshot)).expect("JSON");
        assert!(!told.contains("never read"), "{told}");
    }
}

#[test]
fn a_database_that_no_service_has_and_one_that_just_does_not_answer() {
    let line = "Communications link failure";
    let mut snapshot = client("3306", line);
    assert_eq!(first(&snapshot), None);
    snapshot
        .objects
        .retain(|object| object["kind"] != "Service");
    assert_eq!(first(&snapshot), None);
    snapshot.listed.insert("Service".to_owned());
    assert_eq!(first(&snapshot), is(Cause::DatabaseAddress, CART));
}

#[test]
fn a_server_that_says_itself_that_it_is_full() {
    let said = "Readiness probe failed: FATAL:  sorry, too many clients already";
    let snapshot = Snapshot {
        events: vec![pod_event("cart", "Unhealthy", said)],
        ..of(pod("cart"))
    };
    assert_eq!(first(&snapshot), is(Cause::DatabaseConnections, CART));
}
