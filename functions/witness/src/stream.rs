//! Records of the table's stream
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html>), and
//! what they say of the operation log.

use domain::primitives::id::IncidentId;
use evidence::leaf::{Act, Leaf};
use serde::Deserialize;
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
    new_image: Option<Image>,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

/// Of an entry of the operation log, what is read.
#[derive(Debug, Deserialize)]
struct Image {
    hash: Option<Text>,
    erased: Option<Flag>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Flag {
    bool: bool,
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
        let sequence = number.parse();
        let sequence = sequence.map_err(|_| unreadable("its key has no number"))?;
        let image = self.dynamodb.new_image.as_ref();
        let hash = image.and_then(|image| image.hash.as_ref());
        let hash = hash.map(|hash| hash.s.replace(char::is_whitespace, "-"));
        let erased = image.and_then(|image| image.erased);
        let erased = erased.is_some_and(|flag| flag.bool);
        let act = match (self.event_name, hash) {
            (EventName::Insert, Some(hash)) => Act::Written { hash },
            (EventName::Modify, Some(hash)) if erased => Act::Erased { hash },
            (EventName::Modify, Some(hash)) => Act::Changed { hash },
            // An entry without a hash is none of ours: what it holds is no matter.
            (EventName::Insert, None) => Act::Written {
                hash: "none".to_owned(),
            },
            (EventName::Modify, None) => Act::Changed {
                hash: "none".to_owned(),
            },
            (EventName::Remove, _) if self.by_dynamodb() => Act::Expired,
            (EventName::Remove, _) => Act::Deleted,
        };
        Ok(Some(Leaf {
            incident,
            sequence,
            act,
        }))
    }

    fn by_dynamodb(&self) -> bool {
        let identity = self.user_identity.as_ref();
        identity.is_some_and(|identity| identity.principal_id.as_deref() == Some(DYNAMODB))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Record;

    fn record(change: Value) -> Result<Option<String>, String> {
        let mut record = json!({
            "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-29T00:00:00.000",
            "dynamodb": {
                "ApproximateCreationDateTime": 1.7e9, "SequenceNumber": "1", "SizeBytes": 26, "StreamViewType": "NEW_IMAGE",
                "Keys": { "pk": { "S": "INC#01ARZ3NDEKTSV4RRFFQ69G5FAV" }, "sk": { "S": "LOG#0000000007" } },
                "NewImage": { "hash": { "S": "ab" }, "erased": { "BOOL": false }, "seq": { "N": "7" }, "success": { "BOOL": true } },
            },
        });
        for (pointer, value) in change.as_object().expect("pointers") {
            match record.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => record[pointer.trim_start_matches('/')] = value.clone(),
            }
        }
        let record: Record = serde_json::from_value(record).expect("a record");
        let leaf = record.leaf().map_err(|error| error.to_string())?;
        Ok(leaf.map(|leaf| leaf.to_string()))
    }

    #[test]
    fn each_write_to_the_log_is_a_leaf() {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let gone = || json!({ "/eventName": "REMOVE", "/dynamodb/NewImage": null });
        let mut expired = gone();
        expired["/userIdentity"] =
            json!({ "type": "Service", "principalId": "dynamodb.amazonaws.com" });
        for (change, leaf) in [
            (json!({}), format!("written {id} 7 ab")),
            (
                json!({ "/eventName": "MODIFY" }),
                format!("changed {id} 7 ab"),
            ),
            (
                json!({ "/eventName": "MODIFY", "/dynamodb/NewImage/erased": { "BOOL": true } }),
                format!("erased {id} 7 ab"),
            ),
            (gone(), format!("deleted {id} 7")),
            (expired, format!("expired {id} 7")),
            (
                json!({ "/dynamodb/NewImage": { "hash": { "S": "a b\nc" } } }),
                format!("written {id} 7 a-b-c"),
            ),
            (
                json!({ "/dynamodb/NewImage": {} }),
                format!("written {id} 7 none"),
            ),
        ] {
            assert_eq!(record(change), Ok(Some(leaf)));
        }
        assert_eq!(
            record(json!({ "/dynamodb/Keys/sk/S": "INCIDENT" })),
            Ok(None)
        );
        for (pointer, value) in [
            ("/dynamodb/Keys/pk/S", "TARGET#x"),
            ("/dynamodb/Keys/sk/S", "LOG#x"),
        ] {
            assert!(record(json!({ pointer: value })).is_err(), "{value}");
        }
    }
}
