//! Reading of JSON that may have any shape: what is missing, or of another type, is empty.

use serde_json::Value;

static NULL: Value = Value::Null;

/// The value at a JSON pointer (RFC 6901).
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&NULL)
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer).as_str().unwrap_or_default()
}

pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    at(value, pointer)
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

pub(crate) fn number(value: &Value, pointer: &str) -> Option<i64> {
    at(value, pointer).as_i64()
}

pub(crate) fn is_true(value: &Value, pointer: &str) -> bool {
    at(value, pointer).as_bool() == Some(true)
}

/// The members of an object whose values are texts.
pub(crate) fn texts<'a>(
    value: &'a Value,
    pointer: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    at(value, pointer)
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// A number or a text, as text: ports and quantities may be either.
pub(crate) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
