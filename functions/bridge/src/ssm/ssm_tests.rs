//! Tests of every status of Run Command, with a stand-in on a socket, since no emulator gives most
//! of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::AwsEnvironment;
use aws_types::SdkConfig;
use domain::incident::repair::{StepOutcome, StepResult};
use domain::playbook::service::{Service, Target};
use loopback::{Reply, Server};
use serde_json::{Value, json};
use settings::variables::Variables;
use sha2::{Digest as _, Sha256};

use super::{DOCUMENT, Pace, RunCommand};
use crate::resolve::ResolvedStep;

const INSTANCE: &str = "i-0abcdef1234567890";
const COMMAND: &str = "11111111-2222-3333-4444-555555555555";

/// What was asked, in order: the action and the body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// An endpoint whose answers a test gives: to an action, and how often that was asked before. None hangs up.
fn endpoint(
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

fn aws(url: &str) -> SdkConfig {
    let variables = Variables::from_fn(|name| match name {
        "AWS_ENDPOINT_URL" => Some(url.to_owned()),
        "AWS_CA_BUNDLE" => None,
        _ => Some("x".to_owned()),
    });
    AwsEnvironment::from_variables(&variables)
        .expect("a region and credentials")
        .sdk_config(Duration::from_secs(5))
}

/// Runs `restart web` on a target, faster than on AWS, and with a second for the step.
async fn run(url: &str, target: Value) -> StepResult {
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
        ..RunCommand::new(&aws(url), "Quell-RunStep".to_owned())
    }
    .run(&resolved, &target)
    .await
}

async fn run_on_one(url: &str) -> StepResult {
    run(url, json!({ "instance_id": INSTANCE })).await
}

fn taken() -> Option<(u16, Value)> {
    Some((200, json!({ "Command": { "CommandId": COMMAND } })))
}

fn refused(status: u16, code: &str, message: &str) -> Option<(u16, Value)> {
    Some((status, json!({ "__type": code, "message": message })))
}

/// An invocation as GetCommandInvocation tells it.
fn told(details: &str, code: i32, began: bool) -> Option<(u16, Value)> {
    let start = if began { "2026-11-25T12:00:00Z" } else { "" };
    Some((
        200,
        json!({
            "CommandId": COMMAND, "InstanceId": INSTANCE, "StatusDetails": details, "ResponseCode": code,
            "ExecutionStartDateTime": start, "StandardOutputContent": "out\n", "StandardErrorContent": "err\n",
        }),
    ))
}

fn count(asked: &Asked, action: &str) -> usize {
    asked
        .lock()
        .expect("the list")
        .iter()
        .filter(|(name, _)| name == action)
        .count()
}

