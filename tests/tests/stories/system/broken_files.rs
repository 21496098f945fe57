//! Tests of broken operator files: the check and the functions stop with file, line and field.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::stack::project;

/// The project's own files, with one word of the playbooks replaced.
fn broken(from: &str, to: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for file in ["playbooks.yaml", "service-registry.yaml", "guardrails.yaml"] {
        let text = std::fs::read_to_string(project().join("config").join(file)).expect("the file");
        std::fs::write(directory.path().join(file), text.replacen(from, to, 1)).expect("written");
    }
    directory
}

fn run(program: &str, directory: &Path) -> Output {
    let mut command = Command::new(project().join("target/debug").join(program));
    // What Lambda sets; nothing is reached, because the function does not start.
    for variable in [
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "TABLE_NAME",
        "CONTROL_TABLE_NAME",
        "PEOPLE_REPAIR_KEY_ID",
        "PEOPLE_BRIDGE_KEY_ID",
        "GUARDRAILS_REPAIR_KEY_ID",
        "GUARDRAILS_BRIDGE_KEY_ID",
        "NOTIFICATIONS_QUEUE_URL",
        "REPAIRS_QUEUE_URL",
    ] {
        command.env(variable, "x");
    }
    command
        .env("BRIDGE_FUNCTION_NAME", "x")
        .env("SSH_KEY_SECRET_ID", "x")
        .env("SSM_DOCUMENT_NAME", "x")
        .env("SSM_ROLE_ARN", "x")
        .env("CONFIG_DIR", directory);
    // The command is told by arguments what functions are told by variables.
    command
        .arg("check")
        .arg(directory)
        .output()
        .expect("it runs")
}

#[test]
fn the_check_and_the_functions_name_file_line_and_field() {
    // The functions stop at the first fault, in few words; the check says what to write.
    for (from, to, of_functions, of_check) in [
        (
            "timeout: 60s",
            "timeout: soon",
            "playbooks.yaml:29: [0].steps[0].timeout: `soon` is not a length of time",
            "playbooks.yaml:29: [0] restart-compose-service: steps[0].timeout: `soon` is not a length of time",
        ),
        (
            "'{unit}', restart",
            "'{unti}', restart",
            "playbooks.yaml:11: [0] restart-compose-service: steps[0].run[3] names the parameter unti",
            "playbooks.yaml:28: [0] restart-compose-service: steps[0].run[3]: `unti` is unknown; did you mean unit?",
        ),
        (
            "level: auto",
            "level: autp",
            "service-registry.yaml:10: [0].level: unknown variant `autp`",
            "service-registry.yaml:10: [0] sentry: level: `autp` is not allowed; did you mean auto?",
        ),
        (
            "min_confidence: 0.6",
            "min_confidence: 6",
            "guardrails.yaml:7: min_confidence: 6 is not between 0 and 1",
            "guardrails.yaml:7: min_confidence: has to be a number from 0 to 1, and is `6`",
        ),
    ] {
        let directory = broken(from, to);
        for program in ["quell", "analyzer", "repair", "bridge"] {
            // The bridge decides nothing, and reads no limits.
            if program == "bridge" && of_functions.starts_with("guardrails.yaml") {
                continue;
            }
            let expected = if program == "quell" {
                of_check
            } else {
                of_functions
            };
            let done = run(program, directory.path());
            let said = String::from_utf8_lossy(&done.stdout).replace("\\\\", "\\");
            assert!(!done.status.success(), "{program} starts with {to}");
            assert!(said.contains(expected), "{program} says: {said}");
        }
    }
}

#[test]
fn a_missing_variable_is_named() {
    let done = Command::new(project().join("target/debug/ingress"))
        .env_clear()
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        !done.status.success()
            && said.contains(
                "the environment variable ENVIRONMENT is not set; it has to be prod or dev"
            ),
        "{said}"
    );
}
