//! Turn and state of a channel: one worker at a time sends in a channel, and a mark records work
//! that arrives meanwhile.
//!
//! A worker that finds the turn taken leaves a mark. The holder finds the mark when it gives the
//! turn back, and reads the outbox again before it leaves.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, text};
use super::transaction::patiently;
use super::{Store, StoreError, failed};
use domain::notification::outbox::ChannelState;

/// The holder of a channel's turn.
#[derive(Debug, PartialEq, Eq)]
pub enum ChannelTurn {
    /// The applicant, with the channel's state.
    Mine(ChannelState),
    /// Another worker. A mark was left, so it reads the outbox again before it gives the turn back.
    Theirs,
}

impl Store {
    /// Takes or renews the turn in a channel, until `now + time` at the latest.
    ///
    /// # Errors
    /// If the table does not answer or the state cannot be read.
    pub async fn take_channel(
        &self,
        channel: &str,
        holder: &str,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<ChannelTurn, StoreError> {
        // The turn may be given back between the refused write and the mark: then the turn is taken
        // after all.
        patiently(async || {
            let taken = self
                .state_update(channel)
                // Removing the mark is safe: this worker reads the outbox after it has the turn.
                .update_expression("SET holder = :holder, #until = :until REMOVE again")
                .condition_expression(
                    "attribute_not_exists(#until) OR #until < :now OR holder = :holder",
                )
                .expression_attribute_names("#until", "until")
                .expression_attribute_values(":holder", text(holder))
                .expression_attribute_values(":until", millis(now + time))
                .expression_attribute_values(":now", millis(now))
                .return_values(ReturnValue::AllNew)
                .send()
                .await;
            match taken {
                Ok(answer) => Ok(ChannelTurn::Mine(state(
                    &answer.attributes.unwrap_or_default(),
                )?)),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
                {
                    self.mark_channel(channel, now).await
                }
                Err(error) => Err(failed(&error)),
            }
        })
        .await
    }

    /// Leaves the mark for the holder of the turn; [`StoreError::Conflict`] if the turn has no
    /// holder any more.
    async fn mark_channel(&self, channel: &str, now: Timestamp) -> Result<ChannelTurn, StoreError> {
        let marked = self
            .state_update(channel)
            .update_expression("SET again = :now")
            // Only a holder whose turn has not expired will find the mark.
            .condition_expression("#until >= :now")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", millis(now))
            .send()
            .await;
        match marked {
            Ok(_) => Ok(ChannelTurn::Theirs),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Saves the channel's state, while the turn goes on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another worker has taken the turn in the meantime.
    pub async fn note_channel(
        &self,
        channel: &str,
        holder: &str,
        state: &ChannelState,
    ) -> Result<(), StoreError> {
        let noted = self
            .state_update(channel)
            .update_expression("SET doc = :doc")
            // A worker that has lost the turn must not overwrite the state of the new holder.
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":doc", text(doc(state)?))
            .send()
            .await;
        match noted {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Gives the turn back. False if a mark was left meanwhile: the turn goes on, and the outbox
    /// has to be read again. With `whatever`, the turn is given back in spite of a mark: the caller
    /// has arranged for another worker to continue.
    ///
    /// # Errors
    /// If the table does not answer; the turn then ends with its time.
    pub async fn give_channel_back(
        &self,
        channel: &str,
        holder: &str,
        whatever: bool,
    ) -> Result<bool, StoreError> {
        let condition = if whatever {
            "holder = :holder"
        } else {
            "holder = :holder AND attribute_not_exists(again)"
        };
        let given = self
            .state_update(channel)
            .update_expression("REMOVE holder, #until, again")
            .condition_expression(condition)
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":holder", text(holder))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match given {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    // The condition also fails if the turn has passed to another worker: then there
                    // is nothing to give back.
                    let still_mine = failed.item().and_then(|item| Reader::new(item).optional_text("holder")) == Some(holder);
                    Ok(!still_mine)
                }
                _ => Err(failed(&error)),
            },
        }
    }

    /// The new id of a Telegram chat that has moved, if it differs from the operator's file: the
    /// configured id and the current one.
    ///
    /// # Errors
    /// If the table does not answer or the state cannot be read.
    pub async fn moved_chat(&self, channel: &str) -> Result<Option<(i64, i64)>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(channel)));
        let answer = request.send().await.map_err(|error| failed(&error))?;
        let Some(item) = answer.item() else {
            return Ok(None);
        };
        Ok(state(item)?
            .moved
            .map(|moved| (moved.configured, moved.now)))
    }

    fn state_update(&self, channel: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(channel)))
    }
}

fn state(item: &Item) -> Result<ChannelState, StoreError> {
    let reader = Reader::new(item);
    let Some(doc) = reader.optional_text("doc") else {
        return Ok(ChannelState::default());
    };
    serde_json::from_str(doc).map_err(|error| reader.unreadable(format!("doc: {error}")))
}

/// A document as JSON for an item.
pub(super) fn doc(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// The partition of a channel.
pub(super) fn partition(channel: &str) -> String {
    format!("CHANNEL#{channel}")
}

fn key(channel: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(partition(channel))),
        ("sk".to_owned(), text("STATE")),
    ])
}
