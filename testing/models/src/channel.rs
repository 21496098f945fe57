//! The turn in a channel: the outbox, the mark of who finds the turn taken, and a card of which a
//! worker may have died while it was sent.

mod rules;
mod step;

use std::collections::BTreeSet;

use domain::notification::outbox::{LiveCard, Shown};
use stateright::{Model, Property};

use crate::check::{Bound, Mutation, Protocol, rests};
use crate::kept::Kept;

pub use self::rules::Rules;

/// What may happen in a history.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// How often the incident changes; each time a message says so.
    changes: u8,
    /// True if the channel can be asked for a message by its key.
    can_find: bool,
    crashes: u8,
    last_tick: u8,
}

const SMALL: [History; 2] = [
    History {
        changes: 2,
        can_find: true,
        crashes: 2,
        last_tick: 2,
    },
    History {
        changes: 2,
        can_find: false,
        crashes: 1,
        last_tick: 1,
    },
];
const LARGE: [History; 2] = [
    History {
        changes: 3,
        can_find: true,
        crashes: 2,
        last_tick: 2,
    },
    History {
        changes: 3,
        can_find: false,
        crashes: 2,
        last_tick: 2,
    },
];

#[derive(Debug)]
pub struct ChannelModel {
    pub rules: Rules,
    histories: &'static [History],
}

/// Where the handling of a message is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    /// On the queue, from a tick on.
    Queued {
        from: u8,
    },
    /// It has put the incident into the outbox.
    Put,
    /// It has found the turn taken.
    Marks,
    /// It has the turn.
    Turn,
    /// It has read the item of this version.
    Read {
        due: u8,
    },
    /// It has read the incident and the card, and a message is to be sent.
    Sends {
        due: u8,
        show: u8,
        card: Stored,
    },
    /// The same, and the card says that it is being sent.
    Sending {
        due: u8,
        show: u8,
        card: Stored,
    },
    /// The message is to be edited.
    Edits {
        due: u8,
        show: u8,
        card: Stored,
    },
    /// The channel has the message of this place.
    Sent {
        due: u8,
        show: u8,
        card: Stored,
        message: usize,
    },
    /// The card is saved, or showed this before.
    Shown {
        due: u8,
    },
    /// Nothing is due.
    Returns,
    /// Another one has written the card: the turn is given back, and a message goes on.
    Fails,
    Done,
}

/// A card, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stored {
    card: Kept<LiveCard>,
    version: u8,
}

/// A message in the channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Post {
    key: String,
    shows: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    history: usize,
    tick: u8,
    crashes: u8,
    changes: u8,
    /// The state of the incident, which its card has to show.
    incident: u8,
    messages: Vec<Stage>,
    /// The messages that only wake the channel, and put nothing into the outbox.
    wake: BTreeSet<usize>,
    /// The version of the outbox's item.
    due: Option<u8>,
    /// Counts the versions of the item.
    put: u8,
    holder: Option<usize>,
    until: Option<u8>,
    again: bool,
    stored: Stored,
    chat: Vec<Post>,
    /// How many messages were sent whose worker died before it saved the card.
    lost: usize,
    wrong: BTreeSet<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Tick,
    /// The incident changes, and its message is sent.
    Change,
    /// The next effect of the worker of a message.
    Step(usize),
    Crash(usize),
}

impl Stage {
    fn is_at_work(&self) -> bool {
        !matches!(self, Self::Queued { .. } | Self::Done)
    }
}

impl ChannelModel {
    fn history(&self, state: &State) -> &'static History {
        &self.histories[state.history]
    }
}

impl Model for ChannelModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let begin = |(number, history): (usize, &History)| State {
            history: number,
            tick: 0,
            crashes: history.crashes,
            changes: history.changes,
            incident: 0,
            messages: Vec::new(),
            wake: BTreeSet::new(),
            due: None,
            put: 0,
            holder: None,
            until: None,
            again: false,
            stored: Stored {
                card: Kept::new(LiveCard::default()),
                version: 0,
            },
            chat: Vec::new(),
            lost: 0,
            wrong: BTreeSet::new(),
        };
        self.histories.iter().enumerate().map(begin).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_last = state.tick == self.history(state).last_tick;
        if !is_last {
            actions.push(Action::Tick);
        }
        if state.changes > 0 {
            actions.push(Action::Change);
        }
        for (i, stage) in state.messages.iter().enumerate() {
            match stage {
                Stage::Queued { from } if *from > state.tick => continue,
                Stage::Done => continue,
                _ => actions.push(Action::Step(i)),
            }
            // Behind the last tick no message would come again.
            if stage.is_at_work() && state.crashes > 0 && !is_last {
                actions.push(Action::Crash(i));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => {
                state.tick += 1;
                if self.rules.turn_outlasts_its_worker {
                    // The time of each function is over, and its message comes again.
                    for i in 0..state.messages.len() {
                        step::die(&mut state, i, last.tick + 1);
                    }
                }
            }
            Action::Change => {
                state.changes -= 1;
                state.incident += 1;
                state.messages.push(Stage::Queued { from: state.tick });
            }
            Action::Step(i) => self.step(&mut state, i),
            Action::Crash(i) => {
                state.crashes -= 1;
                step::die(&mut state, i, last.tick + 1);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(ONE_CARD, |model: &Self, state: &State| {
                let found = model.history(state).can_find;
                state.chat.len() <= 1 + if found { 0 } else { state.lost }
            }),
            Property::<Self>::always(HOLDER_SENDS, |_, state: &State| {
                !state.wrong.contains(HOLDER_SENDS)
            }),
            Property::<Self>::always(TRUE_CARD, |model, state: &State| {
                let shows = state.chat.last().map_or(0, |post| post.shows);
                shows == state.incident || !rests(model, state)
            }),
            Property::<Self>::sometimes("a mark makes a worker go on", |_, state: &State| {
                state.again
            }),
            Property::<Self>::sometimes("a message is found", |_, state: &State| {
                state.lost > 0 && state.chat.len() == 1 && state.stored.card.message_id.is_some()
            }),
            Property::<Self>::sometimes("a card is edited", |_, state: &State| {
                state.chat.len() == 1 && state.chat[0].shows == 2
            }),
        ]
    }
}

pub(crate) const ONE_CARD: &str = "one-incident: a channel has one card";
pub(crate) const HOLDER_SENDS: &str = "one-incident: who has the turn alone sends";
pub(crate) const TRUE_CARD: &str = "true-and-heard: in the end the card shows what is so";

/// What a card shows of a state of the incident.
fn shown(incident: u8) -> Shown {
    Shown {
        whole: incident.to_string(),
        but_count: incident.to_string(),
        result: false,
        sequence: 0,
        progress: None,
        failed: Vec::new(),
    }
}

impl Protocol for ChannelModel {
    const NAME: &'static str = "channel";

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
    use super::ChannelModel;
    use crate::check::tests::{each_condition_counts, holds};

    #[test]
    fn channels_keep_their_promises() {
        holds::<ChannelModel>();
    }

    #[test]
    fn channels_need_each_condition() {
        each_condition_counts::<ChannelModel>();
    }
}
