//! Records of the table's stream
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html>), and
//! what they say of the operation log.

use domain::primitives::id::IncidentId;
use evidence::leaf::{Item, Leaf, Write};
use serde::Deserialize;
use serde_json::Value;
use store::LogImage;
use thiserror::Error;

/// Whom DynamoDB names where it deletes what has expired
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html>).
const DYNAMODB: &str = "dynamodb.amazonaws.com";

/// A batch of a stream.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamEvent {
    pub records: Vec<Record>,
}

/// A write to an item.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    event_name: EventName,
    dynamodb: Change,
    user_identity: Option<UserIdentity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum EventName {
    Insert,
    Modify,
    Remove,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Keys,
    // Read later, whatever it holds: who writes something that cannot be read must not keep the whole batch from being read.
    new_image: Option<Value>,
    /// In seconds since 1970.
    #[serde(default)]
    approximate_creation_date_time: f64,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    s: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserIdentity {
    principal_id: Option<String>,
}

/// A record that is about the log and cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the write to {key} is none of an operation log: {why}")]
pub struct UnreadableRecord {
    key: String,
    why: &'static str,
}

impl Record {
    /// What it says of an entry; nothing if it is about another kind of item.
    ///
    /// # Errors
    /// If it is about the log and cannot be read.
    pub fn leaf(&self) -> Result<Option<Leaf>, UnreadableRecord> {
        let Keys { pk, sk } = &self.dynamodb.keys;
        let Some(number) = sk.s.strip_prefix("LOG#") else {
            return Ok(None);
        };
        let unreadable = |why| UnreadableRecord {
            key: format!("{} / {}", pk.s, sk.s),
            why,
        };
        let incident = pk.s.strip_prefix("INC#");
        let incident = incident.and_then(|id| IncidentId::try_from(id).ok());
        let incident = incident.ok_or_else(|| unreadable("its key names no incident"))?;
        let sequence = number.parse().ok();
        // Another spelling of the same number is another item.
        let sequence = sequence.filter(|sequence| format!("{sequence:010}") == number);
        let sequence: u64 = sequence.ok_or_else(|| unreadable("its key has no number"))?;
        let image = self.dynamodb.new_image.as_ref();
        let image = image.and_then(|image| LogImage::read(image).ok());
        let image = image.filter(|image| image.incident == incident);
        let item = image.as_ref().map(|image| Item {
            entry: &image.entry,
            expires_at: image.expires_at,
        });
        let write = match self.event_name {
            EventName::Insert => Write::Inserted(item),
            EventName::Modify => Write::Modified(item),
            EventName::Remove if self.by_dynamodb() => Write::Expired,
            EventName::Remove => Write::Deleted,
        };
        Ok(Some(Leaf::of(incident, sequence, self.at(), write)))
    }

    /// When it was done, to the second.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the stream rounds down to a second"
    )]
    fn at(&self) -> i64 {
        self.dynamodb.approximate_creation_date_time as i64
    }

    fn by_dynamodb(&self) -> bool {
        let identity = self.user_identity.as_ref();
        identity.is_some_and(|identity| identity.principal_id.as_deref() == Some(DYNAMODB))
    }
}

#[cfg(test)]
mod tests {
    use domain::incident::operation_log::{Event, Head, LogRecord};
    use domain::primitives::id::IncidentId;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{Record, StreamEvent};

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    /// The hash of the entry in the record.
    fn hash() -> String {
        let incident = IncidentId::try_from(ID).expect("a ULID");
        let record = LogRecord::new(Event::StepStarted, "repair", "step 1");
        let mut head = Head {
            sequence: 6,
            hash: "aa".to_owned(),
        };
        head.append(&incident, Timestamp::UNIX_EPOCH, record).hash
    }

