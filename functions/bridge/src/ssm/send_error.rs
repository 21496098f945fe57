//! Errors of SendCommand, and how to react to each.
//!
//! The errors are those of <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html>. Whatever is not
//! known to have been refused may have been taken: the command is not sent again, and what it did is unknown.

use aws::never_sent;
use aws::retry::is_throttling;
use aws::signed::CallError;
use domain::incident::repair::StepOutcome;
use domain::phrase;
use domain::playbook::ssm_target::SsmTarget;
use domain::primitives::phrase::Phrase;

/// The outcome, and a sentence.
pub(crate) fn not_sent(
    name: &str,
    document: &str,
    target: &SsmTarget,
    error: &CallError,
) -> (StepOutcome, Phrase) {
    match error {
        CallError::Refused { code, message, .. } if error.is_refusal() => {
            refused(name, document, target, code, message)
        }
        CallError::Unsigned(_) => (
            StepOutcome::Refused,
            phrase!(
                "Nothing ran on {name}: the request for Run Command cannot be made.",
                name
            ),
        ),
        CallError::Unavailable(_) if never_sent(error) => {
            let detail = phrase!(
                "Nothing ran on {name}: Systems Manager could not be reached. A bridge in subnets of yours needs a NAT gateway or the interface endpoint ssm.",
                name
            );
            (StepOutcome::Unreachable, detail)
        }
        _ => {
            let detail = phrase!(
                "Run Command did not say whether it took the command for {name}; what it did is unknown.",
                name
            );
            (StepOutcome::ConnectionLost, detail)
        }
    }
}

fn refused(
    name: &str,
    document: &str,
    target: &SsmTarget,
    code: &str,
    message: &str,
) -> (StepOutcome, Phrase) {
    let (outcome, what_to_do) = match code {
        "InvalidInstanceId" => (
            StepOutcome::Unreachable,
            phrase!(
                "see that the host runs, that its SSM agent is connected, and that its instance profile lets it"
            ),
        ),
        _ if is_throttling(code) => (
            StepOutcome::Unreachable,
            phrase!("AWS is asked for too much at the moment; try again"),
        ),
        "AccessDenied" | "AccessDeniedException" => (
            StepOutcome::Refused,
            phrase!(
                "the bridge may send commands only with its document, and only to hosts with the tag of SsmTargetTag"
            ),
        ),
        "InvalidDocument" | "InvalidDocumentVersion" if message.contains("hash") => (
            StepOutcome::Refused,
            phrase!(
                "the default version of the document {document} is not infra/ssm/run-step.json of this release",
                document
            ),
        ),
        "InvalidDocument" | "InvalidDocumentVersion" => (
            StepOutcome::Refused,
            phrase!(
                "create the document {document} from infra/ssm/run-step.json",
                document
            ),
        ),
        "UnsupportedPlatformType" => (
            StepOutcome::Refused,
            phrase!("steps need a host with a POSIX shell"),
        ),
        _ => (StepOutcome::Refused, phrase!("see docs/ssm.md")),
    };
    let message: String = message
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    let detail = phrase!(
        "Nothing ran on {name} ({address}): {what_to_do}. AWS says {code}: {message}",
        name,
        address = target.address(),
        what_to_do => what_to_do,
        code,
        message
    );
    (outcome, detail)
}

#[cfg(test)]
#[path = "send_error_tests.rs"]
mod tests;
