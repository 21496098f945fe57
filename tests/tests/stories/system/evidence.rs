//! Test of the evidence: what the deployed witness anchors while an incident is repaired, and that
//! `quell verify-log` finds what somebody does who can write the whole table.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::incident::Status;
use domain::incident::erasure::{ErasedEntry, Erasure, erasure_record};
use domain::incident::operation_log::{Entry, Head, LogRecord};
use domain::primitives::id::IncidentId;
use evidence::anchors::{self, Anchor};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::ErasedBy;
use tempfile::TempDir;
use tests::alert::TestAlert;
use tests::quell::quell;
use tests::stack::{Stack, project};
use witness::Failure;
use witness::config::Config;
use witness::stream::StreamEvent;

use crate::console::health::lines;

/// What the witness has printed, as `aws logs filter-log-events` gives it.
const ANCHORS: &str = r"
import boto3, json, sys
facts = json.load(sys.stdin)
session = boto3.Session(facts['access_key_id'], facts['secret_access_key'], region_name=facts['region'])
pages = session.client('logs', endpoint_url=facts['endpoint_url']).get_paginator('filter_log_events')
events = [event for page in pages.paginate(logGroupName=facts['outputs']['WitnessLogGroup']) for event in page['events']]
print(json.dumps({'events': events}))
";
/// The key of another log: the example of <https://c2sp.org/signed-note>.
const OTHER_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

/// An auditor's machine.
struct Auditor<'a> {
    stack: &'a Stack,
    directory: TempDir,
}

impl Auditor<'_> {
    fn anchors(&self) -> String {
        let mut child = Command::new(project().join(".venv/bin/python"))
            .args(["-c", ANCHORS])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python");
        let facts = serde_json::to_string(&self.stack.facts).expect("JSON");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(facts.as_bytes()).expect("written");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8(output.stdout).expect("text")
    }

    fn quell(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = quell(Some(self.stack));
        let output = command.args(arguments).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (
            output.status.code(),
            text(output.stdout) + &text(output.stderr),
        )
    }

    fn file(&self, name: &str, text: &str) -> String {
        let file = self.directory.path().join(name);
        std::fs::write(&file, text).expect("written");
        file.display().to_string()
    }

    /// Exports the table, and compares it with the anchors of now. The erasures that it knows of are those of `keeps`.
    fn audit(&self, key: &str) -> (Option<i32>, String) {
        let (status, export) = self.quell(&["export-log", "--table", self.table()]);
        assert_eq!(status, Some(0), "{export}");
        let export = self.file("export", &export);
        let anchors = self.file("anchors", &self.anchors());
        let known = self.directory.path().join("known").display().to_string();
        let files = ["--export", &export, "--anchors", &anchors, "--key", key];
        let known = ["--erasures-known", &known];
        self.quell(&[&["verify-log"], &files[..], &known].concat())
    }

    /// Keeps the erasures that were printed as those that it knows of.
    fn keeps(&self, printed: &str) {
        self.file("known", printed);
    }

    /// Audits until the witness has told of everything that is named.
    async fn told(&self, key: &str, named: &[&str]) -> (Option<i32>, String) {
        for _ in 0..60 {
            let audited = self.audit(key);
            if named.iter().all(|named| audited.1.contains(named)) {
                return audited;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("{named:?} is not in {}", self.audit(key).1);
    }

    fn table(&self) -> &str {
        &self.stack.facts.outputs["TableName"]
    }
}

/// Somebody with all rights to the table.
struct Attacker<'a> {
    stack: &'a Stack,
    client: Client,
}

