//! The audit: whether an export of the operation logs is what the witness saw.

use std::collections::{BTreeMap, BTreeSet};

use domain::incident::erasure::erased_by;
use domain::incident::operation_log::{Entry, Head, verify};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::anchors::Anchor;
use crate::checkpoint::Checkpoint;
use crate::export::ExportLine;
use crate::leaf::{Act, Leaf};
use crate::note::{InvalidNote, Verifier};
use crate::tree::Tree;

/// How long an entry may be without an anchor: the stream is read within seconds, and tried again
/// for as long as its function fails.
const ANCHORED_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Something that is not as it was written, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Finding {
    #[error("{incident}: entry {sequence} was anchored, and the export does not have it")]
    Missing { incident: IncidentId, sequence: u64 },
    #[error("{incident}: entry {sequence} is not the one that was anchored")]
    Rewritten { incident: IncidentId, sequence: u64 },
    #[error("{incident}: entry {sequence} was {what} in the table, which no function does")]
    Tampered {
        incident: IncidentId,
        sequence: u64,
        what: &'static str,
    },
    #[error("{incident}: entry {sequence} was written twice, with different hashes")]
    Twice { incident: IncidentId, sequence: u64 },
    #[error("{incident}: something was taken out of entry {sequence}, and no entry says by whom")]
    Erased { incident: IncidentId, sequence: u64 },
    #[error("{incident}: {why}")]
    Chain { incident: IncidentId, why: String },
    #[error("an item of the table cannot be read: {0}")]
    Unreadable(String),
    #[error("{incident}: entry {sequence} has no anchor, although others of later have")]
    NotAnchored { incident: IncidentId, sequence: u64 },
    #[error("anchor {index} is missing: the anchors are not complete")]
    AnchorMissing { index: u64 },
    #[error("there are two different anchors {index}: one of them was put there by somebody")]
    AnchorTwice { index: u64 },
    #[error("the checkpoint over {size} anchors is not theirs")]
    Root { size: u64 },
    #[error("a checkpoint is not accepted: {0}")]
    Note(InvalidCheckpoint),
    #[error("no checkpoint covers the anchors from {index} on")]
    Unsigned { index: u64 },
}

/// Why a checkpoint is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum InvalidCheckpoint {
    #[error("it is not signed with this key")]
    Unsigned,
    #[error("it was changed, or another key has signed it")]
    Forged,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// How many incidents were looked at, those that only anchors tell of among them.
    pub incidents: usize,
    /// How many entries are as they were anchored.
    pub entries: usize,
    /// How many entries are younger than what the anchors cover.
    pub not_yet: usize,
    /// How many entries are gone because they were kept for as long as they should.
    pub expired: usize,
    /// Of how many entries something was taken out since, as the log says: they stand in their place, and what they
    /// say is not proven.
    pub erased: usize,
    /// The last checkpoint.
    pub last: Option<Checkpoint>,
    /// What is not as it was.
    pub findings: BTreeSet<Finding>,
}

/// The operation log of an incident in an export.
#[derive(Debug, Default)]
struct Log {
    entries: BTreeMap<u64, Entry>,
    head: Option<Head>,
}

/// What the witness saw of an entry.
#[derive(Debug, Default)]
struct Seen {
    hash: Option<String>,
    expired: bool,
}

/// Compares an export with the anchors that were made while it was written.
pub fn audit(export: Vec<ExportLine>, anchors: Vec<Anchor>, verifier: &Verifier) -> Audit {
    let mut findings = BTreeSet::new();
    let (leaves, last) = tree(anchors, verifier, &mut findings);
    let mut logs: BTreeMap<IncidentId, Log> = BTreeMap::new();
    for line in export {
        match line {
            ExportLine::Entry { incident_id, entry } => {
                let log = logs.entry(incident_id).or_default();
                log.entries.insert(entry.sequence, entry);
            }
            ExportLine::Head { incident_id, head } => {
                logs.entry(incident_id).or_default().head = Some(head);
            }
            ExportLine::Unreadable { why } => drop(findings.insert(Finding::Unreadable(why))),
        }
    }
    let mut seen: BTreeMap<IncidentId, BTreeMap<u64, Seen>> = BTreeMap::new();
    for leaf in leaves {
        note(&mut seen, leaf, &mut findings);
    }
    let all: BTreeSet<IncidentId> = logs.keys().chain(seen.keys()).cloned().collect();
    let mut audit = Audit {
        incidents: all.len(),
        entries: 0,
        not_yet: 0,
        expired: 0,
        erased: 0,
        last,
        findings,
    };
    for incident in all {
        let log = logs.remove(&incident).unwrap_or_default();
        let anchored = seen.remove(&incident).unwrap_or_default();
        audit.compare(&incident, &log, &anchored);
    }
    audit
}

