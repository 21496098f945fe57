//! View of a plan: every argument of every command, by the one renderer of command lines.

use std::collections::BTreeMap;

use domain::playbook::plan::{Phase, Plan, PlannedStep};
use serde::Serialize;
use wire::command_line;

use crate::say::Say;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlanView {
    pub(crate) playbook: String,
    pub(crate) playbook_name: String,
    pub(crate) target: String,
    /// Where the service is, with its host key.
    pub(crate) address: String,
    pub(crate) risk: &'static str,
    /// How it came about.
    pub(crate) risk_because: Vec<String>,
    /// True if the registry does not say where the service lives.
    pub(crate) unscoped: bool,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) parts: Vec<PartView>,
    pub(crate) reasons: Vec<String>,
    pub(crate) hash: String,
}

/// One part of a plan that has steps.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PartView {
    /// `facts`, `steps`, `verify` or `rollback`.
    pub(crate) part: &'static str,
    pub(crate) steps: Vec<StepView>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct StepView {
    /// As every place shows it to people who decide on it.
    pub(crate) command: String,
    /// The argument vector.
    pub(crate) argv: Vec<String>,
    pub(crate) timeout_seconds: u32,
    pub(crate) retries: u32,
}

impl PlanView {
    pub(crate) fn of(plan: &Plan, say: Say) -> Self {
        let parts = [Phase::Facts, Phase::Steps, Phase::Verify, Phase::Rollback].into_iter();
        let parts = parts.map(|phase| PartView {
            part: part(phase),
            steps: plan
                .phase(phase)
                .iter()
                .map(|step| StepView::of(step, say))
                .collect(),
        });
        Self {
            playbook: plan.playbook.to_string(),
            playbook_name: plan.playbook_name.clone(),
            target: plan.target.to_string(),
            address: plan.address.clone(),
            risk: plan.risk.as_str(),
            risk_because: plan
                .risk_because
                .iter()
                .map(|why| say.sentence(why))
                .collect(),
            unscoped: plan.unscoped,
            parameters: plan.parameters.clone(),
            parts: parts.filter(|part| !part.steps.is_empty()).collect(),
            reasons: plan
                .reasons
                .iter()
                .map(|reason| say.sentence(reason))
                .collect(),
            hash: plan.hash().to_string(),
        }
    }
}

impl StepView {
    fn of(step: &PlannedStep, say: Say) -> Self {
        Self {
            command: command_line::step(step, say.language),
            argv: step.argv.clone(),
            timeout_seconds: step.timeout_seconds,
            retries: step.retries,
        }
    }
}

/// The name of a part, as words and keys have it.
pub(crate) fn part(phase: Phase) -> &'static str {
    match phase {
        Phase::Facts => "facts",
        Phase::Steps => "steps",
        Phase::Verify => "verify",
        Phase::Rollback => "rollback",
    }
}
