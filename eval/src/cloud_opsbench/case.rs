//! Cases of the benchmark: recorded answers of tools, and the right diagnosis.

use std::path::{Path, PathBuf};

use kubernetes::snapshot::Snapshot;
use serde::Deserialize;

use super::tool_cache::ToolCache;
use super::translate;

/// What `metadata.json` says. Only `namespace` is known to the diagnosis; the rest is for the score.
#[derive(Debug, Deserialize)]
struct Metadata {
    namespace: String,
    result: Expected,
}

/// The right answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Expected {
    #[serde(rename = "fault_taxonomy")]
    pub(crate) class: String,
    #[serde(rename = "fault_object")]
    pub(crate) object: String,
    #[serde(rename = "root_cause")]
    pub(crate) cause: String,
}

#[derive(Debug)]
pub(crate) struct Case {
    /// `system/category/number`
    pub(crate) name: String,
    pub(crate) expected: Expected,
    pub(crate) snapshot: Snapshot,
}

impl Case {
    pub(crate) fn load(place: &Place) -> Result<Self, String> {
        let file = place.directory.join("metadata.json");
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(&file).map_err(|error| failed(&error))?;
        let metadata: Metadata = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        let cache = ToolCache::load(&place.directory.join("tool_cache.json"))?;
        Ok(Self {
            name: place.name.clone(),
            expected: metadata.result,
            snapshot: translate::snapshot(&metadata.namespace, &cache),
        })
    }
}

/// Where a case is.
#[derive(Debug)]
pub(crate) struct Place {
    name: String,
    directory: PathBuf,
}

/// The cases below a directory whose names contain a text, in the order of their names.
pub(crate) fn places(directory: &Path, only: &str) -> Result<Vec<Place>, String> {
    let mut found = Vec::new();
    collect(directory, &mut found)?;
    found.sort();
    if found.is_empty() {
        return Err(format!(
            "{}: no metadata.json below it",
            directory.display()
        ));
    }
    let named = found.into_iter().map(|directory| Place {
        name: name_of(&directory),
        directory,
    });
    Ok(named.filter(|place| place.name.contains(only)).collect())
}

/// The directories with a `metadata.json`.
fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    if directory.join("metadata.json").is_file() {
        found.push(directory.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, found)?;
        }
    }
    Ok(())
}

/// The last three parts of a case's path: the system, the category and the number.
fn name_of(place: &Path) -> String {
    let parts: Vec<_> = place
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts[parts.len().saturating_sub(3)..].join("/")
}
