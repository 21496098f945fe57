//! Rules about alerts of known rule sets: of what type they are, and which label names their subject.

mod reach;

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use wildmatch::WildMatch;

use crate::alert::AlertType;
use crate::alert::subject::SubjectKind;

/// The rules of `alert-rules.json`, with the names of heartbeats.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "RulesFile")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "RulesFile")
)]
pub struct AlertRules {
    rules: Vec<AlertRule>,
    /// Rules that list a name without `*` and `?`: an alert is compared with the patterns only.
    by_name: HashMap<String, Vec<usize>>,
    by_pattern: Vec<Pattern>,
    heartbeats: Vec<String>,
    noise: Vec<String>,
}

/// A pattern of a rule.
#[derive(Debug, Clone, PartialEq)]
struct Pattern {
    text: String,
    /// How many bytes stand before its first `*` or `?`: most names differ in them already.
    literal: usize,
    /// The rule's place.
    rule: usize,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "an object with the lists rules, heartbeats and noise"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RulesFile {
    rules: Vec<AlertRule>,
    heartbeats: Vec<String>,
    noise: Vec<String>,
}

/// One rule: earlier rules win, apart for the type and for the subject.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertRule {
    /// The rule set, for people.
    #[serde(default, rename = "about")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    _about: IgnoredAny,
    /// Names of alerts, in which `*` matches any text and `?` one character.
    pub alerts: Vec<String>,
    #[serde(default, rename = "type")]
    pub alert_type: Option<AlertType>,
    #[serde(default)]
    pub subject: Option<SubjectRule>,
    /// Labels that the metric has by itself, so that they are not the sender's own word: Cortex, say, has a `component` in all of its.
    #[serde(default)]
    pub metric_labels: Vec<String>,
}

/// Which labels name the subject.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SubjectRule {
    pub kind: SubjectKind,
    /// The labels that can name it: the first that an alert has does. An alert with none of them is left to later rules.
    pub name: Vec<String>,
    /// Further labels that tell it apart. No other label does if the rule has the alert's name: such alerts are about one thing if they
    /// agree in these. Where only a pattern matches, every other lasting label tells apart too.
    #[serde(default)]
    pub apart: Vec<String>,
}

impl From<RulesFile> for AlertRules {
    fn from(file: RulesFile) -> Self {
        let mut rules = Self {
            heartbeats: file.heartbeats,
            noise: file.noise,
            ..Self::default()
        };
        for (at, rule) in file.rules.iter().enumerate() {
            for name in &rule.alerts {
                match name.find(['*', '?']) {
                    Some(literal) => rules.by_pattern.push(Pattern {
                        text: name.clone(),
                        literal,
                        rule: at,
                    }),
                    None => rules.by_name.entry(name.clone()).or_default().push(at),
                }
            }
        }
        rules.rules = file.rules;
        rules
    }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        name.starts_with(&self.text[..self.literal]) && WildMatch::new(&self.text).matches(name)
    }
}

impl AlertRules {
    /// What is wrong with the rules beyond their shape: each a field and a sentence.
    pub fn errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        for (at, rule) in self.rules.iter().enumerate() {
            let field = |name: &str| format!("rules[{at}].{name}");
            if rule.alerts.is_empty() {
                errors.push((
                    field("alerts"),
                    "names no alert: give names or patterns".to_owned(),
                ));
            }
            for (i, name) in rule.alerts.iter().enumerate() {
                if name.trim().is_empty() || name.chars().all(|c| c == '*') {
                    errors.push((
                        format!("rules[{at}].alerts[{i}]"),
                        "has to name alerts: it is empty, or fits every alert".to_owned(),
                    ));
                }
            }
            match &rule.subject {
                Some(subject) if subject.name.is_empty() => errors.push((
                    field("subject.name"),
                    "names no label: give the labels that name the subject".to_owned(),
                )),
                None if rule.alert_type.is_none() && rule.metric_labels.is_empty() => {
                    errors.push((
                        field("type"),
                        "is missing, and so is subject: the rule says nothing".to_owned(),
                    ))
                }
                Some(_) | None => {}
            }
        }
        errors
    }

    /// The rules for an alert of this name, in their order.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Match<'a>> + 'a {
        let by_name = self.by_name.get(name).into_iter().flatten();
        let by_pattern = self
            .by_pattern
            .iter()
            .filter(|pattern| pattern.matches(name))
            .map(|pattern| (pattern.rule, false));
        // Where both match, the name comes first, and with it that the alert itself is known.
        let mut all: Vec<(usize, bool)> = by_name.map(|at| (*at, true)).chain(by_pattern).collect();
        all.sort_by_key(|(at, exact)| (*at, !exact));
        all.dedup_by_key(|(at, _)| *at);
        all.into_iter().filter_map(|(at, exact)| {
            let rule = self.rules.get(at)?;
            Some(Match { rule, exact })
        })
    }

    /// The type of alerts of this name.
    pub fn alert_type(&self, name: &str) -> Option<AlertType> {
        self.of(name).find_map(|found| found.rule.alert_type)
    }

    /// True if an alert of this name says that monitoring works: it always fires, and its absence is the news. Names are compared
    /// whole and in any case: `DeadMansSwitchMissing` is an alert.
    pub fn is_heartbeat(&self, name: &str) -> bool {
        has(&self.heartbeats, name)
    }

    /// True if an alert of this name only serves Alertmanager itself, as `InfoInhibitor` does.
    pub fn is_noise(&self, name: &str) -> bool {
        has(&self.noise, name)
    }
}

/// A rule for an alert.
#[derive(Debug, Clone, Copy)]
pub struct Match<'a> {
    pub rule: &'a AlertRule,
    /// True if the rule has the alert's name: it knows which labels the alert has. A pattern also matches names that nobody knew.
    pub exact: bool,
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}
