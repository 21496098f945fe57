//! Tests of a channel at PagerDuty: it pages when people are needed, once, and knows when they are
//! not.

use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use jiff::civil::date;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::pagerduty::{PagerDuty, ROUTING_KEY, State};
use tests::stack::Stack;
use wire::message::Message;

use super::own::{Own, secret};

/// A notifier that tells everything at PagerDuty.
async fn paging<'a>(stack: &'a Stack, service: &PagerDuty, key: &str) -> (Own<'a>, String) {
    let name = unique("pager");
    let place = json!({ "routing_key_secret": secret(stack, key).await, "api_url": service.url() });
    let content = json!({
        "channels": [{ "name": name, "to": { "pagerduty": place } }], "routes": [{ "channels": [name] }],
    });
    (Own::with(stack, &content).await, name)
}

async fn to(own: &Own<'_>, id: &IncidentId, status: Status) {
    let change = own
        .stack
        .store
        .change(id, |change| change.incident.status = status);
    change.await.expect("saved");
    own.changed(id).await;
}

fn states(service: &PagerDuty) -> Vec<State> {
    service.alerts().iter().map(|alert| alert.state).collect()
}

/// The events that the log of an incident has of PagerDuty: what was told each time.
async fn logged(stack: &Stack, id: &IncidentId) -> Vec<Value> {
    let log = stack.store.log(id).await.expect("the log");
    log.into_iter()
        .filter_map(|entry| match entry.event {
            Event::PagerDutySent => Some(json!("sent")),
            Event::PagerDutyUpdated => Some(entry.context["event_actions"].clone()),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn people_are_paged_once_and_again_when_a_repair_fails() {
    let stack = Stack::start();
    let service = PagerDuty::start();
    let (own, _) = paging(&stack, &service, ROUTING_KEY).await;
    let id = own.incident().await;
    own.changed(&id).await;
    own.changed(&id).await;
    let alerts = service.alerts();
    assert_eq!(
        (alerts.len(), service.calls()),
        (1, 1),
        "the same state is told once"
    );
    assert_eq!(
        (
            alerts[0].dedup_key.as_str(),
            &alerts[0].event["payload"]["severity"]
        ),
        (id.as_str(), &json!("critical"))
    );
    let details = &alerts[0].event["payload"]["custom_details"];
    assert_eq!(details["status"], "needs_human");
    let page = format!("{}/console/incidents/{id}", stack.facts.api_url);
    let links = json!([{ "href": page, "text": "open in the console" }]);
    assert_eq!(alerts[0].event["links"], links);

    to(&own, &id, Status::Repairing).await;
    assert_eq!(states(&service), [State::Acknowledged], "a repair runs");
    to(&own, &id, Status::Repaired).await;
    assert_eq!(service.calls(), 2, "it is in hand still");
    to(&own, &id, Status::RepairFailed).await;
    assert_eq!(
        states(&service),
        [State::Resolved, State::Triggered],
        "what is acknowledged pages nobody: another alert does"
    );
    own.resolve(&id).await;
    assert_eq!(states(&service), [State::Resolved; 2]);
    assert_eq!(
        logged(&stack, &id).await,
        [
            json!("sent"),
            json!(["acknowledge"]),
            json!(["resolve", "trigger"]),
            json!(["resolve"])
        ]
    );
}

#[tokio::test]
async fn what_needs_no_one_pages_no_one() {
    let stack = Stack::start();
    let service = PagerDuty::start();
    let (own, name) = paging(&stack, &service, ROUTING_KEY).await;
    // A repair that runs by itself, and goes well.
    let id = own.incident().await;
    for status in [Status::Approved, Status::Repairing, Status::Repaired] {
        to(&own, &id, status).await;
    }
    own.resolve(&id).await;
    // The models' budget is nothing to get up for.
    let budget = Message::BudgetUsedUp {
        day: date(2026, 11, 22),
    };
    own.tell(&budget).await;
    assert_eq!(service.calls(), 0);

    // What was over before PagerDuty could be reached.
    let id = own.incident().await;
    service.fail(1, 503, &[]);
    own.changed(&id).await;
    own.resolve(&id).await;
    own.later(301, &name).await;
    assert_eq!(states(&service), [], "nobody is woken for it");

    // Quell has heard nothing for too long: a person has to look, and closes the page.
    let id = own.incident().await;
    own.changed(&id).await;
    to(&own, &id, Status::Expired).await;
    assert_eq!(states(&service), [State::Triggered]);
    let due = stack.store.due(&name, Timestamp::now()).await;
    assert_eq!(due.expect("the outbox"), [], "nothing is left to tell");
}

#[tokio::test]
async fn a_channel_that_refuses_is_one_alert_of_low_urgency() {
    let stack = Stack::start();
    let service = PagerDuty::start();
    let (pager, chat) = (unique("pager"), unique("chat"));
    let place = json!({ "routing_key_secret": secret(&stack, ROUTING_KEY).await, "api_url": service.url() });
    // The secret of this one has no value.
    let slack = json!({ "channel_id": "C0", "token_secret": unique("quell/channels/none") });
    let content = json!({
        "channels": [{ "name": pager, "to": { "pagerduty": place } }, { "name": chat, "to": { "slack": slack } }],
        "routes": [{ "channels": [pager, chat] }],
    });
    let own = Own::with(&stack, &content).await;
    let id = own.incident().await;
    own.changed(&id).await;
    // It goes on for two days.
    for _ in 0..50 {
        own.later(3600, &chat).await;
        own.later(1, &pager).await;
    }
    let alerts = service.alerts();
    let troubles: Vec<_> = alerts
        .iter()
        .filter(|alert| alert.dedup_key != id.as_str())
        .collect();
    let [trouble] = troubles.as_slice() else {
        panic!("one: {alerts:#?}")
    };
    assert_eq!(trouble.dedup_key, format!("trouble:channel_refuses:{chat}"));
    let payload = &trouble.event["payload"];
    assert_eq!(
        (&payload["severity"], trouble.state),
        (&json!("warning"), State::Triggered)
    );
    let summary = payload["summary"].as_str().expect("a text");
    assert!(
        summary.starts_with(&format!("⚠ The channel {chat} refuses")),
        "{summary}"
    );
    // Once a day, and the incident's own page.
    assert!((4..=5).contains(&service.calls()), "{}", service.calls());
}

#[tokio::test]
async fn a_page_is_late_rather_than_lost_or_doubled() {
    let stack = Stack::start();
    let service = PagerDuty::start();
    let (own, name) = paging(&stack, &service, ROUTING_KEY).await;
    service.fail(1, 500, &[]);
    service.fail(1, 429, &[("retry-after", "60")]);
    let id = own.incident().await;
    own.changed(&id).await;
    own.later(301, &name).await;
    own.later(30, &name).await;
    assert_eq!((service.calls(), states(&service)), (2, vec![]), "it waits");
    own.later(31, &name).await;
    assert_eq!(states(&service), [State::Triggered]);

    // With another key, nothing is taken until an operator has put the right one there.
    let (other, name) = paging(&stack, &service, &ROUTING_KEY.replace('0', "f")).await;
    let id = other.incident().await;
    other.changed(&id).await;
    let due = stack.store.due(&name, Timestamp::now()).await;
    let refused: Vec<u32> = due
        .expect("the outbox")
        .iter()
        .map(|due| due.refused)
        .collect();
    assert_eq!((refused, states(&service).len()), (vec![1], 1));
}
