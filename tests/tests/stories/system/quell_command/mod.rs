//! Tests of the `quell` command against the deployed stack and a real host: its output agrees with
//! the stack's behaviour.

mod dry_run;

use std::collections::HashMap;
use std::io::Write as _;
use std::process::Stdio;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::incident::Status;
use domain::incident::approval::ApprovalState;
use domain::incident::guardrail::{Guardrail, blocking};
use domain::incident::operation_log::Event;
use domain::notification::person_token::parts;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::alert::TestAlert;
use tests::quell::quell;
use tests::stack::Stack;

/// What a run of the command came to.
struct Told {
    status: Option<i32>,
    found: String,
    complaint: String,
}

impl Told {
    fn is(&self, status: i32, says: &[&str]) {
        assert_eq!(
            self.status,
            Some(status),
            "{}{}",
            self.found,
            self.complaint
        );
        for says in says {
            assert!(
                self.found.contains(says),
                "{says} is not in\n{}{}",
                self.found,
                self.complaint
            );
        }
    }
}

/// The command on an operator's machine: what it knows of AWS stands in its environment, secrets stand in files.
struct Operator<'a> {
    stack: Option<&'a Stack>,
    directory: TempDir,
}

impl<'a> Operator<'a> {
    fn of(stack: Option<&'a Stack>) -> Self {
        Self {
            stack,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let file = self.directory.path().join(name);
        std::fs::write(&file, text).expect("written");
        file.display().to_string()
    }

    fn quell(&self, arguments: &[&str], stdin: &str) -> Told {
        let mut command = quell(self.stack);
        command
            .args(arguments)
            .env("USER", "ada")
            .env("HOME", self.directory.path());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let _ = child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Told {
            status: output.status.code(),
            found: text(output.stdout),
            complaint: text(output.stderr),
        }
    }
}

/// Changes an entry of an incident's log behind everybody's back.
async fn tamper(stack: &Stack, id: &str, sequence: u32) {
    let key = [
        ("pk", format!("INC#{id}")),
        ("sk", format!("LOG#{sequence:010}")),
    ];
    let key: HashMap<String, AttributeValue> = key
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
        .into();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws());
    let update = client
        .update_item()
        .table_name(&stack.facts.outputs["TableName"])
        .set_key(Some(key));
    let update = update
        .update_expression("SET detail = :other")
        .expression_attribute_values(":other", AttributeValue::S("nothing".into()));
    update.send().await.map(drop).expect("changed");
}

fn incident_of(told: &Told) -> String {
    let json = told
        .found
        .split_once('\n')
        .and_then(|(_, rest)| rest.rsplit_once("\n=>"))
        .map(|(json, _)| json);
    let answer: Value = json
        .and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_else(|| panic!("an answer: {}", told.found));
    let one = answer.get("results").map_or(&answer, |results| &results[0]);
    one["incident_id"]
        .as_str()
        .unwrap_or_else(|| panic!("an incident: {answer}"))
        .to_owned()
}

