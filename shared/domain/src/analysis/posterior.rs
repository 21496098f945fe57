//! How sure a named cause is: the posterior of a share that is counted, with a prior that was measured or is said to be a judgement.
//!
//! A named cause is right or wrong at each incident, independently and at a rate that is not known: the counts of a Bernoulli process, whose
//! conjugate prior is the Beta distribution (Gelman et al., "Bayesian Data Analysis", 3rd ed., 2.4). Where a prior was measured, it was measured
//! elsewhere, so that it counts as only [`Prior::weight`] incidents, however many there were.

use jiff::civil::{Date, date};

use crate::analysis::beta::quantile;
use crate::analysis::named_cause::{CauseSource, Confidence, OutcomeCounts};
use crate::analysis::{Analysis, EvidenceKind};

/// With which probability the rate is less than [`Confidence::at_least`].
const QUANTILE: f64 = 0.05;

/// What is known of named causes of one kind before this installation has counted any.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// How many of those looked at were right, and how many were looked at.
    pub right: f64,
    pub of: f64,
    /// As how many incidents of this installation they count.
    pub weight: f64,
    /// Where the two numbers come from.
    pub origin: &'static str,
    /// When they were measured, or judged.
    pub as_of: Date,
}

/// Rules over stated facts, at their first score on cases that were kept apart: 72 of 76 and 35 of 35 (docs/diagnosis.md). Those rules read
/// Kubernetes objects; a recipe's stated cause is of the same kind, another component's word about itself.
const STATED: Prior = Prior {
    right: 107.0,
    of: 111.0,
    weight: 20.0,
    origin: "Cloud-OpsBench, the third of its odd cases that was kept apart",
    as_of: date(2026, 11, 30),
};

/// No benchmark has measured it yet.
const MEASURED: Prior = Prior {
    right: 9.0,
    of: 10.0,
    weight: 10.0,
    origin: "a judgement: a value that shows it can have a second explanation",
    as_of: date(2026, 11, 30),
};

/// No benchmark has measured it yet.
const INFERRED: Prior = Prior {
    right: 6.0,
    of: 8.0,
    weight: 8.0,
    origin: "a judgement: an inference has a second explanation by definition",
    as_of: date(2026, 11, 30),
};

/// No benchmark has measured it yet.
const MEMORY: Prior = Prior {
    right: 6.0,
    of: 8.0,
    weight: 8.0,
    origin: "a judgement: what helped the last times mostly helps again",
    as_of: date(2026, 11, 30),
};

/// The best published agent with a large model, scored as the rules above.
const MODEL: Prior = Prior {
    right: 73.0,
    of: 100.0,
    weight: 10.0,
    origin: "the best agent that Cloud-OpsBench's authors have published",
    as_of: date(2026, 11, 30),
};

/// A rule says what alerts of a type usually mean, and has not looked at this one.
const STATIC: Prior = Prior {
    right: 2.0,
    of: 16.0,
    weight: 10.0,
    origin: "16 real cards: people learned something from two",
    as_of: date(2026, 11, 30),
};

impl Prior {
    /// The prior of a source. What a recipe's cause rests on tells three kinds apart.
    pub fn of(source: &CauseSource, rests_on: Option<EvidenceKind>) -> Self {
        match (source, rests_on) {
            (CauseSource::Recipe, Some(EvidenceKind::Stated)) => STATED,
            (CauseSource::Recipe, Some(EvidenceKind::Measured)) => MEASURED,
            (CauseSource::Recipe, Some(EvidenceKind::Inferred) | None) => INFERRED,
            (CauseSource::Memory, _) => MEMORY,
            (CauseSource::Model(_), _) => MODEL,
            (CauseSource::Static, _) => STATIC,
        }
    }

    /// How sure a named cause is with this prior and these counts.
    pub fn with(self, counts: OutcomeCounts) -> Confidence {
        let of_prior = |count: f64| self.weight * count / self.of;
        // One more of each: with a prior of nothing every rate is as likely as any other.
        let right = 1.0 + of_prior(self.right) + f64::from(counts.right);
        let wrong = 1.0 + of_prior(self.of - self.right) + f64::from(counts.wrong);
        Confidence {
            mean: right / (right + wrong),
            at_least: quantile(QUANTILE, right, wrong),
            counts,
        }
    }
}

impl Analysis {
    /// The prior of its named cause.
    pub fn prior(&self) -> Option<Prior> {
        let rests_on = self.cause.as_ref().map(|cause| cause.evidence);
        let named = self.named_cause.as_ref()?;
        Some(Prior::of(&named.source, rests_on))
    }

    /// The same with how sure its named cause is, by what is counted of such causes; without, where that could not be read.
    #[must_use]
    pub fn weighed(self, counts: Option<OutcomeCounts>) -> Self {
        let prior = self.prior();
        let confidence = prior.zip(counts).map(|(prior, counts)| prior.with(counts));
        Self { confidence, ..self }
    }
}

#[cfg(test)]
#[path = "posterior_tests.rs"]
mod tests;
