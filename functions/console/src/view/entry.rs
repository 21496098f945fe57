//! View of entries of an operation log.

use domain::incident::operation_log::Entry;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::say::Moment;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct EntryView {
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    pub(crate) event: &'static str,
    pub(crate) actor: String,
    pub(crate) detail: String,
    pub(crate) success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    pub(crate) context: Value,
    /// The hash of the entry, which the next one carries.
    pub(crate) hash: String,
    /// True if something was taken out of it since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) erased: bool,
    /// True if it is a turn of the incident's story, as its timeline has it.
    #[serde(skip)]
    pub(crate) is_turn: bool,
}

impl EntryView {
    pub(crate) fn of(entry: Entry) -> Self {
        Self {
            sequence: entry.sequence,
            at: entry.at,
            event: entry.event.as_str(),
            actor: entry.actor,
            detail: entry.detail,
            success: entry.success,
            error: entry.error,
            context: entry.context,
            hash: entry.hash,
            erased: entry.erased,
            is_turn: entry.event.is_turn(),
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment(self.at)
    }

    /// What a command printed, of an entry that has it: standard output and standard error.
    pub(crate) fn output(&self) -> Option<String> {
        let text = |name: &str| {
            self.context
                .pointer(&format!("/result/{name}"))
                .or_else(|| self.context.get(name))
        };
        let texts = ["stdout", "stderr"].into_iter().filter_map(text);
        let texts: Vec<&str> = texts
            .filter_map(Value::as_str)
            .filter(|text| !text.trim().is_empty())
            .collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }
}
