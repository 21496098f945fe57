//! Texts that people read, one table for each language: of messages, of replies to buttons, and of the pages behind links.

use std::sync::LazyLock;

use serde_json::Value;

use crate::notification::channels::Language;

/// The texts of a language.
#[derive(Debug)]
pub struct Words(Value);

static ENGLISH: LazyLock<Words> =
    LazyLock::new(|| Words::read(include_str!("../../words/en.json")));
static TRADITIONAL_CHINESE: LazyLock<Words> =
    LazyLock::new(|| Words::read(include_str!("../../words/zh-TW.json")));

/// The texts of a language.
pub fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::TraditionalChinese => &TRADITIONAL_CHINESE,
    }
}

impl Words {
    /// Reads a table, and adds the symbols, which are the same in every language.
    fn read(json: &str) -> Self {
        let mut table: Value = serde_json::from_str(json).unwrap_or_default();
        let symbols = include_str!("../../words/symbols.json");
        let symbols: serde_json::Map<_, _> = serde_json::from_str(symbols).unwrap_or_default();
        for (name, group) in symbols {
            table[name] = group;
        }
        Self(table)
    }

    /// All texts.
    pub fn table(&self) -> &Value {
        &self.0
    }

    /// A text of a group. One that is missing is its own key: a test keeps the tables complete.
    pub fn text<'a>(&'a self, group: &str, key: &'a str) -> &'a str {
        self.0[group][key].as_str().unwrap_or(key)
    }

    /// The same with its fields filled in.
    pub fn fill(&self, group: &str, key: &str, fields: &[(&str, &str)]) -> String {
        let text = self.text(group, key);
        let field = |name: &str| {
            let known = fields.iter().find(|(field, _)| *field == name);
            known.map(|(_, value)| (*value).to_owned())
        };
        fill(text, field).unwrap_or_else(|_| text.to_owned())
    }
}

/// A text with a value in place of each `{field}`.
///
/// # Errors
/// The first field that has no value.
pub fn fill<'t>(
    text: &'t str,
    mut value: impl FnMut(&'t str) -> Option<String>,
) -> Result<String, &'t str> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, (field, behind))) = rest
        .split_once('{')
        .and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        filled.push_str(before);
        filled.push_str(&value(field).ok_or(field)?);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::{fill, words};
    use crate::notification::channels::Language;

    /// Every text by its path, with its fields.
    fn texts(table: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
        match table {
            Value::Object(group) => {
                for (name, value) in group {
                    texts(value, &format!("{path}.{name}"), found);
                }
            }
            Value::String(text) => {
                let mut fields = BTreeSet::new();
                fill(text, |field| {
                    fields.insert(field.to_owned());
                    Some(String::new())
                })
                .expect("every field has a value");
                assert!(!text.is_empty(), "{path} is empty");
                found.insert(path.to_owned(), fields);
            }
            other => panic!("{path} is no text: {other}"),
        }
    }

    #[test]
    fn every_language_has_the_same_texts_with_the_same_fields() {
        let [english, chinese] = Language::ALL.map(|language| {
            let mut found = BTreeMap::new();
            texts(words(language).table(), "", &mut found);
            found
        });
        assert!(english.len() > 200, "{}", english.len());
        for (path, fields) in &english {
            assert_eq!(Some(fields), chinese.get(path), "{path}");
        }
        assert_eq!(english.len(), chinese.len());
    }

    #[test]
    fn fields_are_filled_in_once() {
        let value = |field: &str| (field == "a").then(|| "{b}".to_owned());
        assert_eq!(fill("x {a} {", value), Ok("x {b} {".to_owned()));
        assert_eq!(fill("{c}", value), Err("c"));
    }
}
