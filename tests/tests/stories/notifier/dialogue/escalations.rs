//! Tests of escalation: an undecided plan notifies the second list of people below the card, once,
//! and they may decide from then on.

use std::time::Instant;

use domain::incident::Status;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Event;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::stack::{Stack, wait_for};
use wire::message::Message;

use super::telegram::buttons;

/// Who is on the second list of the stack's channels.json.
const LATE: i64 = 4444;

#[tokio::test]
async fn the_second_list_is_told_once_and_decides() {
    let stack = Stack::start();
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let id = incident.id.as_str();
    let card = stack.card(id, "Waiting for a decision").await;
    let approval = incident.approval.expect("asked").id;
    let (chat, reject) = (stack.facts.telegram.chat_id, format!("reject:{approval}"));
    let press = async |message: &Value| {
        let press = json!({ "chat_id": chat, "message_id": message["message_id"], "data": reject, "from_id": LATE });
        let update = stack.control("press", &press).await;
        stack
            .pressed(update["callback_query"]["id"].as_str().expect("an id"))
            .await
    };
    assert_eq!(
        press(&card).await,
        "The rules do not let you decide on this plan."
    );

    let earlier = |change: &mut IncidentChange| {
        let approval = change.incident.approval.as_mut().expect("asked");
        approval.requested_at -= SignedDuration::from_hours(2);
    };
    stack
        .store
        .change(&incident.id, earlier)
        .await
        .expect("saved");
    let notifier = stack.notifier();
    for _ in 0..3 {
        let due = Message::DecisionTimer {
            approval_id: approval.clone(),
        };
        let until = Instant::now() + super::PATIENCE;
        Box::pin(notifier.handle(&due, &unique("holder"), &Timestamp::now, until))
            .await
            .expect("looked at");
    }
    // Other stories tell in the same chat: whoever had the turn there has told this one too.
    let below = async || {
        let messages = stack.control("messages", &json!({ "chat_id": chat })).await;
        let is_below = |message: &&Value| message["reply_to_message_id"] == card["message_id"];
        messages["messages"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(is_below)
            .cloned()
            .collect::<Vec<_>>()
    };
    let told = wait_for("the notice", async || below().await.into_iter().next()).await;
    let text = told["text"].as_str().expect("a text");
    assert!(
        text.contains("No decision for ") && text.contains("late") && text.contains(id),
        "{text}"
    );
    assert_eq!(
        buttons(&told),
        [format!("approve:{approval}"), reject.clone()]
    );

    assert_eq!(press(&told).await, "Rejected: nothing will run.");
    stack.status(id, Status::Rejected).await;
    stack.card(id, "Rejected").await;
    assert_eq!(below().await.len(), 1, "it is told once");
    let log = stack.log_with(id, Event::ApprovalDecided).await;
    let of = |event: Event| {
        log.iter()
            .filter(|entry| entry.event == event)
            .map(|entry| entry.actor.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Event::ApprovalEscalated).len(), 1, "{log:#?}");
    assert_eq!(
        (of(Event::ApprovalRefused), of(Event::ApprovalDecided)),
        (
            vec![format!("telegram:{LATE}")],
            vec![format!("telegram:{LATE}")]
        )
    );
}
