//! Lines of `quell plan`: the alert, its service, the finding, and the guardrails' answers.

use std::io::Write;

use domain::alert::{Alert, AlertStatus};
use domain::incident::guardrail::names;
use domain::incident::{Incident, Status};
use domain::playbook::Playbook;
use domain::playbook::service::Service;
use domain::policy::matching::{Fit, fitting};
use domain::primitives::id::Fingerprint;
use domain::primitives::safe_text::line;

use crate::exit::Failure;
use crate::print;

/// How much of a text from outside is shown.
const SHOWN: usize = 120;

/// Writes what the alert is.
pub(super) fn identity(
    alert: &Alert,
    index: usize,
    fingerprint: &Fingerprint,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let text = |text: &str| line(text, SHOWN);
    let status = if alert.status == AlertStatus::Firing {
        "firing"
    } else {
        "resolved"
    };
    let (name, target) = (text(&alert.name), text(&alert.target));
    let (normalised, namespace) = (text(&alert.normalised_target), text(&alert.namespace));
    let (source, severity) = (text(&alert.source), print::word(alert.severity));
    let (number, alert_type) = (index + 1, alert.alert_type.as_str());
    writeln!(out, "alert {number}: {name} on {target}, {status}")?;
    writeln!(out, "  fingerprint  {fingerprint}")?;
    writeln!(
        out,
        "  identity     target {normalised}, namespace {namespace}, type {alert_type}"
    )?;
    writeln!(out, "  sent by      {source}, with the severity {severity}")?;
    Ok(())
}

/// Writes the alert's service, and the playbooks that match.
pub(super) fn service(
    playbooks: &[Playbook],
    alert: &Alert,
    service: Option<&Service>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Some(service) = service else {
        writeln!(
            out,
            "  service      none in service-registry.yaml has this target as its name or alias"
        )?;
        return Ok(());
    };
    let group = service.redundancy_group.as_deref().unwrap_or("none");
    let level = format!("{:?}", service.level).to_lowercase();
    writeln!(
        out,
        "  service      {}, level {level}, redundancy group {group}",
        service.name
    )?;
    let fitting = fitting(playbooks, alert, service);
    for Fit {
        score,
        reasons,
        playbook,
    } in &fitting
    {
        let reasons: Vec<String> = reasons.iter().map(|reason| line(reason, SHOWN)).collect();
        writeln!(
            out,
            "  playbook     {}, score {score}: {}",
            playbook.id,
            reasons.join("; ")
        )?;
    }
    if fitting.is_empty() {
        writeln!(
            out,
            "  playbook     none matches this alert or its type for this service"
        )?;
    }
    Ok(())
}

/// Writes the finding; `models` is how many models the stack asks before.
pub(super) fn finding(
    incident: &Incident,
    models: usize,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Some(analysis) = &incident.analysis else {
        return Ok(());
    };
    let (risk, impact) = (
        analysis.risk.as_str(),
        print::word(analysis.blast_radius.data_impact),
    );
    let severity = incident.severity;
    writeln!(
        out,
        "  finding      {} (a static rule)",
        analysis.action_title
    )?;
    writeln!(
        out,
        "    says       risk {risk}, so {severity:?}; confidence {:.2}; data impact {impact}",
        analysis.confidence
    )?;
    match models {
        0 => {}
        _ => writeln!(
            out,
            "    on the stack {models} models are asked first: they can raise the risk, never lower it"
        )?,
    }
    Ok(())
}

/// Writes the guardrails' answers, and what follows from them.
pub(super) fn end(incident: &Incident, out: &mut dyn Write) -> Result<(), Failure> {
    for outcome in &incident.guardrails {
        let answer = if outcome.passed { "passes" } else { "STOPS" };
        writeln!(
            out,
            "  guardrail    {answer:<6} {:<18} {}",
            outcome.guardrail.as_str(),
            line(&outcome.why, SHOWN * 4)
        )?;
    }
    match (incident.status, &incident.no_plan_because) {
        (Status::Approved, _) => writeln!(out, "  => runs automatically: every guardrail passes")?,
        (Status::AwaitingApproval, _) => writeln!(
            out,
            "  => needs approval, because of {}",
            names(&incident.guardrails)
        )?,
        (_, Some(why)) => writeln!(out, "  => needs a human: {}", line(why, SHOWN * 4))?,
        (status, None) => writeln!(out, "  => {}", status.as_str())?,
    }
    Ok(())
}
