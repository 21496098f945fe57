//! The card of a run of a delivery pipeline: one line of stages that moves on.

use shared::domain::flow::{Flow, Stage, State};

use crate::card::{Card, escaped};

/// How many failed stages say why; their texts and those of all stages stay well under Telegram's 4,096 characters.
const FAILURES_SHOWN: usize = 3;
/// Longer than anything in a flow, which is cut where it is stored.
const ANY_LENGTH: usize = 1_000;

/// What the card shows, as plain text: whoever writes it escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowView {
    /// The name of the pipeline; empty if it was not told, as is every text here.
    pub name: String,
    /// What is built and delivered.
    pub commit: String,
    /// Who started the run.
    pub by: String,
    /// Each stage with its icon, in order.
    pub stages: Vec<(&'static str, String)>,
    /// How many more stages there were.
    pub left_out: usize,
    /// Failed stages, each with what it said.
    pub failures: Vec<(String, String)>,
    /// Where the run is shown.
    pub url: String,
    /// The incident of the newest report.
    pub incident_id: String,
}

impl From<&Flow> for FlowView {
    fn from(flow: &Flow) -> Self {
        let failed = flow.stages.iter().filter(|stage| stage.state == State::Failed && !stage.message.is_empty());
        Self {
            name: flow.name.clone(),
            commit: flow.commit.clone(),
            by: flow.by.clone(),
            stages: flow.stages.iter().map(|stage| (icon(stage), stage.name.clone())).collect(),
            left_out: flow.left_out,
            failures: failed.take(FAILURES_SHOWN).map(|stage| (stage.name.clone(), stage.message.clone())).collect(),
            url: flow.url.clone(),
            incident_id: flow.newest.to_string(),
        }
    }
}

fn icon(stage: &Stage) -> &'static str {
    match stage.state {
        State::Running => "⏳",
        State::Ended => "☑️",
        State::Passed => "✅",
        State::Failed => "❌",
    }
}

/// The card of a run. It has no buttons, and links are shown as text: they come from outside.
#[must_use]
pub fn render(flow: &Flow) -> Card {
    let FlowView { name, commit, by, stages, left_out, failures, url, incident_id } = flow.into();
    let shown = |text: &str| escaped(text, ANY_LENGTH);
    let mut title = format!("🚀 <b>{}</b>", shown(&name));
    if !commit.is_empty() {
        title += &format!(" {}", shown(&commit));
    }
    if !by.is_empty() {
        title += &format!(" by {}", shown(&by));
    }
    let mut line: Vec<String> = stages.iter().map(|(icon, stage)| format!("{icon} {}", shown(stage))).collect();
    if left_out > 0 {
        line.push(format!("and {left_out} more"));
    }
    let mut lines = vec![title, line.join(" · ")];
    lines.extend(failures.iter().map(|(stage, message)| format!("{}: {}", shown(stage), shown(message))));
    if !url.is_empty() {
        lines.push(shown(&url));
    }
    lines.push(format!("<code>{incident_id}</code>"));
    Card { html: lines.join("\n"), buttons: Vec::new() }
}

#[cfg(test)]
#[path = "flow_card_tests.rs"]
mod tests;
