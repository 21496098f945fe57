//! Runs every event of `events/` through the real SAM CLI, as the README says: as it is, and with
//! the stack's own values.

mod unchanged;

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertType};
use domain::episode::Episode;
use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use serde_json::{Value, json};
use tests::alert::TestAlert;
use tests::in_process::signed;
use tests::sam::Sam;
use tests::stack::{Stack, project};

use self::unchanged::{EVENTS, both_come_back, refused};

const INGRESS: &str = "IngressFunction";
const SIGNALS: &str = "SignalsFunction";
const ANALYZER: &str = "AnalyzerFunction";
const NOTIFIER: &str = "NotifierFunction";
const REPAIR: &str = "RepairFunction";
const BRIDGE: &str = "BridgeFunction";
const WITNESS: &str = "WitnessFunction";
const BOARD: &str = "BoardFunction";

/// What stands in the events in place of real values.
const INCIDENT: &str = "01KA0000000000000000000000";
const OTHER_INCIDENT: &str = "01KA0000000000000000000001";
const APPROVAL: &str = "01KA0000000000000000000000-0123456789abcdef";
const PLAN_HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The messages of the batches.
const FIRST: &str = "059f36b4-87a3-44ab-83d2-661975970000";
const SECOND: &str = "059f36b4-87a3-44ab-83d2-661975970001";

/// The status and the body of an HTTP answer.
fn http(answer: &Value) -> (u16, Value) {
    let status = answer["statusCode"].as_u64().expect("a status");
    let status = u16::try_from(status).expect("a status");
    let kind = if status < 400 {
        "application/json"
    } else {
        "application/problem+json"
    };
    assert_eq!(answer["headers"]["content-type"], kind, "{answer}");
    (
        status,
        serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON"),
    )
}

fn come_back(answer: &Value, messages: &[&str]) {
    let expected: Vec<Value> = messages
        .iter()
        .map(|id| json!({ "itemIdentifier": id }))
        .collect();
    assert_eq!(answer, &json!({ "batchItemFailures": expected }));
}

/// An event with the stack's secrets in place of the placeholders, and with these other replacements.
fn real(stack: &Stack, event: &str, replacements: &[(&str, &str)]) -> Value {
    let mut text =
        fs::read_to_string(project().join(format!("events/{event}.json"))).expect("the event");
    let secrets = &stack.facts.secrets;
    for (placeholder, secret) in [
        (
            "replace-with-the-alertmanager-secret",
            &secrets["alertmanager"],
        ),
        ("replace-with-the-token-of-ada", &stack.facts.tokens["ada"]),
        (
            "replace-with-the-telegram-webhook-secret",
            &secrets["telegram_webhook"],
        ),
    ] {
        text = text.replace(placeholder, secret);
    }
    for (from, to) in replacements {
        assert!(text.contains(from), "{event} holds {from}");
        text = text.replace(from, to);
    }
    let mut event: Value = serde_json::from_str(&text).expect("JSON");
    if event.pointer("/headers/x-signature-256").is_some() {
        let path = event["rawPath"].as_str().expect("a path");
        let route = path.strip_prefix("/api/v1/").expect("a route");
        let body = event["body"].as_str().expect("a body");
        let headers = signed(&secrets["webhook"], route, body.as_bytes());
        for (name, value) in &headers {
            let value = json!(value.to_str().expect("ASCII"));
            let name = name.as_str();
            assert_ne!(event["headers"][name], value);
            event["headers"][name] = value;
        }
    }
    event
}

/// Runs an event with real values through ingress.
async fn ingress(sam: &Sam, event: &str, replacements: &[(&str, &str)]) -> (u16, Value) {
    let event = real(&sam.stack, event, replacements);
    http(&sam.invoke_with(INGRESS, &event).await)
}

