//! Guardrails and their outcomes: the checks between a plan and a repair without a human, each with
//! a name that log and card show.
//!
//! The conditions of each guardrail are in [`crate::policy::evaluation`]; this file holds their
//! outcomes.

use serde::{Deserialize, Serialize};

use crate::analysis::Severity;
use crate::phrase;
use crate::primitives::names::named;
use crate::primitives::phrase::Phrase;

named! {
    /// A guardrail. The names are stored: they never change, and new ones are only added.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Guardrail {
        /// The kill switch is off.
        KillSwitch = "kill_switch",
        /// No alert of the episode forbids it (`auto_repair=false`).
        AutoRepairLabel = "auto_repair_label",
        /// It is not P0 or P1, and no worse than the playbook allows.
        Severity = "severity",
        /// The service's level is `auto`.
        ServiceLevel = "service_level",
        /// The playbook may run by itself, it does not change data, and the plan's risk is low.
        PlaybookRisk = "playbook_risk",
        /// Claims of the finding's kind were right often enough, or the playbook is made for the alert.
        Confidence = "confidence",
        /// The playbook has been verified often enough, and has not failed more often.
        PlaybookRecord = "playbook_record",
        /// The playbook's last run on the target is long enough ago.
        Cooldown = "cooldown",
        /// The target was not repaired too often within the hour.
        AttemptsPerHour = "attempts_per_hour",
        /// Not too many of the target's redundancy group are being repaired.
        RedundancyGroup = "redundancy_group",
        /// No change freeze holds.
        ChangeFreeze = "change_freeze",
        /// The alert still fires.
        EpisodeOpen = "episode_open",
        /// The decision is recent. It is checked right before the first step, also after a human
        /// approved: a plan without a decision cannot be checked, and so it is not in
        /// [`Guardrail::ALL`].
        StartsInTime = "starts_in_time",
        /// The decision can be signed, so that repair and bridge take it. Without a decision there is
        /// nothing to sign, and so it is not in [`Guardrail::ALL`] either.
        SignedDecision = "signed_decision",
    }
}

impl Guardrail {
    /// Every guardrail that a plan has to pass to run without a human, in the order in which they are asked.
    pub const ALL: [Self; 12] = [
        Self::KillSwitch,
        Self::AutoRepairLabel,
        Self::Severity,
        Self::ServiceLevel,
        Self::PlaybookRisk,
        Self::Confidence,
        Self::PlaybookRecord,
        Self::Cooldown,
        Self::AttemptsPerHour,
        Self::RedundancyGroup,
        Self::ChangeFreeze,
        Self::EpisodeOpen,
    ];
}

/// The outcome of a guardrail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailOutcome {
    pub guardrail: Guardrail,
    /// False if it stops the repair.
    pub passed: bool,
    /// Why, in a short sentence with the numbers.
    pub why: Phrase,
}

impl GuardrailOutcome {
    /// A guardrail that stops the repair.
    pub fn blocked(guardrail: Guardrail, why: impl Into<Phrase>) -> Self {
        Self {
            guardrail,
            passed: false,
            why: why.into(),
        }
    }

    /// The outcome for an incident that is too severe to be repaired without a human.
    pub fn never_by_itself(severity: Severity) -> Self {
        Self::blocked(
            Guardrail::Severity,
            phrase!(
                "{severity} never runs by itself",
                severity = format!("{severity:?}")
            ),
        )
    }
}

/// Those that stop the repair.
pub fn blocking(outcomes: &[GuardrailOutcome]) -> impl Iterator<Item = &GuardrailOutcome> {
    outcomes.iter().filter(|outcome| !outcome.passed)
}

/// True if every guardrail has answered, and none stops the repair: one that was not asked has not passed.
pub fn all_passed(outcomes: &[GuardrailOutcome]) -> bool {
    let answered = |guardrail| {
        outcomes
            .iter()
            .any(|outcome| outcome.guardrail == guardrail)
    };
    Guardrail::ALL.into_iter().all(answered) && blocking(outcomes).next().is_none()
}

/// The names of those that stop the repair, for the log's line.
pub fn names(outcomes: &[GuardrailOutcome]) -> String {
    blocking(outcomes)
        .map(|outcome| outcome.guardrail.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Guardrail, GuardrailOutcome, all_passed, names};

    pub(crate) fn passing() -> Vec<GuardrailOutcome> {
        Guardrail::ALL
            .map(|guardrail| GuardrailOutcome {
                guardrail,
                passed: true,
                why: "fine".to_owned().into(),
            })
            .to_vec()
    }

    #[test]
    fn names_match_their_json_in_the_order_of_the_design() {
        let names: Vec<&str> = Guardrail::ALL.map(Guardrail::as_str).to_vec();
        assert_eq!(
            serde_json::to_value(Guardrail::ALL).ok(),
            serde_json::to_value(&names).ok()
        );
        assert_eq!(
            names.join(" "),
            "kill_switch auto_repair_label severity service_level playbook_risk confidence playbook_record cooldown attempts_per_hour \
             redundancy_group change_freeze episode_open"
        );
    }

    #[test]
    fn one_that_stops_it_or_was_not_asked_is_enough() {
        assert!(all_passed(&passing()));
        assert!(!all_passed(&[]));
        for (i, guardrail) in Guardrail::ALL.into_iter().enumerate() {
            let mut missing = passing();
            missing.remove(i);
            assert!(!all_passed(&missing), "{guardrail:?} was not asked");
            let mut stopped = passing();
            stopped[i] = GuardrailOutcome::blocked(guardrail, "no".to_owned());
            assert!(!all_passed(&stopped), "{guardrail:?} stops it");
            assert_eq!(names(&stopped), guardrail.as_str());
        }
    }
}
