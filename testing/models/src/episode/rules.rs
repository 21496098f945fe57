//! Conditions of the writes of an episode, each of which can be taken away.

use crate::check::Mutation;

use super::{
    ALL_IS_SAID, DURABLE_ACK, EXACT_COUNT, EpisodeModel, LABEL_HOLDS, NOTHING_FOREVER,
    ONE_INCIDENT, PLAIN_JOIN, TRUE_INCIDENT,
};

/// What the code does, by where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `store::join`: `#open = :true`.
    pub join_is_open: bool,
    /// `store::join`: `#last_seen >= :stale`.
    pub join_is_fresh: bool,
    /// `store::join`: `#severity >= :severity`.
    pub join_is_no_worse: bool,
    /// `store::join`: `#members.#m >= :s`, for a member that is known.
    pub join_knows_it_as_bad: bool,
    /// `store::join`: `attribute_not_exists(#departed.#m)`.
    pub join_has_not_departed: bool,
    /// `store::join`: `#left_out >= :left_out`.
    pub join_knows_what_is_left_out: bool,
    /// `store::join`: `#forbids_repair = :true`.
    pub join_knows_the_label: bool,
    /// `store::request::put_over_version`: `#version = :before`.
    pub over_version: bool,
    /// `store::incident::save_with_episode`: both items in one transaction.
    pub one_transaction: bool,
    /// `domain::episode`: the unsent mark is written with the fact.
    pub unsent_mark: bool,
    /// `intake::count`: the answer comes after the messages.
    pub sends_first: bool,
    /// `intake::count`: a mark is removed after its message was sent.
    pub marks_later: bool,
    /// `store::episode::mark_sent`: `#marked_in <= :known`.
    pub marks_its_own_change: bool,
    /// `notifier::follow_up::episode`: an open episode is looked at again.
    pub looks_again: bool,
}

impl Rules {
    pub(super) const fn of_the_code() -> Self {
        Self {
            join_is_open: true,
            join_is_fresh: true,
            join_is_no_worse: true,
            join_knows_it_as_bad: true,
            join_has_not_departed: true,
            join_knows_what_is_left_out: true,
            join_knows_the_label: true,
            over_version: true,
            one_transaction: true,
            unsent_mark: true,
            sends_first: true,
            marks_later: true,
            marks_its_own_change: true,
            looks_again: true,
        }
    }
}

pub(super) fn mutations() -> Vec<Mutation<EpisodeModel>> {
    vec![
        Mutation::breaks(
            "a join needs an open episode",
            TRUE_INCIDENT,
            |m: &mut EpisodeModel| {
                m.rules.join_is_open = false;
            },
        ),
        Mutation::breaks("a join needs a fresh episode", PLAIN_JOIN, |m| {
            m.rules.join_is_fresh = false
        }),
        Mutation::breaks("a join is no worse than the episode", TRUE_INCIDENT, |m| {
            m.rules.join_is_no_worse = false;
        }),
        Mutation::breaks(
            "a join knows the member as bad and as late",
            PLAIN_JOIN,
            |m| {
                m.rules.join_knows_it_as_bad = false;
            },
        ),
        Mutation::breaks(
            "a join is of no member that has just left",
            PLAIN_JOIN,
            |m| {
                m.rules.join_has_not_departed = false;
            },
        ),
        Mutation::breaks("a join leaves out no more alerts", PLAIN_JOIN, |m| {
            m.rules.join_knows_what_is_left_out = false;
        }),
        Mutation::breaks(
            "a join brings no new label that forbids",
            LABEL_HOLDS,
            |m| {
                m.rules.join_knows_the_label = false;
            },
        ),
        Mutation::breaks(
            "an episode is written over the version that was read",
            ONE_INCIDENT,
            |m| {
                m.rules.over_version = false;
            },
        ),
        Mutation::breaks("the same, for the count", EXACT_COUNT, |m| {
            m.rules.over_version = false
        }),
        Mutation::breaks(
            "episode and incident are one transaction",
            TRUE_INCIDENT,
            |m| {
                m.rules.one_transaction = false;
            },
        ),
        Mutation::breaks(
            "what is unsent is written with the fact",
            DURABLE_ACK,
            |m| {
                m.rules.unsent_mark = false;
            },
        ),
        Mutation::breaks("messages are sent before the answer", DURABLE_ACK, |m| {
            m.rules.sends_first = false;
        }),
        Mutation::breaks("a mark is removed after its message", ALL_IS_SAID, |m| {
            m.rules.marks_later = false;
        }),
        Mutation::breaks("an open episode is looked at again", NOTHING_FOREVER, |m| {
            m.rules.looks_again = false;
        }),
    ]
}
