//! Approvals: presses, voids, new plans and a run that starts under the decision, in any order.

mod rules;
mod step;

use std::collections::BTreeSet;

use domain::analysis::{Risk, Severity};
use domain::incident::approval::ApprovalState;
use domain::incident::change::IncidentChange;
use domain::incident::repair::RepairOutcome;
use domain::incident::{Incident, Status};
use domain::notification::channels::Channels;
use domain::playbook::plan::Plan;
use domain::primitives::id::ApprovalId;
use domain::primitives::identity::Identity;
use jiff::{SignedDuration, Timestamp};
use stateright::{Model, Property};

use crate::check::{Bound, Mutation, Protocol, rests};
use crate::kept::Kept;
use crate::world::{analysis, at, channels, incident, kept, plan};

pub use self::rules::Rules;

/// How long a plan can be decided.
const VALID_FOR: SignedDuration = SignedDuration::from_mins(30);
/// How long after its decision a plan may begin to run.
const STARTS_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// The moments of a history, in minutes: two within the time of a decision, then one after the other
/// after the time of a plan that was proposed at the one before it.
const CLOCK: [i64; 4] = [0, 20, 40, 80];

/// Who presses a button, in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    Ada,
    /// Ada by another account.
    AdaOnSlack,
    Bob,
    /// With bob's name, by a token that ada holds.
    AdaAsBob,
    /// A person whom no rule names.
    Mallory,
}

impl By {
    fn identity(self) -> Identity {
        match self {
            Self::Ada => Identity::Telegram(7),
            Self::AdaOnSlack => Identity::Slack("U7".to_owned()),
            Self::Bob => Identity::Telegram(8),
            Self::AdaAsBob => Identity::Api("bob".to_owned()),
            Self::Mallory => Identity::Telegram(10),
        }
    }

    /// Whose hand it was.
    fn person(self) -> &'static str {
        match self {
            Self::Ada | Self::AdaOnSlack | Self::AdaAsBob => "ada",
            Self::Bob => "bob",
            Self::Mallory => "mallory",
        }
    }
}

/// What may happen in a history.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// The presses: by whom, and whether they approve.
    presses: &'static [(By, bool)],
    /// How often all alerts resolve; each time they may fire again.
    resolves: u8,
    /// Whether a person asks for a new analysis, which comes to another plan.
    reanalysis: bool,
    /// Whether a person stops the repair.
    stop: bool,
    /// Whether an approval is written into the table that was not decided.
    forgery: bool,
    /// How many people have to approve.
    needed: u8,
    crashes: u8,
}

const QUIET: History = History {
    presses: &[],
    resolves: 0,
    reanalysis: false,
    stop: false,
    forgery: false,
    needed: 1,
    crashes: 0,
};
const SMALL: [History; 5] = [
    History {
        presses: &[(By::Ada, true), (By::Bob, false), (By::Mallory, true)],
        crashes: 1,
        ..QUIET
    },
    History {
        presses: &[
            (By::Ada, true),
            (By::AdaOnSlack, true),
            (By::AdaAsBob, true),
        ],
        needed: 2,
        ..QUIET
    },
    History {
        presses: &[(By::Ada, true), (By::Bob, true)],
        resolves: 1,
        needed: 2,
        ..QUIET
    },
    History {
        presses: &[(By::Ada, true), (By::Bob, true)],
        reanalysis: true,
        stop: true,
        ..QUIET
    },
    History {
        presses: &[(By::Ada, true)],
        resolves: 1,
        forgery: true,
        needed: 2,
        ..QUIET
    },
];
const LARGE: [History; 2] = [
    History {
        presses: &[(By::Ada, true), (By::Bob, true), (By::Bob, false)],
        resolves: 2,
        reanalysis: true,
        needed: 2,
        crashes: 1,
        ..QUIET
    },
    History {
        presses: &[(By::Ada, true), (By::AdaAsBob, true), (By::Bob, true)],
        resolves: 1,
        stop: true,
        forgery: true,
        needed: 2,
        crashes: 1,
        ..QUIET
    },
];

