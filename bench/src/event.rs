//! Events of the bench: the committed sample of an Alertmanager delivery, and the same with many
//! alerts.

use std::ops::Range;
use std::path::Path;

use serde_json::{Value, json};

use crate::Failure;

/// A large delivery of Alertmanager, the largest body with one signed alert that is hashed, and nearly the largest that ingress reads.
const FORGED_BYTES: [usize; 3] = [64 << 10, 256 << 10, 5 << 20];

/// The sample as API Gateway hands it to a function.
pub(crate) fn sample(project: &Path) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&std::fs::read(
        project.join("events/alertmanager-single.json"),
    )?)?)
}

/// Requests of strangers.
pub(crate) struct Strange {
    /// The sample with a wrong token.
    pub(crate) token: String,
    /// Large bodies with a wrong signature, which have to be hashed before they are refused.
    pub(crate) signed: String,
    pub(crate) signed_256kb: String,
    pub(crate) signed_5mb: String,
    /// The largest of them where one alert is signed: too large to be hashed at all.
    pub(crate) alert_5mb: String,
}

pub(crate) fn strange(sample: &Value) -> Result<Strange, Failure> {
    let mut strange = sample.clone();
    strange["headers"]["authorization"] = json!("Bearer wrong");
    let mut forged = sample.clone();
    let headers = forged["headers"].as_object_mut();
    let headers = headers.ok_or("the sample has no headers")?;
    headers.remove("authorization");
    headers.insert(
        "x-signature-256".to_owned(),
        json!(format!("sha256={}", "0".repeat(64))),
    );
    let [signed, signed_256kb, signed_5mb] = FORGED_BYTES.map(|bytes| {
        forged["body"] = json!("x".repeat(bytes));
        forged.to_string()
    });
    Ok(Strange {
        token: strange.to_string(),
        alert_5mb: signed_5mb.replace("/webhooks/alertmanager", "/webhooks/alerts"),
        signed,
        signed_256kb: signed_256kb.replace("/webhooks/alertmanager", "/webhooks/alerts"),
        signed_5mb,
    })
}

/// The sample with an alert for each number in place of its one, each of another component and so of another fingerprint.
pub(crate) fn many(sample: &Value, numbers: Range<usize>) -> Result<String, Failure> {
    let mut body: Value =
        serde_json::from_str(sample["body"].as_str().ok_or("the sample has no body")?)?;
    let one = body["alerts"][0].clone();
    let alerts = numbers.map(|i| {
        let mut alert = one.clone();
        alert["labels"]["component"] = json!(format!("checkout{i}web"));
        alert["fingerprint"] = json!(format!("{i:016x}"));
        alert
    });
    body["alerts"] = alerts.collect();
    let mut event = sample.clone();
    event["body"] = json!(body.to_string());
    Ok(event.to_string())
}
