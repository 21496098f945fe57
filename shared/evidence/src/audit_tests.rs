//! Tests of the audit: what somebody does who can write the whole table, and the anchors' log group.

use domain::incident::operation_log::{Entry, Event, Head, LogRecord};
use domain::primitives::id::IncidentId;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;

use super::{Finding, InvalidCheckpoint, audit};
use crate::anchors::Anchor;
use crate::checkpoint::Checkpoint;
use crate::export::ExportLine;
use crate::leaf::{Act, Leaf};
use crate::note::Signer;
use crate::tree::Tree;

const INCIDENTS: usize = 4;
/// How many entries all logs of a history have.
const ENTRIES: i64 = 16;
const CROCKFORD: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn incident(place: usize) -> IncidentId {
    let last = char::from(CROCKFORD[place]);
    IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G5FA{last}").as_str()).expect("a ULID")
}

fn signer() -> Signer {
    Signer::from_secret("quell", &SecretString::from("evidence"))
}

/// The table: each incident's log, and what the incident says of its end.
type Logs = Vec<(IncidentId, Vec<Entry>, Head)>;

/// A table and what the witness printed while it was written, each entry a minute after the other.
fn history(rng: &mut Rng) -> (Logs, Vec<Anchor>) {
    let mut logs: Logs = (0..INCIDENTS)
        .map(|place| {
            let id = incident(place);
            (id.clone(), Vec::new(), Head::start(&id))
        })
        .collect();
    let (mut tree, mut anchors) = (Tree::default(), Vec::new());
    for minute in 0..ENTRIES {
        let (id, entries, head) = &mut logs[rng.usize(..INCIDENTS)];
        let now = at(minute * 60);
        let record = LogRecord::new(Event::StepFinished, "repair", format!("step {minute}"))
            .with(json!({ "exit": rng.u8(..) }));
        let entry = head.append(id, now, record);
        let leaf = Leaf {
            incident: id.clone(),
            sequence: entry.sequence,
            act: Act::Written {
                hash: entry.hash.clone(),
            },
        };
        entries.push(entry);
        witnessed(&mut tree, &mut anchors, leaf);
        if rng.u8(..3) == 0 {
            let note = Checkpoint::of("quell/test", &tree, now).sign(&signer());
            anchors.push(Anchor::Checkpoint { note });
        }
    }
    let note = Checkpoint::of("quell/test", &tree, at(3_600)).sign(&signer());
    anchors.push(Anchor::Checkpoint { note });
    (logs, anchors)
}

fn witnessed(tree: &mut Tree, anchors: &mut Vec<Anchor>, leaf: Leaf) {
    let index = tree.size();
    tree.push(leaf.to_string().as_bytes());
    anchors.push(Anchor::Leaf { index, leaf });
}

fn exported(logs: &Logs) -> Vec<ExportLine> {
    let lines = logs.iter().flat_map(|(id, entries, head)| {
        let incident_id = id.clone();
        let head = ExportLine::Head {
            incident_id,
            head: head.clone(),
        };
        let entry = |entry: &Entry| ExportLine::Entry {
            incident_id: id.clone(),
            entry: entry.clone(),
        };
        let entries: Vec<ExportLine> = entries.iter().map(entry).collect();
        entries.into_iter().chain([head])
    });
    lines.collect()
}

/// Writes a log anew from a place on, so that its chain is whole again.
fn rechained(id: &IncidentId, entries: &[Entry], head: &mut Head) -> Vec<Entry> {
    *head = Head::start(id);
    let again = |entry: &Entry| {
        let record = LogRecord::new(entry.event, entry.actor.clone(), entry.detail.clone());
        head.append(id, entry.at, record.with(entry.context.clone()))
    };
    entries.iter().map(again).collect()
}

