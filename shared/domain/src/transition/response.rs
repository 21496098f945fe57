//! The actions of a responder, by one rule for every way in which they come: chat, API, and command.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use thiserror::Error;

use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::parts::IncidentKind;
use crate::incident::response::{
    CauseVerdict, CloseReason, Closing, NOTE_CHARACTERS, NOTES_KEPT, Note, Responder,
    ResponderAction, SNOOZE_MINUTES,
};
use crate::incident::{Incident, Status};
use crate::notification::channels::Channels;
use crate::phrase;
use crate::primitives::id::IncidentId;
use crate::primitives::identity::Identity;
use crate::primitives::phrase::Phrase;
use crate::primitives::safe_text::{line, sanitize};
use crate::transition::decision::revocation::revoke;

/// How much of a name that is not on the list is repeated.
const NAME_CHARACTERS: usize = 60;
/// Within this time the same note or snooze of the same person is one that was sent twice: requests to the API have no id by which
/// a repetition is known.
const SENT_TWICE: SignedDuration = SignedDuration::from_mins(1);

/// Why an action changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub enum ResponseRefusal {
    /// Nobody is known by this identity.
    NotListed,
    /// The state of the incident does not allow it.
    NotPossible(Phrase),
    /// `channels.json` has nobody of this name.
    UnknownPerson { name: String },
}

impl ResponseRefusal {
    /// The reason, for the person who asked.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::NotListed => phrase!("you are not on the list of people who may decide"),
            Self::NotPossible(why) => why.clone(),
            Self::UnknownPerson { name } => {
                phrase!("{name} is not among the people of channels.json", name)
            }
        }
    }
}

/// Does what a person asks for; `id` is that of the press or the request. False if it was so already: an action that is delivered
/// twice changes nothing the second time, whatever has happened since.
///
/// # Errors
/// Why it does not; the change is then as it was.
pub fn respond(
    change: &mut IncidentChange,
    action: &ResponderAction,
    (by, id): (&Identity, &str),
    channels: &Channels,
    now: Timestamp,
) -> Result<bool, ResponseRefusal> {
    let person = channels.person(by).ok_or(ResponseRefusal::NotListed)?;
    if change.incident.response.has_taken(id) {
        return Ok(false);
    }
    let mut responding = Responding {
        change,
        person,
        actor: by.to_string(),
        now,
    };
    let changed = match action {
        ResponderAction::Acknowledge {} => responding.acknowledge(),
        ResponderAction::Assign { to } => {
            let Some((to, _)) = channels.people.get_key_value(to) else {
                let name = line(to, NAME_CHARACTERS);
                return Err(ResponseRefusal::UnknownPerson { name });
            };
            responding.assign(to)
        }
        ResponderAction::Note { text } => responding.note(text),
        ResponderAction::Snooze { minutes } => responding.snooze(*minutes),
        ResponderAction::Close {
            reason,
            duplicate_of,
        } => responding.close(*reason, duplicate_of.as_ref()),
        ResponderAction::Reopen {} => responding.reopen(),
        ResponderAction::Cause { right } => responding.judge_cause(*right),
    }?;
    if changed {
        change.incident.response.take(id);
    }
    Ok(changed)
}

/// A person's action on an incident.
struct Responding<'a> {
    change: &'a mut IncidentChange,
    person: &'a str,
    actor: String,
    now: Timestamp,
}

