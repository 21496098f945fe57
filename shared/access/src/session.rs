//! Sessions of the console: begun with a token or at the identity provider, known by a cookie, ended by hand or with their time.

use domain::notification::person_token::Right;
use domain::notification::session::{AT_PROVIDER, Grant, LASTS, Session, parts, written};
use http::HeaderMap;
use http::header::COOKIE as COOKIES;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use store::{ControlTable, fresh_incident_id};

use crate::header::single;
use crate::{AccessError, Admitted, WRONG, fits, holder, is_same_origin, one_time};

/// The cookie's name. With its prefix, browsers take it from this very host over TLS only, and for all of its paths
/// (<https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html#name-the-__host-prefix>).
pub const COOKIE: &str = "__Host-quell-session";
const SECRET_BYTES: usize = 32;

/// A session that has begun.
#[derive(Debug)]
pub struct Begun {
    pub session: Session,
    pub person: String,
    /// The value of `Set-Cookie`.
    pub set_cookie: String,
}

/// The session in which a request is made.
#[derive(Debug)]
pub struct InSession {
    pub session: Session,
    /// The cookie's secret, with which the session's one-time tokens are made.
    pub secret: String,
}

/// Begins a session for the holder of a token that may look.
///
/// # Errors
/// As [`holder`].
pub async fn begin(
    control: &ControlTable,
    given: &str,
    now: Timestamp,
) -> Result<Begun, AccessError> {
    let token = holder(control, given, Right::Look, now).await?;
    let (id, secret, digest) = fresh(now)?;
    let session = Session::begin(id, &token, digest, now);
    saved(control, session, token.person, &secret, now).await
}

/// Begins a session for a person who signed in at the identity provider. It ends no later than `until`, if that is given.
///
/// # Errors
/// If the system has no random numbers, or the table does not answer.
pub async fn begin_granted(
    control: &ControlTable,
    grant: Grant,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Begun, AccessError> {
    let person = grant.person.clone();
    let (id, secret, digest) = fresh(now)?;
    let session = Session::granted(id, grant, until, digest, now);
    saved(control, session, person, &secret, now).await
}

/// The id of a new session, its cookie's secret, and the SHA-256 of that.
fn fresh(now: Timestamp) -> Result<(String, String, String), AccessError> {
    let no_numbers = AccessError::Unauthenticated("no session can begin right now");
    let secret = one_time::random_hex::<SECRET_BYTES>().ok_or(no_numbers)?;
    let digest = hex::encode(Sha256::digest(secret.as_bytes()));
    // As unique as an incident's id, and in the order in which they were made.
    Ok((fresh_incident_id(now).to_string(), secret, digest))
}

async fn saved(
    control: &ControlTable,
    session: Session,
    person: String,
    secret: &str,
    now: Timestamp,
) -> Result<Begun, AccessError> {
    control.save_session(&session).await?;
    let lasts = session.expires_at.duration_since(now).min(LASTS).as_secs();
    let value = written(&session, secret);
    Ok(Begun {
        session,
        person,
        set_cookie: format!(
            "{COOKIE}={value}; Path=/; Max-Age={lasts}; Secure; HttpOnly; SameSite=Strict"
        ),
    })
}

/// The value of `Set-Cookie` that takes the cookie away.
pub fn end_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")
}

/// The session's cookie of a request.
pub fn cookie_of(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// A cookie of a request, by its name. HTTP/2 may send cookies in several headers.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIES).iter();
    let mut pairs = pairs
        .filter_map(|value| value.to_str().ok())
        .flat_map(|pairs| pairs.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The session in which a request is made, and its person, if they have this right now.
///
/// # Errors
/// If there is no session, if it or its token is over, or if the person does not have the right.
pub async fn in_session(
    control: &ControlTable,
    headers: &HeaderMap,
    right: Right,
    now: Timestamp,
) -> Result<(Admitted, InSession), AccessError> {
    let cookie = cookie_of(headers).ok_or(AccessError::Unauthenticated("there is no session"))?;
    let (begun_with, id, secret) = parts(cookie).ok_or(WRONG)?;
    let (session, token) = if begun_with == AT_PROVIDER {
        (control.session(begun_with, id).await?, None)
    } else {
        let token = control.person_token(begun_with);
        let (session, token) = tokio::try_join!(control.session(begun_with, id), token)?;
        (session, Some(token.ok_or(WRONG)?))
    };
    let session = session.ok_or(WRONG)?;
    fits(&session.digest, secret)?;
    session.admits(now)?;
    let who = match (token, session.grant.clone()) {
        (Some(token), None) => {
            token.admits(right, now)?;
            Admitted::from(token)
        }
        (None, Some(grant)) if grant.may.contains(&right) => Admitted::from(grant),
        (None, Some(_)) => return Err(AccessError::MayNot),
        // A grant is there in place of a token, and adds nothing to one.
        (Some(_), Some(_)) | (None, None) => return Err(WRONG),
    };
    let secret = secret.to_owned();
    Ok((who, InSession { session, secret }))
}

/// The session of a request's cookie, also one that is over; none without a cookie that fits.
///
/// # Errors
/// If the table does not answer.
pub async fn session_of(
    control: &ControlTable,
    headers: &HeaderMap,
) -> Result<Option<Session>, AccessError> {
    let Some((token, id, secret)) = cookie_of(headers).and_then(parts) else {
        return Ok(None);
    };
    let session = control.session(token, id).await?;
    Ok(session.filter(|session| fits(&session.digest, secret).is_ok()))
}

impl InSession {
    /// Checks that a page of this session asks for a change, and gives the nonce of its one-time token.
    ///
    /// # Errors
    /// If another site's page may have made the request.
    pub fn proves_its_page<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, AccessError> {
        if !is_same_origin(headers) {
            return Err(AccessError::Forged(
                "the request does not come from a page of this host",
            ));
        }
        let given = single(headers, one_time::HEADER)?.unwrap_or_default();
        one_time::nonce(&self.secret, given).ok_or(AccessError::Forged(
            "the page's one-time token is missing or of another session: load the page again",
        ))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::cookie_of;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie_of(&headers), None);
        let others = "__Host-quell-sessions=a; x=__Host-quell-session=b";
        headers.append(header::COOKIE, HeaderValue::from_static(others));
        assert_eq!(cookie_of(&headers), None);
        let own = "theme=dark; __Host-quell-session=t.s.c";
        headers.append(header::COOKIE, HeaderValue::from_static(own));
        assert_eq!(cookie_of(&headers), Some("t.s.c"));
    }
}
