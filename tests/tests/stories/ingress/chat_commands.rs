//! Tests of what people write in a chat: a responder's actions that need words, and the kill switch, through Telegram and Slack.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::incident::operation_log::{Entry, Event};
use domain::incident::{Incident, Status};
use domain::primitives::id::IncidentId;
use serde_json::{Value, json};
use tests::alert::{TestAlert, group, unique};
use tests::slack;
use tests::stack::Stack;

/// What the commands of the stories leave in the log, in their order.
const COMMANDED: [Event; 6] = [
    Event::IncidentAcknowledged,
    Event::IncidentAssigned,
    Event::NoteAdded,
    Event::IncidentSnoozed,
    Event::IncidentClosed,
    Event::IncidentReopenedByPerson,
];

async fn waiting(stack: &Stack) -> IncidentId {
    let alert = TestAlert::firing(&stack.facts.target.service);
    stack.awaiting_approval(&alert).await.id
}

/// A message that somebody writes in a chat, as an answer to the card of an incident or to nothing.
async fn write(stack: &Stack, (from, chat): (i64, i64), card: Option<&str>, text: &str) -> Value {
    let mut message = json!({
        "message_id": next_message(), "date": 0, "text": text,
        "chat": { "id": chat, "type": "supergroup" },
        "from": { "id": from, "is_bot": false, "first_name": "P" },
    });
    if let Some(id) = card {
        let button = json!({ "text": "Details", "callback_data": format!("details:{id}") });
        message["reply_to_message"] = json!({
            "message_id": 1, "text": "a card", "reply_markup": { "inline_keyboard": [[button]] },
        });
    }
    let request = stack
        .http
        .post(stack.url("webhooks/telegram"))
        .header(
            "X-Telegram-Bot-Api-Secret-Token",
            &stack.facts.secrets["telegram_webhook"],
        )
        .json(&json!({ "update_id": 1, "message": message }));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

/// A number that no other message of this process has.
fn next_message() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn commanded(stack: &Stack, id: &IncidentId) -> Vec<Entry> {
    let log = stack.store.log(id).await.expect("the log");
    let responses = |entry: &Entry| COMMANDED.contains(&entry.event);
    log.into_iter().filter(responses).collect()
}

fn events(log: &[Entry]) -> Vec<Event> {
    log.iter().map(|entry| entry.event).collect()
}

#[tokio::test]
async fn commands_in_telegram_do_what_a_responder_does() {
    let stack = Stack::start();
    let (id, other) = (waiting(&stack).await, waiting(&stack).await);
    let telegram = &stack.facts.telegram;
    let here = (telegram.approver_id, telegram.chat_id);
    let duplicate = format!("/quell duplicate {other}");
    let named = format!("/quell reopen {id}");
    // A word without a card names its incident.
    for (card, text, said) in [
        (Some(&id), "/quell ack", "You are on it: the card says so."),
        (
            Some(&id),
            "/quell@quell_bot assign bob",
            "It is theirs now: they are told.",
        ),
        (
            Some(&id),
            "/quell note the <b>disk</b> was full",
            "Noted: the card shows it.",
        ),
        (
            Some(&id),
            "/quell snooze 2h",
            "It is put off, and you are on it until then.",
        ),
        (
            Some(&id),
            duplicate.as_str(),
            "Closed: it repeats the other incident.",
        ),
        (None, named.as_str(), "It is open again."),
    ] {
        let answer = write(&stack, here, card.map(IncidentId::as_str), text).await;
        assert_eq!(answer["method"], "sendMessage", "{text}: {answer}");
        assert_eq!(answer["text"], said, "{text}");
        assert_eq!(answer["chat_id"], json!(telegram.chat_id));
    }
    let log = commanded(&stack, &id).await;
    assert_eq!(events(&log), COMMANDED);
    let by = format!("telegram:{}", telegram.approver_id);
    assert!(log.iter().all(|entry| entry.actor == by), "{log:#?}");
    let card = stack.card(id.as_str(), "Needs a human").await;
    let text = card["text"].as_str().expect("a text");
    assert!(text.contains("the <b>disk</b> was full"), "{text}");
}

#[tokio::test]
async fn what_is_no_command_or_from_elsewhere_changes_nothing() {
    let stack = Stack::start();
    let id = waiting(&stack).await;
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
        // Other messages, and other chats, come to nothing.
        (here, card, "quell ack", Value::Null),
        (here, card, "/quellack", Value::Null),
        ((here.0, -1), card, "/quell ack", Value::Null),
    ] {
        let answer = write(&stack, who, card, text).await;
        assert_eq!(answer["text"], said, "{text}");
    }
    let help = write(&stack, here, None, "/quell").await;
    assert!(
        help["text"]
            .as_str()
            .is_some_and(|text| text.contains("snooze 2h")),
        "{help}"
    );
    assert_eq!(events(&commanded(&stack, &id).await), []);
}

