//! What people are told: made of the state in the store, the same for every kind of channel.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use shared::domain::budget::Spending;
use shared::domain::channels::Language;
use shared::domain::digest::Digest;
use shared::domain::flow::Flow;
use shared::domain::incident::Incident;
use shared::domain::operation_log::Entry;
use shared::domain::outbox::Shown;
use shared::domain::plan::PlannedStep;

use crate::content::Content;
use crate::templates::{Extras, Templates};

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Presented {
    /// What it is about, for machines (see [`crate::content::Post::about`]).
    pub about: &'static str,
    /// What people see.
    pub content: Content,
    /// The same for machines.
    pub facts: Value,
    /// What of it is compared with what a card shows already.
    pub shown: Shown,
}

/// Makes what is told in one channel.
#[derive(Debug, Clone, Copy)]
pub struct Presenter<'a> {
    /// By which templates.
    pub templates: &'a Templates,
    /// In which language.
    pub language: Language,
    /// Whether an Alertmanager is known that can be asked for silences.
    pub silences: bool,
}

impl Presenter<'_> {
    /// The card of an incident as it is now.
    #[must_use]
    pub fn incident(&self, incident: &Incident, now: Timestamp) -> Presented {
        let extras = Extras { silence_possible: self.silences, silenced_until: incident.silenced_until(now) };
        let card = |incident: &Incident| self.templates.card(self.language, incident, &extras);
        let content = card(incident);
        let shown = Shown {
            whole: digest(&content),
            but_count: digest(&card(&Incident { hit_count: 1, ..incident.clone() })),
            result: incident.repair.as_ref().is_some_and(|repair| repair.outcome.is_some()),
        };
        Presented { about: "incident", content, facts: facts(incident), shown }
    }

    /// The card of a run of a delivery pipeline.
    #[must_use]
    pub fn flow(&self, flow: &Flow) -> Presented {
        let stages: Vec<Value> = flow.stages.iter().map(|stage| json!({ "name": stage.name, "state": stage.state.as_str() })).collect();
        let facts = json!({ "pipeline": flow.name, "commit": flow.commit, "incident_id": flow.newest, "stages": stages });
        told("pipeline", self.templates.flow(self.language, flow), facts)
    }

    /// That the budget of a day is used up. What is spent later that day changes nothing for the reader.
    #[must_use]
    pub fn budget(&self, day: Date, spending: &Spending) -> Presented {
        let day_only = Digest::new().field(day.to_string()).hex();
        let shown = Shown { whole: day_only.clone(), but_count: day_only, result: false };
        let facts = json!({ "day": day, "committed_micro_usd": spending.committed });
        Presented { about: "notice", content: self.templates.budget(self.language, day, spending), facts, shown }
    }

    /// The evidence and the end of the operation log of an incident.
    #[must_use]
    pub fn details(&self, incident: &Incident, log: &[Entry]) -> Presented {
        told("details", self.templates.details(self.language, incident, log), facts(incident))
    }

    /// The earlier incidents of an incident's fingerprint, newest first.
    #[must_use]
    pub fn history(&self, incident: &Incident, past: &[Incident]) -> Presented {
        let earlier: Vec<Value> =
            past.iter().map(|past| json!({ "incident_id": past.id, "status": past.status, "opened_at": past.opened_at })).collect();
        let mut facts = facts(incident);
        facts["earlier"] = Value::from(earlier);
        told("history", self.templates.history(self.language, incident, past), facts)
    }

    /// That the second list of people may decide too.
    #[must_use]
    pub fn escalation(&self, incident: &Incident, people: &[String]) -> Presented {
        let mut facts = facts(incident);
        facts["people"] = json!(people);
        told("escalation", self.templates.escalation(self.language, incident, people), facts)
    }
}

/// What machines are told of an incident. Texts are what the alert and the finding say: data, whoever reads them.
fn facts(incident: &Incident) -> Value {
    let mut facts = json!({
        "incident_id": incident.id, "fingerprint": incident.fingerprint, "status": incident.status, "severity": incident.severity,
        "hit_count": incident.hit_count, "flaps": incident.flaps, "opened_at": incident.opened_at, "resolved_at": incident.resolved_at,
        "name": incident.alert.name, "target": incident.alert.target, "namespace": incident.alert.namespace,
        "message": incident.alert.message, "no_plan_because": incident.no_plan_because,
    });
    if let Some(analysis) = &incident.analysis {
        facts["analysis"] = json!({
            "root_cause": analysis.root_cause, "suggested_action": analysis.suggested_action, "risk": analysis.risk,
            "confidence": analysis.confidence, "provider": analysis.provider,
        });
    }
    if let Some(plan) = &incident.plan {
        let argv = |steps: &[PlannedStep]| steps.iter().map(|step| step.argv.clone()).collect::<Vec<_>>();
        facts["plan"] = json!({
            "playbook": plan.playbook, "target": plan.target, "risk": plan.risk,
            "steps": argv(&plan.steps), "verify": argv(&plan.verify), "rollback": argv(&plan.rollback),
        });
    }
    if let Some(approval) = &incident.approval {
        facts["approval"] = json!({
            "approval_id": approval.id, "plan_hash": approval.plan_hash, "expires_at": approval.expires_at,
            "standing": approval.standing, "needed": approval.needed, "given": approval.given(),
        });
    }
    if let Some(repair) = &incident.repair {
        facts["repair"] = json!({ "outcome": repair.outcome, "started_at": repair.started_at, "finished_at": repair.finished_at });
    }
    facts
}

fn told(about: &'static str, content: Content, facts: Value) -> Presented {
    let whole = digest(&content);
    Presented { about, content, facts, shown: Shown { but_count: whole.clone(), whole, result: false } }
}

fn digest(content: &Content) -> String {
    let buttons = content.buttons.iter().flatten();
    let buttons = buttons.fold(Digest::new(), |digest, button| digest.field(&button.label).field(button.ask.to_string()));
    Digest::new().field(content.text.telegram()).field(buttons.hex()).hex()
}
