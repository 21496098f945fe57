//! Tests of commands that SSM does not take, or of which the answer is lost.

use domain::incident::repair::StepOutcome;
use serde_json::json;

use crate::ssm::tests::{endpoint, refused, run_on_one};

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
        assert!(
            result.detail.to_string().contains(named),
            "{named}: {result:?}"
        );
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
            && result.detail.to_string().contains("interface endpoint ssm"),
        "{result:?}"
    );
}
