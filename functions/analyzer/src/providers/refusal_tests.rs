//! Tests of the classification of the vendors' documented error responses.

use std::time::Duration;

use secrecy::SecretString;

use super::{USUAL_WAIT, refusal};
use crate::providers::{Billed, Trouble};

/// What a refusal comes to: its words, when it is tried again, and what it has cost.
fn of(
    status: u16,
    headers: &[(&str, &'static str)],
    body: &str,
) -> (String, Option<Duration>, Billed) {
    let header = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    };
    let failed = refusal(
        status,
        header,
        body.as_bytes(),
        Some(&SecretString::from("sk-very-secret")),
    );
    (
        failed.failed.to_string(),
        failed.again_after,
        failed.failed.billed,
    )
}

#[test]
fn each_vendors_refusals_are_told_apart() {
    let openai = |kind: &str, code: &str, message: &str| {
        format!(
            r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":{code}}}}}"#
        )
    };
    let anthropic = |kind: &str, message: &str| {
        format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#)
    };
    let again = Some(USUAL_WAIT);
    let cases = [
        // OpenAI: https://platform.openai.com/docs/guides/error-codes
        (
            429,
            openai("requests", r#""rate_limit_exceeded""#, "Rate limit reached"),
            "it is busy (429)",
            again,
        ),
        (
            429,
            openai(
                "insufficient_quota",
                r#""insufficient_quota""#,
                "You exceeded your current quota",
            ),
            "it refused the call (429): You exceeded your current quota",
            None,
        ),
        (
            401,
            openai(
                "invalid_request_error",
                r#""invalid_api_key""#,
                "Incorrect API key provided: sk-ver*****cret",
            ),
            "it refused the call (401): invalid_api_key",
            None,
        ),
        (
            404,
            openai(
                "invalid_request_error",
                r#""model_not_found""#,
                "The model `gpt-9` does not exist",
            ),
            "it refused the call (404): The model `gpt-9` does not exist",
            None,
        ),
        (
            400,
            openai(
                "invalid_request_error",
                "null",
                "Invalid schema for response_format",
            ),
            "it refused the call (400): Invalid schema for response_format",
            None,
        ),
        (
            400,
            openai("null", r#""content_filter""#, "The response was filtered"),
            "it would not answer: The response was filtered",
            None,
        ),
        (
            500,
            openai("server_error", "null", "The server had an error"),
            "it failed (500): The server had an error",
            again,
        ),
        (
            503,
            openai("server_error", "null", "overloaded"),
            "it is busy (503)",
            again,
        ),
        // Anthropic: https://docs.anthropic.com/en/api/errors
        (
            529,
            anthropic("overloaded_error", "Overloaded"),
            "it is busy (529)",
            again,
        ),
        (
            500,
            anthropic("api_error", "Internal server error"),
            "it failed (500): Internal server error",
            again,
        ),
        (
            401,
            anthropic("authentication_error", "invalid x-api-key"),
            "it refused the call (401): authentication_error",
            None,
        ),
        (
            403,
            anthropic("permission_error", "not with sk-very-secret!"),
            "it refused the call (403): not with <key>!",
            None,
        ),
        (
            413,
            anthropic("request_too_large", "Request exceeds the maximum size"),
            "it refused the call (413): Request exceeds the maximum size",
            None,
        ),
        // Bedrock: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
        (
            429,
            r#"{"message":"Too many requests"}"#.to_owned(),
            "it is busy (429)",
            again,
        ),
        (
            424,
            r#"{"message":"The model failed"}"#.to_owned(),
            "it refused the call (424): The model failed",
            None,
        ),
        // Servers of one's own, and what stands before them.
        (
            400,
            r#"{"error":{"code":400,"message":"grammar","type":"invalid_request_error"}}"#
                .to_owned(),
            "it refused the call (400): grammar",
            None,
        ),
        (
            404,
            r#"{"error":"model 'x' not found"}"#.to_owned(),
            "it refused the call (404): model 'x' not found",
            None,
        ),
        (
            422,
            r#"{"detail":"Unprocessable"}"#.to_owned(),
            "it refused the call (422): Unprocessable",
            None,
        ),
        (
            502,
            "<html>\r\n<head><title>502 Bad Gateway</title></head></html>".to_owned(),
            "it failed (502): <html> <head><title>502 Bad Gateway</title></head></html>",
            again,
        ),
        (
            500,
            String::new(),
            "it failed (500): it does not say why",
            again,
        ),
        (
            418,
            "\u{202e}\u{0}tea\u{7}".to_owned(),
            "it refused the call (418): tea",
            None,
        ),
        (
            302,
            "moved".to_owned(),
            "it refused the call (302): it answers with a redirect, which is not followed: correct base_url",
            None,
        ),
    ];
    for (status, body, words, again_after) in cases {
        assert_eq!(
            of(status, &[], &body),
            (words.to_owned(), again_after, Billed::Nothing),
            "{body}"
        );
    }
}

#[test]
fn gateway_timeout_is_not_retried_and_may_be_billed() {
    for status in [408, 504, 524] {
        let (_, again_after, billed) = of(status, &[("retry-after", "1")], "timed out");
        assert_eq!((again_after, billed), (None, Billed::Unknown), "{status}");
    }
}

#[test]
fn words_are_cut() {
    let (words, ..) = of(400, &[], &"word ".repeat(1000));
    assert_eq!(
        words.chars().count(),
        "it refused the call (400): ".len() + 299
    );
}

#[test]
fn the_wait_is_what_the_provider_asks_for() {
    let date = ("date", "Sun, 22 Nov 2026 08:49:37 GMT");
    let cases: [(&[(&str, &str)], _); 9] = [
        (&[("retry-after", "7")], Duration::from_secs(7)),
        (&[("retry-after", " 0 ")], Duration::ZERO),
        (
            &[("retry-after", "20"), ("retry-after-ms", "250")],
            Duration::from_millis(250),
        ),
        (
            &[("retry-after", "Sun, 22 Nov 2026 08:50:07 GMT"), date],
            Duration::from_secs(30),
        ),
        (
            &[("retry-after", "Sun, 22 Nov 2026 08:49:07 GMT"), date],
            Duration::ZERO,
        ),
        // Without the provider's clock its date says nothing.
        (
            &[("retry-after", "Sun, 22 Nov 2026 08:50:07 GMT")],
            USUAL_WAIT,
        ),
        (&[("retry-after", "soon"), date], USUAL_WAIT),
        (&[("retry-after", "-1")], USUAL_WAIT),
        (&[("retry-after-ms", "NaN")], USUAL_WAIT),
    ];
    for (headers, expected) in cases {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, *value))
            .collect();
        let header = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        };
        assert_eq!(
            refusal(429, header, b"", None).again_after,
            Some(expected),
            "{headers:?}"
        );
    }
    let asked = refusal(
        429,
        |name| (name == "retry-after").then_some("7"),
        b"",
        None,
    )
    .failed
    .trouble;
    assert_eq!(
        asked,
        Trouble::Busy {
            status: 429,
            retry_after: Some(Duration::from_secs(7))
        }
    );
}
