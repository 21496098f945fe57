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
        change.repair_finished(plan, RepairOutcome::Stopped, ACTOR, now);
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
            change.repair_finished(plan, outcome, ACTOR, now);
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
        change.repair_finished(plan, outcome, ACTOR, now);
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
    change.repair_finished(plan, RepairOutcome::Stopped, ACTOR, now);
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
