//! Test helpers for evidence: a server on loopback, and an alert to ask it about.

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertStatus, AlertType, Texts};
use domain::playbook::service::{Criticality, Level, Lock, Service};
use domain::playbook::target::{SshTarget, Target};
use domain::primitives::duration::Length;
use domain::primitives::id::MemberId;
use jiff::Timestamp;
use loopback::{Server, answer};
use reqwest::Client;
use reqwest::redirect::Policy;

/// A server that answers with a status, a type and a body.
pub(crate) fn answering(status: u16, content_type: &str, body: &str) -> Server {
    Server::playing(vec![answer(
        status,
        &[("content-type", content_type)],
        body,
    )])
}

/// A client as the analyzer has one.
pub(crate) fn client() -> Client {
    // A second call finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .build()
        .expect("a client")
}

/// The shortest time that the settings allow.
pub(crate) fn second() -> Length {
    Length::try_from("1s".to_owned()).expect("a length of time")
}

/// An alert about high load, with these labels.
pub(crate) fn alert(labels: &[(&str, &str)]) -> Alert {
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
pub(crate) fn service(name: &str, facts: &[(&str, &str)]) -> Service {
    Service {
        name: name.into(),
        aliases: Vec::new(),
        level: Level::Manual,
        unit: None,
        facts: facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        criticality: Criticality::default(),
        depends_on: Vec::new(),
        owner: None,
        redundancy_group: None,
        scope: None,
        lock: Lock::default(),
        target: Target::Ssh(SshTarget {
            host: "h".to_owned(),
            port: 22,
            user: "u".to_owned(),
            host_key: String::new(),
            bastion: None,
        }),
    }
}
