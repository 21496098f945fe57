//! View of the card of a pipeline run: one line of stages that moves on.

use domain::notification::pipeline_run::{self, State};
use domain::primitives::id::IncidentId;
use serde::Serialize;

use super::{NAME_CHARACTERS, TEXT_CHARACTERS, first, short};

/// How many failed stages say why.
const FAILURES_SHOWN: usize = 3;

/// What `pipeline_run.html` is given. A text that was not told is empty.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineRunView {
    /// The name of the pipeline.
    pub name: String,
    /// What is built and delivered.
    pub commit: String,
    /// Who started the run.
    pub triggered_by: String,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// How many more stages there were.
    pub left_out: usize,
    /// Failed stages with what they said.
    pub failures: Vec<Failure>,
    /// Where the run is shown. It comes from outside: a text, not a link.
    pub url: String,
    /// The incident of the newest report.
    pub id: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// One character that says how it went.
    pub icon: &'static str,
    /// Its name, with its environment.
    pub name: String,
}

/// A stage that failed.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    pub name: String,
    pub message: String,
}

impl PipelineRunView {
    /// What is shown of a run.
    pub fn of(run: &pipeline_run::PipelineRun) -> Self {
        let name = |text: &str| short(text, NAME_CHARACTERS);
        let failed = run
            .stages
            .iter()
            .filter(|stage| stage.state == State::Failed && !stage.message.is_empty());
        Self {
            name: name(&run.name),
            commit: name(&run.commit),
            triggered_by: name(&run.by),
            stages: run
                .stages
                .iter()
                .map(|stage| Stage {
                    icon: icon(stage.state),
                    name: name(&stage.name),
                })
                .collect(),
            left_out: run.left_out,
            failures: failed.take(FAILURES_SHOWN).map(Failure::of).collect(),
            url: short(&run.url, TEXT_CHARACTERS),
            id: run.newest.to_string(),
        }
    }
}

/// What `pipeline_run_notice.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineRunNoticeView {
    /// The name of the pipeline.
    pub name: String,
    /// What is built and delivered.
    pub commit: String,
    /// Who started the run.
    pub triggered_by: String,
    /// The stages that have failed since the last notice, with what they said.
    pub failures: Vec<Failure>,
    /// How many more there are.
    pub failures_more: usize,
    /// Where the run is shown. It comes from outside: a text, not a link.
    pub url: String,
    /// The incident of the newest report.
    pub id: String,
}

impl PipelineRunNoticeView {
    /// What is told of a run's stages that failed, which are known by their reports.
    pub fn of(run: &pipeline_run::PipelineRun, failed: &[IncidentId]) -> Self {
        let told = run
            .stages
            .iter()
            .filter(|stage| stage.state == State::Failed && failed.contains(&stage.incident_id));
        let (failures, failures_more) = first(told.map(Failure::of).collect(), FAILURES_SHOWN);
        let PipelineRunView {
            name,
            commit,
            triggered_by,
            url,
            id,
            ..
        } = PipelineRunView::of(run);
        Self {
            name,
            commit,
            triggered_by,
            failures,
            failures_more,
            url,
            id,
        }
    }
}

impl Failure {
    fn of(stage: &pipeline_run::Stage) -> Self {
        Self {
            name: short(&stage.name, NAME_CHARACTERS),
            message: short(&stage.message, TEXT_CHARACTERS),
        }
    }
}

fn icon(state: State) -> &'static str {
    match state {
        State::Running => "⏳",
        State::Ended => "☑️",
        State::Passed => "✅",
        State::Failed => "❌",
    }
}

#[cfg(test)]
#[path = "pipeline_run_tests.rs"]
mod tests;
