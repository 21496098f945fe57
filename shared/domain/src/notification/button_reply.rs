//! Texts of the replies to button presses, in the language of the channel.

use jiff::Timestamp;

use crate::incident::approval::{Refusal, Taken, Verdict};
use crate::incident::repair::{COUNTDOWN, Stopped};
use crate::incident::response::{CloseReason, ResponderAction};
use crate::notification::channels::Language;
use crate::notification::words::words;
use crate::primitives::identity::DecidedBy;
use crate::primitives::phrase::Phrase;

/// Result of a press, for the person who pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ButtonReply {
    /// The plan is approved.
    Approved,
    /// It is approved, and begins after its countdown.
    ApprovedWithCountdown,
    /// The approval counts, and so many more people have to give theirs.
    ApprovedFirst {
        more: u8,
    },
    /// The plan is rejected.
    Rejected,
    /// Nothing ran, and nothing will.
    StoppedBefore,
    /// The repair ends behind the step that is under way.
    StopComing,
    NothingToStop,
    /// The presser is not on the list of people.
    NotListed,
    /// They may not decide on this service at this risk.
    NotAllowed,
    /// The incident has another plan now.
    WrongPlan,
    /// It was decided before.
    Decided {
        verdict: Verdict,
        by: DecidedBy,
    },
    /// It cannot be decided on any more.
    Void {
        why: Phrase,
    },
    /// It was not decided in time.
    Expired {
        /// When its time was over.
        at: Timestamp,
    },
    /// Two people have to approve, by a way that proves who they are.
    NeedsPress,
    /// The button is none of ours.
    UnknownButton,
    /// The press came from a chat that is none of the channels.
    OtherChat,
    /// The evidence and the log follow.
    DetailsComing,
    /// The earlier incidents follow.
    HistoryComing,
    /// The alert is being silenced.
    SilenceComing,
    SilenceRefused {
        why: Phrase,
    },
    /// A new analysis begins.
    ReanalysisComing,
    ReanalysisRefused {
        why: Phrase,
    },
    /// The responder's action is done, or was before.
    Responded(ResponderAction),
    /// The same on every incident of its alert group.
    RespondedToGroup {
        action: ResponderAction,
        /// How many it changed.
        changed: usize,
        /// How many it is not possible for right now.
        refused: usize,
    },
    ResponseRefused {
        why: Phrase,
    },
    /// What was written is no command.
    CommandRefused {
        why: Phrase,
    },
    /// What there is to write.
    Help,
    /// The command names no incident, and answers no card.
    WhichIncident,
    /// All repairs are switched off.
    RepairsStopped,
    /// The person may not switch them off.
    MayNotStopRepairs,
    /// There is no such incident.
    NoIncident,
    /// There is, and it never asked for a decision.
    NoApproval,
    /// It can be asked for in a channel only.
    InChannelOnly,
}

impl From<Taken> for ButtonReply {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Approved => Self::Approved,
            Taken::Given { more } => Self::ApprovedFirst { more },
            Taken::Rejected => Self::Rejected,
        }
    }
}

impl From<Stopped> for ButtonReply {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::BeforeItBegan => Self::StoppedBefore,
            Stopped::BehindTheStep => Self::StopComing,
            Stopped::Nothing => Self::NothingToStop,
        }
    }
}

impl From<Refusal> for ButtonReply {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotListed => Self::NotListed,
            Refusal::NotAllowed => Self::NotAllowed,
            Refusal::OtherChat => Self::OtherChat,
            Refusal::NotThisPlan => Self::WrongPlan,
            Refusal::NeedsPress => Self::NeedsPress,
            Refusal::Decided { verdict, by } => Self::Decided { verdict, by },
            Refusal::Void { why } => Self::Void { why },
            Refusal::Expired { at } => Self::Expired { at },
        }
    }
}

