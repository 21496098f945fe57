//! View of a plan: its commands, and the answers of the guardrails.

use domain::incident::approval::Approval;
use domain::incident::guardrail::{GuardrailOutcome, blocking};
use domain::incident::{Incident, Status};
use domain::playbook::plan::{Phase, Plan};
use domain::primitives::language::Language;
use serde::Serialize;
use wire::command_line;

use super::{NAME_CHARACTERS, Names, STEP_CHARACTERS, TEXT_CHARACTERS, first, short};

/// How many steps of a part are shown.
const STEPS_SHOWN: usize = 4;
/// How many guardrails that stop a repair are shown: the first of them matter most.
const GUARDRAILS_SHOWN: usize = 4;

/// The plan. Without one every text is empty.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Planned {
    /// The playbook's name; empty where there is no plan.
    pub playbook: String,
    /// The service's name in the registry.
    pub plan_target: String,
    /// `low`, `medium`, `high` or `critical`.
    pub plan_risk: &'static str,
    /// What raised it above the playbook's own, or that nothing did; empty where that is not known.
    pub plan_risk_because: String,
    /// The exact steps, part by part.
    pub parts: Vec<Part>,
    /// Where the alert comes from, if the registry does not say where the service lives.
    #[serde(flatten)]
    pub origin: Origin,
    /// Why there is no plan.
    pub no_plan_because: String,
    /// True if every guardrail passed and let it run, so that no human was asked.
    pub runs_by_itself: bool,
    /// The guardrails that keep it from running by itself, while a human is asked.
    pub guardrails: Vec<Blocked>,
    /// How many more there are.
    pub guardrails_more: usize,
}

/// Where the alert comes from, next to a plan for a service of which the registry does not say where
/// it lives: whoever decides has to compare the two (decision 26).
#[derive(Debug, Clone, Default, Serialize)]
pub struct Origin {
    /// True if the registry does not say where the service lives.
    pub unscoped: bool,
    /// The cluster that the alert of such a plan comes from; empty if it names none.
    pub alert_cluster: String,
    /// The namespace that it comes from; empty if it belongs to none.
    pub alert_namespace: String,
}

impl Origin {
    /// Where the alert of an incident comes from, if its plan does not say that it belongs there.
    pub fn of(incident: &Incident) -> Self {
        if !incident.plan.as_ref().is_some_and(|plan| plan.unscoped) {
            return Self::default();
        }
        let alert = &incident.alert;
        let name = |name: Option<&str>| {
            name.map(|name| short(name, NAME_CHARACTERS))
                .unwrap_or_default()
        };
        Self {
            unscoped: true,
            alert_cluster: name(alert.subject.cluster.as_deref()),
            alert_namespace: name(alert.namespace_of_subject()),
        }
    }
}

/// One part of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// `look`, `run`, `check` or `undo`.
    pub name: &'static str,
    pub commands: Vec<String>,
    /// True if one of them is longer than what is shown of it, which ends with `…`.
    pub cut: bool,
    /// How many more there are.
    pub more: usize,
}

/// A guardrail that stops a repair.
#[derive(Debug, Clone, Serialize)]
pub struct Blocked {
    /// Its name as it stands in the log.
    pub name: &'static str,
    pub why: String,
}

impl Planned {
    /// What an incident's plan says.
    pub fn of(incident: &Incident, names: Names<'_>) -> Self {
        let no_plan = incident
            .no_plan_because
            .as_ref()
            .filter(|_| incident.plan.is_none());
        let mut planned = Self {
            no_plan_because: no_plan
                .map(|why| names.say(why, TEXT_CHARACTERS))
                .unwrap_or_default(),
            ..Self::default()
        };
        let Some(plan) = &incident.plan else {
            return planned;
        };
        planned.playbook = short(&plan.playbook_name, NAME_CHARACTERS);
        planned.plan_target = short(&plan.target, NAME_CHARACTERS);
        planned.plan_risk = plan.risk.as_str();
        // The last one is what it came to.
        planned.plan_risk_because = plan
            .risk_because
            .last()
            .map(|why| names.say(why, TEXT_CHARACTERS))
            .unwrap_or_default();
        planned.parts = parts(plan, names.language, STEPS_SHOWN, STEP_CHARACTERS);
        planned.origin = Origin::of(incident);
        // What the guardrails let through may have been stopped since: the decision says what holds.
        planned.runs_by_itself = incident
            .approval
            .as_ref()
            .is_some_and(Approval::by_guardrails);
        if incident.status == Status::AwaitingApproval {
            let blocked = blocking(&incident.guardrails)
                .map(|outcome| Blocked::of(outcome, names))
                .collect();
            (planned.guardrails, planned.guardrails_more) = first(blocked, GUARDRAILS_SHOWN);
        }
        planned
    }
}

impl Blocked {
    fn of(outcome: &GuardrailOutcome, names: Names<'_>) -> Self {
        Self {
            name: outcome.guardrail.as_str(),
            why: names.say(&outcome.why, NAME_CHARACTERS),
        }
    }
}

/// The parts of a plan that have steps: at most so many of each, with so many characters.
pub(super) fn parts(plan: &Plan, language: Language, most: usize, characters: usize) -> Vec<Part> {
    let part = |phase| {
        let steps = plan.phase(phase).iter();
        let steps = steps.map(|step| command_line::step_in_part(step, language, characters));
        let (steps, more) = first(steps.collect(), most);
        let cut = steps.iter().any(|(_, cut)| *cut);
        Part {
            name: word(phase),
            commands: steps.into_iter().map(|(command, _)| command).collect(),
            cut,
            more,
        }
    };
    [Phase::Facts, Phase::Steps, Phase::Verify, Phase::Rollback]
        .map(part)
        .into_iter()
        .filter(|part| !part.commands.is_empty())
        .collect()
}

pub(super) fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Facts => "look",
        Phase::Steps => "run",
        Phase::Verify => "check",
        Phase::Rollback => "undo",
    }
}
