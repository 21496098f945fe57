//! Events of the board's function: a batch of the table's stream, or the schedule's check.

use std::collections::BTreeSet;

use domain::primitives::id::IncidentId;
use serde::Deserialize;
use serde_json::Value;
use tracing::error;

/// An event. The schedule's has no records.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    // Read one by one, whatever they hold: one that cannot be read keeps no other from being taken.
    records: Option<Vec<Value>>,
}

impl Input {
    /// True for the schedule's check.
    pub fn is_check(&self) -> bool {
        self.records.is_none()
    }

    /// The incidents that a batch says have changed. It says no more: they are read from the table, so that a record that comes late
    /// or twice changes nothing.
    pub(crate) fn changed(&self) -> BTreeSet<IncidentId> {
        let records = self.records.iter().flatten();
        records.filter_map(incident_of).collect()
    }
}

/// The incident of a record
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html>).
fn incident_of(record: &Value) -> Option<IncidentId> {
    let key = |name: &str| record["dynamodb"]["Keys"][name]["S"].as_str();
    if key("sk") != Some("INCIDENT") {
        return None;
    }
    let id = key("pk").and_then(|pk| pk.strip_prefix("INC#"));
    let id = id.and_then(|id| IncidentId::try_from(id).ok());
    if id.is_none() {
        error!(
            error = "its key names no incident",
            "a change is left out of the board"
        );
    }
    id
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Input;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    fn record(pk: &str, sk: &str) -> Value {
        json!({
            "eventName": "MODIFY",
            "dynamodb": { "Keys": { "pk": { "S": pk }, "sk": { "S": sk } }, "NewImage": { "doc": { "S": "{" } } },
        })
    }

    fn changed(records: Value) -> Vec<String> {
        let input: Input = serde_json::from_value(json!({ "Records": records })).expect("a batch");
        assert!(!input.is_check());
        input.changed().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_batch_names_each_changed_incident_once() {
        let own = format!("INC#{ID}");
        let twice = json!([record(&own, "INCIDENT"), record(&own, "INCIDENT")]);
        assert_eq!(changed(twice), [ID]);
        let others = json!([
            record(&own, "LOG#0000000001"),
            record("BOARD", "BOARD"),
            record("INC#x", "INCIDENT"),
            { "dynamodb": 7 },
            "none",
            record(&own, "INCIDENT"),
        ]);
        assert_eq!(changed(others), [ID]);
        assert!(changed(json!([])).is_empty());
    }

    #[test]
    fn an_event_without_records_is_a_check() {
        let input: Input = serde_json::from_value(json!({ "check": "board" })).expect("an event");
        assert!(input.is_check());
        assert!(input.changed().is_empty());
    }
}
