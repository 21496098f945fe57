//! Tests of polling: a command that does not end in time, and one that may not be asked about.

use std::sync::{Arc, Mutex};

use domain::incident::repair::StepOutcome;
use serde_json::json;

use crate::ssm::tests::{count, endpoint, refused, run_on_one, taken, told};

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
            "was cancelled in Run Command",
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
        assert!(
            result.detail.to_string().contains(named),
            "{named}: {result:?}"
        );
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
        result.outcome == StepOutcome::ConnectionLost
            && result.detail.to_string().contains("may not ask"),
        "{result:?}"
    );
    assert_eq!(count(&asked, "GetCommandInvocation"), 1);
}
