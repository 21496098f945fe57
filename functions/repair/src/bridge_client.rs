//! Client of the bridge function: one invocation for each step, never retried on its own, because a
//! step may not run twice.

use std::time::{Duration, Instant};

use aws::{Cause, Chain, never_sent, unhurried};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_types::SdkConfig;
use domain::incident::repair::{StepOutcome, StepResult};
use domain::phrase;
use domain::primitives::phrase::Phrase;
use jiff::SignedDuration;
use tokio::time::timeout;
use tracing::warn;
use wire::bridge::{BridgeReply, BridgeRequest};

/// Longer than the bridge function may run. Each step has a bound of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(910);

/// Errors of Invoke whose status alone does not say that the function did not run: Lambda answers most of them with 502, 408 or 410 while it
/// prepares the function (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>). `EFSIOException`, an error
/// of a file system that the function may be using already, and `ServiceException` are not among them.
const NOT_PREPARED: [&str; 26] = [
    "CodeArtifactUserDeletedException",
    "CodeArtifactUserFailedException",
    "CodeArtifactUserPendingException",
    "EC2AccessDeniedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSMountConnectivityException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "ENINotReadyException",
    "InvalidRuntimeException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "ResourceNotReadyException",
    "ServiceQuotaExceededException",
    "S3FilesMountConnectivityException",
    "S3FilesMountTimeoutException",
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
    "SnapStartTimeoutException",
    "SubnetIPAddressLimitReachedException",
];

/// Reasons for a missing answer of the bridge.
#[derive(Debug)]
enum NoAnswer {
    /// The function certainly did not run.
    NotInvoked {
        /// What Lambda calls it, or a few words: people see it on the card.
        what: Phrase,
        /// All of it, for the log.
        cause: Cause,
    },
    /// It may have run.
    Unknown(Cause),
}

#[derive(Debug)]
pub struct Bridge {
    client: Client,
    function: String,
}

impl Bridge {
    /// The function of this name.
    pub fn new(aws: &SdkConfig, function: String) -> Self {
        Self {
            // Without the time limit and the retries of other requests: a step takes long, and runs
            // once.
            client: Client::new(&unhurried(aws)),
            function,
        }
    }

    /// Runs one step, which the bridge answers within `longest`. An invocation that Lambda refused is a result of its own, after which the
    /// step may be tried again; without an answer it is unknown what the step did, which counts as a failure (`unknown-is-failure`).
    pub async fn run(&self, request: &BridgeRequest, longest: SignedDuration) -> StepResult {
        let began = Instant::now();
        let answered = timeout(
            longest.try_into().unwrap_or(ANSWER_WITHIN),
            self.invoke(request),
        )
        .await;
        let no_answer = match answered {
            Ok(Ok(reply)) => return reply.result,
            Ok(Err(no_answer)) => no_answer,
            // The end of the wait does not cancel the invocation: the step may still run.
            Err(_) => NoAnswer::Unknown(format!("it took longer than {longest:#}").into()),
        };
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match no_answer {
            NoAnswer::NotInvoked { what, cause } => {
                warn!(incident_id = %request.incident_id, why = %Chain(&*cause), "the bridge was not invoked");
                let detail = phrase!(
                    "Nothing ran: the bridge function could not be invoked ({what}).",
                    what => what
                );
                StepResult::without_output(StepOutcome::NotInvoked, detail, milliseconds)
            }
            NoAnswer::Unknown(cause) => {
                warn!(incident_id = %request.incident_id, why = %Chain(&*cause), "the bridge did not answer");
                StepResult::without_output(
                    StepOutcome::ConnectionLost,
                    phrase!("the bridge did not answer: what the step did is unknown"),
                    milliseconds,
                )
            }
        }
    }

    async fn invoke(&self, request: &BridgeRequest) -> Result<BridgeReply, NoAnswer> {
        let not_written = |error: serde_json::Error| NoAnswer::NotInvoked {
            what: phrase!("the request could not be made"),
            cause: error.into(),
        };
        let payload = serde_json::to_vec(request).map_err(not_written)?;
        let invocation = self
            .client
            .invoke()
            .function_name(&self.function)
            .payload(Blob::new(payload));
        // Boxed: futures of the SDK are large.
        let answer = Box::pin(invocation.send()).await.map_err(no_answer)?;
        // Lambda reports a crash of the function with status 200, and the crash may have come after
        // the command.
        if let Some(error) = answer.function_error() {
            let why = format!("the function ended with an error ({error})");
            return Err(NoAnswer::Unknown(why.into()));
        }
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        serde_json::from_slice(payload).map_err(|error| {
            NoAnswer::Unknown(format!("its answer is not one of the bridge: {error}").into())
        })
    }
}

/// What a failed invocation says about the function: errors of Invoke are "reserved for errors that prevent your function from executing"
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>), such as permissions, quotas and states. A fault within Lambda (500)
/// and what anything on the way answers (502 to 504 without one of Lambda's names) can come after it.
fn no_answer(error: SdkError<InvokeError>) -> NoAnswer {
    let what = match &error {
        SdkError::ConstructionFailure(_) => Some(phrase!("the request could not be made")),
        // Without a connection nothing was sent. Any other dispatch failure may have come too late.
        SdkError::DispatchFailure(_) if never_sent(&error) => {
            Some(phrase!("Lambda could not be reached"))
        }
        SdkError::ServiceError(refused) => {
            let (code, status) = (
                refused.err().code().unwrap_or_default(),
                refused.raw().status().as_u16(),
            );
            let refused = matches!(status, 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429)
                || NOT_PREPARED.contains(&code);
            refused.then(|| named(code, status))
        }
        _ => None,
    };
    let cause = error.into();
    match what {
        Some(what) => NoAnswer::NotInvoked { what, cause },
        None => NoAnswer::Unknown(cause),
    }
}

