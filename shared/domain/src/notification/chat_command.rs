//! Commands that people write in a chat, behind `/quell`: the responder's actions that need words, and the kill switch.

use jiff::SignedDuration;

use crate::incident::response::{CloseReason, ResponderAction};
use crate::phrase;
use crate::primitives::id::IncidentId;
use crate::primitives::phrase::Phrase;
use crate::primitives::safe_text::line;

/// How much of a word that is no command is repeated.
const WORD_CHARACTERS: usize = 30;

/// What a person writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatCommand {
    /// Switches all repairs off, with a reason.
    StopRepairs { why: Option<String> },
    /// An action on an incident: the one that is named, else the one whose card is answered.
    Respond {
        incident: Option<IncidentId>,
        action: ResponderAction,
        /// On every incident of its alert group as well.
        of_group: bool,
    },
    /// Asks what there is.
    Help,
}

impl ChatCommand {
    /// Reads what stands behind `/quell`.
    ///
    /// # Errors
    /// What is wrong with it, for the person who wrote it.
    pub fn read(text: &str) -> Result<Self, Phrase> {
        let (first, behind) = word(text);
        let of_group = first == "group";
        let (verb, rest) = if of_group {
            word(behind)
        } else {
            (first, behind)
        };
        match verb {
            "" | "help" => return Ok(Self::Help),
            "stop-repairs" if !of_group => {
                let why = Some(rest.to_owned()).filter(|why| !why.is_empty());
                return Ok(Self::StopRepairs { why });
            }
            _ => {}
        }
        let (first, behind) = word(rest);
        let (incident, rest) = match IncidentId::try_from(first.to_ascii_uppercase()) {
            // The only id behind `duplicate` is the other incident's.
            Ok(_) if verb == "duplicate" && behind.is_empty() => (None, rest),
            Ok(id) => (Some(id), behind),
            Err(_) => (None, rest),
        };
        let action = action(verb, rest)?;
        Ok(Self::Respond {
            incident,
            action,
            of_group,
        })
    }
}

fn action(verb: &str, rest: &str) -> Result<ResponderAction, Phrase> {
    let close = |reason| ResponderAction::Close {
        reason,
        duplicate_of: None,
    };
    let (first, behind) = word(rest);
    let alone = |action: ResponderAction| {
        if rest.is_empty() {
            Ok(action)
        } else {
            Err(phrase!("{verb} takes nothing else", verb))
        }
    };
    match verb {
        "ack" => alone(ResponderAction::Acknowledge {}),
        "reopen" => alone(ResponderAction::Reopen {}),
        "fixed" => alone(close(CloseReason::FixedByHand)),
        "false-alarm" => alone(close(CloseReason::FalseAlarm)),
        "right" => alone(ResponderAction::Cause { right: true }),
        "wrong" => alone(ResponderAction::Cause { right: false }),
        "assign" if !first.is_empty() && behind.is_empty() => Ok(ResponderAction::Assign {
            to: first.trim_start_matches('@').to_owned(),
        }),
        "assign" => Err(phrase!(
            "write: assign and the person's name in channels.json"
        )),
        "note" => Ok(ResponderAction::Note {
            text: rest.to_owned(),
        }),
        "snooze" => {
            let minutes = rest
                .parse::<SignedDuration>()
                .ok()
                .and_then(|time| u32::try_from(time.as_mins()).ok());
            let minutes = minutes
                .filter(|minutes| *minutes > 0)
                .ok_or_else(|| phrase!("write: snooze and for how long, such as 90m or 2h"))?;
            Ok(ResponderAction::Snooze { minutes })
        }
        "duplicate" => {
            let other = IncidentId::try_from(first.to_ascii_uppercase());
            let other = other
                .ok()
                .filter(|_| behind.is_empty())
                .ok_or_else(|| phrase!("write: duplicate and the id of the other incident"))?;
            Ok(ResponderAction::Close {
                reason: CloseReason::Duplicate,
                duplicate_of: Some(other),
            })
        }
        other => Err(phrase!(
            "{word} is no command: /quell help says what there is",
            word = line(other, WORD_CHARACTERS)
        )),
    }
}

/// The first word, and what stands behind it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace)
        .map_or((text, ""), |(word, rest)| (word, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::ChatCommand;
    use crate::incident::response::{CloseReason, ResponderAction};
    use crate::primitives::id::IncidentId;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    fn id() -> IncidentId {
        IncidentId::try_from(ID).expect("an id")
    }

    #[test]
    fn every_action_can_be_written() {
        let close = |reason, duplicate_of| ResponderAction::Close {
            reason,
            duplicate_of,
        };
        let note = |text: &str| ResponderAction::Note {
            text: text.to_owned(),
        };
        for (text, action) in [
            ("ack", ResponderAction::Acknowledge {}),
            ("reopen", ResponderAction::Reopen {}),
            ("fixed", close(CloseReason::FixedByHand, None)),
            ("false-alarm", close(CloseReason::FalseAlarm, None)),
            ("right", ResponderAction::Cause { right: true }),
            ("wrong", ResponderAction::Cause { right: false }),
            ("assign @bob", ResponderAction::Assign { to: "bob".into() }),
            ("note  the disk is  back ", note("the disk is  back")),
            ("snooze 2h", ResponderAction::Snooze { minutes: 120 }),
            ("snooze 1h 30m", ResponderAction::Snooze { minutes: 90 }),
            (
                "duplicate 01arz3ndektsv4rrffq69g5fav",
                close(CloseReason::Duplicate, Some(id())),
            ),
        ] {
            let command = |incident, of_group| ChatCommand::Respond {
                incident,
                action: action.clone(),
                of_group,
            };
            let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
            let named = format!("{verb} {ID} {rest}");
            for (text, incident) in [(text, None), (&named, Some(id()))] {
                let read = ChatCommand::read(text);
                assert_eq!(read, Ok(command(incident.clone(), false)), "{text}");
                let read = ChatCommand::read(&format!("group {text}"));
                assert_eq!(read, Ok(command(incident, true)), "group {text}");
            }
        }
    }

    #[test]
    fn a_reason_is_all_behind_the_word() {
        for (text, why) in [
            ("stop-repairs", None),
            (
                "stop-repairs the disks move",
                Some("the disks move".to_owned()),
            ),
        ] {
            assert_eq!(
                ChatCommand::read(text),
                Ok(ChatCommand::StopRepairs { why })
            );
        }
        for text in ["", "  ", "help"] {
            assert_eq!(ChatCommand::read(text), Ok(ChatCommand::Help));
        }
    }

    #[test]
    fn what_is_no_command_is_said_to_be_none() {
        for text in [
            "approve",
            "group approve",
            "group stop-repairs",
            "ack me",
            "assign",
            "assign bob carol",
            "snooze",
            "snooze soon",
            "snooze 0m",
            "snooze -2h",
            "duplicate",
            "duplicate x",
        ] {
            assert!(ChatCommand::read(text).is_err(), "{text}");
        }
    }
}
