//! Authentication of senders: signatures over the raw body, bearer and basic credentials, internal
//! sources.

use std::net::IpAddr;

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
#[derive(Debug, Clone, Copy)]
pub struct SignatureForm {
    headers: &'static [&'static str],
    prefix: &'static str,
    timestamp: &'static str,
    version: &'static [u8],
    separator: &'static [u8],
}

/// `X-Signature-256: sha256=<hex>` (or GitHub's `X-Hub-Signature-256`), with `X-Signature-Timestamp` over `<ts>.<body>`.
pub const SIGNED: SignatureForm = SignatureForm {
    headers: &["x-signature-256", "x-hub-signature-256"],
    prefix: "sha256=",
    timestamp: "x-signature-timestamp",
    version: b"",
    separator: b".",
};

/// Grafana's: bare hex in `X-Grafana-Alerting-Signature`, with a timestamp over `<ts>:<body>`. Grafana lets its user name the
/// timestamp's header; it has to be named as here.
pub const GRAFANA: SignatureForm = SignatureForm {
    headers: &["x-grafana-alerting-signature"],
    prefix: "",
    timestamp: "x-grafana-alerting-timestamp",
    version: b"",
    separator: b":",
};

/// Slack's: `X-Slack-Signature: v0=<hex>` over `v0:<ts>:<body>`; the timestamp is always there
/// (<https://docs.slack.dev/authentication/verifying-requests-from-slack>).
pub const SLACK: SignatureForm = SignatureForm {
    headers: &["x-slack-signature"],
    prefix: "v0=",
    timestamp: "x-slack-request-timestamp",
    version: b"v0:",
    separator: b":",
};

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
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    require_timestamp: bool,
) -> Result<(), Rejection> {
    let mut given = None;
    for name in form.headers {
        given = given.or(one(headers, name)?);
    }
    let given = given.ok_or(Rejection::Unauthenticated(
        "the header with the signature is missing",
    ))?;
    let hex_digits = given
        .strip_prefix(form.prefix)
        .ok_or(Rejection::Unauthenticated(
            "the signature does not begin as signatures on this route do",
        ))?;
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
        None if require_timestamp => {
            return Err(Rejection::Unauthenticated(
                "the header with the signature's timestamp is missing",
            ));
        }
        None => {}
    }
    // Compares in constant time.
    mac(form, secret, timestamp, body)
        .verify_slice(&signature)
        .map_err(|_| Rejection::Unauthenticated("the signature is wrong"))
}

/// What tells a signed request from every other one, if its sender has signed a time: the request that
/// comes again with it is a replay. To be asked once the signature was found right.
pub fn replay_id(form: SignatureForm, headers: &HeaderMap) -> Option<String> {
    one(headers, form.timestamp).ok()??;
    let mut given = form.headers.iter();
    let given = given.find_map(|name| one(headers, name).ok().flatten())?;
    let digits = given.strip_prefix(form.prefix)?;
    Some(format!("signed-{}", digits.to_ascii_lowercase()))
}

/// The headers with which a sender signs a body in a form: the signature, and its timestamp where there is one.
pub fn sign(
    form: SignatureForm,
    secret: &SecretString,
    body: &[u8],
    at: Option<Timestamp>,
) -> Vec<(&'static str, String)> {
    let timestamp = at.map(|at| at.as_second().to_string());
    let digest = mac(form, secret, timestamp.as_deref(), body)
        .finalize()
        .into_bytes();
    let signature = form
        .headers
        .first()
        .map(|name| (*name, format!("{}{}", form.prefix, hex::encode(digest))));
    signature
        .into_iter()
        .chain(timestamp.map(|text| (form.timestamp, text)))
        .collect()
}

/// What is signed: the body, behind the version, the timestamp and the separator where there is a timestamp.
fn mac(
    form: SignatureForm,
    secret: &SecretString,
    timestamp: Option<&str>,
    body: &[u8],
) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        unreachable!("HMAC takes a key of any length");
    };
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

/// The value of `Authorization: Bearer`.
///
/// # Errors
/// If there is none.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Rejection> {
    let given = one(headers, "authorization")?.ok_or(Rejection::Unauthenticated(
        "the header Authorization is missing",
    ))?;
    match given.split_once(' ') {
        Some((scheme, value)) if scheme.eq_ignore_ascii_case("bearer") => Ok(value.trim()),
        _ => Err(Rejection::Unauthenticated(
            "the header Authorization has a scheme that this route does not take",
        )),
    }
}

