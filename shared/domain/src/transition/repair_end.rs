//! The end of a repair, with its log entries: the execution, the verification and the rollback.

use jiff::Timestamp;
use serde_json::json;

use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::repair::RepairOutcome;
use crate::playbook::plan::{Phase, Plan};

impl IncidentChange {
    /// Records the end of the run: the execution, then the results of verification and rollback.
    pub fn repair_finished(
        &mut self,
        plan: &Plan,
        outcome: RepairOutcome,
        actor: &str,
        now: Timestamp,
    ) {
        let Some(repair) = self.incident.repair.as_mut() else {
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
        self.record(now, executed(plan, outcome, by, actor).with(context));
        // Only these outcomes have a verdict of the checks.
        let verified = matches!(
            outcome,
            RepairOutcome::Verified | RepairOutcome::NotVerified
        );
        if verified || (outcome == RepairOutcome::NothingToDo && checks > 0) {
            self.record(now, verification(checks, checks_passed, actor));
        }
        if undone > 0 {
            self.record(now, rollback(undone, undo_worked, actor));
        }
        self.repair_ended(outcome);
    }
}

fn executed(
    plan: &Plan,
    outcome: RepairOutcome,
    stopped_by: Option<String>,
    actor: &str,
) -> LogRecord {
    let detail = format!("playbook {}", plan.playbook);
    let executed = LogRecord::new(Event::ExecutionCompleted, actor, detail);
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

fn verification(checks: usize, passed: bool, actor: &str) -> LogRecord {
    let detail = format!("checks made: {checks}");
    let news = LogRecord::new(Event::VerificationFinished, actor, detail);
    match (passed, checks) {
        (true, _) => news,
        (false, 0) => news.failed("no check was made"),
        (false, _) => news.failed("the symptom is still there"),
    }
}

fn rollback(steps: usize, worked: bool, actor: &str) -> LogRecord {
    let detail = format!("steps run to take the repair back: {steps}");
    let news = LogRecord::new(Event::RollbackFinished, actor, detail);
    if worked {
        news
    } else {
        news.failed("a step of the rollback failed")
    }
}