/// The name of a refusal as people see it. Its message is for the log: it can hold the names of roles.
fn named(code: &str, status: u16) -> Phrase {
    let name: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .collect();
    if name.is_empty() {
        phrase!("status {status}", status)
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use aws::AwsEnvironment;
    use aws_types::SdkConfig;
    use domain::incident::repair::{StepOutcome, StepResult};
    use domain::playbook::plan::Phase;
    use domain::primitives::id::IncidentId;
    use jiff::SignedDuration;
    use loopback::{Reply, Server};
    use settings::variables::Variables;
    use wire::bridge::{BRIDGE_VERSION, BridgeRequest};

    use super::Bridge;

    /// A Lambda that answers every request so.
    fn lambda(answer: &Reply) -> Server {
        Server::playing(vec![answer.clone()])
    }

    /// An answer of Invoke: a status and, for an error, its name.
    fn answer(status: u16, error: &str, body: &str) -> Reply {
        let name = [("x-amzn-errortype", error)];
        loopback::answer(status, if error.is_empty() { &[] } else { &name }, body)
    }

    /// The configuration of the function, one try of whose requests may take `attempt`.
    fn aws(url: &str, attempt: Duration) -> SdkConfig {
        let variables = Variables::from_fn(|name| match name {
            "AWS_ENDPOINT_URL" => Some(url.to_owned()),
            "AWS_CA_BUNDLE" => None,
            _ => Some("x".to_owned()),
        });
        AwsEnvironment::from_variables(&variables)
            .expect("a region and credentials")
            .sdk_config(attempt)
    }

    async fn run(url: &str, attempt: Duration) -> StepResult {
        let request = BridgeRequest {
            v: BRIDGE_VERSION,
            incident_id: IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID"),
            playbook: "p".into(),
            phase: Phase::Steps,
            step: 0,
            parameters: BTreeMap::new(),
            target: "t".into(),
            round: 0,
            number: 1,
            decision: None,
        };
        Bridge::new(&aws(url, attempt), "bridge".into())
            .run(&request, SignedDuration::from_secs(5))
            .await
    }

    #[tokio::test]
    async fn a_step_is_asked_for_once_and_without_an_answer_it_is_unknown() {
        let unknown = [
            answer(500, "ServiceException", ""),
            // Of anything on the way, not of Lambda.
            answer(502, "", ""),
            answer(503, "", ""),
            answer(504, "", "<html>"),
            answer(408, "", ""),
            answer(410, "EFSIOException", ""),
            answer(200, "", "not JSON"),
            Reply::Cut(Vec::new()),
        ];
        for answer in unknown {
            let lambda = lambda(&answer);
            let result = run(&lambda.url, Duration::from_secs(5)).await;
            assert_eq!(
                (result.outcome, result.succeeded()),
                (StepOutcome::ConnectionLost, false),
                "{answer:?}"
            );
            assert_eq!(lambda.requests().len(), 1, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn an_invocation_that_lambda_refused_ran_nothing_and_says_why() {
        let refused = [
            (429, "TooManyRequestsException"),
            (409, "ResourceConflictException"),
            (404, "ResourceNotFoundException"),
            (403, "AccessDeniedException"),
            (403, "EFSMountFailureException"),
            (400, "RecursiveInvocationException"),
            (502, "EC2ThrottledException"),
            (502, "ENILimitReachedException"),
            (502, "SubnetIPAddressLimitReachedException"),
            (502, "ResourceNotReadyException"),
            (502, "KMSAccessDeniedException"),
            (408, "EFSMountTimeoutException"),
            (409, "CodeArtifactUserPendingException"),
        ];
        for (status, error) in refused {
            let body = r#"{"Message":"arn:aws:iam::1:role/x is not authorized"}"#;
            let lambda = lambda(&answer(status, error, body));
            let result = run(&lambda.url, Duration::from_secs(5)).await;
            let detail =
                format!("Nothing ran: the bridge function could not be invoked ({error}).");
            assert_eq!(
                (
                    result.outcome,
                    result.succeeded(),
                    result.detail.to_string()
                ),
                (StepOutcome::NotInvoked, false, detail)
            );
            assert_eq!(
                lambda.requests().len(),
                1,
                "whoever asked decides when it is tried again"
            );
        }
    }

    #[tokio::test]
    async fn a_request_that_was_never_sent_ran_nothing() {
        let url = format!("http://{}", loopback::closed());
        let result = run(&url, Duration::from_secs(5)).await;
        assert_eq!(result.outcome, StepOutcome::NotInvoked, "{result:?}");
        assert!(
            result
                .detail
                .to_string()
                .contains("Lambda could not be reached"),
            "{result:?}"
        );
    }

    #[tokio::test]
    async fn a_step_may_take_longer_than_a_small_request_to_aws() {
        let reply = r#"{"outcome":"exited","exit_status":0,"signal":null,"stdout":"","stderr":"","truncated":false,"duration_ms":1,"detail":"done","argv":[]}"#;
        let address = loopback::serve(move |_| async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            answer(200, "", reply)
        });
        let result = run(&format!("http://{address}"), Duration::from_millis(50)).await;
        assert!(result.succeeded(), "{result:?}");
    }
}
