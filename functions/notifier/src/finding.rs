//! The part of a card that tells what was found out: cause, action, evidence, and what finding it has cost.

use shared::domain::analysis::Analysis;
use shared::domain::evidence::{Evidence, Found, Measurement, Trend, figure};
use shared::domain::incident::Incident;
use shared::domain::price::dollars;
use shared::domain::visible::line;

use crate::card::{NAME_CHARACTERS, TEXT_CHARACTERS, escaped};

/// How many lines of evidence are shown.
const EVIDENCE_SHOWN: usize = 4;
/// How long such a line may be.
const EVIDENCE_CHARACTERS: usize = 120;

/// The lines about an incident's analysis; none if there is none yet.
pub(crate) fn lines(incident: &Incident) -> Vec<String> {
    let Some(analysis) = &incident.analysis else { return Vec::new() };
    let mut lines = vec![String::new()];
    lines.push(format!("<b>Cause</b> {}", said(&analysis.root_cause, TEXT_CHARACTERS)));
    lines.push(format!("<b>Do</b> {}", said(&analysis.suggested_action, TEXT_CHARACTERS)));
    // A command that is cut is another command, and people copy it.
    let command = analysis.suggested_command.as_ref().filter(|command| command.chars().count() <= TEXT_CHARACTERS);
    lines.extend(command.map(|command| format!("<code>{}</code>", escaped(command, TEXT_CHARACTERS))));
    lines.extend(incident.evidence.iter().flat_map(measured).take(EVIDENCE_SHOWN));
    lines.extend(analysis.remembered.as_ref().map(|sentence| format!("🧠 {}", said(sentence, TEXT_CHARACTERS))));
    lines.push(format!(
        "Risk {} · confidence {:.0}% · downtime {} · {} · by {}",
        analysis.risk.as_str(),
        analysis.confidence * 100.0,
        said(&analysis.blast_radius.estimated_downtime, NAME_CHARACTERS),
        analysis.primary_responsibility.as_str(),
        by(analysis),
    ));
    lines.extend(analysis.fell_back_because.as_ref().map(|why| format!("<i>No model answered: {}</i>", said(why, TEXT_CHARACTERS))));
    lines
}

/// A text of a finding. It stays on its line: a model could else write lines that look like the card's own.
fn said(text: &str, characters: usize) -> String {
    escaped(&line(text, characters + 1), characters)
}

/// Who found it, and for how much.
fn by(analysis: &Analysis) -> String {
    let mut by = said(&analysis.provider, NAME_CHARACTERS);
    if let Some(model) = &analysis.model {
        by.push_str(&format!(" ({})", said(model, NAME_CHARACTERS)));
    }
    if analysis.tokens > 0 || analysis.price_micro_usd > 0 {
        by.push_str(&format!(", {} tokens, {}", analysis.tokens, dollars(analysis.price_micro_usd)));
    }
    by
}

fn measured(evidence: &Evidence) -> Vec<String> {
    let Found::Measured { measurements, link } = &evidence.found else { return Vec::new() };
    let mut lines: Vec<String> = measurements.iter().map(measurement).collect();
    // The URL is one of the operator's own server, made by us.
    lines.extend(
        link.as_ref()
            .map(|url| format!("<a href=\"{}\">{}</a>", escaped(url, usize::MAX).replace('"', "&quot;"), evidence.source.as_str())),
    );
    lines
}

fn measurement(measurement: &Measurement) -> String {
    let arrow = match measurement.trend {
        Trend::Rising => "↗",
        Trend::Falling => "↘",
        Trend::Stable => "→",
    };
    let name = escaped(&measurement.name, EVIDENCE_CHARACTERS);
    let unit = escaped(&measurement.unit, NAME_CHARACTERS);
    format!("📈 {name} {} {unit} {arrow} ({} to {})", figure(measurement.value), figure(measurement.least), figure(measurement.most))
}