#[tokio::test]
async fn an_operator_fires_plans_switches_and_verifies() {
    // Of its own: the kill switch is for everybody.
    let stack = Stack::start_with(&[]);
    stack.trust_the_rule_about_targets().await;
    let operator = Operator::of(Some(&stack));
    let (table, auto) = (
        stack.facts.outputs["TableName"].as_str(),
        stack.facts.target.auto_service.as_str(),
    );
    let control = stack.facts.outputs["ControlTableName"].as_str();
    let config = stack.facts.target.config_dir.to_str().expect("a path");
    let delivery = operator.file(
        "alert.json",
        &TestAlert::firing(auto).delivery().to_string(),
    );
    let plan = || {
        operator.quell(
            &[
                "plan",
                &delivery,
                "--config",
                config,
                "--table",
                table,
                "--control-table",
                control,
            ],
            "",
        )
    };
    let switch = |to: &str| {
        operator.quell(
            &[
                "kill-switch",
                to,
                "--control-table",
                control,
                "--why",
                "the disks move",
            ],
            "",
        )
    };

    plan().is(
        0,
        &[
            "read from the table",
            "supervisorctl restart web",
            "=> runs automatically: every guardrail passes",
        ],
    );
    switch("status").is(0, &["kill switch: it is off"]);
    // AWS says who it was; the emulator knows its test user by this ARN.
    switch("on").is(
        0,
        &[
            "kill switch: it is on: the disks move (by arn:aws:",
            ", since 20",
        ],
    );
    switch("status").is(1, &["it is on: the disks move"]);
    plan().is(
        0,
        &[
            "STOPS  kill_switch",
            ": the disks move",
            "=> needs approval, because of kill_switch",
        ],
    );

    let webhook = operator.file("webhook", &format!("{}\n", stack.facts.secrets["webhook"]));
    let alerts = stack.url("webhooks/alerts");
    let component = format!("component={auto}");
    let alert = [
        "--alertname",
        "TargetDown",
        "--label",
        &component,
        "--label",
        "cluster=demo",
        "--label",
        "alert_type=service_404",
    ];
    let fire = |more: &[&str]| {
        operator.quell(
            &[&["fire", "--url", &alerts], &alert[..], more].concat(),
            "",
        )
    };
    let fired = fire(&["--secret-file", &webhook]);
    fired.is(0, &["200 OK", "=> counted in incident "]);
    let id = incident_of(&fired);
    let incident = stack
        .incident(&id, |incident| incident.plan.is_some())
        .await;
    let stopped: Vec<_> = blocking(&incident.guardrails)
        .map(|outcome| (outcome.guardrail, outcome.why.to_string()))
        .collect();
    assert!(
        matches!(&stopped[..], [(Guardrail::KillSwitch, why)] if why.starts_with("it is on: the disks move (by ")),
        "{stopped:?}"
    );
    stack.card(&id, "the disks move").await;
    let planned = plan().found;
    let steps = incident
        .plan
        .as_ref()
        .map(|plan| plan.hash())
        .expect("a plan");
    assert!(
        planned.contains(steps.as_str()),
        "the hash that people approve is the one that was told before: {planned}"
    );
    switch("off").is(0, &["kill switch: it is off"]);

    // The second way to the secret, and the answer to one that is wrong.
    let secret_id = stack.facts.outputs["WebhookSecretArn"].as_str();
    assert_eq!(
        incident_of(&fire(&["--secret-id", secret_id])),
        id,
        "it joins"
    );
    let wrong = operator.file("wrong", "not the secret");
    fire(&["--secret-file", &wrong]).is(1, &["401 Unauthorized", "=> wrong secret or clock"]);
    let bearer = operator.file("bearer", &stack.facts.secrets["alertmanager"]);
    let by_bearer = operator.quell(
        &[
            "fire",
            "--url",
            &stack.url("webhooks/alertmanager"),
            "--bearer-file",
            &bearer,
            "--label",
            "component=nothing-like-it",
        ],
        "",
    );
    by_bearer.is(0, &["200 OK"]);

    signed_by_hand(&stack, &operator, &webhook).await;
    logs_are_verified(&stack, &operator, &id, table).await;
    fire(&["--secret-file", &webhook, "--resolved"]).is(0, &["\"outcome\": \"resolved\""]);
    stack.status(&id, Status::Resolved).await;
}

