//! Tests of topics in a group of Telegram: each is a channel of its own, with its cards, its
//! answers and its faults.

use domain::notification::button_action::ButtonAction;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use tests::alert::unique;
use tests::in_process::answer;
use tests::stack::Stack;

use super::own::Own;

const FIRST: i64 = 11;
const SECOND: i64 = 22;
/// Who may press, by their id at Telegram.
const ADA: i64 = 7;

/// A group with two topics, each of which is a channel.
struct Group<'a> {
    stack: &'a Stack,
    chat: i64,
    channels: [String; 2],
    own: Own<'a>,
}

impl<'a> Group<'a> {
    async fn of(stack: &'a Stack) -> Self {
        let id = ulid::Ulid::generate().random() % 1_000_000_000_000;
        let chat = -1 - i64::try_from(id).expect("a small number");
        stack.control("join", &json!({ "chat_id": chat })).await;
        let channels = [unique("one"), unique("two")];
        let channel = |(name, topic): (&String, i64)| {
            let chat = json!({
                "chat_id": chat, "message_thread_id": topic, "api_url": stack.facts.telegram.base_url, "messages_per_minute": 600,
            });
            json!({ "name": name, "to": { "telegram": chat } })
        };
        let both: Vec<Value> = channels.iter().zip([FIRST, SECOND]).map(channel).collect();
        let content = json!({
            "channels": both, "routes": [{ "channels": channels }],
            "people": { "ada": { "telegram": ADA } }, "approvals": [{ "people": ["ada"] }],
        });
        let own = Own::with(stack, &content).await;
        let group = Self {
            stack,
            chat,
            channels,
            own,
        };
        group.topic(FIRST, "open").await;
        group.topic(SECOND, "open").await;
        group
    }

    /// Somebody opens, closes or deletes a topic.
    async fn topic(&self, topic: i64, state: &str) {
        let asked = json!({ "chat_id": self.chat, "topic": topic, "state": state });
        self.stack.control("topic", &asked).await;
    }

    /// What stands in a topic.
    async fn messages(&self, topic: i64) -> Vec<Value> {
        let asked = json!({ "chat_id": self.chat });
        let all = self.stack.control("messages", &asked).await;
        let all = all["messages"].as_array().expect("a list").clone();
        all.into_iter()
            .filter(|message| message["message_thread_id"] == topic)
            .collect()
    }

    /// A press on *Details* in a message, as Telegram delivers it.
    fn press(&self, id: &IncidentId, message: Value) -> Request {
        let mut message = message;
        message["chat"] = json!({ "id": self.chat, "type": "supergroup", "is_forum": true });
        let query = json!({
            "id": unique("q"), "from": { "id": ADA, "is_bot": false, "first_name": "A" },
            "data": ButtonAction::Details(id.clone()).to_string(), "message": message,
        });
        let secret = &self.stack.facts.secrets["telegram_webhook"];
        http::Request::post("https://api.test/api/v1/webhooks/telegram")
            .header("X-Telegram-Bot-Api-Secret-Token", secret)
            .body(Body::from(
                json!({ "update_id": 1, "callback_query": query }).to_string(),
            ))
            .expect("a request")
    }
}

#[tokio::test]
async fn each_topic_has_a_card_and_is_answered_where_one_pressed() {
    let stack = Stack::start();
    let group = Group::of(&stack).await;
    let id = group.own.incident().await;
    group.own.changed(&id).await;
    let cards = [
        group.messages(FIRST).await.remove(0),
        group.messages(SECOND).await.remove(0),
    ];
    for card in &cards {
        assert!(
            card["text"]
                .as_str()
                .is_some_and(|text| text.contains(id.as_str())),
            "{card}"
        );
    }

    let door = group.own.door();
    let card = &cards[1]["message_id"];
    let in_topic = json!({
        "message_id": card, "date": 1_700_000_000, "message_thread_id": SECOND, "is_topic_message": true,
    });
    // Of a message that is too old Telegram says its chat and its id alone.
    let too_old = json!({ "message_id": card, "date": 0 });
    for message in [in_topic, too_old] {
        let press = group.press(&id, message);
        let (status, told) = answer(&door, press, Timestamp::now()).await;
        assert_eq!(
            (status, &told["text"]),
            (200, &json!("The details follow."))
        );
    }
    group.own.work_off().await;
    let second = group.messages(SECOND).await;
    assert_eq!(
        second
            .iter()
            .map(|message| &message["reply_to_message_id"])
            .collect::<Vec<_>>(),
        [&Value::Null, card],
        "the press in the topic is answered there, below its card"
    );

    group.own.resolve(&id).await;
    for topic in [FIRST, SECOND] {
        let card = group.messages(topic).await.remove(0);
        assert!(
            card["text"]
                .as_str()
                .is_some_and(|text| text.contains("Resolved")),
            "{card}"
        );
    }
}

#[tokio::test]
async fn a_closed_or_deleted_topic_holds_up_no_other() {
    let stack = Stack::start();
    let group = Group::of(&stack).await;
    for state in ["closed", "deleted"] {
        group.topic(FIRST, state).await;
        let before = group.messages(SECOND).await.len();
        let id = group.own.incident().await;
        group.own.changed(&id).await;
        assert_eq!(group.messages(SECOND).await.len(), before + 1, "{state}");
        let due = stack
            .store
            .due(&group.channels[0], Timestamp::now())
            .await
            .expect("the outbox");
        assert_eq!(
            due.iter().map(|due| due.refused).collect::<Vec<_>>(),
            [1],
            "{state}: it waits for the operator"
        );
        group.topic(FIRST, "open").await;
        for _ in 0..2 {
            group.own.later(901, &group.channels[0]).await;
        }
        let told = group.messages(FIRST).await;
        assert!(
            told.iter().any(|message| message["text"]
                .as_str()
                .is_some_and(|text| text.contains(id.as_str()))),
            "{state}: it is told once there is a topic again"
        );
    }
}
