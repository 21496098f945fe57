//! The board: the open incidents as people look at them, the worst first, with their counts, as one document (decision 46).
//!
//! It is projected from a census, which has of each open incident what the counts and the order need, and from the rows of those that
//! are shown. A change is the incident as it is now, not a difference: taken twice it is taken once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::analysis::Severity;
use crate::incident::approval::ApprovalState;
use crate::incident::parts::IncidentKind;
use crate::incident::{Incident, Status};
use crate::notification::channels::Channels;
use crate::primitives::id::IncidentId;
use crate::primitives::names::named;
use crate::primitives::safe_text::line;

/// How many incidents the board shows.
pub const SHOWN: usize = 200;
/// The most bytes that its rows have as JSON. An item of DynamoDB has at most 400 KB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
pub const ROWS_BYTES: usize = 300_000;
/// How much of a name and of a message a row has.
const NAME_CHARACTERS: usize = 256;
const MESSAGE_CHARACTERS: usize = 300;

named! {
    /// What opened an incident, without what belongs to it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RowKind {
        Alert = "alert",
        Pipeline = "pipeline",
        Storm = "storm",
        StormMember = "storm_member",
    }
}

/// How many incidents a storm has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    pub all: u64,
    pub open: u64,
    pub critical_open: u64,
}

/// An incident in a few words, each of them bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub id: IncidentId,
    pub kind: RowKind,
    pub status: Status,
    pub severity: Severity,
    /// The name of the worst of its alerts, what that is about, and what it says.
    pub name: String,
    pub target: String,
    pub message: String,
    /// The service in the registry, where there is a plan for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The teams that the routes of channels.json give it to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    pub opened_at: Timestamp,
    /// The sightings as of the incident's last change.
    pub hit_count: u64,
    pub flaps: u64,
    /// Who works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responder: Option<String>,
    /// Until when a plan waits for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Members>,
}

impl Row {
    pub fn of(incident: &Incident, channels: &Channels) -> Self {
        let (name, target, message) = incident.worst_texts();
        let alert = &incident.alert;
        let short = |text: &str| line(text, NAME_CHARACTERS);
        let namespace = Some(&alert.namespace).filter(|name| *name != Alert::NO_NAMESPACE);
        Self {
            id: incident.id.clone(),
            kind: match incident.kind {
                IncidentKind::Alert => RowKind::Alert,
                IncidentKind::Pipeline => RowKind::Pipeline,
                IncidentKind::Storm(_) => RowKind::Storm,
                IncidentKind::StormMember { .. } => RowKind::StormMember,
            },
            status: incident.status,
            severity: incident.severity,
            name: short(name),
            target: short(target),
            message: line(message, MESSAGE_CHARACTERS),
            service: incident.plan.as_ref().map(|plan| short(&plan.target)),
            namespace: namespace.map(|name| short(name)),
            cluster: alert.subject.cluster.as_deref().map(short),
            teams: channels.teams_of(incident).map(short).collect(),
            opened_at: incident.opened_at,
            hit_count: incident.hit_count,
            flaps: incident.flaps,
            responder: incident.responder().map(short),
            decide_until: decide_until(incident),
            members: incident.storm().map(|storm| Members {
                all: storm.members,
                open: storm.open,
                critical_open: storm.critical_open,
            }),
        }
    }

    /// True for what people look for first.
    pub fn waits_for_people(&self) -> bool {
        waits(self.status, self.responder.is_some())
    }

    fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(ROWS_BYTES, |json| json.len())
    }
}

fn decide_until(incident: &Incident) -> Option<Timestamp> {
    let approval = incident.approval.as_ref()?;
    let waits = incident.status == Status::AwaitingApproval
        && matches!(approval.state, ApprovalState::Pending);
    waits.then_some(approval.expires_at)
}

/// True for what waits for people, and nobody is on.
fn waits(status: Status, taken: bool) -> bool {
    let waits = matches!(
        status,
        Status::AwaitingApproval | Status::NeedsHuman | Status::RepairFailed
    );
    waits && !taken
}

/// What was read of an incident that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Open(Box<Row>),
    /// Its item is there and cannot be read.
    Unreadable,
    /// It has ended, or is deleted.
    Gone,
}

impl Found {
    pub fn of(incident: &Incident, channels: &Channels) -> Self {
        if incident.is_open() {
            Self::Open(Box::new(Row::of(incident, channels)))
        } else {
            Self::Gone
        }
    }
}

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

    fn found(found: &Found) -> Option<Self> {
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
    fn worst(&self, most: usize) -> Vec<&IncidentId> {
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

    fn counts(&self) -> Counts {
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
    fn repairing(&self, most: usize) -> Vec<IncidentId> {
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
