//! Delivery and state of a channel: one worker at a time sends in a channel, and a mark records work
//! that arrives meanwhile.
//!
//! A worker that finds the turn taken leaves a mark. The holder finds the mark when it gives the
//! turn back, and reads the outbox again before it leaves.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, json, millis, text};
use super::keys;
use super::request::{Written, update};
use super::retry::patiently;
use super::{Store, StoreError};
use domain::notification::outbox::ChannelState;

/// The holder of a channel's turn.
#[derive(Debug, PartialEq, Eq)]
pub enum ChannelLease {
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
    ) -> Result<ChannelLease, StoreError> {
        // The turn may be given back between the refused write and the mark: then the turn is taken
        // after all.
        patiently(async || {
            // Removing the mark is safe: this worker reads the outbox after it has the turn.
            let take = update(
                keys::channel(channel),
                "SET holder = :holder, #until = :until REMOVE again",
            )
            .condition_expression(
                "attribute_not_exists(#until) OR #until < :now OR holder = :holder",
            )
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":until", millis(now + time))
            .expression_attribute_values(":now", millis(now));
            match self
                .update_returning(take, Some(ReturnValue::AllNew))
                .await?
            {
                Written::Done(channel) => Ok(ChannelLease::Mine(state(&channel)?)),
                Written::Refused(_) => self.mark_channel(channel, now).await,
            }
        })
        .await
    }

    /// Leaves the mark for the holder of the turn; [`StoreError::Conflict`] if the turn has no
    /// holder any more.
    async fn mark_channel(
        &self,
        channel: &str,
        now: Timestamp,
    ) -> Result<ChannelLease, StoreError> {
        let mark = update(keys::channel(channel), "SET again = :now")
            // Only a holder whose turn has not expired will find the mark.
            .condition_expression("#until >= :now")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", millis(now));
        self.update(mark).await?.or_conflict()?;
        Ok(ChannelLease::Theirs)
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
        let note = update(keys::channel(channel), "SET doc = :doc")
            // A worker that has lost the turn must not overwrite the state of the new holder.
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":doc", json(state)?);
        self.update(note).await?.or_conflict()
    }

    /// Gives the turn back, and with it saves the channel's state, if it has changed. False if a mark was left meanwhile: nothing is written,
    /// the turn goes on, and the outbox has to be read again. With `whatever`, the turn is given back in spite of a mark: the caller has
    /// arranged for another worker to continue.
    ///
    /// # Errors
    /// If the table does not answer; the turn then ends with its time.
    pub async fn give_channel_back(
        &self,
        channel: &str,
        holder: &str,
        changed: Option<&ChannelState>,
        whatever: bool,
    ) -> Result<bool, StoreError> {
        let condition = if whatever {
            "holder = :holder"
        } else {
            "holder = :holder AND attribute_not_exists(again)"
        };
        let set = changed.map_or("", |_| "SET doc = :doc ");
        let give = format!("{set}REMOVE holder, #until, again");
        let mut give = update(keys::channel(channel), give)
            .condition_expression(condition)
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":holder", text(holder))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(state) = changed {
            give = give.expression_attribute_values(":doc", json(state)?);
        }
        Ok(match self.update(give).await? {
            Written::Done(_) => true,
            // The condition also fails if the turn has passed to another worker: then there is nothing to give back.
            Written::Refused(channel) => {
                Reader::new(&channel).optional_text("holder") != Some(holder)
            }
        })
    }

    /// The state of a channel; the default one if nothing was ever sent there.
    ///
    /// # Errors
    /// If the table does not answer or the state cannot be read.
    pub async fn channel_state(&self, channel: &str) -> Result<ChannelState, StoreError> {
        let channel = self.get(keys::channel(channel)).await?;
        channel.map_or_else(|| Ok(ChannelState::default()), |channel| state(&channel))
    }

    /// The new id of a Telegram chat that has moved, if it differs from the operator's file: the
    /// configured id and the current one.
    ///
    /// # Errors
    /// If the table does not answer or the state cannot be read.
    pub async fn moved_chat(&self, channel: &str) -> Result<Option<(i64, i64)>, StoreError> {
        let moved = self.channel_state(channel).await?.moved;
        Ok(moved.map(|moved| (moved.configured, moved.now)))
    }
}

fn state(channel: &Item) -> Result<ChannelState, StoreError> {
    let reader = Reader::new(channel);
    let state = reader.has("doc").then(|| reader.json("doc"));
    Ok(state.transpose()?.unwrap_or_default())
}
