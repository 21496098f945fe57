//! Episodes: deliveries that race for one fingerprint, the join's condition, the unsent marks, and the
//! checks that end what nobody hears of.

mod histories;
mod rules;
mod step;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use domain::alert::AlertSeverity;
use domain::episode::{Episode, Firing, Member, Members, Unsent, Windows};
use jiff::{SignedDuration, Timestamp};
use stateright::{Model, Property};

use crate::check::{Bound, Mutation, Protocol, rests};
use crate::kept::Kept;
use crate::world::{at, member, number_of};

pub use self::rules::Rules;

use self::histories::{Delivery, History, LARGE, SMALL};

const WINDOWS: Windows = Windows {
    debounce: SignedDuration::from_secs(300),
    stale: SignedDuration::from_secs(18_000),
};

/// How many deliveries are handled at a time.
const AT_WORK: usize = 2;

#[derive(Debug)]
pub struct EpisodeModel {
    pub rules: Rules,
    histories: &'static [History],
    /// Whether what is not sent yet has to have a mark at every moment, and not only its message in the end.
    strict: bool,
}

/// Where the handling of a delivery is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Nobody handles it yet, or its sender tries it again.
    Waits,
    /// It lost a race, and is counted again with the time at which it came.
    Joins { now: Timestamp },
    /// It is no plain join: it is decided on what the refused write has returned.
    Decides {
        now: Timestamp,
        current: Option<Kept<Episode>>,
        /// True once another writer came in between: the version is another one.
        overtaken: bool,
    },
    /// It is counted. Of what the episode has unsent, so many are sent, and the last is marked or not.
    Counted {
        incident: usize,
        unsent: Vec<Unsent>,
        /// The changes of the incident by then, where they are counted.
        changes: u8,
        sent: usize,
        marked: bool,
    },
    /// The sender has a 2xx.
    Acknowledged { incident: Option<usize> },
}

/// What the items of an incident say, and what was sent of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opened {
    critical: bool,
    ended: bool,
    expired: bool,
    left_out: u64,
    forbids_repair: bool,
    /// The count of its episode, as it was last written.
    hit_count: u64,
    /// Its message is on the queue of the analyzer.
    queued: bool,
    /// Something of it changed and was not sent since.
    unsaid: bool,
    /// Counts its changes, where a mark is of one of them.
    changes: u8,
    /// When its episode is looked at next.
    look_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    history: History,
    clock: usize,
    crashes: u8,
    episode: Option<Kept<Episode>>,
    incidents: Vec<Opened>,
    work: Vec<(Delivery, Stage)>,
    /// How many firing alerts a write has counted.
    counted: u64,
    /// An incident was opened while the one before it still took alerts.
    twins: bool,
    /// A plain join did something else than [`domain::episode::on_firing`] says.
    misjoined: bool,
}

impl Hash for Stage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        match self {
            Self::Waits => {}
            Self::Joins { now } => now.hash(state),
            Self::Decides {
                now,
                current,
                overtaken,
            } => (now, current, overtaken).hash(state),
            Self::Counted {
                incident,
                unsent,
                changes,
                sent,
                marked,
            } => {
                // The domain's facts have an order and no hash.
                let unsent: Vec<u8> = unsent.iter().map(|it| *it as u8).collect();
                (incident, unsent, changes, sent, marked).hash(state);
            }
            Self::Acknowledged { incident } => incident.hash(state),
        }
    }
}

impl State {
    fn now(&self) -> Timestamp {
        at(self.history.clock[self.clock])
    }

