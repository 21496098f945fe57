//! Asking the bridge for one step: an invocation that is never repeated by itself, because a step may not run twice.

use std::time::{Duration, Instant};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use aws_types::SdkConfig;
use jiff::SignedDuration;
use shared::bridge::{BridgeReply, BridgeRequest};
use shared::domain::repair::{Outcome, StepResult};
use tokio::time::timeout;
use tracing::warn;

/// Longer than the bridge function may run. Each step has a bound of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(910);

/// The bridge function.
#[derive(Debug)]
pub struct Bridge {
    client: Client,
    function: String,
}

impl Bridge {
    /// The function of this name.
    #[must_use]
    pub fn new(aws: &SdkConfig, function: String) -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).operation_timeout(ANSWER_WITHIN).build();
        let config = Builder::from(aws).retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), function }
    }

    /// Runs one step, which the bridge answers within `longest`. Without an answer it is unknown what the step did, which counts as a
    /// failure (`unknown-is-failure`).
    pub async fn run(&self, request: &BridgeRequest, longest: SignedDuration) -> StepResult {
        let began = Instant::now();
        let answered = timeout(longest.try_into().unwrap_or(ANSWER_WITHIN), self.invoke(request)).await;
        match answered.unwrap_or_else(|_| Err(format!("it took longer than {longest:#}"))) {
            Ok(reply) => reply.result,
            Err(why) => {
                warn!(incident_id = %request.incident_id, why, "the bridge did not answer");
                let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                StepResult::without_output(Outcome::ConnectionLost, "the bridge did not answer: what the step did is unknown", milliseconds)
            }
        }
    }

    async fn invoke(&self, request: &BridgeRequest) -> Result<BridgeReply, String> {
        let payload = serde_json::to_vec(request).map_err(|error| error.to_string())?;
        let invoked = self.client.invoke().function_name(&self.function).payload(Blob::new(payload)).send().await;
        let answer = invoked.map_err(|error| DisplayErrorContext(&error).to_string())?;
        if let Some(error) = answer.function_error() {
            return Err(format!("the function ended with an error ({error})"));
        }
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        serde_json::from_slice(payload).map_err(|error| format!("its answer is not one of the bridge: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use jiff::SignedDuration;
    use shared::aws::AwsEnvironment;
    use shared::bridge::{BRIDGE_VERSION, BridgeRequest};
    use shared::domain::id::IncidentId;
    use shared::domain::plan::Phase;
    use shared::domain::repair::Outcome;
    use shared::variables::Variables;

    use super::Bridge;

    /// A Lambda that answers everything with a passing fault, which the SDK would try again by itself.
    fn failing_lambda() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let _ = stream.read(&mut [0; 4096]).expect("a request");
                counter.fetch_add(1, Ordering::SeqCst);
                stream.write_all(b"HTTP/1.1 503 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").expect("written");
            }
        });
        (url, asked)
    }

    #[tokio::test]
    async fn a_step_is_asked_for_once_and_without_an_answer_it_is_unknown() {
        let (url, asked) = failing_lambda();
        let variables = Variables::from_fn(|name| match name {
            "AWS_ENDPOINT_URL" => Some(url.clone()),
            "AWS_CA_BUNDLE" => None,
            _ => Some("x".to_owned()),
        });
        let aws = AwsEnvironment::from_variables(&variables).expect("a region and credentials").sdk_config(Duration::from_secs(5));
        let request = BridgeRequest {
            v: BRIDGE_VERSION,
            incident_id: IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID"),
            playbook: "p".into(),
            phase: Phase::Steps,
            step: 0,
            parameters: BTreeMap::new(),
            target: "t".into(),
        };
        let result = Bridge::new(&aws, "bridge".into()).run(&request, SignedDuration::from_secs(5)).await;
        assert_eq!((result.outcome, result.succeeded()), (Outcome::ConnectionLost, false));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
