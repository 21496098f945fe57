//! Sentences that people read, each kept with its values apart, so that every reader can have it in their own language.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::language::Language;

/// A sentence of ours in English, in which `{name}` stands for a value; or a text from outside as it is.
///
/// It is stored as a plain text where it has no values, as every sentence was before there were phrases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Phrase {
    text: Cow<'static, str>,
    values: BTreeMap<Cow<'static, str>, Part>,
    /// A text of the configuration brings its own: no table of ours has them. Few phrases have any, and errors hold phrases: in a box, they
    /// stay small.
    translations: Option<Box<Translations>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Translations(BTreeMap<Language, String>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(Cow<'static, str>),
    WithValues {
        text: Cow<'static, str>,
        values: BTreeMap<Cow<'static, str>, Part>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        translations: Option<Box<Translations>>,
    },
}

/// What stands in a sentence in place of a name: a value, which is the same in every language, or another sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    Value(String),
    Sentence { say: Phrase },
}

impl From<String> for Part {
    fn from(value: String) -> Self {
        Self::Value(value)
    }
}

impl From<Phrase> for Part {
    fn from(say: Phrase) -> Self {
        Self::Sentence { say }
    }
}

impl From<Stored> for Phrase {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Text(text) => Self {
                text,
                values: BTreeMap::new(),
                translations: None,
            },
            Stored::WithValues {
                text,
                values,
                translations,
            } => Self {
                text,
                values,
                translations,
            },
        }
    }
}

impl From<Phrase> for Stored {
    fn from(phrase: Phrase) -> Self {
        let Phrase {
            text,
            values,
            translations,
        } = phrase;
        if values.is_empty() && translations.is_none() {
            Self::Text(text)
        } else {
            Self::WithValues {
                text,
                values,
                translations,
            }
        }
    }
}

impl Phrase {
    /// A sentence with its values. [`phrase!`](crate::phrase) is shorter.
    pub fn with<const N: usize>(text: &'static str, values: [(&'static str, Part); N]) -> Self {
        let values = values.map(|(name, value)| (Cow::Borrowed(name), value));
        Self {
            text: Cow::Borrowed(text),
            values: BTreeMap::from(values),
            translations: None,
        }
    }

    /// A text of the configuration, with its translations there.
    pub fn translated(text: &str, translations: &BTreeMap<Language, String>) -> Self {
        Self {
            translations: (!translations.is_empty())
                .then(|| Box::new(Translations(translations.clone()))),
            ..text.into()
        }
    }

    /// The English sentence with the names of its values in it: what a translation is found by.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Several sentences as one, with a `;` between them. It is no sentence in a sentence: of those, JSON can hold too few.
    pub fn several(sentences: impl IntoIterator<Item = Self>) -> Self {
        Self::joined("; ", sentences)
    }

    /// Parts of a sentence as one, with a text between them that is the same in every language.
    pub fn joined(between: &str, parts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = parts.into_iter().collect();
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let named: Vec<(String, Self)> = parts
            .into_iter()
            .enumerate()
            .map(|(place, part)| (place.to_string(), part))
            .collect();
        let places: Vec<String> = named
            .iter()
            .map(|(place, _)| format!("{{{place}}}"))
            .collect();
        Self {
            text: Cow::Owned(places.join(between)),
            values: named
                .into_iter()
                .map(|(place, part)| (Cow::Owned(place), part.into()))
                .collect(),
            translations: None,
        }
    }

    /// The sentence with its values, in the wording that it and the sentences in it have in a language, or else in English. A value that
    /// is a code has its word there, by the name that it has in the sentence: `{guardrail}` is one of the group `guardrail`. A wording
    /// that names a value that is not there stays as it is: texts from outside may have braces.
    pub fn said<'w>(
        &self,
        language: Language,
        translated: &dyn Fn(&str) -> Option<&'w str>,
        word: &dyn Fn(&str, &str) -> Option<&'w str>,
    ) -> String {
        let own = self.translations.as_ref();
        let own = own.and_then(|own| own.0.get(&language)).map(String::as_str);
        let wording = own.or_else(|| translated(&self.text)).unwrap_or(&self.text);
        if self.values.is_empty() {
            return wording.to_owned();
        }
        let value = |name: &str| {
            Some(match self.values.get(name)? {
                Part::Value(value) => word(name, value).unwrap_or(value).to_owned(),
                Part::Sentence { say } => say.said(language, translated, word),
            })
        };
        fill(wording, value).unwrap_or_else(|_| wording.to_owned())
    }

    fn in_english(&self) -> String {
        self.said(Language::English, &|_| None, &|_, _| None)
    }

    /// The same sentence where its English text is what `changed` makes of it, else that text, which has no translation any more: so
    /// that no value of it says what the text may not.
    #[must_use]
    pub fn if_unchanged(self, changed: impl FnOnce(&str) -> String) -> Self {
        let said = self.to_string();
        let changed = changed(&said);
        if changed == said {
            self
        } else {
            changed.into()
        }
    }
}

