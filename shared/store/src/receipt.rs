//! Receipts of counted messages and of answers to people: a duplicate delivery has no second effect
//! (`effect-once`).

use jiff::{SignedDuration, Timestamp};

use super::attributes::{millis, seconds};
use super::keys;
use super::request::put;
use super::{Store, StoreError};

/// How long a receipt is kept: longer than a queue keeps a message.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(15 * 24);

/// The state of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It was not counted; an unfinished attempt has no effect.
    Open,
    Closed,
}

impl Store {
    /// Looks whether a message was counted.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn receipt(&self, message_id: &str) -> Result<Receipt, StoreError> {
        let item = self.get(keys::receipt(message_id)).await?;
        Ok(match item {
            Some(_) => Receipt::Closed,
            None => Receipt::Open,
        })
    }

    /// Records that a message was counted.
    ///
    /// # Errors
    /// If the table does not answer; a redelivered message is counted again then.
    pub async fn close_receipt(&self, message_id: &str, now: Timestamp) -> Result<(), StoreError> {
        let fields = [("at", millis(now)), ("expires_at", seconds(now + KEPT_FOR))];
        let item = keys::receipt(message_id).item(fields);
        self.put(put(item)).await.map(drop)
    }
}
