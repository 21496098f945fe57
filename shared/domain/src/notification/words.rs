//! Texts that people read, one table for each language: of messages, of replies to buttons, and of the pages behind links.

use std::sync::LazyLock;

use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::primitives::language::Language;
use crate::primitives::phrase::{Phrase, fill};

/// The texts of a language.
#[derive(Debug)]
pub struct Words {
    language: Language,
    table: Value,
}

/// What is the same in every language.
const SYMBOLS: &str = include_str!("../../words/symbols.json");
const IN_ENGLISH: &str = include_str!("../../words/en.json");
const IN_TRADITIONAL_CHINESE: &str = include_str!("../../words/zh-TW.json");

static ENGLISH: LazyLock<Words> =
    LazyLock::new(|| Words::read(Language::English, &[IN_ENGLISH, SYMBOLS]));
static TRADITIONAL_CHINESE: LazyLock<Words> = LazyLock::new(|| {
    Words::read(
        Language::TraditionalChinese,
        &[IN_TRADITIONAL_CHINESE, SYMBOLS],
    )
});

static ENGLISH_CARDS: LazyLock<Words> = LazyLock::new(|| {
    let cards = include_str!("../../words/cards/en.json");
    Words::read(Language::English, &[IN_ENGLISH, SYMBOLS, cards])
});
static TRADITIONAL_CHINESE_CARDS: LazyLock<Words> = LazyLock::new(|| {
    let cards = include_str!("../../words/cards/zh-TW.json");
    Words::read(
        Language::TraditionalChinese,
        &[IN_TRADITIONAL_CHINESE, SYMBOLS, cards],
    )
});

static ENGLISH_PAGES: LazyLock<Words> = LazyLock::new(|| {
    Words::read(
        Language::English,
        &[include_str!("../../words/console/en.json")],
    )
});
static TRADITIONAL_CHINESE_PAGES: LazyLock<Words> = LazyLock::new(|| {
    Words::read(
        Language::TraditionalChinese,
        &[include_str!("../../words/console/zh-TW.json")],
    )
});

/// The texts of the console's pages alone, in a language. What cards say as well is in [`words`].
pub fn page_words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH_PAGES,
        Language::TraditionalChinese => &TRADITIONAL_CHINESE_PAGES,
    }
}

/// The texts of cards and of the console in a language: those of [`words`], and those that ingress has no use for. Its binary has to
/// stay small, and does not hold them.
pub fn card_words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH_CARDS,
        Language::TraditionalChinese => &TRADITIONAL_CHINESE_CARDS,
    }
}

/// The texts of a language that ingress says too.
pub fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::TraditionalChinese => &TRADITIONAL_CHINESE,
    }
}

impl Words {
    /// Reads tables of one language. A group that several of them have holds the texts of all.
    fn read(language: Language, tables: &[&str]) -> Self {
        let mut all = Map::new();
        for table in tables {
            let table: Map<String, Value> = serde_json::from_str(table).unwrap_or_default();
            for (name, group) in table {
                match (all.get_mut(&name), group) {
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                    (_, group) => drop(all.insert(name, group)),
                }
            }
        }
        Self {
            language,
            table: Value::Object(all),
        }
    }

    /// All texts.
    pub fn table(&self) -> &Value {
        &self.table
    }

