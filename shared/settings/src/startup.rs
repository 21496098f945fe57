//! Reasons why a function does not start.

use thiserror::Error;

use crate::config_error::ConfigErrors;
use crate::variables::InvalidVariable;

/// Why a function does not start.
#[derive(Debug, Error)]
pub enum StartupError {
    /// An environment variable is missing or wrong.
    #[error(transparent)]
    Variable(#[from] InvalidVariable),
    /// The operator's files are wrong.
    #[error(transparent)]
    Files(#[from] ConfigErrors),
    /// A client of a server cannot be built from what they say.
    #[error(transparent)]
    Client(Box<dyn std::error::Error + Send + Sync>),
}
