//! Erasure of a person's data, or of what commands printed, from an incident and its operation log.
//!
//! An erased entry keeps its place and its hash: the chain still links, and what the witness anchored
//! still fits. What it says can no longer be proven, which is the point. The log says that it was done.

use serde_json::{Value, json};

use super::Incident;
use super::change::IncidentChange;
use super::operation_log::{Entry, Event, LogRecord};
use crate::primitives::identity::Identity;
use jiff::Timestamp;

/// What stands in the place of what was erased.
const ERASED: &str = "erased";
/// The fields of a step's result that hold what its command printed.
const OUTPUT: [&str; 2] = ["stdout", "stderr"];

/// What is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasure {
    /// A person: their name, and what ways of deciding know them by.
    Person {
        name: String,
        identities: Vec<Identity>,
    },
    /// What commands printed.
    Output,
}

impl Erasure {
    /// The same entry without what is taken out; nothing if it holds none of it.
    pub fn entry(&self, entry: &Entry) -> Option<Entry> {
        let mut erased = entry.clone();
        let mut changed = self.value(&mut erased.context);
        if let Self::Person { .. } = self {
            let texts = [&mut erased.actor, &mut erased.detail];
            for text in texts.into_iter().chain(erased.error.as_mut()) {
                if let Some(without) = self.without(text) {
                    *text = without;
                    changed = true;
                }
            }
        }
        erased.erased = true;
        changed.then_some(erased)
    }

    /// The same incident without what is taken out; nothing if it holds none of it. What its alert says
    /// is the sender's and stays.
    ///
    /// # Errors
    /// If what is left is no incident: a bug.
    pub fn incident(&self, incident: &Incident) -> Result<Option<Incident>, serde_json::Error> {
        let mut document = serde_json::to_value(incident)?;
        let alert = document["alert"].take();
        let changed = self.value(&mut document);
        document["alert"] = alert;
        if !changed {
            return Ok(None);
        }
        let erased: Incident = serde_json::from_value(document)?;
        // The version is no part of the document.
        Ok(Some(Incident {
            version: incident.version,
            ..erased
        }))
    }

    /// Takes it out of a document; true if something was there.
    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |changed, item| self.value(item) | changed),
            Value::Object(fields) => fields.iter_mut().fold(false, |changed, (name, value)| {
                let is_output = *self == Self::Output && OUTPUT.contains(&name.as_str());
                let here = match value.as_str() {
                    Some(printed) if is_output && !printed.is_empty() && printed != ERASED => {
                        *value = json!(ERASED);
                        true
                    }
                    _ => self.value(value),
                };
                here | changed
            }),
            Value::String(text) => match self.without(text) {
                Some(without) => {
                    *text = without;
                    true
                }
                None => false,
            },
            _ => false,
        }
    }

    /// A text without the person, if it names them.
    fn without(&self, text: &str) -> Option<String> {
        let Self::Person { name, identities } = self else {
            return None;
        };
        let identities = identities.iter().map(|known| {
            let nobody = match known {
                // An id of Telegram is a number.
                Identity::Telegram(_) | Identity::Api(_) => Identity::Api(ERASED.to_owned()),
                Identity::Slack(_) => Identity::Slack(ERASED.to_owned()),
                Identity::PagerDuty(_) => Identity::PagerDuty(ERASED.to_owned()),
                Identity::Link(_) => Identity::Link(ERASED.to_owned()),
            };
            (known.to_string(), nobody.to_string())
        });
        let words = identities.chain([(name.clone(), ERASED.to_owned())]);
        let mut without = text.to_owned();
        for (word, nobody) in words {
            without = replaced(&without, &word, &nobody);
        }
        (without != text).then_some(without)
    }
}

/// A text with another word in the place of this one, where it stands by itself.
fn replaced(text: &str, word: &str, other: &str) -> String {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word).filter(|_| !word.is_empty()) {
        let (before, found) = rest.split_at(at);
        let behind = &found[word.len()..];
        let stands_alone = !before.ends_with(part_of_word) && !behind.starts_with(part_of_word);
        result.push_str(before);
        result.push_str(if stands_alone { other } else { word });
        // What was looked at is what the next place stands behind.
        if stands_alone {
            rest = behind;
        } else {
            let next = behind.chars().next().map_or(0, char::len_utf8);
            result.push_str(&behind[..next]);
            rest = &behind[next..];
        }
    }
    result.push_str(rest);
    result
}

