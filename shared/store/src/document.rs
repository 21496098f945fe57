//! Items that are one JSON document with a version.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::attributes::{Item, Reader, json, number, seconds};
use super::keys::Key;
use super::request::put_over_version;
use super::retry::DECISIONS;
use super::{Store, StoreError};
use aws::retry::wait_or;

/// A document, and the version that is written over: 0 and empty if it is not there.
#[derive(Default)]
pub(super) struct Document<T> {
    pub(super) document: T,
    pub(super) version: u64,
}

impl<T: DeserializeOwned + Default> Document<T> {
    pub(super) fn read(item: Option<&Item>) -> Result<Self, StoreError> {
        let Some(item) = item else {
            return Ok(Self::default());
        };
        let reader = Reader::new(item);
        Ok(Self {
            document: reader.json("doc")?,
            version: reader.number("version")?,
        })
    }
}

impl Store {
    pub(super) async fn document<T: DeserializeOwned + Default>(
        &self,
        key: Key,
    ) -> Result<Document<T>, StoreError> {
        Document::read(self.get(key).await?.as_ref())
    }

    /// Reads a document, changes it, and writes it over the version that was read; repeats this
    /// after a write conflict.
    pub(super) async fn revise<T, R>(
        &self,
        key: Key,
        expires_at: Option<Timestamp>,
        change: impl Fn(&mut T) -> R,
    ) -> Result<R, StoreError>
    where
        T: Serialize + DeserializeOwned + Default + Clone + PartialEq,
    {
        let mut waits = DECISIONS.waits();
        loop {
            let loaded: Document<T> = self.document(key.clone()).await?;
            let mut document = loaded.document.clone();
            let answer = change(&mut document);
            // The change had no effect, so there is nothing to write.
            if document == loaded.document {
                return Ok(answer);
            }
            let written = self.put_document(key.clone(), &document, loaded.version, expires_at);
            match written.await {
                Ok(()) => return Ok(answer),
                Err(error @ StoreError::Conflict) => wait_or(waits.next(), error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes a document over the version that was read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another writer has changed it since.
    pub(super) async fn put_document(
        &self,
        key: Key,
        document: &impl Serialize,
        before: u64,
        expires_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let fields = [("doc", json(document)?), ("version", number(before + 1))];
        let expires_at = expires_at.map(|at| ("expires_at", seconds(at)));
        let item = key.item(fields.into_iter().chain(expires_at));
        self.put(put_over_version(item, before))
            .await?
            .or_conflict()
    }
}
