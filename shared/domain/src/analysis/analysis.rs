//! The analyzer's finding: risk, confidence, cause and suggested action (DESIGN §8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analysis::named_cause::{self, Confidence, NamedCause};
use crate::analysis::urgency::Urgency;
use crate::phrase;
use crate::primitives::id::PlaybookId;
use crate::primitives::language::Language;
use crate::primitives::names::named;
use crate::primitives::phrase::Phrase;

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
    /// How many pods (or processes, or hosts) the alerts are about.
    pub affected_pods: u32,
    /// For how long, in words: `~30s`, `unknown`.
    pub estimated_downtime: String,
    /// The services that depend on it by the registry, also through others; what a model names comes after them.
    pub related_services: Vec<String>,
    /// The other members of its redundancy group, where it is in one and they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Peers>,
    /// What the suggested action does to data.
    pub data_impact: DataImpact,
}

/// The other members of a redundancy group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    pub group: String,
    /// How many there are.
    pub members: u32,
    /// How many of them answered when they were measured, and have no open incident.
    pub healthy: u32,
}

impl Peers {
    /// How many of them are healthy, in a sentence.
    pub fn phrase(&self) -> Phrase {
        phrase!(
            "{healthy} of {members} others in {group} answer",
            healthy = self.healthy,
            members = self.members,
            group = self.group
        )
    }
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

/// From this confidence on a recipe's cause is the finding, and no model is asked: the mean of its posterior.
pub const CLEAR_CAUSE: f64 = 0.8;

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
    /// How soon somebody has to act, and why. Called `risk` when it was one word.
    #[serde(alias = "risk")]
    pub urgency: Urgency,
    /// Whose word the cause is, by which it is counted how often that was right. None where no cause is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_cause: Option<NamedCause>,
    /// How sure it is. None where no cause is named, or how often such a cause was right could not be read.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "named_cause::stored"
    )]
    pub confidence: Option<Confidence>,
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

    use super::{Analysis, BlastRadius, DataImpact, Responsibility};
    use crate::analysis::Severity;

    /// A finding that says next to nothing.
    pub(crate) fn analysis() -> Analysis {
        Analysis {
            action_title: String::new(),
            description: String::new(),
            root_cause: String::new(),
            suggested_action: String::new(),
            suggested_command: None,
            urgency: Severity::P2.into(),
            named_cause: None,
            confidence: None,
            blast_radius: BlastRadius {
                affected_pods: 1,
                estimated_downtime: String::new(),
                related_services: vec![],
                peers: None,
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
