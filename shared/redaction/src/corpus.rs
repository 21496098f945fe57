//! The corpus of secrets, shared by the redaction tests here and by the analyzer's tests of text
//! sent to a model, which include this file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A file of the corpus.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    /// What it is an example of.
    pub(super) about: String,
    pub(super) text: Pieces,
    /// What must be gone. Without any, the text has to come out as it went in.
    pub(super) secrets: Vec<Pieces>,
    #[serde(default)]
    #[allow(
        dead_code,
        reason = "what is asked of a prompt is only that the secrets are gone"
    )]
    pub(super) keeps: Vec<String>,
}

/// A text, in pieces where scanners of repositories would take it for a leak.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Pieces {
    Whole(String),
    Split(Vec<String>),
}

impl Pieces {
    pub(super) fn joined(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Split(pieces) => pieces.concat(),
        }
    }
}

pub(super) fn corpus() -> Vec<(PathBuf, Sample)> {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("shared/redaction/corpus/secrets"));
    let directory = above.find(|there| there.is_dir()).expect("the corpus");
    let mut files: Vec<PathBuf> = directory
        .read_dir()
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let read = |file: PathBuf| {
        let json = std::fs::read_to_string(&file).expect("a file of the corpus");
        let sample = serde_json::from_str(&json)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (file, sample)
    };
    files.into_iter().map(read).collect()
}
