//! Diagnoses and findings: a cause with its object, its evidence, and the strength of that evidence.

use serde::Serialize;

use crate::cause::{Cause, Class};

/// A Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectRef {
    pub kind: String,
    /// Empty for what has none, as nodes and namespaces.
    pub namespace: String,
    pub name: String,
}

impl ObjectRef {
    #[must_use]
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
        Self {
            kind,
            namespace,
            name,
        }
    }
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where: an object and field, an event, a log.
    pub source: String,
    /// The words or the value there, shortened.
    pub quote: String,
}

/// The longest quote, in characters: an incident keeps several.
const QUOTE: usize = 300;

impl Evidence {
    pub(crate) fn new(source: impl Into<String>, quote: impl AsRef<str>) -> Self {
        let quote = quote.as_ref().trim();
        let quote = match quote.char_indices().nth(QUOTE) {
            Some((end, _)) => format!("{}…", &quote[..end]),
            None => quote.to_owned(),
        };
        let source = source.into();
        Self { source, quote }
    }
}

/// How far the evidence carries, by its kind. A calibrated probability is made of it elsewhere, from what turned out right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// A symptom: it says that something is wrong, not why.
    Symptom,
    /// Concluded from measurements.
    Inferred,
    /// The program's own log says it.
    Logged,
    /// Two objects contradict each other.
    Compared,
    /// A part of Kubernetes, or of the node, says it about exactly this object.
    Stated,
}

impl Support {
    /// A first guess of how often such evidence is right, from 0 to 1.
    #[must_use]
    pub const fn confidence(self) -> f64 {
        match self {
            Self::Symptom => 0.3,
            Self::Inferred => 0.75,
            Self::Logged => 0.85,
            Self::Compared => 0.9,
            Self::Stated => 0.95,
        }
    }

    /// Whether it is enough to name a cause.
    #[must_use]
    pub const fn carries(self) -> bool {
        !matches!(self, Self::Symptom)
    }
}

/// A cause, with what speaks for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The object to change.
    pub object: ObjectRef,
    pub cause: Cause,
    pub support: Support,
    pub evidence: Vec<Evidence>,
}

impl Finding {
    pub(crate) fn new(object: ObjectRef, cause: Cause, support: Support) -> Self {
        Self {
            object,
            cause,
            support,
            evidence: Vec::new(),
        }
    }

    pub(crate) fn seen(mut self, source: impl Into<String>, quote: impl AsRef<str>) -> Self {
        self.evidence.push(Evidence::new(source, quote));
        self
    }

    #[must_use]
    pub const fn class(&self) -> Class {
        self.cause.class()
    }
}

/// The causes that a snapshot carries, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Findings of the same cause and object are one, with the evidence of all. A sort that keeps the order of the rules among
    /// findings of equal support: rules stand in the order in which a fault explains what the later ones see.
    pub(crate) fn of(found: impl Iterator<Item = Finding>) -> Self {
        let mut findings: Vec<Finding> = Vec::new();
        for new in found {
            let same = findings
                .iter_mut()
                .find(|old| (old.cause, &old.object) == (new.cause, &new.object));
            match same {
                Some(old) => {
                    old.support = old.support.max(new.support);
                    for evidence in new.evidence {
                        if !old.evidence.contains(&evidence) {
                            old.evidence.push(evidence);
                        }
                    }
                }
                None => findings.push(new),
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.support));
        Self { findings }
    }

    /// The best supported cause; `None` where the cause is unknown.
    #[must_use]
    pub fn cause(&self) -> Option<&Finding> {
        self.findings
            .first()
            .filter(|finding| finding.support.carries())
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagnosis, Evidence, Finding, ObjectRef, Support};
    use crate::cause::Cause;

    fn finding(name: &str, cause: Cause, support: Support, quote: &str) -> Finding {
        let object = ObjectRef::new("Deployment", "shop", name);
        Finding::new(object, cause, support).seen("log", quote)
    }

    #[test]
    fn the_best_supported_finding_is_first_and_equal_ones_are_joined() {
        let found = [
            finding("a", Cause::CrashLoop, Support::Symptom, "1"),
            finding("b", Cause::OutOfMemory, Support::Logged, "2"),
            finding("b", Cause::OutOfMemory, Support::Stated, "3"),
            finding("b", Cause::OutOfMemory, Support::Stated, "3"),
        ];
        let diagnosis = Diagnosis::of(found.into_iter());
        assert_eq!(diagnosis.findings.len(), 2);
        let first = diagnosis.cause().expect("a cause");
        let quotes: Vec<_> = first.evidence.iter().map(|seen| &*seen.quote).collect();
        assert_eq!((first.support, quotes), (Support::Stated, vec!["2", "3"]));
    }

    #[test]
    fn a_symptom_alone_leaves_the_cause_unknown() {
        let found = [finding("a", Cause::CrashLoop, Support::Symptom, "1")];
        assert_eq!(Diagnosis::of(found.into_iter()).cause(), None);
        assert_eq!(Diagnosis::default().cause(), None);
    }

    #[test]
    fn a_long_quote_is_cut_between_characters() {
        let seen = Evidence::new("log", "ü".repeat(400));
        assert_eq!(seen.quote.chars().count(), 301);
    }
}
