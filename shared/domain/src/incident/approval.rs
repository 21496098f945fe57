//! Approvals: a decision on one plan, requested once and made once, by a named person or by the
//! guardrails.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::primitives::id::{ApprovalId, PlanHash};
use crate::primitives::identity::{DecidedBy, Identity};
use crate::primitives::is_zero;
use crate::primitives::phrase::Phrase;

/// The verdict of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Approve,
    /// Do not run it.
    Reject,
}

/// The state of an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ApprovalState {
    Pending,
    Decided {
        verdict: Verdict,
        by: DecidedBy,
        at: Timestamp,
    },
    /// It can no longer be decided.
    Void {
        why: Phrase,
        at: Timestamp,
    },
}

/// The request for a decision, kept with its incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id, which carries the beginning of the plan's hash.
    pub id: ApprovalId,
    /// The hash of the plan that was shown.
    pub plan_hash: PlanHash,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when it can be decided.
    pub expires_at: Timestamp,
    pub state: ApprovalState,
    /// How many different people have to approve: two where the plan could do most harm. Fixed when it is asked for.
    pub needed: u8,
    /// Who has approved so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// The signature of a decision that the guardrails made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<DecisionSignature>,
    /// When the approval was escalated to the second list of people, because it was undecided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// The last level of the rule's team that was asked as well, behind the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<AskedLevel>,
    /// When people were reminded that its time is nearly over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded_at: Option<Timestamp>,
    /// The last presses that were taken, newest last: one that is delivered twice is taken once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presses: Vec<TakenPress>,
    /// How many refused presses of people on the list the log contains.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refusals: u32,
    /// How many of strangers, who have a limit of their own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stranger_refusals: u32,
}

/// A level of a team that was asked because those before it have not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedLevel {
    /// Its place among the team's levels: 1 for the second.
    pub level: u8,
    pub at: Timestamp,
}

/// How far an undecided approval was escalated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The second list of people was asked.
    pub second_list: bool,
    /// The last level of the team that was asked: 0 for the first.
    pub level: u8,
}

impl Reach {
    /// As far as either of them.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            second_list: self.second_list || other.second_list,
            level: self.level.max(other.level),
        }
    }
}

/// A press that was handled, with its result: a redelivery gets the same result, whatever has
/// changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenPress {
    pub id: String,
    /// Its result.
    pub came_to: Result<Taken, Refusal>,
}

/// Result of a press that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// The plan is approved.
    Approved,
    /// The approval counts, and so many more people have to give theirs.
    Given { more: u8 },
    /// The plan is rejected.
    Rejected,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The person's name in `channels.json`: two ids of one person are one person.
    pub person: String,
    /// By what they were known.
    pub by: Identity,
    pub at: Timestamp,
    /// Signed where the vote was given. Without it nothing runs because of the vote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<DecisionSignature>,
}

/// Who let a plan run, signed where it was decided (`signed-decisions`): HMAC-SHA256, 64 hex, for each
/// of the two functions that check it. `wire::signed_decision` says over what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionSignature {
    pub repair: String,
    pub bridge: String,
}

impl Approval {
    /// When it was decided, if it was.
    pub fn decided_at(&self) -> Option<Timestamp> {
        match self.state {
            ApprovalState::Decided { at, .. } => Some(at),
            ApprovalState::Pending | ApprovalState::Void { .. } => None,
        }
    }

    /// A request for a decision, still undecided.
    pub fn asked(
        id: ApprovalId,
        plan_hash: PlanHash,
        requested_at: Timestamp,
        expires_at: Timestamp,
        needed: u8,
    ) -> Self {
        Self {
            id,
            plan_hash,
            requested_at,
            expires_at,
            state: ApprovalState::Pending,
            needed,
            votes: Vec::new(),
            signature: None,
            escalated_at: None,
            reminded_at: None,
            level: None,
            presses: Vec::new(),
            refusals: 0,
            stranger_refusals: 0,
        }
    }

    /// How far it was escalated.
    pub fn reach(&self) -> Reach {
        Reach {
            second_list: self.escalated_at.is_some(),
            level: self.level.map_or(0, |asked| asked.level),
        }
    }

    /// When more people were asked last, because it was undecided.
    pub fn last_escalation(&self) -> Option<Timestamp> {
        self.escalated_at.max(self.level.map(|asked| asked.at))
    }

    /// How many different people have approved.
    pub fn given(&self) -> usize {
        self.votes
            .iter()
            .filter(|vote| self.takes(&vote.by))
            .map(|vote| vote.person.as_str())
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// True if an approval that was given in this way counts. Where one person has to approve,
    /// every way does. Where two have to, only the ways that prove who approves: one person can
    /// press a button, hold the API's token and have another person's link.
    pub fn takes(&self, by: &Identity) -> bool {
        self.needed <= 1 || by.proves_its_person()
    }

    /// True if people decided, and fewer than had to.
    pub fn lacks_people(&self) -> bool {
        !self.by_guardrails() && self.needed > 1 && self.given() < usize::from(self.needed)
    }

    /// True if it is approved, and no human approved it.
    pub fn by_guardrails(&self) -> bool {
        matches!(
            self.state,
            ApprovalState::Decided {
                verdict: Verdict::Approve,
                by: DecidedBy::Guardrails,
                ..
            }
        )
    }
}

/// Why a decision is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The presser is not on the list of people.
    #[error("you are not on the list of people who may decide")]
    NotListed,
    /// They are, and no rule lets them decide on this service at this risk.
    #[error("the rules do not let you decide on this plan")]
    NotAllowed,
    /// The press came from a chat that is none of the channels.
    #[error("decisions are taken in the configured channels only")]
    OtherChat,
    /// The incident has no such approval, or no longer this one.
    #[error("this approval does not belong to the plan that the incident has now")]
    NotThisPlan,
    /// Two people have to approve, and neither the API's token nor a link proves which person approves.
    #[error(
        "two different people have to approve this plan, and neither the API's token nor a link proves who approves: \
         press the button on the card in Telegram or Slack"
    )]
    NeedsPress,
    /// It was decided with the other verdict, or by another person.
    #[error("{by} has already decided: {}", match verdict { Verdict::Approve => "approved", Verdict::Reject => "rejected" })]
    Decided { verdict: Verdict, by: DecidedBy },
    #[error("this approval is void: {why}")]
    Void { why: Phrase },
    /// It was not decided in time.
    #[error("this approval expired at {at}")]
    Expired { at: Timestamp },
}

impl Refusal {
    /// True if the press came from outside of the configured people and channels.
    pub fn is_of_stranger(&self) -> bool {
        matches!(self, Self::NotListed | Self::OtherChat)
    }
}