    /// A text of a group. One that is missing is its own key: a test keeps the tables complete.
    pub fn text<'a>(&'a self, group: &str, key: &'a str) -> &'a str {
        self.table[group][key].as_str().unwrap_or(key)
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

    /// How long something lasted, by the words of cards: `1 h 12 min`, `1 小時 12 分鐘`.
    pub fn duration(&self, length: SignedDuration) -> String {
        let minutes = length.as_mins().max(0);
        let (days, hours, minutes) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
        let name = match (days, hours, minutes) {
            (0, 0, 0) => "under_a_minute",
            (0, 0, _) => "minutes",
            (0, ..) => "hours",
            _ => "days",
        };
        let [days, hours, minutes] = [days, hours, minutes].map(|number| number.to_string());
        let fields = [("days", &*days), ("hours", &hours), ("minutes", &minutes)];
        self.fill("duration", name, &fields)
    }

    /// A sentence in this language; one that has no translation is in English.
    pub fn say(&self, phrase: &Phrase) -> String {
        phrase.said(
            self.language,
            &|english| self.table["phrases"][english].as_str(),
            &|group, code| self.table[group][code].as_str(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use serde::Serialize;
    use serde_json::Value;

    use super::{card_words, page_words, words};
    use crate::alert::AlertType;
    use crate::analysis::evidence::Source;
    use crate::analysis::{DataImpact, Responsibility, Risk, Severity};
    use crate::incident::Status;
    use crate::incident::autonomy_level::AutonomyLevel;
    use crate::incident::guardrail::Guardrail;
    use crate::incident::operation_log::Event;
    use crate::incident::repair::RepairOutcome;
    use crate::incident::response::CloseReason;
    use crate::notification::notice::NoticeKind;
    use crate::phrase;
    use crate::primitives::language::Language;
    use crate::primitives::phrase::{Phrase, fill};

    /// Every text by its path, with its fields.
    fn texts(table: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
        match table {
            Value::Object(group) => {
                for (name, value) in group.iter().filter(|(name, _)| *name != "phrases") {
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
            texts(card_words(language).table(), "cards", &mut found);
            texts(page_words(language).table(), "pages", &mut found);
            found
        });
        assert!(english.len() > 200, "{}", english.len());
        for (path, fields) in &english {
            assert_eq!(Some(fields), chinese.get(path), "{path}");
        }
        assert_eq!(english.len(), chinese.len());
    }

    #[test]
    fn a_translated_phrase_names_the_same_values() {
        let fields = |text: &str| {
            let mut fields = BTreeSet::new();
            let filled = fill(text, |field| {
                fields.insert(field.to_owned());
                Some(String::new())
            });
            filled.map(|_| fields).expect("every field has a value")
        };
        let table = card_words(Language::TraditionalChinese).table();
        let phrases = table["phrases"].as_object().expect("the phrases");
        for (english, chinese) in phrases {
            let chinese = chinese.as_str().unwrap_or_default();
            assert_eq!(fields(english), fields(chinese), "{english}");
            assert!(!chinese.is_ascii(), "{english}");
        }
    }

    /// The text of each `phrase!` in a file of product code.
    fn phrases_in(source: &str, found: &mut BTreeSet<String>) {
        // A module of tests is the last one of its file.
        let product = source
            .rsplit_once("#[cfg(test)]")
            .map_or(source, |(product, _)| product);
        for after in product.split("phrase!(").skip(1) {
            // What does not begin with a text is the macro itself.
            if let Some(text) = after.trim_start().strip_prefix('"') {
                let mut text = text.replace("\\\"", "\u{0}");
                text.truncate(text.find('"').expect("a text ends"));
                found.insert(text.replace('\u{0}', "\""));
            }
        }
    }

    fn read_all(directory: &Path, found: &mut BTreeSet<String>) {
        for file in fs::read_dir(directory).expect("a directory") {
            let path = file.expect("a file").path();
            let name = path.to_string_lossy();
            if path.is_dir() && !name.ends_with("/tests") {
                read_all(&path, found);
            } else if name.ends_with(".rs")
                && !name.ends_with("_tests.rs")
                && !name.ends_with("primitives/phrase.rs")
            {
                phrases_in(&fs::read_to_string(&path).expect("a file"), found);
            }
        }
    }

    #[test]
    fn every_phrase_of_the_product_is_translated() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut said = BTreeSet::new();
        for directory in ["shared", "functions"] {
            read_all(&project.join(directory), &mut said);
        }
        assert!(said.len() > 70, "{}", said.len());
        let table = card_words(Language::TraditionalChinese).table();
        let phrases = table["phrases"].as_object().expect("the phrases");
        let translated: BTreeSet<String> = phrases.keys().cloned().collect();
        assert_eq!(said, translated);
    }

    /// Ingress has the tables of [`words`] alone: what it can say has to be in them.
    #[test]
    fn every_phrase_that_ingress_says_is_in_its_tables() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut said = BTreeSet::new();
        for directory in [
            "functions/ingress",
            "shared/domain/src/notification",
            "shared/domain/src/transition",
        ] {
            read_all(&project.join(directory), &mut said);
        }
        assert!(said.len() > 30, "{}", said.len());
        let table = words(Language::TraditionalChinese).table();
        for phrase in said {
            assert!(table["phrases"][&phrase].is_string(), "{phrase}");
        }
    }

    #[test]
    fn every_event_of_the_log_has_words() {
        for language in Language::ALL {
            let table = card_words(language).table();
            let named: BTreeSet<&str> = table["event"]
                .as_object()
                .expect("the events")
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(
                named,
                Event::VARIANTS.map(Event::as_str).into(),
                "{language:?}"
            );
        }
    }

    /// A code as it is stored.
    fn code(value: impl Serialize) -> String {
        let code = serde_json::to_value(value).expect("JSON");
        code.as_str().expect("a text").to_owned()
    }

    #[test]
    fn every_code_that_people_may_see_has_a_word() {
        let severities = [Severity::P0, Severity::P1, Severity::P2, Severity::P3];
        let impacts = [
            DataImpact::None,
            DataImpact::ReadOnly,
            DataImpact::Write,
            DataImpact::Destructive,
        ];
        let groups: [(&str, Vec<String>); 11] = [
            ("status", Status::VARIANTS.map(code).into()),
            ("repair", RepairOutcome::VARIANTS.map(code).into()),
            ("risk", Risk::VARIANTS.map(code).into()),
            ("responsibility", Responsibility::VARIANTS.map(code).into()),
            ("guardrail", Guardrail::VARIANTS.map(code).into()),
            ("source", Source::VARIANTS.map(code).into()),
            ("close_reason", CloseReason::VARIANTS.map(code).into()),
            ("level", AutonomyLevel::VARIANTS.map(code).into()),
            ("kind", AlertType::VARIANTS.map(code).into()),
            ("urgency", severities.map(code).into()),
            ("data_impact", impacts.map(code).into()),
        ];
        let notices = NoticeKind::VARIANTS.map(|kind| kind.as_str().to_owned());
        let groups = groups.into_iter().chain([("notice", notices.into())]);
        for (group, codes) in groups {
            for language in Language::ALL {
                let table = card_words(language).table();
                let named: BTreeSet<&str> = table[group]
                    .as_object()
                    .expect("a group")
                    .keys()
                    .map(String::as_str)
                    .collect();
                assert_eq!(
                    named,
                    codes.iter().map(String::as_str).collect(),
                    "{group} {language:?}"
                );
            }
        }
    }

    #[test]
    fn a_code_in_a_phrase_is_said_as_its_word() {
        let why = phrase!("it is on: nothing is repaired");
        let phrase = phrase!(
            "stopped by {guardrails}",
            guardrails => phrase!("{guardrail} ({why})", guardrail = "kill_switch", why => why)
        );
        for (language, said) in [
            (
                Language::English,
                "stopped by kill switch (it is on: nothing is repaired)",
            ),
            (
                Language::TraditionalChinese,
                "被防護檢查擋下：緊急停止開關（已啟用：停止所有修復）",
            ),
        ] {
            assert_eq!(words(language).say(&phrase), said);
        }
    }

    /// Codes, units and abbreviations of English in a text for readers of Chinese.
    #[test]
    fn cards_in_chinese_have_no_raw_words() {
        let table = card_words(Language::TraditionalChinese).table();
        for group in [
            "event", "provider", "duration", "status", "repair", "outcome", "level", "kind",
        ] {
            for (name, text) in table[group].as_object().expect("a group") {
                let text = text.as_str().unwrap_or_default();
                assert!(!text.is_ascii(), "{group}.{name}: {text}");
            }
        }
        for name in ["tokens", "budget_paid", "took", "repair"] {
            let text = table["say"][name].as_str().unwrap_or_default();
            assert!(
                !text.contains(" tokens") && !text.ends_with(" s") && !text.is_ascii(),
                "{name}: {text}"
            );
        }
    }

    #[test]
    fn a_phrase_is_said_in_the_language_of_its_reader() {
        let phrase = phrase!("{name} is auto", name = "web");
        assert_eq!(words(Language::English).say(&phrase), "web is auto");
        let chinese = words(Language::TraditionalChinese).say(&phrase);
        assert!(chinese.contains("web") && !chinese.is_ascii(), "{chinese}");
        // A text from outside is nobody's phrase.
        let outside = Phrase::from("so {be} it".to_owned());
        assert_eq!(
            words(Language::TraditionalChinese).say(&outside),
            "so {be} it"
        );
    }
}
