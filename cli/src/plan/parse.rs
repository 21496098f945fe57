//! Parses the input of `quell plan` in any of its shapes: a body, an event of API Gateway, or a
//! message of a queue.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::alert::classification::AlertTables;
use ingress::alerts::parse;
use intake::Delivery;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use wire::message::{Queued as _, Signal};

use crate::exit::Failure;

/// As much of an event of API Gateway as says where what was sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    raw_path: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// As much of an event of SQS as says what was queued.
#[derive(Deserialize)]
struct Queue {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    body: String,
}

/// The alerts in what was sent.
pub(super) fn delivery(
    bytes: &[u8],
    tables: &AlertTables,
    now: Timestamp,
) -> Result<Delivery, Failure> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Failure::wrong(format!("the alert is not JSON: {error}")))?;
    let has = |name: &str| value.get(name).is_some();
    if has("rawPath") {
        return of_request(value, tables, now);
    }
    if has("Records") {
        return of_queue(value);
    }
    let path = match () {
        () if has("alerts") && has("orgId") => "webhooks/grafana",
        () if has("alerts") => "webhooks/alertmanager",
        () if has("alert_type") => "webhooks/alerts",
        () if has("alert_name") => "webhooks/signals",
        () => {
            let known = "a webhook body has `alerts`, a signed alert `alert_type`, a signal `alert_name`, an event `rawPath` or `Records`";
            return Err(Failure::wrong(format!(
                "no known shape of an alert: {known}"
            )));
        }
    };
    read(&format!("/api/v1/{path}"), bytes, tables, now)
}

fn of_request(value: Value, tables: &AlertTables, now: Timestamp) -> Result<Delivery, Failure> {
    let request: Request = serde_json::from_value(value)
        .map_err(|error| Failure::wrong(format!("the event cannot be read: {error}")))?;
    let body = request.body.unwrap_or_default();
    let bytes = if request.is_base64_encoded {
        STANDARD.decode(&body).map_err(|_| {
            Failure::wrong("the event's body is not base64, although isBase64Encoded says so")
        })?
    } else {
        body.into_bytes()
    };
    read(&request.raw_path, &bytes, tables, now)
}

fn read(
    path: &str,
    bytes: &[u8],
    tables: &AlertTables,
    now: Timestamp,
) -> Result<Delivery, Failure> {
    let read = parse::read(path, bytes, tables, now);
    let read = read.map_err(|rejection| {
        Failure::wrong(format!("ingress refuses this at {path}: {rejection}"))
    })?;
    read.ok_or_else(|| Failure::wrong(format!("{path} takes no alerts: nothing to plan")))
}

fn of_queue(value: Value) -> Result<Delivery, Failure> {
    let queue: Queue = serde_json::from_value(value)
        .map_err(|error| Failure::wrong(format!("the event cannot be read: {error}")))?;
    let alert = |record: &Record| Signal::from_json(&record.body).map(|signal| signal.alert);
    let alerts = queue
        .records
        .iter()
        .map(alert)
        .collect::<Result<Vec<_>, _>>();
    let alerts = alerts.map_err(|error| {
        Failure::wrong(format!("a message of this event carries no alert ({error}): most messages only name an incident"))
    })?;
    Ok(Delivery {
        alerts,
        left_out: 0,
        group_key: None,
    })
}
