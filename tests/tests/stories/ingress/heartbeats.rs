//! Tests of heartbeats: alerts that always fire open no incident, and their absence opens one
//! (`nothing-forever`, `true-and-heard`).

use domain::alert::heartbeat::Heartbeat;
use domain::incident::Status;
use domain::primitives::id::{HeartbeatId, IncidentId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::stack::{Stack, wait_for};

/// A delivery of Alertmanager with one alert of a sender.
fn delivery(name: &str, cluster: &str, status: &str) -> Value {
    json!({
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "receiver": "quell", "status": status,
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager.test",
        "alerts": [{
            "status": status, "startsAt": Timestamp::now(), "endsAt": Timestamp::now(), "generatorURL": "",
            "labels": { "alertname": name, "severity": "none", "cluster": cluster, "prometheus": "monitoring/k8s" },
            "annotations": { "summary": "It always fires." },
        }],
    })
}

async fn outcome(stack: &Stack, body: &Value) -> Value {
    let answer: Value = stack.deliver(body).await.json().await.expect("JSON");
    answer["results"][0].clone()
}

/// The open incident that says that the sender of a cluster is silent.
async fn silence_of(stack: &Stack, cluster: &str) -> Option<IncidentId> {
    for id in stack.store.open_incidents().await.expect("a list") {
        let incident = stack.read(&id).await;
        let of = incident.alert.subject.cluster.as_deref();
        if incident.alert.name == "MonitoringSilent" && of == Some(cluster) {
            return Some(id);
        }
    }
    None
}

fn id(cluster: &str) -> HeartbeatId {
    let heartbeat = Heartbeat {
        name: "Watchdog".to_owned(),
        source: "alertmanager".to_owned(),
        cluster: Some(cluster.to_owned()),
        prometheus: Some("monitoring/k8s".to_owned()),
        last_heard: Timestamp::now(),
        longest_interval: 0,
        intervals: 0,
        reported_at: None,
        watched_at: None,
    };
    heartbeat.id()
}

#[tokio::test]
async fn a_heartbeat_that_stays_away_opens_one_incident_until_it_is_back() {
    let stack = Stack::start();
    let cluster = unique("heart");
    let watchdog = delivery("Watchdog", &cluster, "firing");
    let kept = outcome(&stack, &watchdog).await;
    assert_eq!(
        (&kept["outcome"], &kept["incident_id"], &kept["success"]),
        (&json!("heartbeat"), &Value::Null, &json!(true))
    );
    assert_eq!(silence_of(&stack, &cluster).await, None);

    // Nothing is known of its interval: after the time in which an episode becomes stale it is overdue.
    let notifier = stack.notifier();
    let soon = || Timestamp::now() + SignedDuration::from_mins(10);
    let late = || Timestamp::now() + SignedDuration::from_hours(6);
    let id = id(&cluster);
    notifier.heartbeat_due(&id, &soon).await.expect("looked");
    let known = stack.store.heartbeat(&id).await.expect("an answer");
    assert_eq!(known.expect("kept").heartbeat.reported_at, None);
    for _ in 0..2 {
        notifier.heartbeat_due(&id, &late).await.expect("looked");
    }
    let look = async || silence_of(&stack, &cluster).await;
    let incident = wait_for("the incident", look).await;
    stack.card(incident.as_str(), "MonitoringSilent").await;

    assert_eq!(outcome(&stack, &watchdog).await["outcome"], "heartbeat");
    stack.status(incident.as_str(), Status::Resolved).await;
}

#[tokio::test]
async fn alertmanager_that_ends_the_heartbeat_says_that_monitoring_stopped() {
    let stack = Stack::start();
    let cluster = unique("ended");
    outcome(&stack, &delivery("Watchdog", &cluster, "firing")).await;
    outcome(&stack, &delivery("Watchdog", &cluster, "resolved")).await;
    let look = async || silence_of(&stack, &cluster).await;
    let incident = wait_for("the incident", look).await;
    outcome(&stack, &delivery("Watchdog", &cluster, "firing")).await;
    stack.status(incident.as_str(), Status::Resolved).await;
}

#[tokio::test]
async fn what_only_serves_alertmanager_opens_nothing_and_holds_up_nothing() {
    let stack = Stack::start();
    let mut body = delivery("InfoInhibitor", &unique("noise"), "firing");
    let real = TestAlert::firing(unique("real")).delivery();
    let alerts = body["alerts"].as_array_mut().expect("a list");
    alerts.push(real["alerts"][0].clone());
    let answer: Value = stack.deliver(&body).await.json().await.expect("JSON");
    let outcomes: Vec<&str> = answer["results"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|result| result["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["noise", "opened"]);
}

#[tokio::test]
async fn a_heartbeat_that_cannot_be_kept_keeps_no_alert_from_being_counted() {
    let stack = Stack::start();
    // The heartbeat has to be watched, and the queue of its timers is not there.
    let nowhere = format!("{}/000000000000/no-such-queue", stack.facts.endpoint_url);
    let app = stack.ingress(&[("NOTIFICATIONS_QUEUE_URL", &nowhere)]);
    let cluster = unique("unkept");
    let real = TestAlert::firing(unique("counted"));
    let mut body = delivery("Watchdog", &cluster, "firing");
    let alerts = body["alerts"].as_array_mut().expect("a list");
    alerts.push(real.delivery()["alerts"][0].clone());
    let (status, problem) = answer(&app, stack.delivery(&body), Timestamp::now()).await;
    assert_eq!(status, 503, "the sender has to try again: {problem}");
    let episode = stack.store.episode(&real.fingerprint()).await;
    let episode = episode.expect("an answer").expect("it was counted");
    assert_eq!(episode.hit_count, 1);
    let kept = stack.store.heartbeat(&id(&cluster)).await;
    assert!(kept.expect("an answer").is_none());
}