#[tokio::test]
async fn commands_in_slack_do_what_a_responder_does() {
    let stack = Stack::start();
    let (id, other) = (waiting(&stack).await, waiting(&stack).await);
    for text in [
        format!("ack {id}"),
        format!("assign {id} bob"),
        format!("note {id} the disk was full"),
        format!("snooze {id} 90m"),
        format!("duplicate {id} {other}"),
        format!("reopen {id}"),
    ] {
        let answer = slack::command(&stack, slack::CHANNEL, &text).await;
        assert_eq!(answer.status(), 200, "{text}");
    }
    let log = commanded(&stack, &id).await;
    assert_eq!(events(&log), COMMANDED);
    let by = format!("slack:{}", slack::MEMBER);
    assert!(log.iter().all(|entry| entry.actor == by), "{log:#?}");
    // Of a channel that is none of ours nothing is taken.
    let answer = slack::command(&stack, "C0000000000", &format!("ack {id}")).await;
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn who_may_switches_repairs_off_by_chat() {
    let stack = Stack::start_with(&["--without", "witness"]);
    let telegram = &stack.facts.telegram;
    let here = (telegram.approver_id, telegram.chat_id);
    let by_slack = slack::command(&stack, slack::CHANNEL, "stop-repairs no").await;
    assert_eq!(by_slack.status(), 200);
    assert!(
        !stack.control.killed().await.expect("read"),
        "grace may not"
    );
    let answer = write(&stack, here, None, "/quell stop-repairs the disks move").await;
    let said = answer["text"].as_str().unwrap_or_default();
    assert!(
        said.starts_with("All repairs are switched off."),
        "{answer}"
    );
    let switch = stack.control.kill_switch().await.expect("read");
    let switch = switch.expect("it is on");
    assert_eq!(switch.why.as_deref(), Some("the disks move"));
    let by = switch.by.expect("who");
    assert!(
        by.contains(&format!("(telegram:{})", telegram.approver_id)),
        "{by}"
    );
    // What would have run by itself is asked about, with the reason on the card.
    let id = waiting(&stack).await;
    stack.card(id.as_str(), "the disks move").await;
}

#[tokio::test]
async fn a_storm_is_acted_on_with_all_of_its_incidents() {
    let stack = Stack::start_with(&["--param", "StormIncidentsPerMinute=2"]);
    let alerts: Vec<TestAlert> = (0..8)
        .map(|i| TestAlert::firing(unique(&format!("all{i}"))))
        .collect();
    let delivered = stack.deliver(&group(&alerts)).await;
    let answer: Value = delivered.json().await.expect("JSON");
    let mut members = Vec::new();
    for result in answer["results"].as_array().expect("each") {
        let id = result["incident_id"].as_str().expect("an id");
        let incident = stack.incident(id, |one| one.status != Status::Open).await;
        members.extend(
            incident
                .storm_id()
                .cloned()
                .map(|storm| (storm, incident.id)),
        );
    }
    let storm = members[0].0.clone();
    stack.status(storm.as_str(), Status::NeedsHuman).await;
    let respond = async |body: Value| {
        let path = format!("incidents/{storm}/respond");
        let request = stack
            .http
            .post(stack.url(&path))
            .bearer_auth(&stack.facts.tokens["ada"]);
        let answer = request.json(&body).send().await.expect("an answer");
        let status = answer.status();
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(status, 200, "{body}: {answer}");
        answer
    };
    let all = async |wanted: &dyn Fn(&Incident) -> bool| {
        for (_, id) in &members {
            assert!(wanted(&stack.read(id).await), "{id}");
        }
    };
    assert_eq!(
        respond(json!({ "action": "acknowledge" })).await["responder"],
        "ada"
    );
    all(&|member| member.responder() == Some("ada")).await;
    respond(json!({ "action": "note", "text": "the switch was replaced" })).await;
    all(&|member| member.response.notes.is_empty()).await;
    respond(json!({ "action": "close", "reason": "fixed_by_hand" })).await;
    all(&|member| member.status == Status::Closed).await;
    stack.status(storm.as_str(), Status::Closed).await;
    stack
        .card(storm.as_str(), "0 of 6 incidents still open")
        .await;
    assert_eq!(
        respond(json!({ "action": "close", "reason": "fixed_by_hand" })).await["changed"],
        false
    );
    respond(json!({ "action": "reopen" })).await;
    all(&|member| member.status == Status::InStorm).await;
    stack.status(storm.as_str(), Status::NeedsHuman).await;
    stack
        .card(storm.as_str(), "6 of 6 incidents still open")
        .await;
}
