//! Tests of PagerDuty's webhooks: what a person did, what is ignored, and what is refused.

use domain::notification::button_action::QuickResponse;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Done, Webhook, read};

const INCIDENT: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn now() -> Timestamp {
    "2026-11-01T10:00:30Z".parse().expect("a time")
}

/// The fields of PagerDuty's documented payload that matter, and some that do not.
fn event(kind: &str) -> Value {
    json!({ "event": {
        "id": "01FKZSRAQJLP9S3OPM2VALGUPJ",
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": "2026-11-01T10:00:00.546Z",
        "agent": {
            "html_url": "https://acme.pagerduty.com/users/PLH1HKV", "id": "PLH1HKV",
            "self": "https://api.pagerduty.com/users/PLH1HKV", "summary": "Grace", "type": "user_reference",
        },
        "client": null,
        "data": {
            "id": "Q2CKYRLH85UNN4", "type": "incident", "number": 37, "status": "acknowledged",
            "incident_key": INCIDENT, "title": "DiskSpaceLow", "resolve_reason": null,
        },
    } })
}

/// The event with another value at a place.
fn with(kind: &str, pointer: &str, value: Value) -> Value {
    let mut event = event(kind);
    *event.pointer_mut(pointer).expect("it is there") = value;
    event
}

fn taken(event: &Value) -> Webhook {
    read(event.to_string().as_bytes(), now()).expect("taken")
}

fn done(response: QuickResponse) -> Webhook {
    Webhook::Done(Done {
        response,
        incident: IncidentId::try_from(INCIDENT).expect("an id"),
        user: "PLH1HKV".to_owned(),
        id: "pagerduty:01FKZSRAQJLP9S3OPM2VALGUPJ".to_owned(),
        at: "2026-11-01T10:00:00.546Z".parse().expect("a time"),
    })
}

#[test]
fn a_user_who_acknowledges_or_resolves_is_read() {
    for (kind, response) in [
        ("incident.acknowledged", QuickResponse::Acknowledge),
        ("incident.resolved", QuickResponse::Fixed),
    ] {
        assert_eq!(taken(&event(kind)), done(response), "{kind}");
        let mut without = event(kind);
        let data = without["event"]["data"].as_object_mut().expect("data");
        data.remove("resolve_reason");
        assert_eq!(taken(&without), done(response), "{kind}");
    }
}

#[test]
fn what_no_user_has_done_is_ignored() {
    let integration = json!({ "id": "PXMQRWJ", "summary": "Events API V2", "type": "inbound_integration_reference" });
    let service = json!({ "id": "PF9KMXH", "summary": "API", "type": "service_reference" });
    // An automation of which nothing but its type is known.
    let other = json!({ "type": "incident_workflow_reference" });
    for kind in ["incident.acknowledged", "incident.resolved"] {
        for agent in [
            json!(null),
            integration.clone(),
            service.clone(),
            other.clone(),
        ] {
            let ignored = taken(&with(kind, "/event/agent", agent.clone()));
            assert!(
                matches!(ignored, Webhook::Ignored(why) if why.starts_with("not done by a user")),
                "{kind} {agent}: {ignored:?}"
            );
        }
        let mut without = event(kind);
        without["event"]
            .as_object_mut()
            .expect("it")
            .remove("agent");
        assert!(matches!(taken(&without), Webhook::Ignored(_)), "{kind}");
    }
}

#[test]
fn a_merge_closes_nothing_and_keeps_an_acknowledgement() {
    let merged = json!({ "type": "merge_resolve_reason", "incident": { "id": "PT4KHLK", "type": "incident_reference" } });
    let place = "/event/data/resolve_reason";
    assert_eq!(
        taken(&with("incident.resolved", place, merged.clone())),
        Webhook::Ignored("it was merged into another incident")
    );
    assert_eq!(
        taken(&with("incident.acknowledged", place, merged)),
        done(QuickResponse::Acknowledge)
    );
}

#[test]
fn other_events_and_other_incidents_are_ignored() {
    let ping = json!({ "event": {
        "id": "01FKZOXA868SHYEE4DVNWB5P9W", "event_type": "pagey.ping", "agent": { "id": "PLH1HKV", "type": "user_reference" },
        "data": { "message": "Hello from your friend Pagey!", "type": "ping" },
    } });
    assert!(matches!(taken(&ping), Webhook::Ignored(_)));
    for kind in [
        "incident.triggered",
        "incident.unacknowledged",
        "incident.reassigned",
        "incident.annotated",
        "service.updated",
        "",
    ] {
        let other = json!({ "event": { "event_type": kind, "id": 7, "data": [] } });
        assert!(matches!(taken(&other), Webhook::Ignored(_)), "{kind}");
    }
    for key in [json!("srv01/HTTP"), json!(""), json!(null)] {
        let ignored = taken(&with(
            "incident.resolved",
            "/event/data/incident_key",
            key.clone(),
        ));
        assert_eq!(
            ignored,
            Webhook::Ignored("Quell did not open this incident"),
            "{key}"
        );
    }
}

#[test]
fn an_event_is_as_old_as_its_last_delivery_may_be() {
    let occurred: Timestamp = "2026-11-01T10:00:00.546Z".parse().expect("a time");
    let text = event("incident.resolved").to_string();
    for (hours, minutes, counts) in [
        (0, 0, true),
        (49, 0, true),
        (49, 1, false),
        (0, -5, true),
        (0, -6, false),
    ] {
        let at = occurred + SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes);
        let read = read(text.as_bytes(), at).expect("taken");
        assert_eq!(
            matches!(read, Webhook::Done(_)),
            counts,
            "{hours} h {minutes} min"
        );
    }
}

#[test]
fn what_pagerduty_does_not_send_is_refused() {
    let kind = "incident.acknowledged";
    for (place, value) in [
        ("/event", json!(null)),
        ("/event", json!(["01FKZSRAQJLP9S3OPM2VALGUPJ"])),
        ("/event/event_type", json!(7)),
        ("/event/id", json!("")),
        ("/event/id", json!(7)),
        ("/event/id", json!("a b")),
        ("/event/id", json!("x".repeat(65))),
        ("/event/occurred_at", json!("yesterday")),
        ("/event/occurred_at", json!(null)),
        ("/event/agent", json!("PLH1HKV")),
        ("/event/agent/type", json!(null)),
        ("/event/agent/id", json!("")),
        ("/event/agent/id", json!("P<!here>")),
        ("/event/agent/id", json!("P".repeat(33))),
        ("/event/data", json!(null)),
        ("/event/data/incident_key", json!(7)),
    ] {
        let event = with(kind, place, value.clone());
        assert!(
            read(event.to_string().as_bytes(), now()).is_err(),
            "{place}: {value}"
        );
    }
    insta::assert_snapshot!(
        read(with(kind, "/event/agent/id", json!("P 1")).to_string().as_bytes(), now()).expect_err("refused"),
        @"event.agent.id: has to be the id of a user, such as PLH1HKV"
    );
}
