//! Signals of the original service: checked, queued and answered. They are counted behind the
//! queue, by the same rules as every other alert.

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertSeverity, AlertStatus, Texts};
use jiff::Timestamp;
use serde::Deserialize;
use wire::message::{Queued as _, Signal};

use crate::alerts::signed_alert::{default_namespace, firing, from_sender, must_be_there};
use crate::body;
use crate::rejection::Rejection;

/// The name under which the answer tells where a signal went.
pub const STREAM: &str = "signals";
/// The largest message: SQS takes 256 KiB by default.
const MOST_BYTES: usize = 256 * 1024;

#[derive(Deserialize)]
struct Payload {
    source: String,
    alert_name: String,
    #[serde(default = "warning")]
    severity: AlertSeverity,
    #[serde(default = "default_namespace")]
    namespace: String,
    target: String,
    #[serde(default)]
    message: String,
    #[serde(default, deserialize_with = "body::texts")]
    labels: Texts,
    #[serde(default, deserialize_with = "body::texts")]
    annotations: Texts,
    #[serde(default = "firing")]
    status: AlertStatus,
}

fn warning() -> AlertSeverity {
    AlertSeverity::Warning
}

/// Reads one signal. Beyond the original's fields, `status: resolved` says that it has ended.
///
/// # Errors
/// The field that is missing or wrong; or that the signal does not fit into a message.
pub fn read(bytes: &[u8], tables: &AlertTables, now: Timestamp) -> Result<Signal, Rejection> {
    let payload: Payload = body::json(bytes)?;
    must_be_there(&[
        ("source", &payload.source),
        ("alert_name", &payload.alert_name),
        ("target", &payload.target),
        ("namespace", &payload.namespace),
    ])?;
    let mut labels = payload.labels;
    labels.insert("alertname".to_owned(), payload.alert_name);
    let mut annotations = payload.annotations;
    if !payload.message.is_empty() {
        annotations.insert("summary".to_owned(), payload.message);
    }
    let alert = from_sender(
        tables,
        payload.status,
        &payload.source,
        labels,
        annotations,
        now,
    );
    let alert = Alert {
        severity: payload.severity,
        ..alert
    }
    .about(&payload.target, &payload.namespace);
    // Not bounded yet: the identity is taken from the whole alert, where it is counted.
    let signal = Signal::from(alert);
    let bytes = signal.to_json().len();
    if bytes > MOST_BYTES {
        return Err(Rejection::TooLarge {
            what: "the signal, as a message,",
            bytes,
            most: MOST_BYTES,
        });
    }
    Ok(signal)
}

#[cfg(test)]
mod tests {
    use domain::alert::classification::AlertTables;
    use domain::alert::{AlertSeverity, AlertType};
    use jiff::Timestamp;

    use super::read;

    fn refusal(body: &str) -> String {
        read(
            body.as_bytes(),
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect_err("refused")
        .to_string()
    }

    #[test]
    fn the_originals_fields_are_read() {
        let body = r#"{"source":"k8s-events","alert_name":"KubePodNotReady","target":"web-7d9c5b8f6d-x2x4z","message":"not ready",
            "labels":{"app":"web","alertname":"Other"},"annotations":null}"#;
        let alert = read(
            body.as_bytes(),
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect("accepted")
        .alert;
        assert_eq!(
            (alert.alert_type, alert.severity, alert.namespace.as_str()),
            (AlertType::K8sPodCrash, AlertSeverity::Warning, "default")
        );
        assert_eq!(
            (alert.normalised_target.as_str(), alert.message.as_str()),
            ("web", "not ready")
        );
        assert_eq!(
            alert.labels["alertname"], "KubePodNotReady",
            "the field counts, not the label"
        );
    }

    #[test]
    fn a_refusal_names_the_field() {
        insta::assert_snapshot!(refusal(r#"{"source":"s","alert_name":"A"}"#), @"missing field `target` at line 1 column 31");
        insta::assert_snapshot!(refusal(r#"{"source":"s","alert_name":"","target":"t"}"#), @"alert_name: must not be empty");
        insta::assert_snapshot!(
            refusal(r#"{"source":"s","alert_name":"A","target":"t","severity":"bad"}"#),
            @"severity: unknown variant `bad`, expected one of `info`, `warning`, `critical` at line 1 column 60"
        );
    }

    #[test]
    fn a_signal_has_to_fit_into_a_message() {
        let texts: serde_json::Map<String, serde_json::Value> = (0..64)
            .map(|i| (format!("a{i}"), "\u{1}".repeat(4_000).into()))
            .collect();
        let body = serde_json::json!({ "source": "s", "alert_name": "A", "target": "t", "annotations": texts }).to_string();
        assert!(
            refusal(&body).starts_with("the signal, as a message, has"),
            "control characters are six bytes each in JSON"
        );
    }
}
