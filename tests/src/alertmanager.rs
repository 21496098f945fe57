//! The real Alertmanager (Debian's package), alone or as a peer of a pair.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";
/// How long one may take to start and to find its peers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where an Alertmanager delivers to, and how it groups.
#[derive(Debug, Clone, Copy)]
pub struct Receiver<'a> {
    pub url: &'a str,
    /// The bearer token of the webhook.
    pub token: &'a str,
    /// The labels whose values make a group, which is what one delivery holds.
    pub group_by: &'a [&'a str],
}

/// A running Alertmanager. It is killed at the end.
#[derive(Debug)]
pub struct Alertmanager {
    process: Child,
    http: Client,
    url: String,
    /// Where its peers find it.
    cluster_port: Option<u16>,
    _directory: TempDir,
}

impl Alertmanager {
    /// True if it is installed. Where it is not, the test is skipped by name on standard error; in CI it fails.
    ///
    /// # Panics
    /// If it is not installed and `CI` is set.
    #[must_use]
    pub fn is_installed(test: &str) -> bool {
        if Path::new(PROGRAM).exists() {
            return true;
        }
        let note = format!(
            "{test}: no Alertmanager: install prometheus-alertmanager to run the test with the real one"
        );
        assert!(std::env::var_os("CI").is_none(), "{note}");
        writeln!(std::io::stderr(), "skipped: {note}").expect("standard error");
        false
    }

    /// One alone that notifies nobody. Where the program is not installed it is none, and the story is skipped by name.
    ///
    /// # Panics
    /// If it does not start, or is not installed and `CI` is set.
    pub async fn without_receiver(story: &str) -> Option<Self> {
        if !Self::is_installed(story) {
            return None;
        }
        let nobody = Receiver {
            url: "http://127.0.0.1:9/",
            token: "nobody",
            group_by: &["alertname"],
        };
        Some(Self::alone(nobody).await)
    }

    /// Starts one that has no peers.
    ///
    /// # Panics
    /// If it does not become ready.
    pub async fn alone(receiver: Receiver<'_>) -> Self {
        Self::start(receiver, None, &[]).await
    }

    /// Starts two that know each other: each has a receiver, and tells the other over loopback what it has delivered.
    ///
    /// # Panics
    /// If they do not become ready, or do not find each other.
    pub async fn pair(receivers: [Receiver<'_>; 2]) -> [Self; 2] {
        let one = Self::start(receivers[0], Some(free_port()), &[]).await;
        let known = one.cluster_port.expect("it is a peer");
        let two = Self::start(receivers[1], Some(free_port()), &[known]).await;
        for peer in [&one, &two] {
            peer.until(|status| {
                let cluster = &status["cluster"];
                cluster["status"] == "ready"
                    && cluster["peers"]
                        .as_array()
                        .is_some_and(|peers| peers.len() == 2)
            })
            .await;
        }
        [one, two]
    }

    async fn start(receiver: Receiver<'_>, cluster_port: Option<u16>, peers: &[u16]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().expect("a directory");
        let config = json!({
            "route": {
                "receiver": "quell", "group_by": receiver.group_by,
                "group_wait": "1s", "group_interval": "2s", "repeat_interval": "2s",
            },
            "receivers": [{ "name": "quell", "webhook_configs": [{
                "url": receiver.url, "send_resolved": true,
                "http_config": { "authorization": { "type": "Bearer", "credentials": receiver.token } },
            }] }],
        });
        let file = directory.path().join("alertmanager.yml");
        // JSON is YAML.
        std::fs::write(&file, config.to_string()).expect("the configuration");
        let port = free_port();
        let mut command = Command::new(PROGRAM);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", directory.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn");
        match cluster_port {
            None => command.arg("--cluster.listen-address="),
            // The second of a pair waits a little before it delivers, so that it can hear that the first one has.
            Some(port) => command
                .arg(format!("--cluster.listen-address=127.0.0.1:{port}"))
                .args([
                    "--cluster.peer-timeout=1s",
                    "--cluster.gossip-interval=50ms",
                    "--cluster.settle-timeout=10s",
                ]),
        };
        command.args(
            peers
                .iter()
                .map(|port| format!("--cluster.peer=127.0.0.1:{port}")),
        );
        let process = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let http = Client::builder()
            .timeout(PATIENCE)
            .build()
            .expect("an HTTP client");
        let started = Self {
            process,
            http,
            url: format!("http://127.0.0.1:{port}"),
            cluster_port,
            _directory: directory,
        };
        started.until(|_| true).await;
        started
    }

    /// Waits until its status is as wanted.
    async fn until(&self, wanted: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self
                .http
                .get(format!("{}/api/v2/status", self.url))
                .send()
                .await;
            let status: Value = match answer {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            if !status.is_null() && wanted(&status) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "Alertmanager does not become ready: {status}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Gives it alerts, as Prometheus does.
    ///
    /// # Panics
    /// If it does not take them.
    pub async fn post(&self, alerts: &Value) {
        let answer = self
            .http
            .post(format!("{}/api/v2/alerts", self.url))
            .json(alerts)
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Makes it silent about one alert, and gives the silence's id.
    ///
    /// # Panics
    /// If it does not do it.
    pub async fn silence(&self, labels: &Value, until: Timestamp) -> String {
        let matchers = labels.as_object().expect("labels").iter();
        let matchers: Vec<Value> = matchers
            .map(|(name, value)| json!({ "name": name, "value": value, "isRegex": false }))
            .collect();
        let silence = json!({
            "matchers": matchers, "startsAt": Timestamp::now(), "endsAt": until, "createdBy": "a story", "comment": "a story",
        });
        let answer = self
            .http
            .post(format!("{}/api/v2/silences", self.url))
            .json(&silence)
            .send()
            .await
            .expect("an answer");
        let made: Value = answer.json().await.expect("JSON");
        made["silenceID"]
            .as_str()
            .unwrap_or_else(|| panic!("no silence: {made}"))
            .to_owned()
    }

    /// Ends a silence.
    ///
    /// # Panics
    /// If it does not do it.
    pub async fn expire(&self, silence: &str) {
        let answer = self
            .http
            .delete(format!("{}/api/v2/silence/{silence}", self.url))
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// What it answers to a question of its API, version 2.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn get(&self, path: &str) -> Value {
        self.http
            .get(format!("{}/api/v2/{path}", self.url))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON")
    }

    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many deliveries it has made, successful or not, and how many of them failed.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn deliveries(&self) -> (u64, u64) {
        let text = self
            .http
            .get(format!("{}/metrics", self.url))
            .send()
            .await
            .expect("metrics")
            .text()
            .await
            .expect("text");
        let value = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with(name) && line.contains(r#"integration="webhook""#));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .map_or(0, |value| value as u64)
        };
        (
            value("alertmanager_notifications_total"),
            value("alertmanager_notifications_failed_total"),
        )
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .expect("a free port")
        .local_addr()
        .expect("its address")
        .port()
}
