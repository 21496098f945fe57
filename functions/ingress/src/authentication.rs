//! Authentication of senders: signatures over the raw body, bearer and basic credentials, internal
//! sources.

use std::net::IpAddr;

use access::AccessError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::rejection::Rejection;

/// How far a signature's timestamp may be from now, in either direction.
const SIGNATURE_VALID_FOR: SignedDuration = SignedDuration::from_mins(5);

/// How a sender signs: HMAC-SHA256 over the raw body, or over a version, timestamp, separator and body where it sends a timestamp.
/// With `bound` as the prefix it is over `v2:<ts>:<path>:<body>`: good on one route alone.
#[derive(Debug, Clone, Copy)]
pub struct SignatureForm {
    headers: &'static [&'static str],
    prefix: &'static str,
    timestamp: &'static str,
    version: &'static [u8],
    separator: &'static [u8],
    bound: Option<&'static str>,
}

/// What of `v2:<ts>:<path>:<body>` comes before the timestamp.
const BOUND_VERSION: &[u8] = b"v2:";
const BOUND_SEPARATOR: &[u8] = b":";

/// `X-Signature-256` (or GitHub's `X-Hub-Signature-256`): `v2=<hex>` over `v2:<ts>:<path>:<body>`, with the timestamp in
/// `X-Signature-Timestamp`. Senders of the original sign less: `sha256=<hex>` over the body, or over `<ts>.<body>`.
pub const SIGNED: SignatureForm = SignatureForm {
    headers: &["x-signature-256", "x-hub-signature-256"],
    prefix: "sha256=",
    timestamp: "x-signature-timestamp",
    version: b"",
    separator: b".",
    bound: Some("v2="),
};

/// Grafana's: bare hex in `X-Grafana-Alerting-Signature`, with a timestamp over `<ts>:<body>`. Grafana lets its user name the
/// timestamp's header; it has to be named as here.
pub const GRAFANA: SignatureForm = SignatureForm {
    headers: &["x-grafana-alerting-signature"],
    prefix: "",
    timestamp: "x-grafana-alerting-timestamp",
    version: b"",
    separator: b":",
    bound: None,
};

/// Slack's: `X-Slack-Signature: v0=<hex>` over `v0:<ts>:<body>`; the timestamp is always there
/// (<https://docs.slack.dev/authentication/verifying-requests-from-slack>).
pub const SLACK: SignatureForm = SignatureForm {
    headers: &["x-slack-signature"],
    prefix: "v0=",
    timestamp: "x-slack-request-timestamp",
    version: b"v0:",
    separator: b":",
    bound: None,
};

/// What a signature has to cover besides the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// The time at which it was made.
    pub time: bool,
    /// The route that it is for, in forms that can say it.
    pub route: bool,
}

/// A request as its sender signed it.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    pub headers: &'a HeaderMap,
    /// Its path, from `/api/v1/` on: what a stage of API Gateway puts before it is none of the sender's.
    pub path: &'a str,
    pub body: &'a [u8],
}

impl<'a> SignedRequest<'a> {
    pub fn new(headers: &'a HeaderMap, path: &'a str, body: &'a [u8]) -> Self {
        let path = signed_path(path);
        Self {
            headers,
            path,
            body,
        }
    }
}

/// The part of a path, or of a URL, that is signed.
pub fn signed_path(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.rfind("/api/v1/").map_or(path, |at| &path[at..])
}

impl SignatureForm {
    /// True if a request claims to be signed in this form.
    pub fn is_claimed(self, headers: &HeaderMap) -> bool {
        self.headers.iter().any(|name| headers.contains_key(*name))
    }
}

