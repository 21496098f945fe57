//! Tests of leaves: their text, and what a write is as one.

use domain::incident::erasure::Erasure;
use domain::incident::operation_log::{Entry, Event, Head, LogRecord};
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use serde_json::json;

use super::{Item, Leaf, Write};

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const AT: i64 = 1_800_000_000;

fn incident() -> IncidentId {
    IncidentId::try_from(ID).expect("a ULID")
}

/// The first entry of a log.
fn entry() -> Entry {
    let record = LogRecord::new(Event::StepFinished, "repair", "step 1");
    let record = record.with(json!({ "result": { "stdout": "hello" } }));
    Head::start(&incident()).append(&incident(), Timestamp::UNIX_EPOCH, record)
}

fn leaf(write: Write<'_>) -> Leaf {
    Leaf::of(incident(), 1, AT, write)
}

fn item(entry: &Entry) -> Option<Item<'_>> {
    let expires_at = Some(Timestamp::from_second(AT + 60).expect("a time"));
    Some(Item { entry, expires_at })
}

#[test]
fn a_leaf_is_one_line_and_no_other() {
    for text in [
        format!("written {ID} 1 v2:ab {AT} ever"),
        format!("written {ID} 1 v2:ab {AT} 1900000000"),
        format!("changed {ID} 7 cd {AT}"),
        format!("erased {ID} 7 cd {AT} 1900000000 ef"),
        format!("deleted {ID} 2 {AT}"),
        format!("expired {ID} 3 {AT}"),
        // As they were before.
        format!("written {ID} 1 ab"),
        format!("changed {ID} 7 cd"),
        format!("erased {ID} 7 cd"),
        format!("deleted {ID} 2"),
        format!("expired {ID} 3"),
    ] {
        let leaf: Leaf = text.parse().expect("a leaf");
        assert_eq!(leaf.to_string(), text);
    }
    for text in [
        String::new(),
        format!("written {ID} 1"),
        format!("deleted {ID} 1 ab"),
        format!("written {ID} -1 ab"),
        format!("written {ID} 1 ab cd"),
        format!("written {ID} 1 ab {AT} never"),
        format!("erased {ID} 1 ab {AT} ever"),
        "written nobody 1 ab".to_owned(),
    ] {
        assert!(text.parse::<Leaf>().is_err(), "{text}");
    }
}

#[test]
fn a_write_is_a_leaf_with_the_hash_and_the_promise() {
    let entry = entry();
    let hash = &entry.hash;
    let ever = Item {
        entry: &entry,
        expires_at: None,
    };
    let output = Erasure::Output
        .entry(&entry)
        .expect("it printed something")
        .after;
    let left = output.left(&incident());
    for (write, text, is_tampering) in [
        (
            Write::Inserted(Some(ever)),
            format!("written {ID} 1 {hash} {AT} ever"),
            false,
        ),
        (
            Write::Inserted(item(&entry)),
            format!("written {ID} 1 {hash} {AT} {}", AT + 60),
            false,
        ),
        (
            Write::Modified(item(&output)),
            format!("erased {ID} 1 {hash} {AT} {} {left}", AT + 60),
            false,
        ),
        (
            Write::Modified(item(&entry)),
            format!("changed {ID} 1 {hash} {AT}"),
            true,
        ),
        (Write::Expired, format!("expired {ID} 1 {AT}"), false),
        (Write::Deleted, format!("deleted {ID} 1 {AT}"), true),
    ] {
        let leaf = leaf(write);
        assert_eq!(
            (leaf.to_string(), leaf.is_tampering()),
            (text, is_tampering)
        );
    }
}

#[test]
fn what_is_no_entry_of_ours_has_no_hash() {
    let entry = entry();
    let with = |change: fn(&mut Entry)| {
        let mut changed = entry.clone();
        change(&mut changed);
        changed
    };
    let other_text = with(|entry| entry.detail = "nothing happened".to_owned());
    let other_number = with(|entry| entry.sequence = 2);
    let output = Erasure::Output
        .entry(&entry)
        .expect("it printed something")
        .after;
    for inserted in [None, item(&other_text), item(&other_number), item(&output)] {
        let leaf = leaf(Write::Inserted(inserted));
        assert_eq!(leaf.to_string(), format!("written {ID} 1 none {AT} ever"));
        assert!(leaf.is_tampering());
    }
    // Marked as erased, with words in the place of others.
    let words = with(|entry| {
        (entry.erased, entry.detail) = (true, "nothing happened".to_owned());
    });
    let long = with(|entry| (entry.erased, entry.hash) = (true, "a".repeat(400_000)));
    let lines = with(|entry| (entry.erased, entry.hash) = (true, "a b\nc".to_owned()));
    let hash = &entry.hash;
    assert_eq!(
        leaf(Write::Modified(item(&words))).to_string(),
        format!("changed {ID} 1 {hash} {AT}")
    );
    assert_eq!(
        leaf(Write::Modified(None)).to_string(),
        format!("changed {ID} 1 none {AT}")
    );
    for modified in [&long, &lines] {
        // With an older hash the texts of an erased entry are not known; but the hash is none.
        let text = leaf(Write::Modified(item(modified))).to_string();
        assert!(
            text.starts_with(&format!("erased {ID} 1 none {AT} ")),
            "{text}"
        );
        assert_eq!(text.parse::<Leaf>().map(|leaf| leaf.to_string()), Ok(text));
    }
}
