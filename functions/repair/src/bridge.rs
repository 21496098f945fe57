//! Asking the bridge for one step: an invocation that is never repeated by itself, because a step may not run twice.

use std::time::{Duration, Instant};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use aws_types::SdkConfig;
use shared::bridge::{BridgeReply, BridgeRequest};
use shared::domain::repair::{Outcome, StepResult};
use tracing::warn;

/// Longer than the bridge function may run.
const ANSWER_WITHIN: Duration = Duration::from_secs(130);

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

    /// Runs one step. Without an answer it is unknown what the step did, which counts as a failure (`unknown-is-failure`).
    pub async fn run(&self, request: &BridgeRequest) -> StepResult {
        let began = Instant::now();
        match self.invoke(request).await {
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
