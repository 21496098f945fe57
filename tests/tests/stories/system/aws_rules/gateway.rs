//! API Gateway: sizes of a request, and the time of an integration.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::aws_rules::AwsRules;
use tests::stack::Stack;

const ROUTE: &str = "webhooks/alertmanager";

/// The status of a request with this header and this body, and the gateway's own message if it is the gateway's.
async fn send(stack: &Stack, query: &str, header: String, body: String) -> (u16, Option<String>) {
    let url = format!("{}{query}", stack.url(ROUTE));
    let request = stack.http.post(url).header("x-long", header).body(body);
    let request = request.header("content-type", "application/json");
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let answer: Value = response.json().await.expect("JSON");
    (status, answer["message"].as_str().map(str::to_owned))
}

fn said(status: u16, message: &str) -> (u16, Option<String>) {
    (status, Some(message.to_owned()))
}

/// What ingress answers to whoever does not say who they are.
const BY_INGRESS: (u16, Option<String>) = (401, None);

#[tokio::test]
async fn a_head_above_10_240_bytes_is_refused() {
    let stack = Stack::start();
    let (empty, too_large) = (String::new, said(431, "Request Header Fields Too Large"));
    let header = send(&stack, "", "x".repeat(9_700), empty()).await;
    assert_eq!(header, BY_INGRESS);
    let header = send(&stack, "", "x".repeat(10_240), empty()).await;
    assert_eq!(header, too_large);
    let query = format!("?q={}", "x".repeat(10_240));
    assert_eq!(send(&stack, &query, empty(), empty()).await, too_large);
}

#[tokio::test]
async fn a_body_above_10_mb_is_refused() {
    let stack = Stack::start();
    let body = "x".repeat(10 * 1024 * 1024 + 1);
    let answer = send(&stack, "", String::new(), body).await;
    assert_eq!(answer, said(413, "Request Entity Too Large"));
}

#[tokio::test]
async fn an_event_above_6_mb_is_refused() {
    let stack = Stack::start();
    for (body, expected) in [
        ("x".repeat(5_400_000), BY_INGRESS),
        ("x".repeat(6_300_000), said(413, "Request Entity Too Large")),
        // Each of them is two bytes in the event.
        (
            "\"".repeat(3_200_000),
            said(413, "Request Entity Too Large"),
        ),
    ] {
        let length = body.len();
        let answer = send(&stack, "", String::new(), body).await;
        assert_eq!(answer, expected, "{length}");
    }
}

#[tokio::test]
async fn a_slow_integration_is_given_up() {
    let stack = Stack::start();
    let function = &stack.facts.outputs["IngressFunctionName"];
    let health = async || {
        let request = stack.http.get(stack.url("webhooks/health"));
        let begun = Instant::now();
        let status = request.send().await.expect("an answer").status();
        (status.as_u16(), begun.elapsed())
    };
    for (late_seconds, expected) in [(6, 200), (60, 504)] {
        let fault = json!({ "function": function, "late_seconds": late_seconds });
        let rules = json!({ "scale": 0.05, "invoke": [fault] });
        let _rules = AwsRules::switch_on(&stack, &rules).await;
        let (status, took) = health().await;
        assert_eq!(status, expected);
        // The template's 29 seconds, or the 6 that it takes.
        let least = Duration::from_millis(50 * late_seconds.min(29));
        assert!(took >= least, "{took:?}");
    }
    assert_eq!(health().await.0, 200);
}
