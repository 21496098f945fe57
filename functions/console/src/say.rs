//! Words of the pages: those that cards have as well, and those of pages alone, in the reader's language.

use std::fmt::Display;

use domain::notification::words::{Words, card_words, page_words};
use domain::primitives::language::Language;
use domain::primitives::phrase::Phrase;
use domain::primitives::safe_text::line;
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::HeaderMap;
use lambda_http::http::header::COOKIE;

/// How much of a sentence that may hold texts from outside is shown.
const SENTENCE_CHARACTERS: usize = 1_000;

/// The cookie with the language that a reader chose, and no secret.
const LANGUAGE_COOKIE: &str = "quell-language=";

/// The words of a language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Say {
    pub(crate) language: Language,
}

impl Say {
    pub(crate) const ENGLISH: Self = Self {
        language: Language::English,
    };

    /// The language of a reader: the one that they chose on a page, or that their browser asks for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let cookies = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|pairs| pairs.split(';'));
        let chosen = pairs.find_map(|pair| pair.trim().strip_prefix(LANGUAGE_COOKIE));
        let known = Language::ALL
            .into_iter()
            .find(|language| Some(language.tag()) == chosen);
        let language = known.unwrap_or_else(|| access::language(headers));
        Self { language }
    }

    fn shared(self) -> &'static Words {
        card_words(self.language)
    }

    /// A word that cards have as well.
    pub(crate) fn word<'a>(self, group: &str, key: &'a str) -> &'a str {
        self.shared().text(group, key)
    }

    /// A text of the pages alone.
    pub(crate) fn page(self, key: &str) -> &str {
        page_words(self.language).text("console", key)
    }

    /// The same with a number in it.
    pub(crate) fn counted(self, key: &str, n: impl Display) -> String {
        page_words(self.language).fill("console", key, &[("n", &n.to_string())])
    }

    /// How long something lasted: `1 h 12 min`.
    pub(crate) fn lasted(self, length: SignedDuration) -> String {
        self.shared().duration(length)
    }

    /// A sentence of cards with its fields filled in.
    pub(crate) fn filled(self, key: &str, fields: &[(&str, &str)]) -> String {
        self.shared().fill("say", key, fields)
    }

    /// A sentence of ours, with its values.
    pub(crate) fn sentence(self, phrase: &Phrase) -> String {
        line(&self.shared().say(phrase), SENTENCE_CHARACTERS)
    }

    pub(crate) fn tag(self) -> &'static str {
        self.language.tag()
    }
}

/// A time as a page shows it: exact for machines, to the second for people. The page's script adds how long ago that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    pub(crate) fn exact(&self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    pub(crate) fn shown(&self) -> String {
        self.0.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use domain::notification::words::{card_words, page_words};
    use domain::primitives::language::Language;

    /// What stands in quotes behind `call(` in a text.
    fn keys(text: &str, call: &str) -> BTreeSet<String> {
        let calls = text.split(call).skip(1);
        let quoted = calls.filter_map(|rest| rest.trim_start().strip_prefix('"'));
        let keys = quoted.filter_map(|rest| rest.split_once('"'));
        keys.map(|(key, _)| key.to_owned()).collect()
    }

    /// Every template and source file.
    fn texts(directory: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.extend(texts(&path));
            } else if path.file_name().is_some_and(|name| name != "say.rs") {
                found.push(fs::read_to_string(&path).expect("a text"));
            }
        }
        found
    }

    #[test]
    fn every_text_that_a_page_names_is_in_both_languages() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = texts(&root.join("templates"));
        all.extend(texts(&root.join("src")));
        let named: BTreeSet<String> = all
            .iter()
            .flat_map(|text| {
                keys(text, "say.page(")
                    .into_iter()
                    .chain(keys(text, "say.counted("))
            })
            .collect();
        assert!(named.len() > 50, "{}", named.len());
        for language in Language::ALL {
            let table = page_words(language).table();
            let known: BTreeSet<String> = table["console"]
                .as_object()
                .expect("a group")
                .keys()
                .cloned()
                .collect();
            let missing: Vec<_> = named.difference(&known).collect();
            assert!(missing.is_empty(), "{language:?} lacks {missing:?}");
            assert_ne!(card_words(language).text("status", "open"), "open");
        }
    }
}
