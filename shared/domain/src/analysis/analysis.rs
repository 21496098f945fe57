//! The analyzer's finding: risk, confidence, cause and suggested action (DESIGN §8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::primitives::id::PlaybookId;
use crate::primitives::language::Language;
use crate::primitives::names::named;
use crate::primitives::phrase::Phrase;

named! {
    /// How dangerous the situation, or a repair, is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum Risk {
        Low = "low",
        Medium = "medium",
        High = "high",
        /// Users are cut off, or data may be lost.
        Critical = "critical",
    }
}

impl Risk {
    /// Every risk, from mild to bad.
    pub const ALL: [Self; 4] = Self::VARIANTS;
}

/// An incident's severity, from the original's table: critical is P0, high P1, medium P2, low P3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Severity {
    P0,
    P1,
    P2,
    P3,
}

impl From<Risk> for Severity {
    fn from(risk: Risk) -> Self {
        match risk {
            Risk::Critical => Self::P0,
            Risk::High => Self::P1,
            Risk::Medium => Self::P2,
            Risk::Low => Self::P3,
        }
    }
}

/// What a repair does to data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum DataImpact {
    /// It does not touch data.
    None,
    ReadOnly,
    Write,
    /// It can lose data.
    Destructive,
}

named! {
    /// Whose problem it most likely is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum Responsibility {
        App = "APP",
        Infra = "INFRA",
        Database = "DATABASE",
        Collab = "COLLAB",
        /// A human has to find out.
        Human = "HUMAN",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlastRadius {
    /// How many pods (or processes, or hosts).
    pub affected_pods: u32,
    /// For how long, in words: `~30s`, `unknown`.
    pub estimated_downtime: String,
    pub related_services: Vec<String>,
    /// What the suggested action does to data.
    pub data_impact: DataImpact,
}

/// The texts of a finding in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FindingTexts {
    /// Why it usually happens.
    pub root_cause: String,
    pub action: String,
    /// How to keep it from coming back.
    #[serde(default)]
    pub suggestions: Vec<String>,
}

named! {
    /// What a cause rests on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum EvidenceKind {
        /// A component says so about this very object.
        Stated = "stated",
        /// The measured values show it.
        Measured = "measured",
        /// The values make it likely.
        Inferred = "inferred",
    }
}

/// From this confidence on a recipe's cause is the finding, and no model is asked.
pub const CLEAR_CAUSE: f64 = 0.8;

impl EvidenceKind {
    /// How sure a cause of this kind is before anything is known of how often it was right. These are priors, one for each kind: a
    /// component knows its own state, a measured value can have a second explanation, and an inference has one by definition. What is
    /// inferred stays below [`CLEAR_CAUSE`], so that a model may know better.
    pub const fn confidence(self) -> f64 {
        match self {
            Self::Stated => 0.95,
            Self::Measured => 0.9,
            Self::Inferred => 0.75,
        }
    }
}

/// The cause that the answers to a recipe's questions show. No model has a part in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCause {
    /// The recipe's id.
    pub recipe: String,
    /// The cause's id in `causes.yaml`.
    pub id: String,
    pub title: String,
    /// The title in other languages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub titles: BTreeMap<Language, String>,
    /// What it rests on.
    pub evidence: EvidenceKind,
    /// The pieces of the incident's evidence that its condition reads, counted from 1: what people see as E1, E2.
    pub cites: Vec<usize>,
    /// Playbooks that are made for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speaks_for: Vec<PlaybookId>,
    /// Playbooks that would not help, or would hurt: they are not proposed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speaks_against: Vec<PlaybookId>,
}

impl FoundCause {
    /// The title in a language, or in English.
    pub fn title_in(&self, language: Language) -> &str {
        self.titles.get(&language).unwrap_or(&self.title)
    }

    /// The title as a part of a sentence, in every language that it has.
    pub fn said(&self) -> Phrase {
        Phrase::translated(&self.title, &self.titles)
    }

    /// The evidence that it cites, such as `E1, E3`.
    pub fn cited(&self) -> String {
        let cited: Vec<String> = self
            .cites
            .iter()
            .map(|number| format!("E{number}"))
            .collect();
        cited.join(", ")
    }
}

/// The finding. Its texts may come from a model: they are shown and never run (`no-words-executed`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The action in a few words.
    pub action_title: String,
    /// What is going on.
    pub description: String,
    pub root_cause: String,
    pub suggested_action: String,
    /// A command for a human to consider. Shown, never run.
    pub suggested_command: Option<String>,
    /// How dangerous it is.
    pub risk: Risk,
    /// How sure the analyzer is, 0 to 1.
    pub confidence: f64,
    /// How sure the operator's static rule is, 0 to 1: no model raises it.
    pub rule_confidence: f64,
    /// True if the operator's static rule names no cause of which it could be sure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rule_claims_no_cause: bool,
    pub blast_radius: BlastRadius,
    /// The texts in other languages, as a rule or a model has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<Language, FindingTexts>,
    /// The description in other languages, where it is a model's: a rule's is the alert's own words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub descriptions: BTreeMap<Language, String>,
    /// Which services are affected.
    pub affected_services: Vec<String>,
    /// Whose problem it most likely is.
    pub primary_responsibility: Responsibility,
    /// How to keep it from coming back.
    pub optimisation_suggestions: Vec<String>,
    /// How far it is from normal, if anything was measured.
    pub deviation: Option<Phrase>,
    /// The cause that a recipe found, also where a model has said more about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FoundCause>,
    /// Why the recipe for the alert found none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_cause_because: Option<Phrase>,
    /// What repaired the fingerprint's last incidents, where they all ended the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered: Option<Phrase>,
    /// Why the static analyzer had to answer in place of the models that are configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fell_back_because: Option<Phrase>,
    /// Who found it: `static` is the static analyzer, `recipe` a recipe, `memory` what repaired the last incidents; else a provider's name.
    pub provider: String,
    /// Which model, if one was asked.
    pub model: Option<String>,
    /// Tokens used, in and out together.
    pub tokens: u64,
    /// Price in micro-dollars (10⁻⁶ USD), failed calls included.
    pub price_micro_usd: u64,
    /// How long the analysis took, in milliseconds.
    pub duration_ms: u64,
    /// The trace in which each question and each call can be looked at, 32 hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::{Analysis, BlastRadius, DataImpact, Responsibility, Risk};

    /// A finding that says next to nothing.
    pub(crate) fn analysis() -> Analysis {
        Analysis {
            action_title: String::new(),
            description: String::new(),
            root_cause: String::new(),
            suggested_action: String::new(),
            suggested_command: None,
            risk: Risk::Medium,
            confidence: 0.6,
            rule_confidence: 0.6,
            rule_claims_no_cause: false,
            blast_radius: BlastRadius {
                affected_pods: 1,
                estimated_downtime: String::new(),
                related_services: vec![],
                data_impact: DataImpact::None,
            },
            translations: BTreeMap::new(),
            descriptions: BTreeMap::new(),
            affected_services: vec![],
            primary_responsibility: Responsibility::App,
            optimisation_suggestions: vec![],
            deviation: None,
            cause: None,
            no_cause_because: None,
            remembered: None,
            fell_back_because: None,
            provider: "static".to_owned(),
            model: None,
            tokens: 0,
            price_micro_usd: 0,
            duration_ms: 0,
            trace_id: None,
        }
    }
}
