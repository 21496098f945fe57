//! View of a repair: its steps with what they printed.

use domain::incident::repair::{Repair, RepairOutcome, StepRun};
use jiff::Timestamp;
use serde::Serialize;

use crate::say::{Moment, Say};
use crate::view::plan::part;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct RepairView {
    /// The playbook, where the repair is of an earlier plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) playbook: Option<String>,
    pub(crate) started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<Timestamp>,
    /// How it ended; none while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<&'static str>,
    /// Who asked for it to be stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_asked_by: Option<String>,
    pub(crate) steps: Vec<RanView>,
}

/// A step that has run, or runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RanView {
    /// `facts`, `steps`, `verify` or `rollback`.
    pub(crate) part: &'static str,
    /// Which one, from 1.
    pub(crate) number: usize,
    /// `running`, `succeeded`, `failed` or `skipped`.
    pub(crate) state: &'static str,
    pub(crate) tries: u32,
    pub(crate) detail: String,
    /// The end of what it printed, if it failed; the log has more.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) stdout: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) stderr: String,
}

impl RepairView {
    pub(crate) fn of(repair: &Repair, playbook: Option<&str>, say: Say) -> Self {
        Self {
            playbook: playbook.map(str::to_owned),
            started_at: repair.started_at,
            finished_at: repair.finished_at,
            outcome: repair.outcome.map(RepairOutcome::as_str),
            stop_asked_by: repair.stop_asked.as_ref().map(|asked| asked.by.clone()),
            steps: repair
                .steps
                .iter()
                .map(|step| RanView::of(step, say))
                .collect(),
        }
    }

    pub(crate) fn started(&self) -> Moment {
        Moment(self.started_at)
    }
}

impl RanView {
    /// The key of what its number counts.
    pub(crate) fn part_word(&self) -> &'static str {
        match self.part {
            "facts" => "ran_fact",
            "verify" => "ran_check",
            "rollback" => "ran_rollback",
            _ => "ran_step",
        }
    }

    fn of(step: &StepRun, say: Say) -> Self {
        let state = match (step.skipped, step.finished, step.succeeded) {
            (true, ..) => "skipped",
            (_, false, _) => "running",
            (_, true, true) => "succeeded",
            (_, true, false) => "failed",
        };
        Self {
            part: part(step.phase),
            number: step.index + 1,
            state,
            tries: step.tries,
            detail: say.sentence(&step.detail),
            stdout: step.output.stdout.clone(),
            stderr: step.output.stderr.clone(),
        }
    }
}
