//! Retry policies for write conflicts and throttling. In both cases nothing was written.

use std::time::Duration;

use super::StoreError;
use aws::retry::{Backoff, CONFLICTS, Growth, THROTTLED, retry};

/// A decision that lost a race is made again, on what is there now.
pub(super) const DECISIONS: Backoff = Backoff {
    retries: 20,
    first: Duration::from_millis(5),
    longest: Duration::from_millis(160),
    growth: Growth::Times(2.0),
    jitter: 0.0,
};
/// A small change that meets a transaction on its item.
const SMALL_CHANGES: Backoff = Backoff {
    retries: 6,
    first: Duration::from_millis(10),
    longest: Duration::from_millis(320),
    growth: Growth::Times(2.0),
    jitter: 0.0,
};

/// Runs a write, and again after a random wait while it conflicts with others or the table is throttled.
///
/// # Errors
/// Any other error at once, and these after some seconds.
pub(super) async fn patiently<T, F>(write: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let (mut conflicts, mut throttling) = (CONFLICTS.waits(), THROTTLED.waits());
    retry(write, |error| match error {
        StoreError::Conflict => conflicts.next(),
        StoreError::Busy(_) => throttling.next(),
        _ => None,
    })
    .await
}

/// Runs a small change, and again while a transaction is under way on its item.
///
/// # Errors
/// Any other error at once, and a conflict after some time.
pub(super) async fn past_transactions<T, F>(write: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut waits = SMALL_CHANGES.waits();
    let is_conflict = |error: &StoreError| matches!(error, StoreError::Conflict);
    retry(write, |error| waits.next().filter(|_| is_conflict(error))).await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::patiently;
    use crate::StoreError;

    async fn tries(refusal: fn() -> StoreError, refused: u32) -> (u32, bool) {
        let count = Cell::new(0);
        let wrote = patiently(async || {
            count.set(count.get() + 1);
            if count.get() <= refused {
                Err(refusal())
            } else {
                Ok(())
            }
        });
        let wrote = wrote.await.is_ok();
        (count.get(), wrote)
    }

    #[tokio::test]
    async fn what_passes_is_tried_again_and_nothing_else_is() {
        assert_eq!(tries(|| StoreError::Conflict, 3).await, (4, true));
        assert_eq!(
            tries(|| StoreError::Busy("test".into()), 1).await,
            (2, true)
        );
        assert_eq!(
            tries(|| StoreError::Unavailable("test".into()), 1).await,
            (1, false)
        );
    }
}
