//! Tests of the dialogue in Slack: the card is edited in place, answers are ephemeral, and the
//! details are in its thread.

use domain::incident::Status;
use domain::incident::operation_log::Event;
use serde_json::{Value, json};
use store::CardOf;
use tests::alert::{TestAlert, unique};
use tests::faulty_aws::{Dies, dying};
use tests::stack::{Stack, wait_for};

use super::own::Own;
use crate::notifier::notices::overdue;

/// The stack's channel of Slack, which presses come from.
const NAME: &str = "operations";

/// A `channels.json` with one channel of Slack, where everything is told.
fn channels(stack: &Stack, name: &str, channel: &str) -> Value {
    let slack = &stack.facts.slack;
    let to = json!({ "slack": { "channel_id": channel, "token_secret": slack.token_secret, "api_url": slack.base_url } });
    json!({
        "channels": [{ "name": name, "language": "zh-TW", "to": to }], "routes": [{ "channels": [name] }],
        "people": { "grace": { "slack": slack.user_id } }, "approvals": [{ "people": ["grace"] }],
    })
}

async fn messages(stack: &Stack, channel: &str) -> Vec<Value> {
    stack
        .slack("messages", &json!({ "channel": channel }))
        .await["messages"]
        .as_array()
        .expect("a list")
        .clone()
}

fn text(message: &Value) -> &str {
    message["text"].as_str().expect("a text")
}

