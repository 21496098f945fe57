//! Output of `quell plan`: text for people, JSON for programs.

use std::io::Write;

use analyzer::evidence::recipe_questions::questions;
use domain::alert::AlertStatus;
use domain::analysis::urgency::UrgencyGround;
use domain::incident::guardrail::names;
use domain::incident::{Incident, Status};
use domain::policy::matching::Fit;
use domain::primitives::safe_text::line;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::plan::alert_plan::{AlertPlan, GoesTo};
use crate::plan::finding_report::{SHOWN, finding};
use crate::print;

/// Writes what holds for all alerts.
pub(super) fn head(has_table: bool, left_out: u64, out: &mut dyn Write) -> Result<(), Failure> {
    let facts = if has_table {
        "Past runs and the kill switch are read from the table."
    } else {
        "No --table given: assumes that nothing ever ran and that the kill switch is off."
    };
    writeln!(out, "{facts}")?;
    if left_out > 0 {
        writeln!(
            out,
            "The sender left out {left_out} alerts: they are not counted."
        )?;
    }
    Ok(())
}

/// Who is asked on the stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// How many models.
    pub(super) models: usize,
    /// True if there is a Prometheus for a recipe's questions.
    pub(super) prometheus: bool,
}

/// Writes everything that would happen for one alert.
pub(super) fn text(plan: &AlertPlan<'_>, asked: Asked, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out)?;
    identity(plan, out)?;
    match plan.goes_to {
        GoesTo::New => {}
        GoesTo::Joins(first) => {
            writeln!(
                out,
                "  => joins the incident of alert {}: one fingerprint is one incident",
                first + 1
            )?;
        }
        GoesTo::Leaves => writeln!(
            out,
            "  => leaves its episode; the last alert to leave resolves the incident and revokes a waiting plan"
        )?,
        GoesTo::Announced => writeln!(
            out,
            "  => announced without analysis: alert-tables.json calls it a report of a pipeline"
        )?,
        GoesTo::Heartbeat => writeln!(
            out,
            "  => opens nothing: a heartbeat says that monitoring works, and only its absence opens an incident"
        )?,
        GoesTo::Noise => writeln!(
            out,
            "  => opens nothing: alert-rules.json calls it noise, which only Alertmanager needs"
        )?,
    }
    let Some(incident) = &plan.incident else {
        return Ok(());
    };
    service(plan, out)?;
    recipe(plan, asked, out)?;
    finding(incident, asked.models, out)?;
    if let Some(plan) = &incident.plan {
        print::plan(plan, out)?;
        for why in &plan.risk_because {
            let why = line(&why.to_string(), SHOWN * 2);
            writeln!(out, "    risk       {why}")?;
        }
    }
    end(incident, out)
}

/// Writes what the alert is, and what named its subject.
fn identity(plan: &AlertPlan<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    let alert = &plan.alert;
    let text = |text: &str| line(text, SHOWN);
    let status = if alert.status == AlertStatus::Firing {
        "firing"
    } else {
        "resolved"
    };
    let (name, target) = (text(&alert.name), text(&alert.target));
    let (source, severity) = (text(&alert.source), print::word(alert.severity));
    let number = plan.index + 1;
    writeln!(out, "alert {number}: {name} on {target}, {status}")?;
    writeln!(out, "  fingerprint  {}", plan.fingerprint)?;
    let mut identity = vec![
        format!(
            "{} {}",
            alert.subject.kind.as_str(),
            text(&alert.normalised_target)
        ),
        format!("namespace {}", text(&alert.namespace)),
    ];
    let cluster = alert.subject.cluster.as_deref();
    identity.extend(cluster.map(|cluster| format!("cluster {}", text(cluster))));
    identity.push(format!("type {}", alert.alert_type.as_str()));
    if !alert.subject.apart.is_empty() {
        identity.push(format!("labels {}", text(&alert.subject.apart.join(" "))));
    }
    writeln!(out, "  identity     {}", identity.join(", "))?;
    writeln!(out, "  named by     {}", text(&alert.subject.named_by))?;
    writeln!(out, "  sent by      {source}, with the severity {severity}")?;
    Ok(())
}

/// Writes the alert's service, and the playbooks that match.
fn service(plan: &AlertPlan<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    let service = match &plan.service {
        Ok(service) => service,
        Err(why) => {
            let why = line(&why.to_string(), SHOWN * 4);
            writeln!(out, "  service      none: {why}")?;
            return Ok(());
        }
    };
    let group = service.redundancy_group.as_deref().unwrap_or("none");
    let level = format!("{:?}", service.level).to_lowercase();
    let criticality = service.criticality.as_str();
    writeln!(
        out,
        "  service      {}, level {level}, criticality {criticality}, redundancy group {group}",
        service.name
    )?;
    if let Some(owner) = &service.owner {
        writeln!(out, "    owner      {}", line(owner, SHOWN))?;
    }
    for Fit {
        score,
        reasons,
        playbook,
        ..
    } in &plan.fitting
    {
        let reasons: Vec<String> = reasons
            .iter()
            .map(|reason| line(&reason.to_string(), SHOWN))
            .collect();
        writeln!(
            out,
            "  playbook     {}, score {score}: {}",
            playbook.id,
            reasons.join("; ")
        )?;
    }
    if plan.fitting.is_empty() {
        writeln!(
            out,
            "  playbook     none matches this alert or its type for this service"
        )?;
    }
    Ok(())
}

