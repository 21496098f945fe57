//! Tests of authentication by signature, credential and source address: ambiguous or ill-formed ones are refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use settings::variables::Variables;
use sha2::Sha256;
use tests::alert::{TestAlert, unique};
use tests::answer::assert_problem;
use tests::stack::{Stack, project};

/// An event of API Gateway with this body, from this address.
pub(super) fn event(body: &str, source: &str, headers: &Value) -> Value {
    let recorded = std::fs::read_to_string(project().join("events/alertmanager-single.json"))
        .expect("the event");
    let mut event: Value = serde_json::from_str(&recorded).expect("JSON");
    event["body"] = json!(body);
    event["requestContext"]["http"]["sourceIp"] = json!(source);
    event["headers"] = headers.clone();
    event
}

fn request(event: &Value) -> Request {
    lambda_http::request::from_str(&event.to_string()).expect("a request")
}

pub(super) async fn answer(app: &ingress::App, event: &Value) -> (u16, Value) {
    let response = app
        .answer(request(event), Timestamp::now())
        .await
        .expect("always an answer");
    (
        response.status().as_u16(),
        serde_json::from_slice(response.body()).expect("JSON"),
    )
}

/// The signature of a signed sender, in hex.
pub(super) fn hmac(secret: &str, bytes: impl AsRef<[u8]>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(bytes.as_ref());
    hex::encode(mac.finalize().into_bytes())
}

/// A delivery with headers of which one may be there twice, which the event of API Gateway cannot say.
pub(super) async fn knock(
    app: &ingress::App,
    body: &str,
    headers: &[(&str, &str)],
    now: Timestamp,
) -> (u16, Value) {
    let start = http::Request::post("https://api.test/api/v1/webhooks/alertmanager");
    let request = headers.iter().fold(start, |request, (name, value)| {
        request.header(*name, *value)
    });
    let request: Request = request.body(Body::from(body)).expect("a request");
    let response = app.answer(request, now).await.expect("always an answer");
    (
        response.status().as_u16(),
        serde_json::from_slice(response.body()).expect("JSON"),
    )
}

type Headers<'a> = Vec<(&'a str, &'a str)>;

fn signature(value: &str) -> Headers<'_> {
    vec![("x-signature-256", value)]
}

fn signed<'a>(signature: &'a str, time: &'a str) -> Headers<'a> {
    vec![
        ("x-signature-256", signature),
        ("x-signature-timestamp", time),
    ]
}

fn authorization(value: &str) -> Headers<'_> {
    vec![("authorization", value)]
}

