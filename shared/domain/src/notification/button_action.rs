//! Button actions and their encoding: at most 64 bytes, which is Telegram's limit for the data of a
//! button (<https://core.telegram.org/bots/api#inlinekeyboardbutton>).

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::incident::approval::Verdict;
use crate::incident::response::{CloseReason, ResponderAction};
use crate::primitives::id::{ApprovalId, IncidentId};
use crate::primitives::names::named;

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ButtonAction {
    /// A decision on a plan.
    Decide(Verdict, ApprovalId),
    /// The end of a plan's repair, before its first step or behind the one that is under way.
    Stop(ApprovalId),
    /// The evidence and the operation log of an incident.
    Details(IncidentId),
    /// The earlier incidents of its fingerprint.
    History(IncidentId),
    Reanalyse(IncidentId),
    /// An hour without further alerts of it.
    Silence(IncidentId),
    /// What a responder does about it.
    Respond(QuickResponse, IncidentId),
}

named! {
    /// The responder's actions that need no words, and so fit a button.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum QuickResponse {
        Acknowledge = "acknowledge",
        /// Puts it off for an hour.
        SnoozeHour = "snooze_hour",
        /// Closes it: it was fixed by hand.
        Fixed = "fixed",
        /// Closes it: nothing is wrong.
        FalseAlarm = "false_alarm",
        Reopen = "reopen",
        CauseRight = "cause_right",
        CauseWrong = "cause_wrong",
    }
}

impl QuickResponse {
    pub fn action(self) -> ResponderAction {
        let close = |reason| ResponderAction::Close {
            reason,
            duplicate_of: None,
        };
        match self {
            Self::Acknowledge => ResponderAction::Acknowledge {},
            Self::SnoozeHour => ResponderAction::Snooze { minutes: 60 },
            Self::Fixed => close(CloseReason::FixedByHand),
            Self::FalseAlarm => close(CloseReason::FalseAlarm),
            Self::Reopen => ResponderAction::Reopen {},
            Self::CauseRight => ResponderAction::Cause { right: true },
            Self::CauseWrong => ResponderAction::Cause { right: false },
        }
    }
}

impl ButtonAction {
    /// The incident that it is about.
    pub fn incident(&self) -> IncidentId {
        match self {
            Self::Decide(_, approval) | Self::Stop(approval) => approval.incident(),
            Self::Details(id)
            | Self::History(id)
            | Self::Reanalyse(id)
            | Self::Silence(id)
            | Self::Respond(_, id) => id.clone(),
        }
    }

    /// Parses the data of a button. Any other content is refused: the data of a button can be
    /// forged.
    pub fn read(data: &str) -> Option<Self> {
        let (word, id) = data.split_once(':')?;
        let incident = || IncidentId::try_from(id).ok();
        let approval = || ApprovalId::try_from(id).ok();
        match word {
            "approve" => Some(Self::Decide(Verdict::Approve, approval()?)),
            "reject" => Some(Self::Decide(Verdict::Reject, approval()?)),
            "stop" => approval().map(Self::Stop),
            "details" => incident().map(Self::Details),
            "history" => incident().map(Self::History),
            "reanalyse" => incident().map(Self::Reanalyse),
            "silence" => incident().map(Self::Silence),
            word => {
                let mut all = QuickResponse::VARIANTS.into_iter();
                let quick = all.find(|quick| quick.as_str() == word)?;
                Some(Self::Respond(quick, incident()?))
            }
        }
    }
}

/// The data of a button.
impl fmt::Display for ButtonAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decide(Verdict::Approve, id) => write!(f, "approve:{id}"),
            Self::Decide(Verdict::Reject, id) => write!(f, "reject:{id}"),
            Self::Stop(id) => write!(f, "stop:{id}"),
            Self::Details(id) => write!(f, "details:{id}"),
            Self::History(id) => write!(f, "history:{id}"),
            Self::Reanalyse(id) => write!(f, "reanalyse:{id}"),
            Self::Silence(id) => write!(f, "silence:{id}"),
            Self::Respond(quick, id) => write!(f, "{}:{id}", quick.as_str()),
        }
    }
}

/// What a person can ask for beside a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum More {
    /// The evidence and the operation log.
    Details,
    /// The earlier incidents of the fingerprint.
    History,
}

#[cfg(test)]
mod tests {
    use super::ButtonAction;
    use crate::incident::approval::Verdict;
    use crate::primitives::id::{ApprovalId, IncidentId, InvalidId};

    #[test]
    fn what_a_button_asks_for_comes_back_as_it_was_written_and_fits() -> Result<(), InvalidId> {
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?;
        let approval = ApprovalId::for_plan(&id, &"a1".repeat(32).into());
        let asks = [
            ButtonAction::Decide(Verdict::Approve, approval.clone()),
            ButtonAction::Decide(Verdict::Reject, approval.clone()),
            ButtonAction::Stop(approval),
            ButtonAction::Details(id.clone()),
            ButtonAction::History(id.clone()),
            ButtonAction::Reanalyse(id.clone()),
            ButtonAction::Silence(id.clone()),
        ];
        for ask in asks {
            let data = ask.to_string();
            assert!(data.len() <= 64, "{data}");
            assert_eq!(
                (ButtonAction::read(&data), ask.incident()),
                (Some(ask), id.clone()),
                "{data}"
            );
        }
        Ok(())
    }

    #[test]
    fn what_nobody_wrote_is_nothing() {
        for data in [
            "",
            "approve",
            "approve:",
            "details:x",
            "close:01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "approve:01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ] {
            assert_eq!(ButtonAction::read(data), None, "{data}");
        }
    }
}