#[derive(Debug)]
pub struct ApprovalModel {
    pub rules: Rules,
    histories: &'static [History],
    channels: Channels,
}

/// Where a press is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    NotYet,
    /// Pressed on the card of a plan, and delivered once or again.
    Pressed {
        plan: u8,
        id: ApprovalId,
    },
    /// Decided on the incident as it was loaded, and not saved. Only without a condition on its
    /// version this differs from one effect.
    Loaded {
        plan: u8,
        id: ApprovalId,
        incident: Kept<Incident>,
    },
    /// Saved, and nothing is sent yet.
    Saved {
        plan: u8,
        id: ApprovalId,
        sends: bool,
    },
    Answered,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    history: usize,
    clock: usize,
    crashes: u8,
    resolves: u8,
    reanalysis: bool,
    stop: bool,
    forgery: bool,
    incident: Kept<Incident>,
    presses: Vec<Stage>,
    /// Counts the plans that people were asked about.
    plan: u8,
    /// The hashes in the messages on the queue of repairs, which may be delivered twice.
    repairs: BTreeSet<String>,
    /// The approvals whose decision was made and signed by ingress.
    signed: BTreeSet<ApprovalId>,
    /// The hands that pressed a button to approve: whose, and the plan on its card.
    hands: BTreeSet<(&'static str, u8)>,
    /// The verdicts that people were told, by plan.
    verdicts: BTreeSet<(u8, bool)>,
    /// The plans of which a step ran.
    ran: Vec<u8>,
    /// The promises that were broken when something happened.
    wrong: BTreeSet<&'static str>,
}

