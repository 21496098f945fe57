//! Maps per-host SSM statuses to one step result. Pure.
//!
//! The statuses are those of <https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html>, which the API
//! writes with and without spaces.

use domain::incident::repair::{StepOutcome, StepResult};
use domain::phrase;
use domain::primitives::phrase::Phrase;

use crate::output::Output;
use crate::resolve::ResolvedStep;
use crate::sentences::exited;

/// How far a command is on a host, or how it ended there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// The agent has not taken it yet.
    Waiting,
    /// It runs, or SSM says a word that is not known here.
    Running,
    Success,
    Failed,
    ExecutionTimedOut,
    /// The agent did not take it in time, or never answered.
    NotDelivered,
    /// Taken back before its turn came, because it had failed on others.
    Terminated,
    Cancelled,
    /// The bridge's role may not send commands to this host.
    Denied,
    /// Not a host with a POSIX shell.
    OtherPlatform,
}

impl Status {
    /// The status that the details give, or else the status itself, which knows fewer words.
    pub(crate) fn of(details: Option<&str>, status: Option<&str>) -> Self {
        [details, status]
            .into_iter()
            .flatten()
            .find_map(Self::named)
            .unwrap_or(Self::Running)
    }

    fn named(word: &str) -> Option<Self> {
        let word: String = word.chars().filter(|c| !c.is_whitespace()).collect();
        Some(match word.as_str() {
            "Pending" | "Delayed" => Self::Waiting,
            "InProgress" | "Cancelling" => Self::Running,
            "Success" => Self::Success,
            "Failed" => Self::Failed,
            "ExecutionTimedOut" | "TimedOut" => Self::ExecutionTimedOut,
            "DeliveryTimedOut" | "Undeliverable" => Self::NotDelivered,
            "Terminated" => Self::Terminated,
            "Cancelled" | "Canceled" => Self::Cancelled,
            "AccessDenied" => Self::Denied,
            "InvalidPlatform" => Self::OtherPlatform,
            _ => return None,
        })
    }

    pub(crate) fn is_end(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// One host's part of a command.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) host: String,
    pub(crate) status: Status,
    /// The exit status; -1 if there is none.
    pub(crate) code: i32,
    /// True if the agent has begun it.
    pub(crate) began: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// True if the API gives no more than a part of what was printed.
    pub(crate) cut_short: bool,
}

/// Why the bridge had a command cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// No agent had taken it.
    NotDelivered,
    /// Its time was up.
    TimeUp,
}

/// How it ended on one host.
struct Ending {
    outcome: StepOutcome,
    exit_status: Option<u32>,
    detail: Phrase,
}

impl Ending {
    fn succeeded(&self) -> bool {
        self.outcome == StepOutcome::Exited && self.exit_status == Some(0)
    }

    /// What tells most comes first: a command that failed, before one that never ran.
    fn rank(&self) -> u8 {
        match self.outcome {
            StepOutcome::Exited => 0,
            StepOutcome::TimedOut => 1,
            StepOutcome::Refused => 3,
            StepOutcome::Unreachable => 4,
            _ => 2,
        }
    }
}

/// The host whose result is reported: the first of those that failed in the most telling way; the
/// only one; none of several that succeeded.
pub(crate) fn telling(
    resolved: &ResolvedStep<'_>,
    hosts: &[Invocation],
    cut: Option<Cut>,
) -> Option<usize> {
    let endings = hosts
        .iter()
        .map(|host| ending(resolved, host, "", cut))
        .enumerate();
    let failing = endings
        .filter(|(_, ending)| !ending.succeeded())
        .min_by_key(|(_, ending)| ending.rank());
    failing
        .map(|(place, _)| place)
        .or_else(|| (hosts.len() == 1).then_some(0))
}

/// Result of the command on the one host that was named, or on all that carry the tag.
pub(crate) fn result(
    resolved: &ResolvedStep<'_>,
    hosts: &[Invocation],
    cut: Option<Cut>,
) -> StepResult {
    let name = &resolved.service.name;
    let Some(told) = telling(resolved, hosts, cut).map(|place| &hosts[place]) else {
        let detail = phrase!(
            "{program} on all {count} hosts of {name} ended with exit status 0.",
            program = program(resolved),
            count = hosts.len(),
            name
        );
        return with_output(
            hosts,
            StepResult {
                exit_status: Some(0),
                ..StepResult::without_output(StepOutcome::Exited, detail, 0)
            },
        );
    };
    let alone = hosts.len() == 1;
    let place = if alone {
        name.to_string()
    } else {
        format!("{name} ({})", told.host)
    };
    let Ending {
        mut outcome,
        exit_status,
        mut detail,
    } = ending(resolved, told, &place, cut);
    if !alone {
        let succeeded = hosts
            .iter()
            .filter(|host| ending(resolved, host, "", cut).succeeded())
            .count();
        detail = phrase!(
            "{succeeded} of {count} hosts succeeded. {detail}",
            succeeded,
            count = hosts.len(),
            detail => detail
        );
        // These two say that nothing ran, which holds for this host only.
        if succeeded > 0 && matches!(outcome, StepOutcome::Unreachable | StepOutcome::Refused) {
            outcome = StepOutcome::ConnectionLost;
        }
    }
    let bare = StepResult {
        exit_status,
        ..StepResult::without_output(outcome, detail, 0)
    };
    with_output(std::slice::from_ref(told), bare)
}

