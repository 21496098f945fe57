//! The audit: whether an export of the operation logs is what the witness saw.

use std::collections::{BTreeMap, BTreeSet};

use domain::incident::operation_log::{BrokenChain, Entry};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};

use crate::anchors::Anchor;
use crate::chain::{Anchored, Chain, Log};
use crate::checkpoint::Checkpoint;
use crate::covered::covered;
use crate::erased::Erased;
use crate::export::ExportLine;
use crate::finding::Finding;
use crate::leaf::Leaf;
use crate::note::Verifier;
use crate::witnessed::{Gone, Witnessed};

/// How long an entry may be without an anchor: the stream is read within seconds, and tried again
/// for as long as its function fails.
const ANCHORED_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// How many incidents were looked at, those that only anchors tell of among them.
    pub incidents: usize,
    /// Of how many of them the export has the log and not the incident, which retention deletes by itself.
    pub without_incident: usize,
    /// How many entries say what they said when they were written.
    pub entries: usize,
    /// How many entries, or erasures, are younger than what the anchors cover.
    pub not_yet: usize,
    /// How many entries are gone because they were kept for as long as they should.
    pub expired: usize,
    /// Of the expired and erased ones, how many have a hash or anchors of an older form, which prove less.
    pub older: usize,
    /// Entries out of which something was taken.
    pub erased: Vec<Erased>,
    /// The last checkpoint.
    pub last: Option<Checkpoint>,
    /// What is not as it was.
    pub findings: BTreeSet<Finding>,
}

/// Compares an export with the anchors that were made while it was written.
pub fn audit(export: Vec<ExportLine>, anchors: Vec<Anchor>, verifier: &Verifier) -> Audit {
    let mut findings = BTreeSet::new();
    let (leaves, last) = covered(anchors, verifier, &mut findings);
    let mut logs = logs(export, &mut findings);
    let mut anchored = anchored(leaves, &mut findings);
    let all: BTreeSet<IncidentId> = logs.keys().chain(anchored.keys()).cloned().collect();
    let mut audit = Audit {
        incidents: all.len(),
        without_incident: 0,
        entries: 0,
        not_yet: 0,
        expired: 0,
        older: 0,
        erased: Vec::new(),
        last,
        findings,
    };
    for incident in all {
        let log = logs.remove(&incident).unwrap_or_default();
        let anchored = anchored.remove(&incident).unwrap_or_default();
        audit.compare(&incident, &log, &anchored);
    }
    audit
}

fn logs(export: Vec<ExportLine>, findings: &mut BTreeSet<Finding>) -> BTreeMap<IncidentId, Log> {
    let mut logs: BTreeMap<IncidentId, Log> = BTreeMap::new();
    for line in export {
        match line {
            ExportLine::Entry { incident_id, entry } => {
                let log = logs.entry(incident_id.clone()).or_default();
                let sequence = entry.sequence;
                let other = log.entries.insert(sequence, entry);
                if other.is_some_and(|other| log.entries.get(&sequence) != Some(&other)) {
                    findings.insert(Finding::ExportedTwice {
                        incident: incident_id,
                        sequence,
                    });
                }
            }
            ExportLine::Head { incident_id, head } => {
                logs.entry(incident_id).or_default().head = Some(head);
            }
            ExportLine::Unreadable { why } => drop(findings.insert(Finding::Unreadable(why))),
        }
    }
    logs
}

fn anchored(leaves: Vec<Leaf>, findings: &mut BTreeSet<Finding>) -> BTreeMap<IncidentId, Anchored> {
    let mut anchored: BTreeMap<IncidentId, Anchored> = BTreeMap::new();
    let mut told = BTreeSet::new();
    for leaf in leaves {
        // A batch that was not printed comes again: of a write at one time the stream tells twice.
        if leaf.at.is_some() && !told.insert(leaf.clone()) {
            continue;
        }
        let of_log = anchored.entry(leaf.incident.clone()).or_default();
        findings.extend(of_log.entry(leaf.sequence).or_default().take_in(leaf));
    }
    anchored
}

