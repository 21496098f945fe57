//! Checks the operator's templates before deployment: renders each with samples of what it will be given.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::render::engine::Broken;
use crate::render::kind::{every, file};
use crate::render::templates::Templates;

/// Views of sample incidents by the names of their templates. A test of this crate makes them.
const SAMPLES: &str = include_str!("../../templates/samples.json");

/// How many templates of the operator's there are, and what is wrong with them.
pub fn errors(config_dir: &Path) -> (usize, Vec<Broken>) {
    let templates = Templates::load(config_dir);
    let samples: BTreeMap<&str, Vec<Value>> = serde_json::from_str(SAMPLES).unwrap_or_default();
    let mut errors = unknown_files(config_dir);
    let mut own = 0;
    for (language, kind) in every() {
        let mut rendered = samples
            .get(kind.name())
            .into_iter()
            .flatten()
            .filter_map(|view| templates.own(language, kind, view))
            .peekable();
        own += usize::from(rendered.peek().is_some());
        errors.extend(rendered.find_map(Result::err));
    }
    (own, errors)
}

/// Files that no message is made from: a misspelled name would never be noticed otherwise.
fn unknown_files(config_dir: &Path) -> Vec<Broken> {
    let known: Vec<String> = every()
        .map(|(language, kind)| file(language, kind))
        .collect();
    let names = |directory: &str| -> Vec<String> {
        let entries = fs::read_dir(config_dir.join(directory));
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| format!("{directory}/{}", entry.file_name().to_string_lossy()))
            .collect();
        names.sort();
        names
    };
    let unknown = names("templates")
        .into_iter()
        .flat_map(|path| {
            let mut files = names(&path);
            files.push(path);
            files
        })
        .filter(|file| file.ends_with(".html") && !known.contains(file));
    unknown
        .map(|file| Broken {
            file,
            line: 1,
            what: format!(
                "no message is made from it: the files are {}",
                known.join(", ")
            ),
        })
        .collect()
}
