//! The board: the open incidents as people look at them, the worst first, with their counts, as one document (decision 46).
//!
//! It is projected from a census, which has of each open incident what the counts and the order need, and from the rows of those that
//! are shown. A change is the incident as it is now, not a difference: taken twice it is taken once.

mod census;
mod row;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::census::{Census, Counts, Mark};
pub use self::row::{Found, Members, ROWS_BYTES, Row, RowKind};

use crate::incident::Status;
use crate::primitives::id::IncidentId;

/// How many incidents the board shows.
pub const SHOWN: usize = 200;

/// What people see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    pub counts: Counts,
    /// The worst of those that are listed, and the newest of them first; [`SHOWN`] at most.
    pub rows: Vec<Row>,
    /// Those whose plan is approved or runs, newest first; [`SHOWN`] at most.
    pub repairing: Vec<IncidentId>,
}

impl Board {
    /// How many there are beyond the rows, without those of storms.
    pub fn left_out(&self) -> usize {
        let counts = &self.counts;
        let told = self.rows.len() + counts.in_storms + counts.unreadable;
        counts.open.saturating_sub(told)
    }

    /// True while Quell itself is at work on something that is shown.
    pub fn moves(&self) -> bool {
        self.rows.iter().any(|row| {
            matches!(
                row.status,
                Status::Open | Status::Approved | Status::Repairing | Status::Repaired
            )
        })
    }
}

/// What a board is made of: the census, and the rows that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    census: Census,
    rows: BTreeMap<IncidentId, Row>,
    shown: usize,
}

impl Projection {
    /// Of nothing: a board is made anew from all open incidents.
    pub fn empty(shown: usize) -> Self {
        Self::new(Census::default(), Vec::new(), shown)
    }

    /// Of what is stored. Without its rows they are all missing, and are read anew.
    pub fn new(census: Census, rows: Vec<Row>, shown: usize) -> Self {
        let rows = rows.into_iter().map(|row| (row.id.clone(), row));
        Self {
            census,
            rows: rows.collect(),
            shown,
        }
    }

    pub fn census(&self) -> &Census {
        &self.census
    }

    /// Takes an incident as it is now into the counts alone. Its row is missing then if it is one of the worst.
    pub fn count(&mut self, id: &IncidentId, mark: Option<Mark>) {
        self.census.count(id, mark);
        self.rows.remove(id);
    }

    /// Takes an incident as it is now.
    pub fn take(&mut self, id: IncidentId, found: Found) {
        self.census.count(&id, Mark::found(&found));
        match found {
            Found::Open(row) => self.rows.insert(id, *row),
            Found::Unreadable | Found::Gone => self.rows.remove(&id),
        };
    }

    /// Those that are shown and whose rows are not known: they have moved up. They have to be read and taken before there is a board.
    pub fn missing(&self) -> Vec<IncidentId> {
        let worst = self.census.worst(self.shown).into_iter();
        let missing = worst.filter(|id| !self.rows.contains_key(*id));
        missing.cloned().collect()
    }

    /// The board: the worst as far as their rows are known and fit into an item.
    pub fn board(&self) -> Board {
        let mut bytes = 0;
        let worst = self.census.worst(self.shown).into_iter();
        let rows = worst.filter_map(|id| self.rows.get(id));
        let rows = rows.take_while(|row| {
            bytes += row.bytes();
            bytes <= ROWS_BYTES
        });
        Board {
            counts: self.census.counts(),
            rows: rows.cloned().collect(),
            repairing: self.census.repairing(self.shown),
        }
    }
}

/// A projection with changes, each of which is an incident as it is now.
pub fn project(
    mut before: Projection,
    changes: impl IntoIterator<Item = (IncidentId, Found)>,
) -> Projection {
    for (id, found) in changes {
        before.take(id, found);
    }
    before
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