/// The alerts open, converge and resolve incidents. Gives the ids of two that were opened.
async fn alerts(sam: &Sam) -> [String; 2] {
    let incident = |answer: &Value| {
        answer["incident_id"]
            .as_str()
            .expect("an incident")
            .to_owned()
    };

    let (status, single) = ingress(sam, "alertmanager-single", &[]).await;
    assert_eq!(
        (status, &single["outcome"], &single["hit_count"]),
        (200, &json!("opened"), &json!(1)),
        "{single}"
    );

    let (status, grouped) = ingress(sam, "alertmanager-grouped", &[]).await;
    let outcomes: Vec<&str> = grouped["results"]
        .as_array()
        .expect("one for each")
        .iter()
        .filter_map(|one| one["outcome"].as_str())
        .collect();
    // The third pod never fired here: there is nothing of it that could end.
    assert_eq!(
        (status, outcomes.as_slice()),
        (200, ["opened", "opened", "ignored"].as_slice()),
        "{grouped}"
    );
    for one in grouped["results"].as_array().expect("one for each") {
        assert_eq!(
            (&one["incident_id"], &one["hit_count"]),
            (&grouped["incident_id"], &json!(2)),
            "pods of one deployment converge"
        );
    }

    let (status, resolved) = ingress(sam, "alertmanager-resolved", &[]).await;
    assert_eq!(
        (status, &resolved["outcome"], &resolved["incident_id"]),
        (200, &json!("resolved"), &single["incident_id"]),
        "{resolved}"
    );
    sam.stack.status(&incident(&single), Status::Resolved).await;

    let (status, of_pipeline) = ingress(sam, "alertmanager-cicd", &[]).await;
    assert_eq!(
        (status, &of_pipeline["outcome"]),
        (200, &json!("opened")),
        "{of_pipeline}"
    );
    assert_eq!(
        of_pipeline["approval_created"],
        json!(false),
        "{of_pipeline}"
    );
    let announced = sam
        .stack
        .status(&incident(&of_pipeline), Status::Announced)
        .await;
    assert_eq!(
        announced.alert.labels["stage"], "production",
        "the layer's alert-tables.json says which names are of a pipeline"
    );

    let (status, signed) = ingress(sam, "alert-signed", &[]).await;
    assert_eq!(
        (status, &signed["outcome"]),
        (200, &json!("opened")),
        "{signed}"
    );
    let id = incident(&signed);
    let stored = sam
        .stack
        .incident(&id, |incident| incident.analysis.is_some())
        .await;
    assert_eq!(json!(stored.alert.alert_type), "high_memory");
    [incident(&grouped), id]
}

/// A signal waits on its queue before it is counted: the one that was run as it is, and one through ingress.
async fn signals(sam: &Sam) {
    let event: Value = serde_json::from_str(
        &fs::read_to_string(project().join("events/signals-received.json")).expect("the event"),
    )
    .expect("JSON");
    let message: Value =
        serde_json::from_str(event["Records"][0]["body"].as_str().expect("a body")).expect("JSON");
    let alert: Alert = serde_json::from_value(message["alert"].clone()).expect("an alert");
    let first = episode(sam, &alert).await;
    let stored = sam
        .stack
        .incident(first.incident_id.as_str(), |incident| {
            incident.analysis.is_some()
        })
        .await;
    assert_eq!(stored.alert, alert);
    come_back(&sam.invoke(SIGNALS, "signals-received").await, &[]);
    assert_eq!(
        episode(sam, &alert).await.incident_id,
        first.incident_id,
        "it joins its incident"
    );

    let (status, accepted) = ingress(sam, "signal-signed", &[]).await;
    assert_eq!(
        (status, &accepted["success"], &accepted["stream"]),
        (200, &json!(true), &json!("signals")),
        "{accepted}"
    );
    assert!(
        accepted["message_id"]
            .as_str()
            .is_some_and(|id| !id.is_empty()),
        "{accepted}"
    );
    let target = "billing-queue".to_owned();
    let alert = Alert {
        name: "QueueBacklog".to_owned(),
        alert_type: AlertType::Custom,
        normalised_target: target,
        ..alert
    };
    let opened = episode(sam, &alert).await;
    let stored = sam
        .stack
        .incident(opened.incident_id.as_str(), |incident| {
            incident.analysis.is_some()
        })
        .await;
    assert_eq!(
        (opened.hit_count, stored.alert.source.as_str()),
        (1, "queue-monitor")
    );
    assert_eq!(stored.alert.message, "12,400 invoices wait to be sent");
}

