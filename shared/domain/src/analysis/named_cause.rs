//! Named causes: whose word the cause of a finding is, and how often that word was right.
//!
//! The confidence in a finding is counted. A named cause is counted by its source and its cause; the posterior of the two counts is
//! computed in `crate::analysis::posterior`, which ingress does not link.

use serde::{Deserialize, Serialize};

use crate::primitives::id::PlaybookId;
use crate::primitives::safe_text::line;

/// How much of a model's name is part of a key.
const MODEL_CHARACTERS: usize = 80;

/// Whose word a cause is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseSource {
    /// A recipe, whichever: causes have one id over all recipes.
    Recipe,
    /// What repaired the fingerprint's last incidents.
    Memory,
    /// A model, by the name under which it is configured.
    Model(String),
    /// The operator's rule about the type of alert.
    Static,
}

impl CauseSource {
    /// The source as a part of a key, and as people read it: `recipe`, `model gpt-5-mini`.
    pub fn key(&self) -> String {
        match self {
            Self::Recipe => "recipe".to_owned(),
            Self::Memory => "memory".to_owned(),
            Self::Model(name) => format!("model {}", line(name, MODEL_CHARACTERS)),
            Self::Static => "static".to_owned(),
        }
    }
}

/// The cause that a finding names. Named causes that are equal in source and cause are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCause {
    pub source: CauseSource,
    /// The id of the cause in `causes.yaml`; for memory the playbook that helped; for a static rule, and for a model that names a cause in
    /// its own words, the type of the alert.
    pub cause: String,
    /// The playbooks that are made for the cause. Whether one of these ended the symptom shows whether the named cause was right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speaks_for: Vec<PlaybookId>,
}

impl NamedCause {
    /// True if the cause is what this playbook repairs.
    pub fn speaks_for(&self, playbook: &str) -> bool {
        self.speaks_for.iter().any(|id| *id == *playbook)
    }
}

/// How often a named cause was right and how often wrong, each incident counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeCounts {
    pub right: u32,
    pub wrong: u32,
}

impl OutcomeCounts {
    /// How many incidents have shown it.
    pub fn known(self) -> u32 {
        self.right.saturating_add(self.wrong)
    }
}

/// How sure a named cause is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// The mean of the posterior, 0 to 1.
    pub mean: f64,
    /// Its 5 % quantile: the share of right causes that is reached with 95 % probability. Guardrails ask this one.
    pub at_least: f64,
    /// What this installation has counted, without the prior.
    pub counts: OutcomeCounts,
}

/// How sure the named cause of an incident from before causes were counted is: a figure that nothing stands behind.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Counted {
        mean: f64,
        at_least: f64,
        counts: OutcomeCounts,
    },
    Uncounted(#[expect(dead_code, reason = "a figure that was chosen, not counted")] f64),
}

/// Reads what is known of a named cause's confidence. The plain number of an older incident was chosen and is dropped, so that no guardrail
/// takes it for a measured one.
pub(super) fn stored<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Confidence>, D::Error> {
    Ok(match Option::<Stored>::deserialize(deserializer)? {
        Some(Stored::Counted {
            mean,
            at_least,
            counts,
        }) => Some(Confidence {
            mean,
            at_least,
            counts,
        }),
        Some(Stored::Uncounted(_)) | None => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CauseSource, Confidence, NamedCause, OutcomeCounts};
    use crate::analysis::Analysis;
    use crate::analysis::tests::analysis;

    #[test]
    fn key_of_a_source_is_one_line_and_bounded() {
        let model = |name: &str| CauseSource::Model(name.to_owned()).key();
        assert_eq!(model("gpt-5-mini"), "model gpt-5-mini");
        assert!(!model("a\nb\u{202e}c").contains(['\n', '\u{202e}']));
        assert!(model(&"m".repeat(9_000)).len() < 100);
    }

    #[test]
    fn claim_is_stored_and_read_back() {
        let named = NamedCause {
            source: CauseSource::Model("m".into()),
            cause: "high_cpu".into(),
            speaks_for: vec![],
        };
        let found = Analysis {
            named_cause: Some(named),
            confidence: Some(Confidence {
                mean: 0.8,
                at_least: 0.7,
                counts: OutcomeCounts {
                    right: 14,
                    wrong: 2,
                },
            }),
            ..analysis()
        };
        let read = serde_json::from_value(serde_json::to_value(&found).expect("JSON"));
        assert_eq!(read.ok(), Some(found));
    }

    #[test]
    fn chosen_number_of_an_older_incident_is_not_taken_for_a_counted_one() {
        let mut stored = serde_json::to_value(analysis()).expect("JSON");
        stored["confidence"] = json!(0.95);
        stored["rule_confidence"] = json!(0.95);
        let read: Analysis = serde_json::from_value(stored).expect("an older finding");
        assert_eq!((read.confidence, read.named_cause), (None, None));
    }
}
