//! Slow Systems Manager stand-in whose only host is this machine: reports a command as running
//! until it ends.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::alert::unique;
use loopback::{Answer, Request, serve};

/// The exit status of each command, by its id; none while it runs.
type Commands = Arc<Mutex<BTreeMap<String, Option<i32>>>>;

/// Starts it, and gives its URL.
pub async fn start() -> String {
    let commands = Commands::default();
    let address = serve(move |request: Request| {
        let commands = Arc::clone(&commands);
        async move { answer(&commands, &request) }
    });
    format!("http://{address}")
}

fn answer(commands: &Commands, request: &Request) -> Answer {
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let (status, body) = match request.header("x-amz-target") {
        "AmazonSSM.SendCommand" => (
            200,
            json!({ "Command": { "CommandId": begin(commands, &asked) } }),
        ),
        "AmazonSSM.GetCommandInvocation" => told(commands, &asked),
        other => (400, json!({ "__type": "InvalidAction", "message": other })),
    };
    let headers = vec![(
        "content-type".to_owned(),
        "application/x-amz-json-1.1".to_owned(),
    )];
    Answer {
        status,
        headers,
        body: body.to_string().into_bytes(),
    }
}

/// Runs what the document of the project would: one line in base64.
fn begin(commands: &Commands, asked: &Value) -> String {
    let id = unique("command");
    let line = asked["Parameters"]["lineBase64"][0]
        .as_str()
        .and_then(|line| STANDARD.decode(line).ok())
        .unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    commands
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id.clone(), None);
    let (commands, command) = (Arc::clone(commands), id.clone());
    tokio::spawn(async move {
        let ended = Command::new("sh")
            .args(["-c", &line])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .status()
            .await;
        let status = ended.ok().and_then(|status| status.code()).unwrap_or(-1);
        commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(command, Some(status));
    });
    id
}

/// What `GetCommandInvocation` says (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html>).
fn told(commands: &Commands, asked: &Value) -> (u16, Value) {
    let known = commands
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(asked["CommandId"].as_str().unwrap_or_default())
        .copied();
    let Some(status) = known else {
        return (400, json!({ "__type": "InvocationDoesNotExist" }));
    };
    let details = match status {
        None => "InProgress",
        Some(0) => "Success",
        Some(_) => "Failed",
    };
    let body = json!({
        "CommandId": asked["CommandId"], "InstanceId": asked["InstanceId"], "StatusDetails": details, "Status": details,
        "ResponseCode": status.unwrap_or(-1), "ExecutionStartDateTime": "2026-11-25T12:00:00Z",
        "StandardOutputContent": "", "StandardErrorContent": "",
    });
    (200, body)
}
