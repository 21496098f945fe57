//! The repair state machine: it resumes a run of a plan from the recorded state alone.
//!
//! A command that was started and has no result runs again only if that changes nothing: a fact, a
//! check, or an idempotent step. The effect of any other step stays unknown, which is a failure
//! (`unknown-is-failure`), and it is rolled back where the plan says how: a rollback has to be
//! right after any part of the steps, because each of them can fail in its middle.

use jiff::{SignedDuration, Timestamp};

use crate::incident::repair::{
    Effect, OutputEnd, Repair, RepairOutcome, StepOutcome, StepResult, StepRun,
};
use crate::phrase;
use crate::playbook::condition::{FACT_BYTES, Seen, no_answer};
use crate::playbook::plan::{Phase, Plan, PlannedStep};
use crate::primitives::phrase::Phrase;

/// How often a fact or an idempotent step is started before it is given up. Every start but the
/// last was cut off by the death of its worker.
const STARTS: u32 = 3;
/// How often the bridge function is invoked for one step before it is given up, where Lambda refuses every invocation. With the waits
/// in between ([`wait_for_bridge`]) that takes about two minutes.
const INVOCATIONS: u32 = 12;
/// The longest wait between two of these invocations.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(15);

/// The next action of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run this step of this part, or try it again.
    Run(Phase, usize),
    /// Skip this step of this part: its condition does not hold.
    Skip(Phase, usize),
    /// Record that the result of the last step is lost.
    GiveUp,
    /// The run is over.
    End(RepairOutcome),
}

impl Repair {
    /// The next action, from the recorded state alone.
    pub fn next(&self, plan: &Plan) -> Next {
        let Some(last) = self.steps.last() else {
            return self.from(plan, Phase::Facts, 0);
        };
        // A worker died, a check has tries left, or the bridge refused the invocation.
        if !last.finished {
            let step = plan.phase(last.phase).get(last.index);
            return if step.is_some_and(|step| may_run_again(last, step)) {
                Next::Run(last.phase, last.index)
            } else {
                Next::GiveUp
            };
        }
        match (last.phase, last.succeeded) {
            (phase, true) => self.from(plan, phase, last.index + 1),
            // Facts change nothing on the host.
            (Phase::Facts, false) => Next::End(last.failure()),
            // If no step ran, there is nothing to roll back.
            (Phase::Steps | Phase::Verify, false) if self.changed_something() => {
                self.from(plan, Phase::Rollback, 0)
            }
            (_, false) => Next::End(self.failure()),
        }
    }

    /// The step at this index, or what follows if the phase has no such step.
    fn from(&self, plan: &Plan, phase: Phase, index: usize) -> Next {
        if let Some(step) = plan.phase(phase).get(index) {
            return if step.wanted(&self.facts) {
                Next::Run(phase, index)
            } else {
                Next::Skip(phase, index)
            };
        }
        match phase {
            Phase::Facts => self.from(plan, Phase::Steps, 0),
            Phase::Steps => self.from(plan, Phase::Verify, 0),
            // Comes first: with every step skipped there is no repair to verify.
            Phase::Verify if self.all_skipped() => Next::End(RepairOutcome::NothingToDo),
            Phase::Verify
                if self
                    .steps
                    .iter()
                    .any(|step| step.phase == Phase::Verify && !step.skipped) =>
            {
                Next::End(RepairOutcome::Verified)
            }
            // Every check was skipped, or there is none.
            Phase::Verify => Next::End(RepairOutcome::NotVerified),
            // A rollback that succeeds does not make the repair succeed.
            Phase::Rollback => Next::End(self.failure()),
        }
    }

    /// True if a command that changes something was started and its end was not observed: it may
    /// still be running on the target.
    pub fn may_still_be_at_work(&self) -> bool {
        let changes = |phase| matches!(phase, Phase::Steps | Phase::Rollback);
        self.steps
            .iter()
            .any(|step| changes(step.phase) && !step.skipped && step.effect == Effect::Unknown)
    }

