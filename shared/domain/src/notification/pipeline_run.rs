//! Runs of delivery pipelines: one card shows the reports about all stages of a run, as a line that
//! is updated.
//!
//! Each report keeps its episode and its incident. A run is only a view of them: it is rebuilt
//! from its reports each time, so that the order in which they arrive has no effect.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::alert::{Alert, AlertSeverity, Texts};
use crate::incident::{Incident, Status};
use crate::primitives::digest::Digest;
use crate::primitives::id::{IncidentId, PipelineRunId};
use crate::primitives::names::named;
use crate::primitives::safe_text::line;

/// How many stages a run has at most: the first that were reported.
pub const STAGES_KEPT: usize = 30;
/// How much of each text is kept.
const NAME_CHARACTERS: usize = 60;
const STAGE_CHARACTERS: usize = 40;
const ENVIRONMENT_CHARACTERS: usize = 20;
const TEXT_CHARACTERS: usize = 200;
const URL_CHARACTERS: usize = 300;
/// How much of a commit's hash people read.
const SHORT_COMMIT: usize = 10;

named! {
    /// The state of a stage.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum State {
        /// Its last report was a warning: it runs.
        Running = "running",
        /// That report has resolved, and nothing said how it went.
        Ended = "ended",
        /// Its last report was for information: it went well.
        Passed = "passed",
        /// Its last report was critical: it went wrong, and stays so when the report resolves.
        Failed = "failed",
    }
}

impl State {
    /// The state of the stage whose last report is this incident.
    pub fn from_incident(incident: &Incident) -> Self {
        match (incident.alert.severity, incident.status) {
            (AlertSeverity::Info, _) => Self::Passed,
            (AlertSeverity::Critical, _) => Self::Failed,
            (AlertSeverity::Warning, Status::Resolved | Status::Expired) => Self::Ended,
            (AlertSeverity::Warning, _) => Self::Running,
        }
    }

    /// The state that is stored as this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::VARIANTS
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// One report about a run, written in the transaction that changes its incident. Texts are on one line each, cut, and empty if they
/// were not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub incident_id: IncidentId,
    /// When it was so, by the sender's clock.
    pub at: Timestamp,
    /// The stage, with its environment.
    pub stage: String,
    /// The state of the stage.
    pub state: State,
    pub message: String,
    /// The name of the pipeline.
    pub name: String,
    /// What is built and delivered.
    pub commit: String,
    /// Who started the run.
    pub by: String,
    /// Where the run is shown.
    pub url: String,
}

impl Report {
    /// The report that an incident is, with the run that it belongs to; none for whatever does not name its run and a stage of it.
    pub fn from_incident(incident: &Incident) -> Option<(PipelineRunId, Self)> {
        let run = run_id_of(&incident.alert)?;
        let Alert {
            name,
            target,
            labels,
            annotations,
            message,
            starts_at,
            ..
        } = &incident.alert;
        let told = |name: &str, characters| line(text(labels, name), characters);
        let commit = text(labels, "commit");
        let is_hash = commit.len() > SHORT_COMMIT && commit.bytes().all(|b| b.is_ascii_hexdigit());
        let environment = told("environment", ENVIRONMENT_CHARACTERS);
        let stage = [
            told("stage", STAGE_CHARACTERS),
            line(name, STAGE_CHARACTERS),
        ]
        .into_iter()
        .find(|stage| !stage.is_empty());
        let stage = stage.unwrap_or_default();
        let pipeline = [workflow(labels), target]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or_default();
        let report = Self {
            incident_id: incident.id.clone(),
            at: *starts_at,
            stage: if environment.is_empty() {
                stage
            } else {
                format!("{stage} ({environment})")
            },
            state: State::from_incident(incident),
            message: line(message, TEXT_CHARACTERS),
            name: line(pipeline, NAME_CHARACTERS),
            commit: line(
                commit,
                if is_hash {
                    SHORT_COMMIT
                } else {
                    NAME_CHARACTERS
                },
            ),
            by: told("triggered_by", NAME_CHARACTERS),
            url: line(text(annotations, "workflow_url"), URL_CHARACTERS),
        };
        Some((run, report))
    }

