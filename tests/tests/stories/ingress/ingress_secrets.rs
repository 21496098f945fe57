//! Tests of the secrets that ingress compares with: missing, without text, and rotated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::incident::approval::ApprovalState;
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::HeaderMap;
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::answer::assert_problem;
use tests::in_process::{hmac, signed_at};
use tests::secrets::INGRESS_SECRETS;
use tests::slack::Interaction;
use tests::stack::Stack;

use super::who_gets_in::{answer, event, knock};

#[tokio::test]
async fn a_secret_without_text_is_no_secret() {
    let stack = Stack::start();
    let client = aws_sdk_secretsmanager::Client::new(&stack.aws());
    let name = unique("blank");
    client
        .create_secret()
        .name(&name)
        .secret_string("  \n")
        .send()
        .await
        .expect("created");
    let app = stack.ingress(&[
        ("ALERTMANAGER_SECRET_ID", &name),
        ("WEBHOOK_SECRET_ID", &name),
    ]);
    let alert = TestAlert::firing(unique("blank"));
    let body = alert.delivery().to_string();
    let signed = format!("sha256={}", hmac("", &body));
    for headers in [
        vec![("authorization", "Bearer ")],
        vec![("authorization", "Basic Og==")],
        vec![("x-signature-256", signed.as_str())],
    ] {
        let (status, problem) = knock(&app, &body, &headers, Timestamp::now()).await;
        assert_problem(
            &format!("{headers:?}"),
            (status, &problem),
            (503, "no-secret"),
        );
    }
    stack.assert_never_counted(&alert.fingerprint()).await;
}

#[tokio::test]
async fn without_a_secret_everyone_is_refused_except_in_development() {
    let stack = Stack::start();
    let body = TestAlert::firing(unique("secretless"))
        .delivery()
        .to_string();
    let bearer = json!({ "authorization": "Bearer anything" });
    let missing = ("ALERTMANAGER_SECRET_ID", "no-such-secret");
    let (status, problem) = answer(
        &stack.ingress(&[missing]),
        &event(&body, "203.0.113.7", &bearer),
    )
    .await;
    assert_problem("", (status, &problem), (503, "no-secret"));
    let (status, _) = answer(
        &stack.ingress(&[missing, ("ENVIRONMENT", "dev")]),
        &event(&body, "203.0.113.7", &bearer),
    )
    .await;
    assert_eq!(status, 200);
    // A secret that is there counts in development too.
    let dev = stack.ingress(&[("ENVIRONMENT", "dev")]);
    assert_eq!(
        answer(&dev, &event(&body, "203.0.113.7", &bearer)).await.0,
        401
    );
}

/// The ways in on which only alerts come, by how their names begin.
const ALERTS: [&str; 4] = ["alertmanager", "grafana", "alerts", "signals"];

