//! One run of a plan, as a state machine that can be resumed from what is recorded alone.
//!
//! What was started and has no result is run again only if that changes nothing: a fact, a check, and a step that is
//! idempotent. Of any other step nobody will ever know what it did, which is a failure (`unknown-is-failure`), and so it is
//! taken back where the plan says how: a rollback has to be right after any part of the steps, because each of them can fail
//! in its middle.

use jiff::{SignedDuration, Timestamp};

use super::condition::Seen;
use super::plan::{Phase, Plan, PlannedStep};
use super::repair::{Effect, Outcome, OutputEnd, Repair, RepairOutcome, StepResult, StepRun};

/// How often a fact or an idempotent step is started before it is given up: each start but the last one found its worker dead.
const STARTS: u32 = 3;
/// What is said of a step whose worker died.
const LOST: &str = "its result was lost: what it did is unknown";

/// What comes next in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run this step of this part, or try it again.
    Run(Phase, usize),
    /// Skip this step of this part: its condition does not hold.
    Skip(Phase, usize),
    /// Note that the result of the last step is lost.
    GiveUp,
    /// The run is over.
    End(RepairOutcome),
}

impl Repair {
    /// What comes next, from what is recorded alone.
    #[must_use]
    pub fn next(&self, plan: &Plan) -> Next {
        let Some(last) = self.steps.last() else { return self.from(plan, Phase::Facts, 0) };
        if !last.finished {
            let step = plan.phase(last.phase).get(last.index);
            return if step.is_some_and(|step| may_run_again(last, step)) { Next::Run(last.phase, last.index) } else { Next::GiveUp };
        }
        match (last.phase, last.succeeded) {
            (phase, true) => self.from(plan, phase, last.index + 1),
            (Phase::Facts, false) => Next::End(RepairOutcome::StepFailed),
            // Where nothing ran there is nothing to take back.
            (Phase::Steps | Phase::Verify, false) if self.changed_something() => self.from(plan, Phase::Rollback, 0),
            (_, false) => Next::End(self.failure()),
        }
    }

    /// The step at a place, or what follows where the part has no such step.
    fn from(&self, plan: &Plan, phase: Phase, index: usize) -> Next {
        if let Some(step) = plan.phase(phase).get(index) {
            return if step.wanted(&self.facts) { Next::Run(phase, index) } else { Next::Skip(phase, index) };
        }
        match phase {
            Phase::Facts => self.from(plan, Phase::Steps, 0),
            Phase::Steps => self.from(plan, Phase::Verify, 0),
            Phase::Verify if self.steps.iter().any(|step| step.phase == Phase::Verify && !step.skipped) => {
                Next::End(RepairOutcome::Verified)
            }
            Phase::Verify => Next::End(RepairOutcome::NotVerified),
            Phase::Rollback => Next::End(self.failure()),
        }
    }

    /// True if a command that changes something was started, and nobody saw its end: it may still be at work on the target.
    #[must_use]
    pub fn may_still_be_at_work(&self) -> bool {
        let changes = |phase| matches!(phase, Phase::Steps | Phase::Rollback);
        self.steps.iter().any(|step| changes(step.phase) && !step.skipped && step.effect == Effect::Unknown)
    }

    /// True if a step ran, or may have.
    fn changed_something(&self) -> bool {
        self.steps.iter().any(|step| step.phase == Phase::Steps && !step.skipped && step.effect != Effect::Nothing)
    }

    fn failure(&self) -> RepairOutcome {
        let failed = |step: &&StepRun| step.phase == Phase::Steps && step.finished && !step.succeeded;
        match self.steps.iter().find(failed) {
            Some(step) if step.effect == Effect::Unknown => RepairOutcome::Unknown,
            Some(_) => RepairOutcome::StepFailed,
            None => RepairOutcome::NotVerified,
        }
    }

    /// How long to wait before the next step: a check that is tried again has a rest first.
    #[must_use]
    pub fn rest(&self, plan: &Plan, now: Timestamp) -> SignedDuration {
        let Some(last) = self.steps.last().filter(|last| !last.finished) else { return SignedDuration::ZERO };
        let every = plan.phase(last.phase).get(last.index).map_or(0, |step| step.every_seconds);
        let due = last.tried_at.unwrap_or(now) + SignedDuration::from_secs(every.into());
        due.duration_since(now).max(SignedDuration::ZERO)
    }

    /// Notes that a step is about to run. True if it is its first try: what is tried again keeps its place.
    pub fn step_started(&mut self, phase: Phase, index: usize, now: Timestamp) -> bool {
        let again = self.steps.last_mut().filter(|step| !step.finished && step.phase == phase && step.index == index);
        let first = again.is_none();
        let step = match again {
            Some(step) => step,
            None => self.push(phase, index),
        };
        step.tries += 1;
        step.tried_at = Some(now);
        first
    }

    /// Notes the result of the step that was started last. False if it is a check that has tries left: it is not finished then.
    pub fn step_finished(&mut self, result: &StepResult, step: &PlannedStep) -> bool {
        let Some(last) = self.steps.last_mut() else { return false };
        last.detail.clone_from(&result.detail);
        last.effect = result.outcome.effect();
        // A fact has no wrong exit status.
        last.succeeded = result.succeeded() || (last.phase == Phase::Facts && result.outcome == Outcome::Exited);
        last.finished = last.succeeded || last.phase != Phase::Verify || last.tries > step.retries;
        last.output = if last.succeeded { OutputEnd::default() } else { OutputEnd::of(result) };
        if let (Phase::Facts, Some(name), Some(exit_status)) = (last.phase, &step.fact, result.exit_status) {
            self.facts.insert(name.clone(), Seen::of(exit_status, &result.stdout));
        }
        last.finished
    }

    /// Notes that a step is skipped.
    pub fn step_skipped(&mut self, phase: Phase, index: usize, why: String) {
        let step = self.push(phase, index);
        (step.finished, step.succeeded, step.skipped, step.effect, step.detail) = (true, true, true, Effect::Nothing, why);
    }

    /// Notes that the result of the step that was started last is lost, and says which step it was.
    pub fn step_lost(&mut self) -> Option<&StepRun> {
        let step = self.steps.last_mut()?;
        (step.finished, step.succeeded, step.effect, step.detail) = (true, false, Effect::Unknown, LOST.to_owned());
        Some(step)
    }

    fn push(&mut self, phase: Phase, index: usize) -> &mut StepRun {
        let begun = StepRun { tries: 0, finished: false, effect: Effect::Unknown, ..StepRun::ended(phase, index, false) };
        self.steps.push(begun);
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }
}

/// True if what was started, and has not ended well, may be started again.
fn may_run_again(last: &StepRun, step: &PlannedStep) -> bool {
    match last.phase {
        Phase::Facts => last.tries < STARTS,
        Phase::Verify => last.tries <= step.retries.max(STARTS - 1),
        Phase::Steps | Phase::Rollback => step.idempotent && last.tries < STARTS,
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
