//! Tests of the dialogue in Telegram, on the deployed stack: the card's own buttons, pressed in the
//! stand-in as in the app.

use domain::incident::operation_log::{Entry, Event};
use domain::incident::{Incident, Status};
use domain::notification::button_action::ButtonAction;
use domain::policy::precedent::Near;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use lambda_http::{Body, http};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::opened::{alert, opened};
use tests::own_queue::OwnQueue;
use tests::stack::{Stack, wait_for};
use wire::message::Message;

/// Somebody who is in the chat and on no list.
const STRANGER: i64 = 1;
const NOT_LISTED: &str = "You are not on the list of people who may decide.";

/// What the buttons of a message ask for, in order. The last one may lead to a page, and asks for nothing.
pub(crate) fn buttons(message: &Value) -> Vec<String> {
    let rows = message["reply_markup"]["inline_keyboard"]
        .as_array()
        .into_iter()
        .flatten();
    let buttons = rows.flat_map(|row| row.as_array().expect("a row"));
    buttons
        .filter(|button| button["url"].is_null())
        .map(|button| {
            button["callback_data"]
                .as_str()
                .expect("its data")
                .to_owned()
        })
        .collect()
}

/// The card of one incident in the stack's chat.
struct Phone<'a> {
    stack: &'a Stack,
    card: Value,
}

impl Phone<'_> {
    /// Presses the button that asks for this; its update.
    async fn press(&self, word: &str, person: i64, language: Option<&str>) -> Value {
        let data = buttons(&self.card)
            .into_iter()
            .find(|data| data.starts_with(word))
            .expect("the card has this button");
        let (chat, message) = (self.stack.facts.telegram.chat_id, &self.card["message_id"]);
        let press = json!({ "chat_id": chat, "message_id": message, "data": data, "from_id": person, "language_code": language });
        self.stack.control("press", &press).await
    }

    /// The same, and what the person is told.
    async fn told(&self, word: &str, person: i64, language: Option<&str>) -> String {
        let update = self.press(word, person, language).await;
        self.stack
            .pressed(update["callback_query"]["id"].as_str().expect("an id"))
            .await
    }

    /// Waits for a message below the card that says this.
    async fn below(&self, says: &str) -> String {
        let chat = json!({ "chat_id": self.stack.facts.telegram.chat_id });
        let look = async || {
            let messages = self.stack.control("messages", &chat).await;
            let below =
                |message: &&Value| message["reply_to_message_id"] == self.card["message_id"];
            let mut texts = messages["messages"]
                .as_array()
                .expect("a list")
                .iter()
                .filter(below)
                .map(|message| message["text"].as_str());
            texts
                .find(|text| text.is_some_and(|text| text.contains(says)))
                .flatten()
                .map(str::to_owned)
        };
        wait_for(says, look).await
    }
}

fn all(log: &[Entry], event: Event) -> Vec<&Entry> {
    log.iter().filter(|entry| entry.event == event).collect()
}

/// An alert whose plan waits for a decision, with the card of its incident. An hour ago there was one like it, which ended by itself.
async fn waiting(stack: &Stack) -> (Incident, Phone<'_>) {
    let firing = TestAlert::firing(&stack.facts.target.service);
    let mut before = opened(&firing.alert(), 60);
    before.resolved(1, before.incident.opened_at);
    let before = stack.store.save(before).await.expect("saved");
    stack
        .store
        .remember(&before, &Near::of(&before.alert, None))
        .await
        .expect("remembered");
    let incident = stack.awaiting_approval(&firing).await;
    assert_eq!(incident.fingerprint, before.fingerprint);
    let card = stack
        .card(incident.id.as_str(), "Waiting for a decision")
        .await;
    (incident, Phone { stack, card })
}

