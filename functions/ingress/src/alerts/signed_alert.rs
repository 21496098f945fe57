//! The original service's own alert format, for signed senders.

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertSeverity, AlertStatus, AlertType, Texts};
use domain::primitives::id::MemberId;
use jiff::Timestamp;
use serde::Deserialize;

use crate::body;
use crate::rejection::Rejection;

#[derive(Deserialize)]
struct Payload {
    alert_type: AlertType,
    severity: AlertSeverity,
    source: String,
    target_resource: String,
    #[serde(default = "default_namespace")]
    namespace: String,
    message: String,
    #[serde(default, deserialize_with = "body::texts")]
    labels: Texts,
    #[serde(default, deserialize_with = "body::name")]
    alert_id: Option<String>,
    #[serde(default, deserialize_with = "body::measurements")]
    metrics: Texts,
    #[serde(default = "firing")]
    status: AlertStatus,
}

pub(crate) fn default_namespace() -> String {
    "default".to_owned()
}

pub(crate) fn firing() -> AlertStatus {
    AlertStatus::Firing
}

/// Reads one alert. Beyond the original's fields, `status: resolved` says that it has ended.
///
/// # Errors
/// The field that is missing or wrong.
pub fn read(bytes: &[u8], tables: &AlertTables, now: Timestamp) -> Result<Alert, Rejection> {
    let payload: Payload = body::json(bytes)?;
    must_be_there(&[
        ("target_resource", &payload.target_resource),
        ("source", &payload.source),
        ("namespace", &payload.namespace),
    ])?;
    let mut labels = payload.labels;
    if labels.get("alertname").is_none_or(String::is_empty) {
        labels.insert(
            "alertname".to_owned(),
            payload.alert_type.as_str().to_owned(),
        );
    }
    let annotations = Texts::from([("summary".to_owned(), payload.message)]);
    let alert = from_sender(
        tables,
        payload.status,
        &payload.source,
        labels,
        annotations,
        now,
    );
    let alert = Alert {
        alert_type: payload.alert_type,
        severity: payload.severity,
        alert_id: payload.alert_id,
        measurements: payload.metrics,
        ..alert
    };
    Ok(alert.about(&payload.target_resource, &payload.namespace))
}

/// An alert of a sender that does not number its alerts: their fingerprint has one member, sighted now.
pub(crate) fn from_sender(
    tables: &AlertTables,
    status: AlertStatus,
    source: &str,
    labels: Texts,
    annotations: Texts,
    now: Timestamp,
) -> Alert {
    tables.alert(
        status,
        source,
        labels,
        annotations,
        now,
        MemberId::unnumbered(),
    )
}

/// Refuses a field that says nothing.
pub(crate) fn must_be_there(fields: &[(&str, &str)]) -> Result<(), Rejection> {
    match fields.iter().find(|(_, value)| value.trim().is_empty()) {
        Some((field, _)) => Err(Rejection::malformed(field, "must not be empty")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use domain::alert::classification::AlertTables;
    use jiff::Timestamp;

    use super::read;

    #[test]
    fn the_originals_fields_are_read() {
        let body = r#"{"alert_type":"k8s_pod_crash","severity":"critical","source":"k8s","target_resource":"web-7d9c5b8f6d-x2x4z",
            "message":"crash","alert_id":"a-17","metrics":{"restarts":9,"ratio":0.5,"none":null,"last":[1,"x"]},"labels":null}"#;
        let alert = read(
            body.as_bytes(),
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect("accepted");
        assert_eq!(
            (
                alert.normalised_target.as_str(),
                alert.namespace.as_str(),
                alert.message.as_str()
            ),
            ("web", "default", "crash")
        );
        assert_eq!(alert.alert_id.as_deref(), Some("a-17"));
        let measured: Vec<String> = alert
            .measurements
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(measured, ["last=[1,\"x\"]", "ratio=0.5", "restarts=9"]);
        let odd = body.replace(
            "{\"restarts\":9,\"ratio\":0.5,\"none\":null,\"last\":[1,\"x\"]}",
            "7",
        );
        let odd = read(
            odd.as_bytes(),
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        );
        assert!(odd.is_ok_and(|alert| alert.measurements.is_empty()));
        let host = body
            .replace("k8s_pod_crash", "disk_full")
            .replace("web-7d9c5b8f6d-x2x4z", "db-1");
        assert_eq!(
            read(
                host.as_bytes(),
                &AlertTables::default(),
                Timestamp::UNIX_EPOCH
            )
            .expect("accepted")
            .normalised_target,
            "db-1"
        );
    }

    #[test]
    fn a_refusal_names_the_field() {
        let refusal = |body: &str| {
            read(
                body.as_bytes(),
                &AlertTables::default(),
                Timestamp::UNIX_EPOCH,
            )
            .expect_err("refused")
            .to_string()
        };
        insta::assert_snapshot!(
            refusal(r#"{"alert_type":"fire"}"#),
            @"alert_type: unknown variant `fire`, expected one of `k8s_node_failure`, `k8s_pod_crash`, `db_connection_timeout`, `service_404`, `high_cpu`, `high_memory`, `disk_full`, `ssl_expiry`, `custom` at line 1 column 20"
        );
        insta::assert_snapshot!(
            refusal(r#"{"alert_type":"custom","severity":"warning","source":"s","message":"m"}"#),
            @"missing field `target_resource` at line 1 column 71"
        );
        insta::assert_snapshot!(
            refusal(r#"{"alert_type":"custom","severity":"warning","source":"s","message":"m","target_resource":" "}"#),
            @"target_resource: must not be empty"
        );
    }
}