impl State {
    fn now(&self) -> Timestamp {
        at(CLOCK[self.clock] * 60)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Tick,
    Press(usize),
    /// Loads the incident for a press.
    Load(usize),
    /// Decides, and saves the incident with its log entries.
    Decide(usize),
    Send(usize),
    /// The worker of a press dies, and the channel delivers the press again.
    Crash(usize),
    Resolve,
    FireAgain,
    /// The timer of the plan.
    DecisionTimer,
    AskForAnalysis,
    Reanalyse,
    Stop,
    /// Who can write the table writes a decision.
    Forge,
    /// Repair gets a message: the hash with this place.
    Admit(usize),
    /// The first step of the run.
    RunStep,
    EndRun,
}

impl Model for ApprovalModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let begin = |(number, history): (usize, &History)| State {
            history: number,
            clock: 0,
            crashes: history.crashes,
            resolves: history.resolves,
            reanalysis: history.reanalysis,
            stop: history.stop,
            forgery: history.forgery,
            incident: kept(proposed(history.needed)),
            presses: vec![Stage::NotYet; history.presses.len()],
            plan: 1,
            repairs: BTreeSet::new(),
            signed: BTreeSet::new(),
            hands: BTreeSet::new(),
            verdicts: BTreeSet::new(),
            ran: Vec::new(),
            wrong: BTreeSet::new(),
        };
        self.histories.iter().enumerate().map(begin).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let last = state.clock + 1 == CLOCK.len();
        if !last {
            actions.push(Action::Tick);
        }
        for (i, stage) in state.presses.iter().enumerate() {
            match stage {
                Stage::NotYet if !last => actions.push(Action::Press(i)),
                Stage::Pressed { .. } if self.rules.over_version => actions.push(Action::Decide(i)),
                Stage::Pressed { .. } => actions.push(Action::Load(i)),
                Stage::Loaded { .. } => actions.push(Action::Decide(i)),
                Stage::Saved { .. } => {
                    actions.push(Action::Send(i));
                    if state.crashes > 0 {
                        actions.push(Action::Crash(i));
                    }
                }
                Stage::NotYet | Stage::Answered => {}
            }
        }
        self.of_the_incident(state, last, actions);
        if state.forgery && state.incident.resolved_at.is_none() {
            actions.push(Action::Forge);
        }
        actions.extend((0..state.repairs.len()).map(Action::Admit));
        if let Some(repair) = &state.incident.repair
            && repair.outcome.is_none()
        {
            actions.push(if repair.steps.is_empty() {
                Action::RunStep
            } else {
                Action::EndRun
            });
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.clock += 1,
            Action::Press(i) => {
                let id = state.incident.approval.as_ref()?.id.clone();
                let plan = state.plan;
                let (by, approves) = self.press(&state, i);
                if approves {
                    state.hands.insert((by.person(), plan));
                }
                state.presses[i] = Stage::Pressed { plan, id };
            }
            Action::Load(i) => {
                let Stage::Pressed { plan, id } = state.presses[i].clone() else {
                    return None;
                };
                let incident = state.incident.clone();
                state.presses[i] = Stage::Loaded { plan, id, incident };
            }
            Action::Decide(i) => self.decide(&mut state, i),
            Action::Send(i) => {
                self.send(&mut state, i);
                state.presses[i] = Stage::Answered;
            }
            Action::Crash(i) => {
                let Stage::Saved { plan, id, .. } = state.presses[i].clone() else {
                    return None;
                };
                state.crashes -= 1;
                state.presses[i] = Stage::Pressed { plan, id };
            }
            Action::Resolve => {
                state.resolves -= 1;
                self.resolve(&mut state);
            }
            Action::FireAgain => self.fire_again(&mut state),
            Action::DecisionTimer => {
                let now = state.now();
                change(&mut state, |change| change.expire(now));
            }
            Action::AskForAnalysis => self.ask_for_analysis(&mut state),
            Action::Reanalyse => self.reanalyse(&mut state),
            Action::Stop => self.stop(&mut state),
            Action::Forge => self.forge(&mut state),
            Action::Admit(i) => self.admit(&mut state, i),
            Action::RunStep => self.run_step(&mut state),
            Action::EndRun => end_run(&mut state),
        }
        // What changes nothing is no step: a message may be delivered for ever.
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(ENOUGH_PEOPLE, |_, state: &State| {
                !state.wrong.contains(ENOUGH_PEOPLE)
            }),
            Property::<Self>::always(SIGNED, |_, state: &State| !state.wrong.contains(SIGNED)),
            Property::<Self>::always(RECENT, |_, state: &State| !state.wrong.contains(RECENT)),
            Property::<Self>::always(IN_TIME, |_, state: &State| !state.wrong.contains(IN_TIME)),
            Property::<Self>::always(STANDS, |_, state: &State| !state.wrong.contains(STANDS)),
            Property::<Self>::always(FIRES_STILL, |_, state: &State| {
                !state.wrong.contains(FIRES_STILL)
            }),
            Property::<Self>::always(ONE_VERDICT, |_, state: &State| {
                let contrary = |(plan, approved): &(u8, bool)| (*plan, !*approved);
                !state
                    .verdicts
                    .iter()
                    .any(|it| state.verdicts.contains(&contrary(it)))
            }),
            Property::<Self>::always(RUNS_ONCE, |_, state: &State| {
                state.ran.iter().collect::<BTreeSet<_>>().len() == state.ran.len()
            }),
            Property::<Self>::always(NO_RESOLVED_PLAN, |_, state: &State| {
                state.incident.resolved_at.is_none() || state.incident.status != Status::Approved
            }),
            Property::<Self>::always(STARTS, |model: &Self, state: &State| {
                state.incident.status != Status::Approved || !rests(model, state)
            }),
            Property::<Self>::always(NO_PLAN_FOREVER, |model, state: &State| {
                let waits = state.incident.approval.as_ref().is_some_and(|it| {
                    it.state == ApprovalState::Pending && it.expires_at <= state.now()
                });
                !waits || !rests(model, state)
            }),
            Property::<Self>::sometimes("a plan of two people runs", |_, state: &State| {
                let needed = state.incident.approval.as_ref().map(|it| it.needed);
                needed == Some(2) && state.ran.len() == 1
            }),
            Property::<Self>::sometimes("a second plan runs", |_, state: &State| {
                state.ran.contains(&2)
            }),
            Property::<Self>::sometimes("a person stops a plan", |_, state: &State| {
                step::was_stopped(&state.incident)
            }),
        ]
    }
}

