//! What a person sees of an incident: Telegram's HTML, made from the incident alone.

use std::fmt::Write as _;

use shared::domain::alert::AlertSeverity;
use shared::domain::approval::{Standing, Verdict};
use shared::domain::guardrail::{all_passed, blocking};
use shared::domain::incident::{Incident, Status};
use shared::domain::plan::{Phase, Plan, PlannedStep};
use shared::domain::repair::{Repair, RepairOutcome};
use shared::domain::visible::is_hidden;

use crate::finding;

/// How much of each text from outside is shown. All of them together stay well under Telegram's 4,096 characters, even
/// if every character has to be escaped.
pub(crate) const NAME_CHARACTERS: usize = 60;
pub(crate) const TEXT_CHARACTERS: usize = 300;
const STEP_CHARACTERS: usize = 120;
/// How many steps of a part are shown.
const STEPS_SHOWN: usize = 4;
/// How many guardrails that stop a repair are shown: the first of them matter most.
const GUARDRAILS_SHOWN: usize = 4;

/// A card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its text in Telegram's HTML.
    pub html: String,
    /// Its buttons, in one row.
    pub buttons: Vec<Button>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: &'static str,
    /// What comes back when it is pressed: at most 64 bytes.
    pub data: String,
}

/// The card of an incident as it is now.
#[must_use]
pub fn render(incident: &Incident) -> Card {
    let alert = &incident.alert;
    if alert.cicd {
        return pipeline(incident);
    }
    let mut lines = vec![format!(
        "{} <b>{:?}</b> {}{}",
        icon(incident),
        incident.severity,
        escaped(&alert.name, NAME_CHARACTERS),
        if incident.hit_count > 1 { format!(" <b>[x{}]</b>", incident.hit_count) } else { String::new() }
    )];
    lines.push(format!("<b>{}</b> in {}", escaped(&alert.target, NAME_CHARACTERS), escaped(&alert.namespace, NAME_CHARACTERS)));
    lines.push(escaped(&alert.message, TEXT_CHARACTERS));
    if incident.left_out > 0 {
        lines.push(format!("⚠ its sender left out {} alerts (max_alerts): more may be wrong than this shows", incident.left_out));
    }
    if let Some(storm) = &incident.storm {
        lines.push(format!("<b>{} of {} incidents still open</b>", storm.open, storm.tied));
        lines.extend(
            storm
                .shown
                .iter()
                .map(|(name, target)| format!("· {} on {}", escaped(name, NAME_CHARACTERS), escaped(target, NAME_CHARACTERS))),
        );
        if storm.open > storm.shown.len() as u64 {
            lines.push(format!("· and {} more", storm.open - storm.shown.len() as u64));
        }
    }
    lines.extend(finding::lines(incident));
    if let Some(plan) = &incident.plan {
        lines.push(String::new());
        lines.push(format!(
            "<b>Plan</b> {} on <b>{}</b> (risk {})",
            escaped(&plan.playbook_name, NAME_CHARACTERS),
            escaped(&plan.target, NAME_CHARACTERS),
            plan.risk.as_str()
        ));
        lines.extend(steps(plan));
        lines.extend(guardrails(incident));
    } else if let Some(why) = &incident.no_plan_because {
        lines.push(format!("<i>No plan: {}</i>", escaped(why, TEXT_CHARACTERS)));
    }
    lines.push(String::new());
    lines.push(standing(incident));
    lines.push(format!("<code>{}</code>", incident.id));
    Card { html: lines.join("\n"), buttons: buttons(incident) }
}

/// What a delivery pipeline reports, in the short format: no analysis, no plan, no buttons. Links are shown as text: they come
/// from outside.
fn pipeline(incident: &Incident) -> Card {
    let alert = &incident.alert;
    let icon = match (alert.severity, incident.status) {
        (AlertSeverity::Info, _) => "✅",
        (_, Status::Resolved) => "☑️",
        (AlertSeverity::Critical, _) => "❌",
        (AlertSeverity::Warning, _) => "⏳",
    };
    let count = if incident.hit_count > 1 { format!(" [x{}]", incident.hit_count) } else { String::new() };
    let mut lines = vec![format!("{icon} <b>{}</b>{count}", escaped(&alert.message, TEXT_CHARACTERS))];
    let label = |name: &str| alert.labels.get(name).filter(|value| !value.is_empty());
    let named = [("stage", "stage"), ("commit", "commit"), ("triggered_by", "by")];
    let told: Vec<String> =
        named.iter().filter_map(|(name, word)| Some(format!("{word} {}", escaped(label(name)?, NAME_CHARACTERS)))).collect();
    if !told.is_empty() {
        lines.push(told.join(" · "));
    }
    if let Some(url) = alert.annotations.get("workflow_url").filter(|url| !url.is_empty()) {
        lines.push(escaped(url, TEXT_CHARACTERS));
    }
    lines.push(format!("<code>{}</code>", incident.id));
    Card { html: lines.join("\n"), buttons: Vec::new() }
}

fn icon(incident: &Incident) -> &'static str {
    match incident.status {
        Status::Announced => "ℹ️",
        Status::Tied => "🔗",
        Status::Open => "🔎",
        Status::AwaitingApproval | Status::NeedsHuman => "🚨",
        Status::Approved | Status::Repairing => "🔧",
        Status::Rejected => "✋",
        Status::Repaired | Status::Resolved => "✅",
        Status::RepairFailed => "❌",
    }
}