impl ButtonReply {
    /// The sentence. Channels cut it to what they show.
    pub fn words(&self, language: Language) -> String {
        if let Self::RespondedToGroup {
            action,
            changed,
            refused,
        } = self
        {
            let done = Self::Responded(action.clone()).words(language);
            let counts = [
                ("changed", &*changed.to_string()),
                ("refused", &*refused.to_string()),
            ];
            let key = if *refused == 0 {
                "group"
            } else {
                "group_in_part"
            };
            return format!("{done} {}", words(language).fill("reply", key, &counts));
        }
        let (key, field) = match self {
            Self::Approved => ("approved", None),
            Self::ApprovedWithCountdown => {
                let seconds = COUNTDOWN.as_secs().to_string();
                ("approved_with_countdown", Some(("seconds", seconds)))
            }
            Self::ApprovedFirst { more: 1 } => ("one_more", None),
            Self::ApprovedFirst { more } => ("more", Some(("more", more.to_string()))),
            Self::Rejected => ("rejected", None),
            Self::StoppedBefore => ("stopped_before", None),
            Self::StopComing => ("stop", None),
            Self::NothingToStop => ("nothing_to_stop", None),
            Self::NotListed => ("not_listed", None),
            Self::NotAllowed => ("not_allowed", None),
            Self::WrongPlan => ("wrong_plan", None),
            Self::Decided { verdict, by } => {
                let key = match verdict {
                    Verdict::Approve => "already_approved",
                    Verdict::Reject => "already_rejected",
                };
                (key, Some(("by", by.to_string())))
            }
            Self::Void { why } => ("void", Some(("why", words(language).say(why)))),
            Self::Expired { at } => ("expired", Some(("at", short(*at)))),
            Self::NeedsPress => ("needs_press", None),
            Self::UnknownButton => ("unknown_button", None),
            Self::OtherChat => ("other_chat", None),
            Self::DetailsComing => ("details", None),
            Self::HistoryComing => ("history", None),
            Self::SilenceComing => ("silence", None),
            Self::SilenceRefused { why } => ("no_silence", Some(("why", words(language).say(why)))),
            Self::ReanalysisComing => ("reanalysis", None),
            Self::ReanalysisRefused { why } => {
                ("no_reanalysis", Some(("why", words(language).say(why))))
            }
            Self::Responded(action) | Self::RespondedToGroup { action, .. } => (done(action), None),
            Self::CommandRefused { why } => ("no_command", Some(("why", words(language).say(why)))),
            Self::Help => ("help", None),
            Self::WhichIncident => ("which_incident", None),
            Self::RepairsStopped => ("repairs_stopped", None),
            Self::MayNotStopRepairs => ("may_not_stop_repairs", None),
            Self::ResponseRefused { why } => {
                ("no_response", Some(("why", words(language).say(why))))
            }
            Self::NoIncident => ("no_incident", None),
            Self::NoApproval => ("no_approval", None),
            Self::InChannelOnly => ("channel_only", None),
        };
        let fields = field.as_ref().map(|(name, value)| (*name, value.as_str()));
        words(language).fill("reply", key, fields.as_slice())
    }
}

/// The reply to a responder's action that is done.
fn done(action: &ResponderAction) -> &'static str {
    match action {
        ResponderAction::Acknowledge {} => "acknowledge",
        ResponderAction::Assign { .. } => "assign",
        ResponderAction::Note { .. } => "note",
        ResponderAction::Snooze { .. } => "snooze",
        ResponderAction::Close { reason, .. } => match reason {
            CloseReason::FixedByHand => "fixed",
            CloseReason::FalseAlarm => "false_alarm",
            CloseReason::Duplicate => "duplicate",
        },
        ResponderAction::Reopen {} => "reopen",
        ResponderAction::Cause { right: true } => "cause_right",
        ResponderAction::Cause { right: false } => "cause_wrong",
    }
}

/// A time as people read it, to the minute.
fn short(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::ButtonReply;
    use crate::incident::approval::Verdict;
    use crate::incident::response::ResponderAction;
    use crate::notification::channels::Language;
    use crate::primitives::identity::{DecidedBy, Identity};

    #[test]
    fn every_reply_is_distinct_and_short_in_every_language() {
        let answers = [
            ButtonReply::Approved,
            ButtonReply::ApprovedWithCountdown,
            ButtonReply::ApprovedFirst { more: 1 },
            ButtonReply::Rejected,
            ButtonReply::StoppedBefore,
            ButtonReply::StopComing,
            ButtonReply::NothingToStop,
            ButtonReply::NotListed,
            ButtonReply::NotAllowed,
            ButtonReply::WrongPlan,
            ButtonReply::Decided {
                verdict: Verdict::Approve,
                by: DecidedBy::Person(Identity::Telegram(7)),
            },
            ButtonReply::Decided {
                verdict: Verdict::Reject,
                by: DecidedBy::Person(Identity::Telegram(7)),
            },
            ButtonReply::Void {
                why: "the alert resolved".to_owned().into(),
            },
            ButtonReply::Expired {
                at: Timestamp::UNIX_EPOCH,
            },
            ButtonReply::NeedsPress,
            ButtonReply::UnknownButton,
            ButtonReply::OtherChat,
            ButtonReply::DetailsComing,
            ButtonReply::HistoryComing,
            ButtonReply::SilenceComing,
            ButtonReply::SilenceRefused {
                why: "it is silenced until 1970-01-01T01:00:00Z"
                    .to_owned()
                    .into(),
            },
            ButtonReply::ReanalysisComing,
            ButtonReply::ReanalysisRefused {
                why: "it was analysed a minute ago".to_owned().into(),
            },
            ButtonReply::RespondedToGroup {
                action: ResponderAction::Acknowledge {},
                changed: 3,
                refused: 0,
            },
            ButtonReply::RespondedToGroup {
                action: ResponderAction::Acknowledge {},
                changed: 3,
                refused: 1,
            },
            ButtonReply::CommandRefused {
                why: "so is no command".to_owned().into(),
            },
            ButtonReply::Help,
            ButtonReply::WhichIncident,
            ButtonReply::RepairsStopped,
            ButtonReply::MayNotStopRepairs,
            ButtonReply::NoIncident,
            ButtonReply::NoApproval,
            ButtonReply::InChannelOnly,
        ];
        let mut said = std::collections::BTreeSet::new();
        for answer in &answers {
            for language in Language::ALL {
                let words = answer.words(language);
                assert!((4..=200).contains(&words.chars().count()), "{words}");
                assert_eq!(words.is_ascii(), language == Language::English, "{words}");
                assert!(said.insert(words.clone()), "said twice: {words}");
            }
        }
        assert_eq!(
            ButtonReply::Expired {
                at: Timestamp::UNIX_EPOCH
            }
            .words(Language::English),
            "The time for a decision was over at 1970-01-01 00:00 UTC."
        );
    }
}
