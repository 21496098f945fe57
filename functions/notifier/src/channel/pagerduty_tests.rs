//! Tests of the events for each step of the work, and of what PagerDuty's answers mean.

use domain::analysis::Severity;
use domain::notification::channels::PagerDutyService;
use domain::notification::progress::Progress;
use loopback::{Server, answer};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Action, PagerDuty, actions};
use crate::channel::{ChannelError, post_fixture};
use crate::render::content::Post;
use crate::render::markup::Markup;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn post(known: Option<Progress>, progress: Progress) -> Post {
    let facts = json!({
        "incident_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "severity": "P1", "name": "KafkaDown", "target": "kafka-1",
        "namespace": "prod", "message": "no broker\nanswers", "opened_at": "2026-03-01T12:00:00Z",
    });
    let text = Markup::parse("<b>P1</b> KafkaDown").expect("markup");
    let mut post = post_fixture::post(text, facts);
    (post.envelope.known, post.envelope.progress) = (known, Some(progress));
    post
}

fn service(url: &str) -> PagerDuty {
    let service = PagerDutyService {
        routing_key_secret: "k".to_owned(),
        api_url: Some(url.to_owned()),
    };
    PagerDuty::new(outbound::client().expect("a client"), &service)
}

async fn sent(url: &str, post: &Post) -> Result<String, ChannelError> {
    service(url).update(&SecretString::from(KEY), post).await
}

#[test]
fn events_follow_from_what_pagerduty_knows() {
    use Action::{Acknowledge, Resolve, Trigger};
    use Progress::{Expired, InHand, Resolved, Waits};
    let (mild, bad) = (Waits(Severity::P3), Waits(Severity::P0));
    let cases: [(Option<Progress>, Option<Progress>, &[Action]); 17] = [
        (None, Some(bad), &[Trigger]),
        (None, Some(InHand), &[]),
        (None, Some(Resolved), &[]),
        (None, None, &[]),
        (Some(bad), Some(bad), &[]),
        (Some(mild), Some(bad), &[Trigger]),
        (Some(bad), Some(InHand), &[Acknowledge]),
        (Some(bad), Some(Resolved), &[Resolve]),
        (Some(bad), Some(Expired), &[]),
        (Some(InHand), Some(InHand), &[]),
        (Some(InHand), Some(bad), &[Resolve, Trigger]),
        (Some(InHand), Some(Resolved), &[Resolve]),
        (Some(Resolved), Some(bad), &[Trigger]),
        (Some(Resolved), Some(InHand), &[]),
        (Some(Expired), Some(Resolved), &[Resolve]),
        (Some(Expired), Some(bad), &[Resolve, Trigger]),
        (Some(bad), None, &[]),
    ];
    for (known, now, expected) in cases {
        assert_eq!(actions(known, now), expected, "{known:?} to {now:?}");
    }
}

