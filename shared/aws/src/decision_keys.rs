//! Keys of signed decisions in Secrets Manager: those with which a function signs, and those with
//! which it checks. [`wire::signed_decision`] says what is signed.

use jiff::Timestamp;
use secrecy::SecretString;
use settings::variables::{InvalidVariable, Variables};
use wire::signed_decision::{InvalidDecision, SignedDecision, SigningKeys};

use crate::secrets::{SecretError, Secrets};

/// The secrets with a signer's keys, by name or ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyIds {
    pub repair: String,
    pub bridge: String,
}

const SECRET: &str = "the name or ARN of a secret with a key of decisions";

impl SigningKeyIds {
    /// Reads the two variables of a signer.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
        [repair, bridge]: [&'static str; 2],
    ) -> Result<Self, InvalidVariable> {
        Ok(Self {
            repair: variables.required(repair, SECRET)?,
            bridge: variables.required(bridge, SECRET)?,
        })
    }

    /// The keys of now.
    ///
    /// # Errors
    /// If a key has no value or cannot be read.
    pub async fn read(&self, secrets: &Secrets) -> Result<SigningKeys, SecretError> {
        Ok(SigningKeys {
            repair: secrets.get(&self.repair).await?,
            bridge: secrets.get(&self.bridge).await?,
        })
    }
}

/// The secrets with the keys of a reader, by name or ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckingKeyIds {
    /// With which people's decisions are signed for this reader.
    pub people: String,
    /// With which those of the guardrails are.
    pub guardrails: String,
}

impl CheckingKeyIds {
    /// Reads the two variables of a reader.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
        [people, guardrails]: [&'static str; 2],
    ) -> Result<Self, InvalidVariable> {
        Ok(Self {
            people: variables.required(people, SECRET)?,
            guardrails: variables.required(guardrails, SECRET)?,
        })
    }

    /// Checks the signatures of a decision, also with a key that was replaced a short while ago.
    ///
    /// # Errors
    /// If the key has no value or cannot be read. The inner error says what is wrong with the decision.
    pub async fn check(
        &self,
        secrets: &Secrets,
        decision: &SignedDecision,
        now: Timestamp,
    ) -> Result<Result<(), InvalidDecision>, SecretError> {
        let id = if decision.by_guardrails() {
            &self.guardrails
        } else {
            &self.people
        };
        let check = |key: &SecretString| decision.check(key);
        secrets.check(id, now, check).await
    }
}
