//! A change of an incident together with its log entries: both are saved in one transaction.

use jiff::Timestamp;

use crate::incident::Incident;
use crate::incident::operation_log::{Entry, LogRecord};

/// The new state and what is new in its log.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentChange {
    /// The incident as it will be.
    pub incident: Incident,
    /// The entries that the save appends.
    pub entries: Vec<Entry>,
}

impl IncidentChange {
    /// A change that changes nothing yet.
    pub fn new(incident: Incident) -> Self {
        Self {
            incident,
            entries: Vec::new(),
        }
    }

    /// Appends one entry to the log.
    pub fn record(&mut self, at: Timestamp, news: LogRecord) {
        let entry = self.incident.log_head.append(&self.incident.id, at, news);
        self.entries.push(entry);
    }

    /// Appends a change of the incident that this one leaves: both are saved as one.
    pub fn append(&mut self, next: Self) {
        self.incident = next.incident;
        self.entries.extend(next.entries);
    }
}

/// What a pure decision on an incident returns.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Decision<T> {
    /// The change to save.
    pub change: IncidentChange,
    /// The answer for whoever asked.
    pub answer: T,
}

impl<T> Decision<T> {
    /// An answer that leaves the incident as it is.
    pub fn unchanged(incident: Incident, answer: T) -> Self {
        Self {
            change: IncidentChange::new(incident),
            answer,
        }
    }
}
