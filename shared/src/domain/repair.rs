//! One run of a plan, as a state machine that can be resumed: what was started and not finished is never run twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::{Phase, Plan};

/// How the run of one command ended. Only `Exited` with status 0 is a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ended by itself, with an exit status.
    Exited,
    /// A signal ended it.
    Signalled,
    /// It did not end in time; it may still run on the target.
    TimedOut,
    /// No connection could be made: nothing ran.
    Unreachable,
    /// The target showed another host key than the pinned one: nothing ran.
    HostKeyMismatch,
    /// The target did not accept Quell's key: nothing ran.
    LoginRefused,
    /// The connection broke after the command was sent: what it did is unknown.
    ConnectionLost,
    /// The request does not fit the playbook, the registry or a parameter's pattern: nothing ran.
    Refused,
}

/// What is known of a command that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// How it ended.
    pub outcome: Outcome,
    /// Its exit status, if it exited.
    pub exit_status: Option<u32>,
    /// The signal's name without `SIG`, if one ended it.
    pub signal: Option<String>,
    /// What it printed, bounded, with what is not UTF-8 replaced.
    pub stdout: String,
    /// What it complained, bounded, with what is not UTF-8 replaced.
    pub stderr: String,
    /// True if it printed more than is kept.
    pub truncated: bool,
    /// How long it took, in milliseconds, connecting included.
    pub duration_ms: u64,
    /// One sentence for people.
    pub detail: String,
}

impl StepResult {
    /// True if the command said that it worked.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.outcome == Outcome::Exited && self.exit_status == Some(0)
    }

    /// A result without a command having run, or without its result being known.
    #[must_use]
    pub fn without_output(outcome: Outcome, detail: impl Into<String>, duration_ms: u64) -> Self {
        Self {
            outcome,
            exit_status: None,
            signal: None,
            stdout: String::new(),
            stderr: String::new(),
            truncated: false,
            duration_ms,
            detail: detail.into(),
        }
    }
}

/// One step of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRun {
    /// Which part of the plan.
    pub phase: Phase,
    /// Which step of that part, from 0.
    pub index: usize,
    /// True once its result is recorded.
    pub finished: bool,
    /// True if it worked.
    pub succeeded: bool,
    /// One sentence for people.
    pub detail: String,
}

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairOutcome {
    /// The steps worked and every check found the symptom gone.
    Verified,
    /// A step failed.
    StepFailed,
    /// The steps worked, but a check did not find the symptom gone, or there was no check.
    NotVerified,
    /// A step was started and its result will never be known.
    Unknown,
    /// It was verified, but its alert has not resolved in time.
    StillFiring,
}

/// A run of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The hash of the plan that runs.
    pub plan_hash: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its steps so far, in the order in which they were started.
    pub steps: Vec<StepRun>,
    /// How it ended.
    pub outcome: Option<RepairOutcome>,
}

/// What comes next in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run this step of this part.
    Run(Phase, usize),
    /// The run is over.
    End(RepairOutcome),
}

impl Repair {
    /// A run that has done nothing yet.
    #[must_use]
    pub fn start(plan_hash: String, now: Timestamp) -> Self {
        Self { plan_hash, started_at: now, finished_at: None, steps: Vec::new(), outcome: None }
    }

    /// What comes next, from what is recorded alone.
    ///
    /// A check that was started and not finished is started again: checks only read. Any other such step is unknown, and
    /// the run ends without a rollback, because nobody knows what there is to take back.
    #[must_use]
    pub fn next(&self, plan: &Plan) -> Next {
        let Some(last) = self.steps.last() else {
            return first(plan, Phase::Steps).unwrap_or(Next::End(RepairOutcome::NotVerified));
        };
        if !last.finished {
            return match last.phase {
                Phase::Verify => Next::Run(Phase::Verify, last.index),
                Phase::Steps | Phase::Rollback => Next::End(RepairOutcome::Unknown),
            };
        }
        let following = last.index + 1;
        match (last.phase, last.succeeded) {
            (Phase::Steps | Phase::Verify, true) if following < plan.phase(last.phase).len() => Next::Run(last.phase, following),
            (Phase::Steps, true) => first(plan, Phase::Verify).unwrap_or(Next::End(RepairOutcome::NotVerified)),
            (Phase::Verify, true) => Next::End(RepairOutcome::Verified),
            (Phase::Steps | Phase::Verify, false) => first(plan, Phase::Rollback).unwrap_or(Next::End(self.failure())),
            (Phase::Rollback, true) if following < plan.rollback.len() => Next::Run(Phase::Rollback, following),
            (Phase::Rollback, _) => Next::End(self.failure()),
        }
    }

