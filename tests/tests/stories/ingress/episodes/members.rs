//! Stories of an episode's members: how many there may be, which of them is worst, and what the label
//! of one of them forbids.

use std::time::{Duration, Instant};

use aws::requests_sent;
use domain::analysis::Severity;
use domain::incident::Status;
use domain::incident::guardrail::{Guardrail, blocking};
use domain::incident::operation_log::Event;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::isolated_ingress::IsolatedIngress;
use tests::own_queue::OwnQueue;
use tests::stack::Stack;
use wire::message::Message;

#[tokio::test]
async fn a_label_against_repairs_is_recorded_once_joins_stay_cheap() {
    let stack = Stack::start();
    let (incidents, notifications) = (
        OwnQueue::create(&stack).await,
        OwnQueue::create(&stack).await,
    );
    let queues = [
        ("INCIDENTS_QUEUE_URL", incidents.url.as_str()),
        ("NOTIFICATIONS_QUEUE_URL", notifications.url.as_str()),
    ];
    let app = stack.ingress(&queues);
    // The demo's service that is repaired without a human, unless something forbids it.
    let alert = TestAlert::firing(&stack.facts.target.auto_service);
    let send = async |member: &str, auto_repair: Option<&str>| {
        let mut body = alert.delivery();
        body["alerts"][0]["fingerprint"] = json!(member);
        if let Some(value) = auto_repair {
            body["alerts"][0]["labels"]["auto_repair"] = json!(value);
        }
        let before = requests_sent();
        let (status, answer) = answer(&app, stack.delivery(&body), Timestamp::now()).await;
        assert_eq!(status, 200, "{answer}");
        (
            answer["outcome"].as_str().unwrap_or_default().to_owned(),
            requests_sent() - before,
            answer,
        )
    };
    let (_, _, opened) = send("m0", None).await;
    let id =
        IncidentId::try_from(opened["incident_id"].as_str().expect("an incident")).expect("a ULID");
    assert_eq!(send("m1", Some("true")).await.0, "joined");
    assert!(
        stack.read(&id).await.allows_auto_repair(),
        "a label that allows it forbids nothing"
    );
    assert_eq!(send("m2", Some("false")).await.0, "joined");
    let forbidden = stack.read(&id).await;
    assert!(!forbidden.allows_auto_repair() && forbidden.alert.allows_auto_repair());

    // From now on it joins in one request, as every other does; the fourth sighting tells the notifier of the count.
    assert_eq!(send("m2", Some("false")).await.1, 2);
    for (member, label) in [("m2", Some("false")), ("m3", Some("false")), ("m0", None)] {
        let (outcome, requests, _) = send(member, label).await;
        assert_eq!((outcome.as_str(), requests), ("joined", 1), "{member}");
    }
    let blocked = stack
        .store
        .log(&id)
        .await
        .expect("a log")
        .into_iter()
        .filter(|entry| entry.event == Event::GuardrailBlocked)
        .count();
    assert_eq!(blocked, 1, "it is in the log once");

    // The analyzer decides on the incident: nothing runs by itself.
    let analyzer = stack.analyzer(&queues[1..]);
    let message = Message::IncidentOpened {
        incident_id: id.clone(),
    };
    let until = Instant::now() + Duration::from_secs(60);
    analyzer
        .handle(&message, &unique("holder"), Timestamp::now(), until)
        .await
        .expect("analysed");
    let asked = stack.read(&id).await;
    let stops =
        blocking(&asked.guardrails).find(|outcome| outcome.guardrail == Guardrail::AutoRepairLabel);
    assert_eq!(asked.status, Status::AwaitingApproval);
    assert_eq!(
        stops.map(|outcome| outcome.why.to_string()).as_deref(),
        Some("the label of another of its alerts forbids it")
    );
}

