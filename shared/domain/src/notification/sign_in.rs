//! The operator's file `sign-in.json`: who may sign in to the console at the identity provider, as whom, and with what rights.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use thiserror::Error;

use crate::notification::channels::Channels;
use crate::notification::person_token::Right;
use crate::notification::session::Grant;
use crate::primitives::ignored::Ignored;
use crate::primitives::names::named;

/// What is asked for beside `openid`, where the file does not say it.
const SCOPES: [&str; 2] = ["profile", "email"];
const GROUPS_CLAIM: &str = "groups";

named! {
    /// The claim of an ID token by which a person is known (OpenID Connect Core 1.0, 5.1 and 5.7).
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum PersonClaim {
        /// What the provider never gives to anyone else.
        #[default]
        Subject = "sub",
        /// An address counts only if the provider says that it has verified it.
        Email = "email",
    }
}

/// The whole file. Without it no one can sign in at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "an object with the fields of sign-in.json"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignIn {
    /// Where the schema is, for editors.
    #[serde(rename = "$schema")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    schema: Ignored,
    /// The claim by which a person is known: `sub` if not given, or `email`, which counts only with `email_verified`.
    pub person_claim: PersonClaim,
    /// The claim with the names of the person's groups: `groups` if not given.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^\S{1,200}$")))]
    pub groups_claim: String,
    /// What is asked of the provider beside `openid`: `profile` and `email` if not given.
    #[cfg_attr(feature = "schema", schemars(extend("items" = { "type": "string", "pattern": r"^[!#-\[\]-~]{1,200}$" })))]
    pub scopes: Vec<String>,
    /// Whether a session ends with the ID token that it was begun with, where that is before 12 hours are over.
    pub ends_with_id_token: bool,
    /// What members of a group may do, by the name or id that the provider gives to the group.
    pub groups: BTreeMap<String, Group>,
    /// Whom the provider's accounts belong to: the value of the claim, and a person's name in channels.json.
    pub people: BTreeMap<String, String>,
}

/// What members of a group may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Group {
    /// The rights.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub may: Vec<Right>,
    /// The teams of people.json for whose members the group counts; for everyone in it if not given.
    #[serde(default)]
    pub teams: Vec<String>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            schema: Ignored,
            person_claim: PersonClaim::default(),
            groups_claim: GROUPS_CLAIM.to_owned(),
            scopes: SCOPES.map(str::to_owned).to_vec(),
            ends_with_id_token: false,
            groups: BTreeMap::new(),
            people: BTreeMap::new(),
        }
    }
}

/// What an ID token says about its person, once it was verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    pub subject: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub groups: Vec<String>,
}

/// Why a person whom the provider knows is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignInRefusal {
    #[error("the ID token has no email")]
    NoEmail,
    #[error("the provider has not verified the email")]
    EmailNotVerified,
    #[error("the account is none of the people of sign-in.json")]
    NotAPerson,
    #[error("the account is in no group of sign-in.json that lets it look")]
    NoGroup,
}

impl SignIn {
    /// What a person may do who signed in.
    ///
    /// # Errors
    /// Why they may not come in.
    pub fn grant(&self, claims: &Claims, channels: &Channels) -> Result<Grant, SignInRefusal> {
        let known_by = match self.person_claim {
            PersonClaim::Subject => claims.subject.as_str(),
            PersonClaim::Email => {
                let email = claims.email.as_deref().ok_or(SignInRefusal::NoEmail)?;
                // An address that its holder only claims may be another's (OpenID Connect Core 1.0, 5.7).
                if !claims.email_verified {
                    return Err(SignInRefusal::EmailNotVerified);
                }
                email
            }
        };
        let person = self.people.get(known_by);
        let person = person.filter(|name| channels.people.contains_key(*name));
        let person = person.ok_or(SignInRefusal::NotAPerson)?;
        let mut may = BTreeSet::new();
        for name in &claims.groups {
            let group = self.groups.get(name);
            let counts = |group: &&Group| group.counts_for(person, channels);
            may.extend(
                group
                    .filter(counts)
                    .into_iter()
                    .flat_map(|group| group.may.iter().copied()),
            );
        }
        if !may.contains(&Right::Look) {
            return Err(SignInRefusal::NoGroup);
        }
        Ok(Grant {
            person: person.clone(),
            may: may.into_iter().collect(),
        })
    }

    /// What is wrong with the file beyond its shape: each a field and a sentence.
    pub fn errors(&self, channels: &Channels) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let mut wrong = |field: String, what: &str| errors.push((field, what.to_owned()));
        let length = self.groups_claim.chars().count();
        if !(1..=200).contains(&length) || self.groups_claim.contains(char::is_whitespace) {
            wrong(
                "groups_claim".to_owned(),
                "has to be the name of a claim, such as groups",
            );
        }
        for (i, scope) in self.scopes.iter().enumerate() {
            if !is_scope(scope) {
                wrong(
                    format!("scopes[{i}]"),
                    "has to be one scope, such as groups: it has no blanks and no quotes",
                );
            }
        }
        for (name, group) in &self.groups {
            let place = format!("groups.{name}");
            if group.may.is_empty() {
                wrong(
                    format!("{place}.may"),
                    "has to have one of look, decide and administer",
                );
            }
            for (i, team) in group.teams.iter().enumerate() {
                if !channels.duty.teams.contains_key(team) {
                    wrong(
                        format!("{place}.teams[{i}]"),
                        "is none of the teams of people.json: add the team there, or correct the name",
                    );
                }
            }
        }
        for (account, person) in &self.people {
            if !channels.people.contains_key(person) {
                wrong(
                    format!("people.{account}"),
                    "is none of the people of channels.json: add the person there, or correct the name",
                );
            }
        }
        errors
    }
}

impl Group {
    fn counts_for(&self, person: &str, channels: &Channels) -> bool {
        let is_member = |team: &String| channels.duty.members(team).any(|name| name == person);
        self.teams.is_empty() || self.teams.iter().any(is_member)
    }
}

/// True for a scope as RFC 6749, 3.3 writes one.
fn is_scope(scope: &str) -> bool {
    let fits = |b: u8| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~');
    (1..=200).contains(&scope.len()) && scope.bytes().all(fits)
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
