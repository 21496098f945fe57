//! Requests of the command to the deployed API.

use std::time::Duration;

use outbound::{body, reason};
use reqwest::{RequestBuilder, StatusCode};

use crate::exit::Failure;

/// How long an answer may take: longer than API Gateway waits for ingress.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);
/// How much of an answer is read.
pub(crate) const ANSWER_BYTES: usize = 1_000_000;

/// The status and the body that the API answers.
///
/// # Errors
/// If there is no answer, or it cannot be read.
pub(crate) async fn answered(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Failure> {
    let sent = request.timeout(ANSWER_WITHIN).send().await;
    let response = sent
        .map_err(|error| Failure::wrong(format!("No answer from the route: {}", reason(error))))?;
    let status = response.status();
    let told = body(response, ANSWER_BYTES)
        .await
        .map_err(|error| Failure::wrong(format!("the answer cannot be read: {error}")))?;
    Ok((status, told))
}
