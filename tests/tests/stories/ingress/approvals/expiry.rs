//! Tests of approvals that escalate, expire, or are void because the alert resolved.

use domain::incident::Status;
use domain::incident::operation_log::Event;
use jiff::Timestamp;
use serde_json::json;
use store::FollowUp;
use tests::alert::{TestAlert, unique};
use tests::answer::assert_problem;
use tests::in_process::deadline;
use tests::stack::Stack;
use wire::message::Message;

use super::{LATE, all, asked_ago, press, say, waiting};

#[tokio::test]
async fn what_nobody_decides_goes_to_others_and_is_void_in_the_end() {
    let stack = Stack::start();
    let (_, incident) = waiting(&stack).await;
    let id = incident.id.as_str();
    let approval = incident.approval.as_ref().expect("asked").id.clone();
    stack.card(id, "Waiting for a decision").await;
    assert!(
        stack
            .store
            .next_look(FollowUp::Decision(&approval))
            .await
            .expect("the store answers")
            .is_some(),
        "a look is under way"
    );
    let (notifier, due) = (
        stack.notifier(),
        Message::DecisionTimer {
            approval_id: approval.clone(),
        },
    );
    let approve = format!("approve:{approval}");

    // Twice, as a queue may deliver it.
    asked_ago(&stack, &incident.id, 2).await;
    for _ in 0..2 {
        notifier
            .handle(&due, &unique("message"), &Timestamp::now, deadline())
            .await
            .expect("looked at");
    }
    let log = stack.log_with(id, Event::ApprovalEscalated).await;
    let escalated = all(&log, Event::ApprovalEscalated);
    assert_eq!(
        (escalated.len(), &escalated[0].context["people"]),
        (1, &json!(["late"]))
    );
    stack
        .incident(id, |incident| incident.status == Status::AwaitingApproval)
        .await;

    asked_ago(&stack, &incident.id, 3).await;
    for _ in 0..2 {
        notifier
            .handle(&due, &unique("message"), &Timestamp::now, deadline())
            .await
            .expect("looked at");
    }
    stack.status(id, Status::NeedsHuman).await;
    stack
        .card(id, "The plan is void: there was no decision in time")
        .await;
    assert_eq!(
        press(&stack, LATE, &unique("q"), &approve).await,
        "This plan is void: there was no decision in time."
    );
    let log = stack.log_with(id, Event::ApprovalVoided).await;
    assert_eq!(all(&log, Event::ApprovalVoided).len(), 1, "{log:#?}");
}

#[tokio::test]
async fn a_resolve_voids_what_waits_for_a_decision() {
    let stack = Stack::start();
    let (alert, incident) = waiting(&stack).await;
    let id = incident.id.as_str();
    let approval = incident.approval.expect("asked").id.to_string();
    let ended = TestAlert {
        ends_at: Some(Timestamp::now()),
        ..alert
    };
    stack.deliver_one(&ended).await;
    stack.status(id, Status::Resolved).await;
    let (status, problem) = say(
        &stack,
        &approval,
        "approve",
        &stack.facts.tokens["ada"],
        &json!({ "actor": "ada" }),
    )
    .await;
    assert_problem("", (status, &problem), (409, "void"));
    stack.card(id, "The plan is void: the alert resolved").await;
    stack.log_with(id, Event::ApprovalVoided).await;
}
