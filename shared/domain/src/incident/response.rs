//! Response of people to an incident, apart from decisions: its responder, notes, closing, and the verdict on its cause.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::incident::approval::AskedLevel;
use crate::primitives::id::IncidentId;
use crate::primitives::names::named;

/// How many notes the incident keeps, the newest: the operation log has all of them.
pub const NOTES_KEPT: usize = 5;
/// How many ids of actions are kept.
const TAKEN_KEPT: usize = 10;
/// The longest snooze, in minutes: a week.
pub const SNOOZE_MINUTES: u32 = 7 * 24 * 60;
/// The longest note, in characters.
pub const NOTE_CHARACTERS: usize = 1_000;

/// The response of people to an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Response {
    /// Who works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responder: Option<Responder>,
    /// The last notes, newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// How a person closed it, until it fires again or is opened again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closing>,
    /// What a person says of the cause that the last analysis found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseVerdict>,
    /// The last level of a team that was called because nobody was on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<AskedLevel>,
    /// The ids of the last actions, newest last: one that is delivered twice is taken once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<String>,
}

impl Response {
    /// The incident is open again: whoever was on it may have gone, and others have to be asked.
    pub fn begin_again(&mut self) {
        self.closed = None;
        self.responder = None;
        self.called = None;
    }

    /// True for an action that was taken before, such as a press that is delivered again.
    pub fn has_taken(&self, action: &str) -> bool {
        self.taken.iter().any(|taken| taken == action)
    }

    /// Notes the id of an action that was taken.
    pub fn take(&mut self, action: &str) {
        self.taken.push(action.to_owned());
        let too_many = self.taken.len().saturating_sub(TAKEN_KEPT);
        self.taken.drain(..too_many);
    }

    /// True if people have done nothing about it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The person who works on an incident, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responder {
    pub person: String,
    pub since: Timestamp,
    /// Who gave it to them; none if they took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_by: Option<String>,
    /// Until when they have put it off: then nobody is on it any more, and people are called again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub person: String,
    pub at: Timestamp,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    pub person: String,
    pub at: Timestamp,
    pub reason: CloseReason,
    /// The incident that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<IncidentId>,
}

named! {
    /// Why a person closes an incident.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum CloseReason {
        FixedByHand = "fixed_by_hand",
        FalseAlarm = "false_alarm",
        /// Another incident is about the same.
        Duplicate = "duplicate",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseVerdict {
    pub person: String,
    pub at: Timestamp,
    pub right: bool,
}

/// What a person does about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponderAction {
    /// "I'm on it": the person becomes the responder.
    Acknowledge {},
    /// Gives it to a person, by their name in `channels.json`.
    Assign {
        to: String,
    },
    Note {
        text: String,
    },
    /// Puts it off: the person is on it for so long, and then people are called again.
    Snooze {
        /// 1 to 10,080, which is a week.
        minutes: u32,
    },
    Close {
        reason: CloseReason,
        #[serde(default)]
        duplicate_of: Option<IncidentId>,
    },
    Reopen {},
    /// Says whether the cause of the analysis is the right one.
    Cause {
        right: bool,
    },
}

impl ResponderAction {
    /// Its name, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Acknowledge {} => "acknowledge",
            Self::Assign { .. } => "assign",
            Self::Note { .. } => "note",
            Self::Snooze { .. } => "snooze",
            Self::Close { .. } => "close",
            Self::Reopen {} => "reopen",
            Self::Cause { .. } => "cause",
        }
    }

    /// True if an action on a storm is one on each of its incidents as well. A note, a snooze and a verdict are about the storm
    /// itself: it has the card, and calls people.
    pub fn reaches_members(&self) -> bool {
        match self {
            Self::Acknowledge {} | Self::Assign { .. } | Self::Close { .. } | Self::Reopen {} => {
                true
            }
            Self::Note { .. } | Self::Snooze { .. } | Self::Cause { .. } => false,
        }
    }
}
