//! Stored cards: the message that a channel shows of an incident or of a day's budget.
//!
//! Only the holder of the channel's turn writes a card of the channel (see [`super::channel`]); the
//! version of the card detects a holder that was too slow and has lost the turn.

use jiff::Timestamp;

use super::attributes::Reader;
use super::document::Document;
use super::keys::{self, CardOf};
use super::request::all_pages;
use super::{Store, StoreError, budget, pipeline_run};
use domain::notification::outbox::LiveCard;

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
        let Document { document, version } = self.document(keys::card(of, channel)).await?;
        Ok(StoredCard {
            card: document,
            version,
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
        // Incidents stay, and their cards with them; a day's notice goes with the day, and a run's card with the run.
        let kept_for = match of {
            CardOf::Incident(_) => None,
            CardOf::PipelineRun(_) => Some(pipeline_run::KEPT_FOR),
            CardOf::Budget(_) => Some(budget::KEPT_FOR),
        };
        let expires_at = kept_for.map(|kept_for| now + kept_for);
        let key = keys::card(of, channel);
        self.put_document(key, &stored.card, stored.version, expires_at)
            .await?;
        stored.version += 1;
        Ok(())
    }

    /// The names of the channels that have a card.
    ///
    /// # Errors
    /// If the table does not answer or an item cannot be read.
    pub async fn channels_with_card(&self, of: CardOf<'_>) -> Result<Vec<String>, StoreError> {
        let query = self
            .query_prefix(keys::card_partition(of), keys::CARD)
            .projection_expression("pk, sk");
        let name = |item| {
            let sort = Reader::new(item).text("sk")?;
            Ok(sort.trim_start_matches(keys::CARD).to_owned())
        };
        all_pages(query).await?.iter().map(name).collect()
    }
}
