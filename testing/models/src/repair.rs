//! Repairs: the lock of a host, the ledger of a group, the journal of a run, the bridge's gate and the
//! kill switch, with workers that die between any two effects and clocks that differ.

mod rules;
mod step;

use std::collections::BTreeSet;

use domain::incident::repair::{Effect, Repair, RepairOutcome, StepOutcome};
use domain::playbook::plan::{Phase, Plan};
use domain::policy::attempt_ledger::{CLOCKS_APART, GroupLedger};
use jiff::{SignedDuration, Timestamp};
use stateright::{Model, Property};

use crate::check::{Bound, Mutation, Protocol};
use crate::kept::Kept;
use crate::world::{at, plan};

pub use self::rules::Rules;

/// The time between two moments of a history: longer than the lease of a step, so that a worker that
/// was stopped for one of them has lost its lease.
const TICK: SignedDuration = SignedDuration::from_mins(5);
/// After how many moments Lambda ends a worker.
const FUNCTION: u8 = 2;

/// What may happen in a history.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// How many repairs there are, each of its own incident.
    repairs: usize,
    /// True if each has a host of its own in one redundancy group, of which one may be repaired at once.
    in_a_group: bool,
    /// True if the clocks of the second one's workers are as far ahead as they can be.
    clocks_differ: bool,
    /// How a command can end.
    answers: &'static [Answer],
    checks: bool,
    rolls_back: bool,
    /// True if the step may run again when it is unknown whether it ran.
    idempotent: bool,
    crashes: u8,
    /// How often the last request to the bridge arrives again.
    replays: u8,
    kill_switch: bool,
    /// How many workers are alive at a time, of all repairs.
    workers: usize,
    last_tick: u8,
}

/// How a command ends, as its worker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    Works,
    Fails,
    /// It is given up, and is still at work on the host.
    TimesOut,
}

const ONE_HOST: History = History {
    repairs: 2,
    in_a_group: false,
    clocks_differ: true,
    answers: &[Answer::Works, Answer::TimesOut],
    checks: false,
    rolls_back: false,
    idempotent: false,
    crashes: 1,
    replays: 0,
    kill_switch: false,
    workers: 2,
    last_tick: 2,
};
const ALONE: History = History {
    repairs: 1,
    clocks_differ: false,
    answers: &[Answer::Works, Answer::Fails, Answer::TimesOut],
    checks: true,
    rolls_back: true,
    ..ONE_HOST
};
const SWITCHED: History = History {
    answers: &[Answer::Works],
    crashes: 0,
    replays: 1,
    kill_switch: true,
    ..ALONE
};
const IDEMPOTENT: History = History {
    checks: false,
    idempotent: true,
    crashes: 1,
    replays: 0,
    ..SWITCHED
};
const GROUP: History = History {
    in_a_group: true,
    ..ONE_HOST
};
const SMALL: [History; 5] = [ONE_HOST, ALONE, SWITCHED, IDEMPOTENT, GROUP];
const LARGE: [History; 4] = [
    History {
        workers: 3,
        last_tick: 3,
        ..ONE_HOST
    },
    History {
        crashes: 2,
        replays: 1,
        kill_switch: true,
        ..ALONE
    },
    History {
        crashes: 2,
        last_tick: 3,
        ..IDEMPOTENT
    },
    History {
        workers: 3,
        last_tick: 3,
        ..GROUP
    },
];

#[derive(Debug)]
pub struct RepairModel {
    pub rules: Rules,
    histories: &'static [History],
}

/// Where a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It has the message.
    Received,
    /// It has the lock, for the entrance.
    Locked,
    /// It is in the ledger of the group.
    Entered,
    /// It runs the repair, and looks what comes next.
    Running,
    /// It has renewed the lock for the next step.
    Leased,
    /// The step is recorded as started: its request to the bridge.
    Begun(Request),
    /// The command is at work.
    Waiting(Request),
    /// The bridge has answered.
    Answered(Request, Option<Answer>),
    /// The run has ended; the ledger and the lock are to be left.
    Leaving,
    LeftTheGroup,
}

/// A request to the bridge: the try of a step of an incident's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    run: usize,
    /// Its place among the steps, checks and rollbacks, which are numbered on.
    step: u8,
    number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Worker {
    id: u8,
    began: u8,
    stage: Stage,
}

/// The message of an approved repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Message {
    /// It can be received from this tick on.
    From(u8),
    Deleted,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Run {
    repair: Option<Kept<Repair>>,
    message: Message,
    deliveries: u8,
    workers: Vec<Worker>,
    /// How often a command of each step was started on the host.
    started: [u8; 3],
    /// The steps of which a command worked.
    worked: BTreeSet<u8>,
}

