use serde_json::{Value, json};

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
fn service_on_which_every_plan_is_risky_is_named() {
    let web = |criticality: &str| {
        let mut service = service("auto");
        service.criticality = serde_json::from_value(json!(criticality)).expect("a criticality");
        service_warnings(&[playbook(&json!({}))], &[service]).len()
    };
    assert_eq!(["low", "normal", "high", "critical"].map(web), [0, 0, 1, 1]);
    // Others depend on it, and nothing could take over.
    let needs_it = |group: Option<&str>| {
        let mut services = ["web", "shop", "web-2"].map(|name| Service {
            name: name.into(),
            ..service("auto")
        });
        services[1].depends_on = vec!["web".into()];
        for place in [0, 2] {
            services[place].redundancy_group = group.map(str::to_owned);
        }
        let found = service_warnings(&[playbook(&json!({}))], &services);
        let places: Vec<usize> = found.into_iter().map(|(index, _, _)| index).collect();
        places
    };
    assert_eq!(needs_it(None), [0]);
    assert_eq!(needs_it(Some("web")), [0; 0]);
}

#[test]
fn limits_that_stop_everything_are_named() {
    let warnings = |min: f64, auto_from: f64, auto: Value, steps: Value| {
        let limits: Limits = serde_json::from_value(
            json!({ "min_confidence": min, "attempts_per_hour": 1, "max_in_group": 1,
            "autonomy": { "auto_from": auto_from } }),
        )
        .expect("limits");
        let facts = json!([{ "id": "down", "run": ["true"] }]);
        let playbook = playbook(&json!({ "auto": auto, "facts": facts, "steps": steps }));
        let found = limit_warnings(&limits, &[playbook]);
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
    assert_eq!(warnings(0.99, 0.8, declared.clone(), blind.clone()), none);
    assert_eq!(
        warnings(1.0, 0.8, declared.clone(), blind.clone()),
        ["min_confidence"]
    );
    // Where no cause is claimed, the facts on the host decide.
    assert_eq!(warnings(1.0, 0.8, declared.clone(), asks), none);
    assert_eq!(warnings(0.6, 1.0, declared, blind.clone()), none);
    assert_eq!(warnings(0.6, 1.0, earned, blind), ["autonomy.auto_from"]);
}