/// Writes the recipe for the alert, and its questions with the alert's labels in them.
fn recipe(plan: &AlertPlan<'_>, asked: Asked, out: &mut dyn Write) -> Result<(), Failure> {
    let Some(recipe) = plan.recipe else {
        return Ok(());
    };
    let causes = recipe.causes.len();
    writeln!(
        out,
        "  recipe       {}, {causes} causes: {}",
        recipe.id, recipe.name
    )?;
    let service = plan.service.as_ref().ok().copied();
    for (id, query) in questions(recipe, &plan.alert, service) {
        match query {
            Ok(query) => writeln!(out, "    asks       {id}: {}", line(&query, SHOWN * 4))?,
            Err(why) => writeln!(out, "    skips      {id}: {}", line(&why, SHOWN * 4))?,
        }
    }
    if !asked.prometheus {
        writeln!(
            out,
            "    on the stack nothing is asked: analyzer.yaml names no Prometheus"
        )?;
    }
    Ok(())
}

/// Writes the guardrails' answers, and what follows from them.
fn end(incident: &Incident, out: &mut dyn Write) -> Result<(), Failure> {
    for outcome in &incident.guardrails {
        let answer = if outcome.passed { "passes" } else { "STOPS" };
        writeln!(
            out,
            "  guardrail    {answer:<6} {:<18} {}",
            outcome.guardrail.as_str(),
            line(&outcome.why.to_string(), SHOWN * 4)
        )?;
    }
    match (incident.status, &incident.no_plan_because) {
        (Status::Approved, _) => writeln!(out, "  => runs automatically: every guardrail passes")?,
        (Status::AwaitingApproval, _) => writeln!(
            out,
            "  => needs approval, because of {}",
            names(&incident.guardrails)
        )?,
        (_, Some(why)) => writeln!(
            out,
            "  => needs a human: {}",
            line(&why.to_string(), SHOWN * 4)
        )?,
        (status, None) => writeln!(out, "  => {}", status.as_str())?,
    }
    Ok(())
}

/// Writes all plans as one JSON list.
pub(super) fn json(plans: &[AlertPlan<'_>], out: &mut dyn Write) -> Result<(), Failure> {
    let list: Vec<Value> = plans.iter().map(as_json).collect();
    writeln!(out, "{:#}", Value::from(list))?;
    Ok(())
}

fn as_json(plan: &AlertPlan<'_>) -> Value {
    let alert = &plan.alert;
    let incident = plan.incident.as_ref();
    let (decision, why) = incident.map_or((None, None), decision);
    let grounds = incident.and_then(|incident| incident.analysis.as_ref());
    let grounds = grounds.map(|analysis| &analysis.urgency);
    json!({
        "alert": alert.name,
        "status": alert.status,
        "fingerprint": plan.fingerprint,
        "subject": {
            "kind": alert.subject.kind,
            "name": alert.target,
            "namespace": alert.namespace_of_subject(),
            "cluster": alert.subject.cluster,
            "apart": alert.subject.apart,
            "rule": alert.subject.named_by,
        },
        "type": alert.alert_type,
        "severity": alert.severity,
        "urgency": incident.map(|incident| incident.severity),
        "urgency_because": grounds.map(|urgency| urgency.grounds.iter().map(ground).collect::<Vec<_>>()),
        "confidence": incident.and_then(|incident| incident.analysis.as_ref()).and_then(|analysis| analysis.confidence),
        "plan_risk": incident.and_then(|incident| incident.plan.as_ref()).map(|plan| plan.risk),
        "plan_risk_because": incident.and_then(|incident| incident.plan.as_ref()).map(|plan| {
            plan.risk_because.iter().map(ToString::to_string).collect::<Vec<_>>()
        }),
        "service": plan.service.as_ref().ok().map(|service| &service.name),
        "recipe": plan.recipe.map(|recipe| &recipe.id),
        "playbook": incident.and_then(|incident| incident.plan.as_ref()).map(|plan| &plan.playbook),
        "decision": decision,
        "why": why,
        "incident": match plan.goes_to {
            GoesTo::New | GoesTo::Announced => "new".to_owned(),
            GoesTo::Joins(first) => format!("joins {}", first + 1),
            GoesTo::Leaves => "leaves".to_owned(),
            GoesTo::Heartbeat => "heartbeat".to_owned(),
            GoesTo::Noise => "noise".to_owned(),
        },
    })
}

fn ground(ground: &UrgencyGround) -> Value {
    json!({ "basis": ground.basis, "level": ground.level, "why": ground.why.to_string() })
}

/// What is decided on the plan, and why it does not run by itself.
fn decision(incident: &Incident) -> (Option<&'static str>, Option<String>) {
    match (incident.status, &incident.no_plan_because) {
        (Status::Approved, _) => (Some("automatic"), None),
        (Status::AwaitingApproval, _) => (Some("approval"), Some(names(&incident.guardrails))),
        (_, why) => (Some("human"), why.as_ref().map(ToString::to_string)),
    }
}