/// What `sign` prints is what ingress lets in, and it is good for this body alone.
async fn signed_by_hand(stack: &Stack, operator: &Operator<'_>, webhook: &str) {
    let body = json!({
        "alert_type": "custom", "severity": "info", "source": "by-hand", "target_resource": "nothing-at-all", "message": "signed by hand",
    });
    let file = operator.file("body.json", &body.to_string());
    let post = async |body: String, headers: &str| {
        let mut request = stack.http.post(stack.url("webhooks/alerts")).body(body);
        for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
            request = request.header(name, value);
        }
        request.send().await.expect("an answer").status()
    };
    let url = stack.url("webhooks/alerts");
    let signed = operator.quell(
        &["sign", "--secret-file", webhook, "--url", &url, &file],
        "",
    );
    signed.is(0, &["X-Signature-256: v2="]);
    assert_eq!(post(body.to_string(), &signed.found).await, StatusCode::OK);
    assert_eq!(
        post(format!("{body} "), &signed.found).await,
        StatusCode::UNAUTHORIZED
    );
}

/// A log that was tampered with is told apart from the others, with the place.
async fn logs_are_verified(stack: &Stack, operator: &Operator<'_>, id: &str, table: &str) {
    stack.log_with(id, Event::ApprovalRequested).await;
    let verify = |incident: &str| operator.quell(&["verify-log", incident, "--table", table], "");
    verify(id).is(
        0,
        &[
            "   1  ",
            "ALERT_RECEIVED",
            "GUARDRAIL_BLOCKED",
            &format!("{id}: intact, "),
        ],
    );
    operator
        .quell(&["verify-log", "--all", "--table", table], "")
        .is(0, &[&format!("{id}: intact, "), " intact, 0 not"]);
    tamper(stack, id, 2).await;
    verify(id).is(
        1,
        &[&format!(
            "{id}: NOT intact: entry 2 is not what was hashed when it was written"
        )],
    );
    operator
        .quell(&["verify-log", "--all", "--table", table], "")
        .is(1, &[&format!("{id}: NOT intact"), "1 not"]);
    operator
        .quell(&["verify-log", "-", "--table", table], &format!("{id}\n\n"))
        .is(1, &["1 incidents: 0 intact, 1 not"]);
    let nobody = verify("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    nobody.is(2, &[]);
    assert!(
        nobody
            .complaint
            .contains("there is no item INC#01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        "{}",
        nobody.complaint
    );
}

#[tokio::test]
async fn an_operator_gives_a_person_a_token_and_ends_it() {
    let stack = Stack::start();
    let operator = Operator::of(Some(&stack));
    let control = stack.facts.outputs["ControlTableName"].as_str();
    let tokens = |arguments: &[&str]| {
        let all = [&["tokens"], arguments, &["--control-table", control]].concat();
        operator.quell(&all, "")
    };
    let config = stack.facts.target.config_dir.display().to_string();
    let made = tokens(&["make", "bob", "--days", "7", "--config", &config]);
    let token = made.found.trim().to_owned();
    let (id, secret) = parts(&token).expect("one line, which is the token");
    let listed = tokens(&["list"]);
    listed.is(0, &[&format!("{id} bob may decide, until ")]);
    assert!(!listed.found.contains(secret), "the secret is shown once");

    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let approval = incident.approval.expect("asked").id;
    let reject = async || {
        let url = stack.url(&format!("approvals/{approval}/reject"));
        let request = stack.http.post(url).bearer_auth(&token);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(reject().await, 200);
    let rejected = stack.read(&incident.id).await.approval.expect("decided");
    assert!(
        matches!(rejected.state, ApprovalState::Decided { by, .. } if by.to_string() == "api:bob")
    );
    tokens(&["end", id]).is(0, &["ended ", " by arn:aws:"]);
    assert_eq!(reject().await, 401);
    tokens(&["end", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]).is(1, &["there is no token"]);
    let stranger = tokens(&["make", "bobb", "--config", &config]);
    assert_eq!(stranger.status, Some(2));
    let said = "bobb is not among the people of channels.json; did you mean bob?";
    assert!(stranger.complaint.contains(said), "{}", stranger.complaint);
    let unknown = tokens(&["make", "bob", "--may", "everything"]);
    assert_eq!(unknown.status, Some(2));
    assert!(unknown.complaint.contains("look, decide or administer"));
}