/// A command whose end did not come, although it was cancelled.
pub(crate) fn unfinished(resolved: &ResolvedStep<'_>, cut: Cut) -> StepResult {
    let (program, name) = (program(resolved), &resolved.service.name);
    match cut {
        Cut::TimeUp => {
            let detail = phrase!(
                "{program} on {name} did not end within {seconds} s and was cancelled; it may still be running there.",
                program,
                name,
                seconds = resolved.limit.as_secs()
            );
            StepResult::without_output(StepOutcome::TimedOut, detail, 0)
        }
        Cut::NotDelivered => {
            let detail = phrase!(
                "No SSM agent took the command for {name}, and Run Command does not say that it is cancelled: whether {program} will run is unknown.",
                name,
                program
            );
            StepResult::without_output(StepOutcome::ConnectionLost, detail, 0)
        }
    }
}

fn ending(resolved: &ResolvedStep<'_>, host: &Invocation, place: &str, cut: Option<Cut>) -> Ending {
    let (program, seconds) = (program(resolved), resolved.limit.as_secs());
    let code = u32::try_from(host.code).ok();
    let (outcome, detail) = match (host.status, code) {
        (Status::Success, Some(status)) | (Status::Failed, Some(status @ 1..)) => {
            return Ending {
                outcome: StepOutcome::Exited,
                exit_status: Some(status),
                detail: exited(program, place, status),
            };
        }
        (Status::Success | Status::Failed, _) => {
            let detail = phrase!(
                "Run Command gives no exit status of {program} on {place}; what it did is unknown.",
                program,
                place
            );
            (StepOutcome::ConnectionLost, detail)
        }
        (Status::ExecutionTimedOut, _) => (
            StepOutcome::TimedOut,
            phrase!(
                "{program} on {place} did not end within {seconds} s, and the SSM agent ended it.",
                program,
                place,
                seconds
            ),
        ),
        (Status::Cancelled, _) if cut == Some(Cut::TimeUp) => {
            let detail = phrase!(
                "{program} on {place} did not end within {seconds} s and was cancelled; it may still be ending there.",
                program,
                place,
                seconds
            );
            (StepOutcome::TimedOut, detail)
        }
        (Status::NotDelivered, _) if !host.began && cut != Some(Cut::TimeUp) => not_taken(place),
        (Status::Cancelled, _) if !host.began && cut == Some(Cut::NotDelivered) => not_taken(place),
        (Status::NotDelivered, _) => {
            let detail = phrase!(
                "The SSM agent of {place} did not say how {program} ended; what it did is unknown.",
                place,
                program
            );
            (StepOutcome::ConnectionLost, detail)
        }
        (Status::Cancelled, _) => {
            let detail = phrase!(
                "{program} on {place} was cancelled in Run Command; what it did until then is unknown.",
                program,
                place
            );
            (StepOutcome::ConnectionLost, detail)
        }
        (Status::Terminated, _) => (
            StepOutcome::Unreachable,
            phrase!(
                "{program} did not begin on {place}: it had failed on max_errors others before.",
                program,
                place
            ),
        ),
        (Status::Denied, _) => {
            let detail = phrase!(
                "Nothing ran on {place}: the bridge may not send commands to it; see SsmTargetTag in template.yaml.",
                place
            );
            (StepOutcome::Refused, detail)
        }
        (Status::OtherPlatform, _) => (
            StepOutcome::Refused,
            phrase!(
                "Nothing ran on {place}: steps need a host with a POSIX shell.",
                place
            ),
        ),
        (Status::Waiting | Status::Running, _) => (
            StepOutcome::ConnectionLost,
            phrase!(
                "The end of {program} on {place} did not come; what it did is unknown.",
                program,
                place
            ),
        ),
    };
    Ending {
        outcome,
        exit_status: None,
        detail,
    }
}

fn not_taken(place: &str) -> (StepOutcome, Phrase) {
    let detail = phrase!(
        "No SSM agent took the command for {place}, and nothing ran: see that the host runs and its agent is connected.",
        place
    );
    (StepOutcome::Unreachable, detail)
}

fn program<'a>(resolved: &'a ResolvedStep<'_>) -> &'a str {
    resolved.argv.first().map_or("", String::as_str)
}

/// Adds what hosts printed, one after the other.
fn with_output(hosts: &[Invocation], result: StepResult) -> StepResult {
    let (mut stdout, mut stderr) = (Output::default(), Output::default());
    for host in hosts {
        stdout.push(host.stdout.as_bytes());
        stderr.push(host.stderr.as_bytes());
    }
    let truncated =
        stdout.truncated() || stderr.truncated() || hosts.iter().any(|host| host.cut_short);
    // Run Command answers in JSON: what its agent could not read as UTF-8 is U+FFFD by then.
    let not_utf8 = hosts
        .iter()
        .any(|host| host.stdout.contains(char::REPLACEMENT_CHARACTER));
    StepResult {
        truncated,
        not_utf8,
        stdout: stdout.text(),
        stderr: stderr.text(),
        ..result
    }
}

#[cfg(test)]
#[path = "result_tests.rs"]
mod tests;