/// In English.
impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_english())
    }
}

/// A text from outside, or one that was stored before there were phrases.
impl From<String> for Phrase {
    fn from(text: String) -> Self {
        Self {
            text: Cow::Owned(text),
            values: BTreeMap::new(),
            translations: None,
        }
    }
}

impl From<&str> for Phrase {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl PartialEq<str> for Phrase {
    fn eq(&self, english: &str) -> bool {
        self.in_english() == english
    }
}

impl PartialEq<&str> for Phrase {
    fn eq(&self, english: &&str) -> bool {
        self == *english
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

/// A [`Phrase`]: `phrase!("until {until}: {why}", until, why = freeze.why)`, or with another one in it:
/// `phrase!("it was not asked: {why}", why => phrase!("there is no key"))`.
#[macro_export]
macro_rules! phrase {
    ($text:literal $(, $name:ident $(= $value:expr)? $(=> $sentence:expr)?)* $(,)?) => {
        $crate::primitives::phrase::Phrase::with(
            $text,
            [$((stringify!($name), $crate::phrase!(@part $name $(= $value)? $(=> $sentence)?))),*],
        )
    };
    (@part $name:ident) => { $crate::primitives::phrase::Part::Value($name.to_string()) };
    (@part $name:ident = $value:expr) => {
        $crate::primitives::phrase::Part::Value($value.to_string())
    };
    (@part $name:ident => $sentence:expr) => {
        $crate::primitives::phrase::Part::from($crate::primitives::phrase::Phrase::from($sentence))
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Phrase, fill};
    use crate::primitives::language::Language;

    /// These tests bring the texts of their language themselves.
    const ANY: Language = Language::TraditionalChinese;

    /// A language without words for codes.
    const NO_WORDS: fn(&str, &str) -> Option<&'static str> = |_, _| None;

    #[test]
    fn a_phrase_is_kept_with_its_values_apart() {
        let (made, most) = (3, 2);
        let phrase = phrase!("{made} on {target}, of {most}", made, target = "web", most);
        assert_eq!(phrase, "3 on web, of 2");
        let other = |_: &str| Some("{target}: {made}/{most}");
        assert_eq!(phrase.said(ANY, &other, &NO_WORDS), "web: 3/2");
        let stored = json!({
            "text": "{made} on {target}, of {most}", "values": { "made": "3", "target": "web", "most": "2" },
        });
        assert_eq!(serde_json::to_value(&phrase).ok(), Some(stored.clone()));
        assert_eq!(serde_json::from_value(stored).ok(), Some(phrase));
    }

    #[test]
    fn a_text_without_values_is_a_plain_text() {
        let plain = phrase!("it is off");
        assert_eq!(serde_json::to_value(&plain).ok(), Some(json!("it is off")));
        for text in ["it is off", "", "{until}", "{", "}{", "a {b} c"] {
            let read: Phrase = serde_json::from_value(json!(text)).expect("a phrase");
            assert_eq!(read, text);
            assert_eq!(read, Phrase::from(text.to_owned()));
        }
    }

    #[test]
    fn values_are_never_read_as_wording() {
        let hostile = phrase!("{one} and {other}", one = "{other}", other = "{one}");
        assert_eq!(hostile, "{other} and {one}");
        assert_eq!(
            hostile.said(ANY, &|_| Some("{missing}"), &NO_WORDS),
            "{missing}"
        );
    }

    #[test]
    fn a_code_is_said_as_the_word_of_its_group() {
        let phrase = phrase!("stopped by {guardrail}", guardrail = "kill_switch");
        let word = |group: &str, code: &str| {
            ((group, code) == ("guardrail", "kill_switch")).then_some("the kill switch")
        };
        assert_eq!(
            phrase.said(ANY, &|_| None, &word),
            "stopped by the kill switch"
        );
        assert_eq!(phrase, "stopped by kill_switch");
    }

    #[test]
    fn several_sentences_are_one_and_each_is_translated() {
        let one = |name: &str| phrase!("{name} is down", name);
        let translated = |english: &str| (english == "{name} is down").then_some("{name}?");
        for (names, english, said) in [
            (vec![], "", ""),
            (vec!["{1}"], "{1} is down", "{1}?"),
            (
                vec!["a", "b", "c"],
                "a is down; b is down; c is down",
                "a?; b?; c?",
            ),
        ] {
            let phrase = Phrase::several(names.into_iter().map(one));
            assert_eq!(phrase, english);
            assert_eq!(phrase.said(ANY, &translated, &NO_WORDS), said);
        }
        // More of them than JSON can hold within each other.
        let many = Phrase::several((0..500).map(|n| one(&n.to_string())));
        let stored = serde_json::to_string(&many).expect("JSON");
        assert_eq!(serde_json::from_str::<Phrase>(&stored).ok(), Some(many));
    }

    #[test]
    fn a_sentence_in_a_sentence_is_said_in_its_own_words() {
        let why = phrase!("the alert has no {name}", name = "{why}");
        let phrase = phrase!("not asked: {why} ({at})", why => why, at = "now");
        assert_eq!(phrase, "not asked: the alert has no {why} (now)");
        let translated = |english: &str| {
            Some(match english {
                "the alert has no {name}" => "{name}?",
                _ => "{at}: {why}",
            })
        };
        assert_eq!(phrase.said(ANY, &translated, &NO_WORDS), "now: {why}?");
        let stored = json!({
            "text": "not asked: {why} ({at})",
            "values": { "at": "now", "why": { "say": { "text": "the alert has no {name}", "values": { "name": "{why}" } } } },
        });
        assert_eq!(serde_json::to_value(&phrase).ok(), Some(stored.clone()));
        assert_eq!(serde_json::from_value(stored).ok(), Some(phrase));
    }

    #[test]
    fn a_text_of_the_configuration_brings_its_translations() {
        let title = Phrase::translated("It is full", &[(ANY, "已滿 {why}".to_owned())].into());
        let phrase = phrase!("because: {why}", why => title);
        assert_eq!(phrase, "because: It is full");
        assert_eq!(
            phrase.said(ANY, &|_| None, &NO_WORDS),
            "because: 已滿 {why}"
        );
        let stored = json!({
            "text": "because: {why}",
            "values": { "why": { "say": { "text": "It is full", "values": {}, "translations": { "zh-TW": "已滿 {why}" } } } },
        });
        assert_eq!(serde_json::to_value(&phrase).ok(), Some(stored.clone()));
        assert_eq!(serde_json::from_value(stored).ok(), Some(phrase));
    }

    #[test]
    fn what_has_to_be_changed_is_a_text_without_values() {
        let phrase = phrase!("{name} is down", name = "web");
        let same = |text: &str| text.to_owned();
        assert_eq!(phrase.clone().if_unchanged(same), phrase);
        let changed = phrase.if_unchanged(|text| text.replace("web", "…"));
        assert_eq!(changed, Phrase::from("… is down".to_owned()));
    }

    #[test]
    fn fields_are_filled_in_once() {
        let value = |field: &str| (field == "a").then(|| "{b}".to_owned());
        assert_eq!(fill("x {a} {", value), Ok("x {b} {".to_owned()));
        assert_eq!(fill("{c}", value), Err("c"));
    }
}
