//! Erasure in the table: of a person's data, or of what commands printed.

use domain::incident::erasure::{Erasure, note_erasure};
use domain::incident::operation_log::Entry;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;

use super::attributes::{Reader, flag, text};
use super::keys::{self, Key};
use super::request::update;
use super::retention::Retention;
use super::{Store, StoreError};

/// Who erases, when and why: the log keeps it.
#[derive(Debug, Clone, Copy)]
pub struct ErasedBy<'a> {
    pub by: &'a str,
    pub why: &'a str,
    pub at: Timestamp,
}

impl Store {
    /// Takes it out of an incident and of these entries of its log, which [`Erasure::entry`] gave. The log
    /// says so first: what is erased without that is found as tampered with. Done again it goes on where
    /// it was broken off. What DynamoDB would delete it still deletes.
    ///
    /// # Errors
    /// If the table does not answer, or what is left is no incident.
    pub async fn erase(
        &self,
        id: &IncidentId,
        erasure: &Erasure,
        entries: &[Entry],
        by: ErasedBy<'_>,
    ) -> Result<(), StoreError> {
        let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence).collect();
        let kept = self.clone().kept_for(self.retention_of(id, by.at).await?);
        let noted = kept.change(id, |change| {
            if let Some(erased) = erasure.incident(&change.incident)? {
                change.incident = erased;
            }
            note_erasure(change, &sequences, by.by, by.why, by.at);
            Ok::<(), serde_json::Error>(())
        });
        let (_, erased) = noted.await?;
        erased.map_err(StoreError::unwritable)?;
        for entry in entries {
            self.erase_entry(id, entry).await?;
        }
        Ok(())
    }

    /// Writes what is left of an entry over the one that was read, and over no other.
    async fn erase_entry(&self, id: &IncidentId, entry: &Entry) -> Result<(), StoreError> {
        const LEFT: &str =
            "SET actor = :actor, detail = :detail, #context = :context, erased = :erased";
        let key = keys::log_entry(id, entry.sequence);
        let (expression, error) = match &entry.error {
            Some(error) => (format!("{LEFT}, #error = :error"), Some(text(error))),
            None => (LEFT.to_owned(), None),
        };
        let mut write = update(key, expression)
            .condition_expression("#hash = :hash")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_names("#context", "context")
            .expression_attribute_values(":hash", text(&entry.hash))
            .expression_attribute_values(":actor", text(&entry.actor))
            .expression_attribute_values(":detail", text(&entry.detail))
            .expression_attribute_values(":context", text(entry.context.to_string()))
            .expression_attribute_values(":erased", flag(true));
        if let Some(error) = error {
            write = write
                .expression_attribute_names("#error", "error")
                .expression_attribute_values(":error", error);
        }
        self.update(write).await?.or_conflict()
    }

    /// For how long an incident's items are kept, as those wrote them whose retention it is: whoever erases
    /// does not know the stack's.
    async fn retention_of(&self, id: &IncidentId, now: Timestamp) -> Result<Retention, StoreError> {
        let incident = self.known_incident(id).await?;
        let last = self.log_after(id, incident.log_head.sequence.saturating_sub(1));
        let last = last.await?.pop().map(|entry| entry.at);
        let of_log = self.end_of(keys::log_entry(id, incident.log_head.sequence));
        let of_log = of_log.await?;
        Ok(Retention {
            incidents: self
                .end_of(keys::incident(id))
                .await?
                .map(|end| end.duration_since(now)),
            log_entries: of_log
                .zip(last)
                .map(|(end, written)| end.duration_since(written)),
            output: None,
        })
    }

    /// When DynamoDB deletes an item, if it does.
    async fn end_of(&self, key: Key) -> Result<Option<Timestamp>, StoreError> {
        let Some(item) = self.get(key).await? else {
            return Ok(None);
        };
        let reader = Reader::new(&item);
        let seconds: i64 = reader.number_or_zero("expires_at")?;
        let end = Timestamp::from_second(seconds);
        let end = end.map_err(|_| reader.unreadable("expires_at is not a time"))?;
        Ok((seconds > 0).then_some(end))
    }
}
