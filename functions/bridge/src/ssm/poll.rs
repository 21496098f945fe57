//! Polls Run Command for the status of a command that was sent.
//!
//! Its answers are eventually consistent: a command may be unknown for a while after it was taken.

use aws::Chain;
use aws::signed::CallError;
use domain::incident::repair::{StepOutcome, StepResult};
use domain::phrase;
use domain::playbook::ssm_target::SsmTarget;
use domain::primitives::phrase::Phrase;

use crate::resolve::ResolvedStep;
use crate::ssm::api::{Api, CommandState, HostInvocation, ListedInvocation};
use crate::ssm::result::{Invocation, Status};

/// How much the API gives of what one host printed
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html>).
const STDOUT: usize = 24_000;
const STDERR: usize = 8_000;
/// How much it gives in a list of hosts.
const LISTED: usize = 2_500;

pub(crate) enum Poll {
    /// Nothing: the question was not answered.
    Unknown,
    /// No agent has begun it.
    Waiting,
    /// It runs on a host.
    Begun,
    /// It has ended on these hosts.
    Ended(Vec<Invocation>),
    /// Its end will not be seen, or it has none.
    Never(StepResult),
}

pub(crate) async fn look(api: &Api, resolved: &ResolvedStep<'_>, sent: &Sent<'_>) -> Poll {
    match sent.target {
        SsmTarget::Instance { id } => match api.on_host(&sent.id, id).await {
            Ok(answer) => one(invocation(answer, id)),
            Err(error) => unanswered(resolved, &error),
        },
        SsmTarget::Tag { tag, .. } => match api.command(&sent.id).await {
            Ok(Some(command)) => hosts(api, resolved, sent, tag, &command).await,
            Ok(None) => Poll::Waiting,
            Err(error) => unanswered(resolved, &error),
        },
    }
}

/// Takes over the whole output of a host, where the API gives it.
pub(crate) async fn whole_output(api: &Api, sent: &Sent<'_>, host: &mut Invocation) {
    match api.on_host(&sent.id, &host.host).await {
        Ok(answer) => {
            let Invocation {
                stdout,
                stderr,
                cut_short,
                ..
            } = invocation(answer, &host.host);
            (host.stdout, host.stderr, host.cut_short) = (stdout, stderr, cut_short);
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the whole output is not to be had")
        }
    }
}

fn one(invocation: Invocation) -> Poll {
    match invocation.status {
        Status::Waiting => Poll::Waiting,
        Status::Running => Poll::Begun,
        _ => Poll::Ended(vec![invocation]),
    }
}

/// Result of a command with a tag: from the command's status, and once that has ended, from each
/// host's.
async fn hosts(
    api: &Api,
    resolved: &ResolvedStep<'_>,
    sent: &Sent<'_>,
    tag: &str,
    command: &CommandState,
) -> Poll {
    let name = &resolved.service.name;
    let details = command.status_details.as_deref().unwrap_or_default();
    let details: String = details.chars().filter(|c| !c.is_whitespace()).collect();
    let ended = matches!(
        command.status.as_deref(),
        Some("Success" | "Failed" | "Cancelled" | "TimedOut")
    );
    let none =
        |outcome, detail: Phrase| Poll::Never(StepResult::without_output(outcome, detail, 0));
    match details.as_str() {
        "NoInstancesInTag" => return none(StepOutcome::Unreachable, no_host(name, tag)),
        "RateExceeded" => {
            let detail = phrase!(
                "Nothing ran on {name}: too many commands wait in this account (Rate Exceeded); try again.",
                name
            );
            return none(StepOutcome::Unreachable, detail);
        }
        "AccessDenied" if command.target_count == 0 => {
            let detail = phrase!(
                "Nothing ran on {name}: the bridge may not send commands to the tag {tag}; see docs/ssm.md.",
                name,
                tag
            );
            return none(StepOutcome::Refused, detail);
        }
        _ if ended && command.target_count == 0 => {
            return none(StepOutcome::Unreachable, no_host(name, tag));
        }
        _ if ended => {}
        "Pending" | "Delayed" => return Poll::Waiting,
        _ => return Poll::Begun,
    }
    invocations(api, resolved, sent, command.target_count).await
}

/// Polls the hosts of a command that has ended, of which the list may still lack some.
async fn invocations(
    api: &Api,
    resolved: &ResolvedStep<'_>,
    sent: &Sent<'_>,
    count: usize,
) -> Poll {
    let mut found: Vec<Invocation> = match api.on_hosts(&sent.id).await {
        Ok(items) => items.into_iter().map(listed).collect(),
        Err(error) => return unanswered(resolved, &error),
    };
    found.sort_by(|a, b| a.host.cmp(&b.host));
    if found.len() >= count && found.iter().all(|host| host.status.is_end()) {
        Poll::Ended(found)
    } else {
        Poll::Begun
    }
}

fn no_host(name: &str, tag: &str) -> Phrase {
    phrase!(
        "No host with the tag {tag} is managed by SSM, and nothing ran on {name}: see the tag, and that the agents are connected.",
        tag,
        name
    )
}

/// A question that was not answered is asked again, unless it never will be.
fn unanswered(resolved: &ResolvedStep<'_>, error: &CallError) -> Poll {
    let code = match error {
        CallError::Refused { code, .. } => code.as_str(),
        CallError::Unavailable(_) | CallError::Unsigned(_) => "",
    };
    match code {
        // Right after sending that is how it is.
        "InvocationDoesNotExist" => Poll::Waiting,
        "AccessDenied" | "AccessDeniedException" => {
            let detail = phrase!(
                "The command was sent to {name}, but the bridge may not ask what became of it, which is unknown: see docs/ssm.md.",
                name = resolved.service.name
            );
            Poll::Never(StepResult::without_output(
                StepOutcome::ConnectionLost,
                detail,
                0,
            ))
        }
        _ => {
            tracing::info!(error = %Chain(error), "Run Command did not say how far the command is");
            Poll::Unknown
        }
    }
}

fn invocation(answer: HostInvocation, host: &str) -> Invocation {
    let began = answer
        .execution_start_date_time
        .is_some_and(|at| !at.is_empty());
    let status = Status::of(answer.status_details.as_deref(), answer.status.as_deref());
    let stdout = answer.standard_output_content.unwrap_or_default();
    let stderr = answer.standard_error_content.unwrap_or_default();
    let cut_short = stdout.chars().count() >= STDOUT || stderr.chars().count() >= STDERR;
    Invocation {
        host: host.to_owned(),
        status,
        code: answer.response_code,
        began,
        stdout,
        stderr,
        cut_short,
    }
}

/// A host in a list: what it printed to both streams comes as one text there.
fn listed(item: ListedInvocation) -> Invocation {
    let status = Status::of(item.status_details.as_deref(), item.status.as_deref());
    let step = item.command_plugins.into_iter().next();
    let code = step.as_ref().map_or(-1, |step| step.response_code);
    let began = step
        .as_ref()
        .is_some_and(|step| step.response_start_date_time.is_some());
    let stdout = step.and_then(|step| step.output).unwrap_or_default();
    let cut_short = stdout.chars().count() >= LISTED;
    Invocation {
        host: item.instance_id.unwrap_or_default(),
        status,
        code,
        began,
        stdout,
        stderr: String::new(),
        cut_short,
    }
}

/// A command that Run Command has taken.
pub(crate) struct Sent<'a> {
    pub(crate) id: String,
    pub(crate) target: &'a SsmTarget,
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
