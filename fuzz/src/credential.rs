//! Properties of bearer and basic credentials: exactly those with the secret are let in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ingress::authentication::credential;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::SecretString;

use crate::refusal;
use crate::request::{MARK, Request, one, replaced};

/// Headers of a credential. In a value, `{secret}` stands for the secret; the header `x-basic` is sent as
/// `Authorization: Basic` with the base64 of its value.
pub(crate) fn check(bytes: &[u8]) {
    let request = Request::of(bytes);
    let secret = request.secret.as_bytes();
    let headers = request.headers(|name, value| {
        let value = replaced(value, "{secret}", secret);
        if name == "x-basic" {
            (header::AUTHORIZATION, basic(&value))
        } else {
            (name, value)
        }
    });
    for takes_basic in [false, true] {
        let expected = accepts(secret, &headers, takes_basic).unwrap_or(false);
        assert_eq!(
            ask(&request.secret, &headers, takes_basic),
            expected,
            "{headers:?}, basic is taken: {takes_basic}"
        );
    }
    made_here(&request.secret, request.body);
}

fn ask(secret: &str, headers: &HeaderMap, takes_basic: bool) -> bool {
    let Err(rejection) = credential(&SecretString::from(secret), headers, takes_basic) else {
        return true;
    };
    refusal::of_caller(rejection, &[MARK, &STANDARD.encode(secret)]);
    false
}

/// What the book says (RFC 6750, RFC 7617).
fn accepts(secret: &[u8], headers: &HeaderMap, takes_basic: bool) -> Option<bool> {
    let (scheme, value) = one(headers, "authorization").ok()??.split_once(' ')?;
    let value = value.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.as_bytes() == secret),
        "basic" if takes_basic => {
            // A user's name has no colon, a password may.
            let pair = STANDARD
                .decode(value)
                .ok()
                .filter(|pair| STANDARD.encode(pair) == value)?;
            let colon = pair.iter().position(|byte| *byte == b':')?;
            Some(&pair[colon + 1..] == secret)
        }
        _ => None,
    }
}

/// A credential that is made here is accepted, and nothing near it is.
fn made_here(secret: &str, body: &[u8]) {
    let user: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| *byte != b':')
        .take(64)
        .collect();
    let near = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = secret.as_bytes().to_vec();
        change(&mut bytes);
        bytes
    };
    let wrong = [
        near(&|bytes| bytes.push(b'x')),
        near(&|bytes| bytes.truncate(bytes.len() - 1)),
        near(&|bytes| *bytes = bytes.split_off(1)),
        near(&|bytes| bytes[0] ^= 1),
        near(&|bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0x20)),
        near(&Vec::clear),
    ];
    let with = |value: Vec<u8>, takes_basic| {
        let value = HeaderValue::from_bytes(&value).ok()?;
        Some(ask(
            secret,
            &HeaderMap::from_iter([(header::AUTHORIZATION, value)]),
            takes_basic,
        ))
    };
    let bearer = |scheme: &str, secret: &[u8]| [scheme.as_bytes(), secret].concat();
    let pair = |password: &[u8]| basic(&[&user[..], b":", password].concat());
    let is_ascii = secret.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    for takes_basic in [false, true] {
        for scheme in ["Bearer ", "bearer ", "BEARER  "] {
            let accepted = with(bearer(scheme, secret.as_bytes()), takes_basic);
            assert!(
                !is_ascii || accepted == Some(true),
                "the bearer of the secret is let in"
            );
            for wrong in &wrong {
                assert_ne!(
                    with(bearer(scheme, wrong), takes_basic),
                    Some(true),
                    "{wrong:?} is not the secret"
                );
            }
        }
        assert_eq!(
            with(pair(secret.as_bytes()), takes_basic),
            Some(takes_basic),
            "the password is the secret"
        );
        for wrong in &wrong {
            assert_eq!(
                with(pair(wrong), takes_basic),
                Some(false),
                "{wrong:?} is not the secret"
            );
        }
    }
    let twice: HeaderMap = HeaderMap::from_iter([(
        HeaderName::from_static("x-other"),
        HeaderValue::from_static("1"),
    )]);
    assert!(!ask(secret, &twice, true), "no credential");
    if let Ok(value) = HeaderValue::from_bytes(&pair(secret.as_bytes())) {
        let mut twice = twice;
        twice.append(header::AUTHORIZATION, value.clone());
        assert!(ask(secret, &twice, true));
        twice.append(header::AUTHORIZATION, value);
        assert!(!ask(secret, &twice, true), "a header twice is refused");
    }
}

fn basic(pair: &[u8]) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(pair)).into_bytes()
}