/// Changes the table as somebody with all rights to it can, so that every chain in it is whole. Gives
/// the incident, and the first entry that is not as it was.
fn tamper(rng: &mut Rng, logs: &mut Logs) -> (&'static str, IncidentId, u64) {
    let place = loop {
        let place = rng.usize(..INCIDENTS);
        if logs[place].1.len() > 2 {
            break place;
        }
    };
    let (id, entries, head) = &mut logs[place];
    let id = id.clone();
    let cut = rng.usize(..entries.len());
    let sequence = u64::try_from(cut).expect("a number") + 1;
    match rng.u8(..5) {
        0 => {
            entries[cut].detail.push('!');
            *entries = rechained(&id, entries, head);
            ("rewritten", id, sequence)
        }
        1 => {
            entries.truncate(cut);
            *entries = rechained(&id, entries, head);
            ("cut short", id, sequence)
        }
        2 => {
            logs.remove(place);
            ("deleted", id, 1)
        }
        3 => {
            let other = (cut + 1) % entries.len();
            entries.swap(cut, other);
            let first = u64::try_from(cut.min(other)).expect("a number") + 1;
            *entries = rechained(&id, entries, head);
            ("put in another order", id, first)
        }
        _ => {
            entries.remove(cut);
            *entries = rechained(&id, entries, head);
            ("left out", id, sequence)
        }
    }
}

#[test]
fn what_was_written_passes() {
    let mut rng = Rng::with_seed(1);
    for _ in 0..20 {
        let (logs, anchors) = history(&mut rng);
        let found = audit(exported(&logs), anchors, &signer().verifier());
        assert_eq!((found.findings.len(), found.entries), (0, 16), "{found:?}");
        assert_eq!(found.last.map(|last| last.size), Some(16));
    }
}

#[test]
fn a_thousand_rewritten_tables_are_found_with_the_place() {
    let mut rng = Rng::with_seed(2);
    let histories: Vec<(Logs, Vec<Anchor>)> = (0..20).map(|_| history(&mut rng)).collect();
    for round in 0..1_000 {
        let (mut logs, anchors) = histories[round % histories.len()].clone();
        let (what, incident, sequence) = tamper(&mut rng, &mut logs);
        let found = audit(exported(&logs), anchors, &signer().verifier());
        let is_place = |finding: &Finding| match finding {
            Finding::Missing {
                incident: id,
                sequence: n,
            }
            | Finding::Rewritten {
                incident: id,
                sequence: n,
            } => *id == incident && *n == sequence,
            _ => false,
        };
        assert!(
            found.findings.iter().any(is_place),
            "{round}: {incident} {sequence} was {what}: {found:?}"
        );
        let others = found.findings.iter().filter(|finding| match finding {
            Finding::Missing { incident: id, .. } | Finding::Rewritten { incident: id, .. } => {
                *id != incident
            }
            _ => true,
        });
        assert_eq!(others.count(), 0, "{round}: {what}: {found:?}");
    }
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
                let note = Checkpoint::of("quell/test", &Tree::default(), at(0)).sign(&other);
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
                *note = note.replacen("\n16\n", "\n15\n", 1);
            },
            |finding| matches!(finding, Finding::Note(InvalidCheckpoint::Forged)),
        ),
    ];
    for (case, bend, is_found) in cases {
        let (logs, mut anchors) = history(&mut Rng::with_seed(3));
        bend(&mut anchors);
        let found = audit(exported(&logs), anchors, &signer().verifier());
        assert!(found.findings.iter().any(is_found), "{case}: {found:?}");
    }
}

#[test]
fn what_the_stream_told_is_told() {
    let (logs, anchors) = history(&mut Rng::with_seed(4));
    let told = |act: Act, gone: bool| {
        let (mut logs, mut anchors) = (logs.clone(), anchors.clone());
        let mut tree = Tree::default();
        for anchor in &anchors {
            if let Anchor::Leaf { leaf, .. } = anchor {
                tree.push(leaf.to_string().as_bytes());
            }
        }
        let leaf = Leaf {
            incident: logs[0].0.clone(),
            sequence: 1,
            act,
        };
        witnessed(&mut tree, &mut anchors, leaf);
        let note = Checkpoint::of("quell/test", &tree, at(3_601)).sign(&signer());
        anchors.push(Anchor::Checkpoint { note });
        if gone {
            logs[0].1.remove(0);
        }
        audit(exported(&logs), anchors, &signer().verifier())
    };
    let hash = || "00".to_owned();
    for act in [Act::Changed { hash: hash() }, Act::Deleted] {
        let found = told(act, false);
        assert!(
            matches!(
                found.findings.iter().next(),
                Some(Finding::Tampered { sequence: 1, .. })
            ),
            "{found:?}"
        );
    }
    let twice = told(Act::Written { hash: hash() }, false);
    let first = twice.findings.iter().next();
    assert!(matches!(first, Some(Finding::Twice { .. })), "{twice:?}");
    // What DynamoDB deleted after its time is gone for good, and no finding.
    let expired = told(Act::Expired, true);
    assert_eq!(
        (expired.findings.len(), expired.expired),
        (0, 1),
        "{expired:?}"
    );
}

