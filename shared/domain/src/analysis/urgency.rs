//! Urgency: how soon somebody has to act, P0 to P3, from what the sender says, what is measured, and what is at stake.
//!
//! It is one of three numbers and says nothing of the other two: how risky a plan is (`crate::policy::plan_risk`), and how sure the finding
//! is ([`crate::analysis::named_cause`]).

use serde::{Deserialize, Serialize};

use crate::alert::AlertSeverity;
use crate::analysis::severity::{Risk, Severity};
use crate::primitives::names::named;
use crate::primitives::phrase::Phrase;

named! {
    /// What a ground of an urgency rests on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum UrgencyBasis {
        /// The severity that the sender gave its alert.
        Sender = "sender",
        /// What alerts of the type usually put at stake, by the operator's static rule.
        Usual = "usual",
        /// Requests that fail, as measured.
        Impact = "impact",
        /// The other members of the redundancy group that answer, as measured.
        Redundancy = "redundancy",
        /// When what runs out has run out, from the measured trend.
        Exhaustion = "exhaustion",
        /// Data that can be lost.
        Data = "data",
        /// A model's word.
        Model = "model",
    }
}

impl UrgencyBasis {
    /// True for what was measured at this incident.
    pub const fn is_measured(self) -> bool {
        matches!(self, Self::Impact | Self::Redundancy | Self::Exhaustion)
    }
}

/// One reason for an urgency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrgencyGround {
    pub basis: UrgencyBasis,
    /// What it alone would make of it.
    pub level: Severity,
    /// In a short sentence with the numbers.
    pub why: Phrase,
}

/// How soon somebody has to act, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Urgency {
    pub level: Severity,
    /// Every ground, those of a milder level as well. None for an incident from before there were grounds.
    pub grounds: Vec<UrgencyGround>,
}

impl Urgency {
    /// The urgency that follows from these grounds: the worst of them. Where what was measured is milder than what was only said, it is one
    /// level milder than was said, and never milder than what was measured or than the data at stake: one reading is not enough to make
    /// nothing of a critical alert.
    pub fn of(grounds: Vec<UrgencyGround>) -> Self {
        // P0 sorts before P1.
        let worst = |wanted: fn(UrgencyBasis) -> bool| {
            let levels = grounds.iter().filter(|ground| wanted(ground.basis));
            levels.map(|ground| ground.level).min()
        };
        let measured = worst(UrgencyBasis::is_measured);
        let said = worst(|basis| !basis.is_measured() && basis != UrgencyBasis::Data);
        let held = worst(|basis| basis.is_measured() || basis == UrgencyBasis::Data);
        let said = match said {
            Some(said) if measured.is_some_and(|measured| measured > said) => Some(said.milder()),
            said => said,
        };
        let level = said.into_iter().chain(held).min().unwrap_or(Severity::P2);
        Self { level, grounds }
    }

    /// The same with more grounds.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = UrgencyGround>) -> Self {
        self.grounds.extend(more);
        Self::of(self.grounds)
    }

    /// The grounds that decide: those of the level itself, or, where a measured one has lowered it, that one.
    pub fn deciding(&self) -> impl Iterator<Item = &UrgencyGround> {
        let lowered = self.is_lowered();
        self.grounds.iter().filter(move |ground| {
            ground.level == self.level || (lowered && ground.basis.is_measured())
        })
    }

    /// True if what was measured has made it milder than what was said.
    pub fn is_lowered(&self) -> bool {
        self.grounds.iter().any(|ground| ground.level < self.level)
    }
}

/// What a sender's severity alone makes of it.
pub fn of_alert(severity: AlertSeverity) -> Severity {
    match severity {
        AlertSeverity::Critical => Severity::P1,
        AlertSeverity::Warning => Severity::P2,
        AlertSeverity::Info => Severity::P3,
    }
}

/// What is usual for a type of alert, as the operator's rule says it of warnings: one step worse for a critical alert, and P3 for one
/// that only informs.
pub fn usual(of_rule: Risk, severity: AlertSeverity) -> Severity {
    let level = Severity::from(of_rule);
    match severity {
        AlertSeverity::Info => Severity::P3,
        AlertSeverity::Warning => level,
        AlertSeverity::Critical => level.worse(),
    }
}

/// As stored. Findings from before there were grounds have one word, their risk.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Word(Risk),
    Explained {
        level: Severity,
        grounds: Vec<UrgencyGround>,
    },
}

impl<'de> Deserialize<'de> for Urgency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Word(risk) => Self::from(Severity::from(risk)),
            Stored::Explained { level, grounds } => Self { level, grounds },
        })
    }
}

/// A level of which no ground is known.
impl From<Severity> for Urgency {
    fn from(level: Severity) -> Self {
        Self {
            level,
            grounds: Vec::new(),
        }
    }
}

#[cfg(test)]
#[path = "urgency_tests.rs"]
mod tests;
