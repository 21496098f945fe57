//! Repairs without a human: what the guardrails ask is gathered first, then they decide whether a plan runs by itself.

use jiff::{SignedDuration, Timestamp};
use shared::domain::alert::Alert;
use shared::domain::draft::Draft;
use shared::domain::ledger::Readings;
use shared::domain::limits::Limits;
use shared::domain::matching::{Choice, choose};
use shared::domain::plan::Plan;
use shared::domain::service;
use shared::operator_files::OperatorFiles;
use shared::store::Store;

/// By what it is decided whether a plan runs by itself.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The operator's files.
    pub files: &'a OperatorFiles,
    /// The operator's limits.
    pub limits: &'a Limits,
    /// What the store says: see [`gather`].
    pub readings: &'a Readings,
    /// How long a human can decide on a plan.
    pub approval_ttl: SignedDuration,
}

/// Reads what the guardrails ask the store about the plan that an alert will get. Nothing is read where there will be none.
pub async fn gather(store: &Store, files: &OperatorFiles, alert: &Alert) -> Readings {
    let service = service::find(&files.services, alert);
    match choose(&files.playbooks, alert, service) {
        Choice::Plan(plan) => {
            let group = service.and_then(|service| service.redundancy_group.as_deref());
            store.readings(&plan.target, group, &plan.playbook).await
        }
        Choice::None(_) => Readings::default(),
    }
}

/// Lets a plan run by itself where every guardrail passes, and asks a human where one does not.
pub(crate) fn propose(draft: &mut Draft, plan: Plan, rules: Rules<'_>, now: Timestamp) {
    let outcomes = rules.files.situation(&draft.incident, &plan, rules.limits, rules.readings, now).check();
    draft.propose_within(outcomes, plan, now, rules.approval_ttl);
}
