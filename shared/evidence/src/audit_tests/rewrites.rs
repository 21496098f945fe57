//! Twelve hundred rewrites by somebody who can write the whole table, of twelve kinds: each is found with its place.

use domain::incident::operation_log::{Entry, Event};
use domain::primitives::id::IncidentId;
use fastrand::Rng;

use super::world::{INCIDENTS, Stored, World, incident};
use crate::audit::Audit;
use crate::finding::Finding;

/// How many rewrites of each kind are tried.
const TRIES: usize = 100;
/// Of how many kinds, the first ones, the stream tells nothing: they are found in the export alone.
const UNSEEN: usize = 5;
/// The kinds, as `docs/security.md` has them.
const KINDS: [(&str, Rewrite); 12] = [
    ("a text is changed, and the chain made anew", text_changed),
    ("the log is cut short, and the chain made anew", cut_short),
    (
        "two entries change places, and the chain is made anew",
        out_of_order,
    ),
    ("an entry is left out, and the chain made anew", left_out),
    ("the whole log is deleted, with its incident", log_deleted),
    ("an entry is written over, with the old hash", written_over),
    (
        "an entry is given an end that is over, and expires",
        re_dated,
    ),
    (
        "an entry is erased and given such an end, and expires",
        expired,
    ),
    (
        "the same, and it is written again with the old hash and another text",
        expired_and_written_again,
    ),
    (
        "an entry is deleted, and written again as it was",
        deleted_and_written_again,
    ),
    (
        "an entry is marked as erased with another text, and an entry says so",
        erased_with_words,
    ),
    (
        "texts are erased as `quell erase` does it, and an entry says so",
        erased_as_we_do,
    ),
];

/// Changes the table, at this entry.
type Rewrite = fn(&mut World, &IncidentId, u64);

/// The entries of a log, and the place of one among them.
fn entries(world: &mut World, id: &IncidentId, sequence: u64) -> (Vec<Entry>, usize) {
    let entries = world.log(id).entries.values();
    let entries: Vec<Entry> = entries.map(|stored| stored.entry.clone()).collect();
    let place = entries.iter().position(|entry| entry.sequence == sequence);
    (entries, place.expect("it is there"))
}

fn text_changed(world: &mut World, id: &IncidentId, sequence: u64) {
    let (mut entries, place) = entries(world, id, sequence);
    entries[place].detail.push('!');
    world.log(id).rechain(id, entries);
}

fn cut_short(world: &mut World, id: &IncidentId, sequence: u64) {
    let (mut entries, place) = entries(world, id, sequence);
    entries.truncate(place);
    world.log(id).rechain(id, entries);
}

fn out_of_order(world: &mut World, id: &IncidentId, sequence: u64) {
    let (mut entries, place) = entries(world, id, sequence);
    // The one that is named is the first of the two.
    let other = entries.len() - 1;
    entries.swap(place, other);
    world.log(id).rechain(id, entries);
}

fn left_out(world: &mut World, id: &IncidentId, sequence: u64) {
    let (mut entries, place) = entries(world, id, sequence);
    entries.remove(place);
    world.log(id).rechain(id, entries);
}

fn log_deleted(world: &mut World, id: &IncidentId, _: u64) {
    world.logs.remove(id);
}

/// An entry as it is, with another text and the hash that it has.
fn with_other_text(world: &mut World, id: &IncidentId, sequence: u64) -> Stored {
    let mut stored = world.log(id).entries[&sequence].clone();
    stored.entry.detail = "nothing happened".to_owned();
    stored
}

fn written_over(world: &mut World, id: &IncidentId, sequence: u64) {
    let Stored { entry, expires_at } = with_other_text(world, id, sequence);
    world.put(id, entry, expires_at);
}

fn re_dated(world: &mut World, id: &IncidentId, sequence: u64) {
    let entry = world.log(id).entries[&sequence].entry.clone();
    world.put(id, entry, Some(world.now));
    world.expire(id, sequence);
}

