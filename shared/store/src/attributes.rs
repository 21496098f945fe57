//! Conversion of item attributes, with errors that name the item and the attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::StoreError;

/// An item as DynamoDB gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A time, in milliseconds since 1970.
pub(super) fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
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
        let part = |name: &str| {
            self.item
                .get(name)
                .and_then(|value| value.as_s().ok())
                .map_or("?", String::as_str)
        };
        StoreError::Unreadable {
            key: format!("{} / {}", part("pk"), part("sk")),
            why: why.into(),
        }
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

    /// A time in milliseconds since 1970.
    pub(super) fn millis(&self, name: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.number(name)?)
            .map_err(|_| self.unreadable(format!("{name} is not a time")))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, StoreError> {
        self.get(name, "true or false", |value| value.as_bool().ok().copied())
    }
}
