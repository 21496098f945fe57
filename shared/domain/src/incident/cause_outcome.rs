//! Whether the cause that an incident's finding names was right: a person's word, or else what the repair showed.
//!
//! Each incident counts once for a named cause, whoever says it and however often a message comes: what the table has counted of it is kept
//! with the incident, in the same transaction, and a verdict that changes takes the old one back.

use crate::analysis::named_cause::NamedCause;
use crate::incident::Incident;
use crate::incident::repair::RepairOutcome;

/// A change of the two counts of a named cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeChange {
    pub named_cause: NamedCause,
    /// What is added to the count of right ones: 1, 0 or -1.
    pub right: i64,
    /// The same of wrong ones.
    pub wrong: i64,
}

impl Incident {
    /// Notes what is known by now of its named cause, and says by how much the counts change; nothing where they are as they have to be.
    pub fn count_cause(&mut self) -> Option<OutcomeChange> {
        let right = self.cause_was_right()?;
        let named = self.analysis.as_ref()?.named_cause.clone()?;
        let before = self.cause_counted.replace(right);
        let change = |is_one: bool, was_one: bool| i64::from(is_one) - i64::from(was_one);
        let change = OutcomeChange {
            named_cause: named,
            right: change(right, before == Some(true)),
            wrong: change(!right, before == Some(false)),
        };
        (before != Some(right)).then_some(change)
    }

    /// Whether its named cause was right, as far as that is known. People's word counts more than a repair's result.
    fn cause_was_right(&self) -> Option<bool> {
        let of_people = self.response.cause.as_ref().map(|verdict| verdict.right);
        of_people.or_else(|| self.repair_shows_the_cause())
    }

    /// What the repair shows of the named cause. Only a playbook that is made for the cause says anything about it: one that was chosen by
    /// the alert's name alone can help whatever the cause is. Where a step failed or nothing ran, the cause was not tried.
    fn repair_shows_the_cause(&self) -> Option<bool> {
        let (plan, repair) = (self.plan.as_ref()?, self.repair.as_ref()?);
        let named = self.analysis.as_ref()?.named_cause.as_ref()?;
        if !named.speaks_for(&plan.playbook) || repair.plan_hash != plan.hash() {
            return None;
        }
        match repair.outcome? {
            RepairOutcome::Verified => Some(true),
            RepairOutcome::NotVerified | RepairOutcome::StillFiring => Some(false),
            RepairOutcome::StepFailed
            | RepairOutcome::Unknown
            | RepairOutcome::Stopped
            | RepairOutcome::Unreachable
            | RepairOutcome::NothingToDo => None,
        }
    }
}

#[cfg(test)]
#[path = "cause_outcome_tests.rs"]
mod tests;