/// Every one of these is refused, says what is wrong without a secret or a right signature in it, and writes nothing.
async fn all_are_refused(
    stack: &Stack,
    app: &ingress::App,
    alert: &TestAlert,
    now: Timestamp,
    cases: &[(&str, Headers<'_>)],
) {
    let body = alert.delivery().to_string();
    let right = hmac(&stack.facts.secrets["webhook"], &body);
    for (case, headers) in cases {
        let (status, problem) = knock(app, &body, headers, now).await;
        assert_problem(case, (status, &problem), (401, "unauthenticated"));
        let detail = problem["detail"].as_str().expect("a text");
        assert!(
            ["header", "signature", "credential"]
                .iter()
                .any(|word| detail.contains(word)),
            "{case}: {detail}"
        );
        let secrets = stack.facts.secrets.values().chain([&right]);
        assert!(
            secrets
                .into_iter()
                .all(|secret| !detail.contains(secret.as_str())),
            "{case}: {detail}"
        );
    }
    stack.assert_never_counted(&alert.fingerprint()).await;
}

#[tokio::test]
async fn only_the_right_signature_in_one_header_lets_in() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let now = Timestamp::now();
    let alert = TestAlert::firing(unique("signature"));
    let body = alert.delivery().to_string();
    let digits = hmac(&stack.facts.secrets["webhook"], &body);
    let good = format!("sha256={digits}");
    let wrong = format!("sha256={}", hmac("another secret", &body));
    let other_body = format!(
        "sha256={}",
        hmac(&stack.facts.secrets["webhook"], format!("{body} "))
    );
    let (odd, short, long) = (
        &good[..good.len() - 1],
        &good[..good.len() - 2],
        format!("{good}00"),
    );
    let (joined, joined_loosely) = (format!("{good},{good}"), format!("{good}, {good}"));
    let upper_prefix = format!("SHA256={digits}");
    let bearer = format!("Bearer {}", stack.facts.secrets["alertmanager"]);
    all_are_refused(
        &stack,
        &app,
        &alert,
        now,
        &[
            ("no header", vec![]),
            ("a wrong secret", signature(&wrong)),
            ("another body", signature(&other_body)),
            ("63 digits", signature(odd)),
            ("62 digits", signature(short)),
            ("66 digits", signature(&long)),
            ("no prefix", signature(&digits)),
            ("a prefix in capitals", signature(&upper_prefix)),
            ("no digits", signature("sha256=")),
            ("an empty header", signature("")),
            // A sender that signs is not let in by another credential when its signature is wrong.
            (
                "an empty header beside the right bearer token",
                vec![("x-signature-256", ""), ("authorization", &bearer)],
            ),
            (
                "a wrong signature beside the right bearer token",
                vec![("x-signature-256", &wrong), ("authorization", &bearer)],
            ),
            (
                "the header twice",
                vec![("x-signature-256", &good), ("x-signature-256", &good)],
            ),
            (
                "the header twice, a wrong one first",
                vec![("x-signature-256", &wrong), ("x-signature-256", &good)],
            ),
            (
                "the header twice, as API Gateway joins it",
                signature(&joined),
            ),
            (
                "the header twice, joined with a blank",
                signature(&joined_loosely),
            ),
            (
                "GitHub's header twice",
                vec![
                    ("x-hub-signature-256", &good),
                    ("x-hub-signature-256", &good),
                ],
            ),
            (
                "GitHub's header with a wrong secret",
                vec![("x-hub-signature-256", wrong.as_str())],
            ),
            // Where both are there, our own counts.
            (
                "both headers, ours wrong",
                vec![("x-signature-256", &wrong), ("x-hub-signature-256", &good)],
            ),
            (
                "Grafana's header on a route that does not take it",
                vec![("x-grafana-alerting-signature", digits.as_str())],
            ),
        ],
    )
    .await;

    let upper = format!("sha256={}", digits.to_uppercase());
    for (i, (case, headers)) in [
        ("ours", signature(&good)),
        ("hex in capitals", signature(&upper)),
        (
            "GitHub's header",
            vec![("x-hub-signature-256", good.as_str())],
        ),
        (
            "both headers, the same",
            vec![("x-signature-256", &good), ("x-hub-signature-256", &good)],
        ),
        (
            "both headers, ours right",
            vec![("x-signature-256", &good), ("x-hub-signature-256", &wrong)],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, taken) = knock(&app, &body, &headers, now).await;
        assert_eq!(
            (status, taken["hit_count"].as_u64()),
            (200, Some(i as u64 + 1)),
            "{case}: {taken}"
        );
    }
}

#[tokio::test]
async fn a_timed_signature_is_good_for_five_minutes_either_way() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let secret = &stack.facts.secrets["webhook"];
    // Senders write whole seconds: at the border, our clock has to be at one too.
    let now = Timestamp::from_second(Timestamp::now().as_second()).expect("a time");
    let alert = TestAlert::firing(unique("replay"));
    let body = alert.delivery().to_string();
    let timed = |offset: i64| {
        let time = (now.as_second() + offset).to_string();
        (
            format!("sha256={}", hmac(secret, format!("{time}.{body}"))),
            time,
        )
    };
    let (old, ahead, fresh) = (timed(-301), timed(301), timed(0));
    let untimed = format!("sha256={}", hmac(secret, &body));
    let milliseconds = now.as_millisecond().to_string();
    let in_milliseconds = format!("sha256={}", hmac(secret, format!("{milliseconds}.{body}")));
    let most = i64::MAX.to_string();
    let at_most = format!("sha256={}", hmac(secret, format!("{most}.{body}")));
    let fresh_twice = vec![
        ("x-signature-256", fresh.0.as_str()),
        ("x-signature-timestamp", &fresh.1),
        ("x-signature-timestamp", &fresh.1),
    ];
    all_are_refused(
        &stack,
        &app,
        &alert,
        now,
        &[
            ("301 s old", signed(&old.0, &old.1)),
            ("301 s ahead", signed(&ahead.0, &ahead.1)),
            ("an old signature with a new time", signed(&old.0, &fresh.1)),
            (
                "a signature without the time in it",
                signed(&untimed, &fresh.1),
            ),
            ("the time left out", signature(&fresh.0)),
            ("milliseconds", signed(&in_milliseconds, &milliseconds)),
            ("the last second of 64 bits", signed(&at_most, &most)),
            ("no number", signed(&untimed, "soon")),
            ("an empty time", signed(&untimed, "")),
            ("the time twice", fresh_twice),
        ],
    )
    .await;
    let strict = stack.ingress(&[("REQUIRE_SIGNATURE_TIMESTAMP", "true")]);
    all_are_refused(
        &stack,
        &strict,
        &alert,
        now,
        &[("no time where one is required", signature(&untimed))],
    )
    .await;

    for (i, (app, offset)) in [
        (&app, -300),
        (&app, 300),
        (&app, 0),
        (&strict, -300),
        (&strict, 0),
    ]
    .into_iter()
    .enumerate()
    {
        let (signature, time) = timed(offset);
        let (status, taken) = knock(app, &body, &signed(&signature, &time), now).await;
        assert_eq!(
            (status, taken["hit_count"].as_u64()),
            (200, Some(i as u64 + 1)),
            "{offset}: {taken}"
        );
    }
    // Bearer tokens have no time: the requirement is about signatures.
    let bearer = format!("Bearer {}", stack.facts.secrets["alertmanager"]);
    assert_eq!(
        knock(&strict, &body, &[("authorization", &bearer)], now)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn only_one_well_formed_credential_lets_in() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let now = Timestamp::now();
    let alert = TestAlert::firing(unique("credential"));
    let body = alert.delivery().to_string();
    let secret = &stack.facts.secrets["alertmanager"];
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let bearer = format!("Bearer {secret}");
    let (tab, joined, quoted) = (
        format!("Bearer\t{secret}"),
        format!("{bearer},{bearer}"),
        format!("Bearer \"{secret}\""),
    );
    let (right, no_colon, user_only) = (
        basic(&format!("am:{secret}")),
        basic(secret),
        basic(&format!("{secret}:")),
    );
    let (basic_joined, not_encoded) = (format!("{right},{right}"), format!("Basic am:{secret}"));
    let (longer, digest) = (format!("{bearer}x"), format!("Digest {secret}"));
    let shorter = &bearer[..bearer.len() - 1];
    all_are_refused(
        &stack,
        &app,
        &alert,
        now,
        &[
            ("an empty header", authorization("")),
            ("a scheme alone", authorization("Bearer")),
            ("an empty token", authorization("Bearer ")),
            ("a token alone", authorization(secret)),
            ("a tab after the scheme", authorization(&tab)),
            ("a token in quotes", authorization(&quoted)),
            ("one character more", authorization(&longer)),
            ("one character less", authorization(shorter)),
            ("another scheme", authorization(&digest)),
            (
                "the header twice",
                vec![("authorization", &bearer), ("authorization", &bearer)],
            ),
            (
                "the header twice, a wrong one first",
                vec![("authorization", "Bearer x"), ("authorization", &bearer)],
            ),
            (
                "the header twice, as API Gateway joins it",
                authorization(&joined),
            ),
            (
                "two schemes in two headers",
                vec![("authorization", &bearer), ("authorization", &right)],
            ),
            ("basic without a colon", authorization(&no_colon)),
            (
                "basic with the secret as the user",
                authorization(&user_only),
            ),
            ("basic, joined", authorization(&basic_joined)),
            ("basic that is not base64", authorization(&not_encoded)),
            ("an empty basic", authorization("Basic ")),
        ],
    )
    .await;

    let (two_blanks, lower) = (format!("Bearer  {secret}"), format!("bearer {secret}"));
    let (no_user, colons) = (
        basic(&format!(":{secret}")),
        basic(&format!("am:{secret}:")),
    );
    for (i, value) in [&bearer, &two_blanks, &lower, &right, &no_user]
        .into_iter()
        .enumerate()
    {
        let (status, taken) = knock(&app, &body, &authorization(value), now).await;
        assert_eq!(
            (status, taken["hit_count"].as_u64()),
            (200, Some(i as u64 + 1)),
            "{taken}"
        );
    }
    assert_eq!(
        knock(&app, &body, &authorization(&colons), now).await.0,
        401,
        "the first colon ends the user; the rest is the password"
    );
}

#[tokio::test]
async fn ranges_of_sources_that_could_mean_two_things_stop_the_start() {
    let stack = Stack::start();
    let start = |ranges: &str| {
        let variables = Variables::from_fn(|name| {
            if name == "INTERNAL_CIDRS" {
                Some(ranges.to_owned())
            } else {
                stack.variable(name)
            }
        });
        ingress::config::Config::from_variables(&variables).map_err(|error| error.to_string())
    };
    for ranges in [
        "10.0.0.0",
        "10.0.0.0/33",
        "10.0.0/8",
        "010.0.0.0/8",
        "10.0.0.0/-8",
        "fe80::%eth0/10",
        "fe80::1%eth0/128",
        "fd00::/129",
        "10.0.0.0/8; 192.168.0.0/16",
        "10.0.0.0/8, internal",
        "localhost/32",
        "*",
        // A bit behind the mask: whoever wrote a host with its network's length meant one address, and would let in all.
        "10.1.2.3/8",
        "10.0.0.0/8, 192.168.1.7/24",
        "fd00::1/8",
    ] {
        let refused = start(ranges).expect_err(ranges);
        assert!(
            refused.contains("INTERNAL_CIDRS") && refused.contains("10.0.0.0/8"),
            "{ranges}: {refused}"
        );
    }
    for (ranges, number) in [
        ("", 0),
        (" , ", 0),
        ("10.0.0.0/8", 1),
        ("10.1.2.3/32, fd00::/8 ,::1/128", 3),
        ("0.0.0.0/0", 1),
    ] {
        assert_eq!(
            start(ranges).expect(ranges).internal.len(),
            number,
            "{ranges}"
        );
    }
    // The process says it too, and ends.
    let mut command = std::process::Command::new(
        std::env::current_exe()
            .expect("this test")
            .with_file_name("../ingress"),
    );
    command
        .env_clear()
        .env("INTERNAL_CIDRS", "10.1.2.3/8")
        .env("ENVIRONMENT", "prod");
    for name in [
        "TABLE_NAME",
        "INCIDENTS_QUEUE_URL",
        "NOTIFICATIONS_QUEUE_URL",
        "REPAIRS_QUEUE_URL",
        "SIGNALS_QUEUE_URL",
        "CONFIG_DIR",
    ] {
        command.env(name, "x");
    }
    for name in [
        "WEBHOOK",
        "ALERTMANAGER",
        "APPROVAL",
        "TELEGRAM_WEBHOOK",
        "SLACK_SIGNING",
        "APPROVAL_LINK",
    ] {
        command.env(format!("{name}_SECRET_ID"), "x");
    }
    let done = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        !done.status.success() && said.contains("INTERNAL_CIDRS is not"),
        "{said}"
    );
}

