//! The operator's YAML files, and the lines that a host's guard allows.

pub mod analyzer_files;
pub mod guard_lines;
pub mod operator_files;
pub mod recipe_files;
pub mod yaml;