#[tokio::test]
async fn everything_up_to_the_repair_is_asked_on_the_card() {
    let stack = Stack::start();
    let person = stack.facts.telegram.approver_id;
    let (incident, mut phone) = waiting(&stack).await;
    let id = incident.id.as_str();
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
        buttons(&phone.card),
        expected.map(|(word, id)| format!("{word}:{id}"))
    );

    // What is asked for beside the card comes below it.
    assert_eq!(
        phone.told("details", person, None).await,
        "The details follow."
    );
    let details = phone.below("Details of P").await;
    for part in [
        "Evidence",
        "Plan",
        "Log",
        "Analysis completed",
        "Approval requested",
        id,
    ] {
        assert!(details.contains(part), "no {part} in {details}");
    }
    assert_eq!(
        phone.told("history", person, Some("zh-hant")).await,
        "歷史事件稍後送上。"
    );
    let history = phone.below("Earlier incidents of TargetDown").await;
    assert!(history.contains("resolved without a repair"), "{history}");

    // Somebody doubts the finding; once is enough for now.
    assert_eq!(
        phone.told("reanalyse", person, None).await,
        "A new analysis begins. The card will show it."
    );
    stack
        .incident(id, |incident| {
            incident.reanalysis.as_ref().is_some_and(|asked| asked.done)
        })
        .await;
    let again = phone.told("reanalyse", person, None).await;
    assert!(
        again.starts_with("No new analysis: the last new analysis was asked for at "),
        "{again}"
    );
    let log = stack.log_with(id, Event::ReanalysisRequested).await;
    assert_eq!(all(&log, Event::AnalysisCompleted).len(), 2, "{log:#?}");
    assert_eq!(
        all(&log, Event::ReanalysisRequested)[0].actor,
        format!("telegram:{person}")
    );
    assert_eq!(
        all(&log, Event::PressRefused).len(),
        1,
        "the one that came too soon"
    );
    let looked: Vec<(&str, &Value)> = all(&log, Event::MoreAsked)
        .into_iter()
        .map(|entry| (entry.actor.as_str(), &entry.context["asked"]))
        .collect();
    let by = format!("telegram:{person}");
    assert_eq!(
        looked,
        [
            (by.as_str(), &json!(format!("details:{id}"))),
            (by.as_str(), &json!(format!("history:{id}")))
        ]
    );

    // The new finding led to the same plan: the button is the same, and it repairs. The press comes twice, and counts once.
    phone.card = stack.card(id, "Waiting for a decision").await;
    let update = phone.press("approve", person, None).await;
    let query = update["callback_query"]["id"].as_str().expect("an id");
    assert_eq!(
        stack.pressed(query).await,
        "Approved: the repair starts now."
    );
    stack
        .control("redeliver", &json!({ "update_id": update["update_id"] }))
        .await;
    let twice = wait_for("the second answer", async || {
        let answers = stack.control("callback_answers", &json!({})).await;
        let to_it = |answer: &&Value| answer["callback_query_id"] == query;
        let texts: Vec<Value> = answers["callback_answers"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(to_it)
            .map(|answer| answer["text"].clone())
            .collect();
        (texts.len() > 1).then_some(texts)
    });
    assert_eq!(twice.await, ["Approved: the repair starts now."; 2]);
    stack.status(id, Status::Repaired).await;
    phone.card = stack.card(id, "Repaired and verified").await;
    assert_eq!(
        buttons(&phone.card),
        [
            format!("acknowledge:{id}"),
            format!("snooze_hour:{id}"),
            format!("details:{id}"),
            format!("history:{id}")
        ],
        "what would be refused is not offered"
    );
    let log = stack.log_with(id, Event::TelegramResultSent).await;
    assert_eq!(
        (
            all(&log, Event::ApprovalDecided).len(),
            all(&log, Event::TelegramSent).len()
        ),
        (1, 1),
        "{log:#?}"
    );
    assert_eq!(
        all(&log, Event::ApprovalDecided)[0].actor,
        format!("telegram:{person}")
    );
}