/// The item of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lock {
    run: usize,
    /// None if it was left to the next worker of the repair.
    worker: Option<u8>,
    until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    history: usize,
    tick: u8,
    crashes: u8,
    replays: u8,
    killed: bool,
    runs: Vec<Run>,
    locks: Vec<Option<Lock>>,
    /// The repair whose command is at work on each host.
    hosts: Vec<Option<usize>>,
    group: Kept<GroupLedger>,
    /// The tries that the bridge has recorded.
    tries: BTreeSet<Request>,
    /// The last request that was sent, which may arrive again.
    sent: Option<Request>,
    wrong: BTreeSet<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Tick,
    Deliver(usize),
    /// The next effect of a worker.
    Step(usize, usize),
    Answer(usize, usize, Answer),
    Crash(usize, usize),
    Replay,
    SwitchOff,
}

impl RepairModel {
    pub(super) fn history(&self, state: &State) -> &'static History {
        &self.histories[state.history]
    }

    pub(super) fn plan(&self, state: &State) -> Plan {
        let mut plan = plan();
        if !self.history(state).checks {
            plan.verify.clear();
        }
        if !self.history(state).rolls_back {
            plan.rollback.clear();
        }
        plan.steps[0].idempotent = self.history(state).idempotent;
        plan
    }

    /// The clock of a run's workers.
    pub(super) fn clock(&self, state: &State, run: usize) -> Timestamp {
        let ahead = self.history(state).clocks_differ && run == 1;
        let ahead = if ahead {
            CLOCKS_APART
        } else {
            SignedDuration::ZERO
        };
        at(0) + TICK * i32::from(state.tick) + ahead
    }

    pub(super) fn host(&self, state: &State, run: usize) -> usize {
        if self.history(state).in_a_group {
            run
        } else {
            0
        }
    }

    /// True if time may go by. What lies between the renewal of a lease and the end of its step is
    /// assumed to take no longer than the lease.
    fn may_tick(&self, state: &State) -> bool {
        let in_between = |worker: &Worker| {
            matches!(
                worker.stage,
                Stage::Leased | Stage::Begun(_) | Stage::Waiting(_)
            )
        };
        let mut workers = state.runs.iter().flat_map(|run| &run.workers);
        state.tick < self.history(state).last_tick
            && !(self.rules.steps_fit_their_lease && workers.any(in_between))
    }
}

impl Model for RepairModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let begin = |(number, history): (usize, &History)| {
            let run = Run {
                repair: None,
                message: Message::From(0),
                deliveries: 0,
                workers: Vec::new(),
                started: [0; 3],
                worked: BTreeSet::new(),
            };
            State {
                history: number,
                tick: 0,
                crashes: history.crashes,
                replays: history.replays,
                killed: false,
                runs: vec![run; history.repairs],
                locks: vec![None; history.repairs],
                hosts: vec![None; history.repairs],
                group: Kept::new(GroupLedger::default()),
                tries: BTreeSet::new(),
                sent: None,
                wrong: BTreeSet::new(),
            }
        };
        self.histories.iter().enumerate().map(begin).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let history = self.history(state);
        let alive: usize = state.runs.iter().map(|run| run.workers.len()).sum();
        if self.may_tick(state) {
            actions.push(Action::Tick);
        }
        for (i, run) in state.runs.iter().enumerate() {
            let is_there = matches!(run.message, Message::From(tick) if tick <= state.tick);
            // Two workers of one message are enough for one to take over from the other.
            if is_there && run.workers.len() < 2 && alive < history.workers {
                actions.push(Action::Deliver(i));
            }
            for (n, worker) in run.workers.iter().enumerate() {
                if let Stage::Waiting(_) = worker.stage {
                    let answers = history.answers.iter();
                    actions.extend(answers.map(|answer| Action::Answer(i, n, *answer)));
                } else {
                    actions.push(Action::Step(i, n));
                }
                if state.crashes > 0 {
                    actions.push(Action::Crash(i, n));
                }
            }
        }
        if state.replays > 0 && state.sent.is_some() {
            actions.push(Action::Replay);
        }
        if history.kill_switch && !state.killed {
            actions.push(Action::SwitchOff);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => {
                state.tick += 1;
                // The longest that a command can be at work is over, and so is the time of a function.
                state.hosts.fill(None);
                for run in &mut state.runs {
                    run.workers.retain(|it| it.began + FUNCTION > state.tick);
                }
            }
            Action::Deliver(i) => {
                let (tick, run) = (state.tick, &mut state.runs[i]);
                run.deliveries += 1;
                run.workers.push(Worker {
                    id: run.deliveries,
                    began: tick,
                    stage: Stage::Received,
                });
                run.message = Message::From(tick + 1);
            }
            Action::Step(i, n) => self.step(&mut state, i, n),
            Action::Answer(i, n, answer) => self.answer(&mut state, i, n, answer),
            Action::Crash(i, n) => {
                state.crashes -= 1;
                state.runs[i].workers.remove(n);
            }
            Action::Replay => {
                state.replays -= 1;
                if let Some(request) = state.sent {
                    self.gate(&mut state, request);
                }
            }
            Action::SwitchOff => state.killed = true,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(ONE_HAND, |_, state: &State| !state.wrong.contains(ONE_HAND)),
            Property::<Self>::always(ONE_IN_GROUP, |_, state: &State| {
                !state.wrong.contains(ONE_IN_GROUP)
            }),
            Property::<Self>::always(SWITCHED_OFF, |_, state: &State| {
                !state.wrong.contains(SWITCHED_OFF)
            }),
            Property::<Self>::always(TRY_ONCE, |_, state: &State| !state.wrong.contains(TRY_ONCE)),
            Property::<Self>::always(RUNS_ONCE, |model: &Self, state: &State| {
                // A check may run again: it changes nothing.
                let may_again = model.history(state).idempotent;
                let once =
                    |run: &Run| (may_again || run.started[STEP] <= 1) && run.started[UNDO] <= 1;
                state.runs.iter().all(once)
            }),
            Property::<Self>::always(TRUE_RESULT, |_, state: &State| {
                state.runs.iter().all(is_true)
            }),
            Property::<Self>::always(VERIFIED, |_, state: &State| {
                state.runs.iter().all(|run| {
                    let outcome = run.repair.as_ref().and_then(|it| it.outcome);
                    outcome != Some(RepairOutcome::Verified)
                        || [0, 1].iter().all(|it| run.worked.contains(it))
                })
            }),
            Property::<Self>::always(COMES_AGAIN, |_, state: &State| {
                state.runs.iter().all(|run| {
                    let ended = run.repair.as_ref().is_some_and(|it| it.outcome.is_some());
                    ended || run.message != Message::Deleted
                })
            }),
            Property::<Self>::sometimes("all repairs are verified", |_, state: &State| {
                state
                    .runs
                    .iter()
                    .all(|run| outcome(run) == Some(RepairOutcome::Verified))
            }),
            Property::<Self>::sometimes("a result is lost", |_, state: &State| {
                state
                    .runs
                    .iter()
                    .any(|run| outcome(run) == Some(RepairOutcome::Unknown))
            }),
            Property::<Self>::sometimes("a run is stopped by the switch", |_, state: &State| {
                state
                    .runs
                    .iter()
                    .any(|run| outcome(run) == Some(RepairOutcome::Stopped))
            }),
            Property::<Self>::sometimes("a second worker goes on", |_, state: &State| {
                state
                    .runs
                    .iter()
                    .any(|run| run.deliveries > 1 && outcome(run).is_some())
            }),
        ]
    }
}