/// Notes in the log that entries are erased, by whom and why.
pub fn note_erasure(
    change: &mut IncidentChange,
    sequences: &[u64],
    by: &str,
    why: &str,
    now: Timestamp,
) {
    let context = json!({ "entries": sequences });
    let record = LogRecord::new(Event::ContentErased, by, why);
    change.record(now, record.with(context));
}

/// The entries that this one says were erased.
pub fn erased_by(entry: &Entry) -> Vec<u64> {
    if entry.event != Event::ContentErased {
        return Vec::new();
    }
    let listed = entry.context["entries"].as_array();
    let listed = listed.map(Vec::as_slice).unwrap_or_default();
    listed.iter().filter_map(Value::as_u64).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{Erasure, erased_by, replaced};
    use crate::incident::operation_log::{BrokenChain, Event, Head, LogRecord, verify};
    use crate::primitives::id::{IncidentId, InvalidId};
    use crate::primitives::identity::Identity;

    fn ada() -> Erasure {
        Erasure::Person {
            name: "ada".to_owned(),
            identities: vec![Identity::Telegram(7), Identity::Slack("U7".to_owned())],
        }
    }

    #[test]
    fn a_name_is_taken_out_where_it_stands_by_itself() {
        for (text, without) in [
            ("Approved by ada.", "Approved by X."),
            ("ada", "X"),
            ("api:ada, link:ada", "api:X, link:X"),
            (
                "adapter of canada, ada-1 and my_ada",
                "adapter of canada, ada-1 and my_ada",
            ),
            ("adaada ada", "adaada X"),
            ("", ""),
        ] {
            assert_eq!(replaced(text, "ada", "X"), without);
        }
    }

    #[test]
    fn an_erased_entry_keeps_its_hash_and_the_chain_holds() -> Result<(), InvalidId> {
        let incident = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?;
        let mut head = Head::start(&incident);
        let now = Timestamp::UNIX_EPOCH;
        let records = [
            LogRecord::new(Event::AlertReceived, "ingress", "an alert"),
            LogRecord::new(Event::ApprovalDecided, "telegram:7", "ada approved")
                .with(json!({ "votes": [{ "by": "telegram:7", "person": "ada" }] })),
            LogRecord::new(Event::StepFinished, "repair", "step 1")
                .with(json!({ "result": { "stdout": "hello", "stderr": "" } })),
        ];
        let entries: Vec<_> = records
            .into_iter()
            .map(|record| head.append(&incident, now, record))
            .collect();
        assert_eq!(ada().entry(&entries[0]), None);
        assert_eq!(Erasure::Output.entry(&entries[1]), None);
        let person = ada().entry(&entries[1]).expect("it names her");
        assert_eq!(
            (
                person.actor.as_str(),
                person.detail.as_str(),
                &person.context
            ),
            (
                "api:erased",
                "erased approved",
                &json!({ "votes": [{ "by": "api:erased", "person": "erased" }] })
            )
        );
        let output = Erasure::Output
            .entry(&entries[2])
            .expect("it printed something");
        assert_eq!(output.context["result"]["stdout"], "erased");
        let erased = [entries[0].clone(), person.clone(), output];
        assert_eq!(verify(&incident, &erased, &head), Ok(()));
        // Done again it changes nothing, and its place, its time and its hash cannot be changed with it.
        assert_eq!(ada().entry(&person), None);
        let mut moved = erased.clone();
        moved[1].previous = "0".repeat(64);
        assert_eq!(
            verify(&incident, &moved, &head),
            Err(BrokenChain::Unlinked(2))
        );
        let note = LogRecord::new(Event::ContentErased, "an admin", "asked to")
            .with(json!({ "entries": [2, 3] }));
        assert_eq!(erased_by(&head.append(&incident, now, note)), [2, 3]);
        assert!(erased_by(&erased[1]).is_empty());
        Ok(())
    }
}
