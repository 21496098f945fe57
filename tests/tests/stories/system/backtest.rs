//! Tests of `quell export history` and `quell backtest` against the deployed stack: the table's incidents are exported in order, and replayed
//! beside the files that are deployed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use domain::incident::Status;
use jiff::Timestamp;
use playbook_files::operator_files::SERVICE_REGISTRY;
use serde_json::Value;
use tests::alert::{TestAlert, unique};
use tests::quell::quell;
use tests::stack::Stack;
use tokio::process::Command;
use tokio::time::sleep;

struct Operator<'a> {
    stack: &'a Stack,
}

impl Operator<'_> {
    /// Runs the command: its exit status and what it says.
    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::from(quell(Some(self.stack)))
            .args(arguments)
            .output()
            .await
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8(text).expect("UTF-8"),
        )
    }

    /// The ids of the incidents in an export, in its order.
    async fn exported(&self, more: &[&str]) -> (Vec<String>, String) {
        let table = &self.stack.facts.outputs["TableName"];
        let (status, text) = self
            .run(&[&["export", "history", "--table", table][..], more].concat())
            .await;
        assert_eq!(status, Some(0), "{text}");
        let ids = text.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert!(
                line["incident"]["log"]
                    .as_array()
                    .is_some_and(|log| !log.is_empty()),
                "{line}"
            );
            line["incident"]["incident"]["id"]
                .as_str()
                .expect("an id")
                .to_owned()
        });
        (ids.collect(), text)
    }
}

/// Copies the operator's files, with one text of one of them replaced.
fn changed(from: &Path, to: &Path, file: &str, text: &str, other: &str) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("files").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            changed(&source, &target, file, text, other);
        } else if entry.file_name() == file {
            let before = fs::read_to_string(&source).expect("text");
            assert!(before.contains(text), "{file} has no {text}");
            fs::write(target, before.replace(text, other)).expect("written");
        } else {
            fs::copy(source, target).expect("copied");
        }
    }
}

#[tokio::test]
async fn the_tables_incidents_are_replayed_beside_the_deployed_files() {
    let stack = Stack::start();
    let operator = Operator { stack: &stack };
    let asks = TestAlert::firing(&stack.facts.target.service);
    let asking = stack.awaiting_approval(&asks).await;
    let unknown = TestAlert::firing(unique("nobody"));
    let answer = stack.deliver_one(&unknown).await;
    let other = answer["incident_id"].as_str().expect("an id").to_owned();
    stack.status(&other, Status::NeedsHuman).await;
    stack.deliver_one(&unknown).await;
    let ended = TestAlert {
        ends_at: Some(Timestamp::now()),
        ..unknown
    };
    stack.deliver_one(&ended).await;
    stack.status(&other, Status::Resolved).await;

    let ours = [asking.id.to_string(), other.clone()];
    // The index that is read is behind the table.
    let mut tries = 0;
    let (ids, text, places) = loop {
        let (ids, text) = operator.exported(&[]).await;
        let places: Vec<_> = ours
            .iter()
            .map(|id| ids.iter().position(|known| known == id))
            .collect();
        tries += 1;
        if tries == 20 || places.iter().all(Option::is_some) {
            break (ids, text, places);
        }
        sleep(Duration::from_millis(250)).await;
    };
    assert!(
        places[0].is_some() && places[0] < places[1],
        "{places:?} of {ids:?}"
    );
    assert!(ids.is_sorted(), "{ids:?}");
    let (rest, _) = operator.exported(&["--after", &ours[0]]).await;
    assert!(
        !rest.contains(&ours[0]) && rest.contains(&ours[1]),
        "{rest:?}"
    );

    let directory = tempfile::tempdir().expect("a directory");
    let history = directory.path().join("history.jsonl");
    fs::write(&history, text).expect("written");
    let (history, deployed) = (
        history.display().to_string(),
        &stack.facts.target.config_dir,
    );
    let config = deployed.display().to_string();
    let table = &stack.facts.outputs["TableName"];
    for source in [&[history.as_str()][..], &["--table", table]] {
        let (status, text) = operator
            .run(&[&["backtest"][..], source, &["--config", &config]].concat())
            .await;
        assert_eq!(status, Some(0), "{text}");
        assert!(text.ends_with("no difference\n"), "{text}");
    }

    let manual = directory.path().join("manual");
    changed(
        deployed,
        &manual,
        SERVICE_REGISTRY,
        "level: approval",
        "level: manual",
    );
    let manual = manual.display().to_string();
    let (status, text) = operator
        .run(&["backtest", &history, "--config", &manual])
        .await;
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains("handling") && text.contains("is repaired by hand only"),
        "{text}"
    );
}
