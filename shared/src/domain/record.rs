//! The record of a playbook: how its runs ended.

use jiff::Timestamp;

use super::draft::Draft;
use super::operation_log::Event;
use super::repair::RepairOutcome;

/// How often a playbook was verified and how often it failed, over all targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaybookRecord {
    /// Runs whose checks found the symptom gone.
    pub verified: u64,
    /// All other runs, also those whose effect is unknown (`unknown-is-failure`).
    pub failed: u64,
    /// When the last one ended.
    pub last_run: Option<Timestamp>,
}

/// The end of a run, as its playbook's record counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The playbook.
    pub playbook: String,
    /// True if the symptom is gone.
    pub verified: bool,
    /// When it ended.
    pub at: Timestamp,
    /// True if it was counted as verified before, and is not: its alert has not resolved in time.
    pub after_all: bool,
}

impl Ended {
    /// The run that ends with this very change, or turns out to have failed. Saved together with the change, it counts once.
    #[must_use]
    pub fn of(draft: &Draft) -> Option<Self> {
        let ended = draft.entries.iter().find(|entry| matches!(entry.event, Event::ExecutionCompleted | Event::ResolutionOverdue))?;
        let outcome = draft.incident.repair.as_ref()?.outcome?;
        let playbook = draft.incident.plan.as_ref()?.playbook.clone();
        let (verified, after_all) = (outcome == RepairOutcome::Verified, ended.event == Event::ResolutionOverdue);
        Some(Self { playbook, verified, at: ended.at, after_all })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::Ended;
    use crate::domain::draft::Draft;
    use crate::domain::operation_log::{Event, News};
    use crate::domain::plan::tests::plan;
    use crate::domain::repair::{Repair, RepairOutcome};
    use crate::domain::transition::tests::incident;

    #[test]
    fn only_the_change_that_ends_a_run_counts_and_only_a_verified_one_counts_for_it() {
        let now = Timestamp::UNIX_EPOCH;
        for (outcome, verified) in [
            (RepairOutcome::Verified, true),
            (RepairOutcome::NotVerified, false),
            (RepairOutcome::StepFailed, false),
            (RepairOutcome::Unknown, false),
        ] {
            let mut draft = Draft::of(incident());
            draft.incident.plan = Some(plan());
            draft.incident.repair = Some(Repair { outcome: Some(outcome), ..Repair::start(plan().hash(), now) });
            assert_eq!(Ended::of(&draft), None, "a later change of an incident whose run has ended");
            draft.record(now, News::new(Event::ExecutionCompleted, "repair", ""));
            assert_eq!(Ended::of(&draft), Some(Ended { playbook: "restart".into(), verified, at: now, after_all: false }), "{outcome:?}");
        }
        let mut draft = Draft::of(incident());
        draft.incident.plan = Some(plan());
        draft.incident.repair = Some(Repair { outcome: Some(RepairOutcome::StillFiring), ..Repair::start(plan().hash(), now) });
        draft.record(now, News::new(Event::ResolutionOverdue, "notifier", ""));
        assert_eq!(Ended::of(&draft), Some(Ended { playbook: "restart".into(), verified: false, at: now, after_all: true }));
    }
}
