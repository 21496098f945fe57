//! Entries of operation logs as they stand in images of the table's stream.

use domain::incident::operation_log::Entry;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

use super::StoreError;
use super::attributes::{Reader, WireItem};
use super::export::logged;

/// An entry as its item has it after a write.
#[derive(Debug, Clone, PartialEq)]
pub struct LogImage {
    pub incident: IncidentId,
    pub entry: Entry,
    /// When DynamoDB deletes the item, if it does.
    pub expires_at: Option<Timestamp>,
}

impl LogImage {
    /// Reads an image, which is JSON as DynamoDB writes it.
    ///
    /// # Errors
    /// If it is no entry that [`super::Store`] writes.
    pub fn read(image: &Value) -> Result<Self, StoreError> {
        let item = WireItem::deserialize(image).map_err(|error| StoreError::Unreadable {
            key: format!("{} / {}", image["pk"]["S"], image["sk"]["S"]),
            why: error.to_string(),
        })?;
        let (incident, entry) = logged(&item.0)?;
        let expires_at = Reader::new(&item.0).end()?;
        Ok(Self {
            incident,
            entry,
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::LogImage;

    fn image() -> Value {
        json!({
            "pk": { "S": "INC#01ARZ3NDEKTSV4RRFFQ69G5FAV" }, "sk": { "S": "LOG#0000000007" },
            "seq": { "N": "7" }, "at": { "S": "2026-11-30T00:00:00Z" }, "event": { "S": "STEP_STARTED" },
            "actor": { "S": "repair" }, "detail": { "S": "step 1" }, "success": { "BOOL": true },
            "context": { "S": "{}" }, "prev": { "S": "aa" }, "hash": { "S": "bb" }, "expires_at": { "N": "1800000000" },
        })
    }

    #[test]
    fn an_image_is_an_entry_with_its_end() {
        let read = LogImage::read(&image()).expect("an entry");
        assert_eq!((read.entry.sequence, read.entry.taken.len()), (7, 0));
        assert_eq!(
            read.expires_at.map(|end| end.as_second()),
            Some(1_800_000_000)
        );
        let mut kept = image();
        kept.as_object_mut().expect("an item").remove("expires_at");
        kept["taken"] = json!({ "S": "cc dd" });
        let read = LogImage::read(&kept).expect("an entry");
        assert_eq!(
            (read.expires_at, read.entry.taken.join(",")),
            (None, "cc,dd".to_owned())
        );
    }

    #[test]
    fn an_item_of_another_form_is_an_error() {
        for (name, value) in [
            ("hash", json!({ "N": "1" })),
            ("erased", json!({ "S": "true" })),
            ("expires_at", json!({ "N": "1.5" })),
            ("sk", json!({ "S": "LOG#0000000008" })),
            ("sk", json!({ "S": "LOG#7" })),
            ("more", json!({ "B": "AA==" })),
            ("context", json!({ "S": "{" })),
        ] {
            let mut bent = image();
            bent[name] = value.clone();
            assert!(LogImage::read(&bent).is_err(), "{name}: {value}");
        }
    }
}
