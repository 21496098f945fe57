//! Figures of one alert rule, with the verdicts on it.

use domain::alert::AlertSeverity;

use crate::companion::Companion;
use crate::lengths::Lengths;
use crate::sample::Rule;
use crate::verdict::Verdict;

/// With fewer incidents than this and without a verdict, a rule is not judged at all.
const JUDGED: usize = 3;

/// What the incidents of a rule say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleQuality {
    pub rule: Rule,
    /// The worst of its alerts.
    pub severity: AlertSeverity,
    pub incidents: usize,
    /// How many of them are open still.
    pub open: usize,
    /// Sightings of its alerts.
    pub alerts: u64,
    /// How often it fired again shortly after it had resolved.
    pub flaps: u64,
    /// Incidents that a person took, or whose cause one judged.
    pub acknowledged: usize,
    /// Incidents on which a person or a repair acted.
    pub acted_on: usize,
    /// Incidents with neither.
    pub untouched: usize,
    /// Incidents that people closed as false alarms, and those whose cause they called wrong.
    pub false_alarms: usize,
    pub wrong_causes: usize,
    /// Incidents that ended before a person or a repair had a hand in them.
    pub by_itself: usize,
    /// How long incidents were open whose end is known.
    pub open_for: Option<Lengths>,
    /// The rule without which it hardly ever fires.
    pub companion: Option<Companion>,
    /// What is wrong with it.
    pub verdicts: Vec<Verdict>,
}

impl RuleQuality {
    /// How many incidents have an end that is known.
    pub fn ended(&self) -> usize {
        self.open_for.map_or(0, |lengths| lengths.of)
    }

    /// True if there are so few incidents that no verdict says nothing.
    pub fn is_too_new(&self) -> bool {
        self.verdicts.is_empty() && self.incidents < JUDGED
    }
}
