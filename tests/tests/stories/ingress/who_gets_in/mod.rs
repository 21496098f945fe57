//! Tests of authentication: an ambiguous or ill-formed credential is refused.

mod signatures;
mod sources;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::answer::assert_problem;
use tests::in_process::{hmac, recorded_event};
use tests::stack::Stack;

/// An event of API Gateway with this body, from this address.
pub(super) fn event(body: &str, source: &str, headers: &Value) -> Value {
    let mut event = recorded_event();
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
