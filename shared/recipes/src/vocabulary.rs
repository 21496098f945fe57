//! The closed vocabulary of causes: `causes.yaml`.

use std::collections::BTreeMap;

use domain::primitives::language::Language;
use serde::Deserialize;

/// A cause that a recipe can find.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KnownCause {
    /// What recipes call it: a-z, 0-9 and _. It is stored with incidents, so it does not change.
    pub id: String,
    /// What kind of thing fails.
    pub class: Class,
    /// The cause in a few words.
    pub title: String,
    /// The title in other languages.
    #[serde(default)]
    pub translations: BTreeMap<Language, String>,
}

/// What kind of thing a cause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Class {
    Host,
    Storage,
    Network,
    Kubernetes,
    Target,
    Certificate,
    Database,
    Cache,
    Queue,
    Application,
    Release,
    Observability,
    Capacity,
    External,
}

/// What is wrong with the vocabulary: each a field and a sentence.
pub fn errors(causes: &[KnownCause]) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    for (index, cause) in causes.iter().enumerate() {
        let mut wrong = |field: &str, text: String| {
            errors.push((format!("[{index}].{field}"), text));
        };
        if !is_id(&cause.id, MOST_CHARACTERS) {
            wrong(
                "id",
                format!(
                    "has to begin with a-z and go on with a-z, 0-9 and _, at most {MOST_CHARACTERS} characters"
                ),
            );
        }
        if causes[..index].iter().any(|other| other.id == cause.id) {
            wrong("id", format!("{} is the id of a cause above", cause.id));
        }
        if cause.title.trim().is_empty() {
            wrong("title", "is empty".to_owned());
        }
        for language in untranslated(&cause.translations) {
            wrong(
                "translations",
                format!("has no title in {}", language.tag()),
            );
        }
    }
    errors
}

/// How long the id of a cause may be.
const MOST_CHARACTERS: usize = 64;

/// True for an id: `[a-z][a-z0-9_]*`.
pub(crate) fn is_id(text: &str, most: usize) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.len() <= most
}

/// The languages beside English that are missing.
pub(crate) fn untranslated<T>(
    translations: &BTreeMap<Language, T>,
) -> impl Iterator<Item = Language> {
    Language::ALL
        .into_iter()
        .filter(|language| *language != Language::English && !translations.contains_key(language))
}

#[cfg(test)]
mod tests {
    use super::{KnownCause, errors};
    use crate::fixtures::causes;

    #[test]
    fn a_cause_has_one_id_and_a_title_in_each_language() {
        assert_eq!(errors(&causes()), []);
        let wrong: Vec<KnownCause> = serde_saphyr::from_str(
            "[{ id: A, class: host, title: T, translations: { zh-TW: 題 } }, { id: a, class: host, title: ' ' }, { id: a, class: queue, title: T, translations: { zh-TW: 題 } }]",
        )
        .expect("causes");
        let fields: Vec<String> = errors(&wrong).into_iter().map(|(field, _)| field).collect();
        assert_eq!(
            fields,
            ["[0].id", "[1].title", "[1].translations", "[2].id"]
        );
    }
}
