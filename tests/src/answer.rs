//! Sends requests to the API and checks the form of its answers.

use reqwest::RequestBuilder;
use serde_json::Value;

/// Sends a request: the status and the body, which has to be a problem document exactly where the status is one of an error.
///
/// # Panics
/// If there is no answer, or it is not as it should be.
pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"]
        .to_str()
        .expect("text")
        .to_owned();
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(
        kind == "application/problem+json",
        status >= 400,
        "{status} {kind}"
    );
    (status, body)
}

/// Asserts which problem an answer is; `case` names it where a test asks many times.
///
/// # Panics
/// If it is another one, or none.
#[track_caller]
pub fn assert_problem(case: &str, (status, problem): (u16, &Value), expected: (u16, &str)) {
    let kind = problem["type"]
        .as_str()
        .and_then(|kind| kind.strip_prefix("urn:quell:problem:"));
    assert_eq!(
        (status, kind),
        (expected.0, Some(expected.1)),
        "{case}: {problem}"
    );
}
