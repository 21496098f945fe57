//! Timers that are set: what happens at which moment of the history.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use domain::primitives::id::Fingerprint;
use jiff::Timestamp;

/// What happens at a moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    /// An episode is looked at.
    Episode(Fingerprint),
    /// The list of a storm is looked at.
    Storm(u32),
    /// A repair that ran by itself has ended.
    RepairEnds(u32),
}

/// The timers that are set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    set: BinaryHeap<Reverse<(Timestamp, Timer)>>,
    /// Episodes and storms that will be looked at: one look each is enough.
    watched: HashSet<Timer>,
}

impl Timers {
    /// Sets a timer.
    pub(super) fn at(&mut self, at: Timestamp, timer: Timer) {
        self.set.push(Reverse((at, timer)));
    }

    /// Sets a timer unless one of its kind is set.
    pub(super) fn once(&mut self, at: Timestamp, timer: Timer) {
        if self.watched.insert(timer.clone()) {
            self.at(at, timer);
        }
    }

    /// The next timer that is due, with its moment.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let Reverse((at, _)) = self.set.peek()?;
        if *at > now {
            return None;
        }
        let Reverse((at, timer)) = self.set.pop()?;
        self.watched.remove(&timer);
        Some((at, timer))
    }
}
