//! People who may decide, by what they are known, and the rules that say on which plans.

use serde::{Deserialize, Deserializer};
use wildmatch::WildMatch;

use crate::analysis::Risk;

/// A pattern in which `*` matches any text, and `?` one character.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String", inline))]
pub struct Pattern(WildMatch);

impl Pattern {
    pub(super) fn fits(&self, text: &str) -> bool {
        self.0.matches(text)
    }

    /// It as the file writes it.
    pub(super) fn text(&self) -> String {
        self.0.pattern()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(WildMatch::new(&text)))
    }
}

/// A person who may decide, and by what they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Person {
    /// Their numeric id at Telegram.
    pub telegram: Option<i64>,
    /// Their member id at Slack, such as `U0123456789`: in Slack, among what their profile offers to copy.
    pub slack: Option<String>,
    /// Whether they may decide with a token of their own (`quell tokens`).
    pub api: bool,
}

/// Who may decide on which plans. An empty list fits everything.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("required" = ["people"], "dependentRequired" = {
        "then": ["escalate_after_seconds"], "escalate_after_seconds": ["then"]
    })))]
pub struct ApprovalRule {
    /// The services' names in the registry.
    pub services: Vec<Pattern>,
    /// The risks, each the worse of the finding's and the playbook's.
    pub risks: Vec<Risk>,
    /// Who may, by their names among the people.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub people: Vec<String>,
    /// The second list of people, who may decide once the approval was undecided for
    /// `escalate_after_seconds`. They are notified then.
    pub then: Vec<String>,
    /// After how long the second list may: at most a week.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604800)))]
    pub escalate_after_seconds: Option<u32>,
}

impl ApprovalRule {
    /// Whether a person may decide.
    pub fn may(&self, person: &str, escalated: bool) -> bool {
        self.people.iter().any(|name| name == person)
            || (escalated && self.then.iter().any(|name| name == person))
    }
}

/// True where nothing is asked for, or one of the patterns fits.
pub(super) fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.fits(text))
}
