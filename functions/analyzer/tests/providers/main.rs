//! Tests of the providers against a scripted vendor: every documented answer, and faults on the
//! way.

use std::time::Duration;

use analyzer::providers::{
    Billed, CallFailed, Provider, Question, Reply, Trouble, prompt_tokens_at_most,
};
use aws::AwsEnvironment;
use aws_types::SdkConfig;
use domain::analysis::price::Usage;
use domain::analysis::settings::ProviderSettings;
use domain::phrase;
use loopback::{Reply as Play, Server, answer};
use secrecy::SecretString;
use serde_json::{Value, json};
use settings::variables::Variables;
use tokio::time::Instant;

const KEY: &str = "sk-very-secret";
const APIS: [&str; 3] = ["openai", "anthropic", "bedrock"];
/// Long enough for a busy machine; what has to be slow is slower.
const LONG: Duration = Duration::from_secs(60);

/// The beginning of an answer whose body has this many bytes.
fn beginning(length: usize, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

fn question() -> Question {
    let schema = json!({
        "type": "object", "properties": { "risk": { "type": "string" } }, "required": ["risk"], "additionalProperties": false,
    });
    Question {
        instructions: "Find the cause.".into(),
        material: "an alert".into(),
        schema,
        max_output_tokens: 64,
    }
}

fn aws(endpoint: &str) -> SdkConfig {
    let variables = Variables::from_fn(|name| match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
        "AWS_ENDPOINT_URL" => Some(endpoint.to_owned()),
        _ => None,
    });
    AwsEnvironment::from_variables(&variables)
        .expect("an environment")
        .sdk_config(Duration::from_millis(1))
}

/// A provider of this interface at this address, which answers within `timeout`.
fn settings(api: &str, url: &str, timeout: &str) -> ProviderSettings {
    let mut settings =
        json!({ "name": "mine", "api": api, "model": "a-model", "timeout": timeout });
    if api != "bedrock" {
        settings["base_url"] = json!(url);
    }
    serde_json::from_value(settings).expect("settings")
}

fn provider(api: &str, url: &str, timeout: &str) -> Provider {
    let settings = settings(api, url, timeout);
    Provider::new(&settings, outbound::client().expect("a client"), &aws(url))
}

async fn ask(api: &str, vendor: &Server) -> Result<Reply, CallFailed> {
    let asked = provider(api, &vendor.url, "60s")
        .ask(
            Some(&SecretString::from(KEY)),
            &question(),
            Instant::now() + LONG,
        )
        .await;
    if let Err(failed) = &asked {
        assert!(!format!("{failed} {failed:?}").contains(KEY), "{failed:?}");
    }
    asked
}

