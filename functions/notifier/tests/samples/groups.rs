//! Samples of more than one alert: a storm, a report of a delivery pipeline, and a run of one.

use domain::alert::classification::AlertTables;
use domain::analysis::Analysis;
use domain::incident::Status;
use domain::incident::change::IncidentChange;
use domain::incident::parts::Storm;
use domain::incident::parts::StormMember;
use domain::notification::pipeline_run::{PipelineRun, Stage, State};
use domain::phrase;
use jiff::Timestamp;

use super::parts::{at, change, finding, id};

/// A storm of a thousand incidents.
pub fn storm() -> IncidentChange {
    let names = [
        "TargetDown",
        "TargetDown",
        "HighErrorRate",
        "KubePodNotReady",
        "TargetDown",
        "HighLatency",
        "KubePodNotReady",
    ];
    let line = |n: usize| StormMember {
        incident_id: id(u32::try_from(n).unwrap_or_default()),
        name: if n.is_multiple_of(331) {
            format!("Custom{n}")
        } else {
            names[n % names.len()].to_owned()
        },
        target: format!("node-{:02}", n % 40),
        open: !n.is_multiple_of(5),
        critical: n % 250 == 7,
    };
    let mut change = IncidentChange::storm(id(9_000), 1, 20, at(0));
    change.storm_is(
        Storm::summarise(&(0..1_000).map(line).collect::<Vec<_>>()),
        at(30),
    );
    let root_cause =
        "The switch of rack 4 does not forward: every node behind it is unreachable.".to_owned();
    let suggested_action = "Look at rack 4's switch before anything else.".to_owned();
    change.analysed(
        Analysis {
            root_cause,
            suggested_action,
            suggested_command: None,
            ..finding()
        },
        vec![],
        at(31),
    );
    change.incident.status = Status::NeedsHuman;
    change.incident.no_plan_because = Some(phrase!("no playbook repairs a storm"));
    change
}

/// A report of a delivery pipeline.
pub fn pipeline() -> IncidentChange {
    let tables: AlertTables =
        serde_json::from_str(r#"{"cicd":{"patterns":["CI_*"]}}"#).expect("tables");
    let labels = [
        ("alertname", "CI_Deploy"),
        ("severity", "info"),
        ("stage", "production"),
        ("commit", "4f0c2d9"),
        ("triggered_by", "mira"),
    ];
    let told = [
        ("summary", "checkout-api 2.14.0 is deployed"),
        ("workflow_url", "https://ci.example.com/runs/5120"),
    ];
    change(5, &tables, &labels, &told)
}

/// A run of a pipeline, one stage of which failed.
pub fn pipeline_run() -> PipelineRun {
    let stage = |name: &str, state, message: &str| Stage {
        name: name.to_owned(),
        state,
        message: message.to_owned(),
        incident_id: pipeline().incident.id,
        at: Timestamp::UNIX_EPOCH,
    };
    let stages = vec![
        stage("build", State::Passed, "built in 48 s"),
        stage("test", State::Failed, "2 of 311 tests failed"),
        stage(
            "deploy (staging)",
            State::Running,
            "checkout 2.14.0 is being deployed",
        ),
    ];
    PipelineRun {
        name: "checkout".to_owned(),
        commit: "4f0c2d9".to_owned(),
        by: "mira".to_owned(),
        url: "https://ci.example/shop/checkout/runs/5120".to_owned(),
        stages,
        left_out: 0,
        newest: pipeline().incident.id,
    }
}
