//! Tests of the audit: what somebody does who can write the whole table, and the anchors' log group.

mod older;
mod rewrites;
mod world;

use domain::incident::erasure::{Erasure, erasure_record};
use domain::incident::operation_log::{Event, LogRecord};
use domain::primitives::digest::Digest;
use fastrand::Rng;
use jiff::SignedDuration;
use secrecy::SecretString;

use self::world::{DAY, KEPT, World, incident, signer};
use super::audit;
use crate::anchors::Anchor;
use crate::checkpoint::Checkpoint;
use crate::finding::{Finding, InvalidCheckpoint};
use crate::leaf::{Act, Kept, Leaf};
use crate::note::Signer;
use crate::tree::Tree;

fn step() -> LogRecord {
    LogRecord::new(Event::StepFinished, "repair", "step 1")
        .with(serde_json::json!({ "result": { "stdout": "ada", "stderr": "" } }))
}

#[test]
fn what_was_written_passes() {
    let mut rng = Rng::with_seed(1);
    for _ in 0..20 {
        let world = World::history(&mut rng);
        let found = world.audit();
        let (findings, not_yet) = (found.findings.len(), found.not_yet);
        assert_eq!((findings, not_yet), (0, 0), "{found:?}");
        // Two have expired, and of one the output was erased; an entry says so.
        let counts = (
            found.entries,
            found.expired,
            found.erased.len(),
            found.older,
        );
        assert_eq!(counts, (12 + 2 + 4 + 1 - 2 - 1, 2, 1, 0), "{found:?}");
        assert_eq!(found.last.map(|last| last.size), Some(19 + 2 + 1));
    }
}

#[test]
fn a_batch_that_comes_again_is_no_finding() {
    let mut world = World::history(&mut Rng::with_seed(1));
    let (before, leaves) = (world.audit(), world.anchors.clone());
    for anchor in leaves.into_iter().rev().take(12).rev() {
        if let Anchor::Leaf { leaf, .. } = anchor {
            world.anchor(leaf);
        }
    }
    world.checkpoint();
    let found = world.audit();
    assert_eq!(found.findings, before.findings, "{found:?}");
    assert_eq!(
        (found.entries, found.erased),
        (before.entries, before.erased)
    );
}

