//! Tests of what people write in a chat that is no command, comes from elsewhere, or may not be: nothing changes. What a command does
//! is in `responders`.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::primitives::id::IncidentId;
use serde_json::{Value, json};
use tests::alert::TestAlert;
use tests::slack;
use tests::stack::Stack;

/// The second approver of the stack's channels.json, who may not switch repairs off.
const SECOND: i64 = 4343;

async fn waiting(stack: &Stack) -> IncidentId {
    let alert = TestAlert::firing(&stack.facts.target.service);
    stack.awaiting_approval(&alert).await.id
}

/// A message that somebody writes in a chat.
pub(super) fn message((from, chat): (i64, i64), text: &str) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(1_000);
    // No other message of this process has the number.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    json!({
        "message_id": number, "date": 0, "text": text,
        "chat": { "id": chat, "type": "supergroup" },
        "from": { "id": from, "is_bot": false, "first_name": "P" },
    })
}

/// The answer to an update, as Telegram delivers it.
pub(super) async fn update(stack: &Stack, update: &Value) -> Value {
    let request = stack.http.post(stack.url("webhooks/telegram")).header(
        "X-Telegram-Bot-Api-Secret-Token",
        &stack.facts.secrets["telegram_webhook"],
    );
    let answer = request.json(update).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

/// Writes a message as an answer to the card of an incident or to nothing.
async fn write(stack: &Stack, who: (i64, i64), card: Option<&str>, text: &str) -> Value {
    let mut message = message(who, text);
    if let Some(id) = card {
        let button = json!({ "text": "Details", "callback_data": format!("details:{id}") });
        message["reply_to_message"] = json!({
            "message_id": 1, "text": "a card", "reply_markup": { "inline_keyboard": [[button]] },
        });
    }
    update(stack, &json!({ "update_id": 1, "message": message })).await
}

#[tokio::test]
async fn what_is_no_command_or_from_elsewhere_changes_nothing() {
    let stack = Stack::start();
    let id = waiting(&stack).await;
    let before = stack.read(&id).await;
    let telegram = &stack.facts.telegram;
    let here = (telegram.approver_id, telegram.chat_id);
    let card = Some(id.as_str());
    for (who, card, text, said) in [
        (
            here,
            card,
            "/quell approve",
            json!("approve is no command: /quell help says what there is."),
        ),
        (
            here,
            card,
            "/quell snooze soon",
            json!("write: snooze and for how long, such as 90m or 2h."),
        ),
        (
            here,
            None,
            "/quell ack",
            json!("Answer the incident's card, or write its id behind the command."),
        ),
        (
            (1, here.1),
            card,
            "/quell ack",
            json!("You are not on the list of people who may decide."),
        ),
        (
            (SECOND, here.1),
            None,
            "/quell stop-repairs no",
            json!(
                "You may not switch repairs off: kill_switch of a person in channels.json says who may."
            ),
        ),
        // Other messages, and other chats, come to nothing.
        (here, card, "quell ack", Value::Null),
        (here, card, "/quellack", Value::Null),
        (here, card, "/quell@another_bot ack", Value::Null),
        (here, card, "/quell@quell_local_bots ack", Value::Null),
        (here, card, "/quell@ ack", Value::Null),
        ((here.0, -1), card, "/quell ack", Value::Null),
    ] {
        let answer = write(&stack, who, card, text).await;
        assert_eq!(answer["text"], said, "{text}");
    }
    for text in [
        "/quell",
        "/quell@quell_local_bot",
        "/quell@QUELL_local_bot help",
    ] {
        let help = write(&stack, here, None, text).await;
        assert!(
            help["text"]
                .as_str()
                .is_some_and(|text| text.contains("snooze 2h")),
            "{text}: {help}"
        );
    }
    // Of a channel of Slack that is none of ours nothing is taken.
    let answer = slack::command(&stack, "C0000000000", &format!("ack {id}")).await;
    assert_eq!(answer.status(), 403);
    let after = stack.read(&id).await;
    assert_eq!(
        (after.status, after.response),
        (before.status, before.response)
    );
    assert!(!stack.control.killed().await.expect("read"));
}
