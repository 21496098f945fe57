//! A history for tests: what senders deliver over two days, with everything in it that a configuration decides about.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::history::HistoryLine;

/// Monday, 2 November 2026, 08:00 UTC.
const BEGIN: i64 = 1_793_606_400;

/// Deliveries by the second in which they are received.
#[derive(Debug, Default)]
struct Scenes(BTreeMap<i64, Vec<Value>>);

impl Scenes {
    fn send(&mut self, at: i64, alerts: &[Value], group: &str) {
        let status = if alerts.iter().any(|alert| alert["status"] == "firing") {
            "firing"
        } else {
            "resolved"
        };
        let body = json!({
            "version": "4", "status": status, "groupKey": group, "alerts": alerts,
            "externalURL": "http://alertmanager:9093", "groupLabels": {},
        });
        self.0.entry(at).or_default().push(body);
    }

    /// An alert that fires, is repeated, and ends.
    fn story(&mut self, at: i64, labels: &Value, ends_after: Option<i64>) {
        let alert = |status: &str| alert(labels, status, at);
        self.send(at, &[alert("firing")], "g");
        self.send(at + 120, &[alert("firing")], "g");
        if let Some(after) = ends_after {
            self.send(at + after, &[alert("resolved")], "g");
        }
    }

    fn lines(self) -> Vec<HistoryLine> {
        let lines = self.0.into_iter().flat_map(|(at, bodies)| {
            bodies.into_iter().map(move |body| {
                let at = time(at);
                let line = json!({ "delivery": { "at": at, "path": "/api/v1/webhooks/alertmanager", "body": body } });
                serde_json::from_str(&line.to_string()).expect("a line")
            })
        });
        lines.collect()
    }
}

fn time(at: i64) -> Timestamp {
    Timestamp::from_second(BEGIN).expect("a time") + SignedDuration::from_secs(at)
}

fn alert(labels: &Value, status: &str, starts_at: i64) -> Value {
    json!({
        "status": status, "labels": labels, "annotations": { "summary": "something is wrong" }, "startsAt": time(starts_at),
    })
}

/// The labels of every alert that the evaluation knows.
fn known() -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../eval/alerts");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("alerts")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file).expect("an alert");
            let case: Value = serde_json::from_str(&text).expect("JSON");
            case["alert"]["labels"].clone()
        })
        .collect()
}

/// The history of two days.
pub(crate) fn two_days() -> Vec<HistoryLine> {
    all().lines()
}

/// The same, and two teams that have a part in one thing.
pub(crate) fn with_two_teams() -> Vec<HistoryLine> {
    let mut scenes = all();
    for (team, later) in [("blue", 0), ("red", 30)] {
        let labels = json!({ "alertname": "LedgerLag", "component": "ledger", "team": team, "severity": "warning" });
        scenes.story(200_000 + later, &labels, Some(100));
    }
    scenes.lines()
}

fn all() -> Scenes {
    let mut scenes = Scenes::default();
    for (labels, at) in known().iter().zip((0..).step_by(600)) {
        scenes.story(at, labels, Some(360));
    }
    let sentry = json!({ "alertname": "SentryDown", "component": "sentry", "namespace": "tools", "cluster": "prod", "severity": "warning" });
    let collector = json!({
        "alertname": "OtelCollectorDown", "instance": "telemetry-1.ops.example:8888", "cluster": "prod", "severity": "warning",
    });
    let mut at = 90_000;
    // Within its cooldown, beyond it, and several within an hour.
    for wait in [0, 1_000, 2_400, 2_400, 1_200] {
        at += wait;
        scenes.story(at, &sentry, Some(200));
    }
    // Two of one redundancy group at once.
    scenes.story(at + 7_200, &sentry, Some(300));
    scenes.story(at + 7_210, &collector, Some(300));
    // On a Saturday night, far from all others.
    scenes.story(500_000, &sentry, Some(300));
    // A minute with more than a person can look at, and one rule with many things at once.
    at = 110_000;
    for host in 0..25 {
        let labels = json!({ "alertname": "HighCPUUsage", "instance": format!("host-{host}:9100"), "severity": "warning" });
        scenes.story(at + host, &labels, Some(900));
    }
    let many: Vec<Value> = (0..20)
        .map(|disk| {
            let labels = json!({ "alertname": "DiskSpaceLow", "instance": format!("disk-{disk}:9100"), "severity": "warning" });
            alert(&labels, "firing", at + 5_000)
        })
        .collect();
    scenes.send(at + 5_000, &many, "many");
    // It gets worse, and better; it flaps, inside the window and outside; it is never heard of again.
    let payments = |severity: &str| json!({ "alertname": "PaymentErrors", "service": "payments-api", "namespace": "payments", "severity": severity });
    at = 120_000;
    scenes.story(at, &payments("warning"), Some(1_800));
    scenes.story(at + 600, &payments("critical"), Some(600));
    let flapping = json!({ "alertname": "QueueLag", "service": "billing-queue", "team": "blue", "severity": "warning" });
    for wait in [0, 260, 400, 900] {
        at += wait;
        scenes.story(at + 10_000, &flapping, Some(200));
    }
    let other_team = json!({ "alertname": "QueueLag", "service": "billing-queue", "team": "red", "severity": "warning" });
    scenes.story(at + 10_030, &other_team, Some(100));
    scenes.story(
        at + 20_000,
        &json!({ "alertname": "Forgotten", "service": "nobody", "severity": "info" }),
        None,
    );
    // Some minutes later it is heard of once more.
    scenes.story(
        at + 20_700,
        &json!({ "alertname": "Forgotten", "service": "nobody", "severity": "info" }),
        None,
    );
    // A pipeline, a heartbeat, and what only Alertmanager needs.
    at = 150_000;
    for (name, severity) in [("BuildStarted", "info"), ("BuildFailed", "critical")] {
        let labels = json!({ "alertname": name, "stage": "build", "workflow": "ci", "commit": "abc", "severity": severity });
        scenes.story(at, &labels, None);
        at += 60;
    }
    for name in ["Watchdog", "InfoInhibitor"] {
        scenes.story(
            at + 300,
            &json!({ "alertname": name, "severity": "none" }),
            None,
        );
    }
    // A service that asks people first.
    let checkout = json!({ "alertname": "TargetDown", "component": "checkout-web", "namespace": "shop", "severity": "critical" });
    scenes.story(at + 1_000, &checkout, Some(2_000));
    scenes
}
