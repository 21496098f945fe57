//! Batches of reads: many items in one request. A batch reads each of them as a request of its own would, at the same price
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>).

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;

use super::attributes::Item;
use super::error::failed;
use super::keys::Key;
use super::retry::patiently;
use super::{Store, StoreError};

/// The most items that one request reads
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>).
const MOST: usize = 100;

impl Store {
    /// The items of these keys, which are different ones, in no order; those that are not there are left out. With `consistent` they are as
    /// after every write that was answered, at twice the price.
    ///
    /// # Errors
    /// If the table does not answer.
    pub(super) async fn get_all(
        &self,
        keys: &[Key],
        consistent: bool,
    ) -> Result<Vec<Item>, StoreError> {
        let batches = keys.chunks(MOST);
        let read = try_join_all(batches.map(|keys| self.get_batch(keys, consistent))).await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// One answer holds 16 MB at most, and what it left out is asked for again.
    async fn get_batch(&self, keys: &[Key], consistent: bool) -> Result<Vec<Item>, StoreError> {
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(keys.iter().cloned().map(Item::from).collect()))
            .consistent_read(consistent)
            .build();
        let mut left = Some(keys.map_err(StoreError::unwritable)?);
        let mut items = Vec::new();
        while let Some(keys) = left {
            let (read, unread) = patiently(async || {
                let request = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, keys.clone());
                let answer = request.send().boxed().await.map_err(failed)?;
                let read = answer
                    .responses
                    .and_then(|mut tables| tables.remove(&self.table))
                    .unwrap_or_default();
                let unread = answer
                    .unprocessed_keys
                    .and_then(|mut tables| tables.remove(&self.table));
                let nothing = read.is_empty() && unread.is_some();
                if nothing {
                    Err(StoreError::Busy("it read none of a batch".into()))
                } else {
                    Ok((read, unread))
                }
            })
            .await?;
            items.extend(read);
            left = unread;
        }
        Ok(items)
    }
}
