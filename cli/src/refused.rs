//! Refusals of the API, each in one sentence that says what to do about it.

use domain::primitives::safe_text::line;
use reqwest::StatusCode;
use serde_json::Value;
use thiserror::Error;

/// How much of the API's own words is shown.
const DETAIL_CHARACTERS: usize = 1_000;

/// A refusal.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{says}")]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    says: String,
}

impl Refused {
    /// What an answer means that is no success, or no JSON. `answer` is a problem document (RFC 9457) where Quell has answered.
    pub(crate) fn of(status: StatusCode, answer: Option<&Value>, url: &str) -> Self {
        let detail = answer.and_then(|answer| answer["detail"].as_str());
        let detail = detail.map(|detail| line(detail, DETAIL_CHARACTERS));
        let says = match (status.as_u16(), detail) {
            (401, Some(detail)) => format!(
                "the API does not accept the token ({detail}): make one with `quell tokens make NAME --may look --may decide`, for this stack"
            ),
            (403, Some(detail)) => format!(
                "the API does not allow it ({detail}): `quell tokens list` says what a token may, and channels.json whom it belongs to"
            ),
            (404, Some(detail)) if is(answer, "no-route") => {
                format!("{detail}: compare the version of the stack with `quell --version`")
            }
            (404, Some(detail)) => {
                format!("{detail}: check it, and that --url or --profile is its stack")
            }
            (429 | 500..=599, detail) => {
                let detail = detail.unwrap_or_else(|| status.to_string());
                format!(
                    "the API cannot answer right now ({detail}): try again in some seconds; the log of its function says why"
                )
            }
            (_, Some(detail)) => detail,
            (number, None) => format!(
                "{} answered {number}, and not as Quell does: --url has to be the stack's output ApiUrl",
                line(url, DETAIL_CHARACTERS)
            ),
        };
        Self { status, says }
    }

    /// True if the caller has to change something: the answer is no, rather than none at all.
    pub(crate) fn is_no(&self) -> bool {
        matches!(self.status.as_u16(), 400..=428 | 430..=499)
    }
}

fn is(answer: Option<&Value>, kind: &str) -> bool {
    let of = answer.and_then(|answer| answer["type"].as_str());
    of.and_then(|of| of.rsplit(':').next()) == Some(kind)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    use super::Refused;

    fn says(status: u16, answer: Option<&Value>) -> String {
        let status = StatusCode::from_u16(status).expect("a status");
        Refused::of(status, answer, "https://api.test").to_string()
    }

    #[test]
    fn every_refusal_is_one_sentence_that_says_what_to_do() {
        let problem = |kind: &str, detail: &str| json!({ "type": format!("urn:quell:problem:{kind}"), "detail": detail });
        for (status, answer, expected) in [
            (
                401,
                problem("unauthenticated", "unknown token"),
                "quell tokens make",
            ),
            (
                403,
                problem("not-allowed", "it may not look"),
                "quell tokens list",
            ),
            (
                404,
                problem("no-incident", "there is no incident with this id"),
                "there is no incident with this id: check it",
            ),
            (
                404,
                problem("no-route", "there is nothing at /x"),
                "quell --version",
            ),
            (
                409,
                problem("undecidable", "it was rejected"),
                "it was rejected",
            ),
            (503, problem("unavailable", "busy"), "try again"),
        ] {
            let said = says(status, Some(&answer));
            assert!(
                said.contains(expected) && !said.contains('\n'),
                "{status}: {said}"
            );
        }
        for status in [200, 301, 404, 418] {
            assert!(says(status, None).contains("output ApiUrl"), "{status}");
        }
        assert!(says(502, None).contains("try again"));
    }

    #[test]
    fn words_of_a_server_cannot_steer_the_terminal() {
        let said = says(409, Some(&json!({ "detail": "a\u{1b}[2J\nb\u{202e}c" })));
        assert_eq!(said, "a[2J bc");
    }

    #[test]
    fn a_refusal_of_the_callers_doing_is_a_no() {
        let no =
            |status| Refused::of(StatusCode::from_u16(status).expect("a status"), None, "").is_no();
        assert!(no(403) && no(404) && no(409));
        assert!(!no(200) && !no(429) && !no(503));
    }
}