    /// True if a step ran, or may have.
    fn changed_something(&self) -> bool {
        self.steps.iter().any(|step| {
            step.phase == Phase::Steps && !step.skipped && step.effect != Effect::Nothing
        })
    }

    /// True if every step of the repair was skipped.
    fn all_skipped(&self) -> bool {
        let mut steps = self
            .steps
            .iter()
            .filter(|step| step.phase == Phase::Steps)
            .peekable();
        steps.peek().is_some() && steps.all(|step| step.skipped)
    }

    fn failure(&self) -> RepairOutcome {
        if self.all_skipped() {
            return RepairOutcome::NothingToDo;
        }
        let failed =
            |step: &&StepRun| step.phase == Phase::Steps && step.finished && !step.succeeded;
        match self.steps.iter().find(failed) {
            Some(step) if step.effect == Effect::Unknown => RepairOutcome::Unknown,
            // After a step that ran, the host has half a repair: that is a failure of the repair.
            Some(_) if self.changed_something() => RepairOutcome::StepFailed,
            Some(step) => step.failure(),
            // No step failed, so a check did.
            None => RepairOutcome::NotVerified,
        }
    }

    /// The wait before the next step: a check is retried after a pause, and so is a refused
    /// invocation.
    pub fn rest(&self, plan: &Plan, now: Timestamp) -> SignedDuration {
        let Some(last) = self.steps.last().filter(|last| !last.finished) else {
            return SignedDuration::ZERO;
        };
        let every = plan
            .phase(last.phase)
            .get(last.index)
            .map_or(0, |step| step.every_seconds);
        let wait = if last.refused > 0 {
            wait_for_bridge(last.refused)
        } else {
            SignedDuration::from_secs(every.into())
        };
        // Counted from the last try, so that a new worker does not wait from the start.
        let due = last.tried_at.unwrap_or(now) + wait;
        due.duration_since(now).max(SignedDuration::ZERO)
    }

    /// Records that a step is about to run. True if it is its first try: a retry keeps its place.
    pub fn step_started(&mut self, phase: Phase, index: usize, now: Timestamp) -> bool {
        let again = self
            .steps
            .last_mut()
            .filter(|step| !step.finished && step.phase == phase && step.index == index);
        let first = again.is_none();
        let step = match again {
            Some(step) => step,
            None => self.push(phase, index),
        };
        step.tries += 1;
        step.tried_at = Some(now);
        // From now on it may run, whatever the earlier tries did: if the worker dies here, the
        // result is unknown.
        step.effect = Effect::Unknown;
        first
    }

    /// Records the result of the step that was started last. False if it is not finished: it is a
    /// check with tries left, or the bridge was not invoked and is invoked again.
    pub fn step_finished(&mut self, result: &StepResult, plan: &Plan) -> bool {
        let Some(last) = self.steps.last_mut() else {
            return false;
        };
        let Some(step) = plan.phase(last.phase).get(last.index) else {
            return false;
        };
        last.detail.clone_from(&result.detail);
        last.effect = result.outcome.effect();
        // A try before this one was cut off, and may have run: that this one did not changes nothing about it.
        // Tries of a check end in other ways too, and change nothing.
        if last.effect == Effect::Nothing && last.tries > 1 && last.phase != Phase::Verify {
            last.effect = Effect::Unknown;
        }
        last.unreached = matches!(
            result.outcome,
            StepOutcome::Unreachable | StepOutcome::NotInvoked
        );
        if result.outcome == StepOutcome::NotInvoked {
            // It was not started, so a check has not used up a try.
            last.tries = last.tries.saturating_sub(1);
            last.refused += 1;
            last.succeeded = false;
            last.finished = last.refused >= INVOCATIONS;
            return last.finished;
        }
        last.refused = 0;
        last.succeeded = match &step.fact {
            Some(name) => match answer(result, plan.searches(name)) {
                Ok(seen) => {
                    self.facts.insert(name.clone(), seen);
                    true
                }
                Err(why) => {
                    last.detail = why;
                    false
                }
            },
            None => result.succeeded(),
        };
        last.output = if last.succeeded {
            OutputEnd::default()
        } else {
            OutputEnd::of(result)
        };
        // Only checks are retried after a failure: the symptom may need time to go.
        last.finished = last.succeeded || last.phase != Phase::Verify || last.tries > step.retries;
        last.finished
    }

