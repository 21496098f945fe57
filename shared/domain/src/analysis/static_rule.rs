//! Rules of the static analyzer, written by the operator: the usual meaning of each alert type, and
//! its risk.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::alert::{Alert, AlertType};
use crate::analysis::{DataImpact, FindingTexts, Responsibility, Risk};
use crate::primitives::id::PlaybookId;
use crate::primitives::language::Language;

/// What a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String", inline, extend("enum" = Subject::names())))]
pub enum Subject {
    /// Alerts of a type.
    Type(AlertType),
    Storm,
}

impl TryFrom<String> for Subject {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let of_type = AlertType::ALL
            .into_iter()
            .find(|alert_type| alert_type.as_str() == text)
            .map(Self::Type);
        of_type
            .or((text == "storm").then_some(Self::Storm))
            .ok_or_else(|| format!("`{text}` is not one of {}", Self::names().join(", ")))
    }
}

impl Subject {
    /// Every name that a rule can be for.
    fn names() -> Vec<&'static str> {
        let types = AlertType::ALL.map(AlertType::as_str);
        types.into_iter().chain([Self::Storm.as_str()]).collect()
    }

    /// Its name, as in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type(alert_type) => alert_type.as_str(),
            Self::Storm => "storm",
        }
    }
}

/// What is known about one type of alert, or about a few alerts of it by name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StaticRule {
    /// What it is for.
    #[serde(rename = "for")]
    pub subject: Subject,
    /// The alerts that it is for, if not for all of the type.
    #[serde(default)]
    pub alertnames: Vec<String>,
    /// The action in a few words.
    pub title: String,
    /// Why it usually happens.
    pub root_cause: String,
    pub action: String,
    /// A command for a human to consider. `{target}`, `{namespace}`, `{alertname}` and `{service}` stand for the alert's own.
    pub command: Option<String>,
    /// How dangerous such alerts usually are at the severity `warning`: it is the urgency where nothing was measured.
    pub risk: Risk,
    /// True if it names no cause, because it is for alerts of which nothing is known: then there is nothing of which anybody could be sure.
    #[serde(default)]
    pub claims_no_cause: bool,
    /// The playbooks that repair the cause which the rule names, by id: whether they end the symptom shows how often the rule is right.
    #[serde(default)]
    pub speaks_for: Vec<PlaybookId>,
    /// True if data can be lost while such an alert fires: it is never less urgent than P1 then, whatever is measured.
    #[serde(default)]
    pub data_at_stake: bool,
    /// What the action does to data.
    pub data_impact: DataImpact,
    /// For how long something is down, in words.
    pub downtime: String,
    /// Whose problem it most likely is.
    pub responsibility: Responsibility,
    /// How to keep it from coming back.
    #[serde(default)]
    pub suggestions: Vec<String>,
    /// Annotations that make the suggestions needless: an alert that has one of them already gets none, in any language.
    #[serde(default)]
    pub suggestions_unless_annotations: Vec<String>,
    /// The same texts in other languages. A language that is missing here reads the texts above.
    #[serde(default)]
    pub translations: BTreeMap<Language, FindingTexts>,
}

impl StaticRule {
    /// True if the suggestions are for this alert.
    pub fn suggests(&self, alert: &Alert) -> bool {
        let has = |name: &String| {
            let text = alert.annotations.get(name);
            text.is_some_and(|text| !text.trim().is_empty())
        };
        !self.suggestions_unless_annotations.iter().any(has)
    }

    /// The texts in other languages, as far as they are for this alert.
    pub fn translations(&self, alert: &Alert) -> BTreeMap<Language, FindingTexts> {
        let mut translations = self.translations.clone();
        if !self.suggests(alert) {
            for texts in translations.values_mut() {
                texts.suggestions.clear();
            }
        }
        translations
    }
}

/// All rules. There is one for storms and for every type, so that every alert has an answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StaticRules(pub Vec<StaticRule>);

impl StaticRules {
    /// The rule for an alert, or for a storm: the one with the alert's name, else the one for the whole type. There always is one
    /// in rules without [`StaticRules::errors`].
    pub fn rule(&self, alert: &Alert, storm: bool) -> Option<&StaticRule> {
        let subject = if storm {
            Subject::Storm
        } else {
            Subject::Type(alert.alert_type)
        };
        let of_subject = || self.0.iter().filter(|rule| rule.subject == subject);
        let named = of_subject().find(|rule| rule.alertnames.contains(&alert.name));
        named.or_else(|| of_subject().find(|rule| rule.alertnames.is_empty()))
    }

    /// What is wrong with the rules: each a field and a sentence.
    pub fn errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for (i, rule) in self.0.iter().enumerate() {
            if rule.claims_no_cause && !rule.speaks_for.is_empty() {
                errors.push((
                    format!("[{i}].speaks_for"),
                    "names playbooks for a cause, and claims_no_cause says that there is none: take one of the two away".to_owned(),
                ));
            }
            for name in &rule.alertnames {
                let pair = (rule.subject.as_str(), name.as_str());
                if seen.contains(&pair) {
                    errors.push((
                        format!("[{i}].alertnames"),
                        format!("has the alert {name}, for which a rule above is"),
                    ));
                }
                seen.push(pair);
            }
        }
        for subject in AlertType::ALL
            .map(Subject::Type)
            .into_iter()
            .chain([Subject::Storm])
        {
            let whole = self
                .0
                .iter()
                .filter(|rule| rule.subject == subject && rule.alertnames.is_empty())
                .count();
            if whole != 1 {
                let what = format!("with for: {} and without alertnames", subject.as_str());
                let sentence = match whole {
                    0 => format!("have no rule {what}: add one"),
                    _ => format!("have {whole} rules {what}: keep one"),
                };
                errors.push(("the rules".to_owned(), sentence));
            }
        }
        errors
    }
}
