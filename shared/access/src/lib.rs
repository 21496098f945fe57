//! Access control of ingress and the console: people's tokens, sessions of the console, and the origin of a change.

mod form_note;
mod header;
mod language;
pub mod one_time;
mod origin;
mod session;
mod way_back;

use domain::notification::person_token::{self, PersonToken, Right, TokenRefusal};
use domain::notification::session::{Grant, SessionRefusal};
use domain::primitives::identity::Identity;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use store::{ControlTable, StoreError};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

pub use crate::form_note::FormNote;
pub use crate::header::{SentTwice, single};
pub use crate::language::language;
pub use crate::origin::is_same_origin;
pub use crate::session::{
    Begun, COOKIE, InSession, begin, begin_granted, cookie, cookie_of, end_cookie, in_session,
    session_of,
};
pub use crate::way_back::{path_of, root};

/// What a caller is told whose credential is not the right one.
pub const WRONG: AccessError = AccessError::Unauthenticated("the credential is wrong");

/// Why a request is not let in.
#[derive(Debug, Error)]
pub enum AccessError {
    /// No credential, or a wrong one.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The credential is right, and does not have the right to do this.
    #[error("the token does not have the right to do this")]
    MayNot,
    /// A change in a session that does not come from a page of the console.
    #[error("{0}")]
    Forged(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TokenRefusal> for AccessError {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::Ended => Self::Unauthenticated("the token was ended"),
            TokenRefusal::Expired => Self::Unauthenticated("the token has expired"),
            TokenRefusal::MayNot => Self::MayNot,
        }
    }
}

impl From<SessionRefusal> for AccessError {
    fn from(refusal: SessionRefusal) -> Self {
        match refusal {
            SessionRefusal::Ended => Self::Unauthenticated("the session was ended"),
            SessionRefusal::Expired => Self::Unauthenticated("the session has expired"),
        }
    }
}

impl From<SentTwice> for AccessError {
    fn from(error: SentTwice) -> Self {
        Self::Unauthenticated(match error {
            SentTwice::Twice => "a header of authentication was sent twice",
            SentTwice::NotText => "a header of authentication is not ASCII text",
        })
    }
}

/// A person who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Their name in `channels.json`.
    pub person: String,
    /// What they may do, as of now.
    pub may: Vec<Right>,
    /// Who they are and how they came in, as the log records it.
    pub by: Identity,
}

impl From<PersonToken> for Admitted {
    fn from(PersonToken { person, may, .. }: PersonToken) -> Self {
        let by = Identity::Api(person.clone());
        Self { person, may, by }
    }
}

impl From<Grant> for Admitted {
    fn from(Grant { person, may }: Grant) -> Self {
        let by = Identity::Oidc(person.clone());
        Self { person, may, by }
    }
}

/// A person who asks for a change.
#[derive(Debug)]
pub struct Caller {
    pub who: Admitted,
    /// What tells this request from every other one: the same request that comes twice is taken once.
    pub press: String,
}

/// The person who asks for a change: by `Authorization: Bearer`, or by a session with a one-time token of one of its pages.
///
/// # Errors
/// If there is none who may, or if another site may have made the request.
pub async fn caller(
    control: &ControlTable,
    headers: &HeaderMap,
    right: Right,
    now: Timestamp,
) -> Result<Caller, AccessError> {
    if headers.contains_key(AUTHORIZATION) || cookie_of(headers).is_none() {
        let token = holder(control, bearer(headers)?, right, now).await?;
        // The API has no presses: each request is one of its own, and who repeats themselves changes nothing.
        let press = format!("api:{} {now}", token.id);
        let who = token.into();
        return Ok(Caller { who, press });
    }
    let (who, own) = in_session(control, headers, right, now).await?;
    let nonce = own.proves_its_page(headers)?;
    let press = format!("console:{}:{nonce}", own.session.id);
    Ok(Caller { who, press })
}

/// A person who reads.
#[derive(Debug)]
pub struct Reader {
    pub who: Admitted,
    /// The session in which they do. Without one it is a tool of theirs.
    pub session: Option<InSession>,
}

/// The person who reads: by `Authorization: Bearer`, or by a session.
///
/// # Errors
/// If there is none who may.
pub async fn reader(
    control: &ControlTable,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Reader, AccessError> {
    if headers.contains_key(AUTHORIZATION) || cookie_of(headers).is_none() {
        let token = holder(control, bearer(headers)?, Right::Look, now).await?;
        let (who, session) = (token.into(), None);
        return Ok(Reader { who, session });
    }
    let (who, own) = in_session(control, headers, Right::Look, now).await?;
    let session = Some(own);
    Ok(Reader { who, session })
}

/// The token that was given, if it has this right now. Only its holder is told why not.
///
/// # Errors
/// If it is none, is accepted no more, or does not have the right.
pub async fn holder(
    control: &ControlTable,
    given: &str,
    right: Right,
    now: Timestamp,
) -> Result<PersonToken, AccessError> {
    // What is not written as a token is costs no request.
    let (id, secret) = person_token::parts(given).ok_or(WRONG)?;
    let token = control.person_token(id).await?.ok_or(WRONG)?;
    fits(&token.digest, secret)?;
    token.admits(right, now)?;
    Ok(token)
}

/// The value of `Authorization: Bearer`.
///
/// # Errors
/// If there is none.
pub fn bearer(headers: &HeaderMap) -> Result<&str, AccessError> {
    let given = single(headers, AUTHORIZATION.as_str())?.ok_or(AccessError::Unauthenticated(
        "the header Authorization is missing",
    ))?;
    match given.split_once(' ') {
        Some((scheme, value)) if scheme.eq_ignore_ascii_case("bearer") => Ok(value.trim()),
        _ => Err(AccessError::Unauthenticated(
            "the header Authorization has a scheme that this route does not take",
        )),
    }
}

/// Checks a secret of which only the SHA-256 is known, in constant time.
fn fits(digest: &str, secret: &str) -> Result<(), AccessError> {
    let expected = hex::decode(digest).unwrap_or_default();
    let equal = expected.ct_eq(Sha256::digest(secret.as_bytes()).as_slice());
    if equal.into() { Ok(()) } else { Err(WRONG) }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};
    use sha2::{Digest as _, Sha256};

    use super::{bearer, fits};

    #[test]
    fn only_the_secret_of_a_digest_fits() {
        let digest = hex::encode(Sha256::digest("right"));
        assert!(fits(&digest, "right").is_ok());
        for (digest, secret) in [(digest.as_str(), "wrong"), ("", ""), ("zz", "right")] {
            assert!(fits(digest, secret).is_err(), "{digest} {secret}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_from_its_one_header() {
        let mut headers = HeaderMap::new();
        assert!(bearer(&headers).is_err());
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_static("bearer  x "),
        );
        assert_eq!(bearer(&headers).ok(), Some("x"));
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer y"));
        assert!(bearer(&headers).is_err());
        let basic = HeaderMap::from_iter([(
            header::AUTHORIZATION,
            HeaderValue::from_static("Basic eDp5"),
        )]);
        assert!(bearer(&basic).is_err());
    }
}
