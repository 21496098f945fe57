//! Journal of a run: records a step before it starts and after it ends, and the outcome of the run.
//! Pure.

use domain::incident::change::IncidentChange;
use domain::incident::guardrail::Guardrail;
use domain::incident::operation_log::{Event, LogRecord};
use domain::incident::repair::{Repair, RepairOutcome, StepResult};
use domain::incident::repair_state_machine::Next;
use domain::phrase;
use domain::playbook::plan::{Phase, Plan};
use jiff::Timestamp;
use serde_json::json;

use crate::app::ACTOR;

/// Result of [`begin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// A step, which now runs.
    Step(Phase, usize),
    /// Nothing that runs: a step was skipped, or given up.
    Noted,
    /// Nothing: the run has ended.
    Ended,
    /// Nothing: another worker has taken the run over.
    Overtaken,
}

/// The run, if this worker still has it. The records of another worker that has taken it over must
/// not be overwritten.
fn own<'a>(change: &'a mut IncidentChange, worker: &str) -> Option<&'a mut Repair> {
    change
        .incident
        .repair
        .as_mut()
        .filter(|repair| repair.worker == *worker)
}

/// Records the next event of the run: a step's start, a skipped step, a lost result, or the end of
/// the run.
pub(crate) fn begin(
    change: &mut IncidentChange,
    plan: &Plan,
    worker: &str,
    now: Timestamp,
) -> Begun {
    let Some(repair) = own(change, worker) else {
        return Begun::Overtaken;
    };
    // With the result of its last step.
    if repair.outcome.is_some() {
        return Begun::Ended;
    }
    let next = repair.next(plan);
    // Behind a step whose result is recorded or given up, and before any other.
    if repair.stop_asked.is_some() && matches!(next, Next::Run(..) | Next::Skip(..)) {
        finish(change, plan, RepairOutcome::Stopped, now);
        return Begun::Ended;
    }
    match next {
        Next::Run(phase, index) => {
            // A retry is no new step: the log has one start for all tries.
            if repair.step_started(phase, index, now) {
                let step = plan.phase(phase).get(index);
                let context = json!({
                    "phase": phase, "step": index, "argv": step.map(|step| &step.argv), "target": plan.target, "playbook_id": plan.playbook,
                });
                change.record(
                    now,
                    LogRecord::new(Event::StepStarted, ACTOR, place(phase, index)).with(context),
                );
            }
            Begun::Step(phase, index)
        }
        Next::Skip(phase, index) => {
            let when = plan
                .phase(phase)
                .get(index)
                .and_then(|step| step.when.as_ref());
            let why = when.map_or_else(
                || String::new().into(),
                |when| phrase!("skipped: it runs {when}", when => when.phrase()),
            );
            repair.step_skipped(phase, index, why.clone());
            let context = json!({ "phase": phase, "step": index, "when": when });
            change.record(
                now,
                LogRecord::new(
                    Event::StepSkipped,
                    ACTOR,
                    format!("{}: {why}", place(phase, index)),
                )
                .with(context),
            );
            Begun::Noted
        }
        Next::GiveUp => {
            give_up(change, now);
            Begun::Noted
        }
        Next::End(outcome) => {
            finish(change, plan, outcome, now);
            Begun::Ended
        }
    }
}

/// Records that the result of the last started step is lost.
fn give_up(change: &mut IncidentChange, now: Timestamp) {
    let Some(step) = change.incident.repair.as_mut().and_then(Repair::step_lost) else {
        return;
    };
    let (name, why) = (place(step.phase, step.index), step.detail.to_string());
    let context = json!({ "phase": step.phase, "step": step.index, "tries": step.tries });
    change.record(
        now,
        LogRecord::new(Event::StepFinished, ACTOR, format!("{name}: {why}"))
            .with(context)
            .failed(why),
    );
}

/// Records the result of the step that this worker has begun, and with that of the last one the end of the run. False if another worker has
/// taken the run over: then nothing is recorded.
pub(crate) fn end(
    change: &mut IncidentChange,
    plan: &Plan,
    result: &StepResult,
    worker: &str,
    now: Timestamp,
) -> bool {
    let Some(repair) = own(change, worker) else {
        return false;
    };
    // The step will be tried again, so that this result is not its last.
    if !repair.step_finished(result, plan) {
        return true;
    }
    let Some(ran) = repair.steps.last() else {
        return true;
    };
    // The log is in English (decision 41).
    let result = StepResult {
        detail: result.detail.to_string().into(),
        ..result.clone()
    };
    let context =
        json!({ "phase": ran.phase, "step": ran.index, "tries": ran.tries, "result": result });
    let (name, worked, detail) = (
        place(ran.phase, ran.index),
        ran.succeeded,
        ran.detail.to_string(),
    );
    let news =
        LogRecord::new(Event::StepFinished, ACTOR, format!("{name}: {detail}")).with(context);
    change.record(now, if worked { news } else { news.failed(detail) });
    // One save for both: nothing is decided in between, and each costs a write of the incident.
    if let Some(repair) = &change.incident.repair
        && let Next::End(outcome) = repair.next(plan)
    {
        finish(change, plan, outcome, now);
    }
    true
}

