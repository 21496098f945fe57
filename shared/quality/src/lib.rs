//! Alert quality: what the incidents of an alert rule say of the rule, as figures and plain verdicts. Whoever reads incidents hands them
//! in; nothing here asks anybody.

mod companion;
pub mod lengths;
mod measure;
mod rule;
mod sample;
mod table;
mod verdict;

pub use crate::companion::Companion;
pub use crate::measure::measured;
pub use crate::rule::RuleQuality;
pub use crate::sample::{Ending, Hands, Place, Rule, Sample, Samples};
pub use crate::verdict::Verdict;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod test_samples;