    fn current(&self) -> Option<&Opened> {
        let episode = self.episode.as_ref()?;
        self.incidents.get(number_of(&episode.incident_id))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Tick,
    /// The conditional update of a join.
    Join(usize),
    /// The decision on a delivery that is no plain join, and its conditional write.
    Save(usize),
    /// The same, and the worker dies before it has written the incident too.
    SaveTheEpisodeAlone(usize),
    Send(usize),
    MarkSent(usize),
    Acknowledge(usize),
    /// The worker dies, and the sender tries again.
    Crash(usize),
    /// A check of an incident's episode.
    Look(usize),
}

/// The firing of a delivery, as intake adds it up.
fn firing(delivery: Delivery) -> Option<Firing> {
    let Delivery::Fires {
        member: number,
        critical,
        since,
        left_out,
        forbids_repair,
    } = delivery
    else {
        return None;
    };
    let severity = severity(critical);
    let fires = Member {
        severity,
        starts_at: at(since).as_millisecond(),
    };
    Some(Firing {
        members: Members::from([(member(number), fires)]),
        targets: [].into(),
        count: 1,
        severity,
        left_out: left_out.into(),
        analysed: true,
        forbids_repair,
        group: None,
    })
}

fn severity(critical: bool) -> AlertSeverity {
    if critical {
        AlertSeverity::Critical
    } else {
        AlertSeverity::Warning
    }
}

impl Model for EpisodeModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let begin = |history: &History| State {
            history: *history,
            clock: 0,
            crashes: history.crashes,
            episode: None,
            incidents: Vec::new(),
            work: history
                .deliveries
                .iter()
                .map(|it| (*it, Stage::Waits))
                .collect(),
            counted: 0,
            twins: false,
            misjoined: false,
        };
        self.histories.iter().map(begin).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let last = state.history.clock.len() - 1;
        let all_are_done = state
            .work
            .iter()
            .all(|(_, stage)| matches!(stage, Stage::Acknowledged { .. }));
        if state.clock < last - 1 || (state.clock < last && all_are_done) {
            actions.push(Action::Tick);
        }
        let at_work = |stage: &Stage| !matches!(stage, Stage::Waits | Stage::Acknowledged { .. });
        let busy = state
            .work
            .iter()
            .filter(|(_, stage)| at_work(stage))
            .count();
        for (i, (_, stage)) in state.work.iter().enumerate() {
            if at_work(stage) || (busy < AT_WORK && state.clock < last) {
                self.steps_of(state, i, stage, actions);
            }
            if at_work(stage) && state.crashes > 0 {
                actions.push(Action::Crash(i));
            }
        }
        for (i, incident) in state.incidents.iter().enumerate() {
            if incident.look_at.is_some_and(|at| at <= state.now()) {
                actions.push(Action::Look(i));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.clock += 1,
            Action::Join(i) => self.join(&mut state, i),
            Action::Save(i) => self.save(&mut state, i, true),
            Action::SaveTheEpisodeAlone(i) => {
                self.save(&mut state, i, false);
                state.crashes -= 1;
                state.work[i].1 = Stage::Waits;
            }
            Action::Send(i) => self.send(&mut state, i),
            Action::MarkSent(i) => self.mark_sent(&mut state, i),
            Action::Acknowledge(i) => {
                let Stage::Counted { incident, .. } = &state.work[i].1 else {
                    return None;
                };
                let incident = Some(*incident);
                state.work[i].1 = Stage::Acknowledged { incident };
            }
            Action::Crash(i) => {
                state.crashes -= 1;
                state.work[i].1 = Stage::Waits;
            }
            Action::Look(i) => self.look(&mut state, i),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let marked = Property::<Self>::always(MARKED, |_, state: &State| is_marked(state));
        let mut properties = promises();
        properties.extend(self.strict.then_some(marked));
        properties
    }
}

fn promises() -> Vec<Property<EpisodeModel>> {
    vec![
        Property::<EpisodeModel>::always(EXACT_COUNT, |_, state: &State| {
            let counts = state.incidents.iter().map(|it| it.hit_count);
            counts.sum::<u64>() == state.counted
        }),
        Property::<EpisodeModel>::always(DURABLE_ACK, |_, state: &State| {
            state.work.iter().all(|(delivery, stage)| match stage {
                Stage::Acknowledged { incident } => {
                    let incident = incident.and_then(|i| state.incidents.get(i));
                    matches!(delivery, Delivery::Resolved { .. })
                        || incident.is_some_and(|it| it.queued)
                }
                _ => true,
            })
        }),
        Property::<EpisodeModel>::always(ONE_INCIDENT, |_, state: &State| !state.twins),
        Property::<EpisodeModel>::always(PLAIN_JOIN, |_, state: &State| !state.misjoined),
        Property::<EpisodeModel>::always(TRUE_INCIDENT, |_, state: &State| is_true(state)),
        Property::<EpisodeModel>::always(LABEL_HOLDS, |_, state: &State| {
            state.work.iter().all(|(delivery, stage)| {
                let forbids = matches!(
                    delivery,
                    Delivery::Fires {
                        forbids_repair: true,
                        ..
                    }
                );
                let Stage::Acknowledged { incident: Some(i) } = stage else {
                    return true;
                };
                !forbids || state.incidents[*i].forbids_repair
            })
        }),
        Property::<EpisodeModel>::always(ALL_IS_SAID, |model: &EpisodeModel, state: &State| {
            !state.incidents.iter().any(|it| it.unsaid) || !rests(model, state)
        }),
        Property::<EpisodeModel>::always(NOTHING_FOREVER, |model: &EpisodeModel, state: &State| {
            state
                .incidents
                .iter()
                .all(|it| it.ended || it.look_at.is_some())
                || !rests(model, state)
        }),
        Property::<EpisodeModel>::sometimes("a firing is disputed", |_, state: &State| {
            state
                .episode
                .as_ref()
                .is_some_and(|it| it.settles_at().is_some())
        }),
        Property::<EpisodeModel>::sometimes("an incident opens again", |_, state: &State| {
            state.episode.as_ref().is_some_and(|it| it.flaps > 0)
        }),
        Property::<EpisodeModel>::sometimes("an incident expires", |_, state: &State| {
            state.incidents.iter().any(|it| it.expired)
        }),
        Property::<EpisodeModel>::sometimes("a second incident opens", |_, state: &State| {
            state.incidents.len() > 1
        }),
    ]
}

pub(crate) const EXACT_COUNT: &str =
    "exact-count: each write that counted an alert is in the count";
pub(crate) const DURABLE_ACK: &str =
    "durable-ack: the incident of an acknowledged alert is on the queue";
pub(crate) const ONE_INCIDENT: &str =
    "one-incident: none opens while the one before it takes alerts";
pub(crate) const PLAIN_JOIN: &str = "one-incident: a plain join is what on_firing decides";
pub(crate) const TRUE_INCIDENT: &str =
    "true-and-heard: an incident is as open and as bad as its episode";
pub(crate) const LABEL_HOLDS: &str =
    "human-or-guardrails: an acknowledged label that forbids repairs holds";
pub(crate) const ALL_IS_SAID: &str = "true-and-heard: every change is sent in the end";
pub(crate) const MARKED: &str = "durable-ack: what is not sent yet has its mark";
pub(crate) const NOTHING_FOREVER: &str =
    "nothing-forever: every incident ends, or its episode is looked at";

/// True if what is not sent yet has a mark on the episode, or somebody who is about to send it.
fn is_marked(state: &State) -> bool {
    let (Some(episode), Some(incident)) = (&state.episode, state.current()) else {
        return true;
    };
    let number = number_of(&episode.incident_id);
    let sends = |stage: &Stage| match stage {
        Stage::Counted {
            incident,
            unsent,
            sent,
            ..
        } => *incident == number && *sent < unsent.len(),
        _ => false,
    };
    !incident.unsaid
        || !episode.unsent.is_empty()
        || state.work.iter().any(|(_, stage)| sends(stage))
}

/// True if the incident says of its episode what is so.
fn is_true(state: &State) -> bool {
    let (Some(episode), Some(incident)) = (&state.episode, state.current()) else {
        return true;
    };
    let worst = episode.members.values().map(|it| it.severity).max();
    let as_bad = episode.severity == severity(incident.critical)
        && worst.is_none_or(|worst| worst == episode.severity);
    episode.open != incident.ended
        && episode.open != episode.members.is_empty()
        && (!episode.open || as_bad)
        && episode.left_out == incident.left_out
}

impl Protocol for EpisodeModel {
    const NAME: &'static str = "episode";

