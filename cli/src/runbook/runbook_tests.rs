use std::path::Path;

use domain::playbook::Playbook;

use super::draft::{Draft, drafts};
use super::read;
use playbook_files::operator_files::OperatorFiles;

/// The drafts of a runbook of `cli/tests/runbooks`, and what is refused, a line for each reason.
fn imported(file: &str) -> (Vec<Draft>, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/runbooks")
        .join(file);
    let text = std::fs::read_to_string(&path).expect("a runbook");
    let runbooks = read(&text, &path, None).expect("a known form");
    let (drafts, refused) = drafts(runbooks, file);
    let why = refused.iter().flat_map(|runbook| {
        let name = &runbook.name;
        runbook
            .refused
            .iter()
            .map(move |one| format!("{name}: {}: {}", one.place, one.why))
    });
    (drafts, why.collect())
}

fn argv(file: &str) -> Vec<Vec<String>> {
    let (drafts, _) = imported(file);
    let playbooks: Vec<Playbook> = serde_saphyr::from_str(&drafts[0].text).expect("a playbook");
    let playbook = &playbooks[0];
    let steps = playbook.steps.iter().map(|step| step.run.clone());
    let checks = playbook.verify.iter().map(|check| check.run.clone());
    let undo = playbook.rollback.iter().map(|step| step.run.clone());
    steps.chain(checks).chain(undo).collect()
}

fn joined(file: &str) -> Vec<String> {
    argv(file).iter().map(|words| words.join("|")).collect()
}

#[test]
fn a_play_of_commands_and_units_is_drafted() {
    assert_eq!(
        joined("web.yml"),
        [
            "sudo|-n|/usr/local/bin/lbctl|drain|--wait|30",
            "sudo|-n|systemctl|daemon-reload",
            "sudo|-n|systemctl|restart|nginx",
            "sudo|-n|systemctl|enable|web-worker",
            "sudo|-n|systemctl|start|web-worker",
            // A brace is a brace, and no parameter.
            "/usr/local/bin/lbctl|enable|--note=after {{restart}}",
        ]
    );
}

#[test]
fn plays_that_cannot_be_proven_are_refused_with_every_reason() {
    let (drafts, refused) = imported("web.yml");
    assert_eq!(drafts.len(), 1, "{drafts:?}");
    insta::assert_snapshot!("plays", refused.join("\n"));
}

#[test]
fn documents_of_systems_manager_are_read_in_both_schemas() {
    assert_eq!(
        joined("restart-agent.yaml"),
        [
            "sudo|-n|systemctl|restart|metrics-agent",
            "sudo|-n|systemctl|is-active|--quiet|metrics-agent",
        ]
    );
    let (drafts, _) = imported("restart-agent.yaml");
    assert!(
        drafts[0].text.contains("timeout: 90s"),
        "{}",
        drafts[0].text
    );
    for file in ["clean-cache.json", "recover-instance.yaml"] {
        assert!(imported(file).0.is_empty(), "{file}");
    }
    let refused = [
        imported("clean-cache.json").1,
        imported("recover-instance.yaml").1,
    ]
    .concat();
    insta::assert_snapshot!("documents", refused.join("\n"));
}

#[test]
fn jobs_of_rundeck_are_drafted_or_refused() {
    assert_eq!(
        joined("jobs.yaml"),
        [
            "/opt/queue/bin/ctl|pause",
            "sudo|-n|supervisorctl|restart|queue-worker",
            "/opt/queue/bin/ctl|resume",
            "/opt/queue/bin/ctl|status|--wait",
        ]
    );
    let (drafts, refused) = imported("jobs.yaml");
    assert_eq!(drafts.len(), 1);
    insta::assert_snapshot!("jobs", refused.join("\n"));
}

#[test]
fn markdown_gives_steps_checks_and_a_rollback() {
    assert_eq!(
        joined("NodeExporterDown.md"),
        [
            "sudo|-n|systemctl|reset-failed|node_exporter.service",
            "sudo|-n|systemctl|restart|node_exporter.service",
            "curl|-fsS|-o|/dev/null|--max-time|5|http://127.0.0.1:9100/metrics",
            "sudo|-n|systemctl|stop|node_exporter.service",
        ]
    );
    let (drafts, _) = imported("NodeExporterDown.md");
    insta::assert_snapshot!("markdown_draft", drafts[0].text);
    let (none, refused) = imported("KubeJobStuck.md");
    assert!(none.is_empty());
    insta::assert_snapshot!("markdown_refused", refused.join("\n"));
}

#[test]
fn a_hostile_name_stays_a_comment_and_a_text() {
    let text =
        "- name: \"x\\n- id: evil\\n  draft: false\"\n  hosts: a\n  tasks: [{ command: 'true' }]\n";
    let runbooks = read(text, Path::new("x.yml"), None).expect("a playbook");
    let (drafts, _) = drafts(runbooks, "x.yml\nrisk: low");
    let playbooks: Vec<Playbook> = serde_saphyr::from_str(&drafts[0].text).expect("a playbook");
    assert_eq!(playbooks.len(), 1);
    assert!(playbooks[0].draft && playbooks[0].name.contains("evil"));
}

#[test]
fn a_draft_is_refused_by_the_functions_reader() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written")
    };
    let (drafts, _) = imported("NodeExporterDown.md");
    let text = &drafts[0].text;
    write("service-registry.yaml", "[]");
    write("playbooks.yaml", text);
    let refused = OperatorFiles::load(directory.path())
        .expect_err("a draft is refused")
        .to_string();
    assert!(
        refused.contains("draft is true: a draft is not deployed"),
        "{refused}"
    );
    // What a person takes away is the line, and nothing else keeps it back.
    write("playbooks.yaml", &text.replace("  draft: true\n", ""));
    let files = OperatorFiles::load(directory.path()).expect("reviewed");
    assert_eq!(files.playbooks.len(), 1);
}
