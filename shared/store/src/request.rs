//! Requests to the table: a verb for each kind, so that a file says only its key, its condition and its fields. The
//! errors of all of them are mapped here.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{Delete, Put, ReturnValue, TransactWriteItem, Update};
use futures_util::FutureExt as _;

use super::attributes::{Item, number, text};
use super::error::failed;
use super::keys::Key;
use super::{Store, StoreError};
use aws::retry::is_throttling;

/// Result of a write under a condition.
#[derive(Debug)]
pub(super) enum Written {
    /// It is written. The item as it is now, if the request asked for it.
    Done(Item),
    /// The condition does not hold, and nothing is written. The item that is there, if the request asked for it.
    Refused(Item),
}

impl Written {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// For a write whose condition fails only if another writer came in between.
    pub(super) fn or_conflict(self) -> Result<(), StoreError> {
        match self {
            Self::Done(_) => Ok(()),
            Self::Refused(_) => Err(StoreError::Conflict),
        }
    }
}

/// Result of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Transacted {
    /// All of it is written.
    Done,
    /// Nothing is written: for each write, in order, true if it was its condition that failed.
    Refused(Vec<bool>),
}

/// One write of a transaction.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Put(PutBuilder),
    Update(UpdateBuilder),
    Delete(DeleteBuilder),
}

impl From<PutBuilder> for Write {
    fn from(put: PutBuilder) -> Self {
        Self::Put(put)
    }
}

impl From<DeleteBuilder> for Write {
    fn from(delete: DeleteBuilder) -> Self {
        Self::Delete(delete)
    }
}

impl From<UpdateBuilder> for Write {
    fn from(update: UpdateBuilder) -> Self {
        Self::Update(update)
    }
}

/// Writes a whole item, whatever is there.
pub(super) fn put(item: Item) -> PutBuilder {
    Put::builder().set_item(Some(item))
}

/// Writes a whole item over the version that it was decided on; 0 means that there was none.
pub(super) fn put_over_version(item: Item, before: u64) -> PutBuilder {
    match before {
        0 => put(item).condition_expression("attribute_not_exists(pk)"),
        version => put(item)
            .condition_expression("#version = :before")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":before", number(version)),
    }
}

/// Changes attributes of an item.
pub(super) fn update(key: Key, expression: impl Into<String>) -> UpdateBuilder {
    Update::builder()
        .set_key(Some(key.into()))
        .update_expression(expression)
}

/// Removes an item.
pub(super) fn delete(key: Key) -> DeleteBuilder {
    Delete::builder().set_key(Some(key.into()))
}

impl Store {
    /// Reads an item as it is after every write that was answered.
    pub(super) async fn get(&self, key: Key) -> Result<Option<Item>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into()))
            .consistent_read(true);
        // Boxed, here and below: futures of the SDK are large, and too deep for the compiler where many surround them.
        let answer = request.send().boxed().await.map_err(failed)?;
        Ok(answer.item)
    }

    pub(super) async fn put(&self, put: PutBuilder) -> Result<Written, StoreError> {
        let put = put
            .table_name(&self.table)
            .build()
            .map_err(StoreError::unwritable)?;
        let request = self
            .client
            .put_item()
            .table_name(put.table_name)
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values)
            .set_return_values_on_condition_check_failure(
                put.return_values_on_condition_check_failure,
            );
        match request.send().boxed().await {
            Ok(_) => Ok(Written::Done(Item::new())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => Ok(
                    Written::Refused(refused.item().cloned().unwrap_or_default()),
                ),
                _ => Err(failed(error)),
            },
        }
    }

    pub(super) async fn update(&self, update: UpdateBuilder) -> Result<Written, StoreError> {
        self.update_returning(update, None).await
    }

    pub(super) async fn update_returning(
        &self,
        update: UpdateBuilder,
        returned: Option<ReturnValue>,
    ) -> Result<Written, StoreError> {
        let update = update
            .table_name(&self.table)
            .build()
            .map_err(StoreError::unwritable)?;
        let request = self
            .client
            .update_item()
            .table_name(update.table_name)
            .set_key(Some(update.key))
            .update_expression(update.update_expression)
            .set_condition_expression(update.condition_expression)
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values)
            .set_return_values(returned)
            .set_return_values_on_condition_check_failure(
                update.return_values_on_condition_check_failure,
            );
        match request.send().boxed().await {
            Ok(answer) => Ok(Written::Done(answer.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(
                    Written::Refused(refused.item().cloned().unwrap_or_default()),
                ),
                _ => Err(failed(error)),
            },
        }
    }

    pub(super) async fn delete(&self, delete: DeleteBuilder) -> Result<Written, StoreError> {
        let delete = delete
            .table_name(&self.table)
            .build()
            .map_err(StoreError::unwritable)?;
        let request = self
            .client
            .delete_item()
            .table_name(delete.table_name)
            .set_key(Some(delete.key))
            .set_condition_expression(delete.condition_expression)
            .set_expression_attribute_names(delete.expression_attribute_names)
            .set_expression_attribute_values(delete.expression_attribute_values);
        match request.send().boxed().await {
            Ok(_) => Ok(Written::Done(Item::new())),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => {
                    Ok(Written::Refused(Item::new()))
                }
                _ => Err(failed(error)),
            },
        }
    }

    /// Writes all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another write was under way on one of the items; nothing is written then.
    pub(super) async fn transact(&self, writes: Vec<Write>) -> Result<Transacted, StoreError> {
        let write = |write: Write| {
            let item = TransactWriteItem::builder();
            Ok(match write {
                Write::Put(put) => item.put(put.table_name(&self.table).build()?),
                Write::Update(update) => item.update(update.table_name(&self.table).build()?),
                Write::Delete(delete) => item.delete(delete.table_name(&self.table).build()?),
            }
            .build())
        };
        let writes: Result<Vec<_>, aws_sdk_dynamodb::error::BuildError> =
            writes.into_iter().map(write).collect();
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes.map_err(StoreError::unwritable)?));
        let Err(error) = request.send().boxed().await else {
            return Ok(Transacted::Done);
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Err(failed(error));
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
        } else if codes.iter().any(|code| is_throttling(code)) {
            Err(StoreError::Busy(codes.join(" ").into()))
        } else {
            Err(failed(error))
        }
    }

    /// The items of a partition whose sort keys begin with `prefix`, in their order.
    pub(super) fn query_prefix(&self, partition: String, prefix: &str) -> QueryFluentBuilder {
        self.query(partition)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", text(prefix))
    }

    /// The items of a partition whose sort keys lie between two, in their order. Both ends are included.
    pub(super) fn query_range(
        &self,
        partition: String,
        first: String,
        last: String,
    ) -> QueryFluentBuilder {
        self.query(partition)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
    }

    fn query(&self, partition: String) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", text(partition))
    }
}

/// The newest items of a query, at most `limit`, newest first. It is one request: `limit` items fit into one page.
pub(super) async fn newest(query: QueryFluentBuilder, limit: u32) -> Result<Vec<Item>, StoreError> {
    let query = query
        .scan_index_forward(false)
        .limit(i32::try_from(limit).unwrap_or(i32::MAX));
    let page = query.send().boxed().await.map_err(failed)?;
    Ok(page.items.unwrap_or_default())
}

/// The items of all pages.
pub(super) async fn all_pages(query: QueryFluentBuilder) -> Result<Vec<Item>, StoreError> {
    let items = query.into_paginator().items().send();
    items.try_collect().boxed().await.map_err(failed)
}