const STEP: usize = 0;
const UNDO: usize = 2;

pub(crate) const ONE_HAND: &str = "one-hand: one repair at a time is at work on a host";
pub(crate) const ONE_IN_GROUP: &str = "one-hand: one member at a time of a group is at work";
pub(crate) const SWITCHED_OFF: &str =
    "human-or-guardrails: no command starts behind the kill switch";
pub(crate) const TRY_ONCE: &str = "effect-once: no try of a step starts twice";
pub(crate) const RUNS_ONCE: &str = "effect-once: no step starts again that is not idempotent";
pub(crate) const TRUE_RESULT: &str = "true-and-heard: the journal says of a step what it did";
pub(crate) const VERIFIED: &str = "unknown-is-failure: verified is what worked and was checked";
pub(crate) const COMES_AGAIN: &str = "nothing-forever: a repair that has not ended has its message";

fn outcome(run: &Run) -> Option<RepairOutcome> {
    run.repair.as_ref().and_then(|it| it.outcome)
}

/// The place of a phase's only step.
fn place(phase: Phase) -> usize {
    match phase {
        Phase::Facts | Phase::Steps => STEP,
        Phase::Verify => 1,
        Phase::Rollback => UNDO,
    }
}

/// True if the journal calls no step successful that was not seen to work, and none without effect
/// that was started.
fn is_true(run: &Run) -> bool {
    let steps = run.repair.iter().flat_map(|it| &it.steps);
    steps.filter(|step| step.finished).all(|step| {
        let place = place(step.phase);
        let worked = u8::try_from(place).is_ok_and(|place| run.worked.contains(&place));
        // A check changes nothing, however often it runs.
        let changes = step.phase != Phase::Verify && run.started[place] > 0;
        (!step.succeeded || worked) && (!changes || step.effect != Effect::Nothing)
    })
}

/// How the bridge reports the end of a command; without one, it has refused the request.
fn outcome_of(answer: Option<Answer>) -> (StepOutcome, Option<u32>) {
    match answer {
        Some(Answer::Works) => (StepOutcome::Exited, Some(0)),
        Some(Answer::Fails) => (StepOutcome::Exited, Some(1)),
        Some(Answer::TimesOut) => (StepOutcome::TimedOut, None),
        None => (StepOutcome::Refused, None),
    }
}

impl Protocol for RepairModel {
    const NAME: &'static str = "repair";

    fn new(bound: Bound) -> Self {
        let histories = bound.of(&SMALL, &LARGE);
        Self {
            rules: Rules::of_the_code(),
            histories,
        }
    }

    fn mutations() -> Vec<Mutation<Self>> {
        rules::mutations()
    }
}

#[cfg(test)]
mod tests {
    use super::RepairModel;
    use crate::check::tests::{each_condition_counts, holds};

    #[test]
    fn repairs_keep_their_promises() {
        holds::<RepairModel>();
    }

    #[test]
    fn repairs_need_each_condition() {
        each_condition_counts::<RepairModel>();
    }
}
