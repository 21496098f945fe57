//! Conditions of a channel's turn, outbox and card, each of which can be taken away.

use crate::check::Mutation;

use super::{ChannelModel, HOLDER_SENDS, ONE_CARD, TRUE_CARD};

/// What the code does, by where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `store::channel::take_channel`: the turn is free, or over, or one's own.
    pub turn_is_free: bool,
    /// `store::channel::mark_channel`: who finds it taken leaves a mark.
    pub leaves_a_mark: bool,
    /// `store::channel::mark_channel`: `#until >= :now`.
    pub mark_needs_a_holder: bool,
    /// `store::channel::give_channel_back`: `attribute_not_exists(again)`.
    pub looks_for_marks: bool,
    /// `store::outbox::told`: `#version = :version`.
    pub removes_what_was_sent: bool,
    /// `store::outbox::put_due`: each put is another version.
    pub put_is_a_version: bool,
    /// `deliver::card::send`: the card says first that it is being sent.
    pub says_that_it_sends: bool,
    /// `deliver::policy::step`: a message that may have been sent is looked for.
    pub finds: bool,
    /// `store::card::save_card`: over the version that was read.
    pub card_over_version: bool,
    /// A turn is longer than its worker may run.
    pub turn_outlasts_its_worker: bool,
}

impl Rules {
    pub(super) const fn of_the_code() -> Self {
        Self {
            turn_is_free: true,
            leaves_a_mark: true,
            mark_needs_a_holder: true,
            looks_for_marks: true,
            removes_what_was_sent: true,
            put_is_a_version: true,
            says_that_it_sends: true,
            finds: true,
            card_over_version: true,
            turn_outlasts_its_worker: true,
        }
    }
}

pub(super) fn mutations() -> Vec<Mutation<ChannelModel>> {
    vec![
        Mutation::breaks(
            "a turn is free, over or one's own",
            ONE_CARD,
            |m: &mut ChannelModel| {
                m.rules.turn_is_free = false;
            },
        ),
        Mutation::breaks("who finds the turn taken leaves a mark", TRUE_CARD, |m| {
            m.rules.leaves_a_mark = false;
        }),
        Mutation::breaks("a mark is left for a holder", TRUE_CARD, |m| {
            m.rules.mark_needs_a_holder = false;
        }),
        Mutation::breaks("a turn is given back without a mark", TRUE_CARD, |m| {
            m.rules.looks_for_marks = false;
        }),
        Mutation::breaks("what was put again stays in the outbox", TRUE_CARD, |m| {
            m.rules.removes_what_was_sent = false;
        }),
        Mutation::breaks("each put is another version", TRUE_CARD, |m| {
            m.rules.put_is_a_version = false;
        }),
        Mutation::breaks("a card says first that it is being sent", ONE_CARD, |m| {
            m.rules.says_that_it_sends = false;
        }),
        Mutation::breaks("what may have been sent is looked for", ONE_CARD, |m| {
            m.rules.finds = false;
        }),
        Mutation::covered("a card is saved over the version that was read", |m| {
            m.rules.card_over_version = false;
        }),
        Mutation::breaks("assumed: a turn outlasts its worker", HOLDER_SENDS, |m| {
            m.rules.turn_outlasts_its_worker = false;
        }),
    ]
}
