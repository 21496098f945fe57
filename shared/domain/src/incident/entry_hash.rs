//! Hashes of an entry of an operation log: of what it said when it was written, and of what is left of it.

use serde_json::Value;

use super::operation_log::Entry;
use crate::primitives::digest::Digest;
use crate::primitives::id::IncidentId;

/// What stands in the place of a text that was taken out of an entry ([`super::erasure`]).
pub const ERASED: &str = "erased";
/// Begins a hash over digests of the texts. Older hashes are over the texts themselves and have no mark. It is a part of the hash, so
/// that an entry cannot be made to look like an older one, of which less is proven.
const OVER_DIGESTS: &str = "v2:";

impl Entry {
    /// The hash of what it said when it was written. Each text is in it as a digest of its own: where a text was taken out, the digest that
    /// was left behind takes its place, and everything else stays proven.
    pub(super) fn computed_hash(&self, incident: &IncidentId) -> String {
        let mut taken = self.taken.iter();
        let mut text = |text: &str| match text {
            ERASED if self.erased => taken.next().cloned().unwrap_or_default(),
            text => text_digest(text),
        };
        let digest = self
            .place(incident)
            .field(text(&self.actor))
            .field(text(&self.detail))
            .field([u8::from(self.success)])
            .field([u8::from(self.error.is_some())])
            .field(self.error.as_deref().map_or_else(String::new, &mut text))
            .field(value_digest(&self.context, &mut text))
            .field(&self.previous);
        format!("{OVER_DIGESTS}{}", digest.hex())
    }

    /// True if it says what it said when it was written, but for texts that were taken out. Of an erased entry with an older hash
    /// that cannot be known.
    pub fn is_as_written(&self, incident: &IncidentId) -> bool {
        match self.has_older_hash() {
            true => self.erased || self.plain(incident).hex() == self.hash,
            false => self.computed_hash(incident) == self.hash,
        }
    }

    /// True if its hash is over its texts, and not over digests of them: after an erasure it proves nothing but its place.
    pub fn has_older_hash(&self) -> bool {
        !self.hash.starts_with(OVER_DIGESTS)
    }

    /// A digest of everything that it says now, and of the digests of what was taken out.
    pub fn left(&self, incident: &IncidentId) -> String {
        let plain = self.plain(incident).field(&self.hash);
        let taken = self.taken.iter();
        taken.fold(plain, Digest::field).hex()
    }

    /// Its fields as they are: what an older hash is of.
    fn plain(&self, incident: &IncidentId) -> Digest {
        self.place(incident)
            .field(&self.actor)
            .field(&self.detail)
            .field([u8::from(self.success)])
            .field([u8::from(self.error.is_some())])
            .field(self.error.as_deref().unwrap_or_default())
            .field(self.context.to_string())
            .field(&self.previous)
    }

    /// What no erasure takes out.
    fn place(&self, incident: &IncidentId) -> Digest {
        Digest::new()
            .field(incident.as_str())
            .field(self.sequence.to_be_bytes())
            .field(self.at.as_microsecond().to_be_bytes())
            .field(self.event.as_str())
    }
}

/// The digest of one text of an entry.
pub(super) fn text_digest(text: &str) -> String {
    Digest::new().field(text).hex()
}

