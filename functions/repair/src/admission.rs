//! Admission of an approved plan: checks right before its first step whether it may still run, with
//! the state of that moment. Pure.

use domain::incident::approval::{Approval, ApprovalState, Verdict};
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, GuardrailOutcome, blocking};
use domain::incident::repair::Repair;
use domain::incident::{Incident, Status};
use domain::phrase;
use domain::playbook::plan::Plan;
use domain::playbook::service;
use domain::policy::attempt_ledger::GuardrailInputs;
use domain::policy::evaluation::GuardrailContext;
use domain::policy::limits::Limits;
use domain::primitives::id::{PlanHash, WorkerId};
use domain::primitives::phrase::Phrase;
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::OperatorFiles;
use tracing::{error, info};
use wire::signed_decision::{Reader, SignedDecision};

use crate::app::ACTOR;

/// Result of the check of an approved repair before its first step.
#[derive(Debug, PartialEq)]
pub(crate) enum Admission {
    /// It may run, or go on.
    Run(Box<Plan>),
    /// It may not, or it has ended: there is nothing to run.
    Nothing,
}

/// Inputs of the check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdmissionRules<'a> {
    /// The operator's files, as this function shipped with them.
    pub(crate) files: &'a OperatorFiles,
    pub(crate) limits: &'a Limits,
    /// The guardrails' inputs, as the store has them.
    pub(crate) readings: &'a GuardrailInputs,
    /// How long after its decision a plan may begin to run.
    pub(crate) starts_within: SignedDuration,
    /// The decision on the incident as it was loaded.
    pub(crate) checked: &'a CheckedDecision,
}

/// A decision, and what the check of its signatures said.
#[derive(Debug, Clone)]
pub(crate) struct CheckedDecision {
    /// None if nothing is approved.
    pub(crate) decision: Option<SignedDecision>,
    /// Why it lets nothing run.
    pub(crate) valid: Result<(), Phrase>,
}

impl CheckedDecision {
    /// Checks that the decision in an approval is the signed one (`signed-decisions`). Whether it is
    /// recent is a guardrail's business.
    fn is_of(&self, approval: &Approval) -> Result<(), Phrase> {
        self.valid.clone()?;
        let decision = SignedDecision::of(approval, Reader::Repair);
        let Some(decision) = decision.filter(|now| Some(now) == self.decision.as_ref()) else {
            return Err(phrase!("the decision was changed while it was checked"));
        };
        // From this time counts how soon the plan has to start, and only votes are signed.
        let made_at = decision.made_at();
        if !matches!(approval.state, ApprovalState::Decided { at, .. } if at == made_at) {
            return Err(phrase!(
                "the decision is of {made_at}, and the incident has another time",
                made_at
            ));
        }
        Ok(())
    }
}

/// Decides whether the approved plan runs now, and notes that this worker runs it. The decision has
/// been in the operation log since it was made (`human-or-guardrails`); here it is checked again,
/// together with everything that may have changed since.
pub(crate) fn admit(
    change: &mut IncidentChange,
    rules: AdmissionRules<'_>,
    plan_hash: &PlanHash,
    worker: &WorkerId,
    now: Timestamp,
) -> Admission {
    let incident = &change.incident;
    let (Some(plan), Some(approval)) = (incident.plan.clone(), incident.approval.clone()) else {
        return Admission::Nothing;
    };
    let approved = matches!(
        approval.state,
        ApprovalState::Decided {
            verdict: Verdict::Approve,
            ..
        }
    );
    // The plan may have been replaced, or its approval revoked, while the message waited.
    if !approved || approval.plan_hash != *plan_hash || plan.hash() != *plan_hash {
        info!(incident_id = %incident.id, "the message speaks of a plan that is not approved (any more): nothing runs");
        return Admission::Nothing;
    }
    match &mut change.incident.repair {
        Some(repair) if repair.outcome.is_some() => return Admission::Nothing,
        // Once a step is recorded, the run goes on to its end: half a repair has no use. One that is to stop ends there.
        Some(repair) if !repair.steps.is_empty() || repair.stop_asked.is_some() => {
            repair.worker = worker.clone();
            return Admission::Run(Box::new(plan));
        }
        // Cut off before its first step, perhaps half an hour ago: it is checked like a new one.
        Some(_) => {}
        None if change.incident.status != Status::Approved => return Admission::Nothing,
        None => {}
    }
    let incident = &change.incident;
    if incident.resolved_at.is_some() {
        change.repair_unneeded(ACTOR, now);
        return Admission::Nothing;
    }
    if approval.lacks_people() {
        // Checked when the decision was made, and again here, because commands run from here on.
        let why = phrase!("fewer people have approved than have to");
        change.repair_stopped("enough people", why, ACTOR, now);
        return Admission::Nothing;
    }
    if let Err(why) = rules.checked.is_of(&approval) {
        error!(incident_id = %incident.id, %why, "a decision without a valid signature: nothing runs");
        change.repair_stopped(Guardrail::SignedDecision.as_str(), why, ACTOR, now);
        return Admission::Nothing;
    }
    // The approval covers one hash: planned anew from the files of now, the plan has to keep it, and the alert has to come from where
    // the service lives by now.
    if planned_now(rules.files, incident, &plan).as_ref() != Some(plan_hash) {
        let why = phrase!("the playbook or the registry has changed since the plan was shown");
        change.repair_stopped("unchanged plan", why, ACTOR, now);
        return Admission::Nothing;
    }
    let outcomes = ask(rules, incident, &plan, &approval, now);
    if blocking(&outcomes).next().is_some() {
        ask_people(change, rules, &plan, outcomes, now);
        return Admission::Nothing;
    }
    change.repair_started(Repair {
        worker: worker.clone(),
        ..Repair::start(plan_hash.clone(), now)
    });
    Admission::Run(Box::new(plan))
}

