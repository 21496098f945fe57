//! Tests of authentication: what each form of credential lets in, and what nobody gets in with.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use sha2::Sha256;

use super::{
    Covered, GRAFANA, SIGNED, SLACK, SignedRequest, credential, is_internal, pagerduty, sign,
    signature,
};

const NOW: i64 = 1_800_000_000;
const PATH: &str = "/api/v1/webhooks/alerts";
const NOTHING: Covered = Covered {
    time: false,
    route: false,
};
const TIME: Covered = Covered {
    time: true,
    route: false,
};
const ALL: Covered = Covered {
    time: true,
    route: true,
};

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

fn check(pairs: &[(&'static str, &str)], required: Covered) -> Result<(), String> {
    let now = Timestamp::from_second(NOW).expect("a time");
    let secret = SecretString::from("key");
    let headers = headers(pairs);
    let request = SignedRequest::new(&headers, PATH, b"body");
    signature(SIGNED, &secret, request, now, required).map_err(|rejection| rejection.to_string())
}

#[test]
fn a_signature_over_the_body_passes() {
    let good = signed("key", b"body");
    assert_eq!(check(&[("x-signature-256", &good)], NOTHING), Ok(()));
    assert_eq!(check(&[("x-hub-signature-256", &good)], NOTHING), Ok(()));
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
    let check = |body: &[u8]| {
        let request = SignedRequest::new(&headers, PATH, body);
        signature(SIGNED, &secret, request, now, NOTHING).is_ok()
    };
    assert!(check(b"Hello, World!") && !check(b"Hello, World"));
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
        assert!(
            check(&[("x-signature-256", bad)], NOTHING).is_err(),
            "{bad}"
        );
    }
    assert!(check(&[], NOTHING).is_err());
    assert!(
        check(
            &[("x-signature-256", &good), ("x-signature-256", &good)],
            NOTHING
        )
        .is_err()
    );
    assert!(check(&[("x-signature-256", &good)], TIME).is_err());
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
                TIME
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
            NOTHING
        )
        .is_err()
    );
    assert!(
        check(
            &[
                ("x-signature-256", &unsigned),
                ("x-signature-timestamp", "soon")
            ],
            NOTHING
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
        let headers = headers(pairs);
        let request = SignedRequest::new(&headers, PATH, b"body");
        // Its form cannot cover the route, and is taken on one alone.
        let required = Covered {
            time: false,
            route: true,
        };
        signature(GRAFANA, &secret, request, now, required).is_ok()
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
        let headers = headers(pairs);
        let request = SignedRequest::new(&headers, "", body.as_bytes());
        signature(SLACK, &secret, request, now, TIME).is_ok()
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
        let signed = sign(form, &secret, PATH, b"body", now);
        let pairs: Vec<(&'static str, &str)> = signed
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let headers = headers(&pairs);
        let check = |body: &[u8]| {
            let request = SignedRequest::new(&headers, PATH, body);
            signature(form, &secret, request, now, ALL).is_ok()
        };
        assert!(check(b"body") && !check(b"body "), "{form:?}");
    }
}

#[test]
fn a_signature_is_good_on_its_route_alone() {
    let now = Timestamp::from_second(NOW).expect("a time");
    let secret = SecretString::from("key");
    // What is signed, written out as docs/security.md has it.
    let digits = signed("key", format!("v2:{NOW}:{PATH}:body").as_bytes());
    let bound = digits.replace("sha256=", "v2=");
    let made = sign(
        SIGNED,
        &secret,
        "https://api.test/stage/api/v1/webhooks/alerts",
        b"body",
        now,
    );
    assert_eq!(made[0], ("x-signature-256", bound.clone()));
    let time = NOW.to_string();
    let timed = [
        ("x-signature-256", bound.as_str()),
        ("x-signature-timestamp", time.as_str()),
    ];
    let headers = headers(&timed);
    let on = |path: &str| {
        let request = SignedRequest::new(&headers, path, b"body");
        signature(SIGNED, &secret, request, now, ALL).is_ok()
    };
    assert!(on(PATH) && on("/stage/api/v1/webhooks/alerts"));
    for other in [
        "/api/v1/webhooks/signals",
        "/api/v1/webhooks/alertmanager",
        "/api/v1/webhooks/alerts/",
        "/",
        "",
    ] {
        assert!(!on(other), "{other}");
    }
    // Without the time that it covers it is nothing, whatever the deployment asks for.
    assert!(check(&timed[..1], NOTHING).is_err());
    // The forms that cover less are refused where the route is asked for, and say what to do.
    let older = signed("key", format!("{NOW}.body").as_bytes());
    let older = [("x-signature-256", older.as_str()), timed[1]];
    assert_eq!(check(&older, TIME), Ok(()));
    let refused = check(&older, ALL).expect_err("it covers no route");
    assert!(refused.contains("v2:<ts>:<path>:<body>"), "{refused}");
    // The digits of one form are none in the other.
    for wrong in [digits.as_str(), &older[0].1.replace("sha256=", "v2=")] {
        assert!(check(&[("x-signature-256", wrong), timed[1]], NOTHING).is_err());
    }
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

/// Of `{"event":{"note":"電池"}}` with the key `quell-subscription-secret`, by another program.
const BY_PAGERDUTY: &str = "v1=8b94bbf54b16b06c11c0abccd3a75601178ff621b4e9efdb134c086b89509b97";

fn by_pagerduty(pairs: &[(&'static str, &str)], body: &str) -> Result<(), String> {
    let secret = SecretString::from("quell-subscription-secret");
    pagerduty(&secret, &headers(pairs), body.as_bytes()).map_err(|rejection| rejection.to_string())
}

#[test]
fn one_of_the_signatures_of_pagerduty_has_to_fit() {
    let (name, body) = ("x-pagerduty-signature", r#"{"event":{"note":"電池"}}"#);
    let other = format!("v1={}", "0".repeat(64));
    for good in [
        BY_PAGERDUTY.to_owned(),
        format!("{other},{BY_PAGERDUTY}"),
        format!("{BY_PAGERDUTY}, {other}"),
        format!("v2=abc,v1=,{BY_PAGERDUTY}"),
    ] {
        assert_eq!(by_pagerduty(&[(name, &good)], body), Ok(()), "{good}");
    }
    let digits = &BY_PAGERDUTY[3..];
    for wrong in [
        String::new(),
        digits.to_owned(),
        format!("v2={digits}"),
        format!("v1={}", &digits[2..]),
        format!("v1={digits}00"),
        other.clone(),
        format!("{other},{other}"),
        format!("v1={digits};v1={digits}"),
    ] {
        assert_eq!(
            by_pagerduty(&[(name, &wrong)], body),
            Err("the signature is wrong".to_owned()),
            "{wrong}"
        );
    }
    let changed = by_pagerduty(&[(name, BY_PAGERDUTY)], &format!("{body} "));
    assert_eq!(changed, Err("the signature is wrong".to_owned()));
    assert!(by_pagerduty(&[], body).is_err_and(|why| why.contains("is missing")));
    let twice = [(name, BY_PAGERDUTY), (name, BY_PAGERDUTY)];
    assert!(by_pagerduty(&twice, body).is_err_and(|why| why.contains("sent twice")));
}
