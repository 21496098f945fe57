//! Test helpers for evidence: a loopback server that gives every request the same bytes, also such
//! as no HTTP library would send, and an alert to ask it about.

use std::io;
use std::sync::{Arc, Mutex};

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertStatus, AlertType, Texts};
use domain::playbook::service::{Level, Service, SshTarget, Target};
use domain::primitives::duration::Length;
use domain::primitives::id::MemberId;
use jiff::Timestamp;
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a connection after the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Then {
    Close,
    /// Nothing more is said.
    Silence,
}

/// The server, and what it was asked.
#[derive(Debug)]
pub(super) struct StandIn {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request: its lines before the body, in lower case but for the first, and its body.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) head: String,
    pub(super) body: String,
}

impl StandIn {
    /// One that answers with a status, a type and a body.
    pub(super) async fn answering(status: u16, content_type: &str, body: &str) -> Self {
        let head = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n",
            body.len()
        );
        Self::playing(
            format!("{head}connection: close\r\n\r\n{body}"),
            Then::Close,
        )
        .await
    }

    /// One that answers with these bytes. It ends with the test's runtime.
    pub(super) async fn playing(bytes: String, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (seen, bytes) = (Arc::clone(&seen), bytes.clone());
                // Who hears enough goes away, and breaks the connection.
                tokio::spawn(async move { converse(connection, &seen, &bytes, then).await });
            }
        });
        Self { url, asked }
    }

    /// What it was asked until now.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

/// A client as the analyzer has one.
pub(super) fn client() -> Client {
    // A second call finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .build()
        .expect("a client")
}

/// The shortest time that the settings allow.
pub(super) fn second() -> Length {
    Length::try_from("1s".to_owned()).expect("a length of time")
}

/// An alert about high load, with these labels.
pub(super) fn alert(labels: &[(&str, &str)]) -> Alert {
    let labels: Texts = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let member = MemberId::try_from("m").expect("a member id");
    let alert = AlertTables::default().alert(
        AlertStatus::Firing,
        "test",
        labels,
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        member,
    );
    Alert {
        alert_type: AlertType::HighCpu,
        ..alert
    }
}

/// A service of the registry.
pub(super) fn service(name: &str, facts: &[(&str, &str)]) -> Service {
    Service {
        name: name.into(),
        aliases: Vec::new(),
        level: Level::Manual,
        unit: None,
        facts: facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        redundancy_group: None,
        target: Target::Ssh(SshTarget {
            host: "h".to_owned(),
            port: 22,
            user: "u".to_owned(),
            host_key: String::new(),
            bastion: None,
        }),
    }
}

async fn converse(
    connection: TcpStream,
    seen: &Mutex<Vec<Asked>>,
    bytes: &str,
    then: Then,
) -> io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && connection.read_line(&mut head).await? > 0 {}
    let lower = head.to_ascii_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    let first = head.lines().next().unwrap_or_default();
    let head = format!("{first}{}", &lower[first.len()..]);
    seen.lock().expect("nobody panicked").push(Asked {
        head,
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    connection.write_all(bytes.as_bytes()).await?;
    if then == Then::Silence {
        std::future::pending::<()>().await;
    }
    Ok(())
}