    fn new(bound: Bound) -> Self {
        let histories = bound.of(&SMALL, &LARGE);
        Self {
            rules: Rules::of_the_code(),
            histories,
            strict: false,
        }
    }

    fn mutations() -> Vec<Mutation<Self>> {
        rules::mutations()
    }
}

/// The members of a history by what was last written of each, for the oracle of a join.
fn members_of(episode: &Episode) -> BTreeMap<&str, Member> {
    let members = episode.members.iter();
    members.map(|(id, fires)| (id.as_str(), *fires)).collect()
}

#[cfg(test)]
mod tests {
    use super::histories::{fires, race, special};
    use super::{EpisodeModel, History, MARKED, Rules};
    use crate::check::tests::{each_condition_counts, holds};
    use crate::check::{explore, explore_until};

    #[test]
    fn episodes_keep_their_promises() {
        holds::<EpisodeModel>();
    }

    /// Without it, a mark that is removed late takes another change's with it (docs/models.md).
    #[test]
    fn a_mark_is_of_one_change() {
        const HISTORY: History = race(
            &[
                fires(1, false, -100),
                fires(2, true, -50),
                special(7, false),
            ],
            1,
        );
        let model = |marks_its_own_change| EpisodeModel {
            rules: Rules {
                marks_its_own_change,
                ..Rules::of_the_code()
            },
            histories: &[HISTORY],
            strict: true,
        };
        assert!(
            explore_until(model(false), MARKED)
                .broken
                .contains_key(MARKED)
        );
        let with_it = explore(model(true)).broken;
        assert!(with_it.is_empty(), "{with_it:#?}");
    }

    #[test]
    fn episodes_need_each_condition() {
        each_condition_counts::<EpisodeModel>();
    }
}