impl Attacker<'_> {
    /// Writes to an entry of a log.
    fn writes(&self, id: &IncidentId, sequence: u64, expression: &str) -> UpdateItemFluentBuilder {
        let text = |text: String| AttributeValue::S(text);
        self.client
            .update_item()
            .table_name(&self.stack.facts.outputs["TableName"])
            .key("pk", text(format!("INC#{id}")))
            .key("sk", text(format!("LOG#{sequence:010}")))
            .update_expression(expression)
    }

    /// Marks an entry as erased and puts other words into it, with an entry that says that it was erased.
    async fn erases_with_words(&self, id: &IncidentId, sequence: u64) {
        let log = self.stack.store.log(id).await.expect("the log");
        let entry = log.iter().find(|entry| entry.sequence == sequence);
        let before = entry.expect("it is there").clone();
        let after = Entry {
            detail: "nothing happened".to_owned(),
            erased: true,
            ..before.clone()
        };
        let forged = ErasedEntry { before, after };
        let record = erasure_record(id, std::slice::from_ref(&forged), "an admin", "asked to");
        let noted = self.stack.store.change(id, |change| {
            change.record(Timestamp::now(), record.clone());
        });
        noted.await.expect("noted");
        let request = self
            .writes(id, sequence, "SET detail = :detail, erased = :true")
            .expression_attribute_values(":detail", AttributeValue::S(forged.after.detail))
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        request.send().await.expect("written");
    }

    /// Deletes an entry, and writes it again with its hash and another text.
    async fn writes_again(&self, id: &IncidentId, sequence: u64) {
        let table = &self.stack.facts.outputs["TableName"];
        let key = |name: &str| match name {
            "pk" => AttributeValue::S(format!("INC#{id}")),
            _ => AttributeValue::S(format!("LOG#{sequence:010}")),
        };
        let delete = self.client.delete_item().table_name(table);
        let delete = delete.key("pk", key("pk")).key("sk", key("sk"));
        let deleted = delete.return_values(ReturnValue::AllOld).send().await;
        let mut item = deleted.expect("deleted").attributes.expect("it was there");
        let words = AttributeValue::S("nothing happened".to_owned());
        item.insert("detail".to_owned(), words);
        let put = self.client.put_item().table_name(table);
        put.set_item(Some(item)).send().await.expect("written");
    }

    /// Has the output of all steps erased, in another's name.
    async fn erases_as_we_do(&self, id: &IncidentId) {
        let log = self.stack.store.log(id).await.expect("the log");
        let output = log.iter().filter_map(|entry| Erasure::Output.entry(entry));
        let output: Vec<ErasedEntry> = output.collect();
        assert!(!output.is_empty(), "nothing was printed: {log:?}");
        let by = ErasedBy {
            by: "ada",
            why: "her own words",
            at: Timestamp::now(),
        };
        let erased = self.stack.store.erase(id, &Erasure::Output, &output, by);
        erased.await.expect("erased");
    }

    /// Writes the log of an incident anew, with another text in one entry and a chain that is whole.
    async fn rewrites(&self, id: &IncidentId, sequence: u64) {
        let mut head = Head::start(id);
        for entry in self.stack.store.log(id).await.expect("the log") {
            let detail = match entry.sequence == sequence {
                true => "nothing happened".to_owned(),
                false => entry.detail.clone(),
            };
            let record =
                LogRecord::new(entry.event, entry.actor, detail).with(entry.context.clone());
            let new = head.append(id, entry.at, record);
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let request = self
                .writes(
                    id,
                    entry.sequence,
                    "SET detail = :detail, prev = :prev, #hash = :hash, success = :true REMOVE #error, erased, taken",
                )
                .expression_attribute_names("#hash", "hash")
                .expression_attribute_names("#error", "error")
                .expression_attribute_values(":detail", text(&new.detail))
                .expression_attribute_values(":prev", text(&new.previous))
                .expression_attribute_values(":hash", text(&new.hash))
                .expression_attribute_values(":true", AttributeValue::Bool(true));
            request.send().await.expect("written");
        }
        let mut document = json!(self.stack.read(id).await);
        document["log_head"] = json!(head);
        let request = self
            .client
            .update_item()
            .table_name(&self.stack.facts.outputs["TableName"])
            .key("pk", AttributeValue::S(format!("INC#{id}")))
            .key("sk", AttributeValue::S("INCIDENT".to_owned()))
            .update_expression("SET doc = :doc")
            .expression_attribute_values(":doc", AttributeValue::S(document.to_string()));
        request.send().await.expect("written");
    }

    /// Deletes an incident with its log.
    async fn deletes(&self, id: &IncidentId) {
        let log = self.stack.store.log(id).await.expect("the log");
        let entries = log
            .iter()
            .map(|entry| format!("LOG#{:010}", entry.sequence));
        for sort_key in entries.chain(["INCIDENT".to_owned()]) {
            let request = self
                .client
                .delete_item()
                .table_name(&self.stack.facts.outputs["TableName"])
                .key("pk", AttributeValue::S(format!("INC#{id}")))
                .key("sk", AttributeValue::S(sort_key));
            request.send().await.expect("deleted");
        }
    }
}

