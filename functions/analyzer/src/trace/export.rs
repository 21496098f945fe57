//! Export of ended spans as one OTLP request, within a time limit. A failed export never fails the
//! caller.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use tokio::time::timeout;

/// How long sending may take, all in all: the function is paid for while it waits.
const LIMIT: Duration = Duration::from_secs(2);
/// How much of an answer is read. One that tells of rejected spans has a number and a sentence.
const MOST_OF_ANSWER: usize = 16 * 1024;

/// The spans that have ended and were not sent yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl Ended {
    pub(super) fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SpanData>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    /// Keeps the span. The SDK holds every value that a key was given; OTLP wants each key once.
    fn on_end(&self, mut span: SpanData) {
        let mut seen = HashSet::new();
        span.attributes.reverse();
        span.attributes
            .retain(|attribute| seen.insert(attribute.key.clone()));
        span.attributes.reverse();
        self.lock().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Why spans are lost. No text of it can hold a header's value or the URL (`secrets-stay`), nor what the server says: it could repeat them.
#[derive(Debug, Error)]
enum Loss {
    #[error(
        "the value of the header {0} cannot stand in a header: look at the secret it comes from"
    )]
    Header(HeaderName),
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the server did not answer within {} s", LIMIT.as_secs())]
    Late,
    #[error("the server answered {0}: look at the URL and the credentials")]
    Refused(StatusCode),
    #[error("the server rejected {0} of them as invalid")]
    Rejected(i64),
}

/// What spans are sent with.
pub(super) struct Exporter {
    http: Client,
    url: Url,
    headers: Vec<(HeaderName, SecretString)>,
    resource: ResourceAttributesWithSchema,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Exporter {
    pub(super) fn new(
        http: Client,
        url: Url,
        headers: Vec<(HeaderName, SecretString)>,
        resource: &Resource,
    ) -> Self {
        Self {
            http,
            url,
            headers,
            resource: resource.into(),
        }
    }

    /// Sends spans; those that cannot be sent are lost. They are not sent again: whoever waits is waiting for an analysis.
    pub(super) async fn export(&self, spans: Vec<SpanData>) {
        if spans.is_empty() {
            return;
        }
        let count = spans.len();
        let request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(spans, &self.resource),
        };
        let sent = timeout(LIMIT, self.post(request.encode_to_vec()))
            .await
            .unwrap_or(Err(Loss::Late));
        if let Err(loss) = sent {
            let host = self.url.host_str().unwrap_or_default();
            tracing::warn!(host, spans = count, %loss, "spans of an analysis are lost");
        }
    }

    /// One request, binary protobuf. <https://opentelemetry.io/docs/specs/otlp/#otlphttp>
    async fn post(&self, body: Vec<u8>) -> Result<(), Loss> {
        let request = self
            .http
            .post(self.url.clone())
            .headers(self.headers()?)
            .body(body);
        let response = request
            .send()
            .await
            .map_err(|error| Loss::Unreachable(outbound::reason(error)))?;
        if !response.status().is_success() {
            return Err(Loss::Refused(response.status()));
        }
        // The spans have arrived, whatever becomes of the rest of the answer.
        let answer = outbound::body(response, MOST_OF_ANSWER)
            .await
            .unwrap_or_default();
        // Langfuse answers in JSON, which is no message of protobuf; the status shows the success.
        let partial = ExportTraceServiceResponse::decode(answer.as_slice())
            .ok()
            .and_then(|answer| answer.partial_success);
        match partial.map(|partial| partial.rejected_spans) {
            Some(rejected) if rejected > 0 => Err(Loss::Rejected(rejected)),
            _ => Ok(()),
        }
    }

    fn headers(&self) -> Result<HeaderMap, Loss> {
        let mut headers = HeaderMap::from_iter([(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-protobuf"),
        )]);
        for (name, secret) in &self.headers {
            let mut value = HeaderValue::from_str(secret.expose_secret())
                .map_err(|_| Loss::Header(name.clone()))?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        Ok(headers)
    }
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
