//! Strict reader of the operator's JSON: an error names file, line and field.

use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::config_error::{ConfigError, ConfigErrors};

/// Reads a file; without it, `T::default()`. `check` says what is wrong beyond the shape: each a field and a sentence.
///
/// # Errors
/// Everything that is wrong with the file.
pub(crate) fn read<T: DeserializeOwned + Default>(
    file: &Path,
    check: impl Fn(&T) -> Vec<(String, String)>,
) -> Result<T, ConfigErrors> {
    let read = parse(file)?;
    checked(file, check(&read))?;
    Ok(read)
}

/// Reads the shape of a file; without it, `T::default()`.
///
/// # Errors
/// If it cannot be read, or is not what it has to be.
pub(crate) fn parse<T: DeserializeOwned + Default>(file: &Path) -> Result<T, ConfigErrors> {
    let config_error = |line: Option<usize>, field: Option<String>, text: String| {
        let line = line.and_then(|line| u64::try_from(line).ok());
        ConfigError {
            file: file.to_owned(),
            line,
            field,
            text,
        }
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => {
            return Err(ConfigErrors(vec![config_error(
                None,
                None,
                format!("cannot be read: {error}"),
            )]));
        }
    };
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let wrong = |field: Option<String>, error: &serde_json::Error| {
        let place = field
            .as_ref()
            .map(|field| format!("{field}: "))
            .unwrap_or_default();
        ConfigErrors(vec![config_error(
            Some(error.line()),
            field,
            format!("{place}{error}"),
        )])
    };
    let read: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        wrong(Some(path).filter(|path| path != "."), error.inner())
    })?;
    deserializer.end().map_err(|error| wrong(None, &error))?;
    Ok(read)
}

/// What is wrong with a file beyond its shape, each a field and a sentence, as errors that name the file.
///
/// # Errors
/// All of them.
pub(crate) fn checked(file: &Path, wrong: Vec<(String, String)>) -> Result<(), ConfigErrors> {
    if wrong.is_empty() {
        return Ok(());
    }
    let error = |(field, sentence): (String, String)| ConfigError {
        file: file.to_owned(),
        line: None,
        text: format!("{field} {sentence}"),
        field: Some(field),
    };
    Err(ConfigErrors(wrong.into_iter().map(error).collect()))
}
