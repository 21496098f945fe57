//! Entries and anchors of the form that they had before: they are checked as they were, and prove less.

use domain::incident::operation_log::{Entry, Event, Head, LogRecord};
use domain::primitives::digest::Digest;
use domain::primitives::id::IncidentId;
use jiff::SignedDuration;
use serde_json::json;

use super::step;
use super::world::{Stored, World, incident};
use crate::audit::Audit;
use crate::finding::Finding;
use crate::leaf::{Act, Kept, Leaf};

/// The hash over the texts themselves.
fn older_hash(incident: &IncidentId, entry: &Entry) -> String {
    Digest::new()
        .field(incident.as_str())
        .field(entry.sequence.to_be_bytes())
        .field(entry.at.as_microsecond().to_be_bytes())
        .field(entry.event.as_str())
        .field(&entry.actor)
        .field(&entry.detail)
        .field([u8::from(entry.success)])
        .field([u8::from(entry.error.is_some())])
        .field(entry.error.as_deref().unwrap_or_default())
        .field(entry.context.to_string())
        .field(&entry.previous)
        .hex()
}

/// Appends an entry as it was appended before, with its leaf.
fn append(world: &mut World, id: &IncidentId, record: LogRecord) -> Entry {
    let now = world.now;
    let log = world.log(id);
    let mut entry = log.head.append(id, now, record);
    entry.hash = older_hash(id, &entry);
    log.head = Head {
        sequence: entry.sequence,
        hash: entry.hash.clone(),
    };
    let stored = Stored {
        entry: entry.clone(),
        expires_at: None,
    };
    log.entries.insert(entry.sequence, stored);
    let (hash, kept) = (entry.hash.clone(), Kept::Unknown);
    anchor(world, id, entry.sequence, Act::Written { hash, kept });
    entry
}

fn anchor(world: &mut World, id: &IncidentId, sequence: u64, act: Act) {
    world.anchor(Leaf {
        incident: id.clone(),
        sequence,
        at: None,
        act,
    });
}

/// Erases an entry as it was erased before: with other words in it, an entry that names it, and a leaf of its hash.
fn erase(world: &mut World, id: &IncidentId, mut entry: Entry) {
    let note = LogRecord::new(Event::ContentErased, "an admin", "asked to");
    append(world, id, note.with(json!({ "entries": [entry.sequence] })));
    (entry.erased, entry.detail) = (true, "erased approved".to_owned());
    let (hash, kept, left) = (entry.hash.clone(), Kept::Unknown, None);
    let sequence = entry.sequence;
    world
        .log(id)
        .entries
        .get_mut(&sequence)
        .expect("it is there")
        .entry = entry;
    anchor(world, id, sequence, Act::Erased { hash, kept, left });
}

fn audited(mut world: World) -> Audit {
    world.checkpoint();
    world.audit()
}

#[test]
fn older_entries_are_checked_as_before() {
    let (mut world, id) = (World::new(), incident(0));
    let first = append(&mut world, &id, step());
    append(&mut world, &id, step());
    // A newer entry comes behind.
    world.append(&id, step(), None);
    let found = audited(world.clone());
    assert_eq!(
        (found.findings.len(), found.entries, found.older),
        (0, 3, 0),
        "{found:?}"
    );
    let mut changed = world.clone();
    changed
        .log(&id)
        .entries
        .get_mut(&2)
        .expect("it is there")
        .entry
        .success = false;
    let found = audited(changed);
    let finding = found.findings.iter().next();
    assert!(
        matches!(finding, Some(Finding::Rewritten { sequence: 2, .. })),
        "{found:?}"
    );

    erase(&mut world, &id, first);
    let found = audited(world);
    let counts = (found.findings.len(), found.erased.len(), found.older);
    assert_eq!(counts, (0, 1, 1), "{found:?}");
    let by = found.erased[0].note.as_ref().map(|note| note.by.as_str());
    assert_eq!(by, Some("an admin"));
}

#[test]
fn an_older_expiry_proves_less_and_an_erasure_before_it_is_listed() {
    let (mut world, id) = (World::new(), incident(0));
    let first = append(&mut world, &id, step());
    append(&mut world, &id, step());
    erase(&mut world, &id, first);
    for sequence in [1, 2] {
        world.log(&id).entries.remove(&sequence);
        anchor(&mut world, &id, sequence, Act::Expired);
    }
    let found = audited(world.clone());
    let counts = (found.findings.len(), found.expired, found.older);
    assert_eq!(counts, (0, 2, 2), "{found:?}");
    let listed: Vec<u64> = found.erased.iter().map(|erased| erased.sequence).collect();
    assert_eq!(listed, [1]);
    // Nothing comes back.
    let (hash, kept) = (world.log(&id).head.hash.clone(), Kept::Unknown);
    anchor(&mut world, &id, 2, Act::Written { hash, kept });
    let found = audited(world);
    let again = |finding: &Finding| matches!(finding, Finding::Tampered { sequence: 2, .. });
    assert!(found.findings.iter().any(again), "{found:?}");
}

#[test]
fn a_leaf_that_is_told_in_both_forms_is_one_write() {
    let (mut world, id) = (World::new(), incident(0));
    let kept = SignedDuration::from_hours(24 * 30);
    // The batch was not printed before the witness was replaced.
    let mut ahead = world.clone();
    ahead.append(&id, step(), Some(kept));
    let hash = ahead.log(&id).head.hash.clone();
    anchor(
        &mut world,
        &id,
        1,
        Act::Written {
            hash,
            kept: Kept::Unknown,
        },
    );
    world.append(&id, step(), Some(kept));
    assert_eq!(audited(world.clone()).findings.len(), 0);
    // The promise is known now.
    world.expire(&id, 1);
    let found = audited(world);
    let early = |finding: &Finding| matches!(finding, Finding::Expired { .. });
    assert!(found.findings.iter().any(early), "{found:?}");
}

#[test]
fn other_words_in_an_older_erased_entry_are_not_what_was_left() {
    let (mut world, id) = (World::new(), incident(0));
    let first = append(&mut world, &id, step());
    // The witness is newer: it anchors what is left.
    let erased = world.without_output(&id, first.sequence);
    world.erase(&id, erased, None);
    let found = audited(world.clone());
    assert_eq!((found.findings.len(), found.older), (0, 1), "{found:?}");
    world
        .log(&id)
        .entries
        .get_mut(&1)
        .expect("it is there")
        .entry
        .detail = "other words".to_owned();
    let found = audited(world);
    let finding = found.findings.iter().next();
    assert!(
        matches!(finding, Some(Finding::Erased { sequence: 1, .. })),
        "{found:?}"
    );
}