pub(crate) const ENOUGH_PEOPLE: &str =
    "human-or-guardrails: what runs was approved by as many hands as it takes, on its own card";
pub(crate) const SIGNED: &str = "signed-decisions: who can write the table cannot approve";
pub(crate) const RECENT: &str = "signed-decisions: a decision that is too old starts nothing";
pub(crate) const IN_TIME: &str = "human-or-guardrails: nothing is approved after its time";
pub(crate) const STANDS: &str = "human-or-guardrails: no void decision starts a run";
pub(crate) const FIRES_STILL: &str = "human-or-guardrails: nothing starts after a resolve";
pub(crate) const ONE_VERDICT: &str = "true-and-heard: no plan is approved and rejected";
pub(crate) const RUNS_ONCE: &str = "effect-once: each plan runs once";
pub(crate) const NO_RESOLVED_PLAN: &str =
    "true-and-heard: no plan of a resolved incident is approved";
pub(crate) const STARTS: &str = "nothing-forever: an approved plan starts or is taken back";
pub(crate) const NO_PLAN_FOREVER: &str = "nothing-forever: no plan waits for ever";

/// An incident whose plan waits for so many people.
fn proposed(needed: u8) -> Incident {
    let mut change = IncidentChange::new(incident());
    let risk = if needed > 1 {
        Risk::Critical
    } else {
        Risk::Low
    };
    change.analysed(analysis(Severity::P3), Vec::new(), at(0));
    let plan = Plan { risk, ..plan() };
    change.propose(plan, at(0), VALID_FOR);
    change.incident
}

/// A change that is loaded, decided and saved as one effect: the save is over the version that was
/// loaded, and a loser of a race decides again.
fn change<T>(state: &mut State, apply: impl FnOnce(&mut IncidentChange) -> T) -> T {
    let mut change = IncidentChange::new(Incident::clone(&state.incident));
    let answer = apply(&mut change);
    save(state, change.incident);
    answer
}

/// Saves an incident. A request for a decision that was not there before is another plan.
fn save(state: &mut State, incident: Incident) {
    let asked = |incident: &Incident| incident.approval.as_ref().map(|it| it.requested_at);
    let plan = |incident: &Incident| incident.plan.as_ref().map(|it| it.round);
    let anew =
        (asked(&incident), plan(&incident)) != (asked(&state.incident), plan(&state.incident));
    if anew && incident.approval.is_some() {
        state.plan += 1;
    }
    state.incident = kept(incident);
}

fn end_run(state: &mut State) {
    change(state, |change| {
        let outcome = RepairOutcome::Verified;
        if let Some(repair) = &mut change.incident.repair {
            repair.outcome = Some(outcome);
        }
        change.repair_ended(outcome);
    });
}

impl Protocol for ApprovalModel {
    const NAME: &'static str = "approval";

    fn new(bound: Bound) -> Self {
        let histories = bound.of(&SMALL, &LARGE);
        Self {
            rules: Rules::of_the_code(),
            histories,
            channels: channels(),
        }
    }

    fn mutations() -> Vec<Mutation<Self>> {
        rules::mutations()
    }
}

#[cfg(test)]
mod tests {
    use super::ApprovalModel;
    use crate::check::tests::{each_condition_counts, holds};

    #[test]
    fn approvals_keep_their_promises() {
        holds::<ApprovalModel>();
    }

    #[test]
    fn approvals_need_each_condition() {
        each_condition_counts::<ApprovalModel>();
    }
}
