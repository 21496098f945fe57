//! Signed requests to one AWS service, without its SDK: for the request that every alert makes, for
//! the one that a cold start waits for, for the five calls of Run Command, and for e-mail.
//!
//! The SDK's layers between a request and its connection cost more than everything else that a
//! joined alert needs (docs/decisions/0004, 0007). This client does the part of them that matters
//! here: a signature, a time limit for each attempt, and retries after transient errors. It uses
//! the connection pool of the SDK's clients.

mod endpoint;

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;

use crate::retry::{Backoff, Growth, is_throttling, retry};
use crate::{Ahead, AwsEnvironment, Cause, Chain, Connection};

/// As the SDK retries by default.
const RETRIES: Backoff = Backoff {
    retries: 2,
    first: Duration::from_millis(50),
    longest: Duration::from_millis(100),
    growth: Growth::Times(2.0),
    jitter: 1.0,
};

/// A fault of the service itself, after which what was asked for may have been done.
const INTERNAL: &str = "InternalServerError";

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum CallError {
    #[error("{code}: {message}")]
    Refused {
        /// The service's name of the error, without its prefix.
        code: String,
        message: String,
        answer: Vec<u8>,
    },
    /// There was no answer, or none that can be read.
    #[error("no answer that can be read")]
    Unavailable(#[source] Cause),
    /// The request cannot be made: a bug.
    #[error("the request cannot be signed")]
    Unsigned(#[source] Cause),
}

impl CallError {
    /// True if the service has certainly not done what was asked for: it refused, by no fault of its own.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code != INTERNAL)
    }

    /// True if the service throttles the request.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if is_throttling(code))
    }

    /// True if another try may go well.
    fn passes(&self) -> bool {
        match self {
            // As the SDK has it: throttling, and the service's own faults.
            Self::Refused { code, .. } => self.is_busy() || code == INTERNAL,
            Self::Unavailable(_) => true,
            Self::Unsigned(_) => false,
        }
    }
}

/// What every refusal tells.
#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type", alias = "code", default)]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl Refusal {
    /// Reads a refusal in JSON, or in the XML of the Query protocol.
    fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body).or_else(|error| {
            let text = String::from_utf8_lossy(body);
            let element = |name: &str| {
                let (_, rest) = text.split_once(&format!("<{name}>"))?;
                let (text, _) = rest.split_once(&format!("</{name}>"))?;
                Some(text.to_owned())
            };
            let code = element("Code").ok_or(error)?;
            let message = element("Message").unwrap_or_default();
            Ok(Self { code, message })
        })
    }
}

/// A service that speaks AWS's JSON protocol (<https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>, and 1.1), or takes JSON
/// at paths (<https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html>).
#[derive(Debug)]
pub struct Service {
    /// Its name in signatures.
    name: &'static str,
    /// Its name in its host's name.
    host: &'static str,
    /// The prefix of the operation in the header `X-Amz-Target`; none where an operation is a path.
    target: Option<&'static str>,
    content_type: &'static str,
}

impl Service {
    /// A service that speaks version 1.1, which most do.
    pub const fn json_1_1(name: &'static str, target: &'static str) -> Self {
        Self {
            name,
            host: name,
            target: Some(target),
            content_type: "application/x-amz-json-1.1",
        }
    }

    /// A service that speaks the Query protocol: a form is sent, and XML answered
    /// (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>).
    pub const fn query(name: &'static str) -> Self {
        Self {
            name,
            host: name,
            target: None,
            content_type: "application/x-www-form-urlencoded; charset=utf-8",
        }
    }

    /// A service that takes JSON at paths.
    pub const fn rest_json(name: &'static str, host: &'static str) -> Self {
        Self {
            name,
            host,
            target: None,
            content_type: "application/json",
        }
    }

    /// The path of an operation, behind the slash of the URL.
    fn path<'a>(&self, operation: &'a str) -> &'a str {
        match self.target {
            Some(_) => "",
            None => operation.trim_start_matches('/'),
        }
    }
}

pub const DYNAMODB: Service = Service {
    name: "dynamodb",
    host: "dynamodb",
    target: Some("DynamoDB_20120810"),
    content_type: "application/x-amz-json-1.0",
};
pub const SECRETS_MANAGER: Service = Service::json_1_1("secretsmanager", "secretsmanager");
pub const SSM: Service = Service::json_1_1("ssm", "AmazonSSM");
/// Amazon SES, of which an operation is the path of a `POST`
/// (<https://docs.aws.amazon.com/general/latest/gr/ses.html>).
pub const SES_V2: Service = Service::rest_json("ses", "email");

/// Requests to one service.
pub struct SignedClient {
    service: &'static Service,
    url: String,
    region: String,
    identity: Identity,
    attempt: Duration,
    retries: Backoff,
    connection: Connection,
}

