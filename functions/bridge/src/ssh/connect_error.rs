//! Errors before a command was sent: a sentence for people, and the step outcome for the run.

use domain::incident::repair::{StepOutcome, StepResult};
use thiserror::Error;

use crate::ssh::login_key::NoKey;

/// The reason why a command was not sent. `who` is the service, or "the bastion of" it: the two
/// fail in the same ways, and are fixed in different places.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Key(#[from] NoKey),
    #[error("the field {field} of {service} in service-registry.yaml is not a public key")]
    NoHostKey {
        service: String,
        field: &'static str,
    },
    #[error("{who} could not be reached at {host} port {port}: {why}")]
    Unreachable {
        who: String,
        host: String,
        port: u16,
        why: String,
    },
    #[error(
        "{who} did not answer at {host} port {port} within {seconds} seconds: it is down, or a packet filter is in the way"
    )]
    Silent {
        who: String,
        host: String,
        port: u16,
        seconds: u64,
    },
    #[error("{who} answered, but did not let Quell in within {seconds} seconds")]
    Slow { who: String, seconds: u64 },
    #[error("the host key of {who} is not the one in service-registry.yaml ({what})")]
    OtherHostKey { who: String, what: String },
    #[error("{who} did not accept Quell's key for the user {user}")]
    KeyRefused { who: String, user: String },
    #[error("{who} let Quell in, but does not let it run commands")]
    NoCommands { who: String },
    #[error("{bastion} let Quell in, but does not let it forward to {host} port {port}")]
    NotForwarded {
        bastion: String,
        host: String,
        port: u16,
    },
    #[error("{bastion} let Quell in, but could not reach {who} at {host} port {port}")]
    UnreachableBehind {
        bastion: String,
        who: String,
        host: String,
        port: u16,
    },
}

impl ConnectError {
    fn outcome(&self) -> StepOutcome {
        match self {
            Self::Key(_) | Self::NoHostKey { .. } => StepOutcome::Refused,
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Slow { .. }
            | Self::UnreachableBehind { .. } => StepOutcome::Unreachable,
            Self::OtherHostKey { .. } => StepOutcome::HostKeyMismatch,
            Self::KeyRefused { .. } | Self::NoCommands { .. } | Self::NotForwarded { .. } => {
                StepOutcome::LoginRefused
            }
        }
    }

    /// The result of the step that was not sent.
    pub(crate) fn result(&self) -> StepResult {
        StepResult::without_output(self.outcome(), format!("Nothing ran: {self}."), 0)
    }
}
