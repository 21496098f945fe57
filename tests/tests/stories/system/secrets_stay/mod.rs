//! `secrets-stay`: after the main job, no item, log line, chat message or variable holds a secret.

mod credentials;
mod log_levels;

use std::process::Command;
use std::time::Duration;

use domain::incident::Status;
use serde_json::json;
use tests::alert::TestAlert;
use tests::stack::{Stack, project};

/// Prints every log line and every environment variable of the deployed functions.
const PRINT: &str = r"
import boto3, json, sys
facts = json.load(sys.stdin)
session = boto3.Session(facts['access_key_id'], facts['secret_access_key'], region_name=facts['region'])
client = lambda name: session.client(name, endpoint_url=facts['endpoint_url'])
for output, function in facts['outputs'].items():
    if output.endswith('FunctionName'):
        print(json.dumps(client('lambda').get_function_configuration(FunctionName=function)['Environment']))
for group in client('logs').describe_log_groups()['logGroups']:
    lines = 0
    for page in client('logs').get_paginator('filter_log_events').paginate(logGroupName=group['logGroupName']):
        for event in page['events']:
            print(event['message'])
            lines += 1
    print('lines of', group['logGroupName'] if lines else 'nothing')
";

#[tokio::test]
async fn no_secret_is_left_anywhere() {
    let stack = Stack::start();
    let mut secrets: Vec<String> = stack.facts.secrets.values().cloned().collect();
    secrets.push(stack.facts.telegram.token.clone());
    let key = std::fs::read_to_string(&stack.facts.target.private_key_file).expect("the key");
    secrets.extend(
        key.lines()
            .filter(|line| !line.starts_with('-') && line.len() > 20)
            .map(str::to_owned),
    );

    // The main job, and the refusals that could quote what they refuse.
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let id = incident.id.as_str();
    let approval = incident.approval.expect("asked").id;
    let nearly = format!("{}0", stack.facts.tokens["ada"]);
    for (token, expected) in [
        (nearly.as_str(), 401),
        (stack.facts.tokens["ada"].as_str(), 200),
    ] {
        let request = stack
            .http
            .post(stack.url(&format!("approvals/{approval}/approve")))
            .bearer_auth(token);
        assert_eq!(
            request
                .json(&json!({ "actor": "ada" }))
                .send()
                .await
                .expect("an answer")
                .status(),
            expected
        );
    }
    stack.status(id, Status::Repaired).await;
    // A card that Telegram refuses makes the notifier log an error about a request whose URL holds the token.
    stack
        .control(
            "fail",
            &json!({ "method": "sendMessage", "error_code": 500, "count": 1 }),
        )
        .await;
    stack
        .deliver_one(&TestAlert::firing(tests::alert::unique("secret")))
        .await;
    let facts = serde_json::to_string(&stack.facts).expect("JSON");
    let mut logs = print(&facts);
    while !logs.contains("it answered 500") {
        tokio::time::sleep(Duration::from_millis(200)).await;
        logs = print(&facts);
    }

    let mut text = stack.table().await;
    assert!(text.contains(id), "the items were read");
    text.push_str(
        &stack
            .control(
                "messages",
                &json!({ "chat_id": stack.facts.telegram.chat_id }),
            )
            .await
            .to_string(),
    );
    assert!(
        logs.contains(id) && logs.contains("TABLE_NAME"),
        "logs and variables were read"
    );
    text.push_str(&logs);
    for secret in secrets {
        let part: String = secret.chars().take(16).collect();
        assert!(
            !text.contains(&part),
            "a secret shows: {}",
            text.lines()
                .find(|line| line.contains(&part))
                .unwrap_or_default()
        );
    }
}

fn print(facts: &str) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut python = Command::new(project().join(".venv/bin/python"));
    let mut child = python
        .args(["-c", PRINT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    child
        .stdin
        .take()
        .expect("its standard input")
        .write_all(facts.as_bytes())
        .expect("written");
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success());
    String::from_utf8_lossy(&done.stdout).into_owned()
}
