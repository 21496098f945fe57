//! Property tests of diagnoses: no panic, no cause for an empty namespace, evidence for every cause.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Map, Value, json};

use crate::cause::Cause;
use crate::finding::{ObjectRef, Support};
use crate::snapshot::{Call, Change, ConnectionCheck, Event, Log, Measure, NodeService, Snapshot};
use crate::{diagnose, diagnose_without};

/// The keys and words that the rules look for, so that arbitrary JSON gets far into them.
const WORDS: &str = "kind metadata name namespace labels ownerReferences controller spec status replicas readyReplicas template \
    containers initContainers ports containerPort number protocol port targetPort selector matchLabels matchExpressions key operator \
    values env envFrom secretRef configMapRef value volumes persistentVolumeClaim claimName volumeMounts nodeName nodeSelector affinity \
    nodeAffinity requiredDuringSchedulingIgnoredDuringExecution nodeSelectorTerms tolerations taints effect unschedulable conditions \
    type message reason phase containerStatuses state waiting running terminated lastState exitCode restartCount ready livenessProbe \
    readinessProbe startupProbe httpGet grpc tcpSocket initialDelaySeconds periodSeconds failureThreshold data stringData subsets \
    addresses hard used requests storage storageClassName accessModes capacity claimRef policyTypes ingress podSelector rules http paths \
    backend service defaultBackend dnsPolicy dnsConfig nameservers items resources limits involvedObject lastTimestamp count \
    Pod Deployment ReplicaSet StatefulSet DaemonSet Job Service Node ConfigMap Secret Endpoints ResourceQuota NetworkPolicy Ingress \
    PersistentVolumeClaim PersistentVolume StorageClass Event List PodList a b app a-7d4b9c cpu memory pods services requests.storage \
    CrashLoopBackOff ErrImagePull CreateContainerConfigError OOMKilled Error Pending Running Failed True False Unknown None Ready \
    Unhealthy FailedScheduling FailedCreate X_HOST X_PORT a:80 10m 5Gi 1e400 -1 kube-system kube-proxy kubelet inactive";

const SENTENCES: &[&str] = &[
    "0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu. preemption: 0/4",
    "0/4 nodes are available: 4 node(s) had untolerated taint {a: b}.",
    "0/4 nodes are available: persistentvolumeclaim \"a\" not found.",
    "exceeded quota: a, requested: pods=1, used: pods=9, limited: pods=9",
    "Failed to pull image \"a\": lookup a on 10.0.0.2:53: no such host",
    "Liveness probe failed: malformed HTTP response",
    "Readiness probe failed: Too many connections",
    "Error: secret \"a\" not found",
    "Access denied for user 'a'",
    "Communications link failure",
    "bind: address already in use",
    "spring:\n  cloud:\n    gateway:\n      routes:\n        - {id: a, uri: 'lb://b', predicates: [c]}\n",
    "ö: gateway routes [",
];

fn word() -> impl Strategy<Value = String> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    prop_oneof![
        8 => prop::sample::select(words).prop_map(str::to_owned),
        2 => prop::sample::select(SENTENCES).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2_i64..9000).prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn object() -> impl Strategy<Value = ObjectRef> {
    (word(), word(), word())
        .prop_map(|(kind, namespace, name)| ObjectRef::new(&kind, &namespace, &name))
}

fn event() -> impl Strategy<Value = Event> {
    (object(), word(), word(), any::<u32>(), any::<i64>()).prop_map(
        |(object, reason, message, count, last_seen)| Event {
            object,
            warning: true,
            reason,
            message,
            count,
            last_seen,
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let measures = [
        Measure::MedianLatency,
        Measure::TailLatency,
        Measure::Retransmissions,
        Measure::Throttled,
        Measure::Cpu,
    ];
    (
        object(),
        prop::sample::select(measures.to_vec()),
        any::<f64>(),
        any::<f64>(),
    )
        .prop_map(|(object, measure, before, now)| Change {
            object,
            measure,
            before,
            now,
            quote: String::new(),
        })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let many = |range| prop::collection::vec(json(), range);
    let log = (object(), word(), prop::collection::vec(word(), 0..3)).prop_map(
        |(object, container, lines)| Log {
            object,
            container,
            lines,
        },
    );
    let unit = (word(), word(), word()).prop_map(|(node, unit, state)| NodeService {
        node,
        unit,
        state,
        quote: String::new(),
    });
    let check = (word(), word(), any::<u16>(), word(), any::<bool>()).prop_map(
        |(namespace, service, port, from, open)| ConnectionCheck {
            namespace,
            service,
            port,
            from,
            open,
        },
    );
    let call = (word(), word()).prop_map(|(caller, callee)| Call { caller, callee });
    let few = 0..4_usize;
    (
        (
            many(0..8),
            many(0..3),
            prop::collection::btree_set(word(), few.clone()),
        ),
        prop::collection::vec(event(), few.clone()),
        prop::collection::vec(log, few.clone()),
        prop::collection::vec(unit, few.clone()),
        prop::collection::vec(check, few.clone()),
        prop::collection::vec(change(), few.clone()),
        prop::collection::vec(call, few),
    )
        .prop_map(
            |(
                (objects, manifests, listed),
                events,
                logs,
                node_services,
                checks,
                changes,
                calls,
            )| Snapshot {
                objects,
                listed,
                manifests,
                events,
                logs,
                node_services,
                checks,
                changes,
                calls,
            },
        )
}

proptest! {
    #[test]
    fn any_input_has_a_diagnosis_and_every_cause_its_evidence(snapshot in snapshot()) {
        let diagnosis = diagnose(&snapshot);
        for finding in &diagnosis.findings {
            assert!(!finding.evidence.is_empty(), "{finding:?}");
        }
        let support: Vec<Support> = diagnosis.findings.iter().map(|finding| finding.support).collect();
        assert!(support.is_sorted_by(|a, b| a >= b), "{support:?}");
        assert_eq!(diagnosis.cause().is_some(), support.first().is_some_and(|best| best.carries()));
    }

    #[test]
    fn a_cause_that_is_taken_out_is_never_named(snapshot in snapshot(), cause in prop::sample::select(Cause::ALL.to_vec())) {
        let named = diagnose_without(&snapshot, &[cause]);
        assert!(named.findings.iter().all(|finding| finding.cause != cause));
    }
}

#[test]
fn nothing_read_is_unknown() {
    assert_eq!(diagnose(&Snapshot::default()).cause(), None);
    let empty = Snapshot {
        objects: vec![
            json!({ "kind": "List", "items": [] }),
            Value::Null,
            json!([]),
        ],
        ..Snapshot::default()
    };
    assert_eq!(diagnose(&empty).findings, []);
}

#[test]
fn every_cause_can_be_named_by_a_rule() {
    for cause in Cause::ALL {
        let rules = crate::rules::all().filter(|rule| rule.causes.contains(cause));
        assert!(rules.count() > 0, "no rule names {}", cause.id());
    }
}
