//! The chain of an exported log, with the anchors in the place of entries that are gone.

use std::collections::{BTreeMap, BTreeSet};

use domain::incident::operation_log::{BrokenChain, Entry, Head};
use domain::primitives::id::IncidentId;

use crate::witnessed::Witnessed;

/// The operation log of an incident in an export.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: BTreeMap<u64, Entry>,
    pub(crate) head: Option<Head>,
}

/// What the witness saw of the entries of a log.
pub(crate) type Anchored = BTreeMap<u64, Witnessed>;

/// A log and what was anchored of it.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    pub(crate) incident: &'a IncidentId,
    pub(crate) log: &'a Log,
    anchored: &'a Anchored,
    /// The numbers of the entries that say what they were hashed for.
    as_written: BTreeSet<u64>,
    start: Head,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(incident: &'a IncidentId, log: &'a Log, anchored: &'a Anchored) -> Self {
        let as_written = log.entries.values();
        let as_written = as_written.filter(|entry| entry.is_as_written(incident));
        Self {
            incident,
            log,
            anchored,
            as_written: as_written.map(|entry| entry.sequence).collect(),
            start: Head::start(incident),
        }
    }

    pub(crate) fn is_as_written(&self, sequence: u64) -> bool {
        self.as_written.contains(&sequence)
    }

    /// The hash of the entry of this number: the one that was anchored, wherever the entry is now.
    fn hash_of(&self, sequence: u64) -> Option<&String> {
        let seen = self.anchored.get(&sequence);
        let seen = seen.and_then(|seen| seen.hash.as_ref());
        seen.or_else(|| self.log.entries.get(&sequence).map(|entry| &entry.hash))
    }

    /// True if the entry of this number has expired, and was written before there was a witness.
    fn is_forgotten(&self, sequence: u64) -> bool {
        let seen = self.anchored.get(&sequence);
        seen.is_some_and(|seen| seen.hash.is_none() && seen.gone.is_some())
    }

    /// Whether an entry carries the hash of the one before. What is not the entry that was anchored is not asked: it is found already.
    pub(crate) fn unlinked(&self, entry: &Entry) -> Option<BrokenChain> {
        let sequence = entry.sequence;
        if self.hash_of(sequence) != Some(&entry.hash) || !self.is_as_written(sequence) {
            return None;
        }
        let before = match sequence.saturating_sub(1) {
            0 => Some(&self.start.hash),
            before if self.is_forgotten(before) => return None,
            before => self.hash_of(before),
        };
        match before {
            Some(hash) if *hash == entry.previous => None,
            Some(_) => Some(BrokenChain::Unlinked(sequence)),
            None => Some(BrokenChain::Gap {
                expected: sequence - 1,
                found: sequence,
            }),
        }
    }

    /// Whether the end of the log that the incident names is one. Entries may have come behind it while the export was made.
    pub(crate) fn other_end(&self, head: &Head) -> Option<String> {
        let exported = self.log.entries.get(&head.sequence);
        let end = match head.sequence {
            0 => Some(&self.start.hash),
            end if self.is_forgotten(end) => return None,
            end => exported
                .map(|entry| &entry.hash)
                .or_else(|| self.hash_of(end)),
        };
        match end {
            Some(hash) if *hash == head.hash => None,
            Some(_) => Some("the incident names another end of its log".to_owned()),
            None => {
                let found = self.log.entries.keys().next_back().copied().unwrap_or(0);
                let expected = head.sequence;
                Some(BrokenChain::CutShort { expected, found }.to_string())
            }
        }
    }
}
