//! Tests of `quell backtest` and `quell import-runbook` as a process, where no AWS is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The exit status, what was found out, and what was complained.
fn quell(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quell"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A history of one alert that fires twice and ends, and the project's files.
fn scene() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let body = |status: &str| {
        let labels = json!({ "alertname": "SentryDown", "component": "sentry", "namespace": "tools", "cluster": "prod", "severity": "warning" });
        json!({ "status": status, "alerts": [{ "status": status, "labels": labels, "startsAt": "2026-11-02T08:00:00Z" }] })
    };
    let lines = [("08:00:00", "firing"), ("08:05:00", "firing"), ("08:20:00", "resolved")].map(|(at, status)| {
        let at = format!("2026-11-02T{at}Z");
        json!({ "delivery": { "at": at, "path": "/api/v1/webhooks/alertmanager", "body": body(status) } }).to_string()
    });
    std::fs::write(directory.path().join("history.jsonl"), lines.join("\n")).expect("written");
    for name in ["base", "changed"] {
        let to = directory.path().join(name);
        std::fs::create_dir(&to).expect("made");
        for entry in std::fs::read_dir(project().join("config"))
            .expect("config")
            .flatten()
        {
            if entry.path().is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
            }
        }
    }
    directory
}

#[test]
fn the_exit_status_says_whether_there_is_a_difference() {
    let scene = scene();
    let asked = [
        "backtest",
        "history.jsonl",
        "--base",
        "base",
        "--config",
        "changed",
    ];
    let (status, found, complaint) = quell(scene.path(), &asked);
    assert_eq!((status, complaint.as_str()), (Some(0), ""), "{found}");
    assert!(
        found.starts_with(
            "3 alerts were replayed from 2026-11-02 08:00:00 UTC to 2026-11-02 08:20:00 UTC\n"
        ),
        "{found}"
    );
    assert!(found.ends_with("no difference\n"), "{found}");

    let file = scene.path().join("changed/service-registry.yaml");
    let text = std::fs::read_to_string(&file).expect("text");
    std::fs::write(&file, text.replacen("level: auto", "level: approval", 1)).expect("written");
    let (status, found, _) = quell(scene.path(), &asked);
    assert_eq!(status, Some(1), "{found}");
    assert!(
        found.contains("restart-compose-service runs")
            && found.contains("restart-compose-service asks (service_level)"),
        "{found}"
    );
    let (status, found, _) = quell(scene.path(), &[&asked[..], &["--output", "json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(
        (
            status,
            &report["base"]["repairs"],
            &report["changed"]["repairs"]
        ),
        (Some(1), &json!(1), &json!(0)),
        "{found}"
    );
}

#[test]
fn what_is_no_history_is_named_with_its_line() {
    let scene = scene();
    let write = |text: &str| std::fs::write(scene.path().join("bad.jsonl"), text).expect("written");
    let history = std::fs::read_to_string(scene.path().join("history.jsonl")).expect("text");
    let first = history.lines().next().expect("a line").to_owned();
    for (text, says) in [
        (
            format!("{first}\n{{\"alert\": 1}}\n"),
            "bad.jsonl:2: this is no line of a history",
        ),
        (String::new(), "the history is empty"),
        (
            first.replace("08:00:00Z\",", "yesterday\","),
            "bad.jsonl:1: this is no line of a history",
        ),
    ] {
        write(&text);
        let (status, _, complaint) = quell(
            scene.path(),
            &[
                "backtest",
                "bad.jsonl",
                "--base",
                "base",
                "--config",
                "changed",
            ],
        );
        assert!(
            status == Some(2) && complaint.contains(says),
            "{says}: {complaint}"
        );
    }
    // One body that ingress refuses is said, and the others are replayed.
    write(&format!(
        "{first}\n{}",
        first.replace("webhooks/alertmanager", "webhooks/unknown")
    ));
    let (status, found, _) = quell(
        scene.path(),
        &[
            "backtest",
            "bad.jsonl",
            "--base",
            "base",
            "--config",
            "changed",
        ],
    );
    assert!(
        status == Some(0)
            && found.contains("1 requests are refused by ingress, the first in line 2"),
        "{found}"
    );
    let of_a_table = [
        "backtest",
        "bad.jsonl",
        "--base",
        "base",
        "--config",
        "changed",
        "--from",
        "2026-11-01T00:00:00Z",
    ];
    let (status, _, complaint) = quell(scene.path(), &of_a_table);
    assert!(
        status == Some(2) && complaint.contains("are of a table"),
        "{complaint}"
    );
}

#[test]
fn drafts_go_to_a_file_of_their_own_and_are_refused_for_deployment() {
    let scene = scene();
    let runbook = project()
        .join("cli/tests/runbooks/web.yml")
        .display()
        .to_string();
    let asked = ["import-runbook", &runbook, "--alert", "WebDown"];
    let (status, found, complaint) = quell(scene.path(), &asked);
    assert_eq!((status, complaint.as_str()), (Some(1), ""), "{found}");
    assert!(
        found.starts_with("drafted  restart-the-web-tier: ")
            && found.contains("refused  Clean up logs\n"),
        "{found}"
    );
    let drafts =
        std::fs::read_to_string(scene.path().join("draft-playbooks.yaml")).expect("drafts");
    assert!(
        drafts.contains("  draft: true\n") && drafts.contains("[\"WebDown\"]"),
        "{drafts}"
    );

    // Whoever reviews the file is not written over, and no file that functions read is written at all.
    for (more, says) in [
        (&[][..], "is there already"),
        (
            &["--out", "changed/playbooks.yaml"][..],
            "a file of their own",
        ),
    ] {
        let (status, _, complaint) = quell(scene.path(), &[&asked[..], more].concat());
        assert!(status == Some(2) && complaint.contains(says), "{complaint}");
    }
    let playbooks = scene.path().join("changed/playbooks.yaml");
    let before = std::fs::read_to_string(&playbooks).expect("text");
    std::fs::write(&playbooks, format!("{before}\n{drafts}")).expect("written");
    let (status, found, _) = quell(scene.path(), &["check", "changed"]);
    assert!(
        status == Some(1)
            && found.contains("restart-the-web-tier: draft")
            && found.contains("a draft is not deployed"),
        "{found}"
    );
    let reviewed = drafts.replace("  draft: true\n", "");
    std::fs::write(&playbooks, format!("{before}\n{reviewed}")).expect("written");
    let (status, found, _) = quell(scene.path(), &["check", "changed"]);
    assert_eq!(status, Some(0), "{found}");
}
