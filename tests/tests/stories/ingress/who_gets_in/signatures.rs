//! Tests of authentication by signature: one header, the raw body, and five minutes.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tests::alert::{TestAlert, unique};
use tests::in_process::hmac;
use tests::stack::Stack;

use super::{Headers, all_are_refused, knock};

pub(super) fn signature(value: &str) -> Headers<'_> {
    vec![("x-signature-256", value)]
}

/// Ingress that takes the forms of the original, which cover less than a new deployment asks for.
const OLDER_FORMS: [(&str, &str); 2] = [
    ("REQUIRE_SIGNATURE_TIMESTAMP", "false"),
    ("REQUIRE_SIGNED_ROUTE", "false"),
];

fn signed<'a>(signature: &'a str, time: &'a str) -> Headers<'a> {
    vec![
        ("x-signature-256", signature),
        ("x-signature-timestamp", time),
    ]
}

#[tokio::test]
async fn only_the_right_signature_in_one_header_lets_in() {
    let stack = Stack::start();
    let app = stack.ingress(&OLDER_FORMS);
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
    let app = stack.ingress(&OLDER_FORMS);
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
    let strict = stack.ingress(&OLDER_FORMS[1..]);
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
        (&strict, -299),
        (&strict, 1),
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
async fn a_request_that_is_replayed_is_answered_and_not_counted() {
    let stack = Stack::start();
    let app = stack.ingress(&OLDER_FORMS);
    let secret = &stack.facts.secrets["webhook"];
    let now = Timestamp::now();
    let alert = TestAlert {
        starts_at: now - SignedDuration::from_mins(1),
        ..TestAlert::firing(unique("replayed"))
    };
    let body = alert.delivery().to_string();
    let send = async |body: &str, offset: i64| {
        let time = (now.as_second() + offset).to_string();
        let signature = format!("sha256={}", hmac(secret, format!("{time}.{body}")));
        let (status, answer) = knock(&app, body, &signed(&signature, &time), now).await;
        assert_eq!(status, 200, "{answer}");
        (answer["outcome"].clone(), answer["hit_count"].as_u64())
    };
    assert_eq!(send(&body, 0).await, (json!("opened"), Some(1)));
    for _ in 0..3 {
        assert_eq!(send(&body, 0).await, (json!("repeated"), Some(0)));
    }
    // The sender says it again, in its own name.
    assert_eq!(send(&body, 1).await, (json!("joined"), Some(2)));
    let ended = TestAlert {
        ends_at: Some(now),
        ..alert.clone()
    };
    let ended = ended.delivery().to_string();
    assert_eq!(send(&ended, 2).await.0, "resolved");
    assert_eq!(send(&body, 3).await.0, "late");
    // An old resolve does not end what fires now.
    assert_eq!(send(&ended, 2).await.0, "repeated");
    // Without a time that was signed there is nothing to tell a replay by.
    let untimed = format!("sha256={}", hmac(secret, &body));
    for _ in 0..2 {
        let (_, answer) = knock(&app, &body, &signature(&untimed), now).await;
        assert_ne!(answer["outcome"], "repeated", "{answer}");
    }
}
