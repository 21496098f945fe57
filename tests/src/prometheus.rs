//! The real Prometheus (Debian's package), with an hour of history, rules that fire, and itself to
//! scrape.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::primitives::id::MemberId;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use loopback::{Answer, serve};

const PROGRAM: &str = "/usr/bin/prometheus";
/// How long it may take to start, to scrape and to evaluate its rules.
const PATIENCE: Duration = Duration::from_secs(60);
/// The path below which it serves, as behind a proxy that it shares with others.
const PREFIX: &str = "/metrics-server";

/// A running Prometheus. It is killed at the end.
#[derive(Debug)]
pub struct Prometheus {
    process: Child,
    http: Client,
    pub url: String,
    /// What it has sent to its Alertmanager.
    sent: Arc<Mutex<Vec<Value>>>,
    _directory: TempDir,
}

impl Prometheus {
    /// True if it is installed. Where it is not, the test is skipped by name on standard error; in CI it fails.
    ///
    /// # Panics
    /// If it is not installed and `CI` is set.
    #[must_use]
    pub fn is_installed(test: &str) -> bool {
        if Path::new(PROGRAM).exists() {
            return true;
        }
        let note =
            format!("{test}: no Prometheus: install prometheus to run the test with the real one");
        assert!(std::env::var_os("CI").is_none(), "{note}");
        writeln!(std::io::stderr(), "skipped: {note}").expect("standard error");
        false
    }

    /// Starts one that scrapes itself every second and evaluates these rules as often. It also scrapes `history`, in the OpenMetrics
    /// format: samples with times of their own, of the last hour (what is older than half of its block of two hours it refuses).
    /// Blocks made by `promtool` would take half a gigabyte of disk each while they are written.
    ///
    /// # Panics
    /// If it does not become ready.
    pub async fn start(rules: &Value, history: &str) -> Self {
        // A second call finds the provider installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .timeout(PATIENCE)
            .build()
            .expect("an HTTP client");
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        let (alertmanager, sent) = alertmanager().await;
        let exporter = exporter(history);
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a free port")
            .local_addr()
            .expect("its address")
            .port();
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            // JSON is YAML.
            "rule_files": [file("rules.yml", &json!({ "groups": [{ "name": "story", "rules": rules }] }).to_string())],
            "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": [alertmanager] }] }] },
            "scrape_configs": [{
                "job_name": "prometheus", "metrics_path": format!("{PREFIX}/metrics"),
                "static_configs": [{ "targets": [format!("127.0.0.1:{port}")] }],
            }, {
                "job_name": "history", "honor_labels": true, "static_configs": [{ "targets": [exporter] }],
                "metric_relabel_configs": [{ "action": "labeldrop", "regex": "instance" }],
            }],
        });
        let data = directory.path().join("data").display().to_string();
        let url = format!("http://127.0.0.1:{port}{PREFIX}");
        let process = Command::new(PROGRAM)
            .arg(format!(
                "--config.file={}",
                file("prometheus.yml", &config.to_string())
            ))
            .arg(format!("--storage.tsdb.path={data}"))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--web.external-url={url}"))
            // The first evaluation can come before it knows its Alertmanager.
            .args(["--rules.alert.resend-delay=1s", "--log.level=error"])
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let started = Self {
            process,
            http,
            url,
            sent,
            _directory: directory,
        };
        started.until_known("up").await;
        started
    }

    /// The alert of this name as it is sent to Alertmanager, once it fires.
    ///
    /// # Panics
    /// If it does not fire.
    pub async fn sent(&self, name: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self
                .sent
                .lock()
                .expect("nobody panicked")
                .iter()
                .find(|alert| alert["labels"]["alertname"] == name)
                .cloned();
            if let Some(alert) = found {
                return alert;
            }
            assert!(Instant::now() < deadline, "Prometheus does not send {name}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a query has a result.
    async fn until_known(&self, query: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self
                .http
                .get(format!("{}/api/v1/query?query={query}", self.url))
                .send()
                .await;
            let answer: Value = match answer {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            if !answer["data"]["result"][0].is_null() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "Prometheus does not get there: {answer}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// An alert as it would come from Alertmanager, made of what Prometheus sends there.
///
/// # Panics
/// If it is no alert.
#[must_use]
pub fn delivered(sent: &Value) -> Alert {
    let texts = |field: &str| serde_json::from_value::<Texts>(sent[field].clone()).expect("texts");
    let member = MemberId::try_from("m").expect("a member id");
    let alert = AlertTables::default().alert(
        AlertStatus::Firing,
        "alertmanager",
        texts("labels"),
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        member,
    );
    Alert {
        generator_url: sent["generatorURL"].as_str().map(str::to_owned),
        ..alert
    }
}

/// A stand-in for Alertmanager, which keeps the alerts that it is sent: only there does Prometheus write an alert's `generatorURL`.
async fn alertmanager() -> (String, Arc<Mutex<Vec<Value>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&sent);
    let address = serve(move |request| {
        let alerts: Vec<Value> = serde_json::from_slice(&request.body).expect("alerts");
        kept.lock().expect("nobody panicked").extend(alerts);
        async {
            Answer {
                status: 200,
                headers: Vec::new(),
                body: Vec::new(),
            }
        }
    });
    (address, sent)
}

/// An exporter that answers with these metrics.
fn exporter(metrics: &str) -> String {
    let metrics = metrics.to_owned();
    serve(move |_| {
        let answer = Answer {
            status: 200,
            headers: vec![(
                "content-type".to_owned(),
                "application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned(),
            )],
            body: metrics.clone().into_bytes(),
        };
        async { answer }
    })
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
