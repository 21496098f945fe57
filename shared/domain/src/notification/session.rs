//! Sessions of the console: a person who has shown a token of their own, or has signed in at the identity provider, is known by a
//! cookie, until the session or its token ends.
//!
//! Only the SHA-256 of the cookie's secret is kept, as of a token's. What the person may do is what the token lets them do at the
//! moment: a session adds nothing to it. A session that was begun at the identity provider has no token, and keeps what the person
//! was granted there.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::notification::person_token::{PersonToken, Right};
use crate::primitives::time::expired;

/// How long a session lasts at most.
pub const LASTS: SignedDuration = SignedDuration::from_hours(12);
/// What a session that was begun at the identity provider has in place of its token's id.
pub const AT_PROVIDER: &str = "oidc";
/// The length of an id: a ULID.
const ID_CHARACTERS: usize = 26;
/// The length of the secret, in hex.
const SECRET_CHARACTERS: usize = 64;

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: String,
    /// The id of the token that was shown, or [`AT_PROVIDER`].
    pub token: String,
    /// What the person was granted who signed in at the identity provider; none with a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// SHA-256 of the cookie's secret, 64 hex.
    pub digest: String,
    pub made_at: Timestamp,
    pub expires_at: Timestamp,
    /// When it was ended before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// Who signed in at the identity provider, and what they may do. It does not change while the session goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The person's name in `channels.json`.
    pub person: String,
    pub may: Vec<Right>,
}

/// Why a session that is known admits nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionRefusal {
    #[error("the session was ended")]
    Ended,
    #[error("the session has expired")]
    Expired,
}

impl Session {
    /// A session that begins now. It ends no later than the token.
    pub fn begin(id: String, token: &PersonToken, digest: String, now: Timestamp) -> Self {
        Self {
            id,
            token: token.id.clone(),
            grant: None,
            digest,
            made_at: now,
            expires_at: token.expires_at.min(now + LASTS),
            ended_at: None,
        }
    }

    /// A session that begins now, of a person who signed in at the identity provider. It ends no later than `until`, if that is given.
    pub fn granted(
        id: String,
        grant: Grant,
        until: Option<Timestamp>,
        digest: String,
        now: Timestamp,
    ) -> Self {
        let longest = now + LASTS;
        Self {
            id,
            token: AT_PROVIDER.to_owned(),
            grant: Some(grant),
            digest,
            made_at: now,
            expires_at: until.map_or(longest, |until| until.min(longest)),
            ended_at: None,
        }
    }

    /// Checks that it goes on.
    ///
    /// # Errors
    /// Why it does not.
    pub fn admits(&self, now: Timestamp) -> Result<(), SessionRefusal> {
        if self.ended_at.is_some() {
            return Err(SessionRefusal::Ended);
        }
        if expired(self.expires_at, now) {
            return Err(SessionRefusal::Expired);
        }
        Ok(())
    }
}

/// A cookie's value: `<token id>.<session id>.<secret>`.
pub fn written(session: &Session, secret: &str) -> String {
    format!("{}.{}.{secret}", session.token, session.id)
}

/// The parts of a cookie's value: token id or [`AT_PROVIDER`], session id and secret; none if it is not written as one is.
pub fn parts(value: &str) -> Option<(&str, &str, &str)> {
    let mut parts = value.split('.');
    let (token, session, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let is_id =
        |id: &str| id.len() == ID_CHARACTERS && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_secret = secret.len() == SECRET_CHARACTERS
        && secret
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let is_token = is_id(token) || token == AT_PROVIDER;
    let whole = parts.next().is_none() && is_token && is_id(session) && is_secret;
    whole.then_some((token, session, secret))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{AT_PROVIDER, Grant, LASTS, Session, SessionRefusal, parts, written};
    use crate::notification::person_token::{PersonToken, Right};

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    fn begun(token_lasts: SignedDuration) -> Session {
        let now = Timestamp::UNIX_EPOCH;
        let token = PersonToken {
            id: ID.to_owned(),
            person: "ada".to_owned(),
            digest: "0".repeat(64),
            may: vec![Right::Look],
            made_by: "root".to_owned(),
            made_at: now,
            expires_at: now + token_lasts,
            ended_at: None,
            ended_by: None,
        };
        Session::begin(ID.replace('A', "B"), &token, "1".repeat(64), now)
    }

    #[test]
    fn a_session_ends_with_its_time_its_token_or_by_hand() {
        let now = Timestamp::UNIX_EPOCH;
        let session = begun(LASTS * 2);
        assert_eq!(session.admits(now + LASTS / 2), Ok(()));
        assert_eq!(session.admits(now + LASTS), Err(SessionRefusal::Expired));
        let short = begun(SignedDuration::from_hours(1));
        assert_eq!(
            short.admits(now + SignedDuration::from_hours(1)),
            Err(SessionRefusal::Expired)
        );
        let ended = Session {
            ended_at: Some(now),
            ..session
        };
        assert_eq!(ended.admits(now), Err(SessionRefusal::Ended));
    }

    fn granted(until: Option<Timestamp>) -> Session {
        let grant = Grant {
            person: "ada".to_owned(),
            may: vec![Right::Look],
        };
        let now = Timestamp::UNIX_EPOCH;
        Session::granted(ID.to_owned(), grant, until, "1".repeat(64), now)
    }

    #[test]
    fn a_provider_can_shorten_a_session_and_not_prolong_it() {
        let now = Timestamp::UNIX_EPOCH;
        let hour = SignedDuration::from_hours(1);
        assert_eq!(granted(None).expires_at, now + LASTS);
        assert_eq!(granted(Some(now + hour)).expires_at, now + hour);
        assert_eq!(granted(Some(now + LASTS * 2)).expires_at, now + LASTS);
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        for session in [begun(LASTS), granted(None)] {
            let text = serde_json::to_string(&session).expect("JSON");
            assert_eq!(serde_json::from_str::<Session>(&text).ok(), Some(session));
        }
    }

    #[test]
    fn a_cookie_has_three_parts() {
        let (session, secret) = (begun(LASTS), "0a".repeat(32));
        let cookie = written(&session, &secret);
        assert_eq!(
            parts(&cookie),
            Some((ID, session.id.as_str(), secret.as_str()))
        );
        let at_provider = written(&granted(None), &secret);
        assert_eq!(
            parts(&at_provider),
            Some((AT_PROVIDER, ID, secret.as_str()))
        );
        for bad in [
            String::new(),
            cookie.replace("0a", "0A"),
            cookie.replacen('.', "", 1),
            format!("{cookie}."),
            format!("{cookie}0"),
            cookie.replace(ID, "../etc/passwd"),
        ] {
            assert_eq!(parts(&bad), None, "{bad}");
        }
    }
}
