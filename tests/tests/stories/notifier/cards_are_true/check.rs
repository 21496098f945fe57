//! Checks after a sequence: its cards, its buttons, its logs and its replies.

use std::collections::{BTreeMap, BTreeSet};

use domain::incident::Incident;
use domain::incident::operation_log::{Entry, Event, verify};
use serde_json::{Value, json};
use tests::chats::{Story, text};

use super::PEOPLE;
use super::sequence::Sequence;

impl Sequence<'_> {
    /// Each card shows what the store has, each log is whole, and on each plan it was decided once.
    pub(super) async fn check(&self) {
        let Story { stack, .. } = &self.world.story;
        let messages = self.world.story.messages(0).await;
        for id in &self.incidents {
            let incident = stack.read(id).await;
            // An escalation is told below the card.
            let is_card = |message: &&Value| {
                message["reply_to_message_id"].is_null() && text(message).contains(id.as_str())
            };
            let cards: Vec<&Value> = messages.iter().filter(is_card).collect();
            assert_eq!(cards.len(), 1, "{cards:#?}");
            let content = self
                .world
                .story
                .presented(&incident, self.world.clock.now())
                .content;
            assert_eq!(
                cards[0]["html"],
                json!(content.text.telegram()),
                "the card of {incident:#?}"
            );
            let rows = cards[0]["reply_markup"]["inline_keyboard"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let shown: Vec<&Value> = rows
                .iter()
                .flat_map(|row| row.as_array().expect("a row"))
                .filter(|button| button["url"].is_null())
                .map(|button| &button["callback_data"])
                .collect();
            let wanted: Vec<String> = content
                .buttons
                .iter()
                .flatten()
                .map(|button| button.ask.to_string())
                .collect();
            assert_eq!(json!(shown), json!(wanted), "the buttons of {incident:#?}");

            let log = stack.store.log(id).await.expect("the log");
            verify(id, &log, &incident.log_head).expect("the chain is whole");
            let mut decided: BTreeMap<String, usize> = BTreeMap::new();
            for entry in log
                .iter()
                .filter(|entry| entry.event == Event::ApprovalDecided)
            {
                *decided
                    .entry(
                        entry.context["approval_id"]
                            .as_str()
                            .expect("which")
                            .to_owned(),
                    )
                    .or_default() += 1;
            }
            assert!(decided.values().all(|times| *times == 1), "{log:#?}");
            assert_eq!(
                log.iter()
                    .filter(|entry| entry.event == Event::TelegramSent)
                    .count(),
                1,
                "{log:#?}"
            );
            let replies: Vec<&Value> = messages
                .iter()
                .filter(|message| {
                    !message["reply_to_message_id"].is_null() && text(message).contains(id.as_str())
                })
                .collect();
            let details = self
                .world
                .story
                .details(&incident, &log)
                .content
                .text
                .plain();
            card_agrees_with_the_log(text(cards[0]), &details, &log);
            both_name_the_worst_alert(text(cards[0]), &details, &incident);
            each_result_was_heard_once(&replies, &log);
        }
    }
}

/// What a card says of what happened is what the log says that happened.
fn card_agrees_with_the_log(card: &str, details: &str, log: &[Entry]) {
    fn outcome(entry: &Entry) -> Option<&str> {
        (entry.event == Event::ExecutionCompleted)
            .then(|| entry.context["outcome"].as_str().expect("a word"))
    }
    let failed = log
        .iter()
        .filter_map(outcome)
        .filter(|outcome| *outcome == "step_failed")
        .count();
    // The last four runs are shown, and how many there were before.
    let (runs, shown) = (
        log.iter().filter_map(outcome).count(),
        card.matches("a step failed").count(),
    );
    assert!(
        runs > 4 || shown == failed,
        "{failed} runs failed, and the card shows {shown}: {card}"
    );
    let ran = log.iter().any(|entry| entry.event == Event::StepStarted);
    let never_ran = !ran && (card.contains("Rejected by ") || card.contains("The plan is void: "));
    assert_eq!(card.contains("\nNothing was run.\n"), never_ran, "{card}");
    for person in PEOPLE {
        assert!(
            !card.contains(&format!("telegram:{person}")),
            "their name is known: {card}"
        );
    }
    let severity = |text: &str| {
        text.split_whitespace()
            .find(|word| matches!(*word, "P0" | "P1" | "P2" | "P3"))
            .map(str::to_owned)
    };
    assert!(
        severity(card).is_some() && severity(card) == severity(details),
        "{card}\n{details}"
    );
    let never = " never runs by itself (urgency)";
    assert!(
        !card.contains(never) || card.contains(&format!("{}{never}", severity(card).expect("one"))),
        "{card}"
    );
    // Of a run that is the last thing that happened to a plan, the card says why it failed.
    let decided = log
        .iter()
        .rposition(|entry| entry.event == Event::ApprovalRequested);
    let ended = log
        .iter()
        .rposition(|entry| outcome(entry) == Some("step_failed"));
    assert!(
        ended < decided || ended.is_none() || card.contains("\nwhy "),
        "{card}"
    );
}

/// Card and details are about the same alert: the worst that has joined.
fn both_name_the_worst_alert(card: &str, details: &str, incident: &Incident) {
    let (name, target, _) = incident.worst_texts();
    for text in [card, details] {
        let begins: String = text.lines().take(2).collect();
        assert!(begins.contains(name) && begins.contains(target), "{text}");
    }
}

/// Each run that ended made a sound: a reply, or the card itself when it was new, and none twice.
fn each_result_was_heard_once(replies: &[&Value], log: &[Entry]) {
    let told = |event: Event| log.iter().filter(move |entry| entry.event == event);
    let titles = [
        "✅ Repaired and verified",
        "❌ The repair failed",
        "❌ The repair was verified, but",
    ];
    let results = replies
        .iter()
        .filter(|reply| titles.iter().any(|title| text(reply).starts_with(title)))
        .count();
    let receipts: BTreeSet<u64> = told(Event::TelegramResultSent)
        .map(|entry| entry.context["of"].as_u64().expect("which"))
        .collect();
    assert_eq!(
        receipts.len(),
        told(Event::TelegramResultSent).count(),
        "none is told twice: {log:#?}"
    );
    let by_card = told(Event::TelegramResultSent)
        .filter(|entry| entry.context["update"].is_null())
        .count();
    assert_eq!(results + by_card, receipts.len(), "{replies:#?}");
    for ended in log.iter().filter(|entry| {
        matches!(
            entry.event,
            Event::ExecutionCompleted | Event::ResolutionOverdue
        )
    }) {
        assert!(
            receipts.iter().any(|of| *of >= ended.sequence),
            "nobody heard of entry {}: {log:#?}",
            ended.sequence
        );
    }
}
