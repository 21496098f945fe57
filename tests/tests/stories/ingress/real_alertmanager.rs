//! Tests with the real Alertmanager (Debian's package): it fires, repeats and resolves through the
//! deployed API.

use std::time::Duration;

use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tests::alert::{TestAlert, unique};
use tests::alertmanager::{Alertmanager, Receiver};
use tests::in_process::answer;
use tests::own_queue::OwnQueue;
use tests::stack::{Stack, wait_for};

#[tokio::test]
async fn alertmanager_fires_repeats_and_resolves_one_incident() {
    if !Alertmanager::is_installed("real_alertmanager") {
        return;
    }
    let stack = Stack::start();
    let url = stack.url("webhooks/alertmanager");
    let receiver = Receiver {
        url: &url,
        token: &stack.facts.secrets["alertmanager"],
        group_by: &["alertname", "component", "pod"],
    };
    let alertmanager = Alertmanager::alone(receiver).await;
    let component = unique("real");
    let pod = |name: &str, ends_at: Option<Timestamp>| {
        let labels = json!({ "alertname": "HighCPUUsage", "component": component, "cluster": "demo", "pod": name, "severity": "warning" });
        let mut alert = json!({ "labels": labels, "annotations": { "summary": "busy" }, "generatorURL": "http://prometheus.test/graph" });
        if let Some(at) = ends_at {
            alert["endsAt"] = json!(at);
        }
        alert
    };
    alertmanager
        .post(&json!([pod("one", None), pod("two", None)]))
        .await;

    let fingerprint = TestAlert {
        name: "HighCPUUsage",
        namespace: "default".to_owned(),
        ..TestAlert::firing(&component)
    }
    .fingerprint();
    let episode = loop {
        if let Some(episode) = stack
            .store
            .episode(&fingerprint)
            .await
            .expect("the store answers")
            && episode.hit_count >= 6
        {
            break episode;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(
        episode.members.len(),
        2,
        "both pods are members of one episode"
    );
    let id = episode.incident_id.to_string();

    // One pod recovers: the incident goes on.
    let now = Timestamp::now();
    alertmanager.post(&json!([pod("one", Some(now))])).await;
    loop {
        let episode = stack
            .store
            .episode(&fingerprint)
            .await
            .expect("the store answers")
            .expect("it is there");
        if episode.members.len() == 1 {
            assert!(episode.open);
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The other recovers: the incident is over.
    alertmanager
        .post(&json!([pod("two", Some(Timestamp::now()))]))
        .await;
    let incident = stack.status(&id, Status::Resolved).await;
    let log = stack.log_with(&id, Event::IncidentResolved).await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::AlertReceived)
            .count(),
        1
    );

    // Each acknowledged firing alert was counted once: the last episode has the incident's count, no delivery failed,
    // and no other incident of this fingerprint was opened.
    let episode = stack
        .store
        .episode(&fingerprint)
        .await
        .expect("the store answers")
        .expect("it is there");
    assert_eq!(
        (episode.incident_id.to_string(), episode.hit_count),
        (id.clone(), incident.hit_count)
    );
    // Each pod is a group of its own, so that a delivery holds one alert: all of them fire, but for the last of each pod.
    // Alertmanager counts a delivery once it has the answer, which can be a moment after we have counted.
    let mut seen = alertmanager.deliveries().await;
    for _ in 0..50 {
        if seen.0 >= episode.hit_count + 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        seen = alertmanager.deliveries().await;
    }
    assert_eq!(seen, (episode.hit_count + 2, 0), "deliveries and failures");
    stack.card(&id, "Resolved").await;
}

/// Prometheus could not send for a while, or two replicas disagree: Alertmanager says resolved of what
/// fires, and then firing with the `startsAt` of before (Alertmanager's issues 952, 1546 and 1684).
#[tokio::test]
async fn what_fires_again_with_one_start_is_open_again() {
    if !Alertmanager::is_installed("real_alertmanager") {
        return;
    }
    let stack = Stack::start();
    let url = stack.url("webhooks/alertmanager");
    let alertmanager = Alertmanager::alone(Receiver {
        url: &url,
        token: &stack.facts.secrets["alertmanager"],
        group_by: &["component"],
    })
    .await;
    let started = |component: &str, ago: i64| TestAlert {
        starts_at: Timestamp::now() - SignedDuration::from_secs(ago),
        ..TestAlert::firing(unique(component))
    };
    // What Prometheus sends: it lets an alert end by itself some minutes ahead, should it not send again.
    let post = async |alert: &TestAlert, ends_in: i64| {
        let labels = &alert.delivery()["alerts"][0]["labels"];
        let ends_at = Timestamp::now() + SignedDuration::from_secs(ends_in);
        let body = json!([{ "labels": labels, "startsAt": alert.starts_at, "endsAt": ends_at }]);
        alertmanager.post(&body).await;
    };
    let (lost, one) = (started("lost", 180), started("disputed", 180));
    let other = TestAlert {
        starts_at: one.starts_at + SignedDuration::from_secs(15),
        ..one.clone()
    };
    post(&lost, 4).await;
    // Two replicas report one alert. Alertmanager keeps the earlier start.
    post(&one, 600).await;
    post(&other, 600).await;
    let mut incidents = Vec::new();
    for alert in [&lost, &one] {
        let fingerprint = alert.fingerprint();
        let opened = wait_for("an episode", async || {
            let episode = stack.store.episode(&fingerprint).await;
            episode.expect("the store answers")
        });
        incidents.push(opened.await.incident_id.to_string());
    }
    // One of the replicas sees it no more, and the other alert has not been sent for a while.
    post(&one, 0).await;
    for id in &incidents {
        stack.status(id, Status::Resolved).await;
    }
    // Both fire on.
    post(&lost, 600).await;
    post(&other, 600).await;
    for id in &incidents {
        let again = stack.incident(id, Incident::is_open).await;
        assert_eq!(again.flaps, 1);
        let log = stack.log_with(id, Event::IncidentReopened).await;
        let at = |event| {
            let mut entries = log.iter().rev();
            let found = entries.find(|entry| entry.event == event);
            found.expect("it is in the log").at
        };
        let silent = at(Event::IncidentReopened).duration_since(at(Event::IncidentResolved));
        assert!(silent <= SignedDuration::from_mins(1), "{silent:#}");
        let card = stack.card(id, "It came back 1 time").await;
        assert!(
            !card["text"].as_str().expect("a text").contains("Resolved"),
            "{card}"
        );
    }
}

#[tokio::test]
async fn what_is_silent_is_asked_of_alertmanager() {
    let Some(alertmanager) = Alertmanager::without_receiver("real_alertmanager").await else {
        return;
    };
    let stack = Stack::start();
    let (incidents, notifications) = (
        OwnQueue::create(&stack).await,
        OwnQueue::create(&stack).await,
    );
    let file = json!({ "alertmanager": { "url": alertmanager.url(), "private": true } });
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("channels.json"), file.to_string()).expect("written");
    let queues = [
        ("INCIDENTS_QUEUE_URL", incidents.url.as_str()),
        ("NOTIFICATIONS_QUEUE_URL", notifications.url.as_str()),
    ];
    let ingress = stack.ingress(&queues);
    let config = directory.path().to_str().expect("a path");
    let notifier = stack.notifier_with(&[queues[1], ("CONFIG_DIR", config)]);

    let mut alert = TestAlert::firing(unique("asked"));
    let labels = alert.delivery()["alerts"][0]["labels"].clone();
    alertmanager.post(&json!([{ "labels": labels }])).await;
    let known = alertmanager.get("alerts").await;
    let fingerprint = known[0]["fingerprint"].as_str().expect("a fingerprint");
    alert.member = String::leak(fingerprint.to_owned());
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let deliver = async |alert: &TestAlert, now: Timestamp| {
        let (status, answer) = answer(&ingress, stack.delivery(&alert.delivery()), now).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let opened = deliver(&alert, start).await;
    let id =
        IncidentId::try_from(opened["incident_id"].as_str().expect("an incident")).expect("a ULID");
    let look = async |second: i64| {
        let now = move || at(second);
        notifier.episode_due(&id, &now).await.expect("looked");
        stack.read(&id).await
    };

    // Somebody silences it: Alertmanager says nothing of it any more, and has it still.
    alertmanager
        .silence(&labels, Timestamp::now() + SignedDuration::from_hours(1))
        .await;
    assert!(look(18_001).await.is_open(), "it fires silently");
    // A resolve comes although it fires, as after a network that was cut: Alertmanager is asked again.
    let ended = TestAlert {
        ends_at: Some(at(18_100)),
        ..alert.clone()
    };
    assert_eq!(deliver(&ended, at(18_100)).await["outcome"], "resolved");
    assert_eq!(deliver(&alert, at(18_101)).await["outcome"], "late");
    let again = look(18_145).await;
    assert!(again.is_open() && again.flaps == 1);
    // It ends in the silence.
    let past = Timestamp::now() - SignedDuration::from_secs(1);
    alertmanager
        .post(&json!([{ "labels": labels, "endsAt": past }]))
        .await;
    assert_eq!(look(40_000).await.status, Status::Resolved);
    // What Alertmanager does not have is an old delivery.
    assert_eq!(deliver(&ended, at(40_010)).await["outcome"], "ignored");
    assert_eq!(deliver(&alert, at(40_011)).await["outcome"], "late");
    let over = look(40_056).await;
    assert_eq!((over.status, over.flaps), (Status::Resolved, 1));
}