#[tokio::test]
async fn a_stranger_is_refused_by_every_button_and_logged() {
    let stack = Stack::start();
    let (incident, phone) = waiting(&stack).await;
    let words = [
        "approve",
        "reject",
        "acknowledge",
        "details",
        "history",
        "reanalyse",
    ];
    for word in words {
        assert_eq!(phone.told(word, STRANGER, None).await, NOT_LISTED, "{word}");
    }
    assert_eq!(
        phone.told("approve", STRANGER, Some("zh-TW")).await,
        "您不在可決定人員的名單中。"
    );
    let log = stack
        .log_with(incident.id.as_str(), Event::PressRefused)
        .await;
    let (decisions, others) = (
        all(&log, Event::ApprovalRefused),
        all(&log, Event::PressRefused),
    );
    assert_eq!((decisions.len(), others.len()), (3, 4), "{log:#?}");
    for entry in decisions.into_iter().chain(others) {
        assert_eq!((entry.actor.as_str(), entry.success), ("telegram:1", false));
        assert_eq!(
            entry.error.as_deref(),
            Some("you are not on the list of people who may decide")
        );
    }
    stack
        .incident(incident.id.as_str(), |now| {
            now.status == Status::AwaitingApproval && now.reanalysis.is_none()
        })
        .await;
}

#[tokio::test]
async fn a_chat_that_has_moved_is_where_people_press_from_then_on() {
    let stack = Stack::start();
    let from = -i64::try_from(ulid::Ulid::generate().random() % 1_000_000_000_000)
        .expect("a small number")
        - 1;
    let (name, to) = (unique("c"), from - 1_000_000_000_000);
    let chat = json!({ "chat_id": from, "api_url": stack.facts.telegram.base_url, "messages_per_minute": 600 });
    let content = json!({
        "channels": [{ "name": name, "to": { "telegram": chat } }], "routes": [{ "channels": [name] }],
        "people": { "ada": { "telegram": 7 } }, "approvals": [{ "people": ["ada"] }],
    });
    let (files, queue) = (
        tempfile::tempdir().expect("a directory"),
        OwnQueue::create(&stack).await,
    );
    std::fs::write(files.path().join("channels.json"), content.to_string()).expect("written");
    let changed = [
        ("CONFIG_DIR", files.path().to_str().expect("text")),
        ("NOTIFICATIONS_QUEUE_URL", queue.url.as_str()),
    ];
    let (notifier, ingress) = (stack.notifier_with(&changed), stack.ingress(&changed));
    stack.control("join", &json!({ "chat_id": from })).await;
    stack
        .control("migrate", &json!({ "chat_id": from, "to": to }))
        .await;

    let mut change = opened(&alert(&unique("moved")), 0);
    change.incident.status = Status::NeedsHuman;
    let id: IncidentId = stack.store.save(change).await.expect("saved").id;
    let until = std::time::Instant::now() + super::PATIENCE;
    let press = |chat: i64| {
        let query = json!({
            "id": unique("q"), "from": { "id": 7, "is_bot": false, "first_name": "A" }, "data": ButtonAction::Details(id.clone()).to_string(),
            "message": { "message_id": 1, "date": 0, "chat": { "id": chat, "type": "supergroup" } },
        });
        let request = http::Request::post("https://api.test/api/v1/webhooks/telegram");
        let request = request.header(
            "X-Telegram-Bot-Api-Secret-Token",
            &stack.facts.secrets["telegram_webhook"],
        );
        request
            .body(Body::from(
                json!({ "update_id": 1, "callback_query": query }).to_string(),
            ))
            .expect("a request")
    };
    // Nobody has been told there yet: it may be anybody's chat.
    let (status, refused) = answer(&ingress, press(to), Timestamp::now()).await;
    assert_eq!(
        (status, &refused["text"]),
        (200, &json!("Buttons work in the configured channels only."))
    );
    let changed = Message::IncidentChanged {
        incident_id: id.clone(),
    };
    Box::pin(notifier.handle(&changed, &unique("holder"), &Timestamp::now, until))
        .await
        .expect("told");
    for (chat, words) in [
        (to, "The details follow."),
        (from, "The details follow."),
        (to - 1, "Buttons work in the configured channels only."),
    ] {
        let (status, told) = answer(&ingress, press(chat), Timestamp::now()).await;
        assert_eq!((status, &told["text"]), (200, &json!(words)), "{chat}");
    }
    let asked = queue.take_all().await;
    assert_eq!(
        asked
            .iter()
            .filter(|body| body.contains(&name) && body.contains("more_asked"))
            .count(),
        2,
        "{asked:?}"
    );
}
