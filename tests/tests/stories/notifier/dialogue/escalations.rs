//! Tests of escalation: an undecided plan notifies the second list of people, or the next level of a
//! team, below the card, once, and they may decide from then on.

use std::time::Instant;

use domain::analysis::Severity;
use domain::incident::Status;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Event;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, http};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::stack::{Stack, wait_for};
use wire::message::Message;

use super::own::Own;
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

/// A team whose first level is a rotation that hands over every day, with two levels behind it.
fn levels() -> Value {
    json!({ "teams": { "web": { "levels": [
        {
            "rotation": { "zone": "Europe/Berlin", "hand_over": "09:00", "first": "2026-01-05", "members": ["ada"] },
            "wait_seconds": 600,
        },
        { "people": ["dora"], "wait_seconds": 900 },
        { "people": ["eve"] },
    ] } } })
}

#[tokio::test]
async fn each_level_of_a_team_is_told_once_and_decides() {
    let stack = Stack::start();
    let chat = i64::try_from(ulid::Ulid::generate().random() % 1_000_000_000_000)
        .expect("a small number")
        + 1;
    let name = unique("c");
    let to = json!({ "telegram": { "chat_id": chat, "api_url": stack.facts.telegram.base_url, "messages_per_minute": 600 } });
    let channels = json!({
        "channels": [{ "name": name, "to": to }], "routes": [{ "channels": [name] }],
        "people": { "ada": { "telegram": 7001 }, "dora": { "telegram": 7002 }, "eve": { "telegram": 7003 } },
        "approvals": [{ "team": "web" }],
    });
    let files = [("channels.json", &channels), ("people.json", &levels())];
    stack.control("join", &json!({ "chat_id": chat })).await;
    let own = Own::with_files(&stack, &files).await;
    let ingress = own.ingress();
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let approval = incident.approval.expect("asked").id;
    let press = async |person: i64| {
        let query = json!({
            "id": unique("q"), "from": { "id": person, "is_bot": false, "first_name": "A" }, "data": format!("reject:{approval}"),
            "message": { "message_id": 1, "date": 0, "chat": { "id": chat, "type": "private" } },
        });
        let request = http::Request::post("https://api.test/api/v1/webhooks/telegram")
            .header(
                "X-Telegram-Bot-Api-Secret-Token",
                &stack.facts.secrets["telegram_webhook"],
            )
            .body(Body::from(
                json!({ "update_id": 1, "callback_query": query }).to_string(),
            ))
            .expect("a request");
        let (_, answered) = answer(&ingress, request, Timestamp::now()).await;
        answered["text"].as_str().expect("a text").to_owned()
    };
    let change = async |change: &(dyn Fn(&mut IncidentChange) + Sync)| {
        stack
            .store
            .change(&incident.id, change)
            .await
            .expect("saved");
    };
    let below = async || {
        let messages = stack.control("messages", &json!({ "chat_id": chat })).await;
        let all = messages["messages"].as_array().expect("a list");
        let texts = all
            .iter()
            .filter(|message| message["reply_to_message_id"].is_number());
        texts
            .map(|message| message["text"].as_str().expect("a text").to_owned())
            .collect::<Vec<_>>()
    };
    let timer = async || {
        for _ in 0..2 {
            let due = Message::DecisionTimer {
                approval_id: approval.clone(),
            };
            own.tell(&due).await;
        }
    };

    change(&|change| change.incident.severity = Severity::P1).await;
    own.changed(&incident.id).await;
    assert_eq!(
        press(7002).await,
        "The rules do not let you decide on this plan."
    );
    change(&|change| {
        let approval = change.incident.approval.as_mut().expect("asked");
        approval.requested_at -= SignedDuration::from_secs(601);
    })
    .await;
    timer().await;
    let told = below().await;
    assert!(
        matches!(&told[..], [text] if text.contains("No decision for 10 min") && text.contains("dora") && !text.contains("eve")),
        "{told:#?}"
    );
    assert_eq!(
        press(7003).await,
        "The rules do not let you decide on this plan."
    );

    change(&|change| {
        let level = &mut change.incident.approval.as_mut().expect("asked").level;
        level.as_mut().expect("the second").at -= SignedDuration::from_secs(901);
    })
    .await;
    timer().await;
    let told = below().await;
    assert!(
        matches!(&told[..], [_, text] if text.contains("eve") && !text.contains("dora")),
        "{told:#?}"
    );
    let log = stack
        .log_with(incident.id.as_str(), Event::ApprovalEscalated)
        .await;
    let levels = log
        .iter()
        .filter(|entry| entry.event == Event::ApprovalEscalated);
    let levels: Vec<&Value> = levels.map(|entry| &entry.context["level"]).collect();
    assert_eq!(levels, [&json!(2), &json!(3)]);
    // Who was told has its receipts, like every other notice.
    let log = stack.store.log(&incident.id).await.expect("the log");
    let told = log.iter().filter(|entry| {
        entry.event == Event::TelegramNoticeSent && entry.context["update"] == "escalation"
    });
    let told: Vec<&Value> = told.map(|entry| &entry.context["people"]).collect();
    assert_eq!(told, [&json!(["dora"]), &json!(["eve"])]);

    assert_eq!(press(7002).await, "Rejected: nothing will run.");
    stack.status(incident.id.as_str(), Status::Rejected).await;
}