#[tokio::test]
async fn a_rewritten_log_is_found_by_who_holds_the_anchors() {
    let stack = Stack::start_with(&[]);
    let auditor = Auditor {
        stack: &stack,
        directory: tempfile::tempdir().expect("a directory"),
    };
    let secret = &stack.facts.outputs["EvidenceKeyArn"];
    let (_, key) = auditor.quell(&["evidence-key", "--secret-id", secret]);
    let key = key.trim();
    auditor.keeps("");
    let alert = TestAlert::firing(&stack.facts.target.service);
    let repaired = stack.awaiting_approval(&alert).await.id;
    let decide = stack
        .http
        .post(stack.url(&format!(
            "approvals/{}/approve",
            stack.read(&repaired).await.approval.expect("asked").id
        )))
        .bearer_auth(&stack.facts.tokens["ada"]);
    assert_eq!(decide.send().await.expect("an answer").status(), 200);
    stack.status(repaired.as_str(), Status::Repaired).await;
    let gone = stack.deliver_one(&TestAlert::firing("gone")).await;
    let gone = gone["incident_id"].as_str().expect("an incident");
    stack.status(gone, Status::NeedsHuman).await;
    let gone = IncidentId::try_from(gone).expect("a ULID");

    let whole = [
        "2 incidents",
        " 0 not anchored yet, 0 findings",
        "Proves: up to ",
        "Does not prove: ",
    ];
    let (status, told) = auditor.told(key, &whole).await;
    assert_eq!(status, Some(0), "{told}");
    // With the key of another log nothing is proved.
    let (status, told) = auditor.audit(OTHER_KEY);
    assert!(
        status == Some(1) && told.contains("Proves nothing"),
        "{told}"
    );

    ada_is_erased(&stack, &auditor, &repaired, &alert, key).await;

    let attacker = Attacker {
        stack: &stack,
        client: Client::new(&stack.aws()),
    };
    // What was erased as `quell erase` does it is listed, whoever it was, and is none of those that the auditor knows.
    attacker.erases_as_we_do(&repaired).await;
    let (status, told) = auditor
        .told(key, &[" 0 not anchored yet, 0 findings", "her own words"])
        .await;
    let listed = "context.result.std";
    assert!(
        status == Some(1) && told.contains(listed) && told.contains(" erasures are new to you"),
        "{told}"
    );
    auditor.keeps(&told);
    assert_eq!(auditor.audit(key).0, Some(0));

    // Other words under the hash that was anchored.
    attacker.erases_with_words(&gone, 1).await;
    attacker.writes_again(&gone, 2).await;
    let found = [
        format!("{gone}: entry 1 was changed in the table"),
        format!("{gone}: entry 1 is not the one that was anchored"),
        format!("{gone}: entry 2 was deleted in the table"),
        format!("{gone}: entry 2 was written with another hash than its own in the table"),
        format!("{gone}: entry 2 is not the one that was anchored"),
    ];
    let (status, told) = auditor
        .told(key, &found.each_ref().map(String::as_str))
        .await;
    assert_eq!(status, Some(1), "{told}");

    // A history in which every chain is whole.
    attacker.rewrites(&repaired, 3).await;
    let verify = ["verify-log", repaired.as_str(), "--table", auditor.table()];
    let (status, told) = auditor.quell(&verify);
    assert_eq!(
        status,
        Some(0),
        "the chain alone does not find it, or the test is wrong: {told}"
    );
    attacker.deletes(&gone).await;
    let found = [
        format!("{repaired}: entry 3 is not the one that was anchored"),
        format!("{repaired}: entry 3 was changed in the table"),
        format!("{gone}: entry 1 was anchored, and the export does not have it"),
        format!("{gone}: entry 1 was deleted in the table"),
    ];
    let (status, told) = auditor
        .told(key, &found.each_ref().map(String::as_str))
        .await;
    assert_eq!(status, Some(1), "{told}");
}