#[tokio::test]
async fn a_namespace_that_was_not_sent_is_no_group() {
    let server = Server::playing(vec![answer(202, &[], r#"{"status":"success"}"#)]);
    let mut post = post(None, Progress::Waits(Severity::P1));
    post.facts
        .as_object_mut()
        .expect("facts")
        .remove("namespace");
    sent(&server.url, &post).await.expect("sent");
    let event: Value = serde_json::from_slice(&server.requests()[0].body).expect("JSON");
    assert_eq!(event["payload"].get("group"), None);
}

#[tokio::test]
async fn a_trigger_has_every_field_that_is_documented() {
    let server = Server::playing(vec![answer(202, &[], r#"{"status":"success"}"#)]);
    let waits = Progress::Waits(Severity::P1);
    let alert = sent(&server.url, &post(None, waits)).await.expect("sent");
    assert_eq!(alert, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let request = server.requests().remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v2/enqueue")
    );
    let mut event: Value = serde_json::from_slice(&request.body).expect("JSON");
    let details = event["payload"]["custom_details"].take();
    assert_eq!(
        (&details["text"], &details["name"]),
        (&json!("P1 KafkaDown"), &json!("KafkaDown"))
    );
    assert_eq!(
        event,
        json!({
            "routing_key": KEY, "event_action": "trigger", "dedup_key": alert, "client": "Quell",
            "links": [
                { "href": "https://api.test/a", "text": "Decide" }, { "href": "https://api.test/p", "text": "Open" },
            ],
            "payload": {
                "summary": "P1 · KafkaDown · kafka-1 · no broker answers", "source": "kafka-1", "severity": "error",
                "timestamp": "2026-03-01T12:00:00Z", "component": "kafka-1", "group": "prod", "class": "KafkaDown",
                "custom_details": null,
            },
        })
    );
}

#[tokio::test]
async fn a_trouble_opens_one_alert_of_low_urgency() {
    let server = Server::playing(vec![answer(202, &[], "{}")]);
    for (facts, dedup_key, component) in [
        (
            json!({ "problem": "channel_refuses", "channel": "ops" }),
            "trouble:channel_refuses:ops",
            json!("ops"),
        ),
        (
            json!({ "problem": "no_route", "channel": "" }),
            "trouble:no_route:",
            Value::Null,
        ),
    ] {
        let problem = facts["problem"].clone();
        let post = post_fixture::post(Markup::text("⚠ It\nrefuses"), facts.clone());
        let (service, key) = (service(&server.url), SecretString::from(KEY));
        let warned = service.warn(&key, &post).await;
        assert_eq!(warned.expect("sent"), dedup_key);
        let request = server.requests().pop().expect("an event");
        let mut event: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(event["payload"]["component"].take(), component);
        event["payload"]
            .as_object_mut()
            .expect("fields")
            .remove("component");
        assert_eq!(
            event,
            json!({
                "routing_key": KEY, "event_action": "trigger", "dedup_key": dedup_key, "client": "Quell",
                "payload": {
                    "summary": "⚠ It refuses", "source": "Quell", "severity": "warning", "class": problem,
                    "custom_details": facts,
                },
            })
        );
    }
}

#[tokio::test]
async fn a_long_text_is_cut_and_a_missing_target_is_named() {
    let server = Server::playing(vec![answer(202, &[], "{}")]);
    let mut long = post(None, Progress::Waits(Severity::P0));
    long.facts["message"] = "界".repeat(5_000).into();
    long.facts["target"] = "".into();
    sent(&server.url, &long).await.expect("sent");
    let event: Value = serde_json::from_slice(&server.requests()[0].body).expect("JSON");
    let summary = event["payload"]["summary"].as_str().expect("a text");
    assert_eq!(summary.chars().count(), 1024);
    assert_eq!(event["payload"]["source"], "Quell");
    assert_eq!(event["payload"]["severity"], "critical");
}

#[tokio::test]
async fn a_repair_that_failed_pages_again() {
    let server = Server::playing(vec![answer(202, &[], "{}")]);
    let failed = post(Some(Progress::InHand), Progress::Waits(Severity::P1));
    sent(&server.url, &failed).await.expect("sent");
    let actions: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| {
            let event: Value = serde_json::from_slice(&request.body).expect("JSON");
            event["event_action"].clone()
        })
        .collect();
    assert_eq!(actions, ["resolve", "trigger"]);
}

#[tokio::test]
async fn every_documented_answer_has_its_meaning() {
    let invalid = r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#;
    for (status, headers, body, expected) in [
        (
            400,
            &[][..],
            invalid,
            "refuses (400): Event object is invalid: Length of 'routing_key'",
        ),
        (
            400,
            &[],
            invalid,
            "put the integration key of the service into the secret",
        ),
        (403, &[], "", "refuses (403)"),
        (429, &[], "", "asks to wait 30 s"),
        (429, &[("retry-after", "7")], "", "asks to wait 7 s"),
        (500, &[], "{}", "did not answer: status 500"),
        (302, &[], "", "did not answer: status 302"),
    ] {
        let server = Server::playing(vec![answer(status, headers, body)]);
        let post = post(None, Progress::Waits(Severity::P1));
        let error = sent(&server.url, &post).await.expect_err("not taken");
        assert!(error.to_string().contains(expected), "{status}: {error}");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    }
}