/// Checks the secret part of a person's token, of which only the SHA-256 is known, in constant time.
///
/// # Errors
/// If it is another one.
pub fn token_secret(digest: &str, secret: &str) -> Result<(), Rejection> {
    let expected = hex::decode(digest).unwrap_or_default();
    let equal = expected.ct_eq(Sha256::digest(secret.as_bytes()).as_slice());
    if equal.into() { Ok(()) } else { Err(WRONG) }
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

/// The one value of a header. Two values are refused: proxies and we could disagree on which one counts.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Rejection::Unauthenticated(
            "a header of authentication was sent twice",
        ));
    }
    let text = first.map(|value| {
        value
            .to_str()
            .map_err(|_| Rejection::Unauthenticated("a header of authentication is not ASCII text"))
    });
    text.transpose()
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use jiff::Timestamp;
    use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
    use secrecy::SecretString;
    use sha2::Sha256;

    use super::{GRAFANA, SIGNED, SLACK, credential, is_internal, sign, signature};

    const NOW: i64 = 1_800_000_000;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a header's value"),
            )
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn signed(secret: &str, bytes: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        mac.update(bytes);
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }

    fn check(pairs: &[(&'static str, &str)], require_timestamp: bool) -> Result<(), String> {
        let now = Timestamp::from_second(NOW).expect("a time");
        let secret = SecretString::from("key");
        signature(
            SIGNED,
            &secret,
            &headers(pairs),
            b"body",
            now,
            require_timestamp,
        )
        .map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn a_signature_over_the_body_passes() {
        let good = signed("key", b"body");
        assert_eq!(check(&[("x-signature-256", &good)], false), Ok(()));
        assert_eq!(check(&[("x-hub-signature-256", &good)], false), Ok(()));
        // RFC 4231, test case 2: the function is HMAC-SHA256 and not something of our own.
        let rfc = signed("Jefe", b"what do ya want for nothing?");
        assert_eq!(
            rfc,
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    /// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
    #[test]
    fn the_published_example_of_github_passes() {
        let secret = SecretString::from("It's a Secret to Everybody");
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let (headers, now) = (
            headers(&[("x-hub-signature-256", right)]),
            Timestamp::UNIX_EPOCH,
        );
        let check = |body: &[u8]| signature(SIGNED, &secret, &headers, body, now, false).is_ok();
        assert!(check(b"Hello, World!") && !check(b"Hello, World"));
        assert_eq!(sign(SIGNED, &secret, b"Hello, World!", None)[0].1, right);
    }

    #[test]
    fn everything_else_is_refused() {
        let good = signed("key", b"body");
        let other_key = signed("other", b"body");
        let other_body = signed("key", b"body ");
        let cut = &good[..good.len() - 2];
        for bad in [
            &other_key,
            &other_body,
            cut,
            good.strip_prefix("sha256=").expect("a prefix"),
            "sha256=",
            "sha256=zz",
            "",
        ] {
            assert!(check(&[("x-signature-256", bad)], false).is_err(), "{bad}");
        }
        assert!(check(&[], false).is_err());
        assert!(
            check(
                &[("x-signature-256", &good), ("x-signature-256", &good)],
                false
            )
            .is_err()
        );
        assert!(check(&[("x-signature-256", &good)], true).is_err());
    }

    #[test]
    fn a_timestamp_is_signed_and_ages() {
        for (offset, fine) in [
            (0, true),
            (-300, true),
            (300, true),
            (-301, false),
            (301, false),
        ] {
            let timestamp = (NOW + offset).to_string();
            let good = signed("key", format!("{timestamp}.body").as_bytes());
            assert_eq!(
                check(
                    &[
                        ("x-signature-256", &good),
                        ("x-signature-timestamp", &timestamp)
                    ],
                    true
                )
                .is_ok(),
                fine,
                "{offset}"
            );
        }
        let unsigned = signed("key", b"body");
        assert!(
            check(
                &[
                    ("x-signature-256", &unsigned),
                    ("x-signature-timestamp", &NOW.to_string())
                ],
                false
            )
            .is_err()
        );
        assert!(
            check(
                &[
                    ("x-signature-256", &unsigned),
                    ("x-signature-timestamp", "soon")
                ],
                false
            )
            .is_err()
        );
    }

    #[test]
    fn grafana_signs_in_its_own_form() {
        let now = Timestamp::from_second(NOW).expect("a time");
        let secret = SecretString::from("key");
        let bare = |bytes: &[u8]| {
            signed("key", bytes)
                .strip_prefix("sha256=")
                .expect("a prefix")
                .to_owned()
        };
        let check = |pairs: &[(&'static str, &str)]| {
            signature(GRAFANA, &secret, &headers(pairs), b"body", now, false).is_ok()
        };
        assert!(check(&[("x-grafana-alerting-signature", &bare(b"body"))]));
        let timed = bare(format!("{NOW}:body").as_bytes());
        assert!(check(&[
            ("x-grafana-alerting-signature", &timed),
            ("x-grafana-alerting-timestamp", &NOW.to_string())
        ]));
        assert!(!check(&[("x-grafana-alerting-signature", &timed)]));
        assert!(!check(&[("x-signature-256", &signed("key", b"body"))]));
    }

    /// The example of Slack's document.
    #[test]
    fn slack_signs_as_its_document_says() {
        const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
            &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
            &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
            &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        const RIGHT: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let secret = SecretString::from("8f742231b10e8888abcd99yyyzzz85a5");
        let check = |pairs: &[(&'static str, &str)], body: &str, seconds: i64| {
            let now = Timestamp::from_second(seconds).expect("a time");
            signature(SLACK, &secret, &headers(pairs), body.as_bytes(), now, true).is_ok()
        };
        let (signed, timed) = (
            ("x-slack-signature", RIGHT),
            ("x-slack-request-timestamp", "1531420618"),
        );
        for (age, fine) in [
            (0, true),
            (300, true),
            (-300, true),
            (301, false),
            (-301, false),
        ] {
            assert_eq!(
                check(&[signed, timed], BODY, 1_531_420_618 + age),
                fine,
                "{age}"
            );
        }
        let now = 1_531_420_618;
        assert!(
            !check(&[signed], BODY, now) && !check(&[timed], BODY, now),
            "a header is missing"
        );
        assert!(!check(
            &[signed, ("x-slack-request-timestamp", "1531420619")],
            BODY,
            now
        ));
        assert!(!check(
            &[signed, timed],
            &BODY.replace("foobar", "foobaz"),
            now
        ));
        for bad in ["v1", "sha256"].map(|other| RIGHT.replace("v0", other)) {
            assert!(
                !check(&[("x-slack-signature", &bad), timed], BODY, now),
                "{bad}"
            );
        }
    }

    #[test]
    fn what_is_signed_here_passes_here_in_every_form() {
        let now = Timestamp::from_second(NOW).expect("a time");
        let secret = SecretString::from("key");
        for form in [SIGNED, GRAFANA, SLACK] {
            for at in [None, Some(now)] {
                let signed = sign(form, &secret, b"body", at);
                let pairs: Vec<(&'static str, &str)> = signed
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                let check = |body: &[u8]| {
                    signature(form, &secret, &headers(&pairs), body, now, at.is_some()).is_ok()
                };
                assert!(check(b"body") && !check(b"body "), "{form:?} {at:?}");
            }
        }
        assert_eq!(
            sign(SIGNED, &secret, b"body", None),
            [("x-signature-256", signed("key", b"body"))]
        );
    }

    #[test]
    fn bearer_and_basic() {
        let secret = SecretString::from("s3:cret");
        let basic = "Basic YWxlcnRtYW5hZ2VyOnMzOmNyZXQ=";
        assert!(
            credential(
                &secret,
                &headers(&[("authorization", "Bearer s3:cret")]),
                false
            )
            .is_ok()
        );
        assert!(credential(&secret, &headers(&[("authorization", basic)]), true).is_ok());
        assert!(credential(&secret, &headers(&[("authorization", basic)]), false).is_err());
        for bad in [
            "Bearer",
            "Bearer ",
            "Bearer s3:cre",
            "Bearer s3:crett",
            "Digest s3:cret",
            "Basic !!!",
            "Basic YQ==",
        ] {
            assert!(
                credential(&secret, &headers(&[("authorization", bad)]), true).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn internal_ranges_hold_both_families() {
        let ranges = [
            "10.0.0.0/8".parse().expect("a range"),
            "fd00::/8".parse().expect("a range"),
        ];
        for (address, inside) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("fd00::1", true),
            ("11.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(
                is_internal(address.parse().ok(), &ranges),
                inside,
                "{address}"
            );
        }
        assert!(!is_internal(None, &ranges));
        assert!(!is_internal("10.0.0.1".parse().ok(), &[]));
    }
}
