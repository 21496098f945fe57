//! Events of the bench: the committed sample of an Alertmanager delivery, and the same with many
//! alerts.

use std::ops::Range;
use std::path::Path;

use serde_json::{Value, json};

use crate::Failure;

/// A large delivery of Alertmanager, and nearly the largest body that ingress reads.
const FORGED_BYTES: [usize; 2] = [64 << 10, 5 << 20];

/// The sample as API Gateway hands it to a function.
pub(crate) fn sample(project: &Path) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&std::fs::read(
        project.join("events/alertmanager-single.json"),
    )?)?)
}

/// Requests of strangers: the sample with a wrong token, and two large bodies with a wrong signature, which have to be hashed before they
/// are refused.
pub(crate) fn refused(sample: &Value) -> Result<[String; 3], Failure> {
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
    let [large, largest] = FORGED_BYTES.map(|bytes| {
        forged["body"] = json!("x".repeat(bytes));
        forged.to_string()
    });
    Ok([strange.to_string(), large, largest])
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
