//! Steps of `intake::count` and `notifier::follow_up::episode`, one effect at a time.

use std::collections::BTreeSet;

use domain::alert::AlertSeverity;
use domain::episode::{
    Episode, Firing, FiringOutcome, LookOutcome, ResolvedOutcome, Unsent, on_firing, on_look,
    on_resolved,
};
use jiff::{SignedDuration, Timestamp};

use super::{Action, Delivery, EpisodeModel, Opened, Stage, State, WINDOWS, firing, members_of};
use crate::kept::Kept;
use crate::world::{incident_id, member, number_of, subject};

/// The checks come a second after the episode has become stale, and then each minute.
const SECOND: SignedDuration = SignedDuration::from_secs(1);
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);

impl EpisodeModel {
    pub(super) fn steps_of(
        &self,
        state: &State,
        i: usize,
        stage: &Stage,
        actions: &mut Vec<Action>,
    ) {
        match stage {
            Stage::Waits | Stage::Joins { .. } => actions.push(Action::Join(i)),
            Stage::Decides { .. } => {
                actions.push(Action::Save(i));
                if !self.rules.one_transaction && state.crashes > 0 {
                    actions.push(Action::SaveTheEpisodeAlone(i));
                }
            }
            Stage::Counted {
                unsent,
                sent,
                marked,
                ..
            } => {
                let all_sent = *sent == unsent.len() && *marked;
                if all_sent || !self.rules.sends_first {
                    actions.push(Action::Acknowledge(i));
                }
                if !all_sent {
                    actions.push(self.next_of_message(i, *marked));
                }
            }
            Stage::Acknowledged { .. } => {}
        }
    }

    fn next_of_message(&self, i: usize, marked: bool) -> Action {
        if marked == self.rules.marks_later {
            Action::Send(i)
        } else {
            Action::MarkSent(i)
        }
    }

    /// True if the condition of a plain join holds.
    fn is_plain(&self, episode: &Episode, firing: &Firing, now: Timestamp) -> bool {
        let rules = &self.rules;
        let known = |(id, fires)| match episode.members.get(id) {
            Some(known) => !rules.join_knows_it_as_bad || known >= fires,
            None => !rules.join_has_not_departed || !episode.departed.contains_key(id),
        };
        (!rules.join_is_open || episode.open)
            && (!rules.join_is_fresh || episode.last_seen >= now - WINDOWS.stale)
            && (!rules.join_is_no_worse || episode.severity >= firing.severity)
            && firing.members.iter().all(known)
            && (!rules.join_knows_what_is_left_out || episode.left_out >= firing.left_out)
            && (!rules.join_knows_the_label || !firing.forbids_repair || episode.forbids_repair)
    }

    pub(super) fn join(&self, state: &mut State, i: usize) {
        let now = match &state.work[i].1 {
            Stage::Joins { now } => *now,
            _ => state.now(),
        };
        let current = state.episode.clone();
        let joins = firing(state.work[i].0)
            .zip(current.as_ref())
            .filter(|(firing, current)| self.is_plain(current, firing, now));
        let Some((firing, current)) = joins else {
            state.work[i].1 = Stage::Decides {
                now,
                current,
                overtaken: false,
            };
            return;
        };
        // The update expression of the join.
        let mut next = Episode::clone(current);
        for (id, fires) in &firing.members {
            next.members.entry(id.clone()).or_insert(*fires);
        }
        next.last_seen = now;
        next.window_end = now + WINDOWS.debounce;
        next.hit_count += firing.count;
        state.misjoined |= !is_decided_so(current, &firing, &next, now);
        state.counted += firing.count;
        let incident = &mut state.incidents[number_of(&next.incident_id)];
        incident.hit_count = next.hit_count;
        state.work[i].1 = counted(state, &next);
        store(state, next);
    }