/// Checks a signature; its timestamp, in seconds since 1970, may be five minutes from now.
///
/// # Errors
/// What is missing or wrong. Never what would have been right.
pub fn signature(
    form: SignatureForm,
    secret: &SecretString,
    request: SignedRequest<'_>,
    now: Timestamp,
    required: Covered,
) -> Result<(), Rejection> {
    let SignedRequest {
        headers,
        path,
        body,
    } = request;
    let mut given = None;
    for name in form.headers {
        given = given.or(one(headers, name)?);
    }
    let given = given.ok_or(Rejection::Unauthenticated(
        "the header with the signature is missing",
    ))?;
    let bound = form.bound.and_then(|prefix| given.strip_prefix(prefix));
    let route = bound.map(|_| path);
    let hex_digits =
        bound
            .or_else(|| given.strip_prefix(form.prefix))
            .ok_or(Rejection::Unauthenticated(
                "the signature does not begin as signatures on this route do",
            ))?;
    if required.route && form.bound.is_some() && route.is_none() {
        return Err(Rejection::Unauthenticated(
            "the signature does not cover the route, as this deployment asks for: sign v2:<ts>:<path>:<body>, see docs/security.md",
        ));
    }
    let signature = hex::decode(hex_digits)
        .map_err(|_| Rejection::Unauthenticated("the signature is not 64 characters of hex"))?;
    let timestamp = one(headers, form.timestamp)?;
    match timestamp {
        Some(text) => {
            let sent_at = text
                .parse()
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok());
            let sent_at = sent_at.ok_or(Rejection::Unauthenticated(
                "the signature's timestamp is not a number of seconds since 1970",
            ))?;
            if now.duration_since(sent_at).abs() > SIGNATURE_VALID_FOR {
                return Err(Rejection::Unauthenticated(
                    "the signature's timestamp is more than five minutes from now",
                ));
            }
        }
        None if required.time || route.is_some() => {
            return Err(Rejection::Unauthenticated(
                "the header with the signature's timestamp is missing",
            ));
        }
        None => {}
    }
    // Compares in constant time.
    mac(form, secret, timestamp, route, body)
        .verify_slice(&signature)
        .map_err(|_| Rejection::Unauthenticated("the signature is wrong"))
}

/// What tells a signed request from every other one, if its sender has signed a time: the request that
/// comes again with it is a replay. To be asked once the signature was found right.
pub fn replay_id(form: SignatureForm, headers: &HeaderMap) -> Option<String> {
    one(headers, form.timestamp).ok()??;
    let mut given = form.headers.iter();
    let given = given.find_map(|name| one(headers, name).ok().flatten())?;
    let bound = form.bound.and_then(|prefix| given.strip_prefix(prefix));
    let digits = bound.or_else(|| given.strip_prefix(form.prefix))?;
    Some(format!("signed-{}", digits.to_ascii_lowercase()))
}

/// The headers with which a sender signs a body for a path, at a time.
pub fn sign(
    form: SignatureForm,
    secret: &SecretString,
    path: &str,
    body: &[u8],
    at: Timestamp,
) -> Vec<(&'static str, String)> {
    let timestamp = at.as_second().to_string();
    let route = form.bound.map(|_| signed_path(path));
    let digest = mac(form, secret, Some(&timestamp), route, body)
        .finalize()
        .into_bytes();
    let prefix = form.bound.unwrap_or(form.prefix);
    let signature = format!("{prefix}{}", hex::encode(digest));
    let name = form.headers.first().copied().unwrap_or_default();
    vec![(name, signature), (form.timestamp, timestamp)]
}

/// HMAC-SHA256 with a secret as its key.
fn keyed(secret: &SecretString) -> Hmac<Sha256> {
    let Ok(mac) = Hmac::new_from_slice(secret.expose_secret().as_bytes()) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac
}

/// What is signed: the body, behind what else the signature covers.
fn mac(
    form: SignatureForm,
    secret: &SecretString,
    timestamp: Option<&str>,
    route: Option<&str>,
    body: &[u8],
) -> Hmac<Sha256> {
    let mut mac = keyed(secret);
    if let (Some(timestamp), Some(route)) = (timestamp, route) {
        for part in [
            BOUND_VERSION,
            timestamp.as_bytes(),
            BOUND_SEPARATOR,
            route.as_bytes(),
            BOUND_SEPARATOR,
            body,
        ] {
            mac.update(part);
        }
        return mac;
    }
    if let Some(timestamp) = timestamp {
        mac.update(form.version);
        mac.update(timestamp.as_bytes());
        mac.update(form.separator);
    }
    mac.update(body);
    mac
}

