//! Erasures as an auditor reads them: of which entry, by whom and why, and what is gone.

use std::fmt;

use domain::incident::entry_hash::ERASED;
use domain::incident::erasure::note_of;
use domain::incident::operation_log::Entry;
use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use jiff::Timestamp;
use serde_json::Value;

/// How much of a digest is shown: enough that no other can be made with it.
const DIGITS: usize = 32;
/// How much of a text is shown.
const SHOWN: usize = 300;

/// An entry out of which something was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    pub incident: IncidentId,
    pub sequence: u64,
    /// The digest of what is left of it, where that is known.
    pub left: Option<String>,
    /// The fields whose texts are gone.
    pub fields: Vec<String>,
    /// What the log says of it.
    pub note: Option<Note>,
}

/// The entry that says that others were erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub sequence: u64,
    pub at: Timestamp,
    /// Who did it, as they say themselves.
    pub by: String,
    pub why: String,
}

impl Erased {
    /// An erased entry that stands in its log.
    pub fn of<'a>(
        incident: &IncidentId,
        entry: &Entry,
        log: impl IntoIterator<Item = &'a Entry>,
    ) -> Self {
        let mut fields = Vec::new();
        let mut look = |name: &str, text: &str| {
            if text == ERASED {
                fields.push(name.to_owned());
            }
        };
        look("actor", &entry.actor);
        look("detail", &entry.detail);
        look("error", entry.error.as_deref().unwrap_or_default());
        each_text(&entry.context, "context", &mut look);
        let note = note_of(log, incident, entry);
        Self {
            incident: incident.clone(),
            sequence: entry.sequence,
            left: Some(entry.left(incident)),
            fields,
            note: note.map(|note| Note {
                sequence: note.sequence,
                at: note.at,
                by: note.actor.clone(),
                why: note.detail.clone(),
            }),
        }
    }

    /// What it is known by: the place, and what is left there.
    pub fn key(&self) -> String {
        let left = self.left.as_deref().unwrap_or("unknown");
        let left = left.get(..DIGITS).unwrap_or(left);
        format!("erased: {} entry {} ({left})", self.incident, self.sequence)
    }

    /// The key of a line that was printed of an erasure; nothing if it is another line.
    pub fn key_in(line: &str) -> Option<String> {
        let line = line.trim();
        let end = line.find(')').filter(|_| line.starts_with("erased: "))?;
        line.get(..=end).map(str::to_owned)
    }
}

/// One line for people.
impl fmt::Display for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = match self.fields.is_empty() {
            true => "in part".to_owned(),
            false => line(&self.fields.join(", "), SHOWN),
        };
        write!(f, "{}: {fields}; ", self.key())?;
        match &self.note {
            Some(Note {
                sequence,
                at,
                by,
                why,
            }) => {
                let (by, why) = (line(by, SHOWN), line(why, SHOWN));
                write!(f, "entry {sequence} of {at} says by {by}: {why}")
            }
            None => f.write_str("no entry says by whom"),
        }
    }
}

fn each_text(value: &Value, name: &str, look: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => look(name, text),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                each_text(item, &format!("{name}.{place}"), look);
            }
        }
        Value::Object(fields) => {
            for (field, value) in fields {
                each_text(value, &format!("{name}.{field}"), look);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use domain::incident::erasure::{Erasure, erasure_record};
    use domain::incident::operation_log::{Event, Head, LogRecord};
    use domain::primitives::id::IncidentId;
    use jiff::Timestamp;
    use serde_json::json;

    use super::Erased;

    #[test]
    fn an_erasure_is_one_line_with_place_author_and_reason() {
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
        let mut head = Head::start(&id);
        let record = LogRecord::new(Event::StepFinished, "repair", "step 1")
            .with(json!({ "tries": [{ "stdout": "hello" }] }));
        let step = head.append(&id, Timestamp::UNIX_EPOCH, record);
        let erased = Erasure::Output.entry(&step).expect("it printed something");
        let record = erasure_record(&id, std::slice::from_ref(&erased), "an admin", "too\nlong");
        let note = head.append(&id, Timestamp::UNIX_EPOCH, record);
        let found = Erased::of(&id, &erased.after, [&note]);
        let left = &erased.after.left(&id)[..32];
        let key = format!("erased: {id} entry 1 ({left})");
        let text = format!(
            "{key}: context.tries.0.stdout; entry 2 of 1970-01-01T00:00:00Z says by an admin: too long"
        );
        assert_eq!(found.to_string(), text);
        assert_eq!(Erased::key_in(&format!("{text}\n")), Some(key));
        for other in ["", "NOT intact: (erased: )", "erased: nothing"] {
            assert_eq!(Erased::key_in(other), None, "{other}");
        }
        let unnoted = Erased::of(&id, &erased.after, []).to_string();
        assert!(unnoted.ends_with("; no entry says by whom"), "{unnoted}");
    }
}