    /// The order of reports: the sender's clock decides, and a stage that is over is over if it says both at once.
    fn rank(&self) -> (Timestamp, State, &IncidentId) {
        (self.at, self.state, &self.incident_id)
    }
}

/// The run that a report belongs to: SHA-256 over namespace, normalised target (where the sender names one), name of the pipeline, and
/// commit, or the run's URL where there is no commit. None if it is no report of a pipeline, or names neither workflow nor stage, or
/// nothing that tells one run from the next.
pub fn run_id_of(alert: &Alert) -> Option<PipelineRunId> {
    let Alert {
        labels,
        annotations,
        namespace,
        ..
    } = alert;
    if !alert.cicd || (text(labels, "workflow").is_empty() && text(labels, "stage").is_empty()) {
        return None;
    }
    let run = [
        ("commit", text(labels, "commit")),
        ("url", text(annotations, "workflow_url")),
    ];
    let (kind, run) = run.into_iter().find(|(_, run)| !run.is_empty())?;
    // Without a label that names the target it is the alert's name, which differs from stage to stage.
    let target = if alert.target == alert.name {
        ""
    } else {
        &alert.normalised_target
    };
    let digest = Digest::new()
        .field(namespace)
        .field(target)
        .field(workflow(labels))
        .field(kind)
        .field(run);
    Some(digest.into())
}

/// What the sender calls the pipeline; empty if it does not.
fn workflow(labels: &Texts) -> &str {
    [text(labels, "workflow"), text(labels, "repository")]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

fn text<'a>(texts: &'a Texts, name: &str) -> &'a str {
    texts.get(name).map_or("", |value| value.trim())
}

/// One stage of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What it is called.
    pub name: String,
    pub state: State,
    /// What its last report said.
    pub message: String,
    pub incident_id: IncidentId,
    /// When that was so, by the sender's clock.
    pub at: Timestamp,
}

/// One run of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineRun {
    /// The name of the pipeline.
    pub name: String,
    /// What is built and delivered; empty if it was not told, as are the next two.
    pub commit: String,
    pub by: String,
    /// Where it is shown.
    pub url: String,
    /// Its stages, in the order in which they were first reported: at most [`STAGES_KEPT`].
    pub stages: Vec<Stage>,
    /// How many more there were.
    pub left_out: usize,
    /// The incident of the newest report.
    pub newest: IncidentId,
}

impl PipelineRun {
    /// The reports of the stages that failed.
    pub fn failed(&self) -> Vec<IncidentId> {
        self.stages
            .iter()
            .filter(|stage| stage.state == State::Failed)
            .map(|stage| stage.incident_id.clone())
            .collect()
    }

    /// The run built from its reports, in any order; none without a report.
    pub fn of(reports: &[Report]) -> Option<Self> {
        let mut ordered: Vec<&Report> = reports.iter().collect();
        ordered.sort_by_key(|report| report.rank());
        let newest = *ordered.last()?;
        // The newest report that tells something has the last word on it.
        let told = |what: fn(&Report) -> &String| {
            ordered
                .iter()
                .rev()
                .map(|report| what(report))
                .find(|text| !text.is_empty())
        };
        let told = |what| told(what).cloned().unwrap_or_default();
        let mut places = BTreeMap::new();
        let mut stages: Vec<Stage> = Vec::new();
        for report in &ordered {
            let Report {
                incident_id,
                at,
                stage,
                state,
                message,
                ..
            } = (*report).clone();
            let place = *places.entry(stage.clone()).or_insert(stages.len());
            let stage = Stage {
                name: stage,
                state,
                message,
                incident_id,
                at,
            };
            match stages.get_mut(place) {
                Some(earlier) => *earlier = stage,
                None => stages.push(stage),
            }
        }
        let left_out = stages.len().saturating_sub(STAGES_KEPT);
        stages.truncate(STAGES_KEPT);
        Some(Self {
            name: told(|report| &report.name),
            commit: told(|report| &report.commit),
            by: told(|report| &report.by),
            url: told(|report| &report.url),
            stages,
            left_out,
            newest: newest.incident_id.clone(),
        })
    }
}

#[cfg(test)]
#[path = "pipeline_run_tests.rs"]
mod tests;
