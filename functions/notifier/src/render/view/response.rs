//! View of what people do about an incident: who works on it, their notes, its closing, and what they say of its cause.

use domain::incident::response::{Note, Response};
use serde::Serialize;

use super::{NAME_CHARACTERS, Names, TEXT_CHARACTERS, last, short};

/// How many notes a card shows: the last ones.
const NOTES_SHOWN: usize = 2;

/// The response of people. Without one every text is empty.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ResponseView {
    /// Who works on it.
    pub responder: String,
    pub responder_since: String,
    /// Who gave it to them; empty if they took it.
    pub assigned_by: String,
    /// Until when they have put it off, or nothing.
    pub snoozed_until: String,
    /// When the next level of the team was called because nobody was on it, or nothing.
    pub called_at: String,
    pub notes: Vec<NoteView>,
    /// Who closed it.
    pub closed_by: String,
    pub closed_at: String,
    /// `fixed_by_hand`, `false_alarm` or `duplicate`; empty if it is not closed.
    pub closed_because: &'static str,
    /// The incident that it repeats.
    pub duplicate_of: String,
    /// Who says whether the cause is right.
    pub cause_judged_by: String,
    pub cause_right: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct NoteView {
    pub person: String,
    pub at: String,
    pub text: String,
}

impl ResponseView {
    pub fn of(response: &Response, names: Names<'_>) -> Self {
        let mut view = Self::default();
        if let Some(responder) = &response.responder {
            view.responder = short(&responder.person, NAME_CHARACTERS);
            view.responder_since = names.moment(responder.since);
            let by = responder.assigned_by.as_deref().unwrap_or_default();
            view.assigned_by = short(by, NAME_CHARACTERS);
            view.snoozed_until = responder
                .snoozed_until
                .map(|until| names.moment(until))
                .unwrap_or_default();
        }
        let called = response.called.filter(|called| called.level > 0);
        view.called_at = called
            .filter(|_| response.responder.is_none())
            .map(|called| names.moment(called.at))
            .unwrap_or_default();
        let note = |note: &Note| NoteView {
            person: short(&note.person, NAME_CHARACTERS),
            at: names.moment(note.at),
            text: short(&note.text, TEXT_CHARACTERS),
        };
        (view.notes, _) = last(response.notes.iter().map(note).collect(), NOTES_SHOWN);
        if let Some(closed) = &response.closed {
            view.closed_by = short(&closed.person, NAME_CHARACTERS);
            view.closed_at = names.moment(closed.at);
            view.closed_because = closed.reason.as_str();
            view.duplicate_of = closed
                .duplicate_of
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
        }
        if let Some(cause) = &response.cause {
            view.cause_judged_by = short(&cause.person, NAME_CHARACTERS);
            view.cause_right = cause.right;
        }
        view
    }
}