/// Takes back an approval whose plan has not begun in time, while another repair holds its target
/// or its group, and asks people anew. True if the approval was taken back.
pub(crate) fn lapse(
    change: &mut IncidentChange,
    rules: AdmissionRules<'_>,
    plan_hash: &PlanHash,
    now: Timestamp,
) -> bool {
    let incident = &change.incident;
    let Some(plan) = incident.plan.clone() else {
        return false;
    };
    let mine = incident
        .approval
        .as_ref()
        .is_some_and(|approval| approval.plan_hash == *plan_hash);
    // Another delivery may have started the run, or people may have decided anew: only an approval
    // that still waits lapses.
    if !mine || incident.status != Status::Approved || incident.repair.is_some() {
        return false;
    }
    let outcome = context(rules, incident, &plan, now).ask(Guardrail::StartsInTime);
    if outcome.passed {
        return false;
    }
    ask_people(change, rules, &plan, vec![outcome], now);
    true
}

/// Takes an approval back because of these guardrails' answers, and asks people anew, at the level
/// that the playbook has earned by now.
fn ask_people(
    change: &mut IncidentChange,
    rules: AdmissionRules<'_>,
    plan: &Plan,
    outcomes: Vec<GuardrailOutcome>,
    now: Timestamp,
) {
    change.incident.earned = context(rules, &change.incident, plan, now).level();
    change.stopped_by(outcomes, ACTOR, now);
}

/// Gives up an approved plan that could not begin for too long: a decision from hours ago must not
/// take effect by surprise.
pub(crate) fn give_up(
    change: &mut IncidentChange,
    plan_hash: &PlanHash,
    why: Phrase,
    now: Timestamp,
) {
    let approved = change
        .incident
        .approval
        .as_ref()
        .is_some_and(|approval| approval.plan_hash == *plan_hash);
    if approved && change.incident.status == Status::Approved && change.incident.repair.is_none() {
        change.repair_stopped("one hand", why, ACTOR, now);
    }
}

/// Asks every guardrail again that let a plan through. A plan that a human approved is stopped by
/// the kill switch alone. In both cases the decision has to be recent: a message that was delayed,
/// or moved back from the dead-letter queue, starts nothing.
fn ask(
    rules: AdmissionRules<'_>,
    incident: &Incident,
    plan: &Plan,
    approval: &Approval,
    now: Timestamp,
) -> Vec<GuardrailOutcome> {
    let context = context(rules, incident, plan, now);
    let mut outcomes = if approval.by_guardrails() {
        context.check()
    } else {
        vec![context.ask(Guardrail::KillSwitch)]
    };
    outcomes.push(context.ask(Guardrail::StartsInTime));
    outcomes
}

fn context<'a>(
    rules: AdmissionRules<'a>,
    incident: &'a Incident,
    plan: &'a Plan,
    now: Timestamp,
) -> GuardrailContext<'a> {
    GuardrailContext {
        starts_within: rules.starts_within,
        ..rules
            .files
            .context(incident, plan, rules.limits, rules.readings, now)
    }
}

/// The hash of the plan that the files give now for the same playbook and service.
fn planned_now(files: &OperatorFiles, incident: &Incident, plan: &Plan) -> Option<PlanHash> {
    let playbook = files.playbook(&plan.playbook)?;
    let service = service::named(&files.services, &plan.target)
        .filter(|service| service.mismatch(&incident.alert).is_none())?;
    playbook
        .plan(service, &plan.parameters, plan.round, Vec::new())
        .ok()
        .map(|plan| plan.hash())
}

#[cfg(test)]
#[path = "admission_tests.rs"]
pub(crate) mod tests;

#[cfg(test)]
#[path = "admission_guardrail_tests.rs"]
mod guardrail_tests;
