//! Exit codes and errors of the subcommands.

use std::io::{Error, ErrorKind, Write};
use std::path::Path;

use aws::secrets::SecretError;
use domain::primitives::id::InvalidId;
use domain::primitives::safe_text::line;
use outbound::NoClient;
use settings::config_error::ConfigErrors;
use settings::variables::InvalidVariable;
use store::StoreError;
use thiserror::Error;

use crate::refused::Refused;

/// How much of an error of AWS is shown.
const ERROR_CHARACTERS: usize = 600;

/// The answer to what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All is well.
    Yes,
    /// It is not.
    No,
}

impl Answer {
    /// Yes if it is true.
    pub(crate) const fn of(fine: bool) -> Self {
        if fine { Self::Yes } else { Self::No }
    }
}

/// Why there is no answer. Each says what, where, and what to do about it.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// Nobody reads any more.
    #[error("the output was closed")]
    Closed,
    /// It was asked in a way that has no answer, or something is not there.
    #[error("{0}")]
    Wrong(String),
    #[error("the files have errors; `quell check` lists all of them and says what to write:\n{0}")]
    Files(#[from] ConfigErrors),
    #[error("{}", of_table(.0))]
    Store(#[from] StoreError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Variable(#[from] InvalidVariable),
    #[error(transparent)]
    Id(#[from] InvalidId),
    #[error(transparent)]
    Client(#[from] NoClient),
}

impl Failure {
    /// A failure in words.
    pub(crate) fn wrong(words: impl Into<String>) -> Self {
        Self::Wrong(words.into())
    }

    /// A refusal of the API that is an answer, no: it is printed. Everything else stays a failure.
    pub(crate) fn or_no(self, out: &mut dyn Write) -> Result<Answer, Self> {
        match self {
            Self::Refused(refused) if refused.is_no() => {
                writeln!(out, "{refused}")?;
                Ok(Answer::No)
            }
            other => Err(other),
        }
    }

    /// A file that cannot be read.
    pub(crate) fn unread(file: &Path, error: &Error) -> Self {
        Self::Wrong(format!("{} cannot be read: {error}", file.display()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Wrong(format!("the output cannot be written: {error}")),
        }
    }
}

/// A failure of a table in one sentence, with what to do about it.
fn of_table(error: &StoreError) -> String {
    let chain = aws::Chain(error).to_string();
    let words = line(&chain, ERROR_CHARACTERS);
    format!("{words}: {}", advice(&chain))
}

/// What to do about an error of AWS. The names of errors are those that every service has
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>).
pub(crate) fn advice(chain: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| chain.contains(word));
    if says(&["ExpiredToken", "RequestExpired", "expired"]) {
        "sign in again (aws sso login), or get new credentials"
    } else if says(&["AccessDenied", "NotAuthorized", "UnauthorizedOperation"]) {
        "your role needs this permission; AWS_PROFILE says which one is used"
    } else if says(&["ResourceNotFoundException"]) {
        "check --table, and the account and region of your profile"
    } else if says(&[
        "UnrecognizedClient",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "InvalidSignature",
    ]) {
        "these credentials are of no account here: check AWS_PROFILE, and this machine's clock"
    } else if says(&["redentials", "no providers in chain"]) {
        "set AWS_PROFILE, or sign in with aws sso login"
    } else if says(&["dispatch failure", "timed out", "timeout", "connect"]) {
        "AWS is not reached: check the network, the region and AWS_ENDPOINT_URL"
    } else if says(&["Throttl", "too busy", "ThroughputExceeded"]) {
        "try again in some seconds"
    } else {
        "check --table, and the account and region of your profile"
    }
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn errors_of_aws_say_what_to_do() {
        for (chain, says) in [
            (
                "the table did not answer: service error: ExpiredTokenException: The security token included in the request is expired",
                "aws sso login",
            ),
            (
                "the table did not answer: AccessDeniedException: User: arn:aws:iam::1:user/ada is not authorized",
                "permission",
            ),
            (
                "the table did not answer: ResourceNotFoundException: Requested resource not found",
                "check --table",
            ),
            (
                "the table did not answer: UnrecognizedClientException: The security token is invalid",
                "no account here",
            ),
            (
                "the table did not answer: dispatch failure: io error: dns error",
                "not reached",
            ),
            (
                "the table did not answer: failed to load credentials: no providers in chain provided credentials",
                "set AWS_PROFILE",
            ),
            ("the table is too busy: ThrottlingException", "try again"),
        ] {
            assert!(advice(chain).contains(says), "{chain}: {}", advice(chain));
        }
    }
}
