//! Erasure of a person's data, or of what commands printed, from an incident and its operation log.
//!
//! An erased entry keeps its place and its hash: the chain still links, and what the witness anchored
//! still fits. Of each text that is taken out the digest stays, so that everything else is still proven: an erasure takes words away,
//! and cannot put others in their place. The log says that it was done, and what is left.

use std::vec;

use serde_json::{Map, Value, json};

use super::Incident;
use super::entry_hash::{ERASED, text_digest};
use super::operation_log::{Entry, Event, LogRecord};
use crate::primitives::id::IncidentId;
use crate::primitives::identity::Identity;

/// The fields of a step's result that hold what its command printed.
const OUTPUT: [&str; 2] = ["stdout", "stderr"];
/// The field of an erasure's entry that holds, for each erased entry, the digest of what is left of it.
const LEFT: &str = "left";

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

/// An entry before and after an erasure.
#[derive(Debug, Clone, PartialEq)]
pub struct ErasedEntry {
    pub before: Entry,
    pub after: Entry,
}

impl Erasure {
    /// The entry without the texts that hold what is taken out; nothing if none does. Each is taken out as a whole, because its digest is
    /// of the whole.
    pub fn entry(&self, entry: &Entry) -> Option<ErasedEntry> {
        let mut after = entry.clone();
        let mut texts = TextsTaken {
            erasure: self,
            earlier: entry.erased.then(|| entry.taken.clone().into_iter()),
            taken: Vec::new(),
            changed: false,
        };
        // In the order in which the hash has them.
        texts.visit(&mut after.actor, false);
        texts.visit(&mut after.detail, false);
        if let Some(error) = &mut after.error {
            texts.visit(error, false);
        }
        texts.visit_all(&mut after.context);
        let TextsTaken { taken, changed, .. } = texts;
        (after.erased, after.taken) = (true, taken);
        let before = entry.clone();
        changed.then_some(ErasedEntry { before, after })
    }

    /// True if a text holds what is taken out; a command has printed it or not.
    fn takes(&self, text: &str, is_output: bool) -> bool {
        match self {
            Self::Output => is_output && !text.is_empty(),
            Self::Person { .. } => self.without(text).is_some(),
        }
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

    /// Takes it out of an incident's document, of which only the words that name a person go; true if something was there.
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
                Identity::Oidc(_) => Identity::Oidc(ERASED.to_owned()),
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

/// Goes through the texts of an entry and takes some out.
struct TextsTaken<'a> {
    erasure: &'a Erasure,
    /// The digests that earlier erasures left, if there were any.
    earlier: Option<vec::IntoIter<String>>,
    taken: Vec<String>,
    changed: bool,
}

impl TextsTaken<'_> {
    fn visit(&mut self, text: &mut String, is_output: bool) {
        if text == ERASED {
            let digest = match &mut self.earlier {
                Some(earlier) => earlier.next().unwrap_or_default(),
                // It says so itself, and cannot be told apart from now on.
                None => text_digest(ERASED),
            };
            self.taken.push(digest);
        } else if self.erasure.takes(text, is_output) {
            self.taken.push(text_digest(text));
            ERASED.clone_into(text);
            self.changed = true;
        }
    }

    fn visit_all(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.visit_all(item)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) => self.visit(text, OUTPUT.contains(&name.as_str())),
                        value => self.visit_all(value),
                    }
                }
            }
            Value::String(text) => self.visit(text, false),
            _ => {}
        }
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