    /// Decides and saves. Without `whole`, the transaction ends behind its first write.
    pub(super) fn save(&self, state: &mut State, i: usize, whole: bool) {
        let Stage::Decides {
            now,
            current,
            overtaken,
        } = state.work[i].1.clone()
        else {
            return;
        };
        let (delivery, counts) = (state.work[i].0, self.rules.marks_its_own_change);
        if let Some(stage) = says_nothing_new(state, delivery, current.as_ref(), now) {
            state.work[i].1 = stage;
            return;
        }
        if overtaken && self.rules.over_version {
            state.work[i].1 = Stage::Joins { now };
            return;
        }
        let next = match (firing(delivery), &current) {
            (Some(firing), current) => {
                let id = incident_id(state.incidents.len());
                let current = current.as_deref();
                let (outcome, mut next) =
                    on_firing(current, &subject(), &firing, &id, now, WINDOWS);
                if !self.rules.unsent_mark {
                    next.unsent.clear();
                }
                state.counted += firing.count;
                if outcome == FiringOutcome::Opened {
                    state.twins |= takes_alerts(state, now);
                    state.incidents.push(opened(&next));
                } else if whole {
                    write(state, &next, outcome == FiringOutcome::Reopened, counts);
                }
                state.incidents[number_of(&next.incident_id)].hit_count = next.hit_count;
                next
            }
            (None, Some(current)) => {
                let Delivery::Resolved { member: number } = delivery else {
                    return;
                };
                let resolved = BTreeSet::from([member(number)]);
                let (outcome, next) = on_resolved(current, &resolved, now, WINDOWS);
                if whole {
                    write(state, &next, false, counts);
                }
                if whole && outcome == ResolvedOutcome::Resolved {
                    end(state, &next, false, counts);
                }
                next
            }
            (None, None) => return,
        };
        state.work[i].1 = counted(state, &next);
        store(state, next);
    }

    pub(super) fn send(&self, state: &mut State, i: usize) {
        let Stage::Counted {
            incident,
            unsent,
            changes,
            sent,
            ..
        } = state.work[i].1.clone()
        else {
            return;
        };
        // With marks that are removed first, the last one that was is of this message.
        let index = if self.rules.marks_later {
            sent
        } else {
            sent - 1
        };
        on_the_queue(state, incident, unsent[index]);
        state.work[i].1 = Stage::Counted {
            incident,
            unsent,
            changes,
            sent: index + 1,
            marked: !self.rules.marks_later,
        };
    }

    pub(super) fn mark_sent(&self, state: &mut State, i: usize) {
        let Stage::Counted {
            incident,
            unsent,
            changes,
            sent,
            ..
        } = state.work[i].1.clone()
        else {
            return;
        };
        let index = if self.rules.marks_later {
            sent - 1
        } else {
            sent
        };
        // The condition of the write: the episode still belongs to the incident.
        let current = state.episode.clone();
        if let Some(current) = current.filter(|it| number_of(&it.incident_id) == incident) {
            let mut next = Episode::clone(&current);
            // What another writer has put there since is not sent by this one.
            let is_newer = state.incidents[incident].changes != changes;
            if !(is_newer && self.rules.marks_its_own_change) {
                next.unsent.remove(&unsent[index]);
            }
            store(state, next);
        }
        state.work[i].1 = Stage::Counted {
            incident,
            unsent,
            changes,
            sent: index + 1,
            marked: self.rules.marks_later,
        };
    }

    /// A check of an incident's episode. Its write is repeated after a conflict, so that it is one
    /// effect; nobody can be asked what fires.
    pub(super) fn look(&self, state: &mut State, i: usize) {
        let (now, counts) = (state.now(), self.rules.marks_its_own_change);
        state.incidents[i].look_at = None;
        let Some(current) = state.episode.clone() else {
            return;
        };
        if number_of(&current.incident_id) != i {
            // Another incident has taken its place.
            let before = &mut state.incidents[i];
            before.expired |= !before.ended;
            before.ended = true;
            return;
        }
        let (outcome, next) = on_look(&current, None, true, now, WINDOWS);
        if next.version != current.version {
            write(
                state,
                &next,
                outcome == LookOutcome::Believed && !current.open,
                counts,
            );
        }
        if matches!(outcome, LookOutcome::Expired | LookOutcome::Ended) {
            end(state, &next, outcome == LookOutcome::Expired, counts);
        }
        for unsent in &next.unsent {
            on_the_queue(state, i, *unsent);
        }
        let changed = next != *current;
        let mut sent = next;
        sent.unsent.clear();
        let stale_at = sent.last_seen + WINDOWS.stale + SECOND;
        let again_at = sent.open.then(|| stale_at.max(now + AGAIN_AFTER));
        let look_at = sent.settles_at().or(again_at);
        state.incidents[i].look_at = look_at.filter(|_| self.rules.looks_again);
        if changed {
            store(state, sent);
        }
    }
}

/// Stores an episode. Its version is the same in all states: whoever has read another one knows.
fn store(state: &mut State, episode: Episode) {
    state.episode = Some(Kept::new(Episode {
        version: 1,
        ..episode
    }));
    for (_, stage) in &mut state.work {
        if let Stage::Decides { overtaken, .. } = stage {
            *overtaken = true;
        }
    }
}

