//! The operator's file `alert-tables.json`.

use std::path::Path;

use crate::config_error::ConfigErrors;
use crate::json_file;
use domain::alert::classification::AlertTables;

/// The name of the file.
pub const ALERT_TABLES: &str = "alert-tables.json";

/// The tables of a directory; without the file, the built-in ones.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load(directory: &Path) -> Result<AlertTables, ConfigErrors> {
    json_file::read(&directory.join(ALERT_TABLES), AlertTables::errors)
}
