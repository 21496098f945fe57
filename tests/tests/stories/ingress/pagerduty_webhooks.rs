//! Tests of PagerDuty's webhooks on the deployed stack: who acknowledges or resolves there does so here, by the rule of the responder's
//! actions, and nothing else changes anything.

use domain::incident::operation_log::{Entry, Event};
use domain::incident::response::CloseReason;
use domain::incident::{Incident, Status};
use jiff::{SignedDuration, Timestamp};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::pagerduty_webhook::{Callback, USER};
use tests::stack::Stack;

const ACKNOWLEDGED: &str = "incident.acknowledged";
const RESOLVED: &str = "incident.resolved";
/// What a person in PagerDuty may leave in a log.
const EVENTS: [Event; 4] = [
    Event::IncidentAcknowledged,
    Event::IncidentClosed,
    Event::PressRefused,
    Event::ResponseRefused,
];

async fn waiting(stack: &Stack) -> Incident {
    stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("an answer").status().as_u16()
}

/// Sends a signed webhook: whether it was taken, and the message.
async fn send(stack: &Stack, callback: &Callback) -> (bool, String) {
    let answer = callback.request(stack).send().await.expect("an answer");
    let (status, body) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
    assert_eq!(status, 200, "{body}");
    let message = body["message"].as_str().expect("a message").to_owned();
    (body["taken"] == true, message)
}

/// What is in the log by people of PagerDuty.
async fn logged(stack: &Stack, incident: &Incident) -> Vec<Entry> {
    let log = stack
        .log_with(incident.id.as_str(), Event::ApprovalRequested)
        .await;
    let mut log: Vec<Entry> = log
        .into_iter()
        .filter(|entry| EVENTS.contains(&entry.event))
        .collect();
    log.retain(|entry| entry.actor.starts_with("pagerduty:"));
    log
}

fn events(log: &[Entry]) -> Vec<Event> {
    log.iter().map(|entry| entry.event).collect()
}

async fn stored(stack: &Stack, incident: &Incident) -> Incident {
    let found = stack.store.incident(&incident.id).await;
    found.expect("the store answers").expect("the incident")
}

#[tokio::test]
async fn who_acts_in_pagerduty_acts_here_and_once() {
    let stack = Stack::start();
    let incident = waiting(&stack).await;
    let id = incident.id.as_str();

    let acknowledged = Callback::of(ACKNOWLEDGED, id);
    assert_eq!(
        send(&stack, &acknowledged).await,
        (true, "You are on it: the card says so.".to_owned())
    );
    stack.card(id, "grace is on it").await;
    // Somebody else takes it over; the first webhook is delivered again.
    let taken_over = stack
        .http
        .post(stack.url(&format!("incidents/{id}/respond")))
        .bearer_auth(&stack.facts.tokens["ada"])
        .json(&json!({ "action": "acknowledge" }));
    assert_eq!(status(taken_over).await, 200);
    assert_eq!(
        send(&stack, &acknowledged).await,
        (false, "it was delivered before".to_owned())
    );
    assert_eq!(stored(&stack, &incident).await.responder(), Some("ada"));

    let resolved = Callback::of(RESOLVED, id);
    assert_eq!(
        send(&stack, &resolved).await,
        (true, "Closed: fixed by hand.".to_owned())
    );
    let closed = stack.status(id, Status::Closed).await;
    let closing = closed.response.closed.as_ref().expect("closed");
    assert_eq!(
        (closing.person.as_str(), closing.reason),
        ("grace", CloseReason::FixedByHand)
    );
    stack.card(id, "fixed by hand").await;
    assert!(!send(&stack, &resolved).await.0);
    // The rule refuses what comes after the end.
    let (taken, message) = send(&stack, &Callback::of(ACKNOWLEDGED, id)).await;
    assert!(!taken && message.contains("it was closed"), "{message}");

    let log = logged(&stack, &incident).await;
    assert_eq!(
        events(&log),
        [
            Event::IncidentAcknowledged,
            Event::IncidentClosed,
            Event::ResponseRefused
        ]
    );
    let by = format!("pagerduty:{USER}");
    assert!(log.iter().all(|entry| entry.actor == by), "{log:#?}");
}

#[tokio::test]
async fn only_pagerduty_gets_in_and_only_people_act() {
    let stack = Stack::start();
    let incident = waiting(&stack).await;
    let id = incident.id.as_str();
    for kind in [ACKNOWLEDGED, RESOLVED] {
        let callback = Callback::of(kind, id);
        assert_eq!(status(callback.unsigned(&stack)).await, 401);
        let forged = callback.clone().with_key("another key");
        assert_eq!(status(forged.request(&stack)).await, 401);
        let changed = callback
            .request(&stack)
            .body(format!("{} ", callback.text()));
        assert_eq!(status(changed).await, 401);

        let stranger = callback.with("/agent/id", json!("PSTRANGER"));
        let (taken, message) = send(&stack, &stranger).await;
        assert!(!taken && message.contains("not on the list"), "{message}");
    }
    let now = stored(&stack, &incident).await;
    assert_eq!(
        (now.status, now.responder()),
        (Status::AwaitingApproval, None)
    );
    let log = logged(&stack, &incident).await;
    assert_eq!(events(&log), [Event::PressRefused; 2]);
    assert!(log.iter().all(|entry| entry.actor == "pagerduty:PSTRANGER"));
}

#[tokio::test]
async fn what_no_person_did_to_an_incident_changes_nothing() {
    let stack = Stack::start();
    let incident = waiting(&stack).await;
    let id = incident.id.as_str();
    let echo = json!({ "id": "PXMQRWJ", "summary": "Events API V2", "type": "inbound_integration_reference" });
    let merged = json!({ "type": "merge_resolve_reason", "incident": { "id": "PT4KHLK", "type": "incident_reference" } });
    let old = Timestamp::now() - SignedDuration::from_hours(50);
    let elsewhere = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (callback, why) in [
        // What our own events did, and a timeout of PagerDuty.
        (
            Callback::of(ACKNOWLEDGED, id).with("/agent", echo.clone()),
            "not done by a user",
        ),
        (
            Callback::of(RESOLVED, id).with("/agent", echo),
            "not done by a user",
        ),
        (
            Callback::of(RESOLVED, id).with("/agent", json!(null)),
            "not done by a user",
        ),
        (
            Callback::of(RESOLVED, id).with("/data/resolve_reason", merged),
            "merged",
        ),
        (
            Callback::of(RESOLVED, id).with("/occurred_at", json!(old)),
            "49 hours",
        ),
        (
            Callback::of("incident.reassigned", id),
            "events of this type",
        ),
        (Callback::of("pagey.ping", id), "events of this type"),
        (Callback::of(RESOLVED, &unique("other")), "did not open"),
        (Callback::of(RESOLVED, elsewhere), "no such incident"),
    ] {
        let (taken, message) = send(&stack, &callback).await;
        assert!(!taken && message.contains(why), "{why}: {message}");
    }
    let now = stored(&stack, &incident).await;
    assert_eq!(
        (now.status, now.responder()),
        (Status::AwaitingApproval, None)
    );
    let log = logged(&stack, &incident).await;
    assert!(log.is_empty(), "{log:#?}");
}
