//! Tests of what keeps people from being told, or from deciding: a channel that refuses, incidents that fit no route, and plans
//! that no one can approve.

use domain::alert::AlertSeverity;
use domain::primitives::id::IncidentId;
use notifier::App;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::chats::{Story, text, told_once_a_day};
use tests::faulty_aws::{faulty, refusal};
use tests::stack::Stack;
use wire::message::Message;

use super::notices::waiting;

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

/// The notifier is told in a process of its own that an incident has changed, and prints an `error` line and a metric, which the
/// template's alarm counts.
async fn prints(story: &Story, id: &IncidentId, message: &str, metric: &str) {
    let changed = Message::IncidentChanged {
        incident_id: id.clone(),
    };
    let lines = story.printed(&[changed]).await;
    let says = |line: &Value| {
        let text = line["message"].as_str().unwrap_or_default();
        line["level"] == "ERROR" && text.starts_with(message)
    };
    let counts = |line: &Value| {
        let named = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"];
        line[metric] == 1 && named == metric
    };
    assert!(lines.iter().any(says), "{message}: {lines:#?}");
    assert!(lines.iter().any(counts), "{metric}: {lines:#?}");
}

/// The answer of the Bot API to a bot that is not in the chat any more.
fn kicked() -> Value {
    json!({ "error_code": 403, "description": "Forbidden: bot was kicked from the supergroup chat", "count": 1_000 })
}

#[tokio::test]
async fn a_channel_that_refuses_is_named_in_the_others_once() {
    let story = Story::in_groups(2, Some(600)).await;
    story.fail(0, kicked()).await;
    let first = story.incident(AlertSeverity::Warning).await;
    prints(
        &story,
        &first,
        "the channel refuses what is due",
        "channel_refused",
    )
    .await;
    let second = story.incident(AlertSeverity::Warning).await;
    story.changed(&second).await;
    let ids = [first, second];
    for _ in 0..6 {
        story.later(901).await;
    }
    let expected = format!(
        "⚠ The channel {} refuses what Quell sends",
        story.chats[0].0
    );
    let warned = warnings(&story, 1).await;
    assert!(told_once_a_day(warned.len()), "{warned:?}");
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

/// What the second chat is warned of once the first cannot be told something for so long.
async fn warned_of_the_first(story: &Story, app: &App, seconds: i64, why: &str) {
    let id = story.incident(AlertSeverity::Warning).await;
    story.changed_by(app, &id).await;
    for _ in 0..6 {
        story.later_by(app, seconds).await;
    }
    let warned = warnings(story, 1).await;
    let begins = format!("⚠ The channel {} {why}", story.chats[0].0);
    assert!(told_once_a_day(warned.len()), "{warned:?}");
    assert!(warned[0].starts_with(&begins), "{warned:?}");
}

#[tokio::test]
async fn a_channel_whose_secret_has_no_value_is_named_in_the_others() {
    let secret = unique("quell/channels/none");
    let story = Story::with_bots(Stack::start(), 2, &[&secret]).await;
    let id = story.incident(AlertSeverity::Warning).await;
    let message = format!("the channel refuses what is due: it refuses (0): the secret {secret}");
    prints(&story, &id, &message, "channel_refused").await;
    warned_of_the_first(&story, &story.app, 901, "refuses what Quell sends").await;
}

#[tokio::test]
async fn a_channel_whose_secret_is_denied_is_named_in_the_others() {
    let stack = Stack::start();
    let secret = unique("arn:aws:secretsmanager:eu-west-1:1:secret:quell/channels/denied");
    let denied = secret.clone();
    let aws = faulty(&stack, move |request| {
        let reads = request.header("x-amz-target") == "secretsmanager.GetSecretValue";
        let denies = reads && request.text().contains(&denied);
        denies.then(|| refusal("AccessDeniedException", &[]))
    });
    let aws = aws.await;
    let story = Story::with_bots(stack, 2, &[&secret]).await;
    let app = story.worker_at(&aws);
    warned_of_the_first(&story, &app, 901, "refuses what Quell sends").await;
}

#[tokio::test]
async fn a_channel_out_of_reach_is_named_after_half_an_hour() {
    let story = Story::with(2).await;
    story
        .fail(0, json!({ "error_code": 502, "count": 1_000 }))
        .await;
    let id = story.incident(AlertSeverity::Warning).await;
    story.changed(&id).await;
    story.later(25 * 60).await;
    assert_eq!(warnings(&story, 1).await, [""; 0], "it may come back");
    let why = "could not be reached for half an hour";
    warned_of_the_first(&story, &story.app, 301, why).await;
}

#[tokio::test]
async fn incidents_without_a_route_are_told_of_once_a_day() {
    let routes = json!({ "routes": [{ "severities": ["P0"] }] });
    let story = Story::of(1, -1, Some(600), &routes).await;
    let id = story.incident(AlertSeverity::Warning).await;
    prints(
        &story,
        &id,
        "an incident needs people, and no route",
        "without_route",
    )
    .await;
    let id = story.incident(AlertSeverity::Warning).await;
    story.changed(&id).await;
    let warned = warnings(&story, 0).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(
        warned[0].starts_with("⚠ Incidents that need people reach no channel"),
        "{warned:?}"
    );
    // What has a route is told as ever.
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    let messages = story.messages(0).await;
    assert!(messages.iter().any(|card| text(card).contains(id.as_str())));
}

#[tokio::test]
async fn without_a_channel_the_log_has_what_needs_people() {
    let story = Story::of(0, 1, None, &json!({})).await;
    let id = story.incident(AlertSeverity::Critical).await;
    let message = "an incident needs people, and no route";
    prints(&story, &id, message, "without_route").await;
    let id = waiting(&story).await;
    let message = "a plan waits that can never be approved";
    prints(&story, &id, message, "without_approver").await;
}

#[tokio::test]
async fn a_plan_that_no_one_can_approve_is_told_of_everywhere() {
    let more = json!({
        "people": { "ada": { "telegram": 71 } }, "approvals": [{ "services": ["another"], "people": ["ada"] }],
    });
    let story = Story::of(2, -1, Some(600), &more).await;
    let id = waiting(&story).await;
    let message = "a plan waits that can never be approved";
    prints(&story, &id, message, "without_approver").await;
    // Once a day, whatever changes.
    story.changed(&id).await;
    for chat in 0..2 {
        let warned = warnings(&story, chat).await;
        assert_eq!(warned.len(), 1, "{warned:?}");
        assert!(
            warned[0].starts_with("⚠ Plans wait that can never be approved"),
            "{warned:?}"
        );
        let messages = story.messages(chat).await;
        let card = messages.iter().find(|one| text(one).contains(id.as_str()));
        let card = text(card.expect("a card"));
        assert!(
            card.contains("\n⚠ It cannot be approved: no approval rule of channels.json fits it\n"),
            "{card}"
        );
    }
}
