//! Stored cards: the message that a channel shows of an incident or of a day's budget.
//!
//! Only the holder of the channel's turn writes a card of the channel (see [`super::channel`]); the
//! version of the card detects a holder that was too slow and has lost the turn.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::attributes::{Item, Reader, number, text};
use super::channel::doc;
use super::{Store, StoreError, budget, failed, flow};
use domain::notification::outbox::LiveCard;
use domain::primitives::id::{FlowId, IncidentId};

/// What a card is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardOf<'a> {
    Incident(&'a IncidentId),
    /// A run of a delivery pipeline.
    Flow(&'a FlowId),
    /// The budget of a day that is used up.
    Budget(Date),
}

/// A stored card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredCard {
    pub card: LiveCard,
    version: u64,
}

impl Store {
    /// A card in a channel; an empty one if nothing was sent yet.
    ///
    /// # Errors
    /// If the table does not answer or the card cannot be read.
    pub async fn card(&self, of: CardOf<'_>, channel: &str) -> Result<StoredCard, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(of, channel)))
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(&error))?;
        let Some(item) = answer.item() else {
            return Ok(StoredCard::default());
        };
        let reader = Reader::new(item);
        let card = serde_json::from_str(reader.text("doc")?)
            .map_err(|error| reader.unreadable(format!("doc: {error}")))?;
        Ok(StoredCard {
            card,
            version: reader.number("version")?,
        })
    }

    /// Saves a card.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another writer has changed it since it was read.
    pub async fn save_card(
        &self,
        of: CardOf<'_>,
        channel: &str,
        stored: &mut StoredCard,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = key(of, channel);
        item.insert("doc".to_owned(), text(doc(&stored.card)?));
        item.insert("version".to_owned(), number(stored.version + 1));
        // Incidents stay, and their cards with them; a day's notice goes with the day, and a run's card with the run.
        let kept_for = match of {
            CardOf::Incident(_) => None,
            CardOf::Flow(_) => Some(flow::KEPT_FOR),
            CardOf::Budget(_) => Some(budget::KEPT_FOR),
        };
        if let Some(kept_for) = kept_for {
            item.insert(
                "expires_at".to_owned(),
                number((now + kept_for).as_second()),
            );
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        let put = match stored.version {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            version => put
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", number(version)),
        };
        match put.send().await {
            Ok(_) => {
                stored.version += 1;
                Ok(())
            }
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

    /// The names of the channels that have a card.
    ///
    /// # Errors
    /// If the table does not answer or an item cannot be read.
    pub async fn channels_with_card(&self, of: CardOf<'_>) -> Result<Vec<String>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :card)")
            .expression_attribute_values(":pk", text(partition(of)))
            .expression_attribute_values(":card", text(CARD))
            .projection_expression("pk, sk")
            .consistent_read(true);
        // An operator's file names far fewer channels than one page holds.
        let page = request.send().await.map_err(|error| failed(&error))?;
        let name = |item: &Item| {
            Ok(Reader::new(item)
                .text("sk")?
                .trim_start_matches(CARD)
                .to_owned())
        };
        page.items().iter().map(name).collect()
    }
}

/// The prefix of the channel's name in the key.
const CARD: &str = "CARD#";

fn partition(of: CardOf<'_>) -> String {
    match of {
        CardOf::Incident(incident) => format!("INC#{incident}"),
        CardOf::Flow(flow) => format!("FLOW#{flow}"),
        CardOf::Budget(day) => format!("BUDGET#{day}"),
    }
}

fn key(of: CardOf<'_>, channel: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(partition(of))),
        ("sk".to_owned(), text(format!("{CARD}{channel}"))),
    ])
}
