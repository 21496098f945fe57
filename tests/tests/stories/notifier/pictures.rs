//! Test that each kind of message reaches a chat in its language. `make pictures` draws the chats for docs/notifications.md.

use std::collections::BTreeMap;

use domain::alert::AlertSeverity;
use domain::incident::change::IncidentChange;
use domain::incident::repair::RepairOutcome;
use domain::notification::button_action::More;
use domain::policy::precedent::Near;
use domain::primitives::id::IncidentId;
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::fresh_incident_id;
use tests::chats::Story;
use tests::samples;
use wire::message::Message;

use super::notices::{approve, change, people, ran, waiting};

const LANGUAGES: [&str; 2] = ["en", "zh-TW"];
/// Names the file for what the chats hold: for each picture and language a list of messages.
const FILE: &str = "QUELL_PICTURES";

/// A chat for each language.
async fn chats(more: &Value) -> Story {
    let mut more = more.clone();
    more["channels"] = json!(LANGUAGES.map(|language| json!({ "language": language })));
    Story::of(LANGUAGES.len(), 1, Some(600), &more).await
}

async fn save(story: &Story, mut change: IncidentChange) -> IncidentId {
    // The samples have ids of their own, which every run would write again.
    change.incident.id = fresh_incident_id(Timestamp::now());
    let saved = Box::pin(story.stack.store.save(change)).await;
    saved.expect("saved").id
}

/// What the chats hold, from this message on.
async fn shown(story: &Story, from: usize) -> BTreeMap<&'static str, Vec<Value>> {
    let mut shown = BTreeMap::new();
    for (chat, language) in LANGUAGES.into_iter().enumerate() {
        let messages = story.messages(chat).await;
        let drawn =
            |message: &Value| json!({ "html": message["html"], "buttons": labels(message) });
        shown.insert(language, messages.iter().skip(from).map(drawn).collect());
    }
    shown
}

/// The labels of a message's buttons, by rows.
fn labels(message: &Value) -> Vec<Vec<&str>> {
    let rows = message["reply_markup"]["inline_keyboard"].as_array();
    let rows = rows.into_iter().flatten().filter_map(Value::as_array);
    rows.map(|row| row.iter().filter_map(label).collect())
        .collect()
}

fn label(button: &Value) -> Option<&str> {
    button["text"].as_str()
}

/// Two people, as a plan of critical risk needs them.
fn two() -> Value {
    let mut file = people();
    // By the id with which she approves in the sample.
    file["people"]["ada"] = json!({ "telegram": 7 });
    file["people"]["mira"] = json!({ "telegram": 72 });
    file["approvals"] = json!([{ "people": ["ada", "mira"] }]);
    file
}

async fn cards(changes: Vec<IncidentChange>) -> BTreeMap<&'static str, Vec<Value>> {
    let story = chats(&two()).await;
    for change in changes {
        let id = save(&story, change).await;
        story.changed(&id).await;
    }
    shown(&story, 0).await
}

/// What is shown to whoever presses Details, and then History.
async fn asked() -> [BTreeMap<&'static str, Vec<Value>>; 2] {
    let story = chats(&two()).await;
    let now = samples::half_approved();
    for mut before in [samples::repaired(), samples::needs_human()] {
        before
            .incident
            .fingerprint
            .clone_from(&now.incident.fingerprint);
        let over = before.incident.opened_at + SignedDuration::from_mins(40);
        before.resolved(1, over);
        let id = save(&story, before).await;
        let before = story.stack.read(&id).await;
        let near = Near::of(&before.alert, None);
        let remembered = story.stack.store.remember(&before, &near).await;
        remembered.expect("remembered");
    }
    let incident_id = save(&story, now).await;
    story.changed(&incident_id).await;
    let mut answers = Vec::new();
    for (place, what) in [More::Details, More::History].into_iter().enumerate() {
        for (channel, _) in &story.chats {
            let asked = Message::MoreAsked {
                incident_id: incident_id.clone(),
                what,
                channel: channel.clone(),
                press: format!("{channel} {place}"),
                by: "telegram:71".to_owned(),
            };
            story.tell(&asked).await;
        }
        answers.push(shown(&story, 1 + place).await);
    }
    answers.try_into().expect("two answers")
}

