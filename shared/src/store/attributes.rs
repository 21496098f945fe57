//! Reading and writing the attributes of an item, with errors that name the item and the attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::Value;

use super::StoreError;

/// An item as DynamoDB gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Text.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A time, in milliseconds since 1970.
pub(super) fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

/// An item out of DynamoDB's JSON, which is also what the SDK reads.
///
/// # Errors
/// If it is not one.
pub(super) fn item_of_json(json: &Value) -> Result<Item, StoreError> {
    let attributes = json.as_object().ok_or_else(|| unreadable("an item is not an object"))?;
    attributes.iter().map(|(name, value)| Ok((name.clone(), attribute_of_json(value)?))).collect()
}

fn attribute_of_json(json: &Value) -> Result<AttributeValue, StoreError> {
    let typed = json.as_object().and_then(|object| object.iter().next());
    let (kind, value) = typed.ok_or_else(|| unreadable("an attribute has no type"))?;
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| unreadable("an attribute is not text"));
    let list = || value.as_array().ok_or_else(|| unreadable("an attribute is not a list"));
    let texts = || -> Result<Vec<String>, StoreError> {
        list()?.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(|| unreadable("a set holds no text"))).collect()
    };
    match kind.as_str() {
        "S" => Ok(AttributeValue::S(text()?)),
        "N" => Ok(AttributeValue::N(text()?)),
        "BOOL" => value.as_bool().map(AttributeValue::Bool).ok_or_else(|| unreadable("an attribute is not true or false")),
        "NULL" => Ok(AttributeValue::Null(true)),
        "SS" => Ok(AttributeValue::Ss(texts()?)),
        "NS" => Ok(AttributeValue::Ns(texts()?)),
        "M" => Ok(AttributeValue::M(item_of_json(value)?)),
        "L" => Ok(AttributeValue::L(list()?.iter().map(attribute_of_json).collect::<Result<_, _>>()?)),
        other => Err(unreadable(&format!("an attribute has the type {other}"))),
    }
}

fn unreadable(why: &str) -> StoreError {
    StoreError::Unreadable { key: "?".to_owned(), why: why.to_owned() }
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
        let part = |name: &str| self.item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
        StoreError::Unreadable { key: format!("{} / {}", part("pk"), part("sk")), why: why.into() }
    }

    /// An attribute of one type.
    pub(super) fn get<T>(&self, name: &str, expected: &str, read: impl FnOnce(&'a AttributeValue) -> Option<T>) -> Result<T, StoreError> {
        let value = self.item.get(name).ok_or_else(|| self.unreadable(format!("{name} is missing")))?;
        read(value).ok_or_else(|| self.unreadable(format!("{name} is not {expected}")))
    }

    /// Text.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        self.get(name, "text", |value| value.as_s().ok().map(String::as_str))
    }

    /// Text that may be missing.
    pub(super) fn optional_text(&self, name: &str) -> Option<&'a str> {
        self.item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    /// A number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        self.get(name, "a fitting number", |value| value.as_n().ok().and_then(|digits| digits.parse().ok()))
    }

    /// A time in milliseconds since 1970.
    pub(super) fn millis(&self, name: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.number(name)?).map_err(|_| self.unreadable(format!("{name} is not a time")))
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, StoreError> {
        self.get(name, "true or false", |value| value.as_bool().ok().copied())
    }
}
