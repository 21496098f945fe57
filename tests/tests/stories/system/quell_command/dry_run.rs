//! Tests of `quell run --dry-run`: through the deployed bridge, and from this machine.

use std::path::{Path, PathBuf};

use playbook_files::operator_files::{PLAYBOOKS, SERVICE_REGISTRY};
use serde_json::{Value, json};
use tests::stack::Stack;
use tests::target_host::TargetHost;

use super::Operator;

#[tokio::test]
async fn a_dry_run_through_the_deployed_bridge_only_reads() {
    let stack = Stack::start();
    let operator = Operator::of(Some(&stack));
    let target = &stack.facts.target;
    let dry_run = || {
        let config = target.config_dir.to_str().expect("a path");
        let function = stack.facts.outputs["BridgeFunctionName"].as_str();
        let what = [
            "--playbook",
            "restart-supervisor-program",
            "--target",
            &target.service,
        ];
        operator.quell(
            &[
                &[
                    "run",
                    "--dry-run",
                    "--config",
                    config,
                    "--function",
                    function,
                ],
                &what[..],
            ]
            .concat(),
            "",
        )
    };
    stack.supervisorctl(&["stop", "web"]);
    dry_run().is(
        0,
        &[
            "steps[0]     would run: supervisorctl restart web",
            "the symptom is there",
            "=> everything renders",
        ],
    );
    assert!(
        stack.http.get(&target.health_url).send().await.is_err(),
        "it was not restarted"
    );
    stack.supervisorctl(&["start", "web"]);
    dry_run().is(0, &["the symptom is not there"]);
}

/// A playbook whose steps leave marks, and a check that reads.
fn marking(host: &TargetHost, mark: &Path) -> PathBuf {
    let mark = mark.display().to_string();
    let playbooks = json!([{
        "id": "mark", "name": "Mark", "match": { "alertnames": ["Down"] }, "risk": "low",
        "steps": [{ "run": ["touch", format!("{mark}-step")] }],
        "verify": [{ "run": ["sh", "-c", "echo \"it's $1\"; test -e \"$1\"", "sh", mark], "retries": 3, "every": "30s" }],
        "rollback": [{ "run": ["touch", format!("{mark}-undone")] }],
    }]);
    let services = json!([{ "name": "web", "level": "approval", "target": host.target() }]);
    // JSON is YAML.
    std::fs::write(host.path(PLAYBOOKS), playbooks.to_string()).expect("playbooks");
    std::fs::write(host.path(SERVICE_REGISTRY), services.to_string()).expect("services");
    host.path(PLAYBOOKS)
        .parent()
        .expect("a directory")
        .to_owned()
}

#[test]
fn a_local_dry_run_reads_on_a_real_host_and_changes_nothing() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let operator = Operator::of(None);
    let mark = host.path("mark");
    let config = marking(&host, &mark);
    let key = operator.file("key", &host.login_key());
    let dry_run = |key: &str| {
        let config = config.to_str().expect("a path");
        operator.quell(
            &[
                "run",
                "--dry-run",
                "--config",
                config,
                "--playbook",
                "mark",
                "--target",
                "web",
                "--local",
                "--key-file",
                key,
            ],
            "",
        )
    };
    let looked = dry_run(&key);
    looked.is(
        0,
        &[
            "would run: touch ",
            "would run if the repair failed: touch ",
            "exit status 1",
            "the symptom is there",
            "stdout: it's /",
        ],
    );
    assert!(
        !host.path("mark-step").exists() && !host.path("mark-undone").exists(),
        "{}",
        looked.found
    );
    std::fs::write(&mark, "").expect("the mark");
    dry_run(&key).is(0, &["exit status 0", "the symptom is not there"]);

    // With a fact that keeps its only step from running, and with one whose program is not there.
    let mut playbooks: Value =
        serde_json::from_slice(&std::fs::read(host.path(PLAYBOOKS)).expect("playbooks"))
            .expect("JSON");
    playbooks[0]["steps"][0]["when"] = json!({ "fact": "wanted", "exits": 0 });
    for (program, code, says) in [
        (
            "false",
            0,
            [
                "would be skipped (it runs only if wanted exits with 0)",
                "a repair would have nothing to do now",
            ],
        ),
        (
            "no-such-program",
            1,
            [
                "a repair would fail here: no-such-program on web ended with exit status 127.",
                "would not be reached",
            ],
        ),
    ] {
        playbooks[0]["facts"] = json!([{ "id": "wanted", "run": [program] }]);
        std::fs::write(host.path(PLAYBOOKS), playbooks.to_string()).expect("playbooks");
        dry_run(&key).is(code, &says);
    }

    let other = operator.file("other", "no key");
    dry_run(&other).is(
        1,
        &[
            "whether the symptom is there is unknown",
            "=> a repair would fail here",
        ],
    );
}
