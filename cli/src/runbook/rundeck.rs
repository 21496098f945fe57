//! Jobs of Rundeck as it exports them in YAML: <https://docs.rundeck.com/docs/manual/document-format-reference/job-yaml-v12.html>.

use serde_json::Value;

use super::document::{Command, Runbook, is_on, text};
use super::words::simple;
use crate::exit::Failure;

/// How a step may be described; the rest of it is what it does.
const OF_STEP: [&str; 3] = ["description", "exec", "script"];

/// The jobs, each a runbook.
pub(super) fn read(value: &Value) -> Result<Vec<Runbook>, Failure> {
    let jobs = value.as_array();
    let jobs = jobs.ok_or_else(|| {
        Failure::wrong("jobs of Rundeck are a list; export them as YAML, not as XML")
    })?;
    Ok(jobs
        .iter()
        .enumerate()
        .map(|(at, value)| job(at, value))
        .collect())
}

fn job(at: usize, value: &Value) -> Runbook {
    let name = text(&value["name"]).unwrap_or_else(|| format!("job {}", at + 1));
    let mut runbook = Runbook {
        name,
        ..Runbook::default()
    };
    let sequence = &value["sequence"];
    if is_on(&sequence["keepgoing"]) {
        runbook.refuse(
            "the sequence",
            "it goes on after a step that failed; a repair stops there",
        );
    }
    // On one host the two others are the same.
    if text(&sequence["strategy"]).is_some_and(|strategy| {
        strategy != "node-first" && strategy != "sequential" && strategy != "step-first"
    }) {
        runbook.refuse(
            "the sequence",
            "its strategy runs steps at once, or by rules of its own",
        );
    }
    if value
        .get("options")
        .is_some_and(|options| !options.is_null())
    {
        runbook.notes.push(
            "it has options: what they filled in has to be a parameter with a tight pattern"
                .to_owned(),
        );
    }
    for (at, one) in sequence["commands"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        step(&mut runbook, at, one);
    }
    if runbook.steps.is_empty() && runbook.refused.is_empty() {
        runbook.refuse("the job", "it has no step that does anything");
    }
    runbook
}

fn step(runbook: &mut Runbook, at: usize, value: &Value) {
    let place = match text(&value["description"]) {
        Some(description) => format!("step {} ({description})", at + 1),
        None => format!("step {}", at + 1),
    };
    let fields = value.as_object().into_iter().flatten();
    for (name, _) in fields.filter(|(name, _)| !OF_STEP.contains(&name.as_str())) {
        let why = match name.as_str() {
            "jobref" => "it runs another job: import that one, and write its steps here".to_owned(),
            "errorhandler" => {
                "it has an error handler: write a rollback, which runs after any failure".to_owned()
            }
            "scriptfile" | "scripturl" => {
                "its script is elsewhere: what it runs is not known".to_owned()
            }
            "type" => "it is a plugin, which has no equivalent here".to_owned(),
            other => format!("`{other}` has no equivalent here"),
        };
        runbook.refuse(place.clone(), why);
    }
    if let Some(line) = text(&value["exec"]) {
        match simple(line.trim()) {
            Ok(argv) => runbook.steps.push(Command::new(argv)),
            Err(why) => runbook.refuse(place, why),
        }
    } else if let Some(script) = text(&value["script"]) {
        let commands = runbook.script(&place, &script, false);
        runbook.steps.extend(commands);
    }
}