/// Ada has herself erased: her name is nowhere any more, and the log is still proven.
async fn ada_is_erased(
    stack: &Stack,
    auditor: &Auditor<'_>,
    id: &IncidentId,
    alert: &TestAlert,
    key: &str,
) {
    let config = stack.facts.target.config_dir.display().to_string();
    let control = &stack.facts.outputs["ControlTableName"];
    let erase_by = |config: &str, more: &[&str]| {
        let asked = [
            "erase",
            "person",
            "ada",
            "--config",
            config,
            "--why",
            "she asked",
        ];
        let tables = ["--table", auditor.table(), "--control-table", control];
        auditor.quell(&[&asked[..], &tables, more].concat())
    };
    let erase = |more: &[&str]| erase_by(&config, more);
    // A mistake deletes nothing, her tokens neither.
    let tokens = || {
        auditor
            .quell(&["tokens", "list", "--control-table", control])
            .1
    };
    let wrong = erase_by("/nowhere", &[]);
    assert!(
        wrong.0 == Some(2) && tokens().contains(" ada may "),
        "{wrong:?}"
    );
    // What is open needs its people.
    let (status, told) = erase(&[]);
    assert!(
        status == Some(1) && told.contains(&format!("{id}: is open")),
        "{told}"
    );
    let ended = TestAlert {
        ends_at: Some(Timestamp::now()),
        ..alert.clone()
    };
    stack.deliver_one(&ended).await;
    stack.status(id.as_str(), Status::Resolved).await;
    let (status, told) = erase(&["--dry-run"]);
    assert!(
        status == Some(0) && told.contains("would be erased from "),
        "{told}"
    );
    assert!(
        stack.table().await.contains("api:ada"),
        "nothing was erased"
    );
    let (status, told) = erase(&[]);
    assert!(
        status == Some(0) && told.contains(&format!("{id}: entries ")),
        "{told}"
    );
    assert!(!tokens().contains(" ada may "));
    let left = stack.table().await;
    assert!(
        left.contains("api:erased") && !left.contains("api:ada"),
        "{left}"
    );
    let (_, log) = auditor.quell(&["verify-log", id.as_str(), "--table", auditor.table()]);
    for says in [
        ": intact, ",
        " of them erased in part",
        "CONTENT_ERASED",
        "she asked",
    ] {
        assert!(log.contains(says), "{log}");
    }
    // The auditor has to look at it once.
    let (status, told) = auditor
        .told(key, &[" 0 not anchored yet, 0 findings", "she asked"])
        .await;
    let line = format!("erased: {id} entry ");
    assert!(status == Some(1) && told.contains(&line), "{told}");
    auditor.keeps(&told);
    let (status, told) = auditor.audit(key);
    assert!(status == Some(0) && told.contains(&line), "{told}");
    // Her token is gone with her.
    let token = &stack.facts.tokens["ada"];
    let asked = stack
        .http
        .post(stack.url("approvals/01KA0000000000000000000000-0123456789abcdef/reject"))
        .bearer_auth(token);
    assert_eq!(asked.send().await.expect("an answer").status(), 401);
}

/// A record of the stream: an entry of this number was written.
fn written(sequence: u64) -> Value {
    json!({
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": { "pk": { "S": "INC#01ARZ3NDEKTSV4RRFFQ69G5FAV" }, "sk": { "S": format!("LOG#{sequence:010}") } },
            "NewImage": { "hash": { "S": "ab" } },
        },
    })
}

#[tokio::test]
async fn a_batch_that_was_not_printed_is_printed_before_the_next() {
    // The witness of these stacks is off: the one of the story is the only one.
    let stack = Stack::start();
    let output = |name: &str| stack.facts.outputs[name].clone();
    let config = Config {
        control_table: output("ControlTableName"),
        key: output("EvidenceKeyArn"),
        origin: "story".to_owned(),
    };
    let witness = witness::App::new(config, &stack.environment());
    let batch = |records: Value| -> StreamEvent {
        serde_json::from_value(json!({ "Records": records })).expect("a batch")
    };
    let printed = RefCell::new(String::new());
    let print = |lines: &str| {
        printed.borrow_mut().push_str(lines);
        Ok(())
    };
    let leaves = || {
        let anchors = anchors::read(&printed.take()).into_iter();
        let leaf = |anchor| match anchor {
            Anchor::Leaf { index, leaf } => Some((index, leaf.sequence)),
            Anchor::Checkpoint { .. } => None,
        };
        anchors.filter_map(leaf).collect::<Vec<_>>()
    };
    let now = Timestamp::now();
    let failing = |_: &str| Err(io::Error::other("the pipe is closed"));
    let one = batch(json!([written(1), written(2)]));
    let failed = witness.handle(&one, now, failing).await;
    assert!(matches!(failed, Err(Failure::Print(_))), "{failed:?}");
    let next = batch(json!([written(3)]));
    witness.handle(&next, now, print).await.expect("anchored");
    assert_eq!(leaves(), [(0, 1), (1, 2), (2, 3)]);
    let told = lines(&stack, "log_checkpoint", now).await;
    let [told] = &told[..] else {
        panic!("a line: {told:?}")
    };
    assert_eq!(told["state"], "good", "{told}");
    assert_eq!(told["since"], json!(now), "{told}");
    let none = batch(json!([]));
    witness.handle(&none, now, print).await.expect("nothing");
    assert_eq!(leaves(), []);
}
