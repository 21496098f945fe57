use serde_json::{Value, json};

use crate::analysis::static_rule::StaticRules;
use crate::playbook::Playbook;
use crate::playbook::service::Service;
use crate::policy::automation::{limit_warnings, playbook_warnings, service_warnings};
use crate::policy::limits::Limits;

fn playbook(changes: &Value) -> Playbook {
    let mut playbook = json!({
        "id": "p", "name": "P", "match": { "alertnames": ["Down"] }, "risk": "low", "auto": { "max_severity": "P2" },
        "steps": [{ "run": ["true"] }], "verify": [{ "run": ["true"] }],
    });
    for (name, value) in changes.as_object().expect("fields") {
        playbook[name] = value.clone();
    }
    serde_json::from_value(playbook).expect("a playbook")
}

fn service(level: &str) -> Service {
    serde_json::from_value(json!({ "name": "web", "level": level, "unit": "web.service", "match": { "cluster": "prod" },
        "target": { "ssm": { "instance_id": "i-0abcdef1234567890" } } }))
    .expect("a service")
}

#[test]
fn an_auto_that_can_never_run_is_named() {
    let only = |service: &str, parameters: Value| json!({ "match": { "alertnames": ["Down"], "services": [service] }, "parameters": parameters });
    let of = |from: &str| json!({ "parameters": { "x": { "from": from, "pattern": "a" } } });
    let none = json!({ "x": { "from": "service.facts.none", "pattern": "a" } });
    let cases = [
        (json!({}), "auto", None),
        (
            json!({ "risk": "medium" }),
            "auto",
            Some(("auto", "medium is more than low")),
        ),
        (
            json!({ "data_impact": "WRITE" }),
            "auto",
            Some(("auto", "it changes data")),
        ),
        (
            json!({ "verify": [] }),
            "auto",
            Some(("auto", "every run counts as failed")),
        ),
        (
            json!({ "auto": null, "risk": "high", "verify": [] }),
            "approval",
            None,
        ),
        (
            only("web", json!({})),
            "approval",
            Some(("auto", "has level: approval")),
        ),
        (
            only("web", json!({})),
            "manual",
            Some(("match.services", "has no service")),
        ),
        (
            only("db", json!({})),
            "auto",
            Some(("match.services", "is unknown")),
        ),
        (
            only("web", none),
            "auto",
            Some(("match.services", "lacks a value")),
        ),
        // A library has playbooks for services that are still to come.
        (json!({}), "approval", None),
        (json!({}), "manual", None),
        (of("service.facts.none"), "auto", None),
        (of("service.unit"), "auto", None),
        (of("alert.labels.path"), "auto", None),
    ];
    for (changes, level, expected) in cases {
        let found = playbook_warnings(&[playbook(&changes)], &[service(level)]);
        match expected {
            None => assert_eq!(found, [], "{changes} {level}"),
            Some((field, says)) => assert!(
                matches!(found.as_slice(), [(0, at, text)] if at == field && text.contains(says)),
                "{changes} {level}: {found:?}"
            ),
        }
    }
}

#[test]
fn a_service_on_which_nothing_runs_by_itself_is_named() {
    let cases = [
        (json!({}), "auto", 0),
        (json!({ "auto": null }), "auto", 1),
        (json!({ "risk": "high" }), "auto", 1),
        (json!({ "auto": null }), "approval", 0),
    ];
    for (changes, level, expected) in cases {
        let found = service_warnings(&[playbook(&changes)], &[service(level)]);
        assert_eq!(found.len(), expected, "{changes} {level}");
    }
}

#[test]
fn limits_that_stop_everything_are_named() {
    let warnings = |min: f64, auto_from: f64, auto: Value, steps: Value| {
        let limits: Limits = serde_json::from_value(
            json!({ "min_confidence": min, "attempts_per_hour": 1, "max_in_group": 1,
            "autonomy": { "auto_from": auto_from } }),
        )
        .expect("limits");
        let rule = |confidence: f64, no_cause: bool| {
            json!({ "for": "custom", "title": "t", "root_cause": "c", "action": "a", "risk": "low", "confidence": confidence,
                "claims_no_cause": no_cause, "data_impact": "NONE", "downtime": "0s", "responsibility": "APP" })
        };
        let rules = json!([rule(0.6, false), rule(0.3, true)]);
        let rules: StaticRules = serde_json::from_value(rules).expect("rules");
        let facts = json!([{ "id": "down", "run": ["true"] }]);
        let playbook = playbook(&json!({ "auto": auto, "facts": facts, "steps": steps }));
        let found = limit_warnings(&limits, &[playbook], &rules);
        found
            .into_iter()
            .map(|(field, _)| field)
            .collect::<Vec<_>>()
    };
    let (declared, earned) = (
        json!({ "max_severity": "P2" }),
        json!({ "max_severity": "P2", "earned": true }),
    );
    let blind = json!([{ "run": ["true"] }]);
    let asks = json!([{ "run": ["true"], "when": { "fact": "down", "exits": 0 } }]);
    let none = [""; 0];
    assert_eq!(warnings(0.6, 0.8, declared.clone(), blind.clone()), none);
    assert_eq!(
        warnings(0.7, 0.8, declared.clone(), blind.clone()),
        ["min_confidence"]
    );
    // A rule that claims no cause leaves the playbook to the facts on the host.
    assert_eq!(warnings(0.7, 0.8, declared.clone(), asks), none);
    assert_eq!(warnings(0.6, 1.0, declared, blind.clone()), none);
    assert_eq!(warnings(0.6, 1.0, earned, blind), ["autonomy.auto_from"]);
}
