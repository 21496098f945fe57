//! Errors for which a delivery is not acknowledged.

use aws::queue::QueueError;
use store::StoreError;
use thiserror::Error;

/// Reason why a delivery is not acknowledged. All of these errors are transient: the sender has to
/// retry.
#[derive(Debug, Error)]
pub enum IntakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The time ran out first. What is counted stays counted, so that the next try gets further.
    #[error("the time ran out after {counted} of {fingerprints} fingerprints")]
    OutOfTime {
        /// How many were counted.
        counted: usize,
        /// How many there are.
        fingerprints: usize,
    },
}
