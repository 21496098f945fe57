//! Strict reader of the operator's YAML: an error names its line and its field.

use std::path::Path;

use serde::de::DeserializeOwned;

use settings::config_error::{ConfigError, ConfigErrors};

/// Reads a file. One that is empty, or all comments, is read as `empty`.
///
/// # Errors
/// If it cannot be read, or is not what it has to be.
pub(crate) fn read<T: DeserializeOwned>(file: &Path, empty: &str) -> Result<T, ConfigErrors> {
    let one = |wrong: Wrong| {
        ConfigErrors(vec![ConfigError {
            file: file.to_owned(),
            line: wrong.line,
            field: wrong.field,
            text: wrong.text,
        }])
    };
    let unread = |error| {
        one(Wrong {
            line: None,
            field: None,
            text: format!("cannot be read: {error}"),
        })
    };
    let text = std::fs::read_to_string(file).map_err(unread)?;
    parse(if says_nothing(&text) { empty } else { &text }).map_err(one)
}

/// True if a text is empty, or all comments.
pub fn says_nothing(text: &str) -> bool {
    text.lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

/// What is wrong with a text, and where.
struct Wrong {
    line: Option<u64>,
    field: Option<String>,
    text: String,
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    let mut path = String::new();
    let parsed = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            // `value` is where the wrapper that knows the line keeps the item.
            path = error.path().to_string().replacen("].value", "]", 1);
            error.into_inner()
        })
    });
    parsed.map_err(|error| {
        let line = error.location().map(|location| location.line());
        let field = Some(path).filter(|path| !path.is_empty() && path != ".");
        let place = field
            .as_ref()
            .map(|field| format!("{field}: "))
            .unwrap_or_default();
        Wrong {
            line,
            field,
            text: format!("{place}{}", error.without_snippet()),
        }
    })
}