fn body(asked: &Asked, action: &str) -> Value {
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
async fn every_end_on_a_host_is_told_as_what_it_is() {
    let cases = [
        (
            told("Failed", 3, true),
            StepOutcome::Exited,
            Some(3),
            "exit status 3",
        ),
        (
            told("Failed", 126, true),
            StepOutcome::Exited,
            Some(126),
            "exit status 126",
        ),
        (
            told("Failed", -1, false),
            StepOutcome::ConnectionLost,
            None,
            "no exit status",
        ),
        (
            told("Failed", 0, true),
            StepOutcome::ConnectionLost,
            None,
            "no exit status",
        ),
        (
            told("Success", -1, true),
            StepOutcome::ConnectionLost,
            None,
            "no exit status",
        ),
        (
            told("Execution Timed Out", -1, true),
            StepOutcome::TimedOut,
            None,
            "within 1 s",
        ),
        (
            told("ExecutionTimedOut", -1, true),
            StepOutcome::TimedOut,
            None,
            "within 1 s",
        ),
        (
            told("Delivery Timed Out", -1, false),
            StepOutcome::Unreachable,
            None,
            "No SSM agent took",
        ),
        (
            told("DeliveryTimedOut", -1, false),
            StepOutcome::Unreachable,
            None,
            "nothing ran",
        ),
        (
            told("Delivery Timed Out", -1, true),
            StepOutcome::ConnectionLost,
            None,
            "unknown",
        ),
        (
            told("Undeliverable", -1, false),
            StepOutcome::Unreachable,
            None,
            "its agent is connected",
        ),
        (
            told("Cancelled", -1, true),
            StepOutcome::ConnectionLost,
            None,
            "Somebody cancelled",
        ),
        (
            told("Terminated", -1, false),
            StepOutcome::Unreachable,
            None,
            "did not begin",
        ),
        (
            told("Access Denied", -1, false),
            StepOutcome::Refused,
            None,
            "SsmTargetTag",
        ),
        (
            told("Invalid Platform", -1, false),
            StepOutcome::Refused,
            None,
            "POSIX shell",
        ),
    ];
    for (end, outcome, exit_status, named) in cases {
        let shown = format!("{end:?}");
        let (url, asked) = endpoint(move |action, _| {
            if action == "SendCommand" {
                taken()
            } else {
                end.clone()
            }
        });
        let result = run_on_one(&url).await;
        assert_eq!(
            (result.outcome, result.exit_status, result.succeeded()),
            (outcome, exit_status, false),
            "{shown}: {result:?}"
        );
        assert!(result.detail.contains(named), "{named}: {result:?}");
        assert_eq!(
            (count(&asked, "SendCommand"), count(&asked, "CancelCommand")),
            (1, 0),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn untaken_command_differs_from_a_lost_answer() {
    let cases = [
        (
            refused(
                400,
                "InvalidInstanceId",
                "Instances [[i-1]] not in a valid state",
            ),
            StepOutcome::Unreachable,
            "SSM agent is connected",
        ),
        (
            refused(400, "ThrottlingException", "Rate exceeded"),
            StepOutcome::Unreachable,
            "try again",
        ),
        (
            refused(400, "AccessDeniedException", "not authorized"),
            StepOutcome::Refused,
            "SsmTargetTag",
        ),
        (
            refused(
                400,
                "InvalidDocument",
                "document hash ab does not match Sha256.",
            ),
            StepOutcome::Refused,
            "of this release",
        ),
        (
            refused(
                400,
                "InvalidDocument",
                "Document Quell-RunStep does not exist.",
            ),
            StepOutcome::Refused,
            "create the document",
        ),
        (
            refused(400, "InvalidDocumentVersion", ""),
            StepOutcome::Refused,
            "create the document",
        ),
        (
            refused(400, "UnsupportedPlatformType", ""),
            StepOutcome::Refused,
            "POSIX shell",
        ),
        (
            refused(400, "InvalidParameters", "lineBase64"),
            StepOutcome::Refused,
            "AWS says InvalidParameters: lineBase64",
        ),
        (
            refused(500, "InternalServerError", ""),
            StepOutcome::ConnectionLost,
            "unknown",
        ),
        (
            refused(503, "ServiceUnavailable", ""),
            StepOutcome::ConnectionLost,
            "unknown",
        ),
        (
            Some((200, json!({}))),
            StepOutcome::ConnectionLost,
            "without the id",
        ),
        (None, StepOutcome::ConnectionLost, "unknown"),
    ];
    for (answer, outcome, named) in cases {
        let shown = format!("{answer:?}");
        let (url, asked) = endpoint(move |_, _| answer.clone());
        let result = run_on_one(&url).await;
        assert_eq!(
            (result.outcome, result.exit_status),
            (outcome, None),
            "{shown}: {result:?}"
        );
        assert!(result.detail.contains(named), "{named}: {result:?}");
        assert_eq!(
            asked.lock().expect("the list").len(),
            1,
            "{shown} was asked again"
        );
    }
    let closed = loopback::closed();
    let result = run_on_one(&format!("http://{closed}")).await;
    assert!(
        result.outcome == StepOutcome::Unreachable
            && result.detail.contains("interface endpoint ssm"),
        "{result:?}"
    );
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cancelled() {
    // (what is told before, what is told after CancelCommand, the outcome, a part of the sentence)
    let cases = [
        (
            told("In Progress", -1, true),
            told("Cancelled", -1, true),
            StepOutcome::TimedOut,
            "was cancelled",
        ),
        (
            told("In Progress", -1, true),
            told("Cancelling", -1, true),
            StepOutcome::TimedOut,
            "may still be running",
        ),
        // It ended at the last moment: that is how it ended.
        (
            told("In Progress", -1, true),
            told("Success", 0, true),
            StepOutcome::Exited,
            "exit status 0",
        ),
        (
            told("Pending", -1, false),
            told("Cancelled", -1, false),
            StepOutcome::Unreachable,
            "No SSM agent took",
        ),
        (
            told("Delayed", -1, false),
            told("Cancelled", -1, true),
            StepOutcome::ConnectionLost,
            "Somebody cancelled",
        ),
        (
            told("Delayed", -1, false),
            told("Delayed", -1, false),
            StepOutcome::ConnectionLost,
            "unknown",
        ),
        (
            refused(400, "ThrottlingException", ""),
            refused(500, "InternalServerError", ""),
            StepOutcome::TimedOut,
            "may still be running",
        ),
    ];
    for (before, after, outcome, named) in cases {
        let shown = format!("{before:?} {after:?}");
        let cancelled = Arc::new(Mutex::new(false));
        let (url, asked) = endpoint(move |action, earlier| match action {
            "SendCommand" => taken(),
            // The first try is lost.
            "CancelCommand" if earlier == 0 => None,
            "CancelCommand" => {
                *cancelled.lock().expect("a flag") = true;
                Some((200, json!({})))
            }
            _ if *cancelled.lock().expect("a flag") => after.clone(),
            _ => before.clone(),
        });
        let result = run_on_one(&url).await;
        assert_eq!(result.outcome, outcome, "{shown}: {result:?}");
        assert!(result.detail.contains(named), "{named}: {result:?}");
        assert_eq!(
            (count(&asked, "SendCommand"), count(&asked, "CancelCommand")),
            (1, 2),
            "{shown}"
        );
        // 1 s of questions that come ever less often.
        assert!(
            count(&asked, "GetCommandInvocation") < 90,
            "{shown}: {}",
            count(&asked, "GetCommandInvocation")
        );
    }
}

#[tokio::test]
async fn a_bridge_that_may_not_ask_says_that_it_is_unknown() {
    let (url, asked) = endpoint(|action, _| {
        if action == "SendCommand" {
            taken()
        } else {
            refused(400, "AccessDeniedException", "")
        }
    });
    let result = run_on_one(&url).await;
    assert!(
        result.outcome == StepOutcome::ConnectionLost && result.detail.contains("may not ask"),
        "{result:?}"
    );
    assert_eq!(count(&asked, "GetCommandInvocation"), 1);
}

/// A command with a tag, at its end: what the command says, and each host with its status and exit status.
async fn fleet(details: &str, hosts: &[(&str, i32)]) -> (StepResult, Asked) {
    let statuses = json!({ "Failed": "Failed", "Cancelled": "Cancelled", "Pending": "Pending" });
    let status = statuses
        .get(details)
        .cloned()
        .unwrap_or_else(|| json!("Success"));
    let command = json!({ "Commands": [{ "Status": status, "StatusDetails": details, "TargetCount": hosts.len() }] });
    let of = |(place, (details, code)): (usize, &(&str, i32))| {
        let plugin = json!({ "ResponseCode": code, "Output": format!("out {place}\n") });
        json!({ "InstanceId": format!("i-0000000{place}"), "StatusDetails": details, "CommandPlugins": [plugin] })
    };
    // In any order, and on two pages.
    let mut listed: Vec<Value> = hosts.iter().enumerate().map(of).collect();
    listed.reverse();
    let (first, second) = listed.split_at(listed.len().min(1));
    let pages = [
        json!({ "CommandInvocations": first, "NextToken": "more" }),
        json!({ "CommandInvocations": second }),
    ];
    let (url, asked) = endpoint(move |action, before| match action {
        "SendCommand" => taken(),
        "ListCommands" if before == 0 => Some((200, json!({ "Commands": [] }))),
        "ListCommands" => Some((200, command.clone())),
        "ListCommandInvocations" => Some((200, pages[before % 2].clone())),
        "GetCommandInvocation" => told("Failed", 7, true),
        _ => Some((200, json!({}))),
    });
    (
        run(
            &url,
            json!({ "tag": "Service=web", "max_concurrency": "50%", "max_errors": "1" }),
        )
        .await,
        asked,
    )
}

#[tokio::test]
async fn a_tag_succeeds_only_if_all_hosts_did_and_there_was_one() {
    let (result, asked) = fleet("Success", &[("Success", 0), ("Success", 0), ("Success", 0)]).await;
    assert!(result.succeeded(), "{result:?}");
    assert_eq!(
        (result.detail.as_str(), result.stdout.as_str()),
        (
            "restart on all 3 hosts of web ended with exit status 0.",
            "out 0\nout 1\nout 2\n"
        )
    );
    let sent = body(&asked, "SendCommand");
    assert_eq!(
        sent["Targets"],
        json!([{ "Key": "tag:Service", "Values": ["web"] }])
    );
    assert_eq!(
        (
            &sent["MaxConcurrency"],
            &sent["MaxErrors"],
            sent.get("InstanceIds")
        ),
        (&json!("50%"), &json!("1"), None)
    );

    let (result, _) = fleet(
        "Failed",
        &[("Success", 0), ("Terminated", -1), ("Failed", 7)],
    )
    .await;
    assert_eq!(
        (result.outcome, result.exit_status, result.stdout.as_str()),
        (StepOutcome::Exited, Some(7), "out\n"),
        "{result:?}"
    );
    assert_eq!(
        result.detail,
        "1 of 3 hosts succeeded. restart on web (i-00000002) ended with exit status 7."
    );

    let cases = [
        (
            "NoInstancesInTag",
            vec![],
            StepOutcome::Unreachable,
            "No host with the tag Service=web",
        ),
        (
            "Success",
            vec![],
            StepOutcome::Unreachable,
            "No host with the tag Service=web",
        ),
        (
            "Rate Exceeded",
            vec![],
            StepOutcome::Unreachable,
            "try again",
        ),
        (
            "Access Denied",
            vec![],
            StepOutcome::Refused,
            "may not send commands to the tag",
        ),
        (
            "Failed",
            vec![("Undeliverable", -1), ("Delivery Timed Out", -1)],
            StepOutcome::Unreachable,
            "0 of 2 hosts succeeded. No SSM agent",
        ),
        (
            "Failed",
            vec![("Undeliverable", -1), ("Access Denied", -1)],
            StepOutcome::Refused,
            "0 of 2",
        ),
        // SSM calls it a success where one host did it and others were never reached. It is not one, and not nothing either.
        (
            "Success",
            vec![("Success", 0), ("Undeliverable", -1)],
            StepOutcome::ConnectionLost,
            "1 of 2 hosts succeeded. No SSM agent",
        ),
        (
            "Failed",
            vec![("Execution Timed Out", -1), ("Terminated", -1)],
            StepOutcome::TimedOut,
            "0 of 2",
        ),
        (
            "Pending",
            vec![("Pending", -1)],
            StepOutcome::ConnectionLost,
            "unknown",
        ),
    ];
    for (details, hosts, outcome, named) in cases {
        let (result, asked) = fleet(details, &hosts).await;
        assert_eq!(
            (result.outcome, result.succeeded()),
            (outcome, false),
            "{details} {hosts:?}: {result:?}"
        );
        assert!(result.detail.contains(named), "{named}: {result:?}");
        assert_eq!(count(&asked, "SendCommand"), 1);
    }
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
