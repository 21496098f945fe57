//! SSM Run Command transport: one command, sent once, then polled until it has ended or its time is
//! up, and then cancelled.

mod api;
pub(crate) mod poll;
pub(crate) mod result;
pub(crate) mod send_error;
pub mod session;

use std::time::Duration;

use aws::retry::{Backoff, Growth};
use aws::{AwsEnvironment, Chain};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::incident::repair::{StepOutcome, StepResult};
use domain::phrase;
use domain::playbook::ssm_target::{SsmTarget, tag_parts};
use domain::primitives::phrase::Phrase;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use crate::resolve::ResolvedStep;
use crate::sentences::nothing_ran;
use crate::ssm::api::{Api, Hosts, Parameters, SendCommand, Tagged};
use crate::ssm::poll::{Poll, Sent, look, whole_output};
use crate::ssm::result::{Cut, Invocation, result, telling, unfinished};
use crate::ssm::send_error::not_sent;
use crate::ssm::session::Sessions;

/// The document that may run on hosts. AWS refuses the command if the document of this name has any other content.
const DOCUMENT: &str = include_str!("../../../../infra/ssm/run-step.json");
/// The longest line, in base64: the document's `maxChars`.
const LINE: usize = 16_384;

/// How long what is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The first wait between two questions; each further one is half as long again.
    pub(crate) first: Duration,
    pub(crate) most: Duration,
    /// How long an agent may take to begin. A connected one takes seconds. It is the least that SendCommand takes as TimeoutSeconds.
    pub(crate) delivery: Duration,
    /// How long the end of a cancelled command is waited for.
    pub(crate) settle: Duration,
}

impl Pace {
    const OF_AWS: Self = Self {
        first: Duration::from_millis(500),
        most: Duration::from_secs(5),
        delivery: Duration::from_secs(30),
        settle: Duration::from_secs(10),
    };

    /// The waits between questions, of random length, so that bridges that were throttled together do not come again together.
    fn waits(self) -> impl Iterator<Item = Duration> {
        let backoff = Backoff {
            retries: u32::MAX,
            first: self.first,
            longest: self.most,
            growth: Growth::Times(1.5),
            jitter: 0.5,
        };
        backoff.waits()
    }
}

/// Run Command, with the document that it runs.
#[derive(Debug)]
pub struct RunCommand {
    aws: AwsEnvironment,
    attempt: Duration,
    /// Missing where somebody runs it with credentials of their own.
    sessions: Option<Sessions>,
    document: String,
    pub(crate) pace: Pace,
}

impl RunCommand {
    /// Run Command of this account, with the document of this name. `attempt` is how long one call may take.
    pub fn new(aws: &AwsEnvironment, attempt: Duration, document: String) -> Self {
        Self {
            aws: aws.clone(),
            attempt,
            sessions: None,
            document,
            pace: Pace::OF_AWS,
        }
    }

    /// The same with the role of this ARN, assumed for each step and its hosts alone.
    #[must_use]
    pub fn with_role(self, role_arn: String) -> Self {
        let sessions = Sessions::new(&self.aws, self.attempt, role_arn);
        Self {
            sessions: Some(sessions),
            ..self
        }
    }

    /// Runs a resolved step on its hosts.
    pub(crate) async fn run(&self, resolved: &ResolvedStep<'_>, target: &SsmTarget) -> StepResult {
        let failed = |(outcome, detail)| StepResult::without_output(outcome, detail, 0);
        let api = match self.api(resolved, target).await {
            Ok(api) => api,
            Err(none) => return failed(none),
        };
        match self.send(&api, resolved, target).await {
            Ok(sent) => self.follow(&api, resolved, &sent).await,
            Err(not_sent) => failed(not_sent),
        }
    }

    /// Run Command as this step may use it.
    async fn api(
        &self,
        resolved: &ResolvedStep<'_>,
        target: &SsmTarget,
    ) -> Result<Api, (StepOutcome, Phrase)> {
        let Some(sessions) = &self.sessions else {
            return Ok(Api::new(&self.aws, self.attempt));
        };
        let name = &resolved.service.name;
        let session = sessions
            .open(&self.aws, name, &self.document, target)
            .await?;
        Ok(Api::new(&session, self.attempt))
    }

