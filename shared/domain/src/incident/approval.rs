//! A decision on one plan: asked for once, made once, by a person who is named or by the guardrails.

use crate::primitives::is_zero;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::primitives::id::ApprovalId;

/// Who decided where no person did: the guardrails, all of which passed. People's names have a prefix, so that none can be this.
pub const GUARDRAILS: &str = "guardrails";
/// The ways of deciding that prove which person decided: the chat service has authenticated the account, and `channels.json` gives each
/// account to one person. The API's one token speaks for every name, and a link decides for whoever holds it.
const PROVEN: [&str; 2] = ["telegram:", "slack:"];

/// True if whoever is known by this (`telegram:7`, as it stands in the log) has proved which person they are.
#[must_use]
pub fn proves_its_person(by: &str) -> bool {
    PROVEN.iter().any(|way| by.starts_with(way))
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Approve,
    /// Do not run it.
    Reject,
}

/// Where an approval stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ApprovalState {
    Pending,
    Decided {
        verdict: Verdict,
        /// Who: `telegram:<numeric id>`, `slack:<member id>`, `api:<name>`, `link:<name>` or [`GUARDRAILS`]; the last, where two had to.
        by: String,
        at: Timestamp,
    },
    /// Nobody can any more.
    Void {
        why: String,
        at: Timestamp,
    },
}

/// The request for a decision, kept with its incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id, which carries the beginning of the plan's hash.
    pub id: ApprovalId,
    /// The hash of the plan that was shown.
    pub plan_hash: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when it can be decided.
    pub expires_at: Timestamp,
    pub standing: ApprovalState,
    /// How many different people have to approve: two where the plan could do most harm. Fixed when it is asked for.
    #[serde(default = "one")]
    pub needed: u8,
    /// Who has approved so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// When the second list of people was told, because nobody had decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// The last presses that were taken, newest last: one that is delivered twice is taken once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presses: Vec<TakenPress>,
    /// How many presses were refused and stand in the log.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refusals: u32,
}

/// A press that was taken, with what it came to: that is what a repetition is told, whatever has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenPress {
    pub id: String,
    /// What it came to.
    pub came_to: Result<Taken, Refusal>,
}

/// What a press came to that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// The plan is approved.
    Approved,
    /// The approval counts, and so many more people have to give theirs.
    Given {
        more: u8,
    },
    /// The plan is rejected.
    Rejected,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The person's name in `channels.json`: two ids of one person are one person.
    pub person: String,
    /// By what they were known: `telegram:<numeric id>`, `slack:<member id>`, `api:<name>` or `link:<name>`.
    pub by: String,
    pub at: Timestamp,
}

fn one() -> u8 {
    1
}

impl Approval {
    /// A request for a decision that nobody has made.
    #[must_use]
    pub fn asked(
        id: ApprovalId,
        plan_hash: String,
        requested_at: Timestamp,
        expires_at: Timestamp,
        needed: u8,
    ) -> Self {
        Self {
            id,
            plan_hash,
            requested_at,
            expires_at,
            standing: ApprovalState::Pending,
            needed,
            votes: Vec::new(),
            escalated_at: None,
            presses: Vec::new(),
            refusals: 0,
        }
    }

    /// How many different people have approved.
    #[must_use]
    pub fn given(&self) -> usize {
        self.votes
            .iter()
            .filter(|vote| self.takes(&vote.by))
            .map(|vote| vote.person.as_str())
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// True if an approval counts that was given by this way. Where one person has to approve, every way does. Where two have to, only
    /// those that prove who approves: one person can press a button, hold the API's token and have somebody else's link.
    #[must_use]
    pub fn takes(&self, by: &str) -> bool {
        self.needed <= 1 || proves_its_person(by)
    }

    /// True if people decided, and fewer than had to. Where one was enough, an approval of before votes were kept has none.
    #[must_use]
    pub fn lacks_people(&self) -> bool {
        !self.by_guardrails() && self.needed > 1 && self.given() < usize::from(self.needed)
    }

    /// True if it stands, and no human gave it.
    #[must_use]
    pub fn by_guardrails(&self) -> bool {
        matches!(&self.standing, ApprovalState::Decided { verdict: Verdict::Approve, by, .. } if by == GUARDRAILS)
    }
}

/// Why a decision is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Whoever pressed is none of the people.
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
    /// It was decided in the other way, or by somebody else.
    #[error("{by} has already decided: {}", match verdict { Verdict::Approve => "approved", Verdict::Reject => "rejected" })]
    Decided {
        verdict: Verdict,
        by: String,
    },
    #[error("this approval is void: {why}")]
    Void {
        why: String,
    },
    /// It was not decided in time.
    #[error("this approval expired at {at}")]
    Expired {
        at: Timestamp,
    },
}
