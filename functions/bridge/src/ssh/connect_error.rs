//! Errors before a command was sent: a sentence for people, and the step outcome for the run.

use domain::incident::repair::{StepOutcome, StepResult};
use domain::phrase;
use domain::primitives::phrase::Phrase;
use thiserror::Error;

use crate::sentences::nothing_ran;
use crate::ssh::login_key::NoKey;

/// The reason why a command was not sent. `who` is the service, or "the bastion of" it: the two
/// fail in the same ways, and are fixed in different places.
#[derive(Debug, Error)]
#[error("{}", self.phrase())]
pub(crate) enum ConnectError {
    Key(#[from] NoKey),
    NoHostKey {
        service: String,
        field: &'static str,
    },
    Unreachable {
        who: Phrase,
        host: String,
        port: u16,
        why: String,
    },
    Silent {
        who: Phrase,
        host: String,
        port: u16,
        seconds: u64,
    },
    Slow {
        who: Phrase,
        seconds: u64,
    },
    OtherHostKey {
        who: Phrase,
        what: Phrase,
    },
    KeyRefused {
        who: Phrase,
        user: String,
    },
    NoCommands {
        who: Phrase,
    },
    NotForwarded {
        bastion: Phrase,
        host: String,
        port: u16,
    },
    UnreachableBehind {
        bastion: Phrase,
        /// In a box, so that the error stays small.
        who: Box<Phrase>,
        host: String,
        port: u16,
    },
}

impl ConnectError {
    /// The same for people.
    pub(crate) fn phrase(&self) -> Phrase {
        match self {
            Self::Key(no_key) => no_key.phrase(),
            Self::NoHostKey { service, field } => phrase!(
                "the field {field} of {service} in service-registry.yaml is not a public key",
                field,
                service
            ),
            Self::Unreachable {
                who,
                host,
                port,
                why,
            } => phrase!(
                "{who} could not be reached at {host} port {port}: {why}",
                who => who.clone(),
                host,
                port,
                why
            ),
            Self::Silent {
                who,
                host,
                port,
                seconds,
            } => phrase!(
                "{who} did not answer at {host} port {port} within {seconds} seconds: it is down, or a packet filter is in the way",
                who => who.clone(),
                host,
                port,
                seconds
            ),
            Self::Slow { who, seconds } => phrase!(
                "{who} answered, but did not let Quell in within {seconds} seconds",
                who => who.clone(),
                seconds
            ),
            Self::OtherHostKey { who, what } => phrase!(
                "the host key of {who} is not the one in service-registry.yaml ({what})",
                who => who.clone(),
                what => what.clone()
            ),
            Self::KeyRefused { who, user } => phrase!(
                "{who} did not accept Quell's key for the user {user}",
                who => who.clone(),
                user
            ),
            Self::NoCommands { who } => phrase!(
                "{who} let Quell in, but does not let it run commands",
                who => who.clone()
            ),
            Self::NotForwarded {
                bastion,
                host,
                port,
            } => phrase!(
                "{bastion} let Quell in, but does not let it forward to {host} port {port}",
                bastion => bastion.clone(),
                host,
                port
            ),
            Self::UnreachableBehind {
                bastion,
                who,
                host,
                port,
            } => phrase!(
                "{bastion} let Quell in, but could not reach {who} at {host} port {port}",
                bastion => bastion.clone(),
                who => (**who).clone(),
                host,
                port
            ),
        }
    }

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
        StepResult::without_output(self.outcome(), nothing_ran(self.phrase()), 0)
    }
}
