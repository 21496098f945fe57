//! An export of the table's operation logs: a JSON object on each line.

use domain::incident::operation_log::{Entry, Head};
use domain::primitives::id::IncidentId;
use serde::{Deserialize, Serialize};

/// A line of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportLine {
    /// An entry of an incident's log.
    Entry {
        incident_id: IncidentId,
        entry: Entry,
    },
    /// The end of an incident's log, as the incident has it.
    Head { incident_id: IncidentId, head: Head },
    /// An item that is none of ours, or was spoiled.
    Unreadable { why: String },
}
