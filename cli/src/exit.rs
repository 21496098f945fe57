//! Exit codes and errors of the subcommands.

use std::io::{Error, ErrorKind};
use std::path::Path;

use aws::secrets::SecretError;
use domain::primitives::id::InvalidId;
use outbound::NoClient;
use settings::config_error::ConfigErrors;
use settings::variables::InvalidVariable;
use store::StoreError;
use thiserror::Error;

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
    #[error("{0}\nCheck --table, and the account and region of your profile.")]
    Store(#[from] StoreError),
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