    async fn send<'a>(
        &self,
        api: &Api,
        resolved: &ResolvedStep<'_>,
        target: &'a SsmTarget,
    ) -> Result<Sent<'a>, (StepOutcome, Phrase)> {
        let line = BASE64_STANDARD.encode(&resolved.line);
        if line.len() > LINE {
            let why = phrase!(
                "the command has {bytes} bytes, and {document} takes at most {most}",
                bytes = resolved.line.len(),
                document = self.document,
                most = LINE / 4 * 3
            );
            return Err((StepOutcome::Refused, nothing_ran(why)));
        }
        let hosts = match target {
            SsmTarget::Instance { id } => Hosts::Instances { instance_ids: [id] },
            SsmTarget::Tag {
                tag,
                max_concurrency,
                max_errors,
            } => {
                let (name, value) = tag_parts(tag).unwrap_or_default();
                let key = format!("tag:{name}");
                Hosts::Tagged {
                    targets: [Tagged {
                        key,
                        values: [value],
                    }],
                    max_concurrency,
                    max_errors,
                }
            }
        };
        let command = SendCommand {
            document_name: &self.document,
            document_version: "$DEFAULT",
            document_hash: hex::encode(Sha256::digest(DOCUMENT)),
            document_hash_type: "Sha256",
            timeout_seconds: Pace::OF_AWS.delivery.as_secs(),
            parameters: Parameters {
                line_base64: [line],
                execution_timeout: [resolved.limit.as_secs().max(1).to_string()],
            },
            hosts,
        };
        let id = api.send_command(&command).await.map_err(|error| {
            tracing::warn!(error = %Chain(&error), "Run Command did not take the command");
            not_sent(&resolved.service.name, &self.document, target, &error)
        })?;
        let id = id.ok_or_else(|| {
            let detail = phrase!(
                "Run Command answered without the id of the command; what it does is unknown."
            );
            (StepOutcome::ConnectionLost, detail)
        })?;
        Ok(Sent { id, target })
    }

    /// Asks until the command has ended. It gets its whole time from when the first agent has begun it.
    async fn follow(&self, api: &Api, resolved: &ResolvedStep<'_>, sent: &Sent<'_>) -> StepResult {
        let mut begun = false;
        let mut until = Instant::now() + self.pace.delivery;
        let mut waits = self.pace.waits();
        loop {
            let seen = look(api, resolved, sent).await;
            match seen {
                Poll::Ended(hosts) => return self.told(api, resolved, sent, hosts, None).await,
                Poll::Never(result) => return result,
                Poll::Begun if !begun => {
                    begun = true;
                    until = Instant::now() + resolved.limit;
                }
                Poll::Begun | Poll::Waiting | Poll::Unknown => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() && matches!(seen, Poll::Unknown) && !begun {
                // It is not known that it waits, so it gets the time that it would have if it ran.
                begun = true;
                until += resolved.limit;
            } else if left.is_zero() {
                break;
            }
            sleep(waits.next().unwrap_or(self.pace.most).min(left)).await;
        }
        self.cancel(
            api,
            resolved,
            sent,
            if begun {
                Cut::TimeUp
            } else {
                Cut::NotDelivered
            },
        )
        .await
    }

    /// Cancels the command, and waits a little for what it says then: it may have ended at the last moment, and then its end counts.
    async fn cancel(
        &self,
        api: &Api,
        resolved: &ResolvedStep<'_>,
        sent: &Sent<'_>,
        cut: Cut,
    ) -> StepResult {
        let until = Instant::now() + self.pace.settle;
        let mut waits = self.pace.waits();
        let mut cancelled = false;
        loop {
            if !cancelled {
                let asked = api.cancel(&sent.id).await;
                cancelled = asked
                    .inspect_err(|error| tracing::warn!(error = %Chain(error), "not cancelled"))
                    .is_ok();
            }
            match look(api, resolved, sent).await {
                Poll::Ended(hosts) => {
                    return self.told(api, resolved, sent, hosts, Some(cut)).await;
                }
                Poll::Never(_) | Poll::Begun | Poll::Waiting | Poll::Unknown => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return unfinished(resolved, cut);
            }
            sleep(waits.next().unwrap_or(self.pace.most).min(left)).await;
        }
    }

    /// The result, with the whole output of the host that is told of: the list of hosts gives less of it.
    async fn told(
        &self,
        api: &Api,
        resolved: &ResolvedStep<'_>,
        sent: &Sent<'_>,
        mut hosts: Vec<Invocation>,
        cut: Option<Cut>,
    ) -> StepResult {
        if let (SsmTarget::Tag { .. }, Some(place)) = (sent.target, telling(resolved, &hosts, cut))
        {
            whole_output(api, sent, &mut hosts[place]).await;
        }
        result(resolved, &hosts, cut)
    }
}

#[cfg(test)]
#[path = "ssm_tests.rs"]
mod tests;