/// What stands in the buttons of a message, in order.
fn buttons(message: &Value) -> Vec<&str> {
    let blocks = message["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .filter(|block| block["type"] == "actions");
    let elements = blocks.flat_map(|block| block["elements"].as_array().expect("elements"));
    elements
        .map(|element| element["value"].as_str().expect("a value"))
        .collect()
}

#[tokio::test]
async fn a_press_decides_and_is_answered_in_a_whisper_and_on_the_card() {
    let stack = Stack::start();
    let slack = &stack.facts.slack;
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let id = incident.id.as_str();
    // Told here by the story's notifier. From then on the deployed one keeps it true: it has a card in a channel that it knows.
    Own::with(&stack, &channels(&stack, NAME, &slack.channel_id))
        .await
        .changed(&incident.id)
        .await;
    let card = async || {
        let all = messages(&stack, &slack.channel_id).await;
        let cards: Vec<Value> = all
            .into_iter()
            .filter(|message| message["thread_ts"].is_null() && text(message).contains(id))
            .collect();
        let [card] = cards.as_slice() else {
            panic!("one card: {cards:#?}")
        };
        card.clone()
    };
    let posted = card().await;
    let approval = incident.approval.as_ref().expect("asked").id.as_str();
    let expected = [
        ("approve", approval),
        ("reject", approval),
        ("acknowledge", id),
        ("snooze_hour", id),
        ("details", id),
        ("history", id),
        ("reanalyse", id),
    ];
    assert_eq!(
        buttons(&posted),
        expected.map(|(word, id)| format!("{word}:{id}"))
    );
    assert!(text(&posted).contains("等待簽核"), "{posted}");
    let page = format!("{}/console/incidents/{id}", stack.facts.api_url);
    let last = posted["blocks"].as_array().expect("blocks").last();
    assert_eq!(
        last.expect("a block")["elements"][0]["text"],
        format!("<{page}|在主控台開啟>")
    );

    let press = async |word: &str, more: Value| {
        let value = buttons(&posted)
            .into_iter()
            .find(|value| value.starts_with(word))
            .expect("a button")
            .to_owned();
        let mut press = json!({ "channel": slack.channel_id, "ts": posted["ts"], "value": value, "user": slack.user_id });
        press
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        let answered = stack.slack("press", &press).await;
        (
            answered["status"].as_u64().expect("a status"),
            answered["body"].as_str().expect("a body").to_owned(),
        )
    };
    let whispered = async |user: &str, words: &str| {
        let look = async || {
            let whispers = stack
                .slack("whispers", &json!({ "channel": slack.channel_id }))
                .await;
            let whispers = whispers["whispers"].as_array().expect("a list").clone();
            whispers
                .iter()
                .any(|whisper| whisper["user"] == user && whisper["text"] == words)
                .then_some(())
        };
        wait_for(words, look).await;
    };
    // What Slack did not sign, or signed long ago, is nothing.
    assert_eq!(
        press("approve", json!({ "signing_secret": "another" }))
            .await
            .0,
        401
    );
    assert_eq!(press("approve", json!({ "age_seconds": 400 })).await.0, 401);
    let taken = (200, String::new());
    let stranger = slack.user_ids.last().expect("somebody");
    assert_eq!(press("approve", json!({ "user": stranger })).await, taken);
    whispered(stranger, "您不在可決定人員的名單中。").await;

    assert_eq!(press("details", json!({})).await, taken);
    let look = async || {
        let all = messages(&stack, &slack.channel_id).await;
        all.into_iter()
            .find(|message| message["thread_ts"] == posted["ts"])
    };
    let details = wait_for("the details in the thread", look).await;
    assert!(
        text(&details).contains("分析完成") && text(&details).contains(id),
        "{details}"
    );

    assert_eq!(press("approve", json!({})).await, taken);
    whispered(&slack.user_id, "已核准，立即開始修復。").await;
    stack.status(id, Status::Repaired).await;
    let log = stack.log_with(id, Event::SlackResultSent).await;
    // The result makes a sound: in the thread of the card, shown in the channel, with a mention of whoever had approved.
    let all = messages(&stack, &slack.channel_id).await;
    let below: Vec<&Value> = all
        .iter()
        .filter(|message| message["thread_ts"] == posted["ts"])
        .collect();
    let broadcast: Vec<&&Value> = below
        .iter()
        .filter(|message| message["subtype"] == "thread_broadcast")
        .collect();
    let [result] = broadcast.as_slice() else {
        panic!("one result, and the details are for whoever asked: {below:#?}")
    };
    assert!(text(result).starts_with("✅ 已修復並通過驗證"), "{result}");
    assert_eq!(result["mentions"], json!([slack.user_id]));
    // Result and card are two messages to the channel; neither waits for the other.
    let look = async || Some(card().await).filter(|now| text(now).contains("已修復並通過驗證"));
    let now = wait_for("the card shows the result", look).await;
    assert_eq!(now["ts"], posted["ts"]);
    assert!(now["history"].as_array().expect("a list").len() > 1);
    let count = |event: Event| log.iter().filter(|entry| entry.event == event).count();
    assert_eq!(
        (
            count(Event::SlackSent),
            count(Event::ApprovalDecided),
            count(Event::ApprovalRefused)
        ),
        (1, 1, 1),
        "{log:#?}"
    );
}

/// A channel that no other story tells anything in: its name, and its id.
async fn own_channel(stack: &Stack) -> (String, String) {
    let id = format!("C{}", ulid::Ulid::generate());
    stack.slack("join", &json!({ "channel": id })).await;
    (unique("s"), id)
}

#[tokio::test]
async fn a_card_whose_answer_is_lost_is_found_by_its_metadata() {
    is_found_after(json!({ "status": 500 })).await;
}

#[tokio::test]
async fn a_card_that_slack_is_slow_to_post_is_found_by_metadata() {
    is_found_after(json!({ "delay_seconds": 9 })).await;
}

/// Slack takes the message, and nobody learns of it: the card is the one message that is there, and is edited from then on.
async fn is_found_after(mut fault: Value) {
    let stack = Stack::start();
    let (name, channel) = own_channel(&stack).await;
    let own = Own::with(&stack, &channels(&stack, &name, &channel)).await;
    for (field, value) in [
        ("channel", json!(channel)),
        ("method", json!("chat.postMessage")),
        ("apply", json!(true)),
    ] {
        fault[field] = value;
    }
    stack.slack("fail", &fault).await;
    let id = own.incident().await;
    own.changed(&id).await;
    assert!(
        stack
            .store
            .card(CardOf::Incident(&id), &name)
            .await
            .expect("the card")
            .card
            .sending
            .is_some(),
        "nobody knows of it yet"
    );
    wait_for("the message", async || {
        messages(&stack, &channel).await.pop()
    })
    .await;
    own.later(301, &name).await;
    own.resolve(&id).await;
    let all = messages(&stack, &channel).await;
    let [card] = all.as_slice() else {
        panic!("one message: {all:#?}")
    };
    assert!(
        text(card).contains("已解除") && card["history"].as_array().expect("a list").len() == 2,
        "{card}"
    );
    let log = stack.log_with(id.as_str(), Event::SlackSent).await;
    let sent: Vec<_> = log
        .iter()
        .filter(|entry| entry.event == Event::SlackSent)
        .collect();
    assert_eq!(
        (
            sent.len(),
            &sent[0].context["message_id"],
            &sent[0].context["again"]
        ),
        (1, &card["ts"], &Value::Null)
    );
}

#[tokio::test]
async fn an_escalation_before_the_receipt_is_found_and_not_repeated() {
    let stack = Stack::start();
    let (name, channel) = own_channel(&stack).await;
    let mut content = channels(&stack, &name, &channel);
    content["people"]["late"] = json!({ "slack": "U0000000009" });
    content["approvals"] =
        json!([{ "people": ["grace"], "then": ["late"], "escalate_after_seconds": 600 }]);
    let own = Own::with(&stack, &content).await;
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    own.changed(&incident.id).await;
    let due = overdue(&stack, &incident.id).await;
    let receipt = "people were told that they may decide as well";
    let aws = dying(&stack, Dies::Before, receipt).await;
    own.tell_by(&own.worker_at(&aws), &due).await;
    let below = async || {
        let all = messages(&stack, &channel).await;
        all.into_iter()
            .filter(|message| message["thread_ts"].is_string())
            .count()
    };
    assert_eq!(below().await, 1, "it was sent, and nothing says so");
    own.later(61, &name).await;
    assert_eq!(below().await, 1);
    let log = stack.store.log(&incident.id).await.expect("the log");
    let told = log.iter().filter(|entry| {
        entry.event == Event::SlackNoticeSent
            && entry.context["channel"] == name.as_str()
            && entry.context["update"] == "escalation"
    });
    let told: Vec<&Value> = told.map(|entry| &entry.context["again"]).collect();
    assert_eq!(told, [&Value::Null]);
}

#[tokio::test]
async fn slack_says_how_long_to_wait_and_nothing_is_sent_before() {
    let stack = Stack::start();
    let (name, channel) = own_channel(&stack).await;
    let own = Own::with(&stack, &channels(&stack, &name, &channel)).await;
    stack
        .slack(
            "fail",
            &json!({ "channel": channel, "status": 429, "retry_after": 60 }),
        )
        .await;
    let calls = async || {
        let calls = stack.slack("calls", &json!({})).await;
        calls["calls"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|call| call["parameters"]["channel"] == channel.as_str())
            .count()
    };
    let id = own.incident().await;
    own.changed(&id).await;
    own.later(30, &name).await;
    assert_eq!(
        (calls().await, messages(&stack, &channel).await.len()),
        (1, 0),
        "the one that it put off"
    );
    own.later(31, &name).await;
    assert_eq!(
        (calls().await, messages(&stack, &channel).await.len()),
        (2, 1)
    );
}

#[tokio::test]
async fn a_deleted_message_is_replaced_and_delays_no_answer() {
    let stack = Stack::start();
    let (name, channel) = own_channel(&stack).await;
    let own = Own::with(&stack, &channels(&stack, &name, &channel)).await;
    let id = own.incident().await;
    own.changed(&id).await;
    let delete = async |ts: &Value| {
        stack
            .slack("delete", &json!({ "channel": channel, "ts": ts }))
            .await
    };
    let first = messages(&stack, &channel).await.remove(0);
    delete(&first["ts"]).await;
    own.resolve(&id).await;
    let second = messages(&stack, &channel).await.remove(0);
    assert!(
        second["ts"] != first["ts"] && text(&second).contains("已解除"),
        "{second}"
    );

    // There is no thread any more that the details could stand in.
    delete(&second["ts"]).await;
    own.details(&id, &name, &unique("press")).await;
    let all = messages(&stack, &channel).await;
    let [details] = all.as_slice() else {
        panic!("the details: {all:#?}")
    };
    assert!(
        details["thread_ts"].is_null() && text(details).contains("已解除"),
        "{details}"
    );
}
