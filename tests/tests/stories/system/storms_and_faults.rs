//! Tests of the guarantees to concurrent senders, and while the queue fails: `durable-ack`,
//! `one-incident`, `exact-count`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use domain::incident::Status;
use domain::incident::operation_log::Event;
use futures_util::{StreamExt as _, stream};
use ingress::App;
use jiff::Timestamp;
use lambda_http::{Body, Request, http};
use serde_json::Value;
use tests::alert::{TestAlert, unique};
use tests::answer::assert_problem;
use tests::stack::Stack;

async fn deliver(app: &App, stack: &Stack, alert: &TestAlert) -> (u16, Value) {
    let request: Request = http::Request::post("https://api.test/api/v1/webhooks/alertmanager")
        .header(
            "authorization",
            format!("Bearer {}", stack.facts.secrets["alertmanager"]),
        )
        .body(Body::from(alert.delivery().to_string()))
        .expect("a request");
    let response = app
        .answer(request, Timestamp::now())
        .await
        .expect("always an answer");
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_slice(response.body()).expect("JSON"),
    )
}

#[tokio::test]
async fn a_thousand_racing_deliveries_are_counted_on_one_incident() {
    const DELIVERIES: u64 = 1_000;
    const OTHERS: usize = 50;
    // Of its own: in the table of many stories one look at an index holds the emulator up for seconds, and a write whose answer takes longer
    // than a try may is made twice.
    let stack = Stack::start_with(&["--without", "witness,board"]);
    // Several environments of the function, as Lambda would start them, and as many requests at once as are answered in time on a busy machine.
    let apps: Vec<App> = (0..4).map(|_| stack.ingress(&[])).collect();
    let storm = TestAlert::firing(unique("race"));
    let others: Vec<TestAlert> = (0..OTHERS)
        .map(|_| TestAlert::firing(unique("other")))
        .collect();
    let mut alerts: Vec<&TestAlert> =
        std::iter::repeat_n(&storm, usize::try_from(DELIVERIES).expect("a small number")).collect();
    for (i, other) in others.iter().enumerate() {
        alerts.insert(i * 20, other);
    }
    let racing = alerts
        .iter()
        .enumerate()
        .map(|(i, alert)| deliver(&apps[i % apps.len()], &stack, alert));
    let answers: Vec<(u16, Value)> = stream::iter(racing).buffer_unordered(40).collect().await;

    let refused: Vec<&(u16, Value)> = answers
        .iter()
        .filter(|(status, _)| *status != 200)
        .collect();
    assert!(
        refused.is_empty(),
        "every delivery is acknowledged: {refused:#?}"
    );
    let text = |answer: &Value, field: &str| answer[field].as_str().expect("text").to_owned();
    let incidents: BTreeSet<String> = answers
        .iter()
        .map(|(_, answer)| text(answer, "incident_id"))
        .collect();
    assert_eq!(incidents.len(), 1 + OTHERS);
    let opened = answers
        .iter()
        .filter(|(_, answer)| answer["outcome"] == "opened")
        .count();
    assert_eq!(opened, 1 + OTHERS, "each incident was opened once");
    let mut highest: BTreeMap<String, u64> = BTreeMap::new();
    for (_, answer) in &answers {
        let count = answer["hit_count"].as_u64().expect("a count");
        let known = highest.entry(text(answer, "incident_id")).or_default();
        *known = (*known).max(count);
    }
    let mut counts: Vec<u64> = highest.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts.pop(), Some(DELIVERIES), "the count is exact");
    assert!(counts.iter().all(|count| *count == 1));

    // The opener's message may be on the queue more than once; the analysis is there once.
    for id in incidents {
        let log = stack.log_with(&id, Event::AnalysisCompleted).await;
        assert_eq!(
            log.iter()
                .filter(|entry| entry.event == Event::AnalysisCompleted)
                .count(),
            1
        );
        assert_eq!(
            log.iter()
                .filter(|entry| entry.event == Event::AlertReceived)
                .count(),
            1
        );
    }
}

#[tokio::test]
async fn a_queue_that_fails_after_the_write_loses_nothing() {
    let stack = Stack::start();
    let healthy = stack.ingress(&[]);
    let nowhere = format!("{}/000000000000/no-such-queue", stack.facts.endpoint_url);
    let broken = stack.ingress(&[("INCIDENTS_QUEUE_URL", &nowhere)]);
    let alert = TestAlert::firing(unique("queue"));

    let (status, problem) = deliver(&broken, &stack, &alert).await;
    assert_problem("", (status, &problem), (503, "unavailable"));
    assert!(
        !problem.to_string().contains("no-such-queue"),
        "inner errors are not shown: {problem}"
    );
    // The incident is stored, but nobody analyses it: it is on no queue. The sender's retry puts it there.
    let (status, _) = deliver(&broken, &stack, &alert).await;
    assert_eq!(
        status, 503,
        "as long as the queue fails, no delivery is acknowledged"
    );
    let (status, answer) = deliver(&healthy, &stack, &alert).await;
    assert_eq!(
        (status, answer["outcome"].as_str()),
        (200, Some("joined")),
        "{answer}"
    );
    let id = answer["incident_id"].as_str().expect("an incident");
    stack.status(id, Status::NeedsHuman).await;
    let log = stack.log_with(id, Event::AnalysisCompleted).await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::AnalysisCompleted)
            .count(),
        1
    );
    // Never short of what was acknowledged; above it only by what was tried again.
    assert_eq!(answer["hit_count"].as_u64(), Some(3));
}

#[tokio::test]
async fn a_resolve_whose_message_fails_is_sent_by_the_next_delivery() {
    let stack = Stack::start();
    let nowhere = format!("{}/000000000000/no-such-queue", stack.facts.endpoint_url);
    let broken = stack.ingress(&[("NOTIFICATIONS_QUEUE_URL", &nowhere)]);
    let alert = TestAlert::firing(unique("resolve"));
    let opened = stack.deliver_one(&alert).await;
    let id = opened["incident_id"].as_str().expect("an incident");
    stack.card(id, "Needs a human").await;
    let ended = TestAlert {
        ends_at: Some(Timestamp::now()),
        ..alert
    };
    let (status, _) = deliver(&broken, &stack, &ended).await;
    assert_eq!(status, 503);
    let again = stack.deliver_one(&ended).await;
    assert_eq!(
        again["outcome"], "ignored",
        "it is resolved already: {again}"
    );
    stack.card(id, "Resolved").await;
}
