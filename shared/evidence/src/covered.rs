//! The leaves that signed checkpoints cover.

use std::collections::{BTreeMap, BTreeSet};

use crate::anchors::Anchor;
use crate::checkpoint::Checkpoint;
use crate::finding::{Finding, InvalidCheckpoint};
use crate::leaf::Leaf;
use crate::note::{InvalidNote, Verifier};
use crate::tree::Tree;

/// The leaves in their order, and the last checkpoint that is over them.
pub(crate) fn covered(
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
