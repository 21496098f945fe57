//! The operator's file `alert-tables.json`, and `alert-rules.json` with what is known of public rule sets.

use std::path::Path;

use crate::config_error::{ConfigErrors, both};
use crate::json_file;
use domain::alert::alert_rules::AlertRules;
use domain::alert::classification::AlertTables;

/// The name of the operator's file.
pub const ALERT_TABLES: &str = "alert-tables.json";
/// The name of the file with the rules.
pub const ALERT_RULES: &str = "alert-rules.json";

/// The tables of a directory; without the files, the built-in ones and no rules.
///
/// # Errors
/// Everything that is wrong with the files.
pub fn load(directory: &Path) -> Result<AlertTables, ConfigErrors> {
    let (tables, rules) = both(
        json_file::read(&directory.join(ALERT_TABLES), AlertTables::errors),
        json_file::read(&directory.join(ALERT_RULES), AlertRules::errors),
    )?;
    Ok(tables.with_rules(rules))
}
