//! History of what was received: a JSON object on each line, in the order of time. `quell export history` writes it, `quell backtest`
//! reads it.

use domain::incident::Incident;
use domain::incident::operation_log::Entry;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A line of a history.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HistoryLine {
    /// An incident as it is stored, with its operation log; ordered by when they were opened.
    Incident {
        incident: Box<Incident>,
        log: Vec<Entry>,
    },
    /// A request with alerts, as a sender made it.
    Delivery(Received),
}

/// A request with alerts.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Received {
    /// When it was received.
    pub(crate) at: Timestamp,
    /// To which route, such as `/api/v1/webhooks/alertmanager`.
    pub(crate) path: String,
    /// Its body.
    pub(crate) body: Box<RawValue>,
}
