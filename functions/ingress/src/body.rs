//! JSON bodies, with errors that say where.

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::rejection::Rejection;

/// The largest body that is read. Lambda takes 6 MB, of which base64 and the event around it need some.
pub const MOST_BYTES: usize = 5_500_000;

/// Reads a body.
///
/// # Errors
/// If it is too large, not JSON, or not of this shape; the place is then named.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejection> {
    if bytes.len() > MOST_BYTES {
        return Err(Rejection::TooLarge { what: "the body", bytes: bytes.len(), most: MOST_BYTES });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        // A null in place of a word is a fault of syntax to serde_json; to the sender it is a fault at a place.
        if inner.is_data() || serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
            Rejection::Malformed { at: (path != ".").then_some(path), why: inner.to_string() }
        } else {
            Rejection::Malformed { at: None, why: format!("the body is not JSON: {inner}") }
        }
    })?;
    deserializer.end().map_err(|error| Rejection::Malformed { at: None, why: format!("the body is not JSON: {error}") })?;
    Ok(value)
}