impl fmt::Debug for SignedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It holds credentials (secrets-stay).
        f.debug_struct("SignedClient")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl SignedClient {
    /// A client of a service; `attempt` is how long one try may take.
    pub fn new(aws: &AwsEnvironment, service: &'static Service, attempt: Duration) -> Self {
        let url = aws
            .endpoint_url()
            .map_or_else(|| endpoint::url(service.host, aws.region()), str::to_owned);
        // The path of a request without one is a slash, and the signature covers it.
        let url = format!("{}/", url.trim_end_matches('/'));
        let identity = Identity::from(Credentials::clone(aws.credentials()));
        Self {
            service,
            url,
            region: aws.region().to_owned(),
            identity,
            attempt,
            retries: RETRIES,
            connection: aws.connection(),
        }
    }

    /// The region in which the service is called.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The same, and no request is made twice: for one that may do its work twice.
    #[must_use]
    pub fn without_retries(self) -> Self {
        let retries = Backoff {
            retries: 0,
            ..self.retries
        };
        Self { retries, ..self }
    }

    /// The same over connections of its own. See [`Connection::apart`].
    #[must_use]
    pub fn apart(self) -> Self {
        Self {
            connection: self.connection.apart(),
            ..self
        }
    }

    /// Begins a connection for the first request. See [`Connection::ahead`].
    pub fn connect_ahead(&self) -> Option<Ahead> {
        self.connection.ahead(&self.url)
    }

    /// Makes a request and gives the answer; what passes is tried again. `operation` is its name, or its path.
    ///
    /// # Errors
    /// If the service refuses, or does not answer any of the tries.
    pub async fn call(&self, operation: &str, body: &str) -> Result<Vec<u8>, CallError> {
        self.send("POST", operation, body).await
    }

    /// As [`call`](Self::call), for an operation that is a path which is read.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, CallError> {
        self.send("GET", path, "").await
    }

    async fn send(&self, method: &str, operation: &str, body: &str) -> Result<Vec<u8>, CallError> {
        let attempt = || async {
            let attempt = self.attempt(method, operation, body);
            let attempt = tokio::time::timeout(self.attempt, attempt);
            attempt.await.unwrap_or_else(|_| {
                let why = format!("it took longer than {:?}", self.attempt);
                Err(CallError::Unavailable(why.into()))
            })
        };
        let mut waits = self.retries.waits();
        retry(attempt, |error| {
            let wait = waits.next().filter(|_| error.passes())?;
            tracing::debug!(error = %Chain(error), "a request is tried again");
            Some(wait)
        })
        .await
    }

    async fn attempt(
        &self,
        method: &str,
        operation: &str,
        body: &str,
    ) -> Result<Vec<u8>, CallError> {
        let unavailable = |error: Cause| CallError::Unavailable(error);
        let request = self.request(method, operation, body);
        let request = request.map_err(CallError::Unsigned)?;
        let response = self
            .connection
            .connector()
            .call(request)
            .await
            .map_err(|error| unavailable(error.into()))?;
        let status = response.status();
        let named = response
            .headers()
            .get("x-amzn-errortype")
            .map(str::to_owned);
        let body = ByteStream::new(response.into_body())
            .collect()
            .await
            .map_err(|error| unavailable(error.into()))?
            .into_bytes();
        if status.is_success() {
            return Ok(body.into());
        }
        let refusal = Refusal::read(&body)
            .map_err(|error| unavailable(format!("status {status}: {error}").into()))?;
        let code = code(named.as_deref().unwrap_or(&refusal.code)).to_owned();
        if code.is_empty() || status.is_server_error() && code != INTERNAL {
            return Err(unavailable(format!("status {status} {code}").into()));
        }
        Err(CallError::Refused {
            code,
            message: refusal.message,
            answer: body.into(),
        })
    }

    fn request(&self, method: &str, operation: &str, body: &str) -> Result<HttpRequest, Cause> {
        let url = format!("{}{}", self.url, self.service.path(operation));
        let target = self
            .service
            .target
            .map(|target| format!("{target}.{operation}"));
        let target = target.as_deref().map(|target| ("x-amz-target", target));
        let headers = [("content-type", self.service.content_type)]
            .into_iter()
            .chain(target);
        let params = SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(self.service.name)
            .time(SystemTime::try_from(Timestamp::now())?)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(
            method,
            &url,
            headers.clone(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (signature, _) = sign(signable, &params)?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method)?;
        request.set_uri(url.as_str())?;
        for (name, value) in headers.chain(signature.headers()) {
            request
                .headers_mut()
                .try_insert(name.to_owned(), value.to_owned())?;
        }
        Ok(request)
    }
}

/// The name of an error, without the namespace before it and the address behind it
/// (<https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>).
fn code(text: &str) -> &str {
    let text = text.rsplit('#').next().unwrap_or_default();
    text.split(':').next().unwrap_or_default()
}

#[cfg(test)]
#[path = "signed/signed_tests.rs"]
mod tests;
