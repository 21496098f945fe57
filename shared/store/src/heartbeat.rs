//! Heartbeats of senders: when each was heard last, and a list of them all.

use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, json, number, seconds};
use super::keys;
use super::request::{newest, put, update};
use super::{Store, StoreError};
use domain::alert::heartbeat::Heartbeat;
use domain::primitives::id::HeartbeatId;

/// How long a heartbeat is kept that is not heard any more: its sender is gone by then.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A heartbeat as it is stored.
#[derive(Debug, Clone)]
pub struct StoredHeartbeat {
    pub heartbeat: Heartbeat,
    version: u64,
}

impl StoredHeartbeat {
    /// One that was never heard before.
    pub fn new(heartbeat: Heartbeat) -> Self {
        Self {
            heartbeat,
            version: 0,
        }
    }

    /// The same item, with a changed heartbeat.
    #[must_use]
    pub fn with(self, heartbeat: Heartbeat) -> Self {
        Self { heartbeat, ..self }
    }
}

impl Store {
    /// Reads a heartbeat.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn heartbeat(&self, id: &HeartbeatId) -> Result<Option<StoredHeartbeat>, StoreError> {
        let Some(item) = self.get(keys::heartbeat(id)).await? else {
            return Ok(None);
        };
        let reader = Reader::new(&item);
        Ok(Some(StoredHeartbeat {
            heartbeat: reader.json("doc")?,
            version: reader.number("version")?,
        }))
    }

    /// Puts a heartbeat into the list of them, for as long as it is kept. Whoever watches it does: ingress writes nothing more for it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn list_heartbeat(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        let fields = [("expires_at", seconds(heartbeat.last_heard + KEPT_FOR))];
        let item = keys::listed_heartbeat(&heartbeat.id()).item(fields);
        self.put(put(item)).await.map(drop)
    }

    /// The heartbeats of the list, at most `most`, in no order.
    ///
    /// # Errors
    /// If the table does not answer or one cannot be read.
    pub async fn heartbeats(&self, most: u32) -> Result<Vec<Heartbeat>, StoreError> {
        let query = self.query_prefix(keys::heartbeats_partition(), keys::LISTED_HEARTBEAT);
        let listed = newest(query, most).await?;
        let keys: Result<Vec<_>, StoreError> = listed.iter().map(listed_key).collect();
        let items = self.get_all(&keys?, false).await?;
        items
            .iter()
            .map(|item| Reader::new(item).json("doc"))
            .collect()
    }

    /// Saves a heartbeat over the version that was read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was heard meanwhile; else if the table does not answer.
    pub async fn save_heartbeat(&self, stored: &StoredHeartbeat) -> Result<(), StoreError> {
        let StoredHeartbeat { heartbeat, version } = stored;
        // An update, which ingress has anyway: a put would be one more operation of the SDK in it.
        let write = update(
            keys::heartbeat(&heartbeat.id()),
            "SET doc = :doc, #version = :version, expires_at = :expires_at",
        )
        .condition_expression("attribute_not_exists(pk) OR #version = :before")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":doc", json(heartbeat)?)
        .expression_attribute_values(":version", number(version + 1))
        .expression_attribute_values(":before", number(version))
        .expression_attribute_values(":expires_at", seconds(heartbeat.last_heard + KEPT_FOR));
        self.update(write).await?.or_conflict()
    }
}

/// The key of the heartbeat that an item of the list points at.
fn listed_key(item: &Item) -> Result<keys::Key, StoreError> {
    let reader = Reader::new(item);
    let id = reader.text("sk")?.strip_prefix(keys::LISTED_HEARTBEAT);
    id.and_then(|id| HeartbeatId::try_from(id).ok())
        .map(|id| keys::heartbeat(&id))
        .ok_or_else(|| reader.unreadable("it points at no heartbeat"))
}

/// True if a heartbeat is older than what is kept of one: its sender is gone.
pub fn is_forgotten(heartbeat: &Heartbeat, now: Timestamp) -> bool {
    now > heartbeat.last_heard + KEPT_FOR
}
