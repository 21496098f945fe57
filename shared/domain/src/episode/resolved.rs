//! Effect of resolved alerts on their episode.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{Departed, Episode, Unsent, Windows};
use crate::primitives::id::MemberId;

/// What a resolved delivery does to its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedOutcome {
    /// The last member left: the incident is over.
    Resolved,
    /// Members left, others still fire.
    MemberLeft,
    /// Nothing of it is open: a repetition, or an alert that was never seen.
    Ignored,
}

/// Decides what resolved alerts do. A resolve ends its member whenever that began to fire: only a
/// firing that is received later makes it fire again.
pub fn on_resolved(
    current: &Episode,
    resolved: &BTreeSet<MemberId>,
    now: Timestamp,
    windows: Windows,
) -> (ResolvedOutcome, Episode) {
    let mut next = current.clone();
    let mut left = false;
    for member in resolved {
        left |= next.left_by(member);
        // Also for a member that was never seen: its firing alert may still be delivered late.
        let departed = Departed {
            left_at: now,
            disputed: None,
        };
        next.departed.insert(member.clone(), departed);
    }
    next.tidy(now);
    next.version += u64::from(next != *current);
    if !left {
        return (ResolvedOutcome::Ignored, next);
    }
    // After an overflow an empty list does not mean that every member has resolved.
    if !next.members.is_empty() || next.overflowed {
        if next.severity != current.severity {
            next.unsent.insert(Unsent::Changed);
        }
        return (ResolvedOutcome::MemberLeft, next);
    }
    next.close();
    // An alert that flaps right after the resolve joins this incident.
    next.window_end = next.window_end.max(now + windows.debounce);
    (ResolvedOutcome::Resolved, next)
}