impl Audit {
    /// Compares one incident's log with what was anchored of it.
    fn compare(&mut self, incident: &IncidentId, log: &Log, anchored: &Anchored) {
        let chain = Chain::new(incident, log, anchored);
        for (&sequence, seen) in anchored {
            match log.entries.get(&sequence) {
                Some(entry) => self.present(&chain, entry, seen),
                None => self.absent(incident, sequence, seen),
            }
        }
        for (sequence, entry) in &log.entries {
            if !anchored.contains_key(sequence) {
                self.not_anchored(&chain, entry);
            }
            if let Some(broken) = chain.unlinked(entry) {
                self.broken(incident, broken.to_string());
            }
        }
        match &log.head {
            Some(head) => {
                if let Some(why) = chain.other_end(head) {
                    self.broken(incident, why);
                }
            }
            None => self.without_incident += usize::from(!log.entries.is_empty()),
        }
    }

    /// An entry that was anchored and is there.
    fn present(&mut self, chain: &Chain<'_>, entry: &Entry, seen: &Witnessed) {
        let (incident, sequence) = (chain.incident.clone(), entry.sequence);
        if seen.hash.as_ref() != Some(&entry.hash) || !chain.is_as_written(sequence) {
            let finding = Finding::Rewritten { incident, sequence };
            self.findings.insert(finding);
            return;
        }
        // An export may be older than an erasure that is anchored.
        if !entry.erased {
            self.entries += 1;
            return;
        }
        self.older += usize::from(entry.has_older_hash());
        let erased = Erased::of(&incident, entry, chain.log.entries.values());
        let is_left = |left: &Option<String>| left.is_none() || *left == erased.left;
        let finding = match &erased.note {
            None => Some(Finding::Erased { incident, sequence }),
            Some(note) if seen.erasures.is_empty() => {
                let should = self.is_covered(note.at);
                self.not_yet += usize::from(!should);
                should.then_some(Finding::ErasureNotAnchored { incident, sequence })
            }
            Some(_) if seen.erasures.iter().any(is_left) => None,
            Some(_) => Some(Finding::Left { incident, sequence }),
        };
        self.findings.extend(finding);
        self.erased.push(erased);
    }

    /// An entry that was anchored and is not there.
    fn absent(&mut self, incident: &IncidentId, sequence: u64, seen: &Witnessed) {
        let incident = incident.clone();
        match seen.gone {
            Some(Gone::AsPromised) => self.expired += 1,
            Some(Gone::Expired) => {
                (self.expired, self.older) = (self.expired + 1, self.older + 1);
                // With older anchors an erasure may have set the time at which it expired.
                if let Some(left) = seen.erasures.last() {
                    self.erased.push(Erased {
                        incident,
                        sequence,
                        left: left.clone(),
                        fields: Vec::new(),
                        note: None,
                    });
                }
            }
            Some(Gone::Taken) | None => {
                let finding = Finding::Missing { incident, sequence };
                self.findings.insert(finding);
            }
        }
    }

    /// An entry that was not anchored.
    fn not_anchored(&mut self, chain: &Chain<'_>, entry: &Entry) {
        let (incident, sequence) = (chain.incident, entry.sequence);
        if self.is_covered(entry.at) {
            let incident = incident.clone();
            self.findings
                .insert(Finding::NotAnchored { incident, sequence });
        } else {
            self.not_yet += 1;
        }
        if !chain.is_as_written(sequence) {
            self.broken(incident, BrokenChain::Altered(sequence).to_string());
        }
    }

    /// True if what was written at this time has an anchor.
    fn is_covered(&self, at: Timestamp) -> bool {
        let last = self.last.as_ref();
        last.is_some_and(|last| at < last.at - ANCHORED_WITHIN)
    }

    fn broken(&mut self, incident: &IncidentId, why: String) {
        let incident = incident.clone();
        self.findings.insert(Finding::Chain { incident, why });
    }
}

#[cfg(test)]
#[path = "audit_tests/mod.rs"]
mod tests;