fn expired(world: &mut World, id: &IncidentId, sequence: u64) {
    let erased = world.without_output(id, sequence);
    world.erase(id, erased, Some(world.now));
    world.expire(id, sequence);
}

fn expired_and_written_again(world: &mut World, id: &IncidentId, sequence: u64) {
    let Stored { entry, expires_at } = with_other_text(world, id, sequence);
    expired(world, id, sequence);
    world.put(id, entry, expires_at);
}

fn deleted_and_written_again(world: &mut World, id: &IncidentId, sequence: u64) {
    let Stored { entry, expires_at } = world.log(id).entries[&sequence].clone();
    world.delete(id, sequence);
    world.put(id, entry, expires_at);
}

fn erased_with_words(world: &mut World, id: &IncidentId, sequence: u64) {
    let mut erased = world.without_output(id, sequence);
    erased.after.detail = "nothing happened".to_owned();
    world.erase(id, erased, None);
}

fn erased_as_we_do(world: &mut World, id: &IncidentId, sequence: u64) {
    let erased = world.without_output(id, sequence);
    world.erase(id, erased, None);
}

/// Whether the audit names a rewrite of an entry, and nothing of other incidents.
fn names(audit: &Audit, id: &IncidentId, sequence: u64) -> bool {
    let place = |finding: &Finding| match finding {
        Finding::Missing { incident, sequence }
        | Finding::Rewritten { incident, sequence }
        | Finding::Tampered {
            incident, sequence, ..
        }
        | Finding::Expired {
            incident, sequence, ..
        }
        | Finding::Erased { incident, sequence }
        | Finding::Left { incident, sequence } => Some((incident.clone(), *sequence)),
        Finding::Chain { incident, .. } => Some((incident.clone(), 0)),
        _ => None,
    };
    let places: Vec<_> = audit.findings.iter().map(place).collect();
    let erased = audit
        .erased
        .iter()
        .map(|erased| (&erased.incident, erased.sequence));
    let found = places.contains(&Some((id.clone(), sequence)))
        || erased.into_iter().any(|erased| erased == (id, sequence));
    let elsewhere = places
        .iter()
        .filter(|place| place.as_ref().is_none_or(|place| place.0 != *id));
    found && elsewhere.count() == 0
}

/// An entry that can be rewritten in any way: a step that printed something, and behind which others stand.
fn target(world: &mut World, rng: &mut Rng, rechained: bool) -> (IncidentId, u64) {
    // The chain of a log of which entries have expired cannot be made anew: the numbers would be others.
    let place = match rechained {
        true => rng.usize(..INCIDENTS / 2) * 2 + 1,
        false => rng.usize(..INCIDENTS),
    };
    let id = incident(place);
    let log = world.log(&id);
    let last = log.head.sequence;
    let steps = log.entries.values().map(|stored| &stored.entry);
    let steps = steps.filter(|entry| entry.event == Event::StepFinished && !entry.erased);
    let steps: Vec<u64> = steps
        .map(|entry| entry.sequence)
        .filter(|n| *n < last)
        .collect();
    (id, steps[rng.usize(..steps.len())])
}

#[test]
fn every_rewrite_is_found_with_its_place() {
    let mut rng = Rng::with_seed(2);
    let histories: Vec<World> = (0..20).map(|_| World::history(&mut rng)).collect();
    let document = include_str!("../../../../docs/security.md");
    for (number, (kind, rewrite)) in KINDS.into_iter().enumerate() {
        let mut found = 0;
        for round in 0..TRIES {
            let mut world = histories[round % histories.len()].clone();
            let (id, sequence) = target(&mut world, &mut rng, number < UNSEEN);
            rewrite(&mut world, &id, sequence);
            world.checkpoint();
            let audit = world.audit();
            let is_found = names(&audit, &id, sequence);
            assert!(is_found, "{kind}: {id} {sequence}: {audit:?}");
            found += usize::from(is_found);
        }
        let row = format!("| {kind} | {TRIES} | {found} |");
        assert!(document.contains(&row), "docs/security.md has no row {row}");
    }
}
