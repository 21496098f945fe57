//! A table of operation logs, and the witness of every write to it.

use std::collections::BTreeMap;

use domain::incident::erasure::{ErasedEntry, Erasure, erasure_record};
use domain::incident::operation_log::{Entry, Event, Head, LogRecord};
use domain::primitives::id::IncidentId;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;

use crate::anchors::Anchor;
use crate::audit::{Audit, audit};
use crate::checkpoint::Checkpoint;
use crate::export::ExportLine;
use crate::leaf::{Item, Leaf, Write};
use crate::note::Signer;
use crate::tree::Tree;

pub(super) const INCIDENTS: usize = 4;
const CROCKFORD: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);
/// For how long the entries of every second incident are kept.
pub(super) const KEPT: SignedDuration = SignedDuration::from_hours(60 * 24);

pub(super) fn incident(place: usize) -> IncidentId {
    let last = char::from(CROCKFORD[place]);
    IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G5FA{last}").as_str()).expect("a ULID")
}

pub(super) fn signer() -> Signer {
    Signer::from_secret("quell", &SecretString::from("evidence"))
}

/// An item of the table.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) entry: Entry,
    pub(super) expires_at: Option<Timestamp>,
}

/// An incident's log, and what the incident says of its end.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) entries: BTreeMap<u64, Stored>,
    pub(super) head: Head,
}

impl Log {
    /// Writes these entries as a log with a chain that is whole.
    pub(super) fn rechain(&mut self, id: &IncidentId, entries: Vec<Entry>) {
        self.head = Head::start(id);
        let again = |entry: Entry| {
            let record = LogRecord::new(entry.event, entry.actor, entry.detail);
            let entry = self.head.append(id, entry.at, record.with(entry.context));
            let expires_at = None;
            (entry.sequence, Stored { entry, expires_at })
        };
        self.entries = entries.into_iter().map(again).collect();
    }
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) logs: BTreeMap<IncidentId, Log>,
    pub(super) anchors: Vec<Anchor>,
    pub(super) now: Timestamp,
    tree: Tree,
}

impl World {
    pub(super) fn new() -> Self {
        let log = |place| {
            let id = incident(place);
            let head = Head::start(&id);
            let entries = BTreeMap::new();
            (id, Log { entries, head })
        };
        Self {
            logs: (0..INCIDENTS).map(log).collect(),
            anchors: Vec::new(),
            now: Timestamp::from_second(1_800_000_000).expect("a time"),
            tree: Tree::default(),
        }
    }

    /// Logs as they come to be: steps of all incidents, some of which have expired since, and an erasure.
    pub(super) fn history(rng: &mut Rng) -> Self {
        let mut world = Self::new();
        for place in 0..INCIDENTS {
            world.steps(rng, 3, place);
        }
        world.now += KEPT + DAY;
        for place in (0..INCIDENTS).step_by(2) {
            world.expire(&incident(place), 1);
            world.steps(rng, 1, place);
        }
        for _ in 0..4 {
            let place = rng.usize(..INCIDENTS);
            world.steps(rng, 1, place);
        }
        let last = world.logs[&incident(0)].head.sequence;
        let erased = world.without_output(&incident(0), last);
        world.erase(&incident(0), erased, None);
        world.checkpoint();
        world
    }

    /// Appends steps to a log, a minute apart. Those of every second incident are kept for a time.
    fn steps(&mut self, rng: &mut Rng, steps: usize, place: usize) {
        for _ in 0..steps {
            self.now += SignedDuration::from_mins(1);
            let number = rng.u16(..);
            let record = LogRecord::new(Event::StepFinished, "repair", format!("step {number}"))
                .with(json!({ "exit": number, "result": { "stdout": format!("out {number}"), "stderr": "" } }));
            self.append(
                &incident(place),
                record,
                place.is_multiple_of(2).then_some(KEPT),
            );
            if rng.u8(..3) == 0 {
                self.checkpoint();
            }
        }
    }

    pub(super) fn append(
        &mut self,
        id: &IncidentId,
        record: LogRecord,
        kept: Option<SignedDuration>,
    ) {
        let now = self.now;
        let entry = self.log(id).head.append(id, now, record);
        self.put(id, entry, kept.map(|kept| now + kept));
    }

    /// Writes an item, new or over another.
    pub(super) fn put(&mut self, id: &IncidentId, entry: Entry, expires_at: Option<Timestamp>) {
        let sequence = entry.sequence;
        let stored = Stored { entry, expires_at };
        let before = self.log(id).entries.insert(sequence, stored.clone());
        let item = Some(Item {
            entry: &stored.entry,
            expires_at,
        });
        let write = match before {
            None => Write::Inserted(item),
            Some(_) => Write::Modified(item),
        };
        self.witness(id, sequence, write);
    }

    pub(super) fn delete(&mut self, id: &IncidentId, sequence: u64) {
        self.log(id).entries.remove(&sequence);
        self.witness(id, sequence, Write::Deleted);
    }

    /// DynamoDB deletes an item.
    pub(super) fn expire(&mut self, id: &IncidentId, sequence: u64) {
        self.log(id).entries.remove(&sequence);
        self.witness(id, sequence, Write::Expired);
    }

    /// As `quell erase` does: the log says so first. Given another end it is erased as somebody does who wants it gone.
    pub(super) fn erase(&mut self, id: &IncidentId, erased: ErasedEntry, end: Option<Timestamp>) {
        let record = erasure_record(id, std::slice::from_ref(&erased), "an admin", "asked to");
        self.append(id, record, None);
        let before = self.log(id).entries[&erased.after.sequence].expires_at;
        self.put(id, erased.after, end.or(before));
    }

    /// An entry, and the same one without what its command printed.
    pub(super) fn without_output(&mut self, id: &IncidentId, sequence: u64) -> ErasedEntry {
        let entry = &self.log(id).entries[&sequence].entry;
        Erasure::Output.entry(entry).expect("it printed something")
    }

    pub(super) fn log(&mut self, id: &IncidentId) -> &mut Log {
        self.logs.get_mut(id).expect("a log")
    }

    fn witness(&mut self, id: &IncidentId, sequence: u64, write: Write<'_>) {
        self.anchor(Leaf::of(id.clone(), sequence, self.now.as_second(), write));
    }

    pub(super) fn anchor(&mut self, leaf: Leaf) {
        let index = self.tree.size();
        self.tree.push(leaf.to_string().as_bytes());
        self.anchors.push(Anchor::Leaf { index, leaf });
    }

    pub(super) fn checkpoint(&mut self) {
        let note = Checkpoint::of("quell/test", &self.tree, self.now).sign(&signer());
        self.anchors.push(Anchor::Checkpoint { note });
    }

    pub(super) fn exported(&self) -> Vec<ExportLine> {
        let lines = self.logs.iter().flat_map(|(id, log)| {
            let head = ExportLine::Head {
                incident_id: id.clone(),
                head: log.head.clone(),
            };
            let entry = |stored: &Stored| ExportLine::Entry {
                incident_id: id.clone(),
                entry: stored.entry.clone(),
            };
            let entries: Vec<_> = log.entries.values().map(entry).collect();
            [head].into_iter().chain(entries)
        });
        lines.collect()
    }

    pub(super) fn audit(&self) -> Audit {
        audit(self.exported(), self.anchors.clone(), &signer().verifier())
    }
}