/// Checks `Authorization: Bearer <secret>`, and where `basic` is true also `Authorization: Basic` with the secret as password.
///
/// # Errors
/// What is missing or wrong.
pub fn credential(
    secret: &SecretString,
    headers: &HeaderMap,
    basic: bool,
) -> Result<(), Rejection> {
    let given = one(headers, "authorization")?.ok_or(Rejection::Unauthenticated(
        "the header Authorization is missing",
    ))?;
    let (scheme, value) = given.split_once(' ').unwrap_or((given, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        return same(secret, value.trim().as_bytes());
    }
    if basic && scheme.eq_ignore_ascii_case("basic") {
        let wrong = || {
            Rejection::Unauthenticated("the header Authorization is not base64 of user:password")
        };
        let pair = STANDARD.decode(value.trim()).map_err(|_| wrong())?;
        let colon = pair
            .iter()
            .position(|byte| *byte == b':')
            .ok_or_else(wrong)?;
        return same(secret, &pair[colon + 1..]);
    }
    Err(Rejection::Unauthenticated(
        "the header Authorization has a scheme that this route does not take",
    ))
}

/// What a caller is told whose credential is not the right one.
pub(crate) const WRONG: Rejection = Rejection::Unauthenticated("the credential is wrong");

/// Checks the header that Telegram sends with every update of a webhook set up with a `secret_token`.
///
/// # Errors
/// What is missing or wrong.
pub fn telegram(secret: &SecretString, headers: &HeaderMap) -> Result<(), Rejection> {
    let given = one(headers, "x-telegram-bot-api-secret-token")?;
    same(
        secret,
        given
            .ok_or(Rejection::Unauthenticated(
                "the header X-Telegram-Bot-Api-Secret-Token is missing",
            ))?
            .as_bytes(),
    )
}

/// Checks `X-PagerDuty-Signature`: `v1=<hex>` over the body. There are several, with commas between them, while the secret of the
/// subscription is rotated, and one that fits is enough (<https://developer.pagerduty.com/docs/verifying-webhook-signatures>).
/// PagerDuty signs no time and no route: the events themselves say when they occurred, and each is taken once.
///
/// # Errors
/// What is missing or wrong.
pub fn pagerduty(secret: &SecretString, headers: &HeaderMap, body: &[u8]) -> Result<(), Rejection> {
    let given = one(headers, "x-pagerduty-signature")?.ok_or(Rejection::Unauthenticated(
        "the header X-PagerDuty-Signature is missing",
    ))?;
    let mut expected = keyed(secret);
    expected.update(body);
    // Signatures of other versions may stand beside those of the first.
    let right = given
        .split(',')
        .filter_map(|signature| signature.trim().strip_prefix("v1="))
        .filter_map(|digits| hex::decode(digits).ok())
        // Compares in constant time.
        .any(|signature| expected.clone().verify_slice(&signature).is_ok());
    if right {
        Ok(())
    } else {
        Err(Rejection::Unauthenticated("the signature is wrong"))
    }
}

/// True if the address is in one of the ranges. An IPv4 address in IPv6 clothes counts as IPv4.
pub fn is_internal(source: Option<IpAddr>, ranges: &[IpNet]) -> bool {
    source.is_some_and(|address| {
        ranges
            .iter()
            .any(|range| range.contains(&address.to_canonical()))
    })
}

/// Compares in constant time; digests, so that not even the length shows.
fn same(secret: &SecretString, given: &[u8]) -> Result<(), Rejection> {
    let expected = Sha256::digest(secret.expose_secret().as_bytes());
    let equal = expected.as_slice().ct_eq(Sha256::digest(given).as_slice());
    if equal.into() { Ok(()) } else { Err(WRONG) }
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Rejection> {
    Ok(access::single(headers, name).map_err(AccessError::from)?)
}

#[cfg(test)]
#[path = "authentication_tests.rs"]
mod tests;