/// The answer that each interface gives to a question, in its own shape.
fn good(api: &str) -> Value {
    let text = r#"{"risk":"low"}"#;
    match api {
        "openai" => json!({
            "model": "a-model-2026",
            "choices": [{ "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
            "usage": { "prompt_tokens": 90, "completion_tokens": 12 },
        }),
        "anthropic" => json!({
            "type": "message", "model": "a-model-2026", "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn",
            "usage": { "input_tokens": 90, "output_tokens": 12 },
        }),
        _ => json!({
            "output": { "message": { "role": "assistant", "content": [{ "text": text }] } }, "stopReason": "end_turn",
            "usage": { "inputTokens": 90, "outputTokens": 12, "totalTokens": 102 }, "metrics": { "latencyMs": 1 },
        }),
    }
}

fn good_answer(api: &str) -> Play {
    answer(
        200,
        &[("content-type", "application/json")],
        good(api).to_string(),
    )
}

const USED: Usage = Usage {
    input: 90,
    output: 12,
};

#[tokio::test]
async fn every_interface_is_asked_and_read_as_it_is_documented() {
    let cases = [
        (
            "openai",
            "POST /chat/completions ",
            "authorization: bearer sk-very-secret\r\n",
            "/messages/1/content",
            "a-model-2026",
        ),
        (
            "anthropic",
            "POST /v1/messages ",
            "x-api-key: sk-very-secret\r\nanthropic",
            "/messages/0/content",
            "a-model-2026",
        ),
        (
            "bedrock",
            "POST /model/a-model/converse ",
            "authorization: aws4-hmac-sha256",
            "/messages/0/content/0/text",
            "a-model",
        ),
    ];
    for (api, line, header, place, model) in cases {
        let vendor = Server::playing(vec![good_answer(api)]);
        let reply = ask(api, &vendor).await.expect("an answer");
        let finish = if api == "openai" { "stop" } else { "end_turn" };
        assert_eq!(
            reply,
            Reply {
                text: r#"{"risk":"low"}"#.into(),
                usage: USED,
                model: model.into(),
                finish: finish.into()
            }
        );

        let [request] = &vendor.requests()[..] else {
            panic!("one request")
        };
        assert!(request.head().starts_with(line), "{request:?}");
        let named: Vec<_> = header.split("\r\n").collect();
        assert!(
            named
                .iter()
                .all(|header| request.head().to_lowercase().contains(header)),
            "{request:?}"
        );
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body.pointer(place), Some(&json!("an alert")), "{body}");
        assert!(
            request.body.len() as u64
                <= prompt_tokens_at_most(&settings(api, &vendor.url, "1s"), &question()),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_busy_or_failing_provider_is_asked_once_more() {
    for api in APIS {
        for status in [429, 500, 503, 529] {
            let vendor = Server::playing(vec![
                answer(status, &[("retry-after", "0")], "{}"),
                good_answer(api),
            ]);
            assert_eq!(
                ask(api, &vendor).await.map(|reply| reply.usage),
                Ok(USED),
                "{api} {status}"
            );
            assert_eq!(vendor.requests().len(), 2);
        }
        let vendor = Server::playing(vec![answer(500, &[("retry-after", "0")], "{}")]);
        let failed = ask(api, &vendor).await.expect_err("it fails twice");
        assert!(
            matches!(failed.trouble, Trouble::Failed { status: 500, .. }),
            "{failed:?}"
        );
        assert_eq!(
            (failed.billed, vendor.requests().len()),
            (Billed::Nothing, 2)
        );
    }
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_waited_for() {
    for api in APIS {
        let vendor = Server::playing(vec![
            answer(429, &[("retry-after", "3600")], "{}"),
            good_answer(api),
        ]);
        let failed = ask(api, &vendor).await.expect_err("busy");
        assert_eq!(
            failed.trouble,
            Trouble::Busy {
                status: 429,
                retry_after: Some(Duration::from_secs(3600))
            }
        );
        assert_eq!(
            (failed.billed, vendor.requests().len()),
            (Billed::Nothing, 1)
        );
    }
}

#[tokio::test]
async fn a_refused_call_is_not_made_again() {
    let page = "<html><title>Forbidden</title></html>";
    for api in APIS {
        for (status, body) in [
            (400, "{}"),
            (401, r#"{"message":"sk-very-secret is wrong"}"#),
            (403, page),
            (404, r#"{"error":"no model"}"#),
        ] {
            let vendor = Server::playing(vec![answer(status, &[], body)]);
            let failed = ask(api, &vendor).await.expect_err("refused");
            assert!(
                matches!(failed.trouble, Trouble::Refused { status: by, .. } if by == status),
                "{api} {failed:?}"
            );
            assert_eq!(
                (failed.billed, vendor.requests().len()),
                (Billed::Nothing, 1)
            );
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_stays() {
    let elsewhere = Server::playing(vec![good_answer("openai")]);
    for api in APIS {
        for status in [301, 302, 307, 308] {
            let vendor = Server::playing(vec![answer(
                status,
                &[("location", &format!("{}/v1", elsewhere.url))],
                "",
            )]);
            let failed = ask(api, &vendor).await.expect_err("a redirect");
            assert!(failed.to_string().contains("redirect"), "{api} {failed}");
            assert_eq!(failed.billed, Billed::Nothing);
        }
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn filtered_and_truncated_answers_say_so_and_are_paid() {
    let cases = [
        (
            "openai",
            "/choices/0/finish_reason",
            "content_filter",
            Trouble::Filtered("content_filter".into()),
        ),
        (
            "openai",
            "/choices/0/finish_reason",
            "length",
            Trouble::Truncated(64),
        ),
        (
            "anthropic",
            "/stop_reason",
            "max_tokens",
            Trouble::Truncated(64),
        ),
        (
            "bedrock",
            "/stopReason",
            "guardrail_intervened",
            Trouble::Filtered("guardrail_intervened".into()),
        ),
        (
            "bedrock",
            "/stopReason",
            "content_filtered",
            Trouble::Filtered("content_filtered".into()),
        ),
        (
            "bedrock",
            "/stopReason",
            "refusal",
            Trouble::Filtered("refusal".into()),
        ),
        (
            "bedrock",
            "/stopReason",
            "max_tokens",
            Trouble::Truncated(64),
        ),
        (
            "bedrock",
            "/stopReason",
            "malformed_model_output",
            Trouble::Unreadable(phrase!(
                "it stopped for another reason than its end: {reason}",
                reason = "malformed_model_output"
            )),
        ),
    ];
    for (api, place, finish, trouble) in cases {
        let mut body = good(api);
        *body.pointer_mut(place).expect("the place is there") = json!(finish);
        let vendor = Server::playing(vec![answer(200, &[], body.to_string())]);
        assert_eq!(
            ask(api, &vendor).await,
            Err(CallFailed {
                trouble,
                billed: Billed::Used(USED)
            }),
            "{api} {finish}"
        );
        assert_eq!(vendor.requests().len(), 1);
    }
}

#[tokio::test]
async fn what_is_no_answer_of_the_interface_may_have_to_be_paid() {
    let page = "<html><title>Sign in to the hotel's network</title></html>";
    for api in APIS {
        for body in [page, r#"{"choices": [{"#, "", "[]"] {
            let vendor = Server::playing(vec![answer(200, &[("content-type", "text/html")], body)]);
            let failed = ask(api, &vendor).await.expect_err("no answer");
            assert!(
                matches!(failed.trouble, Trouble::Unreadable(_)),
                "{api} {body}: {failed:?}"
            );
            assert_eq!(
                (failed.billed, vendor.requests().len()),
                (Billed::Unknown, 1),
                "{api} {body}"
            );
        }
    }
}

#[tokio::test]
async fn a_bad_gateway_is_asked_once_more() {
    let page = answer(
        502,
        &[("content-type", "text/html"), ("retry-after", "0")],
        "<html><h1>502 Bad Gateway</h1></html>",
    );
    for api in APIS {
        let vendor = Server::playing(vec![page.clone(), good_answer(api)]);
        assert_eq!(
            ask(api, &vendor).await.map(|reply| reply.usage),
            Ok(USED),
            "{api}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let body = " ".repeat(5 << 20);
    for api in ["openai", "anthropic"] {
        let vendor = Server::playing(vec![answer(200, &[], &body)]);
        let failed = ask(api, &vendor).await.expect_err("too long");
        let trouble =
            Trouble::Unreadable(phrase!("it is longer than {bytes} bytes", bytes = 1 << 20));
        assert_eq!(
            failed,
            CallFailed {
                trouble,
                billed: Billed::Unknown
            }
        );
        // The same of a refusal, which stays one.
        let vendor = Server::playing(vec![answer(400, &[], &body)]);
        let failed = ask(api, &vendor).await.expect_err("refused");
        assert_eq!(
            (failed.to_string().as_str(), failed.billed),
            (
                "it refused the call (400): it does not say why",
                Billed::Nothing
            )
        );
    }
}

#[tokio::test]
async fn broken_connection_may_be_billed_and_no_connection_is_not() {
    for api in APIS {
        let whole = good(api).to_string();
        for bytes in [
            Vec::new(),
            beginning(whole.len(), &whole[..whole.len() / 2]),
        ] {
            let vendor = Server::playing(vec![Play::Cut(bytes)]);
            let failed = ask(api, &vendor).await.expect_err("cut");
            // The SDK does not tell a cut body from one that it cannot read.
            assert!(
                matches!(
                    failed.trouble,
                    Trouble::Unreachable(_) | Trouble::Unreadable(_)
                ),
                "{api} {failed:?}"
            );
            assert_eq!(
                (failed.billed, vendor.requests().len()),
                (Billed::Unknown, 1),
                "{api} {failed:?}"
            );
        }
        let closed = loopback::closed();
        // Gateways have tokens in their paths.
        let url = format!("http://user:password@{closed}/token");
        let url = if api == "bedrock" {
            format!("http://{closed}")
        } else {
            url
        };
        let asked = provider(api, &url, "60s")
            .ask(
                Some(&SecretString::from(KEY)),
                &question(),
                Instant::now() + LONG,
            )
            .await;
        let failed = asked.expect_err("nobody listens");
        assert!(
            matches!(&failed.trouble, Trouble::Unreachable(why) if why.contains("refused")),
            "{api} {failed:?}"
        );
        assert_eq!(failed.billed, Billed::Nothing, "{api} {failed:?}");
        let shown = format!("{failed} {failed:?}");
        assert!(
            !shown.contains(KEY) && !shown.contains("password") && !shown.contains("token"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn slow_stream_ends_at_the_timeout_or_deadline() {
    for api in APIS {
        let slow = Play::Drip(beginning(1 << 20, "{"));
        let vendor = Server::playing(vec![slow, good_answer(api)]);
        let failed = provider(api, &vendor.url, "1s")
            .ask(None, &question(), Instant::now() + LONG)
            .await
            .expect_err("slow");
        assert_eq!(
            failed,
            CallFailed {
                trouble: Trouble::TimedOut(Duration::from_secs(1)),
                billed: Billed::Unknown
            },
            "{api}"
        );

        // Long enough that a busy machine has sent the question before.
        let deadline = Instant::now() + Duration::from_secs(2);
        let vendor = Server::playing(vec![Play::Drip(b"HTTP/1.1 200 OK\r\nslow:".to_vec())]);
        let failed = provider(api, &vendor.url, "60s")
            .ask(None, &question(), deadline)
            .await
            .expect_err("slow");
        assert!(
            matches!(failed.trouble, Trouble::TimedOut(given) if given <= Duration::from_secs(2)),
            "{api} {failed:?}"
        );
        assert_eq!(
            (failed.billed, vendor.requests().len()),
            (Billed::Unknown, 1),
            "{api}"
        );
    }
}

#[tokio::test]
async fn after_the_deadline_nobody_is_asked() {
    for api in APIS {
        let vendor = Server::playing(vec![good_answer(api)]);
        // In a task of its own, which a function may want to ask from.
        let provider = provider(api, &vendor.url, "60s");
        let asked =
            tokio::spawn(async move { provider.ask(None, &question(), Instant::now()).await });
        let failed = asked.await.expect("no panic").expect_err("too late");
        assert_eq!(
            failed,
            CallFailed {
                trouble: Trouble::TimedOut(Duration::ZERO),
                billed: Billed::Nothing
            }
        );
        assert!(vendor.requests().is_empty());
    }
}
