//! Tests of delivery to channels that are busy, away, moved or wrong: late, but complete, and
//! nothing stale.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::alert::AlertSeverity;
use domain::notification::button_action::More;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::chats::{Story, text, told_once_a_day};
use tests::faulty_aws::{faulty, refusal};
use wire::message::Message;

#[tokio::test]
async fn nothing_is_sent_before_a_chats_retry_time_and_all_after() {
    let story = Story::with(1).await;
    story
        .fail(0, json!({ "error_code": 429, "retry_after": 60 }))
        .await;
    let incidents = [
        story.incident(AlertSeverity::Warning).await,
        story.incident(AlertSeverity::Critical).await,
    ];
    for id in &incidents {
        story.changed(id).await;
    }
    story.later(30).await;
    assert_eq!(
        (story.calls(0).await, story.messages(0).await.len()),
        (1, 0),
        "the one that it refused"
    );
    story.later(31).await;
    let messages = story.messages(0).await;
    assert_eq!(messages.len(), 2);
    assert!(
        text(&messages[0]).contains(incidents[1].as_str()),
        "the critical one comes first: {messages:#?}"
    );
    story.later(1).await;
    assert_eq!(story.calls(0).await, 3, "nothing is due any more");
    let entries = story.sent(&incidents[1]).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&entries[0].context["channel"], &entries[0].context["again"]),
        (&json!(story.chats[0].0), &Value::Null)
    );
}

