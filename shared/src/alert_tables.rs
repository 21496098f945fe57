//! The operator's file `alert-tables.json`, read strictly: what is wrong is named with file, line and field.

use std::io::ErrorKind;
use std::path::Path;

use crate::domain::tables::AlertTables;
use crate::fault::{Fault, Faults};

/// The name of the file.
pub const ALERT_TABLES: &str = "alert-tables.json";

/// The tables of a directory; without the file, the built-in ones.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load(directory: &Path) -> Result<AlertTables, Faults> {
    let file = directory.join(ALERT_TABLES);
    let fault =
        |line: Option<usize>, text: String| Fault { file: file.clone(), line: line.and_then(|line| u64::try_from(line).ok()), text };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(AlertTables::default()),
        Err(error) => return Err(Faults(vec![fault(None, format!("cannot be read: {error}"))])),
    };
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let wrong = |field: &str, error: &serde_json::Error| Faults(vec![fault(Some(error.line()), format!("{field}{error}"))]);
    let tables: AlertTables = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        wrong(&if path == "." { String::new() } else { format!("{path}: ") }, error.inner())
    })?;
    deserializer.end().map_err(|error| wrong("", &error))?;
    let faults: Vec<Fault> = tables.faults().into_iter().map(|(field, sentence)| fault(None, format!("{field} {sentence}"))).collect();
    if faults.is_empty() { Ok(tables) } else { Err(Faults(faults)) }
}
