//! Tests of signals: accepted by ingress, counted behind the queue, and from there on alerts like
//! all others.

use std::time::{Duration, Instant};

use domain::alert::AlertSeverity;
use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::episode::Episode;
use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::primitives::id::Fingerprint;
use ingress::alerts::signals::read;
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use store::Receipt;
use tests::alert::unique;
use tests::in_process::{answer, signed};
use tests::own_queue::OwnQueue;
use tests::stack::Stack;
use wire::message::{Message, Queued as _, Signal};

/// How long a signal may lie on its queue before a story gives up.
const PATIENCE: Duration = Duration::from_secs(60);

fn signal(namespace: &str, pod: &str) -> Value {
    json!({
        "source": "k8s-events", "alert_name": "KubePodCrashLooping", "severity": "critical", "namespace": namespace,
        "target": pod, "message": "the pod restarts again and again", "labels": { "app": "web" },
        "annotations": { "runbook_url": "https://runbooks.test/crash" },
    })
}

fn taken(signal: &Value) -> Signal {
    read(
        signal.to_string().as_bytes(),
        &AlertTables::default(),
        Timestamp::now(),
    )
    .expect("a signal")
}

fn fingerprint_of(signal: &Value) -> Fingerprint {
    fingerprint(&taken(signal).alert, &[])
}