/// Every way in, as a request whose credential was made of this secret now. None of the bodies changes anything.
fn ways(secret: &str, now: Timestamp) -> Vec<(&'static str, Request)> {
    let post = |path: &str| http::Request::post(format!("https://api.test/api/v1/{path}"));
    let seconds = now.as_second().to_string();
    let (bearer, basic) = (
        format!("Bearer {secret}"),
        format!("Basic {}", STANDARD.encode(format!("am:{secret}"))),
    );
    let empty = "{}";
    let bound = |path: &str| signed_at(secret, path, empty.as_bytes(), now);
    let interaction = tests::slack::form(r#"{"type":"view_closed"}"#);
    let slack = tests::slack::sign(secret, &seconds, interaction.as_bytes());
    let with = |path: &str, name: &str, value: &str| {
        post(path).header(name, value).body(Body::from(empty))
    };
    let with_all = |path: &str, headers: HeaderMap| {
        let mut request = post(path);
        request.headers_mut().expect("a request").extend(headers);
        request.body(Body::from(empty))
    };
    let slack = post("webhooks/slack")
        .header("x-slack-request-timestamp", &seconds)
        .header("x-slack-signature", slack);
    [
        (
            "alertmanager, bearer",
            with("webhooks/alertmanager", "authorization", &bearer),
        ),
        (
            "alertmanager, basic",
            with("webhooks/alertmanager", "authorization", &basic),
        ),
        (
            "alertmanager, signed",
            with_all("webhooks/alertmanager", bound("webhooks/alertmanager")),
        ),
        (
            "grafana, bearer",
            with("webhooks/grafana", "authorization", &bearer),
        ),
        (
            "grafana, signed",
            post("webhooks/grafana")
                .header(
                    "x-grafana-alerting-signature",
                    hmac(secret, format!("{seconds}:{empty}")),
                )
                .header("x-grafana-alerting-timestamp", &seconds)
                .body(Body::from(empty)),
        ),
        (
            "alerts",
            with_all("webhooks/alerts", bound("webhooks/alerts")),
        ),
        (
            "signals",
            with_all("webhooks/signals", bound("webhooks/signals")),
        ),
        (
            "telegram",
            with(
                "webhooks/telegram",
                "x-telegram-bot-api-secret-token",
                secret,
            ),
        ),
        ("slack", slack.body(Body::from(interaction))),
        (
            "pagerduty",
            with(
                "webhooks/pagerduty",
                "x-pagerduty-signature",
                &tests::pagerduty_webhook::sign(secret, empty.as_bytes()),
            ),
        ),
    ]
    .map(|(way, request)| (way, request.expect("a request")))
    .into()
}

/// What is not refused for its credential, nor for want of a secret.
fn is_admitted(status: u16) -> bool {
    ![401, 503].contains(&status)
}

#[tokio::test]
async fn without_secrets_development_admits_alerts_but_no_decisions() {
    let stack = Stack::start();
    let dev: Vec<(&str, &str)> = INGRESS_SECRETS
        .map(|variable| (variable, "no-such-secret"))
        .into_iter()
        .chain([("ENVIRONMENT", "dev")])
        .collect();
    let app = stack.ingress(&dev);
    let now = Timestamp::now();
    for (way, request) in ways("anything", now) {
        let status = app
            .answer(request, now)
            .await
            .expect("always an answer")
            .status()
            .as_u16();
        let is_alert = ALERTS.iter().any(|alerts| way.starts_with(alerts));
        assert_eq!(
            (is_admitted(status), status == 503),
            (is_alert, !is_alert),
            "{way}: {status}"
        );
    }

    // Presses that nobody has signed, on a plan that waits.
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let approval = incident.approval.expect("asked").id;
    let slack = Interaction::press(&format!("approve:{approval}"))
        .with_key("forged")
        .in_process(&stack);
    let message = json!({ "message_id": 1, "date": 0, "chat": { "id": stack.facts.telegram.chat_id, "type": "supergroup" } });
    let from =
        json!({ "id": stack.facts.telegram.approver_id, "is_bot": false, "first_name": "P" });
    let query = json!({ "id": unique("q"), "from": from, "message": message, "data": format!("approve:{approval}") });
    let telegram = json!({ "update_id": 1, "callback_query": query }).to_string();
    let telegram = http::Request::post("https://api.test/api/v1/webhooks/telegram")
        .body(Body::from(telegram))
        .expect("a request");
    for (way, request) in [("slack", slack), ("telegram", telegram)] {
        let response = app.answer(request, now).await.expect("always an answer");
        let problem: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(
            (response.status().as_u16(), problem["type"].as_str()),
            (503, Some("urn:quell:problem:no-secret")),
            "{way}: {problem}"
        );
    }
    let waits = stack
        .store
        .incident(&incident.id)
        .await
        .expect("the store answers")
        .expect("the incident")
        .approval
        .expect("asked");
    assert_eq!(
        (waits.state, waits.votes.len()),
        (ApprovalState::Pending, 0)
    );
}

#[tokio::test]
async fn rotation_revokes_the_secret_before_on_every_route() {
    let stack = Stack::start();
    let client = aws_sdk_secretsmanager::Client::new(&stack.aws());
    let name = unique("rotation");
    client
        .create_secret()
        .name(&name)
        .secret_string("leaked")
        .send()
        .await
        .expect("created");
    client
        .put_secret_value()
        .secret_id(&name)
        .secret_string("fresh")
        .send()
        .await
        .expect("rotated");
    let rotated = Timestamp::now();
    let named = INGRESS_SECRETS.map(|variable| (variable, name.as_str()));
    let app = stack.ingress(&named);
    for (after, leaked_passes) in [(0, true), (3_500, true), (3_700, false)] {
        let now = rotated + SignedDuration::from_secs(after);
        for (secret, passes) in [("fresh", true), ("leaked", leaked_passes)] {
            for (way, request) in ways(secret, now) {
                let status = app
                    .answer(request, now)
                    .await
                    .expect("always an answer")
                    .status()
                    .as_u16();
                assert_eq!(
                    is_admitted(status),
                    passes,
                    "{way} with the {secret} secret after {after} s: {status}"
                );
            }
        }
    }
    // By the real clock, with a shorter time.
    let two_seconds: Vec<(&str, &str)> = named
        .into_iter()
        .chain([("PREVIOUS_SECRET_ACCEPTED_SECONDS", "2")])
        .collect();
    client
        .put_secret_value()
        .secret_id(&name)
        .secret_string("freshest")
        .send()
        .await
        .expect("rotated");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let app = stack.ingress(&two_seconds);
    for (secret, passes) in [("freshest", true), ("fresh", false), ("leaked", false)] {
        let now = Timestamp::now();
        for (way, request) in ways(secret, now) {
            let status = app
                .answer(request, now)
                .await
                .expect("always an answer")
                .status()
                .as_u16();
            assert_eq!(
                is_admitted(status),
                passes,
                "{way} with the {secret} secret: {status}"
            );
        }
    }
}

#[tokio::test]
async fn a_rotated_secret_passes_together_with_the_one_before() {
    let stack = Stack::start();
    let client = aws_sdk_secretsmanager::Client::new(&stack.aws());
    let name = unique("rotated");
    client
        .create_secret()
        .name(&name)
        .secret_string("first")
        .send()
        .await
        .expect("created");
    let app = stack.ingress(&[("ALERTMANAGER_SECRET_ID", &name)]);
    let body = TestAlert::firing(unique("rotation")).delivery().to_string();
    let status = async |token: &str| {
        let headers = json!({ "authorization": format!("Bearer {token}") });
        answer(&app, &event(&body, "203.0.113.7", &headers)).await.0
    };
    assert_eq!(status("first").await, 200);
    client
        .put_secret_value()
        .secret_id(&name)
        .secret_string("second")
        .send()
        .await
        .expect("rotated");
    // The secret in memory is the first; both fit, without waiting for it to age.
    assert_eq!(
        (
            status("second").await,
            status("first").await,
            status("third").await
        ),
        (200, 200, 401)
    );
    client
        .put_secret_value()
        .secret_id(&name)
        .secret_string("third")
        .send()
        .await
        .expect("rotated");
    let fresh = stack.ingress(&[("ALERTMANAGER_SECRET_ID", &name)]);
    for (token, expected) in [("third", 200), ("second", 200), ("first", 401)] {
        let headers = json!({ "authorization": format!("Bearer {token}") });
        assert_eq!(
            answer(&fresh, &event(&body, "203.0.113.7", &headers))
                .await
                .0,
            expected,
            "{token}"
        );
    }
}
