//! JSON bodies, with errors that say where.

use serde::de::{DeserializeOwned, IgnoredAny};
use shared::domain::alert::cut;

use crate::rejection::Rejection;

/// The largest body that is read. Lambda takes 6 MB, of which base64 and the event around it need some.
pub const MOST_BYTES: usize = 5_500_000;
/// How long the sentence and the place of a refusal may be. The parser quotes what it refuses, whole and escaped: an answer of
/// more than 6 MB could not be delivered, and the sender would try again for ever.
const QUOTED_CHARACTERS: usize = 512;

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
        let path = cut(&error.path().to_string(), QUOTED_CHARACTERS);
        let inner = error.into_inner();
        // A null in place of a word is a fault of syntax to serde_json; to the sender it is a fault at a place.
        if inner.is_data() || serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
            Rejection::Malformed { at: (path != ".").then_some(path), why: told(&inner) }
        } else {
            Rejection::Malformed { at: None, why: format!("the body is not JSON: {}", told(&inner)) }
        }
    })?;
    deserializer.end().map_err(|error| Rejection::Malformed { at: None, why: format!("the body is not JSON: {error}") })?;
    Ok(value)
}

/// What is wrong, and always where in the text.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let short = cut(&text, QUOTED_CHARACTERS);
    if short.len() == text.len() { text } else { format!("{short}… at line {} column {}", error.line(), error.column()) }
}
