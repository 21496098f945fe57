//! Export of the operation logs, by two scans of the table: the ends of all logs, then their entries.
//! So a log that grows meanwhile has at least the entries that its incident names.

use domain::incident::operation_log::{Entry, Head};
use domain::primitives::id::IncidentId;
use futures_util::FutureExt as _;

use super::attributes::{Item, Reader, text};
use super::error::failed;
use super::{Store, StoreError, incident, keys};

/// An item of an export.
#[derive(Debug)]
pub enum Exported {
    Entry(IncidentId, Box<Entry>),
    /// The end of a log, as its incident has it.
    Head(IncidentId, Head),
    /// An item that is none of ours, or was spoiled.
    Unreadable(StoreError),
}

impl Store {
    /// The operation logs of all incidents, closed ones among them.
    ///
    /// # Errors
    /// If the table does not answer. An item that cannot be read is a part of the export.
    pub async fn export(&self) -> Result<Vec<Exported>, StoreError> {
        let heads = self.scan("sk = :sk", "INCIDENT").await?;
        let entries = self.scan("begins_with(sk, :sk)", "LOG#").await?;
        let heads = heads
            .iter()
            .map(|item| incident::head(item).map(|(id, head)| Exported::Head(id, head)));
        let entries = entries.iter().map(|item| {
            let (id, entry) = logged(item)?;
            Ok(Exported::Entry(id, Box::new(entry)))
        });
        let readable =
            |item: Result<Exported, StoreError>| item.unwrap_or_else(Exported::Unreadable);
        Ok(heads.chain(entries).map(readable).collect())
    }

    async fn scan(&self, condition: &str, sort_key: &str) -> Result<Vec<Item>, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression(condition)
            .expression_attribute_values(":sk", text(sort_key));
        let items = scan.into_paginator().items().send();
        items.try_collect().boxed().await.map_err(failed)
    }
}

/// An entry of an operation log with its incident. Its key says the same number as it does.
pub(super) fn logged(item: &Item) -> Result<(IncidentId, Entry), StoreError> {
    let reader = Reader::new(item);
    let id = reader.text("pk")?.strip_prefix("INC#");
    let id = id.and_then(|id| IncidentId::try_from(id).ok());
    let id = id.ok_or_else(|| reader.unreadable("its key names no incident"))?;
    let entry = incident::entry(item)?;
    if keys::log_entry(&id, entry.sequence).sk != reader.text("sk")? {
        return Err(reader.unreadable("its key has another number"));
    }
    Ok((id, entry))
}