    /// Notes that a step is about to run. Starting a check again reuses its place.
    pub fn step_started(&mut self, phase: Phase, index: usize) {
        let again = self.steps.last().is_some_and(|step| !step.finished && step.phase == phase && step.index == index);
        if !again {
            self.steps.push(StepRun { phase, index, finished: false, succeeded: false, detail: String::new() });
        }
    }

    /// Notes the result of the step that was started last.
    pub fn step_finished(&mut self, result: &StepResult) {
        if let Some(step) = self.steps.last_mut() {
            step.finished = true;
            step.succeeded = result.succeeded();
            step.detail.clone_from(&result.detail);
        }
    }

    fn failure(&self) -> RepairOutcome {
        let step_failed = self.steps.iter().any(|step| step.phase == Phase::Steps && step.finished && !step.succeeded);
        if step_failed { RepairOutcome::StepFailed } else { RepairOutcome::NotVerified }
    }
}

fn first(plan: &Plan, phase: Phase) -> Option<Next> {
    (!plan.phase(phase).is_empty()).then_some(Next::Run(phase, 0))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Next, Outcome, Repair, RepairOutcome, StepResult};
    use crate::domain::plan::tests::{plan, step};
    use crate::domain::plan::{Phase, Plan};

    fn result(exit_status: u32) -> StepResult {
        StepResult { exit_status: Some(exit_status), ..StepResult::without_output(Outcome::Exited, "", 1) }
    }

    /// Runs a plan with the given exit statuses; what runs, and how it ends.
    fn run(plan: &Plan, exits: &[u32]) -> (Vec<(Phase, usize)>, RepairOutcome) {
        let mut repair = Repair::start(plan.hash(), Timestamp::UNIX_EPOCH);
        let mut ran = Vec::new();
        let mut exits = exits.iter();
        loop {
            match repair.next(plan) {
                Next::Run(phase, index) => {
                    ran.push((phase, index));
                    repair.step_started(phase, index);
                    repair.step_finished(&result(*exits.next().expect("an exit status for every step")));
                }
                Next::End(outcome) => return (ran, outcome),
            }
        }
    }

    #[test]
    fn the_run_follows_the_plan_and_its_results() {
        use Phase::{Rollback, Steps, Verify};
        let with_rollback = Plan { rollback: vec![step(&["undo"])], ..plan() };
        let without_check = Plan { verify: vec![], ..plan() };
        type Case<'a> = (&'a Plan, &'a [u32], &'a [(Phase, usize)], RepairOutcome);
        let cases: [Case<'_>; 6] = [
            (&plan(), &[0, 0, 0], &[(Steps, 0), (Steps, 1), (Verify, 0)], RepairOutcome::Verified),
            (&plan(), &[3], &[(Steps, 0)], RepairOutcome::StepFailed),
            (&plan(), &[0, 0, 1], &[(Steps, 0), (Steps, 1), (Verify, 0)], RepairOutcome::NotVerified),
            (&with_rollback, &[0, 1, 0], &[(Steps, 0), (Steps, 1), (Rollback, 0)], RepairOutcome::StepFailed),
            (&with_rollback, &[0, 0, 1, 1], &[(Steps, 0), (Steps, 1), (Verify, 0), (Rollback, 0)], RepairOutcome::NotVerified),
            (&without_check, &[0, 0], &[(Steps, 0), (Steps, 1)], RepairOutcome::NotVerified),
        ];
        for (plan, exits, ran, outcome) in cases {
            assert_eq!(run(plan, exits), (ran.to_vec(), outcome), "{exits:?}");
        }
    }

    #[test]
    fn a_crash_after_a_step_was_started_is_unknown_and_nothing_runs_again() {
        let plan = plan();
        let mut repair = Repair::start(plan.hash(), Timestamp::UNIX_EPOCH);
        repair.step_started(Phase::Steps, 0);
        assert_eq!(repair.next(&plan), Next::End(RepairOutcome::Unknown));
    }

    #[test]
    fn a_check_that_was_cut_off_is_made_again() {
        let plan = plan();
        let mut repair = Repair::start(plan.hash(), Timestamp::UNIX_EPOCH);
        for index in [0, 1] {
            repair.step_started(Phase::Steps, index);
            repair.step_finished(&result(0));
        }
        repair.step_started(Phase::Verify, 0);
        assert_eq!(repair.next(&plan), Next::Run(Phase::Verify, 0));
        repair.step_started(Phase::Verify, 0);
        assert_eq!(repair.steps.len(), 3);
    }
}
