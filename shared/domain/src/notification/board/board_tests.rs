//! Tests of the board: whatever comes in whatever order and twice, it ends as a board that is made anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

use super::{Board, Census, Found, Mark, Projection, ROWS_BYTES, Row, RowKind, SHOWN, project};
use crate::analysis::Severity;
use crate::incident::Status;
use crate::notification::channels::Channels;
use crate::primitives::id::IncidentId;
use crate::transition::lifecycle::tests::incident;

/// How many incidents the boards of these tests show: a few more are enough to have some that are not.
const FEW: usize = 3;

fn id(number: usize) -> IncidentId {
    IncidentId::try_from(format!("01KA{number:022}")).expect("a ULID")
}

fn row(number: usize, severity: Severity, status: Status) -> Row {
    Row {
        id: id(number),
        kind: RowKind::Alert,
        status,
        severity,
        name: format!("Alert{number}"),
        target: "web".to_owned(),
        message: String::new(),
        service: None,
        namespace: None,
        cluster: None,
        teams: Vec::new(),
        opened_at: Timestamp::UNIX_EPOCH,
        hit_count: 1,
        flaps: 0,
        responder: None,
        decide_until: None,
        members: None,
    }
}

fn open(number: usize, severity: Severity, status: Status) -> (IncidentId, Found) {
    let row = Box::new(row(number, severity, status));
    (id(number), Found::Open(row))
}

/// What the table has of each incident.
type Table = BTreeMap<IncidentId, Found>;

fn read(table: &Table, id: &IncidentId) -> (IncidentId, Found) {
    (id.clone(), table.get(id).cloned().unwrap_or(Found::Gone))
}

/// Reads what is missing until nothing is, and gives the board: as the function does.
fn completed(mut projection: Projection, table: &Table) -> (Projection, Board) {
    loop {
        let missing = projection.missing();
        if missing.is_empty() {
            let board = projection.board();
            return (projection, board);
        }
        projection = project(projection, missing.iter().map(|id| read(table, id)));
    }
}

fn made_anew(table: &Table) -> Board {
    let mut projection = Projection::empty(FEW);
    for (id, found) in table {
        projection.count(id, Mark::found(found));
    }
    completed(projection, table).1
}

