//! Lambda: sizes of payloads, and the lines that it writes into a function's log.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::{Value, json};
use tests::own_function::{OwnFunction, Settings};
use tests::stack::Stack;

use super::refusal;

const SYNCHRONOUS: usize = 6_291_456;
const ASYNCHRONOUS: usize = 1_048_576;

#[tokio::test]
async fn an_invocation_takes_six_megabytes_or_one() {
    let stack = Stack::start();
    let function = OwnFunction::deploy(&stack, &Settings::default());
    let invoke = |kind: InvocationType, length: usize| {
        let request = function.client.invoke().function_name(&function.name);
        let payload = format!("\"{}\"", "x".repeat(length - 2));
        request
            .invocation_type(kind)
            .payload(Blob::new(payload))
            .send()
    };
    for (kind, most, says) in [
        (
            InvocationType::RequestResponse,
            SYNCHRONOUS,
            "Request must be smaller than 6291456 bytes",
        ),
        (
            InvocationType::Event,
            ASYNCHRONOUS,
            "1048577 byte payload is too large for the Event invocation type",
        ),
    ] {
        let accepted = invoke(kind.clone(), most).await;
        accepted.expect("the most is accepted");
        let refused = refusal(invoke(kind, most + 1).await);
        assert_eq!(
            (refused.status, refused.code.as_str()),
            (413, "RequestTooLargeException"),
            "{refused:?}"
        );
        assert!(refused.message.contains(says), "{refused:?}");
    }
}

#[tokio::test]
async fn an_answer_above_six_megabytes_is_an_error() {
    let stack = Stack::start();
    let function = OwnFunction::deploy(&stack, &Settings::default());
    let (error, answer) = function.invoke(&json!({ "answer": 6_000_000 })).await;
    assert_eq!(
        (error, answer.as_str().map(str::len)),
        (None, Some(6_000_000))
    );
    let (error, answer) = function.invoke(&json!({ "answer": 6_300_000 })).await;
    assert_eq!(
        (error.as_deref(), &answer["errorType"]),
        (Some("Unhandled"), &json!("Function.ResponseSizeTooLarge")),
        "{answer}"
    );
    // It goes on with the next event.
    assert_eq!(function.invoke(&json!({})).await, (None, json!("")));
}

/// What each line of a log is: the type of a line of Lambda's, or who wrote it.
fn kinds(lines: &[String]) -> Vec<String> {
    let kind = |line: &String| match serde_json::from_str::<Value>(line) {
        Ok(line) => line["type"].as_str().unwrap_or("function").to_owned(),
        Err(_) => line.split(' ').next().unwrap_or_default().to_owned(),
    };
    lines.iter().map(kind).collect()
}

#[tokio::test]
async fn platform_lines_follow_the_logging_configuration() {
    let stack = Stack::start();
    let cases: [(Value, bool, &[&str]); 5] = [
        (
            json!({ "LogFormat": "JSON", "SystemLogLevel": "DEBUG" }),
            false,
            &[
                "platform.start",
                "function",
                "platform.runtimeDone",
                "platform.report",
            ],
        ),
        (
            json!({ "LogFormat": "JSON" }),
            false,
            &["platform.start", "function", "platform.report"],
        ),
        (
            json!({ "LogFormat": "JSON", "SystemLogLevel": "WARN" }),
            false,
            &["function"],
        ),
        (
            json!({ "LogFormat": "JSON", "SystemLogLevel": "WARN" }),
            true,
            &["function", "platform.runtimeDone", "platform.report"],
        ),
        (
            json!({ "LogFormat": "Text" }),
            false,
            &["START", "function", "END", "REPORT"],
        ),
    ];
    for (logging, fails, expected) in cases {
        let case = format!("{logging}, fails: {fails}");
        let settings = Settings {
            logging,
            ..Settings::default()
        };
        let function = OwnFunction::deploy(&stack, &settings);
        let (error, _) = function.invoke(&json!({ "fail": fails })).await;
        assert_eq!(error.is_some(), fails, "{case}");
        let lines = function.log().await;
        assert_eq!(kinds(&lines), expected, "{case}: {lines:#?}");
        let report = lines.last().expect("a line");
        if expected.last() == Some(&"platform.report") {
            let report: Value = serde_json::from_str(report).expect("JSON");
            let status = if fails { "error" } else { "success" };
            assert_eq!(report["record"]["status"], status, "{case}: {report}");
            assert!(report["record"]["metrics"]["billedDurationMs"].is_number());
        }
    }
}
