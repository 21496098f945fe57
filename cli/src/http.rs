//! Requests of the command to the deployed API.

use std::time::Duration;

use outbound::{body, reason};
use reqwest::header::ETAG;
use reqwest::{RequestBuilder, StatusCode};

use crate::exit::Failure;

/// How long an answer may take: longer than API Gateway waits for ingress.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);
/// How much of an answer is read.
pub(crate) const ANSWER_BYTES: usize = 1_000_000;

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    /// Its `ETag`, as it is.
    pub(crate) tag: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// The status and the body that the API answers.
///
/// # Errors
/// If there is no answer, or it cannot be read.
pub(crate) async fn answered(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Failure> {
    let Answered { status, body, .. } = sent(request, ANSWER_BYTES).await?;
    Ok((status, body))
}

/// The answer of the API, of which at most `most` bytes are read.
///
/// # Errors
/// If there is no answer, or it cannot be read.
pub(crate) async fn sent(request: RequestBuilder, most: usize) -> Result<Answered, Failure> {
    let sent = request.timeout(ANSWER_WITHIN).send().await;
    let response = sent
        .map_err(|error| Failure::wrong(format!("No answer from the route: {}", reason(error))))?;
    let status = response.status();
    let tag = response.headers().get(ETAG);
    let tag = tag.and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let body = body(response, most)
        .await
        .map_err(|error| Failure::wrong(format!("the answer cannot be read: {error}")))?;
    Ok(Answered { status, tag, body })
}
