//! Canned servers for the analyzer: an incident, and the answers of a Prometheus and a SigNoz in
//! the shapes of their documentation.

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{AlertStatus, Texts};
use domain::episode::Firing;
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::primitives::id::{IncidentId, MemberId};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Failure;

/// The incident that is analysed.
pub(crate) const INCIDENT: &str = "01KB0000000000000000000000";

/// The answer to a request for evidence; none if it is one for AWS.
pub(crate) fn answer(line: &str) -> Option<Value> {
    let path = line.split(' ').nth(1)?.split('?').next()?;
    match path {
        "/api/v1/query_range" => {
            let points: Vec<Value> = (0..60)
                .map(|i| json!([1_793_523_600 + i * 60, format!("{}", 3 + i % 7)]))
                .collect();
            let series = json!({ "metric": { "instance": "checkout-web:8080" }, "values": points });
            Some(
                json!({ "status": "success", "data": { "resultType": "matrix", "result": [series] } }),
            )
        }
        "/api/v5/query_range" => {
            let points: Vec<Value> = (0..30_i64)
                .map(|i| json!({ "timestamp": 1_793_525_400_000 + i * 60_000, "value": 40 + i }))
                .collect();
            let result = |name: &str| json!({ "queryName": name, "aggregations": [{ "series": [{ "values": points }] }] });
            let results = ["requests", "errors", "p99"].map(result);
            Some(
                json!({ "status": "success", "data": { "type": "time_series", "data": { "results": results } } }),
            )
        }
        _ => None,
    }
}

/// The incident as ingress opened it.
pub(crate) fn opened(generator_url: &str) -> Result<Incident, Failure> {
    let labels = [
        ("alertname", "TargetDown"),
        ("component", "checkout-web"),
        ("namespace", "shop"),
        ("severity", "warning"),
    ];
    let annotations = [("summary", "checkout-web does not answer its health check")];
    let texts = |pairs: &[(&str, &str)]| -> Texts {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let at = Timestamp::from_millisecond(1_793_527_200_000)?;
    let member = MemberId::try_from("8c3f1a6e9b2d4507")?;
    let mut alert = AlertTables::default().alert(
        AlertStatus::Firing,
        "alertmanager",
        texts(&labels),
        texts(&annotations),
        at,
        member,
    );
    alert.generator_url = Some(generator_url.to_owned());
    let firing = Firing::from_alert(&alert);
    Ok(IncidentChange::open(
        IncidentId::try_from(INCIDENT)?,
        fingerprint(&alert, &[]),
        alert,
        &firing,
        at,
    )
    .incident)
}

pub(crate) fn item(incident: &Incident) -> Result<Value, Failure> {
    let doc = serde_json::to_string(incident)?;
    Ok(json!({
        "pk": { "S": format!("INC#{INCIDENT}") }, "sk": { "S": "INCIDENT" }, "doc": { "S": doc }, "version": { "N": "1" }, "status": { "S": "open" },
    }))
}
