//! Tests with the real Alertmanager (Debian's package): it fires, repeats and resolves through the
//! deployed API.

use std::time::Duration;

use domain::incident::Status;
use domain::incident::operation_log::Event;
use serde_json::json;
use tests::alert::{TestAlert, unique};
use tests::alertmanager::{Alertmanager, Receiver};
use tests::stack::Stack;

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
    let pod = |name: &str, ends_at: Option<jiff::Timestamp>| {
        let labels = json!({ "alertname": "HighCPUUsage", "component": component, "pod": name, "severity": "warning" });
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
    let now = jiff::Timestamp::now();
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
        .post(&json!([pod("two", Some(jiff::Timestamp::now()))]))
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
