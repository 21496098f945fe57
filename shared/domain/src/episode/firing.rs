//! Effect of a firing delivery on its episode.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{Episode, Firing, Members, Unsent, Windows};
use crate::primitives::id::{Fingerprint, IncidentId};

/// What a firing delivery does to its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FiringOutcome {
    /// A new episode and a new incident.
    Opened,
    /// One more sighting of what is known.
    Joined,
    /// The same, and worse than before.
    Escalated,
    /// It fires again inside the window after a resolve.
    Reopened,
    /// It may be an old delivery of an alert that has just resolved: counted, and settled soon.
    Late,
}

/// Decides what a firing delivery does. `fresh_id` becomes the incident's id if a new one is opened.
pub fn on_firing(
    current: Option<&Episode>,
    fingerprint: &Fingerprint,
    firing: &Firing,
    fresh_id: &IncidentId,
    now: Timestamp,
    windows: Windows,
) -> (FiringOutcome, Episode) {
    let late = |episode: &Episode| {
        let mut members = firing.members.iter();
        members.all(|(member, fires)| episode.disputes(member, *fires, now))
    };
    // A late delivery belongs to this episode even if the episode accepts no more alerts: it must
    // not open an incident of its own.
    let Some(episode) =
        current.filter(|episode| late(episode) || episode.accepts(firing, now, windows))
    else {
        return (
            FiringOutcome::Opened,
            open(fingerprint, firing, fresh_id, current, now, windows),
        );
    };
    let mut next = episode.clone();
    next.version += 1;
    // Late deliveries were acknowledged too, so they count (`exact-count`).
    next.hit_count += firing.count;
    next.take(&firing.members, now);
    // Also of a late delivery: if it is believed later, nobody says the label again.
    next.forbids_repair |= firing.forbids_repair;
    if late(episode) {
        return (FiringOutcome::Late, next);
    }
    next.seen(now, windows);
    // The card shows the largest number, so only a larger one changes it.
    if firing.left_out > next.left_out {
        next.left_out = firing.left_out;
        next.unsent.insert(Unsent::Changed);
    }
    let outcome = if !episode.open {
        next.reopen(firing.analysed);
        // Takes precedence over `Escalated`: the severity is that of the members either way.
        FiringOutcome::Reopened
    } else if next.severity > episode.severity {
        FiringOutcome::Escalated
    } else {
        FiringOutcome::Joined
    };
    if outcome != FiringOutcome::Joined {
        next.unsent.insert(Unsent::Changed);
    }
    (outcome, next)
}

impl Episode {
    /// Adds members that fire; those that may be over are only noted.
    fn take(&mut self, members: &Members, now: Timestamp) {
        for (member, fires) in members {
            if !self.disputes(member, *fires, now) {
                self.joined_by(member.clone(), *fires);
            } else if let Some(departed) = self.departed.get_mut(member) {
                if departed.disputed.is_none() {
                    self.unsent.insert(Unsent::Disputed);
                }
                let known = departed.disputed.get_or_insert(*fires);
                *known = (*known).max(*fires);
            }
        }
        self.tidy(now);
    }
}

fn open(
    fingerprint: &Fingerprint,
    firing: &Firing,
    id: &IncidentId,
    before: Option<&Episode>,
    now: Timestamp,
    windows: Windows,
) -> Episode {
    let mut episode = Episode {
        fingerprint: fingerprint.clone(),
        incident_id: id.clone(),
        open: true,
        expired: false,
        members: Members::new(),
        // What resolved in the episode before can still be delivered late into this one.
        departed: before.map_or_else(BTreeMap::new, |episode| episode.departed.clone()),
        latest_start: 0,
        overflowed: false,
        spilled: before.is_some_and(|episode| episode.spilled),
        left_out: firing.left_out,
        forbids_repair: firing.forbids_repair,
        hit_count: firing.count,
        first_seen: now,
        last_seen: now,
        window_end: now,
        severity: firing.severity,
        flaps: 0,
        unsent: BTreeSet::from([if firing.analysed {
            Unsent::Opened
        } else {
            Unsent::Changed
        }]),
        advice: None,
        version: before.map_or(1, |episode| episode.version + 1),
    };
    episode.take(&firing.members, now);
    episode.seen(now, windows);
    episode
}