/// The log's record of an erasure: which entries, by whom and why, and what is left of each.
pub fn erasure_record(
    incident: &IncidentId,
    erased: &[ErasedEntry],
    by: &str,
    why: &str,
) -> LogRecord {
    let entries = || erased.iter().map(|erased| &erased.after);
    let sequences: Vec<u64> = entries().map(|entry| entry.sequence).collect();
    let left: Map<String, Value> = entries()
        .map(|entry| (entry.sequence.to_string(), json!(entry.left(incident))))
        .collect();
    let context = json!({ "entries": sequences, LEFT: left });
    LogRecord::new(Event::ContentErased, by, why).with(context)
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

/// The first entry of a log that says that this one was erased to what is left of it.
pub fn note_of<'a>(
    log: impl IntoIterator<Item = &'a Entry>,
    incident: &IncidentId,
    erased: &Entry,
) -> Option<&'a Entry> {
    let left = erased.left(incident);
    let names = |note: &&Entry| {
        let left_so = match &note.context[LEFT] {
            // One of before does not say it.
            Value::Null => note.has_older_hash(),
            all => all[erased.sequence.to_string()] == left.as_str(),
        };
        left_so && erased_by(note).contains(&erased.sequence) && note.is_as_written(incident)
    };
    log.into_iter().find(names)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{Erasure, erased_by, erasure_record, note_of, replaced};
    use crate::incident::operation_log::{BrokenChain, Entry, Event, Head, LogRecord, verify};
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

    /// A log of three entries, and its end.
    fn log(incident: &IncidentId) -> (Vec<Entry>, Head) {
        let mut head = Head::start(incident);
        let records = [
            LogRecord::new(Event::AlertReceived, "ingress", "an alert"),
            LogRecord::new(Event::ApprovalDecided, "telegram:7", "ada approved")
                .with(json!({ "votes": [{ "by": "telegram:7", "person": "ada", "at": 7 }] })),
            LogRecord::new(Event::StepFinished, "repair", "erased").with(
                json!({ "argv": ["erased"], "by": "ada", "result": { "stdout": "hello", "stderr": "" } }),
            ),
        ];
        let entries = records.map(|record| head.append(incident, Timestamp::UNIX_EPOCH, record));
        (entries.into(), head)
    }

    #[test]
    fn an_erased_entry_keeps_its_hash_and_the_chain_holds() -> Result<(), InvalidId> {
        let incident = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?;
        let (entries, mut head) = log(&incident);
        assert_eq!(ada().entry(&entries[0]), None);
        assert_eq!(Erasure::Output.entry(&entries[1]), None);
        let person = ada().entry(&entries[1]).expect("it names her");
        assert_eq!(person.before, entries[1]);
        let person = person.after;
        assert_eq!(
            (
                person.actor.as_str(),
                person.detail.as_str(),
                &person.context
            ),
            (
                "erased",
                "erased",
                &json!({ "votes": [{ "by": "erased", "person": "erased", "at": 7 }] })
            )
        );
        let output = Erasure::Output.entry(&entries[2]);
        let output = output.expect("it printed something").after;
        assert_eq!(output.context["result"]["stdout"], "erased");
        let mut erased = [entries[0].clone(), person.clone(), output];
        assert_eq!(verify(&incident, &erased, &head), Ok(()));
        // Done again it changes nothing.
        assert_eq!(ada().entry(&person), None);
        // What is left is still proven.
        erased[1].context["votes"][0]["at"] = json!(8);
        assert_eq!(
            verify(&incident, &erased, &head),
            Err(BrokenChain::Altered(2))
        );
        let note = LogRecord::new(Event::ContentErased, "an admin", "asked to")
            .with(json!({ "entries": [2, 3] }));
        assert_eq!(
            erased_by(&head.append(&incident, Timestamp::UNIX_EPOCH, note)),
            [2, 3]
        );
        assert!(erased_by(&erased[1]).is_empty());
        Ok(())
    }

    #[test]
    fn erasures_in_any_order_leave_the_same() -> Result<(), InvalidId> {
        let incident = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?;
        let (entries, head) = log(&incident);
        // It says `erased` itself, where the digest of that is left behind.
        let after = |erasures: [&Erasure; 2]| {
            erasures
                .into_iter()
                .fold(entries[2].clone(), |entry, erasure| {
                    erasure.entry(&entry).expect("it holds that").after
                })
        };
        let both = after([&ada(), &Erasure::Output]);
        assert_eq!(both, after([&Erasure::Output, &ada()]));
        assert_eq!(both.taken.len(), 4, "{both:?}");
        let erased = [entries[0].clone(), entries[1].clone(), both];
        assert_eq!(verify(&incident, &erased, &head), Ok(()));
        Ok(())
    }

    #[test]
    fn a_note_is_of_what_is_left() -> Result<(), InvalidId> {
        let incident = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?;
        let (mut log, mut head) = log(&incident);
        let output = Erasure::Output.entry(&log[2]);
        let output = output.expect("it printed something");
        let record = erasure_record(
            &incident,
            std::slice::from_ref(&output),
            "an admin",
            "asked",
        );
        log.push(head.append(&incident, Timestamp::UNIX_EPOCH, record));
        let note = |log: &[Entry], erased: &Entry| {
            note_of(log, &incident, erased).map(|note| note.sequence)
        };
        assert_eq!(note(&log, &output.after), Some(4));
        // That she was taken out is not noted.
        let person = ada().entry(&output.after).expect("it names her").after;
        assert_eq!(note(&log, &person), None);
        // A note that is not what was written notes nothing.
        log[3].detail = "for no reason".to_owned();
        assert_eq!(note(&log, &output.after), None);
        Ok(())
    }
}
