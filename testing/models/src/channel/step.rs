//! Steps of a worker in a channel (`notifier::deliver`), one effect at a time.

use domain::notification::outbox::{LiveCard, Sending};

use super::{ChannelModel, HOLDER_SENDS, Post, Stage, State, Stored, shown};
use crate::kept::Kept;
use crate::world::at;

impl ChannelModel {
    pub(super) fn step(&self, state: &mut State, i: usize) {
        let stage = state.messages[i].clone();
        state.messages[i] = match stage {
            Stage::Queued { .. } => {
                if !state.wake.contains(&i) {
                    self.put(state);
                }
                Stage::Put
            }
            Stage::Put => self.take(state, i),
            Stage::Marks => self.mark(state),
            Stage::Turn => state.due.map_or(Stage::Returns, |due| Stage::Read { due }),
            Stage::Read { due } => self.card(state, due),
            Stage::Sends { due, show, card } => self.say_that_it_sends(state, (due, show), card),
            Stage::Sending { due, show, card } => {
                only_the_holder_sends(state, i);
                let key = card
                    .card
                    .sending
                    .as_ref()
                    .map_or_else(String::new, |it| it.key.clone());
                state.chat.push(Post { key, shows: show });
                let message = state.chat.len() - 1;
                Stage::Sent {
                    due,
                    show,
                    card,
                    message,
                }
            }
            Stage::Edits { due, show, card } => {
                only_the_holder_sends(state, i);
                let id = card.card.message_id.as_deref();
                let message: usize = id.and_then(|id| id.parse().ok()).unwrap_or_default();
                if let Some(post) = state.chat.get_mut(message) {
                    post.shows = show;
                }
                Stage::Sent {
                    due,
                    show,
                    card,
                    message,
                }
            }
            Stage::Sent {
                due,
                show,
                card,
                message,
            } => {
                let mut live = LiveCard::clone(&card.card);
                if live.message_id.is_none() {
                    live.arrived(message.to_string(), shown(show), at(0));
                } else {
                    live.shows(message.to_string(), shown(show), at(0));
                }
                match self.save(state, live, card.version) {
                    Some(_) => Stage::Shown { due },
                    None => Stage::Fails,
                }
            }
            Stage::Shown { due } => {
                if state.due == Some(due) || !self.rules.removes_what_was_sent {
                    state.due = None;
                }
                Stage::Turn
            }
            Stage::Returns => self.give_back(state, i),
            Stage::Fails => {
                if state.holder == Some(i) {
                    (state.holder, state.until, state.again) = (None, None, false);
                }
                state.wake.insert(state.messages.len());
                state.messages.push(Stage::Queued { from: state.tick });
                Stage::Done
            }
            Stage::Done => Stage::Done,
        };
    }

    /// `store::outbox::put_due`.
    fn put(&self, state: &mut State) {
        if self.rules.put_is_a_version || state.due.is_none() {
            state.put += 1;
        }
        state.due = Some(state.put);
    }

    /// `store::channel::take_channel`.
    fn take(&self, state: &mut State, i: usize) -> Stage {
        let is_free = state.until.is_none_or(|until| until < state.tick) || state.holder == Some(i);
        if !is_free && self.rules.turn_is_free {
            return if self.rules.leaves_a_mark {
                Stage::Marks
            } else {
                Stage::Done
            };
        }
        (state.holder, state.until, state.again) = (Some(i), Some(state.tick), false);
        Stage::Turn
    }

    /// `store::channel::mark_channel`. Without a holder the turn can be taken after all.
    fn mark(&self, state: &mut State) -> Stage {
        let has_holder = state.until.is_some_and(|until| until >= state.tick);
        if !has_holder && self.rules.mark_needs_a_holder {
            return Stage::Put;
        }
        state.again = true;
        Stage::Done
    }

    /// `deliver::policy::step`, and for a message that may have been sent the search for it.
    fn card(&self, state: &mut State, due: u8) -> Stage {
        let (show, card) = (state.incident, state.stored.clone());
        let is_shown = card.card.shown.as_ref() == Some(&shown(show));
        match (&card.card.message_id, &card.card.sending) {
            (Some(_), _) if is_shown => Stage::Shown { due },
            (Some(_), _) => Stage::Edits { due, show, card },
            (None, Some(sending)) if self.rules.finds && self.history(state).can_find => {
                let is_it = |post: &Post| post.key == sending.key;
                let Some(message) = state.chat.iter().position(is_it) else {
                    return Stage::Sends { due, show, card };
                };
                let mut live = LiveCard::clone(&card.card);
                live.arrived(message.to_string(), sending.shown.clone(), at(0));
                match self.save(state, live, card.version) {
                    // The item stays due: the message is compared with what is so by now.
                    Some(_) => Stage::Turn,
                    None => Stage::Fails,
                }
            }
            (None, _) => Stage::Sends { due, show, card },
        }
    }

    fn say_that_it_sends(&self, state: &mut State, (due, show): (u8, u8), card: Stored) -> Stage {
        let mut live = LiveCard::clone(&card.card);
        live.sending = Some(Sending {
            key: show.to_string(),
            shown: shown(show),
            at: at(0),
        });
        if !self.rules.says_that_it_sends {
            return Stage::Sending { due, show, card };
        }
        match self.save(state, live, card.version) {
            Some(card) => Stage::Sending { due, show, card },
            None => Stage::Fails,
        }
    }

    /// `store::card::save_card`: none if another one has written it.
    fn save(&self, state: &mut State, card: LiveCard, before: u8) -> Option<Stored> {
        if state.stored.version != before && self.rules.card_over_version {
            return None;
        }
        state.stored = Stored {
            card: Kept::new(card),
            version: before + 1,
        };
        Some(state.stored.clone())
    }

    /// `store::channel::give_channel_back`.
    fn give_back(&self, state: &mut State, i: usize) -> Stage {
        if state.holder != Some(i) {
            return Stage::Done;
        }
        if state.again && self.rules.looks_for_marks {
            return Stage::Put;
        }
        (state.holder, state.until, state.again) = (None, None, false);
        Stage::Done
    }
}

fn only_the_holder_sends(state: &mut State, i: usize) {
    if state.holder != Some(i) {
        state.wrong.insert(HOLDER_SENDS);
    }
}

/// The worker of a message dies, and the message is on the queue again from `from` on.
pub(super) fn die(state: &mut State, i: usize, from: u8) {
    let stage = &state.messages[i];
    if !stage.is_at_work() {
        return;
    }
    let is_new = |card: &Stored| card.card.message_id.is_none();
    if matches!(stage, Stage::Sent { card, .. } if is_new(card)) {
        state.lost += 1;
    }
    state.messages[i] = Stage::Queued { from };
}