impl Audit {
    /// Compares one incident's log with what was anchored of it.
    fn compare(&mut self, incident: &IncidentId, log: &Log, anchored: &BTreeMap<u64, Seen>) {
        let named: BTreeSet<u64> = log.entries.values().flat_map(erased_by).collect();
        for (&sequence, seen) in anchored {
            let incident = incident.clone();
            match (log.entries.get(&sequence), &seen.hash) {
                (None, _) if seen.expired => self.expired += 1,
                (None, _) => drop(
                    self.findings
                        .insert(Finding::Missing { incident, sequence }),
                ),
                (Some(entry), Some(hash)) if entry.hash == *hash && entry.erased => {
                    if named.contains(&sequence) {
                        self.erased += 1;
                    } else {
                        self.findings.insert(Finding::Erased { incident, sequence });
                    }
                }
                (Some(entry), Some(hash)) if entry.hash == *hash => self.entries += 1,
                (Some(_), _) => {
                    self.findings
                        .insert(Finding::Rewritten { incident, sequence });
                }
            }
        }
        let covered = self.last.as_ref().map(|last| last.at - ANCHORED_WITHIN);
        for (&sequence, entry) in &log.entries {
            if anchored.contains_key(&sequence) {
                continue;
            }
            if covered.is_some_and(|covered: Timestamp| entry.at < covered) {
                let incident = incident.clone();
                self.findings
                    .insert(Finding::NotAnchored { incident, sequence });
            } else {
                self.not_yet += 1;
            }
        }
        let whole = anchored.values().all(|seen| !seen.expired);
        if whole && let Err(why) = chain(incident, log) {
            let incident = incident.clone();
            self.findings.insert(Finding::Chain { incident, why });
        }
    }
}

/// Checks the chain of a log: up to the end that its incident names, and what came behind it while the
/// export was made.
fn chain(incident: &IncidentId, log: &Log) -> Result<(), String> {
    let entries: Vec<Entry> = log.entries.values().cloned().collect();
    let Some(head) = &log.head else {
        return match entries.is_empty() {
            true => Ok(()),
            false => Err("the export has its log and not the incident".to_owned()),
        };
    };
    let named = entries.partition_point(|entry| entry.sequence <= head.sequence);
    verify(incident, &entries[..named], head).map_err(|broken| broken.to_string())?;
    let end = entries.last().map_or_else(
        || head.clone(),
        |last| Head {
            sequence: last.sequence,
            hash: last.hash.clone(),
        },
    );
    verify(incident, &entries, &end).map_err(|broken| broken.to_string())
}

/// Notes what the witness saw of an entry.
fn note(
    seen: &mut BTreeMap<IncidentId, BTreeMap<u64, Seen>>,
    leaf: Leaf,
    findings: &mut BTreeSet<Finding>,
) {
    let Leaf {
        incident,
        sequence,
        act,
    } = leaf;
    let known = seen
        .entry(incident.clone())
        .or_default()
        .entry(sequence)
        .or_default();
    let mut tampered = |what| {
        findings.insert(Finding::Tampered {
            incident: incident.clone(),
            sequence,
            what,
        });
    };
    match act {
        // The stream may tell of a write twice.
        Act::Written { hash } => match &known.hash {
            Some(first) if *first != hash => {
                findings.insert(Finding::Twice { incident, sequence });
            }
            Some(_) => {}
            None => known.hash = Some(hash),
        },
        // Whether the log says so is looked at with the entry.
        Act::Erased { hash } if known.hash.as_ref() == Some(&hash) => {}
        Act::Erased { .. } | Act::Changed { .. } => tampered("changed"),
        Act::Deleted => tampered("deleted"),
        Act::Expired => known.expired = true,
    }
}

/// The leaves in their order, and the last checkpoint that is over them.
fn tree(
    anchors: Vec<Anchor>,
    verifier: &Verifier,
    findings: &mut BTreeSet<Finding>,
) -> (Vec<Leaf>, Option<Checkpoint>) {
    let mut leaves: BTreeMap<u64, Leaf> = BTreeMap::new();
    let mut checkpoints: BTreeMap<u64, Vec<Checkpoint>> = BTreeMap::new();
    for anchor in anchors {
        match anchor {
            Anchor::Leaf { index, leaf } => match leaves.get(&index) {
                Some(known) if *known != leaf => {
                    findings.insert(Finding::AnchorTwice { index });
                }
                _ => drop(leaves.insert(index, leaf)),
            },
            Anchor::Checkpoint { note } => match Checkpoint::open(&note, verifier) {
                Ok(checkpoint) => checkpoints
                    .entry(checkpoint.size)
                    .or_default()
                    .push(checkpoint),
                Err(InvalidNote::Forged) => {
                    findings.insert(Finding::Note(InvalidCheckpoint::Forged));
                }
                Err(_) => drop(findings.insert(Finding::Note(InvalidCheckpoint::Unsigned))),
            },
        }
    }
    let mut tree = Tree::default();
    let mut in_order = Vec::new();
    let mut last = None;
    let end = [
        leaves.keys().next_back().map_or(0, |index| index + 1),
        checkpoints.keys().next_back().copied().unwrap_or(0),
    ];
    for index in 0..end.into_iter().max().unwrap_or(0) {
        let Some(leaf) = leaves.remove(&index) else {
            findings.insert(Finding::AnchorMissing { index });
            break;
        };
        tree.push(leaf.to_string().as_bytes());
        in_order.push(leaf);
        for checkpoint in checkpoints.remove(&tree.size()).unwrap_or_default() {
            if checkpoint.root == tree.root() {
                last = Some(checkpoint);
            } else {
                findings.insert(Finding::Root { size: tree.size() });
            }
        }
    }
    let covered = last
        .as_ref()
        .map_or(0, |checkpoint: &Checkpoint| checkpoint.size);
    if covered < tree.size() {
        findings.insert(Finding::Unsigned { index: covered });
    }
    (in_order, last)
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