#[derive(Debug, Clone)]
enum Step {
    /// An incident changes in the table. The stream has it from then on.
    Change(usize, Severity, Status, bool),
    Ends(usize),
    CannotBeRead(usize),
    /// A batch of the stream arrives: of these changes, in this order, some of them again.
    Batch(Vec<usize>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = 0usize..8;
    let severity = prop_oneof![Just(Severity::P0), Just(Severity::P1), Just(Severity::P3)];
    let status = prop_oneof![
        Just(Status::Open),
        Just(Status::NeedsHuman),
        Just(Status::Repairing),
        Just(Status::InStorm)
    ];
    let change = (one.clone(), severity, status, any::<bool>());
    let step = prop_oneof![
        6 => change.prop_map(|(one, severity, status, taken)| Step::Change(one, severity, status, taken)),
        3 => one.clone().prop_map(Step::Ends),
        1 => one.clone().prop_map(Step::CannotBeRead),
        6 => prop::collection::vec(one, 1..6).prop_map(Step::Batch),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn changes_in_any_order_end_as_a_board_made_anew(steps in steps()) {
        let mut table = Table::new();
        let mut board = Board::default();
        let mut census = Census::default();
        // What changed is in the stream until a batch has it; a batch may have it again.
        let mut due = Vec::new();
        for step in steps {
            let batch = match step {
                Step::Change(one, severity, status, taken) => {
                    let mut row = row(one, severity, status);
                    row.responder = taken.then(|| "ada".to_owned());
                    table.insert(id(one), Found::Open(Box::new(row)));
                    due.push(one);
                    continue;
                }
                Step::Ends(one) => {
                    table.remove(&id(one));
                    due.push(one);
                    continue;
                }
                Step::CannotBeRead(one) => {
                    table.insert(id(one), Found::Unreadable);
                    due.push(one);
                    continue;
                }
                Step::Batch(batch) => batch,
            };
            due.retain(|one| !batch.contains(one));
            // Between two batches nothing is kept but what is stored.
            let before = Projection::new(census, board.rows, FEW);
            let after = project(before, batch.iter().map(|one| read(&table, &id(*one))));
            let (after, shown) = completed(after, &table);
            (census, board) = (after.census().clone(), shown);
        }
        let before = Projection::new(census, board.rows, FEW);
        let after = project(before, due.iter().map(|one| read(&table, &id(*one))));
        prop_assert_eq!(completed(after, &table).1, made_anew(&table));
    }
}

#[test]
fn the_worst_come_first_and_the_newest_of_them() {
    let all = [
        open(1, Severity::P1, Status::NeedsHuman),
        open(2, Severity::P3, Status::Repairing),
        open(3, Severity::P1, Status::Open),
        open(4, Severity::P0, Status::InStorm),
        open(5, Severity::P2, Status::Approved),
    ];
    let board = project(Projection::empty(FEW), all).board();
    let shown: Vec<&IncidentId> = board.rows.iter().map(|row| &row.id).collect();
    assert_eq!(shown, [&id(3), &id(1), &id(5)]);
    assert_eq!(board.left_out(), 1);
    assert_eq!(board.repairing, [id(5), id(2)]);
    let counts = &board.counts;
    assert_eq!((counts.open, counts.in_storms, counts.listed()), (5, 1, 4));
    assert_eq!(counts.by_severity[&Severity::P1], 2);
    assert_eq!(counts.by_status.get(&Status::InStorm), None);
    assert_eq!(counts.waiting, 1);
    assert!(board.moves());
}

#[test]
fn who_moves_up_is_missing_until_it_is_read() {
    let all = (1..=4).map(|number| open(number, Severity::P1, Status::NeedsHuman));
    let before = project(Projection::empty(FEW), all);
    let stored = Projection::new(before.census().clone(), before.board().rows, FEW);
    assert_eq!(stored.missing(), []);
    let after = project(stored, [(id(4), Found::Gone)]);
    assert_eq!(after.missing(), [id(1)]);
    assert_eq!(after.board().left_out(), 1, "it is counted meanwhile");
    let after = project(after, [open(1, Severity::P1, Status::NeedsHuman)]);
    assert_eq!((after.missing(), after.board().left_out()), (vec![], 0));
}

#[test]
fn the_longest_rows_fit_into_an_item() {
    let longest = |number| {
        let mut row = row(number, Severity::P0, Status::NeedsHuman);
        // Each of the marks takes two bytes in JSON.
        row.name = "\"".repeat(256);
        row.message = "\u{1f525}".repeat(300);
        (id(number), Found::Open(Box::new(row)))
    };
    let board = project(Projection::empty(SHOWN), (0..SHOWN).map(longest)).board();
    let bytes = serde_json::to_string(&board.rows).expect("JSON").len();
    assert!(bytes <= ROWS_BYTES + SHOWN, "{bytes}");
    assert!(board.rows.len() < SHOWN, "{}", board.rows.len());
    assert_eq!(board.rows.len() + board.left_out(), SHOWN);
    let usual = (0..SHOWN).map(|number| open(number, Severity::P0, Status::NeedsHuman));
    let board = project(Projection::empty(SHOWN), usual).board();
    assert_eq!(board.rows.len(), SHOWN);
}

#[test]
fn a_board_is_stored_as_json_and_read_again() {
    let mut one = incident();
    one.status = Status::NeedsHuman;
    let found = Found::of(&one, &Channels::default());
    let projection = project(Projection::empty(FEW), [(one.id.clone(), found)]);
    let board = projection.board();
    assert_eq!(board.rows[0].name, "TargetDown");
    assert!(board.rows[0].waits_for_people());
    let json = serde_json::to_string(&board).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Board>(&json).expect("a board"),
        board
    );
    one.status = Status::Resolved;
    assert_eq!(Found::of(&one, &Channels::default()), Found::Gone);
}
