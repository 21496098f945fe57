//! The state of the witness in the control table. What it means is the witness's own business.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::attributes::{Reader, json, number};
use super::control::ControlTable;
use super::keys;
use super::request::put_over_version;

impl ControlTable {
    /// The state of the witness and its version; none and 0 before the first one.
    ///
    /// # Errors
    /// If the table does not answer or the item is another.
    pub async fn witnessed<T: DeserializeOwned>(&self) -> Result<(Option<T>, u64), StoreError> {
        let Some(item) = self.0.get(keys::witnessed()).await? else {
            return Ok((None, 0));
        };
        let reader = Reader::new(&item);
        Ok((Some(reader.json("doc")?), reader.number("version")?))
    }

    /// Saves the state over the version that was read, and gives the new version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another one is there by now: two shards of the stream are read at a
    /// time, and the batch comes again.
    pub async fn save_witnessed(
        &self,
        state: &impl Serialize,
        before: u64,
    ) -> Result<u64, StoreError> {
        let version = before + 1;
        let fields = [("doc", json(state)?), ("version", number(version))];
        let item = keys::witnessed().item(fields);
        let saved = self.0.put(put_over_version(item, before)).await?;
        saved.or_conflict()?;
        Ok(version)
    }
}
