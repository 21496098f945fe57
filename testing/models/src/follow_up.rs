//! Follow-up checks of a plan that waits: one chain of delayed messages for each approval, which
//! escalates, reminds and ends in a void, whatever dies on the way.

use std::collections::BTreeMap;

use domain::analysis::Severity;
use domain::incident::Incident;
use domain::incident::approval::ApprovalState;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Event;
use domain::notification::channels::Channels;
use domain::primitives::id::ApprovalId;
use domain::transition::decision::expiry::look_again_at;
use jiff::{SignedDuration, Timestamp};
use stateright::{Model, Property};

use crate::check::{Bound, Mutation, Protocol, rests};
use crate::kept::Kept;
use crate::world::{analysis, at, channels, incident, kept, plan};

const VALID_FOR: SignedDuration = SignedDuration::from_mins(30);
/// The longest delay of a message.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_secs(900);
/// `follow_up::approval::LATE` and `THIS_ONE`.
const LATE: SignedDuration = SignedDuration::from_mins(30);
const THIS_ONE: SignedDuration = SignedDuration::from_secs(5);
/// The moments of a history, in seconds: one behind each time of a plan that is proposed at the
/// beginning, or at the second of them.
const CLOCK: [i64; 5] = [0, 600, 1_500, 2_000, 3_600];
/// Until when the alerts can resolve and fire again.
const FLAPS_UNTIL: usize = 1;

/// What the code does, by where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `look_later`: the message is sent before the check is noted.
    pub sends_first: bool,
    /// `decision_due`: a check of a plan that still waits sends the one behind it.
    pub sends_the_next: bool,
    /// `keys::follow_up`: what is noted is noted of one approval.
    pub notes_by_approval: bool,
    /// `approval::look`: a check is of the approval that it names.
    pub names_its_approval: bool,
    /// `follows`: a check that comes twice sends one behind it.
    pub joins_chains: bool,
}

#[derive(Debug)]
pub struct FollowUpModel {
    pub rules: Rules,
    /// Of each history, how often the alerts resolve and fire again, how often a worker dies, and how
    /// many there are at a time.
    histories: &'static [(u8, u8, usize)],
    channels: Channels,
}

/// A message of the notifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    IncidentChanged,
    DecisionTimer(ApprovalId),
}

/// Where the handling of a message is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    Received,
    /// The check is saved, and is to be told on.
    Looked,
    /// A check is to be scheduled.
    Schedules {
        approval: ApprovalId,
        at: Timestamp,
    },
    /// The first half of that is done: the message is sent, or the check is noted.
    Half {
        approval: ApprovalId,
        due: Timestamp,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    clock: usize,
    workers: usize,
    crashes: u8,
    flaps: u8,
    incident: Kept<Incident>,
    /// What is on the queue, and from when on.
    queue: BTreeMap<Message, Vec<Timestamp>>,
    /// The workers, and what they handle.
    work: Vec<(Message, Stage)>,
    /// When the next check of an approval is due, as it is noted.
    noted: BTreeMap<Option<ApprovalId>, Timestamp>,
    /// How often the approval that waits was reminded of and escalated.
    reminded: u8,
    escalated: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Tick,
    Receive(Message),
    Step(usize),
    Crash(usize),
    /// All alerts resolve, and fire again: the plan is proposed as another one.
    Flap,
}

impl State {
    fn now(&self) -> Timestamp {
        at(CLOCK[self.clock])
    }

    fn send(&mut self, message: Message, from: Timestamp) {
        let queued = self.queue.entry(message).or_default();
        // Two messages that say the same at the same time have one effect.
        if !queued.contains(&from) {
            queued.push(from);
            queued.sort();
        }
    }
}

impl FollowUpModel {
    fn key(&self, approval: &ApprovalId) -> Option<ApprovalId> {
        self.rules.notes_by_approval.then(|| approval.clone())
    }

    /// The approval that waits, and when to look at it.
    fn waits(&self, incident: &Incident) -> Option<(ApprovalId, Timestamp)> {
        let at = look_again_at(incident, &self.channels)?;
        Some((incident.approval.as_ref()?.id.clone(), at))
    }

