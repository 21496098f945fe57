//! The claim of an analysis: two messages and their repetitions, workers that die while they ask a
//! model, and a lease that has to outlast them.

use domain::analysis::Severity;
use domain::incident::change::IncidentChange;
use domain::incident::{Incident, Status};
use domain::primitives::time::expired;
use domain::transition::analysis_lease::Claimed;
use jiff::{SignedDuration, Timestamp};
use stateright::{Model, Property};

use crate::check::{Bound, Mutation, Protocol, rests};
use crate::kept::Kept;
use crate::world::{analysis, at, incident, kept};

/// `analyzer::diagnosis::LEASE`.
const LEASE: SignedDuration = SignedDuration::from_secs(100);
/// A lease that ends before its worker does.
const TOO_SHORT: SignedDuration = SignedDuration::from_secs(40);
/// When Lambda ends a worker, after it has begun.
const FUNCTION: SignedDuration = SignedDuration::from_secs(90);
/// `analyzer::diagnosis::MOST_ATTEMPTS`.
const MOST_ATTEMPTS: u32 = 2;
/// The moments of a history, in seconds.
const CLOCK: [i64; 6] = [0, 50, 120, 240, 360, 480];

/// What the code does, by where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `analysis_lease::claim_analysis`: a claim that has not expired is respected.
    pub respects_claims: bool,
    /// `store::request::put_over_version`, for the claim.
    pub over_version: bool,
    /// `diagnosis::claim`: the claim looks again whether there is an analysis.
    pub looks_again: bool,
    /// `diagnosis::conclude`: after so many workers that died the rules answer.
    pub most_attempts: bool,
    /// `handler::decide`: a finding is taken over only where there is none.
    pub takes_one_finding: bool,
    /// `handler::analyse`: a repeated message sends to the notifier again.
    pub sends_again: bool,
    /// The lease is longer than the function may run.
    pub outlasts_the_worker: bool,
}

#[derive(Debug)]
pub struct ClaimModel {
    pub rules: Rules,
    messages: usize,
    crashes: u8,
}

/// Where the handling of a message is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    /// On the queue, from a time on.
    Queued {
        from: Timestamp,
    },
    /// The incident is loaded, and has no analysis.
    Loaded {
        began: Timestamp,
        incident: Kept<Incident>,
    },
    /// It has the claim.
    Claimed {
        began: Timestamp,
    },
    /// A model was asked, which is billed.
    Asking {
        began: Timestamp,
    },
    /// There is a finding, by a model or by the rules.
    Found {
        began: Timestamp,
    },
    /// The finding is saved, or was there.
    Saved {
        began: Timestamp,
    },
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    clock: usize,
    crashes: u8,
    incident: Kept<Incident>,
    messages: Vec<Stage>,
    billed: u8,
    findings: u8,
    /// A model was asked about what is analysed.
    in_vain: bool,
    /// The notifier has the message.
    told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Tick,
    Load(usize),
    Claim(usize),
    Ask(usize),
    Answer(usize),
    Save(usize),
    Send(usize),
    Crash(usize),
}

impl State {
    fn now(&self) -> Timestamp {
        at(CLOCK[self.clock])
    }

    /// When a message is delivered again whose worker has died: at the next moment.
    fn again(&self) -> Stage {
        let next = CLOCK.get(self.clock + 1).copied();
        let from = at(next.unwrap_or(CLOCK[self.clock]));
        Stage::Queued { from }
    }
}

impl Stage {
    /// When its worker has begun, if one is at work.
    fn began(&self) -> Option<Timestamp> {
        match self {
            Self::Loaded { began, .. }
            | Self::Claimed { began }
            | Self::Asking { began }
            | Self::Found { began }
            | Self::Saved { began } => Some(*began),
            Self::Queued { .. } | Self::Done => None,
        }
    }
}

impl ClaimModel {
    fn load(&self, state: &mut State, i: usize) {
        let (began, incident) = (state.now(), state.incident.clone());
        let analysed = incident.analysis.is_some() || incident.status != Status::Open;
        state.messages[i] = match analysed {
            true if self.rules.sends_again => Stage::Saved { began },
            true => Stage::Done,
            false => Stage::Loaded { began, incident },
        };
    }

    /// The claim is decided again after a conflict, so that it is one effect. Without the condition
    /// on the version it is decided on what was loaded.
    fn claim(&self, state: &mut State, i: usize) {
        let Stage::Loaded { began, incident } = state.messages[i].clone() else {
            return;
        };
        let gave_up = incident
            .claim
            .as_ref()
            .is_some_and(|it| it.attempt >= MOST_ATTEMPTS && expired(it.until, began));
        if gave_up && self.rules.most_attempts {
            state.messages[i] = Stage::Found { began };
            return;
        }
        let current = if self.rules.over_version {
            state.incident.clone()
        } else {
            incident
        };
        if self.rules.looks_again && current.analysis.is_some() {
            state.messages[i] = Stage::Queued { from: state.now() };
            return;
        }
        let lease = if self.rules.outlasts_the_worker {
            LEASE
        } else {
            TOO_SHORT
        };
        let mut change = IncidentChange::new(Incident::clone(&current));
        if !self.rules.respects_claims {
            change.incident.claim = None;
        }
        match change.claim_analysis("worker", &["model"], lease, began) {
            Claimed::Mine => {
                state.incident = kept(change.incident);
                state.messages[i] = Stage::Claimed { began };
            }
            Claimed::Theirs { until } => {
                state.messages[i] = Stage::Queued { from: until };
            }
        }
    }

