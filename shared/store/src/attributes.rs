//! Conversion of item attributes, with errors that name the item and the attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::StoreError;
use domain::primitives::id::IncidentId;

/// An item as DynamoDB gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn flag(value: bool) -> AttributeValue {
    AttributeValue::Bool(value)
}

/// A time, in milliseconds since 1970.
pub(super) fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

/// A time as `expires_at` has it: in seconds since 1970, as DynamoDB wants.
pub(super) fn seconds(at: Timestamp) -> AttributeValue {
    number(at.as_second())
}

/// A document as JSON in a text.
pub(super) fn json(document: &impl Serialize) -> Result<AttributeValue, StoreError> {
    let json = serde_json::to_string(document).map_err(StoreError::unwritable)?;
    Ok(text(json))
}

/// An item out of DynamoDB's JSON, as the SDK reads it too: each value is an object with its type as the only name.
#[derive(Debug)]
pub(super) struct WireItem(pub(super) Item);

impl<'de> Deserialize<'de> for WireItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let item: HashMap<String, Wire> = HashMap::deserialize(deserializer)?;
        Ok(Self(
            item.into_iter()
                .map(|(name, wire)| (name, wire.into()))
                .collect(),
        ))
    }
}

/// The types that an episode is made of.
#[derive(Deserialize)]
enum Wire {
    S(String),
    N(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "SS")]
    Texts(Vec<String>),
    M(WireItem),
}

impl From<Wire> for AttributeValue {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::S(text) => Self::S(text),
            Wire::N(digits) => Self::N(digits),
            Wire::Bool(flag) => Self::Bool(flag),
            Wire::Texts(texts) => Self::Ss(texts),
            Wire::M(item) => Self::M(item.0),
        }
    }
}

/// An item whose attributes are expected to be there.
pub(super) struct Reader<'a> {
    item: &'a Item,
}

impl<'a> Reader<'a> {
    /// Reads from this item.
    pub(super) fn new(item: &'a Item) -> Self {
        Self { item }
    }

    /// The error that names this item.
    pub(super) fn unreadable(&self, why: impl Into<String>) -> StoreError {
        let part = |name: &str| self.optional_text(name).unwrap_or("?");
        StoreError::Unreadable {
            key: format!("{} / {}", part("pk"), part("sk")),
            why: why.into(),
        }
    }

    /// True if the item has this attribute.
    pub(super) fn has(&self, name: &str) -> bool {
        self.item.contains_key(name)
    }

    /// An attribute of one type.
    pub(super) fn get<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a AttributeValue) -> Option<T>,
    ) -> Result<T, StoreError> {
        let value = self
            .item
            .get(name)
            .ok_or_else(|| self.unreadable(format!("{name} is missing")))?;
        read(value).ok_or_else(|| self.unreadable(format!("{name} is not {expected}")))
    }

    pub(super) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        self.get(name, "text", |value| value.as_s().ok().map(String::as_str))
    }

    pub(super) fn string(&self, name: &str) -> Result<String, StoreError> {
        self.text(name).map(str::to_owned)
    }

    /// Text that may be missing.
    pub(super) fn optional_text(&self, name: &str) -> Option<&'a str> {
        self.item
            .get(name)
            .and_then(|value| value.as_s().ok())
            .map(String::as_str)
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        self.get(name, "a fitting number", |value| {
            value.as_n().ok().and_then(|digits| digits.parse().ok())
        })
    }

    /// A number that is 0 where it is missing.
    pub(super) fn number_or_zero<T>(&self, name: &str) -> Result<T, StoreError>
    where
        T: std::str::FromStr + Default,
    {
        if self.has(name) {
            self.number(name)
        } else {
            Ok(T::default())
        }
    }

    /// A time in milliseconds since 1970.
    pub(super) fn millis(&self, name: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.number(name)?)
            .map_err(|_| self.unreadable(format!("{name} is not a time")))
    }

    /// When DynamoDB deletes the item, if it does.
    pub(super) fn end(&self) -> Result<Option<Timestamp>, StoreError> {
        let seconds: i64 = self.number_or_zero("expires_at")?;
        let end = Timestamp::from_second(seconds);
        let end = end.map_err(|_| self.unreadable("expires_at is not a time"))?;
        Ok((seconds > 0).then_some(end))
    }

    /// A time that may be missing.
    pub(super) fn optional_millis(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        self.has(name).then(|| self.millis(name)).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, StoreError> {
        self.get(name, "true or false", |value| value.as_bool().ok().copied())
    }

    /// A flag that is false where it is missing.
    pub(super) fn optional_flag(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.has(name) && self.flag(name)?)
    }

    pub(super) fn incident_id(&self, name: &str) -> Result<IncidentId, StoreError> {
        IncidentId::try_from(self.text(name)?)
            .map_err(|_| self.unreadable(format!("{name} is not a ULID")))
    }

    /// A document that is JSON in a text.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(name)?)
            .map_err(|error| self.unreadable(format!("{name}: {error}")))
    }
}
