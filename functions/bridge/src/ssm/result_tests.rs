//! Tests of results: every status of a host, and of the hosts of a tag.

use domain::incident::repair::{StepOutcome, StepResult};
use serde_json::{Value, json};

use crate::ssm::tests::{Asked, body, count, endpoint, run, run_on_one, taken, told};

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
            "was cancelled in Run Command",
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
        assert!(
            result.detail.to_string().contains(named),
            "{named}: {result:?}"
        );
        assert_eq!(
            (count(&asked, "SendCommand"), count(&asked, "CancelCommand")),
            (1, 0),
            "{shown}"
        );
    }
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
        (result.detail.to_string().as_str(), result.stdout.as_str()),
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
        assert!(
            result.detail.to_string().contains(named),
            "{named}: {result:?}"
        );
        assert_eq!(count(&asked, "SendCommand"), 1);
    }
}