    fn step(&self, state: &mut State, i: usize) {
        let (message, stage) = state.work[i].clone();
        let next = match (&message, stage) {
            (Message::IncidentChanged, Stage::Received) => self.watch(state),
            (Message::DecisionTimer(id), Stage::Received) => {
                self.look(state, id);
                Some(Stage::Looked)
            }
            (Message::DecisionTimer(id), Stage::Looked) => {
                state.send(Message::IncidentChanged, state.now());
                self.look_again(state, id)
            }
            (Message::IncidentChanged, Stage::Looked) => None,
            (_, Stage::Schedules { approval, at }) => {
                let now = state.now();
                let due = at.min(now + LONGEST_DELAY).max(now);
                self.half(state, &approval, due, self.rules.sends_first);
                Some(Stage::Half { approval, due })
            }
            (_, Stage::Half { approval, due }) => {
                self.half(state, &approval, due, !self.rules.sends_first);
                None
            }
        };
        match next {
            Some(stage) => state.work[i].1 = stage,
            None => drop(state.work.remove(i)),
        }
    }

    fn half(&self, state: &mut State, approval: &ApprovalId, due: Timestamp, sends: bool) {
        if sends {
            state.send(Message::DecisionTimer(approval.clone()), due);
        } else {
            state.noted.insert(self.key(approval), due);
        }
    }

    /// `watch`, with `look_no_later` and `look_once`.
    fn watch(&self, state: &State) -> Option<Stage> {
        let now = state.now();
        let (approval, at) = self.waits(&state.incident)?;
        let noted = state.noted.get(&self.key(&approval)).copied();
        let is_too_late = |due: Timestamp| at + THIS_ONE < due && now + THIS_ONE < due;
        let is_under_way = |due: Timestamp| now < due + LATE;
        let schedules = noted.is_none_or(|due| is_too_late(due) || !is_under_way(due));
        schedules.then_some(Stage::Schedules { approval, at })
    }

    /// `look`: saved as one effect, because it is made again after a conflict.
    fn look(&self, state: &mut State, id: &ApprovalId) {
        let now = state.now();
        let mut change = IncidentChange::new(Incident::clone(&state.incident));
        let approval = change.incident.approval.as_ref();
        let is_its = approval.is_some_and(|it| it.id == *id);
        if !is_its && self.rules.names_its_approval {
            return;
        }
        if !change.expire(now) {
            while change.escalate(&self.channels, now) {}
            change.remind(now);
        }
        for entry in &change.entries {
            match entry.event {
                Event::ApprovalReminded => state.reminded += 1,
                Event::ApprovalEscalated => state.escalated += 1,
                _ => {}
            }
        }
        state.incident = kept(change.incident);
    }

    fn look_again(&self, state: &State, id: &ApprovalId) -> Option<Stage> {
        let now = state.now();
        let approval = state.incident.approval.as_ref();
        let is_its = approval.is_some_and(|it| it.id == *id);
        if (!is_its && self.rules.names_its_approval) || !self.rules.sends_the_next {
            return None;
        }
        let (_, at) = self.waits(&state.incident)?;
        let noted = state.noted.get(&self.key(id)).copied();
        let follows = noted.is_some_and(|due| due > now + THIS_ONE);
        if follows && self.rules.joins_chains {
            return None;
        }
        let approval = id.clone();
        Some(Stage::Schedules { approval, at })
    }

    fn flap(state: &mut State) {
        let now = state.now();
        let mut change = IncidentChange::new(Incident::clone(&state.incident));
        change.resolved(1, now);
        change.reopened(state.incident.flaps + 1, 2, now);
        state.incident = kept(change.incident);
        (state.reminded, state.escalated) = (0, 0);
        state.flaps -= 1;
        state.send(Message::IncidentChanged, now);
    }
}

