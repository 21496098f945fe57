//! Documents of Systems Manager that run shell scripts: type Command, schema 2.2 and 1.2
//! (<https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-schemas-features.html>). The agent runs them as root.

use serde_json::Value;

use super::document::{Runbook, text};
use crate::exit::Failure;
use domain::playbook::command::STEP_SECONDS;

/// The one action that a host can be asked for here.
const SHELL: &str = "aws:runShellScript";
const OF_STEP: [&str; 5] = ["action", "name", "inputs", "precondition", "isEnd"];
const OF_INPUTS: [&str; 4] = ["runCommand", "timeoutSeconds", "id", "workingDirectory"];

/// The document as one runbook.
pub(super) fn read(value: &Value) -> Result<Vec<Runbook>, Failure> {
    let name =
        text(&value["description"]).unwrap_or_else(|| "a document of Systems Manager".to_owned());
    let name = name.lines().next().unwrap_or_default().trim().to_owned();
    let mut runbook = Runbook {
        name,
        ..Runbook::default()
    };
    let steps: Vec<Value> = match text(&value["schemaVersion"]).as_deref() {
        Some("2.0" | "2.2") => value["mainSteps"].as_array().cloned().unwrap_or_default(),
        Some("1.2") => of_runtime_config(&value["runtimeConfig"]),
        Some("0.3") => {
            runbook.refuse(
                "the document",
                "it is of type Automation, which calls AWS: Quell runs commands on a host and nothing else",
            );
            return Ok(vec![runbook]);
        }
        other => {
            let version = other.unwrap_or("none");
            return Err(Failure::wrong(format!(
                "documents of schemaVersion {version} are not known: 1.2 and 2.2 are"
            )));
        }
    };
    for (at, one) in steps.iter().enumerate() {
        step(&mut runbook, at, one);
    }
    if runbook.steps.is_empty() && runbook.refused.is_empty() {
        runbook.refuse("the document", "it has no step that does anything");
    }
    runbook.notes.push(
        "the agent of Systems Manager runs it as root: each step has `sudo -n`, which the host has to allow for exactly this command".to_owned(),
    );
    Ok(vec![runbook])
}

/// The steps of schema 1.2: properties are a list, or one mapping.
fn of_runtime_config(value: &Value) -> Vec<Value> {
    let mut steps = Vec::new();
    for (action, config) in value.as_object().into_iter().flatten() {
        let properties = &config["properties"];
        let list = properties
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![properties.clone()]);
        steps.extend(
            list.into_iter()
                .map(|inputs| serde_json::json!({ "action": action, "inputs": inputs })),
        );
    }
    steps
}

fn step(runbook: &mut Runbook, at: usize, value: &Value) {
    let place = match text(&value["name"]) {
        Some(name) => format!("step {} ({name})", at + 1),
        None => format!("step {}", at + 1),
    };
    let action = text(&value["action"]).unwrap_or_default();
    if action != SHELL {
        return runbook.refuse(
            place,
            format!(
                "the action {action} has no equivalent here: only {SHELL} runs a command on a host"
            ),
        );
    }
    runbook.refuse_others(&place, value, &OF_STEP);
    let inputs = &value["inputs"];
    runbook.refuse_others(&place, inputs, &OF_INPUTS);
    if text(&inputs["workingDirectory"]).is_some_and(|directory| !directory.is_empty()) {
        runbook.refuse(place.clone(), "it runs in a directory of its own: write whole paths, or the program's own option for a directory");
    }
    let linux = serde_json::json!({ "StringEquals": ["platformType", "Linux"] });
    if value
        .get("precondition")
        .is_some_and(|condition| *condition != linux)
    {
        runbook.refuse(
            place.clone(),
            "it runs under a condition: write a fact of the host, and `when` on the step",
        );
    }
    let script = match &inputs["runCommand"] {
        Value::Array(lines) => lines.iter().filter_map(text).collect::<Vec<_>>().join("\n"),
        Value::String(script) => script.clone(),
        _ => return runbook.refuse(place, "it has no runCommand"),
    };
    // As a text, or a template that is filled in elsewhere.
    let timeout = text(&inputs["timeoutSeconds"]).and_then(|seconds| seconds.parse().ok());
    let timeout = timeout.filter(|seconds| (1..=STEP_SECONDS).contains(seconds));
    let commands = runbook.script(&place, &script, true);
    runbook
        .steps
        .extend(commands.into_iter().map(|mut command| {
            command.timeout_seconds = timeout;
            command
        }));
}
