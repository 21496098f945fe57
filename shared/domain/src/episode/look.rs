//! Effect of a follow-up check on an episode: settles disputed firings, and ends what nobody has
//! heard of for too long.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Departed, Episode, Unsent, Windows};
use crate::primitives::id::MemberId;

/// What a follow-up check finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookOutcome {
    /// Nothing is due, or what was disputed is over.
    Unchanged,
    /// A member fires again that had resolved; its episode was open or not.
    Believed,
    /// Alertmanager still has a member, although it has said nothing for long.
    Heard,
    /// Alertmanager has none of the members any more, and has not said so.
    Ended,
    /// Nobody has heard of it for too long, and nobody can be asked.
    Expired,
}

/// Decides what a follow-up check does. `active` are the members that Alertmanager has now, silenced
/// and inhibited ones too, if it was asked. `analysed` as in [`super::Firing`].
pub fn on_look(
    current: &Episode,
    active: Option<&BTreeSet<MemberId>>,
    analysed: bool,
    now: Timestamp,
    windows: Windows,
) -> (LookOutcome, Episode) {
    let mut next = current.clone();
    let mut outcome = LookOutcome::Unchanged;
    if next.settle(active, now) {
        outcome = LookOutcome::Believed;
        next.seen(now, windows);
        next.unsent.insert(Unsent::Changed);
        if !next.open {
            next.reopen(analysed);
        }
    } else if next.is_stale(now, windows) {
        outcome = next.ask(active, now);
    }
    next.tidy(now);
    next.version += u64::from(next != *current);
    (outcome, next)
}

impl Episode {
    /// Settles the disputed firings that are due. True if one of them is believed.
    fn settle(&mut self, active: Option<&BTreeSet<MemberId>>, now: Timestamp) -> bool {
        let due: Vec<_> = self
            .departed
            .iter()
            .filter(|(_, departed)| departed.settled_at() <= now)
            .filter_map(|(member, departed)| Some((member.clone(), departed.disputed?)))
            .collect();
        let mut believed = false;
        for (member, fires) in due {
            // Forgotten, if Alertmanager does not have it: it was an old delivery.
            self.departed.remove(&member);
            if active.is_none_or(|active| active.contains(&member)) {
                self.joined_by(member, fires);
                believed = true;
            }
        }
        believed
    }

    /// Ends the members of a stale episode that Alertmanager does not have, or all if it cannot be
    /// asked.
    fn ask(&mut self, active: Option<&BTreeSet<MemberId>>, now: Timestamp) -> LookOutcome {
        let gone = |member: &&MemberId| active.is_none_or(|active| !active.contains(*member));
        let gone: Vec<MemberId> = self.members.keys().filter(gone).cloned().collect();
        for member in gone {
            self.left_by(&member);
            if active.is_some() {
                let departed = Departed {
                    left_at: now,
                    disputed: None,
                };
                self.departed.insert(member, departed);
            }
        }
        if !self.members.is_empty() {
            self.last_seen = now;
            return LookOutcome::Heard;
        }
        self.close();
        self.expired = active.is_none();
        if self.expired {
            LookOutcome::Expired
        } else {
            LookOutcome::Ended
        }
    }
}