/// Ends the run because the kill switch is on: nothing runs any more, no check and no rollback
/// either.
pub(crate) fn stop(change: &mut IncidentChange, plan: &Plan, worker: &str, now: Timestamp) {
    let Some(repair) = own(change, worker) else {
        return;
    };
    // Started without a result: the run ends here, so that no later result will be recorded.
    if repair.steps.last().is_some_and(|step| !step.finished) {
        give_up(change, now);
    }
    let news = LogRecord::new(
        Event::GuardrailBlocked,
        ACTOR,
        Guardrail::KillSwitch.as_str(),
    );
    change.record(
        now,
        news.failed("it was switched on while the repair ran: nothing runs any more"),
    );
    finish(change, plan, RepairOutcome::Stopped, now);
}

/// Records the end of the run: the execution, then the results of verification and rollback.
fn finish(change: &mut IncidentChange, plan: &Plan, outcome: RepairOutcome, now: Timestamp) {
    let Some(repair) = change.incident.repair.as_mut() else {
        return;
    };
    repair.outcome = Some(outcome);
    repair.finished_at = Some(now);
    // Skipped steps did not run: they count neither as done nor as failed.
    let of = |phase| {
        repair
            .steps
            .iter()
            .filter(move |step| step.phase == phase && !step.skipped)
    };
    let (steps, checks, undone) = (
        of(Phase::Steps).count(),
        of(Phase::Verify).count(),
        of(Phase::Rollback).count(),
    );
    let undo_worked = of(Phase::Rollback).all(|step| step.succeeded);
    // `all` also holds for no checks, and no check is no proof.
    let checks_passed = checks > 0 && of(Phase::Verify).all(|step| step.succeeded);
    let context = json!({
        "playbook_id": plan.playbook, "target": plan.target, "outcome": outcome, "steps_count": steps,
        "execution_time_ms": now.duration_since(repair.started_at).as_millis(),
    });
    let by = repair.stop_asked.as_ref().map(|asked| asked.by.clone());
    change.record(now, executed(plan, outcome, by).with(context));
    // Only these outcomes have a verdict of the checks.
    let verified = matches!(
        outcome,
        RepairOutcome::Verified | RepairOutcome::NotVerified
    );
    if verified || (outcome == RepairOutcome::NothingToDo && checks > 0) {
        change.record(now, verification(checks, checks_passed));
    }
    if undone > 0 {
        change.record(now, rollback(undone, undo_worked));
    }
    change.repair_ended(outcome);
}

fn executed(plan: &Plan, outcome: RepairOutcome, stopped_by: Option<String>) -> LogRecord {
    let detail = format!("playbook {}", plan.playbook);
    let executed = LogRecord::new(Event::ExecutionCompleted, ACTOR, detail);
    let why = match outcome {
        RepairOutcome::Verified | RepairOutcome::NotVerified | RepairOutcome::StillFiring => {
            return executed;
        }
        RepairOutcome::StepFailed => "a step failed",
        RepairOutcome::Unknown => "a step was started, and its result will never be known",
        RepairOutcome::Stopped => {
            let by = stopped_by.unwrap_or_else(|| "the kill switch".to_owned());
            return executed.failed(format!("{by} stopped it"));
        }
        RepairOutcome::Unreachable => "the host or the bridge could not be reached: no step ran",
        RepairOutcome::NothingToDo => {
            "nothing to do: the facts kept every step from running, and nothing was changed"
        }
    };
    executed.failed(why)
}

fn verification(checks: usize, passed: bool) -> LogRecord {
    let detail = format!("checks made: {checks}");
    let news = LogRecord::new(Event::VerificationFinished, ACTOR, detail);
    match (passed, checks) {
        (true, _) => news,
        (false, 0) => news.failed("no check was made"),
        (false, _) => news.failed("the symptom is still there"),
    }
}

fn rollback(steps: usize, worked: bool) -> LogRecord {
    let detail = format!("steps run to take the repair back: {steps}");
    let news = LogRecord::new(Event::RollbackFinished, ACTOR, detail);
    if worked {
        news
    } else {
        news.failed("a step of the rollback failed")
    }
}

fn place(phase: Phase, index: usize) -> String {
    let word = match phase {
        Phase::Facts => "fact",
        Phase::Steps => "step",
        Phase::Verify => "check",
        Phase::Rollback => "undo",
    };
    format!("{word} {}", index + 1)
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