/// The episode of an alert, once there is one.
async fn episode(sam: &Sam, alert: &Alert) -> Episode {
    let fingerprint = fingerprint(alert, &[]);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(episode) = sam
            .stack
            .store
            .episode(&fingerprint)
            .await
            .expect("the store answers")
        {
            return episode;
        }
        assert!(
            Instant::now() < deadline,
            "{} on {} opened no episode",
            alert.name,
            alert.normalised_target
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Both ways to approve. Gives an incident that was repaired.
async fn decisions(sam: &Sam) -> Incident {
    let (status, problem) = ingress(sam, "approval-approve", &[]).await;
    assert_eq!(
        (status, &problem["type"]),
        (404, &json!("urn:quell:problem:no-approval")),
        "{problem}"
    );
    let (status, unknown) = ingress(sam, "telegram-approve", &[]).await;
    assert_eq!(
        (status, &unknown["text"]),
        (200, &json!("There is no approval with this id.")),
        "{unknown}"
    );

    approve(sam, "approval-approve", "status", "approved").await;
    approve(
        sam,
        "telegram-approve",
        "text",
        "Approved: the repair starts now.",
    )
    .await
}

/// Approves a plan that waits with an event, whose answer holds the expected text at the place. Gives the repaired incident.
async fn approve(sam: &Sam, event: &str, place: &str, expected: &str) -> Incident {
    let opened = sam
        .stack
        .deliver_one(&TestAlert::firing(&sam.stack.facts.target.service))
        .await;
    let id = opened["incident_id"].as_str().expect("an incident");
    let approval = sam
        .stack
        .status(id, Status::AwaitingApproval)
        .await
        .approval
        .expect("asked")
        .id;
    let (status, answer) = ingress(sam, event, &[(APPROVAL, approval.as_str())]).await;
    assert_eq!(
        (status, &answer[place]),
        (200, &json!(expected)),
        "{answer}"
    );
    sam.stack.status(id, Status::Repaired).await
}

/// A responder's action, on an incident that there is and on one that there is not.
async fn response(sam: &Sam, id: &str) {
    let (status, problem) = ingress(sam, "incident-acknowledge", &[]).await;
    assert_eq!(
        (status, &problem["type"]),
        (404, &json!("urn:quell:problem:no-incident")),
        "{problem}"
    );
    // The ids of tokens look like those of incidents: only the path is changed.
    let path = |id: &str| format!("incidents/{id}/respond");
    let (from, to) = (path(INCIDENT), path(id));
    let (status, answer) = ingress(sam, "incident-acknowledge", &[(&from, &to)]).await;
    assert_eq!(
        (status, &answer["changed"], &answer["responder"]),
        (200, &json!(true), &json!("ada")),
        "{answer}"
    );
    sam.stack.card(id, "ada is on it").await;
}

/// The batches, now with incidents that there are: only what is unknown comes back, and nothing is done twice.
async fn batches(sam: &Sam, opened: &[String; 2], repaired: &Incident) {
    let run = async |function: &str, event: &str, replacements: &[(&str, &str)]| {
        let event = real(&sam.stack, event, replacements);
        sam.invoke_with(function, &event).await
    };
    let [one, other] = opened;
    come_back(
        &run(ANALYZER, "incidents-opened", &[(INCIDENT, one)]).await,
        &[SECOND],
    );
    come_back(
        &run(
            ANALYZER,
            "incidents-opened",
            &[(INCIDENT, one), (OTHER_INCIDENT, other)],
        )
        .await,
        &[],
    );
    for id in opened {
        let log = sam.stack.log_with(id, Event::AnalysisCompleted).await;
        assert_eq!(
            log.iter()
                .filter(|entry| entry.event == Event::AnalysisCompleted)
                .count(),
            1,
            "it was analysed once"
        );
    }

    come_back(
        &run(NOTIFIER, "notifications-changed", &[(INCIDENT, one)]).await,
        &[],
    );
    sam.stack.card(one, one).await;

    let plan_hash = &repaired.approval.as_ref().expect("asked").plan_hash;
    come_back(
        &run(
            REPAIR,
            "repairs-approved",
            &[(INCIDENT, repaired.id.as_str()), (PLAN_HASH, plan_hash)],
        )
        .await,
        &[],
    );
    let log = sam
        .stack
        .log_with(repaired.id.as_str(), Event::ExecutionCompleted)
        .await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::ExecutionCompleted)
            .count(),
        1,
        "it ran once"
    );
}

#[test]
fn every_event_stands_here_and_in_the_readme() {
    let files = fs::read_dir(project().join("events")).expect("the events");
    let files: BTreeSet<String> = files
        .map(|file| {
            file.expect("a file")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    let named: BTreeSet<String> = EVENTS
        .iter()
        .map(|(event, ..)| format!("{event}.json"))
        .collect();
    assert_eq!(
        files, named,
        "the files of events/, and what is expected of them"
    );
    let readme = fs::read_to_string(project().join("README.md")).expect("the README");
    for (event, function, _) in EVENTS {
        let line = readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{function}` |")));
        assert!(
            line.is_some_and(|line| line.contains(&format!("`{event}`"))),
            "the README names {event} for {function}"
        );
    }
}

#[tokio::test]
async fn every_event_is_answered_by_its_function() {
    let Some(sam) = Sam::start().await else {
        return;
    };
    // The two commands of the README.
    refused(&sam.invoke_alone(BRIDGE, "bridge-refused"));
    both_come_back(&sam.invoke_alone(ANALYZER, "incidents-opened"));
    for (event, function, expected) in EVENTS {
        expected(&sam.invoke(function, event).await);
    }
    signals(&sam).await;
    let opened = alerts(&sam).await;
    let repaired = decisions(&sam).await;
    response(&sam, &opened[0]).await;
    batches(&sam, &opened, &repaired).await;
}