#[tokio::test]
async fn the_address_that_counts_is_the_one_that_api_gateway_saw() {
    let stack = Stack::start();
    let app = stack.ingress(&[("INTERNAL_CIDRS", "10.0.0.0/8, fd00::/8, fe80::/10")]);
    let alert = TestAlert::firing(unique("source"));
    let body = alert.delivery().to_string();
    let none = json!({ "content-type": "application/json" });
    let spoofed = json!({ "x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1", "forwarded": "for=10.0.0.1" });
    for (source, headers, status) in [
        ("203.0.113.7", &none, 401),
        ("203.0.113.7", &spoofed, 401),
        ("not an address", &none, 401),
        ("", &none, 401),
        ("::ffff:203.0.113.7", &none, 401),
        // IPv4 in the old, compatible form is not mapped, and an address with anything around it is not an address: a zone
        // (which names an interface of whoever wrote it), a port, brackets, a number that could be octal.
        ("::10.1.2.3", &none, 401),
        ("fe80::1%eth0", &none, 401),
        ("fd00::7%1", &none, 401),
        ("[fd00::7]", &none, 401),
        ("10.1.2.3:443", &none, 401),
        ("10.1.2.3, 203.0.113.7", &none, 401),
        ("010.1.2.3", &none, 401),
        ("fe80::1", &none, 200),
        ("10.1.2.3", &none, 200),
        ("fd00::7", &none, 200),
        ("::ffff:10.1.2.3", &spoofed, 200),
    ] {
        assert_eq!(
            answer(&app, &event(&body, source, headers)).await.0,
            status,
            "{source} {headers}"
        );
        let written = stack
            .store
            .episode(&alert.fingerprint())
            .await
            .expect("the store answers")
            .is_some();
        assert_eq!(
            written,
            status == 200,
            "{source}: what is refused is not written"
        );
    }
    // Without a list nobody is internal.
    let strict = stack.ingress(&[]);
    assert_eq!(
        answer(&strict, &event(&body, "10.1.2.3", &none)).await.0,
        401
    );
}

#[tokio::test]
async fn base64_bodies_are_decoded_before_they_are_looked_at() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let body = TestAlert::firing(unique("base64")).delivery().to_string();
    let headers =
        json!({ "authorization": format!("Bearer {}", stack.facts.secrets["alertmanager"]) });
    let mut encoded = event(&STANDARD.encode(&body), "203.0.113.7", &headers);
    encoded["isBase64Encoded"] = json!(true);
    let (status, taken) = answer(&app, &encoded).await;
    assert_eq!(
        (status, taken["outcome"].as_str()),
        (200, Some("opened")),
        "{taken}"
    );
}