#[tokio::test]
async fn after_an_outage_every_card_shows_only_the_newest_state() {
    let story = Story::with(2).await;
    story
        .fail(
            0,
            json!({ "error_code": 502, "description": "Bad Gateway", "count": 1_000 }),
        )
        .await;
    let mut incidents = Vec::new();
    for _ in 0..3 {
        incidents.push(story.incident(AlertSeverity::Warning).await);
        story.changed(&incidents[incidents.len() - 1]).await;
    }
    assert_eq!(
        story.messages(1).await.len(),
        3,
        "the other chat is told at once"
    );
    for _ in 0..12 {
        story.later(300).await;
    }
    let tries = story.calls(0).await;
    assert!(
        (2..=14).contains(&tries),
        "it is tried again, and less and less often: {tries}"
    );
    for id in &incidents {
        story.resolve(id).await;
    }
    story
        .stack
        .control("heal", &json!({ "chat_id": story.chats[0].1 }))
        .await;
    story.later(301).await;
    let messages = story.messages(0).await;
    assert_eq!(messages.len(), 3);
    for message in &messages {
        assert!(
            text(message).contains("Resolved")
                && message["history"].as_array().expect("a list").len() == 1,
            "{message}"
        );
    }
    // The other chat was also told, once, that this one could not be reached.
    let others = story.messages(1).await;
    let (warnings, cards): (Vec<_>, Vec<_>) = others
        .iter()
        .map(text)
        .partition(|text| text.starts_with('⚠'));
    assert!(told_once_a_day(warnings.len()), "{others:#?}");
    assert_eq!(cards.len(), 3, "{others:#?}");
    assert!(cards.iter().all(|card| card.contains("Resolved")));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !story
        .queue
        .take_all()
        .await
        .iter()
        .any(|body| body.contains("channel_due") && body.contains(&story.chats[0].0))
    {
        assert!(
            Instant::now() < deadline,
            "no message makes the channel go on"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_chat_that_refuses_holds_up_no_other_and_keeps_what_is_due() {
    let story = Story::with(2).await;
    story.fail(0, json!({ "error_code": 403, "description": "Forbidden: bot was kicked from the group chat", "count": 3 })).await;
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    assert_eq!(
        (story.messages(0).await.len(), story.messages(1).await.len()),
        (0, 1)
    );
    for _ in 0..3 {
        story.later(901).await;
    }
    // The other channel has a line about the one that refused three times.
    assert_eq!(
        (story.messages(0).await.len(), story.messages(1).await.len()),
        (1, 2)
    );
    let channels: BTreeMap<String, usize> =
        story
            .sent(&id)
            .await
            .into_iter()
            .fold(BTreeMap::new(), |mut channels, entry| {
                *channels
                    .entry(
                        entry.context["channel"]
                            .as_str()
                            .expect("a name")
                            .to_owned(),
                    )
                    .or_default() += 1;
                channels
            });
    assert_eq!(
        channels,
        story
            .chats
            .iter()
            .map(|(name, _)| (name.clone(), 1))
            .collect(),
        "each is logged once"
    );
}

#[tokio::test]
async fn what_telegram_cannot_parse_is_sent_without_markup() {
    let story = Story::with(1).await;
    story
        .fail(0, json!({ "error_code": 400, "description": "Bad Request: can't parse entities: Unclosed start tag at byte offset 7" }))
        .await;
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    let messages = story.messages(0).await;
    assert_eq!(messages.len(), 1);
    assert!(
        text(&messages[0]).contains(id.as_str())
            && !messages[0]["html"].as_str().expect("HTML").contains("<b>"),
        "{messages:#?}"
    );
    story.resolve(&id).await;
    assert!(
        story.messages(0).await[0]["html"]
            .as_str()
            .expect("HTML")
            .contains("<b>"),
        "the next state is tried with it again"
    );
}

#[tokio::test]
async fn a_group_that_became_a_supergroup_is_told_there() {
    let story = Story::in_groups(1, Some(600)).await;
    let (name, from) = &story.chats[0];
    let to = from - 1_000_000_000_000;
    assert_eq!(
        story.stack.store.moved_chat(name).await.expect("an answer"),
        None
    );
    story
        .stack
        .control("migrate", &json!({ "chat_id": from, "to": to }))
        .await;
    let ids = [
        story.incident(AlertSeverity::Critical).await,
        story.incident(AlertSeverity::Critical).await,
    ];
    for id in &ids {
        story.changed(id).await;
    }
    assert_eq!(
        (
            story.messages_in(*from).await.len(),
            story.messages_in(to).await.len()
        ),
        (0, 2)
    );
    assert_eq!(story.calls(0).await, 1, "the former id is tried once");
    assert_eq!(
        story.stack.store.moved_chat(name).await.expect("an answer"),
        Some((*from, to))
    );
}

#[tokio::test]
async fn a_deleted_card_is_sent_again_and_a_current_one_left_alone() {
    let story = Story::with(1).await;
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    story.changed(&id).await;
    assert_eq!(story.calls(0).await, 1, "nothing has changed");
    let first = story.messages(0).await.remove(0);
    story
        .stack
        .control(
            "delete",
            &json!({ "chat_id": story.chats[0].1, "message_id": first["message_id"] }),
        )
        .await;
    story.resolve(&id).await;
    let messages = story.messages(0).await;
    assert_eq!(messages.len(), 1);
    assert!(
        text(&messages[0]).contains("Resolved") && messages[0]["message_id"] != first["message_id"],
        "{messages:#?}"
    );
    assert_eq!(story.sent(&id).await.len(), 1, "the log tells of the first");
}

#[tokio::test]
async fn an_edit_with_a_lost_answer_is_repeated_without_effect() {
    let story = Story::with(1).await;
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    story
        .fail(
            0,
            json!({ "method": "editMessageText", "error_code": 500, "apply": true }),
        )
        .await;
    story.resolve(&id).await;
    story.later(301).await;
    let messages = story.messages(0).await;
    assert_eq!(
        (
            messages.len(),
            messages[0]["history"].as_array().expect("a list").len()
        ),
        (1, 2),
        "not modified is a success"
    );
    story.later(301).await;
    assert_eq!(story.calls(0).await, 3);
}

#[tokio::test]
async fn a_card_with_a_lost_answer_is_sent_again_and_logged() {
    let story = Story::with(1).await;
    story
        .fail(
            0,
            json!({ "method": "sendMessage", "error_code": 500, "apply": true }),
        )
        .await;
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    story.later(301).await;
    let messages = story.messages(0).await;
    assert_eq!(messages.len(), 2, "twice is better than never");
    let sent = story.sent(&id).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (&sent[0].context["again"], &sent[0].context["message_id"]),
        (&json!(true), &json!(messages[1]["message_id"].to_string()))
    );
    story.resolve(&id).await;
    assert!(
        text(&story.messages(0).await[1]).contains("Resolved"),
        "the second is the card from then on"
    );
}

#[tokio::test]
async fn a_worker_that_dies_after_sending_leaves_turn_and_note() {
    let story = Story::with(1).await;
    let id = story.incident(AlertSeverity::Critical).await;
    let (dead, notes) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let died = Arc::clone(&dead);
    // It notes that it sends, sends, and nothing that it does from then on reaches the table.
    let aws = faulty(&story.stack, move |request| {
        let target = request.header("x-amz-target");
        let notes_card = target.ends_with(".PutItem")
            && String::from_utf8_lossy(&request.body).contains("\"CARD#");
        if notes_card && notes.fetch_add(1, Ordering::Relaxed) == 1 {
            died.store(true, Ordering::Relaxed);
        }
        (died.load(Ordering::Relaxed) && target.starts_with("DynamoDB"))
            .then(|| refusal("AccessDeniedException", &[]))
    })
    .await;
    let app = story.worker_at(&aws);
    story.changed_by(&app, &id).await;
    assert!(dead.load(Ordering::Relaxed));
    assert_eq!(
        (story.messages(0).await.len(), story.sent(&id).await.len()),
        (1, 0)
    );

    story.changed(&id).await;
    assert_eq!(
        story.calls(0).await,
        1,
        "as long as it may be at work, nobody sends beside it"
    );
    // A bot cannot look for its message: it comes again, and the log says so.
    story.later(41).await;
    assert_eq!(story.messages(0).await.len(), 2);
    let sent = story.sent(&id).await;
    assert_eq!(
        sent.iter()
            .map(|entry| &entry.context["again"])
            .collect::<Vec<_>>(),
        [&json!(true)]
    );
    story.later(1).await;
    assert_eq!((story.calls(0).await, story.sent(&id).await.len()), (2, 1));
}

#[tokio::test]
async fn a_count_is_shown_twice_a_minute_and_all_else_at_once() {
    let story = Story::with(1).await;
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    let converged = async |hit_count| {
        story
            .tell(&Message::AlertsConverged {
                incident_id: id.clone(),
                hit_count,
            })
            .await
    };
    for hit_count in [2, 4, 8] {
        converged(hit_count).await;
    }
    assert_eq!(story.calls(0).await, 1, "a count is no hurry");
    story.later(30).await;
    let shown = story.messages(0).await.remove(0);
    assert!(
        text(&shown).contains("[x8]")
            && shown["history"]
                .as_array()
                .is_some_and(|history| history.len() == 2),
        "{shown}"
    );
    converged(16).await;
    assert_eq!(story.calls(0).await, 2);
    story.resolve(&id).await;
    let shown = story.messages(0).await.remove(0);
    assert!(text(&shown).contains("Resolved"), "{shown}");
    assert_eq!(story.calls(0).await, 3);
}

#[tokio::test]
async fn a_worker_that_fails_after_the_card_leaves_the_log_to_a_next() {
    let story = Story::with(1).await;
    let id = story.incident(AlertSeverity::Critical).await;
    let failed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&failed);
    let aws = faulty(&story.stack, move |request| {
        let writes_log = request
            .header("x-amz-target")
            .ends_with(".TransactWriteItems");
        (writes_log && !seen.swap(true, Ordering::Relaxed))
            .then(|| refusal("AccessDeniedException", &[]))
    })
    .await;
    let app = story.worker_at(&aws);
    story.changed_by(&app, &id).await;
    assert!(failed.load(Ordering::Relaxed));
    assert_eq!(
        (story.messages(0).await.len(), story.sent(&id).await.len()),
        (1, 0)
    );
    story.later(60).await;
    assert_eq!(
        (story.messages(0).await.len(), story.sent(&id).await.len()),
        (1, 1)
    );
    story.changed(&id).await;
    assert_eq!((story.calls(0).await, story.sent(&id).await.len()), (1, 1));
}

#[tokio::test]
async fn an_answer_to_a_person_is_a_reply_to_the_card_and_comes_once() {
    let story = Story::with(1).await;
    let id = story.incident(AlertSeverity::Critical).await;
    story.changed(&id).await;
    let card = story.messages(0).await.remove(0);
    for what in [More::Details, More::History] {
        let press = unique("press");
        let asked = Message::MoreAsked {
            incident_id: id.clone(),
            what,
            channel: story.chats[0].0.clone(),
            press,
            by: "telegram:7".to_owned(),
        };
        story.tell(&asked).await;
    }
    assert_eq!(story.messages(0).await.len(), 3);
    let calls = story.stack.control("calls", &json!({})).await;
    let replies: Vec<&Value> = calls["calls"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|call| &call["parameters"])
        .filter(|given| {
            given["chat_id"] == json!(story.chats[0].1) && !given["reply_parameters"].is_null()
        })
        .collect();
    assert_eq!(replies.len(), 2);
    assert!(
        replies
            .iter()
            .all(|given| given["reply_parameters"]["message_id"] == card["message_id"]),
        "{replies:#?}"
    );
}
