//! Transactional writes, and the retry policy for write conflicts and throttling.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{Store, StoreError, failed};
use aws::BUSY;
use aws::jitter;

/// How often a write is retried after a conflict, and after throttling.
const RACES: u32 = 40;
const REFUSALS: u32 = 6;

/// Result of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Transacted {
    /// All of it is written.
    Done,
    /// Nothing is written: for each write, in order, true if it was its condition that failed.
    Refused(Vec<bool>),
}

impl Store {
    /// Writes all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another write was under way on one of the items; nothing is written then.
    pub(super) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Transacted, StoreError> {
        let Err(error) = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await
        else {
            return Ok(Transacted::Done);
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Err(failed(&error));
        };
        // One reason for each write, in order
        // (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).
        let codes: Vec<&str> = cancelled
            .cancellation_reasons()
            .iter()
            .map(|reason| reason.code().unwrap_or_default())
            .collect();
        let unmet: Vec<bool> = codes
            .iter()
            .map(|code| *code == "ConditionalCheckFailed")
            .collect();
        if unmet.contains(&true) {
            Ok(Transacted::Refused(unmet))
        } else if codes.contains(&"TransactionConflict") {
            Err(StoreError::Conflict)
        } else if codes.iter().any(|code| BUSY.contains(code)) {
            Err(StoreError::Busy(codes.join(" ")))
        } else {
            Err(failed(&error))
        }
    }
}

/// Runs a write, and retries it after a random wait while it conflicts with others or the table is
/// throttled. In both cases nothing was written.
///
/// # Errors
/// Any other error at once, and these after some seconds.
pub(super) async fn patiently<T>(
    write: impl AsyncFn() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let (mut races, mut refusals) = (0, 0);
    loop {
        let most = match write().await {
            Err(StoreError::Conflict) if races < RACES => {
                races += 1;
                // Writers of one item: a short wait, longer each time.
                Duration::from_millis(10) * races.min(20)
            }
            Err(StoreError::Busy(_)) if refusals < REFUSALS => {
                refusals += 1;
                // The table gains capacity in seconds, not in milliseconds.
                Duration::from_millis(50 << refusals)
            }
            answered => return answered,
        };
        tokio::time::sleep(jitter::up_to(most)).await;
    }
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
            tries(|| StoreError::Busy("test".to_owned()), 1).await,
            (2, true)
        );
        assert_eq!(
            tries(|| StoreError::Unavailable("test".to_owned()), 1).await,
            (1, false)
        );
    }
}
