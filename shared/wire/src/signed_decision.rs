//! Signed decisions: who let a plan run, signed where it was decided (`signed-decisions`).
//!
//! A decision is signed once for each function that checks it, with a key that only the signer and
//! that function can read. So repair, which could write an approval into the table, cannot make one
//! that the bridge takes. People's votes and what the guardrails decide have keys of their own: who
//! signs the one cannot sign the other (decision 27).

use std::collections::BTreeSet;

use domain::incident::Incident;
use domain::incident::approval::{
    Approval, ApprovalState, DecisionSignature, Refusal, Taken, Verdict, Vote,
};
use domain::incident::change::Decision;
use domain::notification::channels::Channels;
use domain::phrase;
use domain::playbook::plan::{Phase, Plan};
use domain::primitives::id::{ApprovalId, PlanHash};
use domain::primitives::identity::DecidedBy;
use domain::primitives::phrase::Phrase;
use domain::transition::decision::{self, Pressed};
use hmac::{Hmac, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use thiserror::Error;

use crate::mac::over;

/// What the signature begins with, so that nothing else that is signed with the same key can be taken for a decision.
const DOMAIN: &[u8] = b"quell decision";
const VERSION: u8 = 1;
/// How far the clock of the signer may be ahead.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(1);
/// How much longer than its steps a run may take: for waits between the workers that share it.
const BETWEEN_WORKERS: SignedDuration = SignedDuration::from_mins(30);

/// The function that checks a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Repair,
    Bridge,
}

/// The keys of a signer, one for each reader.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    pub repair: SecretString,
    pub bridge: SecretString,
}

/// What is signed: one person's vote for a plan, or that the guardrails let it run.
struct Statement<'a> {
    approval: &'a Approval,
    by: DecidedBy,
    person: &'a str,
    at: Timestamp,
}

impl SigningKeys {
    /// Decides what a press means for an incident ([`decision::decide`]), and signs the vote that it
    /// gives. Votes in the table that were not signed with these keys do not count, and are given back:
    /// somebody has written them there, or they are older than the keys.
    pub fn decide(
        &self,
        mut incident: Incident,
        id: &ApprovalId,
        pressed: &Pressed<'_>,
        channels: &Channels,
        now: Timestamp,
    ) -> (Decision<Result<Taken, Refusal>>, Vec<Vote>) {
        let mut forged = Vec::new();
        // Those of a decision that was made stay: repair and bridge judge them.
        let pending = |approval: &&mut Approval| approval.state == ApprovalState::Pending;
        if let Some(approval) = incident.approval.as_mut().filter(pending) {
            let votes = std::mem::take(&mut approval.votes);
            let signed =
                |vote: &Vote| vote.signature.as_ref() == Some(&self.sign_vote(approval, vote));
            let (kept, others) = votes.into_iter().partition(signed);
            (approval.votes, forged) = (kept, others);
        }
        // Only a vote that this press gives is signed, whatever the table holds.
        let given = incident.approval.as_ref().map_or(0, |it| it.votes.len());
        let mut decided = decision::decide(incident, id, pressed, channels, now);
        if let Some(approval) = &mut decided.change.incident.approval
            && approval.votes.len() > given
            && let Some(mut vote) = approval.votes.pop()
        {
            vote.signature = Some(self.sign_vote(approval, &vote));
            approval.votes.push(vote);
        }
        (decided, forged)
    }

    /// Signs a person's vote for the plan of an approval.
    pub fn sign_vote(&self, approval: &Approval, vote: &Vote) -> DecisionSignature {
        self.sign(&Statement {
            approval,
            by: DecidedBy::Person(vote.by.clone()),
            person: &vote.person,
            at: vote.at,
        })
    }

    /// Signs that the guardrails let the plan of an approval run.
    pub fn sign_guardrails(&self, approval: &Approval, at: Timestamp) -> DecisionSignature {
        self.sign(&Statement {
            approval,
            by: DecidedBy::Guardrails,
            person: "",
            at,
        })
    }

    fn sign(&self, statement: &Statement<'_>) -> DecisionSignature {
        let signed = Signed {
            by: statement.by.clone(),
            person: statement.person.to_owned(),
            at: statement.at,
            signature: String::new(),
        };
        let decision = SignedDecision::unsigned(statement.approval);
        let hex = |key| hex::encode(decision.mac(key, &signed).finalize().into_bytes());
        DecisionSignature {
            repair: hex(&self.repair),
            bridge: hex(&self.bridge),
        }
    }
}

/// A decision as one of its readers gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedDecision {
    pub approval_id: ApprovalId,
    pub plan_hash: PlanHash,
    /// How many different people it takes.
    pub needed: u8,
    /// Who let it run: people, or the guardrails alone.
    pub by: Vec<Signed>,
}

/// One signature of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    pub by: DecidedBy,
    /// The person's name in `channels.json`; empty for the guardrails.
    pub person: String,
    pub at: Timestamp,
    /// HMAC-SHA256 with the reader's key, 64 hex.
    pub signature: String,
}

/// Why a decision lets nothing run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub enum InvalidDecision {
    Nobody,
    Forged {
        by: DecidedBy,
    },
    TooFew {
        given: usize,
        needed: u8,
    },
    /// People and guardrails have signed it.
    Mixed,
    OtherPlan,
    TooOld {
        at: Timestamp,
    },
    Early {
        at: Timestamp,
    },
    /// The guardrails have decided where people have to.
    NeedsPeople,
}

