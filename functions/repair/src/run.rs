//! The run itself: each step is recorded before it starts and after it ends, so that a crash leaves no step unaccounted for.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use shared::bridge::{BRIDGE_VERSION, BridgeRequest};
use shared::domain::draft::Draft;
use shared::domain::id::IncidentId;
use shared::domain::incident::Status;
use shared::domain::operation_log::{Event, News};
use shared::domain::plan::{Phase, Plan, PlannedStep};
use shared::domain::repair::{Next, RepairOutcome, StepResult};

use crate::{ACTOR, App, Failure};

/// Runs what is left of a repair until it has ended.
///
/// # Errors
/// If the store fails; the message then comes again, and the run goes on from what is recorded.
pub async fn to_the_end(app: &App, id: &IncidentId, plan: &Plan, clock: fn() -> Timestamp) -> Result<(), Failure> {
    loop {
        let (_, next) = app.store.change(id, |draft| begin(draft, plan, clock())).await?;
        let Some((phase, index, step)) = next else { return Ok(()) };
        let request = BridgeRequest {
            v: BRIDGE_VERSION,
            incident_id: id.clone(),
            playbook: plan.playbook.clone(),
            phase,
            step: index,
            parameters: plan.parameters.clone(),
            target: plan.target.clone(),
        };
        let (result, tries) = attempt(app, &request, &step).await;
        app.store.change(id, |draft| end(draft, phase, index, &result, tries, clock())).await?;
        if !result.succeeded() {
            // People have to hear of it before anything is taken back.
            app.silencer.end(&app.store, id, clock).await?;
        }
    }
}

/// Runs a step, and a check as often as it may be tried.
async fn attempt(app: &App, request: &BridgeRequest, step: &PlannedStep) -> (StepResult, u32) {
    let mut tries = 1;
    loop {
        let result = app.bridge.run(request).await;
        if result.succeeded() || tries > step.retries {
            return (result, tries);
        }
        tries += 1;
        tokio::time::sleep(Duration::from_secs(u64::from(step.every_seconds))).await;
    }
}

/// Notes that the next step starts, or that the run has ended: then there is none.
fn begin(draft: &mut Draft, plan: &Plan, now: Timestamp) -> Option<(Phase, usize, PlannedStep)> {
    let repair = draft.incident.repair.as_mut()?;
    match repair.next(plan) {
        Next::Run(phase, index) => {
            let step = plan.phase(phase).get(index)?.clone();
            repair.step_started(phase, index);
            let context = json!({ "phase": phase, "step": index, "argv": step.argv, "target": plan.target, "playbook_id": plan.playbook });
            draft.record(now, News::new(Event::StepStarted, ACTOR, format!("{} {}", name(phase), index + 1)).with(context));
            Some((phase, index, step))
        }
        Next::End(outcome) => {
            finish(draft, plan, outcome, now);
            None
        }
    }
}

/// Notes the result of a step.
fn end(draft: &mut Draft, phase: Phase, index: usize, result: &StepResult, tries: u32, now: Timestamp) {
    let Some(repair) = draft.incident.repair.as_mut() else { return };
    repair.step_finished(result);
    let context = json!({ "phase": phase, "step": index, "tries": tries, "result": result });
    let news = News::new(Event::StepFinished, ACTOR, format!("{} {}: {}", name(phase), index + 1, result.detail)).with(context);
    let news = if result.succeeded() { news } else { news.failed(&result.detail) };
    draft.record(now, news);
}

/// Notes how the run ended: the execution, then what verification and rollback came to.
fn finish(draft: &mut Draft, plan: &Plan, outcome: RepairOutcome, now: Timestamp) {
    let Some(repair) = draft.incident.repair.as_mut() else { return };
    repair.outcome = Some(outcome);
    repair.finished_at = Some(now);
    let ran = |phase| repair.steps.iter().filter(|step| step.phase == phase).count();
    let (steps, checks, undone) = (ran(Phase::Steps), ran(Phase::Verify), ran(Phase::Rollback));
    let undo_worked = repair.steps.iter().filter(|step| step.phase == Phase::Rollback).all(|step| step.succeeded);
    let context = json!({
        "playbook_id": plan.playbook, "target": plan.target, "outcome": outcome, "steps_count": steps,
        "execution_time_ms": now.duration_since(repair.started_at).as_millis(),
    });
    let executed = News::new(Event::ExecutionCompleted, ACTOR, format!("playbook {}", plan.playbook)).with(context);
    draft.record(
        now,
        match outcome {
            RepairOutcome::Verified | RepairOutcome::NotVerified | RepairOutcome::StillFiring => executed,
            RepairOutcome::StepFailed => executed.failed("a step failed"),
            RepairOutcome::Unknown => executed.failed("a step was started, and its result will never be known"),
        },
    );
    if matches!(outcome, RepairOutcome::Verified | RepairOutcome::NotVerified) {
        let news = News::new(Event::VerificationFinished, ACTOR, format!("checks made: {checks}"));
        let why = if checks == 0 { "the playbook has no checks" } else { "the symptom is still there" };
        draft.record(now, if outcome == RepairOutcome::Verified { news } else { news.failed(why) });
    }
    if undone > 0 {
        let news = News::new(Event::RollbackFinished, ACTOR, format!("steps run to take the repair back: {undone}"));
        draft.record(now, if undo_worked { news } else { news.failed("a step of the rollback failed") });
    }
    draft.incident.status = match (outcome, draft.incident.resolved_at) {
        (_, Some(_)) => Status::Resolved,
        (RepairOutcome::Verified, None) => Status::Repaired,
        (_, None) => Status::RepairFailed,
    };
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Steps => "step",
        Phase::Verify => "check",
        Phase::Rollback => "undo",
    }
}