    fn record(change: Value) -> Value {
        let mut record = json!({
            "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-29T00:00:00.000",
            "dynamodb": {
                "ApproximateCreationDateTime": 1.7e9, "SequenceNumber": "1", "SizeBytes": 26, "StreamViewType": "NEW_IMAGE",
                "Keys": { "pk": { "S": format!("INC#{ID}") }, "sk": { "S": "LOG#0000000007" } },
                "NewImage": {
                    "pk": { "S": format!("INC#{ID}") }, "sk": { "S": "LOG#0000000007" }, "seq": { "N": "7" },
                    "at": { "S": "1970-01-01T00:00:00Z" }, "event": { "S": "STEP_STARTED" }, "actor": { "S": "repair" },
                    "detail": { "S": "step 1" }, "success": { "BOOL": true }, "context": { "S": "{}" }, "prev": { "S": "aa" },
                    "hash": { "S": hash() }, "expires_at": { "N": "1800000000" },
                },
            },
        });
        for (pointer, value) in change.as_object().expect("pointers") {
            match record.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => record[pointer.trim_start_matches('/')] = value.clone(),
            }
        }
        record
    }

    fn leaf(change: Value) -> Result<Option<String>, String> {
        let record: Record = serde_json::from_value(record(change)).expect("a record");
        let leaf = record.leaf().map_err(|error| error.to_string())?;
        Ok(leaf.map(|leaf| leaf.to_string()))
    }

    #[test]
    fn each_write_to_the_log_is_a_leaf() {
        let hash = hash();
        let at = 1_700_000_000;
        let gone = || json!({ "/eventName": "REMOVE", "/dynamodb/NewImage": null });
        let mut expired = gone();
        expired["/userIdentity"] =
            json!({ "type": "Service", "principalId": "dynamodb.amazonaws.com" });
        let none = format!("written {ID} 7 none {at} ever");
        for (change, expected) in [
            (json!({}), format!("written {ID} 7 {hash} {at} 1800000000")),
            (
                json!({ "/eventName": "MODIFY" }),
                format!("changed {ID} 7 {hash} {at}"),
            ),
            (gone(), format!("deleted {ID} 7 {at}")),
            (expired, format!("expired {ID} 7 {at}")),
            // What is no entry of ours, or of another place.
            (
                json!({ "/dynamodb/NewImage/detail/S": "step 2" }),
                none.clone(),
            ),
            (
                json!({ "/dynamodb/NewImage/sk/S": "LOG#0000000008" }),
                none.clone(),
            ),
            (
                json!({ "/dynamodb/NewImage/pk/S": "INC#01ARZ3NDEKTSV4RRFFQ69G5FAW" }),
                none.clone(),
            ),
            (json!({ "/dynamodb/NewImage": {} }), none),
        ] {
            assert_eq!(leaf(change), Ok(Some(expected)));
        }
        assert_eq!(leaf(json!({ "/dynamodb/Keys/sk/S": "INCIDENT" })), Ok(None));
        for (pointer, value) in [
            ("/dynamodb/Keys/pk/S", "TARGET#x"),
            ("/dynamodb/Keys/sk/S", "LOG#x"),
            ("/dynamodb/Keys/sk/S", "LOG#7"),
            ("/dynamodb/Keys/sk/S", "LOG#+000000007"),
        ] {
            assert!(leaf(json!({ pointer: value })).is_err(), "{value}");
        }
    }

    #[test]
    fn an_item_that_cannot_be_read_holds_up_no_other() {
        let spoiled = [
            json!({ "/dynamodb/NewImage/hash": { "N": "1" } }),
            json!({ "/dynamodb/NewImage/seq": { "L": [{ "NULL": true }] } }),
            json!({ "/dynamodb/NewImage": "none" }),
        ];
        let records: Vec<Value> = spoiled.into_iter().chain([json!({})]).map(record).collect();
        let batch: StreamEvent =
            serde_json::from_value(json!({ "Records": records })).expect("a batch");
        let leaves = batch
            .records
            .iter()
            .map(|record| record.leaf().ok().flatten());
        let hashes: Vec<String> = leaves
            .map(|leaf| leaf.expect("a leaf").to_string())
            .map(|leaf| leaf.split(' ').nth(3).expect("a hash").to_owned())
            .collect();
        assert_eq!(hashes, ["none", "none", "none", &hash()]);
    }
}
