//! Erasure in the table: of a person's data, or of what commands printed.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::incident::erasure::{ErasedEntry, Erasure, erasure_record};
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
    /// it was broken off. What DynamoDB would delete it still deletes, and no sooner or later.
    ///
    /// # Errors
    /// If the table does not answer, or what is left is no incident; [`StoreError::Conflict`] if something else was taken out of an entry
    /// meanwhile, which this would put back.
    pub async fn erase(
        &self,
        id: &IncidentId,
        erasure: &Erasure,
        entries: &[ErasedEntry],
        by: ErasedBy<'_>,
    ) -> Result<(), StoreError> {
        let kept = self.retention_of(id, entries, by.at).await?;
        let kept = self.clone().kept_for(kept);
        let record = erasure_record(id, entries, by.by, by.why);
        let noted = kept.change(id, |change| {
            if let Some(erased) = erasure.incident(&change.incident)? {
                change.incident = erased;
            }
            change.record(by.at, record.clone());
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
    async fn erase_entry(&self, id: &IncidentId, entry: &ErasedEntry) -> Result<(), StoreError> {
        const LEFT: &str = "SET actor = :actor, detail = :detail, #context = :context, erased = :erased, taken = :taken";
        let ErasedEntry { before, after } = entry;
        let key = keys::log_entry(id, after.sequence);
        let (expression, error) = match &after.error {
            Some(error) => (format!("{LEFT}, #error = :error"), Some(text(error))),
            None => (LEFT.to_owned(), None),
        };
        let (condition, taken_before) = match (before.erased, before.taken.is_empty()) {
            (false, _) => ("attribute_not_exists(erased)", None),
            // One of before has no digests.
            (true, true) => ("erased = :erased AND attribute_not_exists(taken)", None),
            (true, false) => ("taken = :taken_before", Some(taken_item(before))),
        };
        let mut write = update(key, expression)
            .condition_expression(format!("#hash = :hash AND {condition}"))
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_names("#context", "context")
            .expression_attribute_values(":hash", text(&after.hash))
            .expression_attribute_values(":actor", text(&after.actor))
            .expression_attribute_values(":detail", text(&after.detail))
            .expression_attribute_values(":context", text(after.context.to_string()))
            .expression_attribute_values(":erased", flag(true))
            .expression_attribute_values(":taken", taken_item(after));
        if let Some(error) = error {
            write = write
                .expression_attribute_names("#error", "error")
                .expression_attribute_values(":error", error);
        }
        if let Some(taken) = taken_before {
            write = write.expression_attribute_values(":taken_before", taken);
        }
        self.update(write).await?.or_conflict()
    }

    /// For how long an incident's items are kept, as those wrote them whose retention it is: whoever erases
    /// does not know the stack's. The new entry is kept at least as long as those of which it says that they were erased.
    async fn retention_of(
        &self,
        id: &IncidentId,
        erased: &[ErasedEntry],
        now: Timestamp,
    ) -> Result<Retention, StoreError> {
        let incident = self.known_incident(id).await?;
        let last = self.log_after(id, incident.log_head.sequence.saturating_sub(1));
        let last = last.await?.pop().map(|entry| entry.at);
        let of_log = self.end_of(keys::log_entry(id, incident.log_head.sequence));
        let of_log = of_log.await?.zip(last);
        let mut log_entries = of_log.map(|(end, written)| end.duration_since(written));
        for entry in erased {
            let end = self.end_of(keys::log_entry(id, entry.after.sequence));
            let end = end.await?.map(|end| end.duration_since(now));
            log_entries = log_entries.zip(end).map(|(one, other)| one.max(other));
        }
        Ok(Retention {
            incidents: self
                .end_of(keys::incident(id))
                .await?
                .map(|end| end.duration_since(now)),
            log_entries,
            output: None,
        })
    }

    /// When DynamoDB deletes an item, if it does.
    async fn end_of(&self, key: Key) -> Result<Option<Timestamp>, StoreError> {
        let Some(item) = self.get(key).await? else {
            return Ok(None);
        };
        Reader::new(&item).end()
    }
}

/// The digests of what was taken out of an entry, as its item has them.
fn taken_item(entry: &Entry) -> AttributeValue {
    text(entry.taken.join(" "))
}