/// Waits until the episode of a signal is as wanted.
async fn episode(stack: &Stack, signal: &Value, wanted: impl Fn(&Episode) -> bool) -> Episode {
    let (fingerprint, deadline) = (fingerprint_of(signal), Instant::now() + PATIENCE);
    loop {
        let found = stack
            .store
            .episode(&fingerprint)
            .await
            .expect("the store answers");
        match found {
            Some(episode) if wanted(&episode) => return episode,
            other => assert!(Instant::now() < deadline, "it stays {other:#?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sends a signal, and gives the name of its receipt: its signature, since it is signed with a time.
async fn send(stack: &Stack, signal: &Value) -> String {
    let body = signal.to_string();
    let secret = &stack.facts.secrets["webhook"];
    let headers = signed(secret, "webhooks/signals", body.as_bytes());
    let signature = headers["x-signature-256"].to_str().expect("ASCII");
    let receipt = signature.replace("v2=", "signed-");
    let url = stack.url("webhooks/signals");
    let request = stack.http.post(url).headers(headers).body(body);
    let response = request.send().await.expect("an answer");
    let (status, answer) = (
        response.status().as_u16(),
        response.json::<Value>().await.expect("JSON"),
    );
    assert_eq!(
        (status, &answer["success"], &answer["stream"]),
        (200, &json!(true), &json!("signals")),
        "{answer}"
    );
    let id = answer["message_id"].as_str();
    assert!(id.is_some_and(|id| !id.is_empty()), "the queue's id");
    receipt
}

#[tokio::test]
async fn a_signal_becomes_an_incident_that_others_join_and_that_ends() {
    let stack = Stack::start();
    let namespace = unique("signal");
    let first = signal(&namespace, "web-7d9c5b8f6d-x2x4z");
    let receipt = send(&stack, &first).await;
    let opened = episode(&stack, &first, |episode| episode.hit_count == 1).await;
    let id = opened.incident_id.as_str();
    let incident = stack.status(id, Status::NeedsHuman).await;
    let alert = &incident.alert;
    assert_eq!(
        (alert.name.as_str(), alert.source.as_str()),
        ("KubePodCrashLooping", "k8s-events")
    );
    assert_eq!(
        (alert.namespace.as_str(), alert.target.as_str()),
        (namespace.as_str(), "web-7d9c5b8f6d-x2x4z")
    );
    assert_eq!(
        (alert.severity, alert.message.as_str()),
        (AlertSeverity::Critical, "the pod restarts again and again")
    );
    assert_eq!(
        (
            alert.labels["app"].as_str(),
            alert.annotations["runbook_url"].as_str()
        ),
        ("web", "https://runbooks.test/crash")
    );
    assert!(incident.analysis.is_some());
    let card = stack.card(id, "KubePodCrashLooping").await;
    assert!(
        card["text"]
            .as_str()
            .is_some_and(|text| text.contains("the pod restarts again and again")),
        "{card}"
    );
    assert_eq!(
        stack
            .store
            .receipt(&receipt)
            .await
            .expect("the store answers"),
        Receipt::Closed,
        "it was counted, and is known"
    );

    send(&stack, &first).await;
    episode(&stack, &first, |episode| episode.hit_count == 2).await;
    let neighbour = signal(&namespace, "web-7d9c5b8f6d-bbbbb");
    send(&stack, &neighbour).await;
    let joined = episode(&stack, &first, |episode| episode.hit_count == 3).await;
    assert_eq!(
        (joined.incident_id.as_str(), joined.flaps),
        (id, 0),
        "one deployment, one incident"
    );

    let mut ended = first.clone();
    ended["status"] = json!("resolved");
    send(&stack, &ended).await;
    assert_eq!(stack.status(id, Status::Resolved).await.hit_count, 3);
    stack.card(id, "Resolved").await;
}

#[tokio::test]
async fn a_message_that_comes_twice_is_counted_once() {
    let stack = Stack::start();
    let signal = signal(&unique("twice"), "api");
    let apps = [stack.signals(&[]), stack.signals(&[])];
    let mut counts = Vec::new();
    let (one, other) = (unique("message"), unique("message"));
    for (i, message_id) in [&one, &one, &other, &one, &other].into_iter().enumerate() {
        let until = Instant::now() + PATIENCE;
        apps[i % 2]
            .handle(taken(&signal), message_id, Timestamp::now(), until)
            .await
            .expect("handled");
        counts.push(episode(&stack, &signal, |_| true).await.hit_count);
    }
    assert_eq!(counts, [1, 1, 2, 2, 2]);
}

#[tokio::test]
async fn a_failed_message_has_no_receipt_and_is_analysed_on_retry() {
    let stack = Stack::start();
    let nowhere = format!("{}/000000000000/no-such-queue", stack.facts.endpoint_url);
    let broken = stack.signals(&[("INCIDENTS_QUEUE_URL", &nowhere)]);
    let (signal, message_id) = (signal(&unique("again"), "api"), unique("message"));
    let until = || Instant::now() + PATIENCE;
    assert!(
        broken
            .handle(taken(&signal), &message_id, Timestamp::now(), until())
            .await
            .is_err()
    );
    assert_eq!(
        stack
            .store
            .receipt(&message_id)
            .await
            .expect("the store answers"),
        Receipt::Open
    );
    let out_of_time = stack
        .signals(&[])
        .handle(
            taken(&signal),
            &message_id,
            Timestamp::now(),
            Instant::now(),
        )
        .await;
    assert!(
        out_of_time.is_err(),
        "nothing is begun without time to end it"
    );
    stack
        .signals(&[])
        .handle(taken(&signal), &message_id, Timestamp::now(), until())
        .await
        .expect("handled");
    let opened = episode(&stack, &signal, |_| true).await;
    stack
        .log_with(opened.incident_id.as_str(), Event::AnalysisCompleted)
        .await;
}

#[tokio::test]
async fn an_incident_resolved_unanalysed_is_analysed_on_reopening() {
    let stack = Stack::start();
    let queue = OwnQueue::create(&stack).await;
    let slow = stack.signals(&[("INCIDENTS_QUEUE_URL", &queue.url)]);
    let analyzer = stack.analyzer(&[]);
    let firing = signal(&unique("flap"), "api");
    let mut ended = firing.clone();
    ended["status"] = json!("resolved");
    let handle = async |signal: &Value| {
        let until = Instant::now() + PATIENCE;
        slow.handle(taken(signal), &unique("message"), Timestamp::now(), until)
            .await
            .expect("handled");
    };
    let analyse = async || {
        for body in queue.take_all().await {
            analyzer
                .handle(
                    &Message::from_json(&body).expect("ours"),
                    "m",
                    Timestamp::now(),
                    Instant::now() + PATIENCE,
                )
                .await
                .expect("handled");
        }
    };
    handle(&firing).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    handle(&ended).await;
    let id = episode(&stack, &firing, |episode| !episode.open)
        .await
        .incident_id;
    analyse().await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    handle(&firing).await;
    assert_eq!(
        episode(&stack, &firing, |episode| episode.open).await.flaps,
        1
    );
    analyse().await;
    let incident = stack.incident(id.as_str(), |_| true).await;
    assert!(
        incident.analysis.is_some() && incident.status == Status::NeedsHuman,
        "{incident:#?}"
    );
}

#[tokio::test]
async fn alerts_and_signals_about_the_same_thing_join_one_incident() {
    let stack = Stack::start();
    let namespace = unique("both");
    let alert = json!({
        "alert_type": "k8s_pod_crash", "severity": "warning", "source": "k8s-monitor", "namespace": namespace,
        "target_resource": "web-7d9c5b8f6d-x2x4z", "message": "crash loop",
    });
    let (status, opened) = stack.send_signed("webhooks/alerts", &alert).await;
    assert_eq!(
        (status, opened["outcome"].as_str()),
        (200, Some("opened")),
        "{opened}"
    );
    let mut signal = signal(&namespace, "web-7d9c5b8f6d-bbbbb");
    signal["alert_name"] = json!("KubePodNotReady");
    send(&stack, &signal).await;
    let joined = episode(&stack, &signal, |episode| episode.hit_count == 2).await;
    assert_eq!(
        Some(joined.incident_id.as_str()),
        opened["incident_id"].as_str()
    );
    let (_, third) = stack.send_signed("webhooks/alerts", &alert).await;
    assert_eq!(
        (third["outcome"].as_str(), third["hit_count"].as_u64()),
        (Some("joined"), Some(3))
    );
}

#[tokio::test]
async fn what_is_refused_is_never_queued() {
    let stack = Stack::start();
    let queue = OwnQueue::create(&stack).await;
    let app = stack.ingress(&[("SIGNALS_QUEUE_URL", &queue.url)]);
    let secret = &stack.facts.secrets["webhook"];
    let post = |headers: HeaderMap, body: &Value| -> Request {
        let request = http::Request::post("https://api.test/api/v1/webhooks/signals");
        let mut request = request
            .body(Body::from(body.to_string()))
            .expect("a request");
        *request.headers_mut() = headers;
        request
    };
    let sign = |secret: &str, body: &[u8]| signed(secret, "webhooks/signals", body);
    let good = signal(&unique("refused"), "api");
    let signed = |body: &Value| post(sign(secret, body.to_string().as_bytes()), body);
    let without = |field: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(field);
        body
    };
    let mut empty = good.clone();
    empty["source"] = json!(" ");
    let mut bloated = good.clone();
    bloated["annotations"] = (0..64)
        .map(|i| (format!("a{i}"), json!("\u{1}".repeat(4_000))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut bearer = post(HeaderMap::new(), &good);
    let token = format!("Bearer {}", stack.facts.secrets["alertmanager"]);
    bearer
        .headers_mut()
        .insert("authorization", token.parse().expect("a header"));

    for (request, status, kind, at) in [
        (post(HeaderMap::new(), &good), 401, "unauthenticated", None),
        (bearer, 401, "unauthenticated", None),
        (
            post(sign("wrong", good.to_string().as_bytes()), &good),
            401,
            "unauthenticated",
            None,
        ),
        (
            post(sign(secret, b"another body"), &good),
            401,
            "unauthenticated",
            None,
        ),
        (signed(&without("target")), 400, "malformed", None),
        (signed(&empty), 400, "malformed", Some("source")),
        (signed(&bloated), 413, "too-large", None),
    ] {
        let (found, problem) = answer(&app, request, Timestamp::now()).await;
        assert_eq!(
            (found, problem["type"].as_str()),
            (status, Some(format!("urn:quell:problem:{kind}").as_str())),
            "{problem}"
        );
        assert_eq!(problem["at"].as_str(), at, "{problem}");
    }
    assert_eq!(queue.take_all().await, Vec::<String>::new());

    // The same door with the right key: one message, which is the alert.
    let (status, answer) = answer(&app, signed(&good), Timestamp::now()).await;
    assert_eq!(status, 200, "{answer}");
    let queued = queue.take_all().await;
    assert_eq!(queued.len(), 1, "{queued:?}");
    let queued: Signal = Signal::from_json(&queued[0]).expect("a signal");
    assert_eq!(fingerprint(&queued.alert, &[]), fingerprint_of(&good));
}
