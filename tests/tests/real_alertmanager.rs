//! The real Alertmanager (Debian's package) fires, repeats and resolves through the deployed API.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use shared::domain::incident::Status;
use shared::domain::operation_log::Event;
use tempfile::TempDir;
use tests::alert::unique;
use tests::stack::Stack;

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";

/// A running Alertmanager that delivers to a stack.
struct Alertmanager {
    process: Child,
    url: String,
    _directory: TempDir,
}

impl Alertmanager {
    async fn start(stack: &Stack) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let config = json!({
            "route": { "receiver": "quell", "group_by": ["alertname", "component", "pod"], "group_wait": "1s", "group_interval": "2s", "repeat_interval": "2s" },
            "receivers": [{ "name": "quell", "webhook_configs": [{
                "url": stack.url("webhooks/alertmanager"), "send_resolved": true,
                "http_config": { "authorization": { "type": "Bearer", "credentials": stack.facts.secrets["alertmanager"] } },
            }] }],
        });
        let file = directory.path().join("alertmanager.yml");
        // JSON is YAML.
        std::fs::write(&file, config.to_string()).expect("the configuration");
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port();
        let process = Command::new(PROGRAM)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", directory.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--cluster.listen-address=", "--log.level=warn"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let started = Self { process, url: format!("http://127.0.0.1:{port}"), _directory: directory };
        for _ in 0..200 {
            if stack.http.get(format!("{}/-/ready", started.url)).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return started;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("Alertmanager does not become ready");
    }

    async fn post(&self, stack: &Stack, alerts: &Value) {
        let answer = stack.http.post(format!("{}/api/v2/alerts", self.url)).json(alerts).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// How many deliveries it has made, successful or not.
    async fn deliveries(&self, stack: &Stack) -> (u64, u64) {
        let text = stack.http.get(format!("{}/metrics", self.url)).send().await.expect("metrics").text().await.expect("text");
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name) && line.contains(r#"integration="webhook""#));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).map_or(0, |value| value as u64)
        };
        (value("alertmanager_notifications_total"), value("alertmanager_notifications_failed_total"))
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn alertmanager_fires_repeats_and_resolves_one_incident() {
    if !std::path::Path::new(PROGRAM).exists() {
        let note = "no Alertmanager: install prometheus-alertmanager to run the test with the real one";
        assert!(std::env::var_os("CI").is_none(), "{note}");
        writeln!(std::io::stderr(), "skipped: {note}").expect("standard error");
        return;
    }
    let stack = Stack::start();
    let alertmanager = Alertmanager::start(&stack).await;
    let component = unique("real");
    let pod = |name: &str, ends_at: Option<jiff::Timestamp>| {
        let labels = json!({ "alertname": "HighCPUUsage", "component": component, "pod": name, "severity": "warning" });
        let mut alert = json!({ "labels": labels, "annotations": { "summary": "busy" }, "generatorURL": "http://prometheus.test/graph" });
        if let Some(at) = ends_at {
            alert["endsAt"] = json!(at);
        }
        alert
    };
    alertmanager.post(&stack, &json!([pod("one", None), pod("two", None)])).await;

    let fingerprint = fingerprint_of(&component);
    let episode = loop {
        if let Some(episode) = stack.store.episode(&fingerprint).await.expect("the store answers")
            && episode.hit_count >= 6
        {
            break episode;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(episode.members.len(), 2, "both pods are members of one episode");
    let id = episode.incident_id.to_string();

    // One pod recovers: the incident goes on.
    let now = jiff::Timestamp::now();
    alertmanager.post(&stack, &json!([pod("one", Some(now))])).await;
    loop {
        let episode = stack.store.episode(&fingerprint).await.expect("the store answers").expect("it is there");
        if episode.members.len() == 1 {
            assert!(episode.open);
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The other recovers: the incident is over.
    alertmanager.post(&stack, &json!([pod("two", Some(jiff::Timestamp::now()))])).await;
    let incident = stack.status(&id, Status::Resolved).await;
    let log = stack.log_with(&id, Event::IncidentResolved).await;
    assert_eq!(log.iter().filter(|entry| entry.event == Event::AlertReceived).count(), 1);

    // Each acknowledged firing alert was counted once: the last episode has the incident's count, no delivery failed,
    // and no other incident of this fingerprint was opened.
    let episode = stack.store.episode(&fingerprint).await.expect("the store answers").expect("it is there");
    assert_eq!((episode.incident_id.to_string(), episode.hit_count), (id.clone(), incident.hit_count));
    // Each pod is a group of its own, so that a delivery holds one alert: all of them fire, but for the last of each pod.
    // Alertmanager counts a delivery once it has the answer, which can be a moment after we have counted.
    let mut seen = alertmanager.deliveries(&stack).await;
    for _ in 0..50 {
        if seen.0 >= episode.hit_count + 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        seen = alertmanager.deliveries(&stack).await;
    }
    assert_eq!(seen, (episode.hit_count + 2, 0), "deliveries and failures");
    stack.card(&id, "Resolved").await;
}

fn fingerprint_of(component: &str) -> shared::domain::id::Fingerprint {
    use shared::domain::alert::{Alert, AlertStatus, Texts};
    let labels = Texts::from([("alertname".into(), "HighCPUUsage".into()), ("component".into(), component.into())]);
    let member = shared::domain::id::MemberId::try_from("any").expect("a member id");
    let alert = Alert::from_labels(AlertStatus::Firing, "alertmanager", labels, Texts::new(), jiff::Timestamp::now(), member);
    shared::domain::fingerprint::fingerprint(&alert, &[])
}
