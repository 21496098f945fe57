//! Errors of SendCommand, and how to react to each.
//!
//! The errors are those of <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html>. Whatever is not
//! known to have been refused may have been taken: the command is not sent again, and what it did is unknown.

use aws::never_sent;
use aws::retry::is_throttling;
use aws::signed::CallError;
use domain::incident::repair::StepOutcome;
use domain::playbook::ssm_target::SsmTarget;

/// The outcome, and a sentence.
pub(crate) fn not_sent(
    name: &str,
    document: &str,
    target: &SsmTarget,
    error: &CallError,
) -> (StepOutcome, String) {
    match error {
        CallError::Refused { code, message, .. } if error.is_refusal() => {
            refused(name, document, target, code, message)
        }
        CallError::Unsigned(_) => (
            StepOutcome::Refused,
            format!("Nothing ran on {name}: the request for Run Command cannot be made."),
        ),
        CallError::Unavailable(_) if never_sent(error) => {
            let detail = format!(
                "Nothing ran on {name}: Systems Manager could not be reached. A bridge in subnets of yours needs a NAT gateway or the \
                 interface endpoint ssm."
            );
            (StepOutcome::Unreachable, detail)
        }
        _ => {
            let detail = format!(
                "Run Command did not say whether it took the command for {name}; what it did is unknown."
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
) -> (StepOutcome, String) {
    let (outcome, what_to_do) = match code {
        "InvalidInstanceId" => {
            let what = "see that the host runs, that its SSM agent is connected, and that its instance profile lets it";
            (StepOutcome::Unreachable, what.to_owned())
        }
        _ if is_throttling(code) => (
            StepOutcome::Unreachable,
            "AWS is asked for too much at the moment; try again".to_owned(),
        ),
        "AccessDenied" | "AccessDeniedException" => {
            let what = "the bridge may send commands only with its document, and only to hosts with the tag of SsmTargetTag";
            (StepOutcome::Refused, what.to_owned())
        }
        "InvalidDocument" | "InvalidDocumentVersion" if message.contains("hash") => {
            let what = format!(
                "the default version of the document {document} is not infra/ssm/run-step.json of this release"
            );
            (StepOutcome::Refused, what)
        }
        "InvalidDocument" | "InvalidDocumentVersion" => (
            StepOutcome::Refused,
            format!("create the document {document} from infra/ssm/run-step.json"),
        ),
        "UnsupportedPlatformType" => (
            StepOutcome::Refused,
            "steps need a host with a POSIX shell".to_owned(),
        ),
        _ => (StepOutcome::Refused, "see docs/ssm.md".to_owned()),
    };
    let message: String = message
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    (
        outcome,
        format!(
            "Nothing ran on {name} ({}): {what_to_do}. AWS says {code}: {message}",
            target.address()
        ),
    )
}

#[cfg(test)]
#[path = "send_error_tests.rs"]
mod tests;
