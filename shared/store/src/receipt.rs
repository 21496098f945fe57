//! Receipts of counted messages and of answers to people: a duplicate delivery has no second effect
//! (`effect-once`).

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, millis, number, text};
use super::{Store, StoreError, failed};

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
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(message_id)))
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(&error))?;
        Ok(if answer.item().is_some() {
            Receipt::Closed
        } else {
            Receipt::Open
        })
    }

    /// Records that a message was counted.
    ///
    /// # Errors
    /// If the table does not answer; a redelivered message is counted again then.
    pub async fn close_receipt(&self, message_id: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut item = key(message_id);
        item.insert("at".to_owned(), millis(now));
        item.insert(
            "expires_at".to_owned(),
            number((now + KEPT_FOR).as_second()),
        );
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(&error))
    }
}

fn key(message_id: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(format!("MSG#{message_id}"))),
        ("sk".to_owned(), text("RECEIPT")),
    ])
}
