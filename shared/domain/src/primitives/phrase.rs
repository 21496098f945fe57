//! Sentences that people read, each kept with its values apart, so that every reader can have it in their own language.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A sentence of ours in English, in which `{name}` stands for a value; or a text from outside as it is.
///
/// It is stored as a plain text where it has no values, as every sentence was before there were phrases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Phrase {
    text: Cow<'static, str>,
    values: BTreeMap<Cow<'static, str>, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(Cow<'static, str>),
    WithValues {
        text: Cow<'static, str>,
        values: BTreeMap<Cow<'static, str>, String>,
    },
}

impl From<Stored> for Phrase {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Text(text) => Self {
                text,
                values: BTreeMap::new(),
            },
            Stored::WithValues { text, values } => Self { text, values },
        }
    }
}

impl From<Phrase> for Stored {
    fn from(Phrase { text, values }: Phrase) -> Self {
        if values.is_empty() {
            Self::Text(text)
        } else {
            Self::WithValues { text, values }
        }
    }
}

impl Phrase {
    /// A sentence with its values. [`phrase!`](crate::phrase) is shorter.
    pub fn with<const N: usize>(text: &'static str, values: [(&'static str, String); N]) -> Self {
        let values = values.map(|(name, value)| (Cow::Borrowed(name), value));
        Self {
            text: Cow::Borrowed(text),
            values: BTreeMap::from(values),
        }
    }

    /// The English sentence with the names of its values in it: what a translation is found by.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// This or another wording of the sentence, with the values in it. A wording that names a value that is not there stays as it
    /// is: texts from outside may have braces.
    pub fn fill(&self, wording: &str) -> String {
        if self.values.is_empty() {
            return wording.to_owned();
        }
        let value = |name: &str| self.values.get(name).cloned();
        fill(wording, value).unwrap_or_else(|_| wording.to_owned())
    }
}

/// In English.
impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fill(&self.text))
    }
}

/// A text from outside, or one that was stored before there were phrases.
impl From<String> for Phrase {
    fn from(text: String) -> Self {
        Self {
            text: Cow::Owned(text),
            values: BTreeMap::new(),
        }
    }
}

impl PartialEq<str> for Phrase {
    fn eq(&self, english: &str) -> bool {
        self.fill(&self.text) == english
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

/// A [`Phrase`]: `phrase!("until {until}: {why}", until, why = freeze.why)`.
#[macro_export]
macro_rules! phrase {
    ($text:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {
        $crate::primitives::phrase::Phrase::with(
            $text,
            [$((stringify!($name), $crate::phrase!(@value $name $(, $value)?))),*],
        )
    };
    (@value $name:ident) => { $name.to_string() };
    (@value $name:ident, $value:expr) => { $value.to_string() };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Phrase, fill};

    #[test]
    fn a_phrase_is_kept_with_its_values_apart() {
        let (made, most) = (3, 2);
        let phrase = phrase!("{made} on {target}, of {most}", made, target = "web", most);
        assert_eq!(phrase, "3 on web, of 2");
        assert_eq!(phrase.fill("{target}: {made}/{most}"), "web: 3/2");
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
        assert_eq!(hostile.fill("{missing}"), "{missing}");
    }

    #[test]
    fn fields_are_filled_in_once() {
        let value = |field: &str| (field == "a").then(|| "{b}".to_owned());
        assert_eq!(fill("x {a} {", value), Ok("x {b} {".to_owned()));
        assert_eq!(fill("{c}", value), Err("c"));
    }
}