/// The exact steps that would run, as they would run.
fn steps(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    let mut part = |name: &str, steps: &[PlannedStep]| {
        for step in steps.iter().take(STEPS_SHOWN) {
            lines.push(format!("{name} <code>{}</code>", escaped(&step.argv.join(" "), STEP_CHARACTERS)));
        }
        if steps.len() > STEPS_SHOWN {
            lines.push(format!("{name} and {} more", steps.len() - STEPS_SHOWN));
        }
    };
    part("run", &plan.steps);
    part("check", &plan.verify);
    part("undo", &plan.rollback);
    lines
}

/// What the guardrails answered: that nobody has to be asked or, while a human is, why.
fn guardrails(incident: &Incident) -> Option<String> {
    if all_passed(&incident.guardrails) {
        return Some("<i>Runs by itself: all guardrails passed</i>".to_owned());
    }
    if incident.status != Status::AwaitingApproval {
        return None;
    }
    let why = blocking(&incident.guardrails)
        .map(|outcome| format!("{} ({})", outcome.guardrail.as_str(), escaped(&outcome.why, NAME_CHARACTERS)));
    let mut shown: Vec<String> = why.collect();
    let hidden = shown.len().saturating_sub(GUARDRAILS_SHOWN);
    shown.truncate(GUARDRAILS_SHOWN);
    if hidden > 0 {
        shown.push(format!("and {hidden} more"));
    }
    (!shown.is_empty()).then(|| format!("<i>Asks a human because: {}</i>", shown.join("; ")))
}

/// One line on where the work stands and who decided.
fn standing(incident: &Incident) -> String {
    let decided = incident.approval.as_ref().and_then(|approval| match &approval.standing {
        Standing::Decided { verdict, by, at } => {
            let word = if *verdict == Verdict::Approve { "Approved" } else { "Rejected" };
            Some(format!("{word} by {} at {at:.0}", escaped(by, NAME_CHARACTERS)))
        }
        Standing::Void { why, .. } => Some(format!("The plan is void: {}", escaped(why, TEXT_CHARACTERS))),
        Standing::Pending => None,
    });
    let mut line = match incident.status {
        Status::Open => "Being analysed".to_owned(),
        Status::AwaitingApproval => "<b>Waiting for a decision</b>".to_owned(),
        Status::NeedsHuman => "<b>Needs a human</b>".to_owned(),
        Status::Approved => "Approved, not started yet".to_owned(),
        Status::Rejected => "Rejected: nothing was run".to_owned(),
        Status::Repairing => "Repairing".to_owned(),
        Status::Repaired => "Repaired and verified; the alert has not resolved yet".to_owned(),
        Status::RepairFailed => "<b>The repair failed: a human has to look</b>".to_owned(),
        Status::Resolved => "Resolved".to_owned(),
        Status::Announced => "For information".to_owned(),
        Status::Tied => "Part of a storm".to_owned(),
    };
    if let Some(decided) = decided {
        let _ = write!(line, "\n{decided}");
    }
    if let Some(repair) = &incident.repair {
        line.push_str(&result(repair));
    }
    if incident.flaps > 0 {
        let _ = write!(line, "\nIt came back {} times", incident.flaps);
    }
    line
}

fn result(repair: &Repair) -> String {
    let mut lines = String::new();
    for step in &repair.steps {
        let icon = match (step.finished, step.succeeded) {
            (false, _) => "⏳",
            (true, true) => "✓",
            (true, false) => "✗",
        };
        let phase = match step.phase {
            Phase::Steps => "step",
            Phase::Verify => "check",
            Phase::Rollback => "undo",
        };
        let _ = write!(lines, "\n{icon} {phase} {} {}", step.index + 1, escaped(&step.detail, STEP_CHARACTERS));
    }
    if let (Some(outcome), Some(finished_at)) = (repair.outcome, repair.finished_at) {
        let words = match outcome {
            RepairOutcome::Verified => "verified",
            RepairOutcome::StepFailed => "a step failed",
            RepairOutcome::NotVerified => "the symptom is still there",
            RepairOutcome::Unknown => "what a step did is unknown",
        };
        let _ = write!(lines, "\nRepair: {words}, after {:.1} s", finished_at.duration_since(repair.started_at).as_secs_f64());
    }
    lines
}

fn buttons(incident: &Incident) -> Vec<Button> {
    let pending = incident.approval.as_ref().filter(|approval| approval.standing == Standing::Pending);
    let Some(approval) = pending.filter(|_| incident.status == Status::AwaitingApproval) else { return Vec::new() };
    vec![
        Button { label: "✅ Approve", data: format!("approve:{}", approval.id) },
        Button { label: "✋ Reject", data: format!("reject:{}", approval.id) },
    ]
}

/// Text from outside as Telegram's HTML shows it: cut first, then escaped, so that no escape is cut in two.
pub(crate) fn escaped(text: &str, characters: usize) -> String {
    let mut html = String::with_capacity(text.len());
    let mut rest = text.chars();
    for c in rest.by_ref().take(characters) {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            c if c.is_control() && c != '\n' => html.push(' '),
            // A mark of direction would turn around what stands beside it.
            c if is_hidden(c) => {}
            c => html.push(c),
        }
    }
    if rest.next().is_some() {
        html.push('…');
    }
    html
}

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;
