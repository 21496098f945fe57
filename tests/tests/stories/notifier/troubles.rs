//! Tests of what keeps people from being told: a channel that refuses, and incidents that fit no route.

use domain::alert::AlertSeverity;
use domain::primitives::id::IncidentId;
use serde_json::{Value, json};
use tests::chats::{Story, text};

/// The messages of a chat that warn of a trouble.
async fn warnings(story: &Story, chat: usize) -> Vec<String> {
    let messages = story.messages(chat).await;
    messages
        .iter()
        .map(text)
        .filter(|text| text.starts_with('⚠'))
        .map(str::to_owned)
        .collect()
}

/// The answer of the Bot API to a bot that is not in the chat any more.
fn kicked() -> Value {
    json!({ "error_code": 403, "description": "Forbidden: bot was kicked from the supergroup chat", "count": 1_000 })
}

#[tokio::test]
async fn a_channel_that_refuses_is_named_in_the_others_once() {
    let story = Story::in_groups(2, Some(600)).await;
    story.fail(0, kicked()).await;
    let mut ids: Vec<IncidentId> = Vec::new();
    for _ in 0..2 {
        let id = story.incident(AlertSeverity::Warning).await;
        story.changed(&id).await;
        ids.push(id);
    }
    for _ in 0..6 {
        story.later(901).await;
    }
    let expected = format!(
        "⚠ The channel {} refuses what Quell sends",
        story.chats[0].0
    );
    let warned = warnings(&story, 1).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].starts_with(&expected), "{warned:?}");
    // The other channel has its cards, and nothing is lost in the one that refuses.
    let cards = story.messages(1).await;
    for id in &ids {
        assert!(cards.iter().any(|card| text(card).contains(id.as_str())));
    }
    let heal = json!({ "chat_id": story.chats[0].1 });
    story.stack.control("heal", &heal).await;
    story.later(901).await;
    let late = story.messages(0).await;
    for id in &ids {
        assert!(late.iter().any(|card| text(card).contains(id.as_str())));
    }
}

#[tokio::test]
async fn incidents_without_a_route_are_told_of_once_a_day() {
    let routes = json!({ "routes": [{ "severities": ["P0"] }] });
    let story = Story::of(1, -1, Some(600), &routes).await;
    for _ in 0..2 {
        let id = story.incident(AlertSeverity::Warning).await;
        story.changed(&id).await;
    }
    let warned = warnings(&story, 0).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(
        warned[0].starts_with("⚠ Incidents that need people go to no channel"),
        "{warned:?}"
    );
    // What has a route is told as ever.
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    let messages = story.messages(0).await;
    assert!(messages.iter().any(|card| text(card).contains(id.as_str())));
}
