//! Parser of JSON bodies, with errors that name the place.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use domain::alert::Texts;
use domain::primitives::safe_text::cut;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::rejection::Rejection;

/// The largest body that is read. Lambda takes 6 MB, of which base64 and the event around it need some.
pub const MOST_BYTES: usize = 5_500_000;

/// The largest body with a signature where a body is one alert, or what one person did. It is refused before it is hashed, so that a
/// stranger's size does not decide what a refusal costs. Hashing is some 2 ms of CPU for each MB (docs/performance.md).
pub const MOST_SIGNED_BYTES: usize = 256 * 1024;

/// Longest place and reason in an answer. Both can hold what the sender sent, and megabytes of it
/// would not fit Lambda's answer: the sender would see a 5xx and send it again.
const PLACE_CHARACTERS: usize = 256;
const REASON_CHARACTERS: usize = 600;

/// An object. Without this, a struct's fields could also come as an array, in an undocumented
/// order.
#[derive(Debug)]
pub struct Object<T>(
    /// What the object holds.
    pub T,
);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// Labels or annotations as their senders write them: `null` for none, as Go writes an empty map, and numbers and booleans for texts, as
/// the original service took them. A label that is `null` is one that is not there.
///
/// # Errors
/// If it is no object, or one of its values is an object or a list.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
    let texts = Option::<BTreeMap<String, Option<Text>>>::deserialize(deserializer)?;
    let present = |(name, value): (String, Option<Text>)| Some((name, value?.0));
    Ok(texts
        .unwrap_or_default()
        .into_iter()
        .filter_map(present)
        .collect())
}

/// A text that only helps people, such as an address: what is none says nothing, and no alert is refused for it.
///
/// # Errors
/// If it is not JSON.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// What a sender measured, by name: any value, as text. What is no object says nothing, and neither does a null: an alert is not refused for it.
///
/// # Errors
/// If it is not JSON.
pub fn measurements<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
    // Raw, so that a number that no machine has, or ten thousand lists in one another, are no error either.
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let values: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    let as_text = |(name, value): (String, &RawValue)| match serde_json::from_str(value.get()) {
        Err(_) | Ok(Value::Null) => None,
        Ok(Value::String(text)) => Some((name, text)),
        Ok(other) => Some((name, other.to_string())),
    };
    Ok(values.into_iter().filter_map(as_text).collect())
}

/// A name, if it is a text or a number.
///
/// # Errors
/// If it is not JSON.
pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(match serde_json::from_str(raw.get()) {
        Ok(Value::String(text)) => Some(text).filter(|text| !text.is_empty()),
        Ok(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    })
}

/// A text, or what is written as one.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a number or a boolean")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Text, E> {
                Ok(Text(text))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Text, E> {
                Ok(Text(Value::from(value).to_string()))
            }
        }

        deserializer.deserialize_any(Written)
    }
}

/// Checks the size of a body.
///
/// # Errors
/// If it has more than `most` bytes.
pub fn bounded(bytes: &[u8], most: usize) -> Result<(), Rejection> {
    if bytes.len() > most {
        return Err(Rejection::TooLarge {
            what: "the body",
            bytes: bytes.len(),
            most,
        });
    }
    Ok(())
}

/// Reads a body.
///
/// # Errors
/// If it is too large, not JSON, or not of this shape; the place is then named.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejection> {
    bounded(bytes, MOST_BYTES)?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = cut(&error.path().to_string(), PLACE_CHARACTERS);
        let inner = error.into_inner();
        let reason = shortened(&inner.to_string());
        // A null in place of a word is an error of syntax to serde_json; to the sender it is a fault at a place.
        if inner.is_data() || serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
            Rejection::Malformed {
                at: (path != ".").then_some(path),
                why: reason,
            }
        } else {
            Rejection::Malformed {
                at: None,
                why: format!("the body is not JSON: {reason}"),
            }
        }
    })?;
    deserializer.end().map_err(|error| Rejection::Malformed {
        at: None,
        why: format!("the body is not JSON: {error}"),
    })?;
    Ok(value)
}

/// Reads one value of a body by itself; `at` is its place there.
///
/// # Errors
/// What is not as it has to be, with its place.
pub fn value<T: DeserializeOwned>(value: &RawValue, at: &str) -> Result<T, Rejection> {
    let mut deserializer = serde_json::Deserializer::from_str(value.get());
    let read = serde_path_to_error::deserialize::<_, Object<T>>(&mut deserializer);
    read.map(|Object(value)| value).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." {
            at.to_owned()
        } else {
            format!("{at}.{path}")
        };
        let reason = error.into_inner().to_string();
        // Line and column would count from the beginning of the value, and the place says more.
        let reason = reason
            .rsplit_once(" at line ")
            .map_or(reason.as_str(), |(reason, _)| reason);
        Rejection::Malformed {
            at: Some(cut(&place, PLACE_CHARACTERS)),
            why: shortened(reason),
        }
    })
}

/// A reason without its middle, if it is long: what was sent stands there, what was expected and the line at the end.
fn shortened(reason: &str) -> String {
    let characters = reason.chars().count();
    if characters <= REASON_CHARACTERS {
        return reason.to_owned();
    }
    let end: String = reason
        .chars()
        .skip(characters - REASON_CHARACTERS / 2)
        .collect();
    format!("{} … {end}", cut(reason, REASON_CHARACTERS / 2))
}