/// News below a card, each of which makes a sound.
async fn notices() -> BTreeMap<&'static str, Vec<Value>> {
    let story = chats(&people()).await;
    let id = waiting(&story).await;
    story.changed(&id).await;
    let happens: [fn(&mut IncidentChange); 3] = [
        |change| change.escalated(AlertSeverity::Critical, 2, Timestamp::now()),
        |change| {
            approve(change);
            ran(change, RepairOutcome::Verified);
        },
        |change| {
            change.resolved(2, Timestamp::now());
            change.reopened(1, 3, Timestamp::now());
        },
    ];
    for happens in happens {
        change(&story, &id, happens).await;
        story.changed(&id).await;
    }
    shown(&story, 1).await
}

/// The call of the second list.
async fn escalation() -> BTreeMap<&'static str, Vec<Value>> {
    let mut file = people();
    file["people"]["mira"] = json!({ "telegram": 72 });
    file["approvals"] =
        json!([{ "people": ["ada"], "then": ["mira"], "escalate_after_seconds": 600 }]);
    let story = chats(&file).await;
    let id = waiting(&story).await;
    story.changed(&id).await;
    let earlier = |change: &mut IncidentChange| {
        let approval = change.incident.approval.as_mut().expect("asked");
        approval.requested_at -= SignedDuration::from_hours(2);
    };
    change(&story, &id, earlier).await;
    let approval = story.stack.read(&id).await.approval.expect("asked");
    story
        .tell(&Message::DecisionTimer {
            approval_id: approval.id,
        })
        .await;
    shown(&story, 1).await
}

/// What is no incident: the models' budget, and a plan that no one may approve.
async fn warnings() -> BTreeMap<&'static str, Vec<Value>> {
    let mut file = people();
    file["approvals"] = json!([{ "people": ["ada"], "services": ["another"] }]);
    let story = chats(&file).await;
    let day = date(2026, 11, 22);
    story.tell(&Message::BudgetUsedUp { day }).await;
    let id = waiting(&story).await;
    story.changed(&id).await;
    let mut all = shown(&story, 0).await;
    for messages in all.values_mut() {
        // Without the card.
        messages.retain(labels_are_empty);
    }
    all
}

fn labels_are_empty(message: &Value) -> bool {
    message["buttons"].as_array().is_none_or(Vec::is_empty)
}

#[tokio::test]
async fn each_kind_of_message_arrives_in_the_language_of_its_chat() {
    let [details, history] = asked().await;
    let pictures = BTreeMap::from([
        ("waiting", cards(vec![samples::waiting()]).await),
        ("decided", cards(vec![samples::half_approved()]).await),
        ("repairing", cards(vec![samples::repairing()]).await),
        ("failed", cards(vec![samples::failed()]).await),
        ("human", cards(vec![samples::needs_human()]).await),
        (
            "storm",
            cards(vec![samples::storm(), samples::pipeline()]).await,
        ),
        ("details", details),
        ("history", history),
        ("notices", notices().await),
        ("escalation", escalation().await),
        ("warnings", warnings().await),
    ]);
    for (name, shown) in &pictures {
        let [english, chinese] = LANGUAGES.map(|language| &shown[language]);
        assert!(!english.is_empty(), "{name}");
        assert_eq!(english.len(), chinese.len(), "{name}: {shown:#?}");
        for (english, chinese) in english.iter().zip(chinese) {
            assert!(english["html"].is_string(), "{name}: {english}");
            assert_ne!(english["html"], chinese["html"], "{name}");
        }
    }
    if let Some(file) = std::env::var_os(FILE) {
        std::fs::write(file, json!(pictures).to_string()).expect("written");
    }
}
