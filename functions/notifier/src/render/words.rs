//! Words of each language outside of the templates: names of states and labels of buttons.

use std::sync::LazyLock;

use domain::notification::channels::Language;
use minijinja::value::{Serde, Value};

/// The words of a language.
#[derive(Debug)]
pub(crate) struct Words {
    all: serde_json::Value,
    value: Value,
}

static ENGLISH: LazyLock<Words> =
    LazyLock::new(|| Words::read(include_str!("../../templates/en/words.json")));
static TRADITIONAL_CHINESE: LazyLock<Words> =
    LazyLock::new(|| Words::read(include_str!("../../templates/zh-TW/words.json")));

/// The words of a language.
pub(crate) fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::TraditionalChinese => &TRADITIONAL_CHINESE,
    }
}

impl Words {
    fn read(json: &str) -> Self {
        let all: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
        Self {
            value: Value::from(Serde(&all)),
            all,
        }
    }

    /// All of them, for templates.
    pub(crate) fn value(&self) -> Value {
        self.value.clone()
    }

    /// What stands on a button.
    pub(crate) fn button(&self, name: &str) -> String {
        self.all["buttons"][name]
            .as_str()
            .unwrap_or(name)
            .to_owned()
    }

    /// That a template of the operator's is broken.
    pub(crate) fn broken_template(&self) -> &str {
        self.all["broken_template"]
            .as_str()
            .unwrap_or("broken template")
    }
}