impl Responding<'_> {
    fn acknowledge(&mut self) -> Result<bool, ResponseRefusal> {
        self.has_to_be_open()?;
        if self.is_responder(self.person) && !self.is_snoozed() {
            return Ok(false);
        }
        self.give_to(self.person.to_owned(), None);
        let detail = format!("{} is on it", self.person);
        self.record(Event::IncidentAcknowledged, detail, json!({}));
        Ok(true)
    }

    fn assign(&mut self, to: &str) -> Result<bool, ResponseRefusal> {
        self.has_to_be_open()?;
        if self.is_responder(to) && !self.is_snoozed() {
            return Ok(false);
        }
        self.give_to(to.to_owned(), Some(self.person.to_owned()));
        let detail = format!("{} gave it to {to}", self.person);
        self.record(Event::IncidentAssigned, detail, json!({ "to": to }));
        Ok(true)
    }

    fn snooze(&mut self, minutes: u32) -> Result<bool, ResponseRefusal> {
        self.has_to_be_open()?;
        if self.change.incident.storm_id().is_some() {
            return Err(ResponseRefusal::NotPossible(phrase!(
                "it is a part of a storm: snooze the storm"
            )));
        }
        if !(1..=SNOOZE_MINUTES).contains(&minutes) {
            return Err(ResponseRefusal::NotPossible(phrase!(
                "a snooze lasts 1 to {most} minutes",
                most = SNOOZE_MINUTES
            )));
        }
        let until = self.now + SignedDuration::from_mins(i64::from(minutes));
        let before = self.change.incident.response.responder.as_ref();
        let before = before.filter(|one| one.person == self.person);
        if before
            .and_then(|one| one.snoozed_until)
            .is_some_and(|end| until.duration_since(end).abs() < SENT_TWICE)
        {
            return Ok(false);
        }
        self.change.incident.response.responder = Some(Responder {
            person: self.person.to_owned(),
            since: self.now,
            assigned_by: None,
            snoozed_until: Some(until),
        });
        let detail = format!("{} put it off until {until:.0}", self.person);
        self.record(Event::IncidentSnoozed, detail, json!({ "until": until }));
        Ok(true)
    }

    fn note(&mut self, text: &str) -> Result<bool, ResponseRefusal> {
        let text = sanitize(text, NOTE_CHARACTERS);
        if text.is_empty() {
            return Err(ResponseRefusal::NotPossible(phrase!(
                "a note has to have a text"
            )));
        }
        let notes = &mut self.change.incident.response.notes;
        if notes.last().is_some_and(|last| {
            last.person == self.person
                && last.text == text
                && self.now.duration_since(last.at) < SENT_TWICE
        }) {
            return Ok(false);
        }
        notes.push(Note {
            person: self.person.to_owned(),
            at: self.now,
            text: text.clone(),
        });
        let too_many = notes.len().saturating_sub(NOTES_KEPT);
        notes.drain(..too_many);
        self.record(Event::NoteAdded, text, json!({}));
        Ok(true)
    }

    fn close(
        &mut self,
        reason: CloseReason,
        duplicate_of: Option<&IncidentId>,
    ) -> Result<bool, ResponseRefusal> {
        let incident = &self.change.incident;
        if incident.status == Status::Closed {
            return Ok(false);
        }
        self.has_to_be_open()?;
        if let Some(why) = cannot_be_closed(incident) {
            return Err(ResponseRefusal::NotPossible(why));
        }
        let names_other = duplicate_of.is_some_and(|id| *id != incident.id);
        if (reason == CloseReason::Duplicate) != names_other {
            return Err(ResponseRefusal::NotPossible(phrase!(
                "a duplicate names the other incident with duplicate_of, and nothing else does"
            )));
        }
        self.change.incident.response.closed = Some(Closing {
            person: self.person.to_owned(),
            at: self.now,
            reason,
            duplicate_of: duplicate_of.cloned(),
        });
        let detail = format!("{} closed it: {}", self.person, reason.as_str());
        let context = json!({ "reason": reason, "duplicate_of": duplicate_of });
        self.record(Event::IncidentClosed, detail, context);
        let why = phrase!("{person} closed the incident", person = self.person);
        revoke(self.change, &self.actor, why, self.now);
        self.change.incident.status = Status::Closed;
        Ok(true)
    }

    fn reopen(&mut self) -> Result<bool, ResponseRefusal> {
        // A storm is over as soon as its incidents are, also where people closed them.
        let over =
            self.change.incident.resolved_at.is_some() && self.change.incident.storm().is_none();
        if self.change.incident.status != Status::Closed || over {
            return if self.change.incident.is_open() {
                Ok(false)
            } else {
                Err(ResponseRefusal::NotPossible(phrase!(
                    "its alert has ended: it opens again when that fires again"
                )))
            };
        }
        let detail = format!("{} opened it again", self.person);
        self.record(Event::IncidentReopenedByPerson, detail, json!({}));
        self.change.incident.resolved_at = None;
        self.change.open_again();
        Ok(true)
    }

    fn judge_cause(&mut self, right: bool) -> Result<bool, ResponseRefusal> {
        let incident = &self.change.incident;
        let Some(analysis) = &incident.analysis else {
            return Err(ResponseRefusal::NotPossible(phrase!(
                "it has not been analysed: there is no cause to judge"
            )));
        };
        let before = incident.response.cause.as_ref();
        if before.is_some_and(|before| before.right == right && before.person == self.person) {
            return Ok(false);
        }
        let context = json!({ "root_cause": analysis.root_cause, "provider": analysis.provider });
        let (event, word) = if right {
            (Event::CauseConfirmed, "right")
        } else {
            (Event::CauseDenied, "wrong")
        };
        let detail = format!("{} says that the cause is {word}", self.person);
        self.change.incident.response.cause = Some(CauseVerdict {
            person: self.person.to_owned(),
            at: self.now,
            right,
        });
        self.record(event, detail, context);
        Ok(true)
    }

    fn has_to_be_open(&self) -> Result<(), ResponseRefusal> {
        match self.change.incident.status {
            Status::Closed => Err(ResponseRefusal::NotPossible(phrase!(
                "it was closed: open it again first"
            ))),
            Status::Announced => Err(ResponseRefusal::NotPossible(phrase!(
                "it reports what a pipeline does: there is nothing to do about it"
            ))),
            Status::Resolved | Status::Expired => {
                Err(ResponseRefusal::NotPossible(phrase!("it is over")))
            }
            _ => Ok(()),
        }
    }

    fn is_responder(&self, person: &str) -> bool {
        self.change
            .incident
            .responder()
            .is_some_and(|name| name == person)
    }

    fn is_snoozed(&self) -> bool {
        let responder = self.change.incident.response.responder.as_ref();
        responder.is_some_and(|one| one.snoozed_until.is_some())
    }

    fn give_to(&mut self, person: String, assigned_by: Option<String>) {
        self.change.incident.response.responder = Some(Responder {
            person,
            since: self.now,
            assigned_by,
            snoozed_until: None,
        });
    }

    fn record(&mut self, event: Event, detail: String, mut context: serde_json::Value) {
        context["person"] = json!(self.person);
        let news = LogRecord::new(event, self.actor.clone(), detail);
        self.change.record(self.now, news.with(context));
    }
}

/// Why an open incident cannot be closed yet.
fn cannot_be_closed(incident: &Incident) -> Option<Phrase> {
    match incident.status {
        // Without its analysis it could not be opened again as what it is.
        Status::Open => Some(phrase!("it is being analysed: try again in a minute")),
        // Its steps go on whatever the status says.
        Status::Repairing => Some(phrase!("its repair runs: stop it first")),
        _ => None,
    }
}

impl Incident {
    /// True while a person can close it.
    pub fn can_be_closed(&self) -> bool {
        self.is_open() && cannot_be_closed(self).is_none()
    }

    /// The name of the person who works on it.
    pub fn responder(&self) -> Option<&str> {
        self.response
            .responder
            .as_ref()
            .map(|responder| responder.person.as_str())
    }
}

impl IncidentChange {
    /// Opens an incident again that a person had closed. A plan that was proposed stays void: nothing
    /// runs because of a closing that was a mistake.
    pub(crate) fn open_again(&mut self) {
        self.incident.response.begin_again();
        self.incident.status = match self.incident.kind {
            IncidentKind::StormMember { .. } => Status::InStorm,
            _ => Status::NeedsHuman,
        };
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
