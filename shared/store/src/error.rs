//! Errors of the store, and which of them pass.

use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

use aws::Cause;
use aws::retry::is_throttling;

/// Why the store did not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The table did not answer: try again later.
    #[error("the table did not answer")]
    Unavailable(#[source] Cause),
    /// The table takes no more requests right now, or not for this item.
    #[error("the table is too busy")]
    Busy(#[source] Cause),
    /// Another writer changed the item in between: load and decide again.
    #[error("the item was changed by another writer")]
    Conflict,
    /// There is no such item.
    #[error("there is no item {key}")]
    Missing { key: String },
    /// An item is not what this version can read.
    #[error("the item {key} cannot be read: {why}")]
    Unreadable {
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// A request or a document that cannot be made: a bug.
    #[error("the request to the table cannot be made")]
    Unwritable(#[source] Cause),
}

impl StoreError {
    /// True if another try may go well.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Busy(_) | Self::Conflict => true,
            Self::Missing { .. } | Self::Unreadable { .. } | Self::Unwritable(_) => false,
        }
    }

    pub(crate) fn unwritable(error: impl Into<Cause>) -> Self {
        Self::Unwritable(error.into())
    }
}

/// Maps an error of the SDK. A write that meets a transaction on its item is a write conflict like any other.
pub(crate) fn failed<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    match error.code() {
        Some("TransactionConflictException") => StoreError::Conflict,
        Some(code) if is_throttling(code) => StoreError::Busy(error.into()),
        _ if matches!(error, SdkError::ConstructionFailure(_)) => StoreError::unwritable(error),
        _ => StoreError::Unavailable(error.into()),
    }
}
