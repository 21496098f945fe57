//! The operator's JSON, read strictly: what is wrong is named with file, line and field.

use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::fault::{Fault, Faults};

/// Reads a file; without it, `T::default()`. `check` says what is wrong beyond the shape: each a field and a sentence.
///
/// # Errors
/// Everything that is wrong with the file.
pub(crate) fn read<T: DeserializeOwned + Default>(file: &Path, check: impl Fn(&T) -> Vec<(String, String)>) -> Result<T, Faults> {
    let fault =
        |line: Option<usize>, text: String| Fault { file: file.to_owned(), line: line.and_then(|line| u64::try_from(line).ok()), text };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => return Err(Faults(vec![fault(None, format!("cannot be read: {error}"))])),
    };
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let wrong = |field: &str, error: &serde_json::Error| Faults(vec![fault(Some(error.line()), format!("{field}{error}"))]);
    let read: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        wrong(&if path == "." { String::new() } else { format!("{path}: ") }, error.inner())
    })?;
    deserializer.end().map_err(|error| wrong("", &error))?;
    let faults: Vec<Fault> = check(&read).into_iter().map(|(field, sentence)| fault(None, format!("{field} {sentence}"))).collect();
    if faults.is_empty() { Ok(read) } else { Err(Faults(faults)) }
}