#[tokio::test]
async fn an_episode_ends_with_its_last_member_however_many_there_are() {
    let isolated = IsolatedIngress::open().await;
    let start = Timestamp::now();
    // The first delivery reads the secret.
    isolated
        .outcome(&TestAlert::firing(unique("first")), start)
        .await;
    for count in [13, 20, 300] {
        let alert = TestAlert {
            starts_at: start,
            ..TestAlert::firing(unique("members"))
        };
        let group = |range: std::ops::Range<usize>, ended: bool| {
            let mut body = alert.delivery();
            let each = range.map(|i| alert.member_of_many(i, ended.then(Timestamp::now)));
            body["alerts"] = each.collect();
            body
        };
        let deliver = async |second: i64, body: Value| {
            let now = start + SignedDuration::from_secs(second);
            let before = requests_sent();
            let (status, answer) = answer(&isolated.app, isolated.stack.delivery(&body), now).await;
            assert_eq!(status, 200, "{answer}");
            (answer, requests_sent() - before)
        };
        let (opened, requests) = deliver(0, group(0..count, false)).await;
        assert_eq!(opened["outcome"], "opened");
        assert!(requests <= 4, "opening takes {requests} requests");
        // A group of one that is known, within the bounds of an item, is one request still.
        let (joined, requests) = deliver(1, group(3..4, false)).await;
        assert_eq!((joined["outcome"].as_str(), requests), (Some("joined"), 1));
        // Pods that resolve and pods that fire in one delivery, and others in another group that resolves as a whole.
        let (first, rest) = (0..count / 2, count / 2..count);
        let mut mixed = group(first.clone(), true);
        let firing = group(rest.clone(), false);
        let all = mixed["alerts"].as_array_mut().expect("a list");
        all.extend(firing["alerts"].as_array().expect("a list").clone());
        let (said, _) = deliver(60, mixed).await;
        assert_eq!(said["outcome"], "member_left", "{count}");
        let (said, _) = deliver(120, group(rest.start..count - 1, true)).await;
        assert_eq!(said["outcome"], "member_left", "{count}");
        let (said, _) = deliver(180, group(0..1, false)).await;
        assert_eq!(said["outcome"], "joined", "{count}: it crashes again");
        let (said, _) = deliver(240, group(count - 1..count, true)).await;
        assert_eq!(said["outcome"], "member_left", "{count}");
        let (said, _) = deliver(300, group(0..1, true)).await;
        assert_eq!(said["outcome"], "resolved", "{count}");
        assert_eq!(said["incident_id"], opened["incident_id"]);
    }
}

#[tokio::test]
async fn the_card_tells_what_is_worst_and_goes_back_when_that_ends() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("worse"));
    let about = |volume: &str, severity: &str, ended: bool| {
        let ended = ended.then(Timestamp::now);
        let mut body = alert.member_of_many(volume.len(), ended);
        body["labels"]["severity"] = json!(severity);
        body["annotations"]["summary"] = json!(format!("{volume} is full"));
        body
    };
    let send = async |alerts: &[Value]| {
        let mut body = alert.delivery();
        body["alerts"] = json!(alerts);
        let answer: Value = stack.deliver(&body).await.json().await.expect("JSON");
        answer
    };
    let opened = send(&[about("/boot", "warning", false)]).await;
    let id = opened["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned();
    stack.card(&id, "/boot is full").await;
    let severity = async |wanted: Severity| {
        stack
            .incident(&id, |incident| incident.severity == wanted)
            .await
    };
    let before = severity_of(&stack, &id).await;

    send(&[about("/srv/data", "critical", false)]).await;
    severity(Severity::P1).await;
    stack.card(&id, "/srv/data is full").await;
    let eased = send(&[
        about("/boot", "warning", false),
        about("/srv/data", "critical", true),
    ])
    .await;
    assert_eq!(eased["outcome"], "joined");
    severity(before).await;
    stack.card(&id, "/boot is full").await;
    stack.log_with(&id, Event::SeverityEased).await;
}

async fn severity_of(stack: &Stack, id: &str) -> Severity {
    let analysed = stack
        .incident(id, |incident| incident.analysis.is_some())
        .await;
    analysed.severity
}