#[test]
fn an_entry_that_was_erased_is_told_apart_from_one_that_was_changed() {
    let (mut logs, mut anchors) = history(&mut Rng::with_seed(6));
    let mut tree = Tree::default();
    for anchor in &anchors {
        if let Anchor::Leaf { leaf, .. } = anchor {
            tree.push(leaf.to_string().as_bytes());
        }
    }
    let (id, entries, _) = &mut logs[0];
    let id = id.clone();
    entries[0].erased = true;
    entries[0].actor = "erased".to_owned();
    let hash = entries[0].hash.clone();
    let unnoted = (exported(&logs), anchors.clone());
    let (_, entries, _) = &mut logs[0];
    let note = LogRecord::new(Event::ContentErased, "an admin", "asked to")
        .with(json!({ "entries": [1] }));
    let mut end = head_of(entries, &id);
    let note = end.append(&id, at(3_500), note);
    let written = Act::Written {
        hash: note.hash.clone(),
    };
    let noted = note.sequence;
    entries.push(note);
    logs[0].2 = end;
    for (sequence, act) in [(noted, written), (1, Act::Erased { hash })] {
        let incident = id.clone();
        let leaf = Leaf {
            incident,
            sequence,
            act,
        };
        witnessed(&mut tree, &mut anchors, leaf);
    }
    let last = Checkpoint::of("quell/test", &tree, at(3_601)).sign(&signer());
    anchors.push(Anchor::Checkpoint { note: last });
    let found = audit(exported(&logs), anchors.clone(), &signer().verifier());
    assert_eq!((found.findings.len(), found.erased), (0, 1), "{found:?}");
    // Nobody said so.
    let found = audit(unnoted.0, unnoted.1, &signer().verifier());
    let finding = found.findings.iter().next();
    assert!(
        matches!(finding, Some(Finding::Erased { sequence: 1, .. })),
        "{found:?}"
    );
    // Another hash than the one that was anchored is no erasure.
    logs[0].1[0].hash = "00".to_owned();
    let found = audit(exported(&logs), anchors, &signer().verifier());
    let is_rewritten =
        |finding: &Finding| matches!(finding, Finding::Rewritten { sequence: 1, .. });
    assert!(found.findings.iter().any(is_rewritten), "{found:?}");
}

/// The end of a log.
fn head_of(entries: &[Entry], id: &IncidentId) -> Head {
    entries.last().map_or_else(
        || Head::start(id),
        |last| Head {
            sequence: last.sequence,
            hash: last.hash.clone(),
        },
    )
}

#[test]
fn an_entry_behind_the_last_checkpoint_is_not_anchored_yet() {
    let (mut logs, anchors) = history(&mut Rng::with_seed(5));
    let mut add = |second| {
        let (id, entries, head) = &mut logs[0];
        let record = LogRecord::new(Event::StepStarted, "repair", "later");
        entries.push(head.append(id, at(second), record));
        let found = audit(exported(&logs), anchors.clone(), &signer().verifier());
        (found.findings.len(), found.not_yet)
    };
    let minutes = |minutes| SignedDuration::from_mins(minutes).as_secs();
    assert_eq!(add(minutes(61)), (0, 1));
    // One of before should have been seen.
    assert_eq!(add(minutes(40)), (1, 1));
}
