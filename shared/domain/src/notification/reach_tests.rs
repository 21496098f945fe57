use serde_json::{Value, json};

use crate::notification::channels::Channels;

fn warnings(file: Value) -> Vec<String> {
    let channels: Channels = serde_json::from_value(file).expect("channels");
    let warnings = channels.warnings(&["web", "db"]);
    warnings
        .into_iter()
        .map(|(field, text)| format!("{field} {text}"))
        .collect()
}

/// The routes and approval rules that are said to be unreachable.
fn unreachable(part: &str, items: Value) -> Vec<usize> {
    let file = json!({ part: items, "people": { "ada": {} } });
    let of_item = |text: String| {
        let rest = text.strip_prefix(&format!("{part}["))?;
        let (index, says) = rest.split_once("] ")?;
        (says.contains("no incident") || says.contains("never used"))
            .then(|| index.parse().expect("a number"))
    };
    warnings(file).into_iter().filter_map(of_item).collect()
}

#[test]
fn a_route_behind_a_wider_one_is_unreachable() {
    let cases = [
        (json!([{}, { "severities": ["P0"] }]), vec![1]),
        (json!([{ "severities": ["P0"] }, {}]), vec![]),
        (json!([{ "continue": true }, {}]), vec![]),
        (json!([{}, {}]), vec![1]),
        (
            json!([{ "severities": ["P0", "P1", "P2", "P3"] }, {}]),
            vec![1],
        ),
        (
            json!([{ "severities": ["P0", "P1"] }, { "severities": ["P1"] }]),
            vec![1],
        ),
        (
            json!([{ "severities": ["P0"] }, { "severities": ["P0", "P1"] }]),
            vec![],
        ),
        (
            json!([{ "namespaces": ["a*"] }, { "namespaces": ["ab", "a*c"] }]),
            vec![1],
        ),
        (
            json!([{ "namespaces": ["a?c"] }, { "namespaces": ["a*c"] }]),
            vec![],
        ),
        (
            json!([{ "namespaces": ["a*"] }, { "namespaces": ["b"] }]),
            vec![],
        ),
        (json!([{ "namespaces": ["a"] }, {}]), vec![]),
        (
            json!([{ "labels": { "team": "*" } }, { "labels": { "team": "x", "env": "y" } }]),
            vec![1],
        ),
        (
            json!([{ "labels": { "team": "x" } }, { "labels": { "env": "y" } }]),
            vec![],
        ),
        (
            json!([{ "cicd": true }, { "cicd": false }, { "cicd": true }]),
            vec![2],
        ),
        (json!([{ "cicd": true }, {}]), vec![]),
    ];
    for (routes, expected) in cases {
        assert_eq!(unreachable("routes", routes.clone()), expected, "{routes}");
    }
}

#[test]
fn an_approval_rule_behind_a_wider_one_is_unused() {
    let cases = [
        (
            json!([{ "people": ["ada"] }, { "services": ["db"] }]),
            vec![1],
        ),
        (
            json!([{ "services": ["db"] }, { "people": ["ada"] }]),
            vec![],
        ),
        (
            json!([{ "risks": ["low"] }, { "risks": ["low", "high"] }]),
            vec![],
        ),
        (
            json!([{ "services": ["d*"], "risks": ["low"] }, { "services": ["db"], "risks": ["low"] }]),
            vec![1],
        ),
        (
            json!([{ "risks": ["low", "medium", "high", "critical"] }, {}]),
            vec![1],
        ),
    ];
    for (rules, expected) in cases {
        assert_eq!(unreachable("approvals", rules.clone()), expected, "{rules}");
    }
}

#[test]
fn what_nothing_names_is_said() {
    let file = json!({
        "channels": [{ "name": "ops", "to": { "telegram": { "chat_id": 1 } } }, { "name": "spare", "to": { "telegram": { "chat_id": 2 } } }],
        "routes": [{ "channels": ["ops"] }],
        "people": { "ada": {}, "bob": {} },
        "approvals": [{ "services": ["cache-*"], "people": ["ada"] }],
    });
    assert_eq!(
        warnings(file),
        [
            "channels[1] gets no message: no route names spare",
            "approvals[0].services fits no service of service-registry.yaml",
            "people.bob may decide nothing: no approval rule has this name, nor a team of one",
        ]
    );
}

#[test]
fn a_token_that_repair_may_not_read_is_named() {
    let of = |secret: Value| {
        let server = json!({ "url": "https://am.example.com", "token_secret": secret });
        warnings(json!({ "alertmanager": server })).len()
    };
    assert_eq!(of(json!("quell/channels/am-token")), 1);
    assert_eq!(of(json!("quell/channels/alertmanager")), 0);
    assert_eq!(of(Value::Null), 0);
}