/// A change of the anchors, and what the audit says of it.
type Bent = (&'static str, fn(&mut Vec<Anchor>), fn(&Finding) -> bool);

#[test]
fn anchors_that_were_bent_are_found() {
    let cases: [Bent; 6] = [
        (
            "one is taken away",
            |anchors| drop(anchors.remove(0)),
            |finding| matches!(finding, Finding::AnchorMissing { index: 0 }),
        ),
        (
            "one is added",
            |anchors| {
                let Anchor::Leaf { index, leaf } = &anchors[0] else {
                    panic!("a leaf")
                };
                let act = Act::Written {
                    hash: "00".to_owned(),
                    kept: Kept::Ever,
                };
                let other = Anchor::Leaf {
                    index: *index,
                    leaf: Leaf {
                        act,
                        ..leaf.clone()
                    },
                };
                anchors.push(other);
            },
            |finding| matches!(finding, Finding::AnchorTwice { index: 0 }),
        ),
        (
            "one is changed",
            |anchors| {
                let Some(Anchor::Leaf { leaf, .. }) = anchors.first_mut() else {
                    panic!("a leaf")
                };
                leaf.sequence += 100;
            },
            |finding| matches!(finding, Finding::Root { .. }),
        ),
        (
            "the last checkpoints are taken away",
            |anchors| {
                anchors.retain(|anchor| matches!(anchor, Anchor::Leaf { .. }));
            },
            |finding| matches!(finding, Finding::Unsigned { index: 0 }),
        ),
        (
            "a checkpoint of another key",
            |anchors| {
                let other = Signer::from_secret("quell", &SecretString::from("other"));
                let now = World::new().now;
                let note = Checkpoint::of("quell/test", &Tree::default(), now).sign(&other);
                anchors.push(Anchor::Checkpoint { note });
            },
            |finding| matches!(finding, Finding::Note(InvalidCheckpoint::Unsigned)),
        ),
        (
            "a checkpoint that was changed",
            |anchors| {
                let Some(Anchor::Checkpoint { note }) = anchors.last_mut() else {
                    panic!("a checkpoint")
                };
                *note = note.replacen("\n22\n", "\n21\n", 1);
            },
            |finding| matches!(finding, Finding::Note(InvalidCheckpoint::Forged)),
        ),
    ];
    for (case, bend, is_found) in cases {
        let mut world = World::history(&mut Rng::with_seed(3));
        bend(&mut world.anchors);
        let found = world.audit();
        assert!(found.findings.iter().any(is_found), "{case}: {found:?}");
    }
}

#[test]
fn an_entry_expires_as_was_promised_and_not_sooner() {
    for (kept, after, expected) in [
        (Some(KEPT), KEPT, (0, 1)),
        (Some(KEPT), KEPT + DAY * 3, (0, 1)),
        // It expires before its time, and is missing.
        (Some(KEPT), KEPT - DAY, (2, 0)),
        (None, KEPT, (2, 0)),
        // No function promises as little.
        (Some(SignedDuration::from_hours(1)), DAY, (1, 1)),
    ] {
        let mut world = World::new();
        world.append(&incident(0), step(), kept);
        world.now += after;
        world.expire(&incident(0), 1);
        world.checkpoint();
        let found = world.audit();
        let counts = (found.findings.len(), found.expired);
        assert_eq!(counts, expected, "{kept:?} {after:?}: {found:?}");
    }
}

#[test]
fn what_is_left_stays_checked_when_its_neighbours_have_expired() {
    let mut world = World::new();
    let id = incident(0);
    for _ in 0..3 {
        world.append(&id, step(), Some(KEPT));
    }
    world.now += KEPT;
    world.expire(&id, 2);
    world.checkpoint();
    let found = world.audit();
    assert_eq!((found.findings.len(), found.entries), (0, 2), "{found:?}");
    // The incident may end before its log.
    let mut alone = world.exported();
    alone.remove(0);
    let found = audit(alone, world.anchors.clone(), &signer().verifier());
    let counts = (found.findings.len(), found.without_incident);
    assert_eq!(counts, (0, 1), "{found:?}");
    world
        .log(&id)
        .entries
        .get_mut(&3)
        .expect("it is there")
        .entry
        .success = false;
    let found = world.audit();
    let finding = found.findings.iter().next();
    assert!(
        matches!(finding, Some(Finding::Rewritten { sequence: 3, .. })),
        "{found:?}"
    );
}

#[test]
fn an_erasure_is_listed_with_author_and_reason() {
    let mut world = World::new();
    let id = incident(0);
    world.append(&id, step(), None);
    let ada = Erasure::Person {
        name: "ada".to_owned(),
        identities: Vec::new(),
    };
    let before = world.log(&id).entries[&1].entry.clone();
    let erased = ada.entry(&before).expect("it names her");
    world.erase(&id, erased.clone(), None);
    world.checkpoint();
    let found = world.audit();
    assert_eq!((found.findings.len(), found.entries), (0, 1), "{found:?}");
    let note = found.erased[0].note.as_ref().expect("an entry says so");
    let listed = (
        found.erased[0].sequence,
        note.by.as_str(),
        note.why.as_str(),
    );
    assert_eq!(listed, (1, "an admin", "asked to"));
    // More was taken out than that entry says.
    let mut more = erased.after;
    more.actor = "erased".to_owned();
    more.taken
        .insert(0, Digest::new().field(&before.actor).hex());
    world.put(&id, more, None);
    world.checkpoint();
    let found = world.audit();
    let finding = found.findings.iter().next();
    let is_erased = matches!(finding, Some(Finding::Erased { sequence: 1, .. }));
    assert!(is_erased, "{found:?}");
}

#[test]
fn an_erasure_of_which_the_stream_told_nothing_is_found() {
    let (mut world, id) = (World::new(), incident(0));
    world.append(&id, step(), None);
    let erased = world.without_output(&id, 1);
    let record = erasure_record(&id, std::slice::from_ref(&erased), "an admin", "asked to");
    world.append(&id, record, None);
    world
        .log(&id)
        .entries
        .get_mut(&1)
        .expect("it is there")
        .entry = erased.after;
    world.checkpoint();
    let found = world.audit();
    assert_eq!((found.findings.len(), found.not_yet), (0, 1), "{found:?}");
    world.now += DAY;
    world.checkpoint();
    let found = world.audit();
    let finding = found.findings.iter().next();
    let not_anchored = matches!(finding, Some(Finding::ErasureNotAnchored { .. }));
    assert!(not_anchored, "{found:?}");
}

#[test]
fn an_entry_behind_the_last_checkpoint_is_not_anchored_yet() {
    let mut world = World::history(&mut Rng::with_seed(5));
    let last = world.now;
    let (id, anchors) = (incident(1), world.anchors.clone());
    let mut add = |at| {
        world.now = at;
        world.append(&id, step(), None);
        let found = audit(world.exported(), anchors.clone(), &signer().verifier());
        (found.findings.len(), found.not_yet)
    };
    assert_eq!(add(last), (0, 1));
    // One of before should have been seen.
    assert_eq!(add(last - SignedDuration::from_mins(20)), (1, 1));
}

#[test]
fn an_item_that_is_exported_twice_with_two_texts_is_found() {
    let mut world = World::new();
    world.append(&incident(0), step(), None);
    world.checkpoint();
    let mut lines = world.exported();
    world
        .log(&incident(0))
        .entries
        .get_mut(&1)
        .expect("it is there")
        .entry
        .success = false;
    lines.splice(0..0, world.exported());
    let found = audit(lines, world.anchors.clone(), &signer().verifier());
    let twice = |finding: &Finding| matches!(finding, Finding::ExportedTwice { sequence: 1, .. });
    assert!(found.findings.iter().any(twice), "{found:?}");
}
