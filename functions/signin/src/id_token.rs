//! The ID token: whether the provider made it, for Quell, for this sign-in and now (OpenID Connect Core 1.0, 3.1.3.7), and what it
//! says of its person.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::notification::sign_in::Claims;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::jwks::{Algorithm, Keys, SignatureError};

/// By how much the provider's clock may differ from ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// A token is made when its code is exchanged. One that is older than this was made for something else.
const OLDEST: SignedDuration = SignedDuration::from_mins(10);
/// The longest that is read.
const MOST_BYTES: usize = 65_536;
/// The longest `sub` (OpenID Connect Core 1.0, 2).
const MOST_SUBJECT_BYTES: usize = 255;
/// The most groups that are looked at.
const MOST_GROUPS: usize = 2_000;

/// Why an ID token is not taken. Nothing of the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdTokenError {
    #[error("the ID token is not written as one is")]
    Malformed,
    /// `none` is one of them, and MACs, whose key would be public (RFC 8725, 3.1 and 3.2).
    #[error("the ID token is signed with an algorithm that is not taken")]
    Algorithm,
    #[error("the ID token has a header that has to be understood, and is not")]
    Critical,
    #[error("the ID token's signature is not taken: {0}")]
    Signature(#[from] SignatureError),
    #[error("the ID token is of another issuer")]
    Issuer,
    #[error("the ID token is for another client")]
    Audience,
    #[error("the ID token was made for another party")]
    AuthorizedParty,
    #[error("the ID token has expired")]
    Expired,
    #[error("the ID token is not of now")]
    IssuedAt,
    #[error("the ID token is not valid yet")]
    NotBefore,
    #[error("the ID token is of another sign-in")]
    Nonce,
    #[error("the ID token has no subject")]
    Subject,
}

/// What an ID token has to say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    /// The claim with the person's groups.
    pub groups_claim: &'a str,
}

/// An ID token that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdToken {
    pub claims: Claims,
    pub expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// Verifies an ID token.
///
/// # Errors
/// Why it is not taken.
pub fn verify(
    token: &str,
    keys: &Keys,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<IdToken, IdTokenError> {
    let malformed = IdTokenError::Malformed;
    if token.len() > MOST_BYTES {
        return Err(malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(malformed)?;
    if payload.contains('.') {
        return Err(malformed);
    }
    let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| malformed)?;
    let algorithm = Algorithm::named(&header.alg).ok_or(IdTokenError::Algorithm)?;
    if header.crit.is_some() {
        return Err(IdTokenError::Critical);
    }
    let (kid, signature) = (header.kid.as_deref(), decoded(signature)?);
    keys.verify(algorithm, kid, signed.as_bytes(), &signature)?;
    // What is in it is looked at only now.
    let claims: Map<String, Value> =
        serde_json::from_slice(&decoded(payload)?).map_err(|_| malformed)?;
    let expires_at = check(&claims, expected, now)?;
    let claims = person(&claims, expected.groups_claim)?;
    Ok(IdToken { claims, expires_at })
}

fn decoded(part: &str) -> Result<Vec<u8>, IdTokenError> {
    let decoded = URL_SAFE_NO_PAD.decode(part);
    decoded.map_err(|_| IdTokenError::Malformed)
}

/// Checks everything but the person, and says until when it is valid.
fn check(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Timestamp, IdTokenError> {
    if text(claims, "iss") != Some(expected.issuer) {
        return Err(IdTokenError::Issuer);
    }
    let audience = texts(claims.get("aud"));
    if !audience.contains(&expected.client_id) {
        return Err(IdTokenError::Audience);
    }
    let party = text(claims, "azp");
    let needs_party = audience.len() > 1 || claims.contains_key("azp");
    if needs_party && party != Some(expected.client_id) {
        return Err(IdTokenError::AuthorizedParty);
    }
    let expires_at = time(claims, "exp").ok_or(IdTokenError::Expired)?;
    if expires_at + CLOCK_SKEW <= now {
        return Err(IdTokenError::Expired);
    }
    let issued_at = time(claims, "iat").ok_or(IdTokenError::IssuedAt)?;
    if issued_at - CLOCK_SKEW > now || issued_at + OLDEST < now {
        return Err(IdTokenError::IssuedAt);
    }
    if claims.contains_key("nbf") {
        let not_before = time(claims, "nbf").ok_or(IdTokenError::NotBefore)?;
        if not_before - CLOCK_SKEW > now {
            return Err(IdTokenError::NotBefore);
        }
    }
    let nonce = text(claims, "nonce").unwrap_or_default();
    let same: bool = nonce.as_bytes().ct_eq(expected.nonce.as_bytes()).into();
    if !same || expected.nonce.is_empty() {
        return Err(IdTokenError::Nonce);
    }
    Ok(expires_at)
}

fn person(claims: &Map<String, Value>, groups: &str) -> Result<Claims, IdTokenError> {
    let subject = text(claims, "sub").unwrap_or_default();
    if subject.is_empty() || subject.len() > MOST_SUBJECT_BYTES {
        return Err(IdTokenError::Subject);
    }
    // A JSON boolean, as the standard says; some providers send it as a text.
    let verified = claims.get("email_verified");
    let email_verified = verified.is_some_and(|verified| {
        *verified == Value::Bool(true) || verified.as_str() == Some("true")
    });
    let groups = texts(claims.get(groups)).into_iter().take(MOST_GROUPS);
    Ok(Claims {
        subject: subject.to_owned(),
        email: text(claims, "email").map(str::to_owned),
        email_verified,
        groups: groups.map(str::to_owned).collect(),
    })
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// A text, or a list of them. A list in which something else is has nothing.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => {
            let texts: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
            texts.unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// A time, in seconds since 1970, which need not be whole (RFC 7519, 2).
fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let value = claims.get(name)?;
    let seconds = value.as_i64().or_else(|| {
        let seconds = value.as_f64().filter(|seconds| seconds.abs() < 1e12)?;
        SignedDuration::try_from_secs_f64(seconds.floor())
            .ok()
            .map(|duration| duration.as_secs())
    })?;
    // Within a range in which a few minutes can be added.
    let in_range = (0..=253_000_000_000).contains(&seconds);
    in_range.then(|| Timestamp::from_second(seconds).ok())?
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;
