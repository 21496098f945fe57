//! The turn to write a card: one notifier at a time, and the last state always gets shown.
//!
//! Whoever finds the card taken leaves a mark; whoever holds it finds the mark when giving it back, and shows the newer
//! state before leaving. So no message is lost and no older state overwrites a newer one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number, text};
use super::{Store, StoreError, budget, failed, flow};
use crate::domain::id::{FlowId, IncidentId};

/// What a card is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardOf<'a> {
    /// An incident.
    Incident(&'a IncidentId),
    /// A run of a delivery pipeline.
    Flow(&'a FlowId),
    /// The budget of a day that is used up.
    Budget(Date),
}

/// A card that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCard {
    /// The channel's id of the message.
    pub message_id: String,
    /// A digest of what it shows.
    pub shows: String,
}

/// Whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub enum CardTurn {
    /// The one who asked; with the card as it was sent last, if it was.
    Mine(Option<SentCard>),
    /// Somebody else's. A mark was left: they will show the newest state.
    Theirs,
}

impl Store {
    /// Takes the turn for a card in a channel, until `now + time` at the latest.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn take_card(
        &self,
        of: CardOf<'_>,
        channel: &str,
        holder: &str,
        now: Timestamp,
        time: SignedDuration,
    ) -> Result<CardTurn, StoreError> {
        // Incidents stay, and their cards with them; a day's notice goes with the day, and a run's card with the run.
        let kept_for = match of {
            CardOf::Incident(_) => None,
            CardOf::Flow(_) => Some(flow::KEPT_FOR),
            CardOf::Budget(_) => Some(budget::KEPT_FOR),
        };
        let expires_at = kept_for.map(|kept_for| (now + kept_for).as_second());
        let kept = expires_at.map_or("", |_| ", expires_at = :expires_at");
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(of, channel)))
            .update_expression(format!("SET holder = :holder, #until = :until{kept} REMOVE again"))
            .condition_expression("attribute_not_exists(#until) OR #until < :now OR holder = :holder")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":until", millis(now + time))
            .expression_attribute_values(":now", millis(now))
            .return_values(ReturnValue::AllNew);
        if let Some(seconds) = expires_at {
            request = request.expression_attribute_values(":expires_at", number(seconds));
        }
        match request.send().await {
            Ok(answer) => Ok(CardTurn::Mine(sent(&answer.attributes.unwrap_or_default()))),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                self.mark_card(of, channel, now).await
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Leaves the mark for whoever holds the card. If nobody holds it any more, the caller has to come again.
    async fn mark_card(&self, of: CardOf<'_>, channel: &str, now: Timestamp) -> Result<CardTurn, StoreError> {
        let marked = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(of, channel)))
            .update_expression("SET again = :now")
            .condition_expression("#until >= :now")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", millis(now))
            .send()
            .await;
        match marked {
            Ok(_) => Ok(CardTurn::Theirs),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Err(StoreError::Conflict),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Notes what the card shows now, while the turn goes on.
    ///
    /// # Errors
    /// If the table does not answer, or the turn went to somebody else in the meantime.
    pub async fn card_sent(&self, of: CardOf<'_>, channel: &str, holder: &str, card: &SentCard) -> Result<(), StoreError> {
        let noted = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(of, channel)))
            .update_expression("SET message_id = :message, shows = :shows")
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":message", text(&card.message_id))
            .expression_attribute_values(":shows", text(&card.shows))
            .send()
            .await;
        match noted {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Err(StoreError::Conflict),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Gives the turn back. False if a mark was left meanwhile: the turn goes on, and the newest state has to be shown.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn give_card_back(&self, of: CardOf<'_>, channel: &str, holder: &str) -> Result<bool, StoreError> {
        let given = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(of, channel)))
            .update_expression("REMOVE holder, #until")
            .condition_expression("holder = :holder AND attribute_not_exists(again)")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":holder", text(holder))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match given {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let still_mine = failed.item().and_then(|item| Reader::new(item).optional_text("holder")) == Some(holder);
                    Ok(!still_mine)
                }
                _ => Err(failed(&error)),
            },
        }
    }
}

fn sent(item: &Item) -> Option<SentCard> {
    let reader = Reader::new(item);
    Some(SentCard { message_id: reader.optional_text("message_id")?.to_owned(), shows: reader.optional_text("shows")?.to_owned() })
}

fn key(of: CardOf<'_>, channel: &str) -> Item {
    let subject = match of {
        CardOf::Incident(incident) => format!("INC#{incident}"),
        CardOf::Flow(flow) => format!("FLOW#{flow}"),
        CardOf::Budget(day) => format!("BUDGET#{day}"),
    };
    HashMap::from([("pk".to_owned(), text(subject)), ("sk".to_owned(), text(format!("CARD#{channel}")))])
}
