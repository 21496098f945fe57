//! Tokens of people: with one, a person's own tools act in that person's name and no other.
//!
//! A token is shown once, when it is made. Only its SHA-256 is kept: the secret in it has 256 random
//! bits, which nobody finds from a digest however fast it is computed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::primitives::names::named;
use crate::primitives::time::expired;

/// What a token begins with, so that scanners for leaked secrets know one.
pub const PREFIX: &str = "quell_";
/// The length of the id in a token: a ULID.
const ID_CHARACTERS: usize = 26;
/// The length of the secret in it, in hex.
const SECRET_CHARACTERS: usize = 64;

named! {
    /// What a token's holder may do.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum Right {
        /// Read incidents.
        Look = "look",
        /// Decide on plans, where `channels.json` lets the person.
        Decide = "decide",
        /// Change how Quell is set up.
        Administer = "administer",
    }
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonToken {
    /// Its public part.
    pub id: String,
    /// The person's name in `channels.json`.
    pub person: String,
    /// SHA-256 of the secret part, 64 hex.
    pub digest: String,
    pub may: Vec<Right>,
    /// Who made it, as AWS knows them.
    pub made_by: String,
    pub made_at: Timestamp,
    /// From when on it is not accepted.
    pub expires_at: Timestamp,
    /// When it was ended before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Who ended it, as AWS knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

/// Why a token that is known admits nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    #[error("the token was ended")]
    Ended,
    #[error("the token has expired")]
    Expired,
    #[error("the token does not have the right to do this")]
    MayNot,
}

impl PersonToken {
    /// Checks that the token may do something now.
    ///
    /// # Errors
    /// Why it may not.
    pub fn admits(&self, right: Right, now: Timestamp) -> Result<(), TokenRefusal> {
        if self.ended_at.is_some() {
            return Err(TokenRefusal::Ended);
        }
        if expired(self.expires_at, now) {
            return Err(TokenRefusal::Expired);
        }
        if !self.may.contains(&right) {
            return Err(TokenRefusal::MayNot);
        }
        Ok(())
    }
}

/// A token as its holder has it: `quell_<id>_<secret>`.
pub fn written(id: &str, secret: &str) -> String {
    format!("{PREFIX}{id}_{secret}")
}

/// Its id and its secret; none if it is not written as a token is.
pub fn parts(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    let is_id = id.len() == ID_CHARACTERS && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_secret = secret.len() == SECRET_CHARACTERS
        && secret
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_id && is_secret).then_some((id, secret))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{PersonToken, Right, TokenRefusal, parts, written};

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    #[test]
    fn a_token_has_two_parts() {
        let secret = "0a".repeat(32);
        let token = written(ID, &secret);
        assert_eq!(parts(&token), Some((ID, secret.as_str())));
        for bad in [
            String::new(),
            "quell_".to_owned(),
            token.replace("quell_", "Quell_"),
            token[..token.len() - 1].to_owned(),
            format!("{token}0"),
            token.replace("0a", "0A"),
            token.replace(ID, "../etc/passwd"),
            token.replacen('_', "", 1),
        ] {
            assert_eq!(parts(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_ends_expires_and_has_its_rights_alone() {
        let now = Timestamp::UNIX_EPOCH;
        let token = PersonToken {
            id: ID.to_owned(),
            person: "ada".to_owned(),
            digest: "0".repeat(64),
            may: vec![Right::Decide],
            made_by: "root".to_owned(),
            made_at: now,
            expires_at: now + SignedDuration::from_hours(1),
            ended_at: None,
            ended_by: None,
        };
        assert_eq!(token.admits(Right::Decide, now), Ok(()));
        for right in [Right::Look, Right::Administer] {
            assert_eq!(token.admits(right, now), Err(TokenRefusal::MayNot));
        }
        let late = token.expires_at;
        assert_eq!(
            token.admits(Right::Decide, late),
            Err(TokenRefusal::Expired)
        );
        let ended = PersonToken {
            ended_at: Some(now),
            ..token
        };
        assert_eq!(ended.admits(Right::Decide, now), Err(TokenRefusal::Ended));
    }
}