    fn save(&self, state: &mut State, i: usize) {
        let Some(began) = state.messages[i].began() else {
            return;
        };
        let now = state.now();
        let mut change = IncidentChange::new(Incident::clone(&state.incident));
        let is_open = change.incident.analysis.is_none() && change.incident.status == Status::Open;
        if is_open || !self.rules.takes_one_finding {
            change.analysed(analysis(Severity::P3), Vec::new(), now);
            state.findings += 1;
        }
        state.incident = kept(change.incident);
        state.messages[i] = Stage::Saved { began };
    }
}

impl Model for ClaimModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            clock: 0,
            crashes: self.crashes,
            incident: kept(incident()),
            messages: vec![Stage::Queued { from: at(0) }; self.messages],
            billed: 0,
            findings: 0,
            in_vain: false,
            told: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.clock + 1 < CLOCK.len() {
            actions.push(Action::Tick);
        }
        for (i, stage) in state.messages.iter().enumerate() {
            let step = match stage {
                Stage::Queued { from } if *from <= state.now() => Action::Load(i),
                Stage::Queued { .. } | Stage::Done => continue,
                Stage::Loaded { .. } => Action::Claim(i),
                Stage::Claimed { .. } => Action::Ask(i),
                Stage::Asking { .. } => Action::Answer(i),
                Stage::Found { .. } => Action::Save(i),
                Stage::Saved { .. } => Action::Send(i),
            };
            actions.push(step);
            // Without room for another delivery a history would end with a message on the queue.
            let last = state.clock + 1 == CLOCK.len();
            if stage.began().is_some() && state.crashes > 0 && !last {
                actions.push(Action::Crash(i));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => {
                state.clock += 1;
                let (now, again) = (state.now(), Stage::Queued { from: state.now() });
                for stage in &mut state.messages {
                    if stage.began().is_some_and(|began| began + FUNCTION < now) {
                        *stage = again.clone();
                    }
                }
            }
            Action::Load(i) => self.load(&mut state, i),
            Action::Claim(i) => self.claim(&mut state, i),
            Action::Ask(i) => {
                let began = state.messages[i].began()?;
                state.billed += 1;
                state.in_vain |= state.incident.analysis.is_some();
                state.messages[i] = Stage::Asking { began };
            }
            Action::Answer(i) => {
                let began = state.messages[i].began()?;
                state.messages[i] = Stage::Found { began };
            }
            Action::Save(i) => self.save(&mut state, i),
            Action::Send(i) => {
                state.told = true;
                state.messages[i] = Stage::Done;
            }
            Action::Crash(i) => {
                state.crashes -= 1;
                state.messages[i] = state.again();
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(ONE_ASKS, |_, state: &State| {
                let asks = |it: &&Stage| matches!(it, Stage::Asking { .. });
                state.messages.iter().filter(asks).count() <= 1
            }),
            Property::<Self>::always(FEW_BILLS, |_, state: &State| {
                u32::from(state.billed) <= MOST_ATTEMPTS
            }),
            Property::<Self>::always(NOT_IN_VAIN, |_, state: &State| !state.in_vain),
            Property::<Self>::always(ONE_FINDING, |_, state: &State| state.findings <= 1),
            Property::<Self>::always(IS_TOLD, |model, state: &State| {
                (state.incident.analysis.is_some() && state.told) || !rests(model, state)
            }),
            Property::<Self>::sometimes(
                "the rules answer after two workers died",
                |_, state: &State| {
                    u32::from(state.billed) == MOST_ATTEMPTS && state.findings == 1 && state.told
                },
            ),
        ]
    }
}

const ONE_ASKS: &str = "one-incident: one worker at a time asks a model";
const FEW_BILLS: &str = "capped-spend: two workers at most ask models without a result";
const NOT_IN_VAIN: &str = "one-incident: no model is asked about what is analysed";
const ONE_FINDING: &str = "effect-once: an incident takes over one finding";
const IS_TOLD: &str = "nothing-forever: in the end it is analysed, and the notifier knows";

impl Protocol for ClaimModel {
    const NAME: &'static str = "claim";

    fn new(bound: Bound) -> Self {
        let (messages, crashes) = match bound {
            Bound::Small => (2, 3),
            Bound::Large => (3, 4),
        };
        Self {
            rules: Rules {
                respects_claims: true,
                over_version: true,
                looks_again: true,
                most_attempts: true,
                takes_one_finding: true,
                sends_again: true,
                outlasts_the_worker: true,
            },
            messages,
            crashes,
        }
    }

    fn mutations() -> Vec<Mutation<Self>> {
        vec![
            Mutation::breaks(
                "a claim that has not expired is respected",
                ONE_ASKS,
                |m: &mut Self| {
                    m.rules.respects_claims = false;
                },
            ),
            Mutation::breaks(
                "a claim is saved over the version that was loaded",
                ONE_ASKS,
                |m| {
                    m.rules.over_version = false;
                },
            ),
            Mutation::breaks("a claim looks again for an analysis", NOT_IN_VAIN, |m| {
                m.rules.looks_again = false;
            }),
            Mutation::breaks(
                "after two workers that died the rules answer",
                FEW_BILLS,
                |m| {
                    m.rules.most_attempts = false;
                },
            ),
            Mutation::breaks(
                "a finding is taken over where there is none",
                ONE_FINDING,
                |m| {
                    m.rules.takes_one_finding = false;
                },
            ),
            Mutation::breaks("a repeated message is sent on again", IS_TOLD, |m| {
                m.rules.sends_again = false;
            }),
            Mutation::breaks("assumed: the lease outlasts its worker", ONE_ASKS, |m| {
                m.rules.outlasts_the_worker = false;
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::ClaimModel;
    use crate::check::tests::{each_condition_counts, holds};

    #[test]
    fn claims_keep_their_promises() {
        holds::<ClaimModel>();
    }

    #[test]
    fn claims_need_each_condition() {
        each_condition_counts::<ClaimModel>();
    }
}
