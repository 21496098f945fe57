//! The census of the board: what the counts and the order need of every open incident.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analysis::Severity;
use crate::incident::Status;
use crate::notification::board::row::{Found, waits};
use crate::primitives::id::IncidentId;

/// What the counts and the order need of an open incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Open {
        severity: Severity,
        status: Status,
        /// True if it waits for people.
        waits: bool,
    },
    Unreadable,
}

impl Mark {
    /// The mark of an incident, if it is open; `taken` says that somebody is on it.
    pub fn of(severity: Severity, status: Status, taken: bool) -> Option<Self> {
        let waits = waits(status, taken);
        status.is_open().then_some(Self::Open {
            severity,
            status,
            waits,
        })
    }

    pub(super) fn found(found: &Found) -> Option<Self> {
        match found {
            Found::Open(row) => Self::of(row.severity, row.status, row.responder.is_some()),
            Found::Unreadable => Some(Self::Unreadable),
            Found::Gone => None,
        }
    }

    /// Its severity, if the board lists it: a member of a storm is shown by the storm.
    fn listed(self) -> Option<Severity> {
        match self {
            Self::Open {
                severity, status, ..
            } if status != Status::InStorm => Some(severity),
            _ => None,
        }
    }
}

/// All open incidents, each with its mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census(BTreeMap<IncidentId, Mark>);

impl FromIterator<(IncidentId, Mark)> for Census {
    fn from_iter<I: IntoIterator<Item = (IncidentId, Mark)>>(marks: I) -> Self {
        Self(marks.into_iter().collect())
    }
}

impl Census {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that could not be read.
    pub fn unreadable(&self) -> impl Iterator<Item = &IncidentId> {
        let unreadable = self.0.iter().filter(|(_, mark)| **mark == Mark::Unreadable);
        unreadable.map(|(id, _)| id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&IncidentId, Mark)> {
        self.0.iter().map(|(id, mark)| (id, *mark))
    }

    /// Counts an incident as it is now; none if it is not open.
    pub fn count(&mut self, id: &IncidentId, mark: Option<Mark>) {
        match mark {
            Some(mark) => self.0.insert(id.clone(), mark),
            None => self.0.remove(id),
        };
    }

    /// The worst of those that are listed, and the newest of them first.
    pub(super) fn worst(&self, most: usize) -> Vec<&IncidentId> {
        let listed = |(id, mark): (_, &Mark)| Some((mark.listed()?, Reverse(id)));
        let mut listed: Vec<_> = self.0.iter().filter_map(listed).collect();
        // Only those that are shown are sorted: there may be a hundred thousand.
        if listed.len() > most {
            listed.select_nth_unstable(most);
            listed.truncate(most);
        }
        listed.sort_unstable();
        listed.into_iter().map(|(_, Reverse(id))| id).collect()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts {
            open: self.len(),
            ..Counts::default()
        };
        for mark in self.0.values() {
            match *mark {
                Mark::Unreadable => counts.unreadable += 1,
                Mark::Open {
                    status: Status::InStorm,
                    ..
                } => counts.in_storms += 1,
                Mark::Open {
                    severity,
                    status,
                    waits,
                } => {
                    *counts.by_severity.entry(severity).or_default() += 1;
                    *counts.by_status.entry(status).or_default() += 1;
                    counts.waiting += usize::from(waits);
                }
            }
        }
        counts
    }

    /// Those whose plan is approved or runs, newest first.
    pub(super) fn repairing(&self, most: usize) -> Vec<IncidentId> {
        let runs = |mark: &Mark| {
            matches!(
                mark,
                Mark::Open {
                    status: Status::Approved | Status::Repairing,
                    ..
                }
            )
        };
        let running = self.0.iter().rev().filter(|(_, mark)| runs(mark));
        running.map(|(id, _)| id.clone()).take(most).collect()
    }
}

/// How many incidents are open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub open: usize,
    /// The members of storms, which their storms show.
    pub in_storms: usize,
    /// Those whose items cannot be read.
    pub unreadable: usize,
    /// Of all others, which are those that the board lists.
    pub by_severity: BTreeMap<Severity, usize>,
    pub by_status: BTreeMap<Status, usize>,
    pub waiting: usize,
}

impl Counts {
    /// How many the board lists.
    pub fn listed(&self) -> usize {
        self.by_severity.values().sum()
    }
}