/// A delivery that was counted just now.
fn counted(state: &State, episode: &Episode) -> Stage {
    let incident = number_of(&episode.incident_id);
    Stage::Counted {
        incident,
        changes: state.incidents.get(incident).map_or(0, |it| it.changes),
        unsent: episode.unsent.iter().copied().collect(),
        sent: 0,
        marked: true,
    }
}

/// What follows from a resolve that says nothing new, for which nothing is written.
fn says_nothing_new(
    state: &State,
    delivery: Delivery,
    current: Option<&Kept<Episode>>,
    now: Timestamp,
) -> Option<Stage> {
    let Delivery::Resolved { member: number } = delivery else {
        return None;
    };
    let Some(current) = current else {
        return Some(Stage::Acknowledged { incident: None });
    };
    let (_, next) = on_resolved(current, &BTreeSet::from([member(number)]), now, WINDOWS);
    (next.version == current.version).then(|| counted(state, current))
}

/// True if a plain join did what the decision says. Only the times differ: the decision never sets a
/// clock back, and forgets who left long ago.
fn is_decided_so(current: &Episode, firing: &Firing, joined: &Episode, now: Timestamp) -> bool {
    let (outcome, next) = on_firing(
        Some(current),
        &subject(),
        firing,
        &incident_id(9),
        now,
        WINDOWS,
    );
    let said = |it: &Episode| {
        let flags = (it.open, it.forbids_repair, it.severity, it.flaps);
        (flags, it.hit_count, it.left_out, it.unsent.clone())
    };
    outcome == FiringOutcome::Joined
        && next.incident_id == joined.incident_id
        && members_of(&next) == members_of(joined)
        && said(&next) == said(joined)
}

/// True if the episode that is there takes alerts that come now.
fn takes_alerts(state: &State, now: Timestamp) -> bool {
    state
        .episode
        .as_ref()
        .is_some_and(|it| (it.open && !it.is_stale(state.now(), WINDOWS)) || now <= it.window_end)
}

fn opened(episode: &Episode) -> Opened {
    Opened {
        critical: episode.severity == AlertSeverity::Critical,
        ended: !episode.open,
        expired: false,
        left_out: episode.left_out,
        forbids_repair: episode.forbids_repair,
        hit_count: episode.hit_count,
        queued: false,
        unsaid: true,
        changes: 0,
        look_at: None,
    }
}

/// Writes what an episode means for its incident, in one transaction with it.
fn write(state: &mut State, episode: &Episode, reopened: bool, counts_changes: bool) {
    let Some(incident) = state.incidents.get_mut(number_of(&episode.incident_id)) else {
        return;
    };
    let before = *incident;
    if episode.open {
        incident.critical = episode.severity == AlertSeverity::Critical;
    }
    incident.left_out = episode.left_out;
    if reopened {
        incident.ended = false;
        incident.expired = false;
    }
    if *incident != before {
        incident.unsaid = true;
        incident.changes += u8::from(counts_changes);
    }
    // It is for the guardrails; no card shows it.
    incident.forbids_repair = episode.forbids_repair;
}

fn end(state: &mut State, episode: &Episode, expired: bool, counts_changes: bool) {
    if let Some(incident) = state.incidents.get_mut(number_of(&episode.incident_id)) {
        incident.ended = true;
        incident.expired = expired;
        incident.unsaid = true;
        incident.changes += u8::from(counts_changes);
    }
}

/// A message about an episode that is on its queue, and what its receiver does at last.
fn on_the_queue(state: &mut State, incident: usize, unsent: Unsent) {
    let current = state.episode.as_ref();
    let current = current.filter(|it| number_of(&it.incident_id) == incident);
    let settles_at = current.and_then(|it| it.settles_at());
    let stale_at = current.map(|it| it.last_seen + WINDOWS.stale + SECOND);
    let now = state.now();
    let Some(incident) = state.incidents.get_mut(incident) else {
        return;
    };
    match unsent {
        Unsent::Opened => {
            incident.queued = true;
            incident.unsaid = false;
            // The notifier schedules the checks when it first shows the incident.
            incident.look_at.get_or_insert(stale_at.unwrap_or(now));
        }
        Unsent::Changed => {
            incident.unsaid = false;
            if !incident.ended {
                incident.look_at.get_or_insert(stale_at.unwrap_or(now));
            }
        }
        Unsent::Disputed => {
            let sooner = incident.look_at.into_iter().chain(settles_at).min();
            incident.look_at = sooner;
        }
    }
}
