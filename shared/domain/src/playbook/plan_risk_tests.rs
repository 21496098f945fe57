//! Tests of the risk of a plan.

use serde_json::{Value, json};

use crate::analysis::{Peers, Risk};
use crate::playbook::Playbook;
use crate::playbook::service::Service;

fn playbook(risk: &str, impact: &str, idempotent: bool, rollback: bool) -> Playbook {
    let undo = if rollback {
        json!([{ "run": ["undo"] }])
    } else {
        json!([])
    };
    serde_json::from_value(json!({
        "id": "p", "name": "P", "match": { "alertnames": ["A"] }, "risk": risk, "data_impact": impact,
        "steps": [{ "run": ["a"], "idempotent": idempotent }], "rollback": undo,
    }))
    .expect("a playbook")
}

fn service(name: &str, criticality: &str) -> Service {
    let value: Value = json!({
        "name": name, "level": "approval", "criticality": criticality, "target": { "ssm": { "tag": "a=b" } },
    });
    serde_json::from_value(value).expect("a service")
}

fn peers(healthy: u32) -> Peers {
    Peers {
        group: "edge".into(),
        members: 2,
        healthy,
    }
}

#[test]
fn files_alone_raise_the_playbooks_word() {
    let cases = [
        (
            ("low", "NONE", false, false),
            "normal",
            Risk::Low,
            vec!["its playbook says low"],
        ),
        (
            ("low", "READ_ONLY", true, false),
            "low",
            Risk::Low,
            vec!["its playbook says low"],
        ),
        (
            ("low", "WRITE", true, false),
            "normal",
            Risk::Medium,
            vec!["its playbook says low", "it changes data: at least medium"],
        ),
        (
            ("low", "WRITE", false, false),
            "normal",
            Risk::High,
            vec![
                "its playbook says low",
                "it changes data: at least medium",
                "there is no way back: at least high",
            ],
        ),
        (
            ("medium", "WRITE", false, true),
            "normal",
            Risk::Medium,
            vec!["its playbook says medium"],
        ),
        (
            ("low", "DESTRUCTIVE", false, true),
            "normal",
            Risk::Critical,
            vec![
                "its playbook says low",
                "it can lose data: at least critical",
            ],
        ),
        (
            ("low", "NONE", true, false),
            "high",
            Risk::Medium,
            vec![
                "its playbook says low",
                "the criticality of web is high: at least medium",
            ],
        ),
        (
            ("low", "NONE", true, false),
            "critical",
            Risk::High,
            vec![
                "its playbook says low",
                "the criticality of web is critical: at least high",
            ],
        ),
        (
            ("critical", "NONE", true, false),
            "critical",
            Risk::Critical,
            vec!["its playbook says critical"],
        ),
    ];
    for ((risk, impact, idempotent, rollback), criticality, expected, because) in cases {
        let playbook = playbook(risk, impact, idempotent, rollback);
        let found = playbook.risk_on(&service("web", criticality));
        assert_eq!(found.risk, expected, "{found:?}");
        let words: Vec<String> = found.because.iter().map(ToString::to_string).collect();
        assert_eq!(words, because);
    }
}

#[test]
fn missing_redundancy_counts_where_something_depends_on_it() {
    let shop = service("shop", "normal");
    let risk = |criticality: &str, dependents: &[&Service], peers: Option<Peers>| {
        let web = service("web", criticality);
        let found = playbook("low", "NONE", true, false).risk_on(&web);
        let found = found.and_redundancy(&web, dependents, peers.as_ref());
        let why = found.because.last().map(ToString::to_string);
        (found.risk, why.unwrap_or_default())
    };
    assert_eq!(risk("normal", &[], None).0, Risk::Low, "nobody needs it");
    assert_eq!(risk("normal", &[], Some(peers(0))).0, Risk::Low);
    let alone =
        "1 services depend on it (shop), and nothing is known to take over: at least medium";
    assert_eq!(
        risk("normal", &[&shop], None),
        (Risk::Medium, alone.to_owned())
    );
    let down = "1 services depend on it (shop), and nothing takes over: 0 of 2 others in edge answer: at least medium";
    assert_eq!(
        risk("normal", &[&shop], Some(peers(0))),
        (Risk::Medium, down.to_owned())
    );
    assert_eq!(risk("normal", &[&shop], Some(peers(1))).0, Risk::Low);
    assert_eq!(risk("high", &[], None).0, Risk::High);
    assert_eq!(risk("high", &[], Some(peers(1))).0, Risk::Medium);
}
