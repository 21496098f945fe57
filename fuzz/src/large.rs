//! Bodies at and over the limits, which are too large to be committed as seeds.

use ingress::body::MOST_BYTES;
use serde_json::{Value, json};

/// Bodies at and over the limits: deep, wide, long, many.
pub(crate) fn deliveries() -> Vec<Vec<u8>> {
    let texts = |count: usize, text: &str| {
        (0..count)
            .map(|i| (format!("l{i:06}"), json!(text)))
            .collect::<serde_json::Map<_, _>>()
    };
    let alert = |alert: Value| json!({ "status": "firing", "alerts": [alert] }).to_string();
    let with_labels = |labels: Value| alert(json!({ "status": "firing", "labels": labels }));
    let with_annotations =
        |text: &str| alert(json!({ "status": "firing", "annotations": texts(100, text) }));
    let many: Vec<Value> =
        (0..2_000).map(|i| json!({ "status": "firing", "labels": { "alertname": "A", "component": format!("c{i}") } })).collect();
    let padded = |bytes: usize| {
        let body = r#"{"status":"firing","alerts":[]}"#;
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let nested = |open: &str, close: &str| {
        format!(
            r#"{{"status":"firing","alerts":[],"future":{}1{}}}"#,
            open.repeat(100_000),
            close.repeat(100_000)
        )
    };
    let bodies = [
        with_labels(json!(texts(100_000, "v"))),
        with_labels(json!({ "alertname": "n".repeat(1_000_000) })),
        with_labels(json!({ "n".repeat(1_000_000): 7 })),
        alert(json!({ "status": "s".repeat(1_000_000) })),
        alert(json!({ "status": "\u{0}".repeat(100_000) })),
        with_annotations(&"a".repeat(5_000)),
        with_annotations(&"ж".repeat(5_000)),
        with_annotations(&"\u{0}".repeat(5_000)),
        json!({ "status": "firing", "alerts": many }).to_string(),
        padded(MOST_BYTES),
        padded(MOST_BYTES + 1),
        nested("[", "]"),
        nested(r#"{"a":"#, "}"),
        "[".repeat(100_000),
        r#"{"alerts":"#.repeat(100_000),
    ];
    bodies.into_iter().map(String::into_bytes).collect()
}

/// The same for signed alerts, whose texts do not come out of labels.
pub(crate) fn signed_alerts() -> Vec<Vec<u8>> {
    let alert = json!({ "alert_type": "custom", "severity": "info", "source": "s", "target_resource": "t", "message": "m" });
    with_large_texts(
        &alert,
        &[
            "source",
            "target_resource",
            "namespace",
            "message",
            "alert_type",
            "severity",
        ],
    )
}

/// The same for signals: most of them do not fit into a message.
pub(crate) fn signals() -> Vec<Vec<u8>> {
    with_large_texts(
        &json!({ "source": "s", "alert_name": "A", "target": "t" }),
        &[
            "source",
            "alert_name",
            "target",
            "namespace",
            "message",
            "severity",
        ],
    )
}

fn with_large_texts(alert: &Value, fields: &[&str]) -> Vec<Vec<u8>> {
    let body = |field: &str, value: Value| {
        let mut alert = alert.clone();
        alert[field] = value;
        alert.to_string().into_bytes()
    };
    let mut bodies: Vec<_> = fields
        .iter()
        .map(|field| body(field, json!("x".repeat(1_000_000))))
        .collect();
    bodies.push(body(
        "labels",
        json!({ "alertname": "n".repeat(1_000_000) }),
    ));
    bodies.push(body(
        "labels",
        (0..100_000)
            .map(|i| (format!("l{i}"), json!("v")))
            .collect(),
    ));
    bodies
}