/// The digest of a value, given the digest of each text in it. A text's digest counts as one of a text only, so that none can stand
/// for a number, a list or an object that was there.
fn value_digest(value: &Value, text: &mut dyn FnMut(&str) -> String) -> String {
    let digest = Digest::new();
    let digest = match value {
        Value::Null => digest.field("null"),
        Value::Bool(flag) => digest.field("flag").field([u8::from(*flag)]),
        Value::Number(number) => digest.field("number").field(number.to_string()),
        Value::String(words) => digest.field("text").field(text(words)),
        Value::Array(items) => items.iter().fold(digest.field("list"), |digest, item| {
            digest.field(value_digest(item, text))
        }),
        Value::Object(fields) => fields
            .iter()
            .fold(digest.field("object"), |digest, (name, value)| {
                digest.field(name).field(value_digest(value, text))
            }),
    };
    digest.hex()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{ERASED, text_digest};
    use crate::incident::operation_log::{BrokenChain, Entry, Event, Head, LogRecord, verify};
    use crate::primitives::id::IncidentId;

    fn incident() -> IncidentId {
        IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID")
    }

    fn written() -> Entry {
        let context = json!({ "argv": ["a", 1, null, true, 0.1], "result": { "stdout": "hello" } });
        let record = LogRecord::new(Event::StepFinished, "repair", "step 1").failed("no");
        Head::start(&incident()).append(&incident(), Timestamp::UNIX_EPOCH, record.with(context))
    }

    /// Takes the text at this pointer out of the context.
    fn without(pointer: &str, digest: &str) -> Entry {
        let mut entry = written();
        *entry.context.pointer_mut(pointer).expect("it is there") = json!(ERASED);
        (entry.erased, entry.taken) = (true, vec![digest.to_owned()]);
        entry
    }

    #[test]
    fn a_text_that_was_taken_out_leaves_all_else_proven() {
        let hello = text_digest("hello");
        let erased = without("/result/stdout", &hello);
        assert!(erased.is_as_written(&incident()));
        assert_ne!(erased.left(&incident()), written().left(&incident()));
        let changes: [fn(&mut Entry); 9] = [
            |entry| entry.detail = "step 2".to_owned(),
            |entry| entry.actor = ERASED.to_owned(),
            |entry| entry.success = true,
            |entry| entry.error = None,
            |entry| entry.event = Event::StepSkipped,
            |entry| entry.context["result"]["stdout"] = json!("other words"),
            |entry| entry.context["argv"][1] = json!(2),
            |entry| entry.erased = false,
            |entry| entry.taken = Vec::new(),
        ];
        for (case, change) in changes.iter().enumerate() {
            let mut changed = erased.clone();
            change(&mut changed);
            assert!(!changed.is_as_written(&incident()), "{case}: {changed:?}");
        }
    }

    #[test]
    fn only_a_text_can_be_taken_out() {
        // What an attacker would have to leave behind is the digest of a text, and these are none.
        for pointer in ["/argv/1", "/argv/2", "/argv/3", "/argv", "/result"] {
            let there: Value = written()
                .context
                .pointer(pointer)
                .expect("it is there")
                .clone();
            for digest in [
                text_digest(&there.to_string()),
                super::value_digest(&there, &mut text_digest),
            ] {
                assert!(
                    !without(pointer, &digest).is_as_written(&incident()),
                    "{pointer}"
                );
            }
        }
    }

    #[test]
    fn an_older_hash_is_checked_as_before() {
        let mut older = written();
        older.hash = older.plain(&incident()).hex();
        let head = Head {
            sequence: 1,
            hash: older.hash.clone(),
        };
        assert!(older.has_older_hash());
        assert_eq!(verify(&incident(), &[older.clone()], &head), Ok(()));
        older.detail = "other words".to_owned();
        assert_eq!(
            verify(&incident(), &[older], &head),
            Err(BrokenChain::Altered(1))
        );
        // A newer entry that is passed off as an older one has another hash than the one that was anchored.
        assert!(!written().has_older_hash());
    }

    #[test]
    fn an_entry_reads_back_as_it_was_hashed() {
        let numbers = json!([
            0.1,
            1e300,
            -0.0,
            0.30000000000000004,
            u64::MAX,
            i64::MIN,
            1.0
        ]);
        let record = LogRecord::new(Event::StepFinished, "repair", "step 1").with(numbers);
        let mut entry = Head::start(&incident()).append(&incident(), Timestamp::UNIX_EPOCH, record);
        entry.context = serde_json::from_str(&entry.context.to_string()).expect("JSON");
        assert!(entry.is_as_written(&incident()));
    }
}