    /// Records that a step is skipped.
    pub fn step_skipped(&mut self, phase: Phase, index: usize, why: Phrase) {
        let step = self.push(phase, index);
        (
            step.finished,
            step.succeeded,
            step.skipped,
            step.effect,
            step.detail,
        ) = (true, true, true, Effect::Nothing, why);
    }

    /// Records that the result of the step that was started last is lost, and returns that step. If
    /// the bridge was never invoked for it, nothing is lost.
    pub fn step_lost(&mut self) -> Option<&StepRun> {
        let step = self.steps.last_mut()?;
        (step.finished, step.succeeded) = (true, false);
        if step.effect != Effect::Nothing {
            let lost = phrase!("its result was lost: what it did is unknown");
            (step.effect, step.detail) = (Effect::Unknown, lost);
        }
        Some(step)
    }

    fn push(&mut self, phase: Phase, index: usize) -> &mut StepRun {
        let begun = StepRun {
            tries: 0,
            finished: false,
            effect: Effect::Unknown,
            ..StepRun::ended(phase, index, false)
        };
        self.steps.push(begun);
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }
}

/// The answer of a fact's command. Every exit status is one of the command itself; with `searched`,
/// conditions search its output, which then has to be complete and UTF-8.
///
/// # Errors
/// Why there is no answer, as a sentence for people. No step may depend on a fact that is not
/// known.
pub fn answer(result: &StepResult, searched: bool) -> Result<Seen, Phrase> {
    let no_answer_because = |why: Phrase| {
        Err(phrase!(
            "{detail} The fact is not known: {why}.",
            detail => result.detail.clone(),
            why => why
        ))
    };
    let (StepOutcome::Exited, Some(exit_status)) = (result.outcome, result.exit_status) else {
        return Err(result.detail.clone());
    };
    if let Some(why) = no_answer(exit_status) {
        return no_answer_because(why);
    }
    if searched && result.not_utf8 {
        return no_answer_because(phrase!("what the command printed is not UTF-8"));
    }
    if searched && (result.truncated || result.stdout.len() > FACT_BYTES) {
        return no_answer_because(phrase!(
            "the command printed more than the {bytes} bytes that conditions search",
            bytes = FACT_BYTES
        ));
    }
    Ok(Seen::of(exit_status, &result.stdout))
}

impl StepRun {
    /// The outcome of a run that this step ended before anything was changed.
    const fn failure(&self) -> RepairOutcome {
        if self.unreached {
            RepairOutcome::Unreachable
        } else {
            RepairOutcome::StepFailed
        }
    }
}

/// The wait after so many refused invocations in a row: 1 s, 2 s, 4 s, 8 s, then [`LONGEST_WAIT`].
fn wait_for_bridge(refused: u32) -> SignedDuration {
    SignedDuration::from_secs(1 << refused.saturating_sub(1).min(10)).min(LONGEST_WAIT)
}

/// True if a command that was started and has not succeeded may be started again. A command that
/// certainly did not run may always be.
fn may_run_again(last: &StepRun, step: &PlannedStep) -> bool {
    last.effect == Effect::Nothing || last.tries < most_tries(last.phase, step)
}

/// How often a step is started at most. The bridge, which trusts no caller, runs no more of them under
/// one decision.
pub fn most_tries(phase: Phase, step: &PlannedStep) -> u32 {
    match phase {
        Phase::Facts => STARTS,
        // At least as many starts as a fact, even for a check without retries.
        Phase::Verify => step.retries.saturating_add(1).max(STARTS),
        // Twice is as good as once only for an idempotent command.
        Phase::Steps | Phase::Rollback if step.idempotent => STARTS,
        Phase::Steps | Phase::Rollback => 1,
    }
}

#[cfg(test)]
#[path = "repair_state_machine_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "repair_retry_tests.rs"]
mod retry_tests;

#[cfg(test)]
#[path = "repair_fact_tests.rs"]
mod fact_tests;
