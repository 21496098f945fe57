//! Incidents whose steps printed something, listed by day, so that the output can be erased in time.
//! A scan of the table would find them too, at the price of reading all of it.

use aws_sdk_dynamodb::types::builders::PutBuilder;
use domain::incident::erasure::Erasure;
use domain::incident::operation_log::Entry;
use domain::primitives::id::IncidentId;
use domain::primitives::time::utc_day;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Reader, seconds, text};
use super::keys;
use super::request::{all_pages, delete, put};
use super::{Store, StoreError};

/// How long a list is kept after its output should have been erased: longer than a schedule is
/// likely to be switched off.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

impl Store {
    /// How long the output of steps is kept; none if as long as its incident.
    pub fn output_kept_for(&self) -> Option<SignedDuration> {
        self.retention.output
    }

    /// The incidents whose steps printed something on a day (UTC).
    ///
    /// # Errors
    /// If the table does not answer or an item cannot be read.
    pub async fn with_output_of(&self, day: Date) -> Result<Vec<IncidentId>, StoreError> {
        let query = self.query_prefix(keys::output_partition(day), keys::POINTER);
        let items = all_pages(query).await?;
        let ids = items.iter().map(|item| {
            let reader = Reader::new(item);
            let id = reader.text("sk")?.trim_start_matches(keys::POINTER);
            IncidentId::try_from(id).map_err(|_| reader.unreadable("its key names no incident"))
        });
        ids.collect()
    }

    /// Lists an incident under a day.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn list_output(&self, day: Date, id: &IncidentId) -> Result<(), StoreError> {
        self.put(listed(day, id, self.retention.output.unwrap_or_default()))
            .await
            .map(drop)
    }

    /// Takes an incident off the list of a day.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn unlist_output(&self, day: Date, id: &IncidentId) -> Result<(), StoreError> {
        let pointer = keys::pointer(keys::output_partition(day), id);
        self.delete(delete(pointer)).await.map(drop)
    }

    /// The last day whose output is erased, if any was.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn output_erased_until(&self) -> Result<Option<Date>, StoreError> {
        let Some(item) = self.get(keys::output_erased()).await? else {
            return Ok(None);
        };
        let reader = Reader::new(&item);
        let day = reader.text("day")?.parse();
        day.map(Some)
            .map_err(|error| reader.unreadable(format!("day: {error}")))
    }

    /// Records that the output of this day and of those before it is erased.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn output_is_erased_until(&self, day: Date) -> Result<(), StoreError> {
        let item = keys::output_erased().item([("day", text(day.to_string()))]);
        self.put(put(item)).await.map(drop)
    }
}

/// The pointer that lists an incident whose entries hold what a command printed, if they do.
pub(super) fn pointer(
    id: &IncidentId,
    entries: &[Entry],
    kept: SignedDuration,
) -> Option<PutBuilder> {
    let printed = |entry: &&Entry| Erasure::Output.entry(entry).is_some();
    let last = entries.iter().rev().find(printed)?;
    Some(listed(utc_day(last.at), id, kept))
}

fn listed(day: Date, id: &IncidentId, kept: SignedDuration) -> PutBuilder {
    let end = Timestamp::now() + kept + KEPT_FOR;
    let key = keys::pointer(keys::output_partition(day), id);
    put(key.item([("expires_at", seconds(end))]))
}