impl InvalidDecision {
    /// The same for people.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::Nobody => phrase!("the decision has no signature"),
            Self::Forged { by } => phrase!(
                "the signature of {by} is wrong: it was not given where decisions are made, or for another plan",
                by => match by {
                    DecidedBy::Guardrails => phrase!("the guardrails"),
                    DecidedBy::Person(person) => person.to_string().into(),
                }
            ),
            Self::TooFew { given, needed } => {
                phrase!(
                    "{given} of {needed} people have signed the decision",
                    given,
                    needed
                )
            }
            Self::Mixed => phrase!("people and guardrails cannot decide together"),
            Self::OtherPlan => phrase!("the decision is for another plan"),
            Self::TooOld { at } => {
                phrase!("the decision is of {at}, and that is too long ago", at)
            }
            Self::Early { at } => phrase!("the decision is of {at}, which is still to come", at),
            Self::NeedsPeople => phrase!(
                "the guardrails may not let this plan run: the playbook or the service is not one that runs by itself"
            ),
        }
    }
}

impl SignedDecision {
    /// The decision of an approval as a reader gets it; none if it is not approved.
    pub fn of(approval: &Approval, reader: Reader) -> Option<Self> {
        let ApprovalState::Decided {
            verdict: Verdict::Approve,
            by,
            at,
        } = &approval.state
        else {
            return None;
        };
        let read = |signature: &Option<DecisionSignature>| {
            let signature = signature.clone();
            match reader {
                Reader::Repair => signature.map(|signature| signature.repair),
                Reader::Bridge => signature.map(|signature| signature.bridge),
            }
            .unwrap_or_default()
        };
        let by = match by {
            DecidedBy::Guardrails => vec![Signed {
                by: DecidedBy::Guardrails,
                person: String::new(),
                at: *at,
                signature: read(&approval.signature),
            }],
            DecidedBy::Person(_) => approval
                .votes
                .iter()
                .map(|vote| Signed {
                    by: DecidedBy::Person(vote.by.clone()),
                    person: vote.person.clone(),
                    at: vote.at,
                    signature: read(&vote.signature),
                })
                .collect(),
        };
        Some(Self {
            by,
            ..Self::unsigned(approval)
        })
    }

    fn unsigned(approval: &Approval) -> Self {
        Self {
            approval_id: approval.id.clone(),
            plan_hash: approval.plan_hash.clone(),
            needed: approval.needed,
            by: Vec::new(),
        }
    }

    /// True if the guardrails made it, which has another key than people's.
    pub fn by_guardrails(&self) -> bool {
        self.by
            .iter()
            .any(|signed| signed.by == DecidedBy::Guardrails)
    }

    /// Checks that all of it was signed with this key, by as many different people as it takes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, key: &SecretString) -> Result<(), InvalidDecision> {
        let first = self.by.first().ok_or(InvalidDecision::Nobody)?;
        if self.by_guardrails() && self.by.len() > 1 {
            return Err(InvalidDecision::Mixed);
        }
        for signed in &self.by {
            let given = hex::decode(&signed.signature).unwrap_or_default();
            // Compares in constant time.
            if self.mac(key, signed).verify_slice(&given).is_err() {
                let by = signed.by.clone();
                return Err(InvalidDecision::Forged { by });
            }
        }
        if first.by == DecidedBy::Guardrails {
            return Ok(());
        }
        let counts = |by: &DecidedBy| match by {
            DecidedBy::Guardrails => false,
            DecidedBy::Person(identity) => self.needed <= 1 || identity.proves_its_person(),
        };
        let people: BTreeSet<&str> = self
            .by
            .iter()
            .filter(|signed| counts(&signed.by))
            .map(|signed| signed.person.as_str())
            .collect();
        if people.len() < usize::from(self.needed.max(1)) {
            return Err(InvalidDecision::TooFew {
                given: people.len(),
                needed: self.needed.max(1),
            });
        }
        Ok(())
    }

    /// When it was made: with the last vote.
    pub fn made_at(&self) -> Timestamp {
        let at = self.by.iter().map(|signed| signed.at).max();
        at.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Checks that it covers a plan and lets it run now: it begins within `starts_within`, and may then
    /// take as long as its steps do.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn covers(
        &self,
        plan: &Plan,
        starts_within: SignedDuration,
        now: Timestamp,
    ) -> Result<(), InvalidDecision> {
        if self.plan_hash != plan.hash() {
            return Err(InvalidDecision::OtherPlan);
        }
        let at = self.made_at();
        if at > now + CLOCKS_APART {
            return Err(InvalidDecision::Early { at });
        }
        if now > at + starts_within + longest(plan) {
            return Err(InvalidDecision::TooOld { at });
        }
        Ok(())
    }

    /// The code over one signature of the decision.
    fn mac(&self, key: &SecretString, signed: &Signed) -> Hmac<Sha256> {
        over(
            key,
            &[
                DOMAIN,
                &[VERSION],
                self.approval_id.as_str().as_bytes(),
                self.plan_hash.as_str().as_bytes(),
                &[self.needed],
                signed.by.to_string().as_bytes(),
                signed.person.as_bytes(),
                &signed.at.as_nanosecond().to_be_bytes(),
            ],
        )
    }
}

/// The longest that a run of this plan may take, with every retry of every step.
fn longest(plan: &Plan) -> SignedDuration {
    [Phase::Facts, Phase::Steps, Phase::Verify, Phase::Rollback]
        .into_iter()
        .flat_map(|phase| plan.phase(phase))
        .map(|step| {
            let every = SignedDuration::from_secs(step.every_seconds.into());
            let tries = i32::try_from(step.retries)
                .unwrap_or(i32::MAX)
                .saturating_add(1);
            (step.longest() + every).saturating_mul(tries)
        })
        .fold(BETWEEN_WORKERS, SignedDuration::saturating_add)
}

#[cfg(test)]
#[path = "signed_decision_tests.rs"]
mod tests;
