//! Tests of commands over SSM, against an endpoint that answers as documented: what is sent, and what comes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::AwsEnvironment;
use domain::incident::repair::{StepOutcome, StepResult};
use domain::playbook::service::Service;
use domain::playbook::target::Target;
use loopback::{Reply, Server};
use serde_json::{Value, json};
use settings::variables::Variables;
use sha2::{Digest as _, Sha256};

use super::{DOCUMENT, Pace, RunCommand};
use crate::resolve::ResolvedStep;

const INSTANCE: &str = "i-0abcdef1234567890";

const COMMAND: &str = "11111111-2222-3333-4444-555555555555";

/// What was asked, in order: the action and the body.
pub(super) type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// An endpoint whose answers a test gives: to an action, and how often that was asked before. None hangs up.
pub(super) fn endpoint(
    answer: impl Fn(&str, usize) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> (String, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let server = Server::start(move |request, _| {
        let action = request
            .header("x-amz-target")
            .trim_start_matches("AmazonSSM.");
        let mut seen = seen.lock().expect("the list");
        let before = seen.iter().filter(|(earlier, _)| earlier == action).count();
        let answered = answer(action, before);
        let body = serde_json::from_slice(&request.body).expect("JSON");
        seen.push((action.to_owned(), body));
        match answered {
            Some((status, body)) => loopback::answer(status, &[], body.to_string()),
            None => Reply::Cut(Vec::new()),
        }
    });
    (server.url, asked)
}

fn aws(url: &str) -> AwsEnvironment {
    let variables = Variables::from_fn(|name| match name {
        "AWS_ENDPOINT_URL" => Some(url.to_owned()),
        "AWS_CA_BUNDLE" => None,
        _ => Some("x".to_owned()),
    });
    AwsEnvironment::from_variables(&variables).expect("a region and credentials")
}

/// Runs `restart web` on a target, faster than on AWS, and with a second for the step.
pub(super) async fn run(url: &str, target: Value) -> StepResult {
    let target: Target = serde_json::from_value(json!({ "ssm": target })).expect("a target");
    let service: Service = serde_json::from_value(
        json!({ "name": "web", "level": "auto", "target": { "ssm": { "tag": "a=b" } } }),
    )
    .expect("one");
    let argv = vec!["restart".to_owned(), "web".to_owned()];
    let resolved = ResolvedStep {
        service: &service,
        argv,
        line: "restart web".to_owned(),
        limit: Duration::from_secs(1),
    };
    let milliseconds = Duration::from_millis;
    let pace = Pace {
        first: milliseconds(2),
        most: milliseconds(40),
        delivery: milliseconds(300),
        settle: milliseconds(200),
    };
    let Target::Ssm(target) = target else {
        panic!("not SSM")
    };
    RunCommand {
        pace,
        ..RunCommand::new(
            &aws(url),
            Duration::from_secs(5),
            "Quell-RunStep".to_owned(),
        )
    }
    .run(&resolved, &target)
    .await
}

pub(super) async fn run_on_one(url: &str) -> StepResult {
    run(url, json!({ "instance_id": INSTANCE })).await
}

pub(super) fn taken() -> Option<(u16, Value)> {
    Some((200, json!({ "Command": { "CommandId": COMMAND } })))
}

pub(super) fn refused(status: u16, code: &str, message: &str) -> Option<(u16, Value)> {
    Some((status, json!({ "__type": code, "message": message })))
}

/// An invocation as GetCommandInvocation tells it.
pub(super) fn told(details: &str, code: i32, began: bool) -> Option<(u16, Value)> {
    let start = if began { "2026-11-25T12:00:00Z" } else { "" };
    Some((
        200,
        json!({
            "CommandId": COMMAND, "InstanceId": INSTANCE, "StatusDetails": details, "ResponseCode": code,
            "ExecutionStartDateTime": start, "StandardOutputContent": "out\n", "StandardErrorContent": "err\n",
        }),
    ))
}

pub(super) fn count(asked: &Asked, action: &str) -> usize {
    asked
        .lock()
        .expect("the list")
        .iter()
        .filter(|(name, _)| name == action)
        .count()
}

pub(super) fn body(asked: &Asked, action: &str) -> Value {
    asked
        .lock()
        .expect("the list")
        .iter()
        .find(|(name, _)| name == action)
        .expect("asked")
        .1
        .clone()
}

#[tokio::test]
async fn command_is_sent_once_and_polled_until_it_ends() {
    let (url, asked) = endpoint(|action, before| match (action, before) {
        ("SendCommand", _) => taken(),
        // It may be unknown at first, questions may be throttled, and one may be lost.
        (_, 0) => refused(400, "InvocationDoesNotExist", ""),
        (_, 1) => refused(400, "ThrottlingException", "Rate exceeded"),
        (_, 2) => None,
        (_, 3) => told("Pending", -1, false),
        (_, 4) => told("In Progress", -1, false),
        _ => told("Success", 0, true),
    });
    let result = run_on_one(&url).await;
    assert_eq!(
        (result.outcome, result.exit_status, result.succeeded()),
        (StepOutcome::Exited, Some(0), true),
        "{result:?}"
    );
    assert_eq!(
        (
            result.stdout.as_str(),
            result.stderr.as_str(),
            result.truncated
        ),
        ("out\n", "err\n", false)
    );
    assert_eq!(result.detail, "restart on web ended with exit status 0.");
    assert_eq!(
        (
            count(&asked, "SendCommand"),
            count(&asked, "GetCommandInvocation"),
            count(&asked, "CancelCommand")
        ),
        (1, 6, 0)
    );
    let sent = body(&asked, "SendCommand");
    assert_eq!(
        sent["DocumentHash"],
        json!(hex::encode(Sha256::digest(include_bytes!(
            "../../../../infra/ssm/run-step.json"
        ))))
    );
    assert_eq!(
        (
            &sent["DocumentName"],
            &sent["DocumentVersion"],
            &sent["DocumentHashType"],
            &sent["TimeoutSeconds"]
        ),
        (
            &json!("Quell-RunStep"),
            &json!("$DEFAULT"),
            &json!("Sha256"),
            &json!(30)
        )
    );
    assert_eq!(sent["InstanceIds"], json!([INSTANCE]));
    assert_eq!(
        sent["Parameters"],
        json!({ "lineBase64": ["cmVzdGFydCB3ZWI="], "executionTimeout": ["1"] })
    );
}

#[test]
fn document_takes_what_is_sent_and_nothing_else() {
    let document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
    let line = &document["parameters"]["lineBase64"];
    assert_eq!(line["maxChars"], json!(super::LINE));
    let step = &document["mainSteps"][0]["inputs"];
    assert_eq!(
        step["runCommand"],
        json!(["exec /usr/local/bin/quell-guard --line-base64 '{{ lineBase64 }}'"])
    );
    assert_eq!(
        document["parameters"].as_object().map(serde_json::Map::len),
        Some(2)
    );
}

#[tokio::test]
async fn output_is_bounded_and_says_that_it_is_a_part() {
    for (characters, truncated) in [(2_000, false), (24_000, true), (17_000, true)] {
        let (url, _) = endpoint(move |action, _| match action {
            "SendCommand" => taken(),
            _ => Some((
                200,
                json!({ "StatusDetails": "Success", "ResponseCode": 0, "StandardOutputContent": "x".repeat(characters) }),
            )),
        });
        let result = run_on_one(&url).await;
        assert_eq!(
            (result.succeeded(), result.truncated),
            (true, truncated),
            "{characters}"
        );
        assert!(result.stdout.len() <= 16 * 1024, "{}", result.stdout.len());
    }
}
