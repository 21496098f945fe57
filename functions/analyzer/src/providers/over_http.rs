//! One HTTP call to a provider: a JSON request, and a JSON response of bounded size.

use domain::phrase;
use outbound::{self, BodyError};
use reqwest::RequestBuilder;
use secrecy::SecretString;
use serde_json::Value;

use super::attempt::FailedTry;
use super::refusal::refusal;
use super::wording::words;
use super::{Billed, Trouble};

/// How much of an answer is read.
const LONGEST_ANSWER: usize = 1 << 20;

/// Sends a request with a JSON body; the JSON of a 2xx.
pub(super) async fn call(
    request: RequestBuilder,
    body: &Value,
    key: Option<&SecretString>,
) -> Result<Value, FailedTry> {
    let response = request.json(body).send().await.map_err(|error| {
        // What never left, because there was no connection or no valid request, cannot be billed.
        let billed = if error.is_connect() || error.is_builder() {
            Billed::Nothing
        } else {
            Billed::Unknown
        };
        FailedTry::last(Trouble::Unreachable(outbound::reason(error)), billed)
    })?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = outbound::body(response, LONGEST_ANSWER).await;
    if !status.is_success() {
        // A refusal stays one, whatever became of its words.
        let header = |name: &str| headers.get(name)?.to_str().ok();
        return Err(refusal(
            status.as_u16(),
            header,
            &body.unwrap_or_default(),
            key,
        ));
    }
    let body = body.map_err(|error| {
        let trouble = match error {
            BodyError::TooLong(_) => Trouble::Unreadable(error.phrase()),
            BodyError::Broken(why) => Trouble::Unreachable(why),
        };
        FailedTry::last(trouble, Billed::Unknown)
    })?;
    serde_json::from_slice(&body).map_err(|_| {
        let words = words(&String::from_utf8_lossy(&body), key);
        FailedTry::last(
            Trouble::Unreadable(phrase!("it is no JSON: {words}", words)),
            Billed::Unknown,
        )
    })
}
