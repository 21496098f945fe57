//! Runs a built function under a runtime API of our own
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>), so that its printed lines
//! can be told from those of others.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::stack::{Stack, project};
use loopback::{Answer, Request, serve};

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// The answer to each event, in order.
    pub answers: Vec<Value>,
    /// Every line on standard output.
    pub lines: Vec<String>,
    /// What stood on standard error.
    pub errors: String,
}

/// The id of the request that is the event at this place.
#[must_use]
pub fn request_id(place: usize) -> String {
    format!("8476a536-e9f4-11e8-9739-{place:012x}")
}

/// Hands the events to one environment of ingress, one after the other. It is warm from the second on.
///
/// # Panics
/// If it does not answer each of them.
pub async fn ingress(stack: &Stack, events: &[Value]) -> Ran {
    function(stack, "ingress", &[], events).await
}

/// Hands the events to one environment of a function; `changed` replaces variables of the stack.
///
/// # Panics
/// If it does not answer each of them.
pub async fn function(
    stack: &Stack,
    name: &str,
    changed: &[(&str, &str)],
    events: &[Value],
) -> Ran {
    let waiting: Vec<(usize, String)> = events
        .iter()
        .map(Value::to_string)
        .enumerate()
        .rev()
        .collect();
    let waiting = Arc::new(Mutex::new(waiting));
    let (sent, mut answers) = mpsc::unbounded_channel();
    let address = serve(move |request| {
        let (waiting, sent) = (Arc::clone(&waiting), sent.clone());
        async move { answer(request, &waiting, &sent).await }
    });

    let mut function = Command::new(project().join("target/debug").join(name));
    function.env_clear().env("AWS_LAMBDA_RUNTIME_API", address);
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", name),
        ("AWS_LAMBDA_LOG_STREAM_NAME", name),
    ]
    .into_iter()
    .chain(stack.facts.variables())
    {
        function.env(name, value);
    }
    for variable in [
        "TABLE_NAME",
        "INCIDENTS_QUEUE_URL",
        "NOTIFICATIONS_QUEUE_URL",
        "REPAIRS_QUEUE_URL",
        "SIGNALS_QUEUE_URL",
        "CONFIG_DIR",
        "WEBHOOK_SECRET_ID",
        "ALERTMANAGER_SECRET_ID",
        "CONTROL_TABLE_NAME",
        "TELEGRAM_WEBHOOK_SECRET_ID",
        "SLACK_SIGNING_SECRET_ID",
        "PAGERDUTY_WEBHOOK_SECRET_ID",
        "PEOPLE_REPAIR_KEY_ID",
        "PEOPLE_BRIDGE_KEY_ID",
        "GUARDRAILS_REPAIR_KEY_ID",
        "GUARDRAILS_BRIDGE_KEY_ID",
        "ENVIRONMENT",
    ] {
        function.env(
            variable,
            stack
                .variable(variable)
                .unwrap_or_else(|| panic!("{variable} is a variable of the stack")),
        );
    }
    function.envs(changed.iter().copied());
    let function = function
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut function = function.expect("the function is built");
    // Read while it runs: a pipe that is full would stop it.
    let printed = tokio::spawn(text(function.stdout.take().expect("its standard output")));
    let errors = tokio::spawn(text(function.stderr.take().expect("its standard error")));
    let mut ran = Ran {
        answers: Vec::new(),
        lines: Vec::new(),
        errors: String::new(),
    };
    for _ in events {
        let answer: String = timeout(PATIENCE, answers.recv())
            .await
            .expect("an answer in time")
            .expect("an answer");
        ran.answers
            .push(serde_json::from_str(&answer).expect("JSON"));
    }
    // What is printed before an answer is in the pipe.
    function.kill().await.expect("it ends");
    ran.lines = printed
        .await
        .expect("it was read")
        .lines()
        .map(str::to_owned)
        .collect();
    ran.errors = errors.await.expect("it was read");
    ran
}

async fn text(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("text");
    text
}

async fn answer(
    request: Request,
    waiting: &Mutex<Vec<(usize, String)>>,
    sent: &mpsc::UnboundedSender<String>,
) -> Answer {
    if request.method == "POST" {
        assert!(
            request.path.ends_with("/response"),
            "{}: {}",
            request.path,
            String::from_utf8_lossy(&request.body)
        );
        // The story may be over.
        let _ = sent.send(String::from_utf8_lossy(&request.body).into_owned());
        return Answer {
            status: 202,
            headers: Vec::new(),
            body: Vec::new(),
        };
    }
    let Some((place, event)) = waiting.lock().await.pop() else {
        // There is no further event: the poll stays open, as Lambda's does.
        return std::future::pending().await;
    };
    let deadline = jiff::Timestamp::now().as_millisecond() + 30_000;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", request_id(place)),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:quell".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned(),
        ),
    ];
    Answer {
        status: 200,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        body: event.into_bytes(),
    }
}