impl Model for FollowUpModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut change = IncidentChange::new(incident());
        change.analysed(analysis(Severity::P3), Vec::new(), at(0));
        change.propose(plan(), at(0), VALID_FOR);
        let queue = BTreeMap::from([(Message::IncidentChanged, vec![at(0)])]);
        let begin = |(flaps, crashes, workers): &(u8, u8, usize)| State {
            clock: 0,
            crashes: *crashes,
            flaps: *flaps,
            workers: *workers,
            incident: kept(change.incident.clone()),
            queue: queue.clone(),
            work: Vec::new(),
            noted: BTreeMap::new(),
            reminded: 0,
            escalated: 0,
        };
        self.histories.iter().map(begin).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let now = state.now();
        let is_last = state.clock + 1 == CLOCK.len();
        if !is_last {
            actions.push(Action::Tick);
        }
        // Two workers at a time are enough for each to come between the effects of the other.
        if state.work.len() < state.workers {
            let received = state.queue.iter().filter(|(_, from)| from[0] <= now);
            actions.extend(received.map(|(message, _)| Action::Receive(message.clone())));
        }
        for i in 0..state.work.len() {
            actions.push(Action::Step(i));
            if state.crashes > 0 && !is_last {
                actions.push(Action::Crash(i));
            }
        }
        if state.flaps > 0 && state.clock <= FLAPS_UNTIL {
            actions.push(Action::Flap);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.clock += 1,
            Action::Receive(message) => {
                let queued = state.queue.get_mut(&message)?;
                queued.remove(0);
                if queued.is_empty() {
                    state.queue.remove(&message);
                }
                state.work.push((message, Stage::Received));
            }
            Action::Step(i) => self.step(&mut state, i),
            Action::Crash(i) => {
                state.crashes -= 1;
                let (message, _) = state.work.remove(i);
                let from = at(CLOCK[last.clock + 1]);
                state.send(message, from);
            }
            Action::Flap => Self::flap(&mut state),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(NO_PLAN_FOREVER, |model, state: &State| {
                !waits(state) || !rests(model, state)
            }),
            Property::<Self>::always(ITS_TIME, |_, state: &State| {
                let approval = state.incident.approval.as_ref();
                approval.is_none_or(|it| match it.state {
                    ApprovalState::Void { at, .. } => at >= it.expires_at,
                    _ => true,
                })
            }),
            Property::<Self>::always(ONCE, |_, state: &State| {
                state.reminded <= 1 && state.escalated <= 1
            }),
            Property::<Self>::sometimes("people are reminded", |_, state: &State| {
                state.reminded == 1
            }),
            Property::<Self>::sometimes("more people are asked", |_, state: &State| {
                state.escalated == 1
            }),
            Property::<Self>::sometimes("a second plan expires", |_, state: &State| {
                state.incident.flaps > 0 && !waits(state)
            }),
        ]
    }
}

fn waits(state: &State) -> bool {
    let approval = state.incident.approval.as_ref();
    approval.is_some_and(|it| it.state == ApprovalState::Pending)
}

const NO_PLAN_FOREVER: &str = "nothing-forever: a plan that nobody decides is void in the end";
const ITS_TIME: &str = "true-and-heard: no plan is void before its own time";
const ONCE: &str = "effect-once: people are reminded once, and more are asked once";

impl Protocol for FollowUpModel {
    const NAME: &'static str = "follow-up";

    fn new(bound: Bound) -> Self {
        let histories: &[_] = match bound {
            Bound::Small => &[(1, 0, 1), (0, 1, 2)],
            Bound::Large => &[(1, 0, 2), (0, 2, 2)],
        };
        Self {
            rules: Rules {
                sends_first: true,
                sends_the_next: true,
                notes_by_approval: true,
                names_its_approval: true,
                joins_chains: true,
            },
            histories,
            channels: channels(),
        }
    }

    fn mutations() -> Vec<Mutation<Self>> {
        vec![
            Mutation::breaks(
                "a check is sent before it is noted",
                NO_PLAN_FOREVER,
                |m: &mut Self| {
                    m.rules.sends_first = false;
                },
            ),
            Mutation::breaks("a check sends the one behind it", NO_PLAN_FOREVER, |m| {
                m.rules.sends_the_next = false;
            }),
            Mutation::breaks("a check is noted of one approval", NO_PLAN_FOREVER, |m| {
                m.rules.notes_by_approval = false;
            }),
            Mutation::covered("a check is of the approval that it names", |m| {
                m.rules.names_its_approval = false;
            }),
            Mutation::covered("two chains become one", |m| m.rules.joins_chains = false),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::FollowUpModel;
    use crate::check::tests::{each_condition_counts, holds};

    #[test]
    fn follow_ups_keep_their_promises() {
        holds::<FollowUpModel>();
    }

    #[test]
    fn follow_ups_need_each_condition() {
        each_condition_counts::<FollowUpModel>();
    }
}
