//! Tests of retention: what is written says until when it is kept, and nothing that is open ends.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::incident::change::IncidentChange;
use domain::incident::erasure::{Erasure, erased_by};
use domain::incident::operation_log::{Event, LogRecord, verify};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::{ErasedBy, Retention};
use tests::alert::{TestAlert, unique};
use tests::in_process::{answer, deadline};
use tests::opened::{alert, opened, own_day};
use tests::own_queue::OwnQueue;
use tests::stack::{Stack, project};
use wire::message::{Message, Queued as _};

const DAY: i64 = 86_400;
/// Days for which output is kept in these tests.
const OUTPUT_DAYS: i64 = 30;

/// An item of an incident, as it stands in the table.
async fn item(stack: &Stack, id: &str, sort_key: &str) -> HashMap<String, AttributeValue> {
    let text = |text: String| AttributeValue::S(text);
    let asked = aws_sdk_dynamodb::Client::new(&stack.aws())
        .get_item()
        .table_name(&stack.facts.outputs["TableName"])
        .key("pk", text(format!("INC#{id}")))
        .key("sk", text(sort_key.to_owned()))
        .consistent_read(true)
        .send();
    asked.await.expect("an answer").item.expect("an item")
}

/// In how many days an item ends, if it does.
async fn days_left(stack: &Stack, id: &str, sort_key: &str) -> Option<i64> {
    let item = item(stack, id, sort_key).await;
    let end: i64 = item
        .get("expires_at")?
        .as_n()
        .expect("a number")
        .parse()
        .expect("seconds");
    // To the nearest.
    Some((end - Timestamp::now().as_second() + DAY / 2) / DAY)
}

/// Has the function that wrote the first entry erased as if it were a person; the number of the entry that
/// says so.
async fn erased(stack: &Stack, id: &str) -> u64 {
    let id = IncidentId::try_from(id).expect("an id");
    let erasure = Erasure::Person {
        name: "ingress".to_owned(),
        identities: Vec::new(),
    };
    let log = stack.store.log(&id).await.expect("the log");
    let entries: Vec<_> = log
        .iter()
        .filter_map(|entry| erasure.entry(entry))
        .collect();
    assert_eq!(entries[0].after.actor, "erased");
    let by = ErasedBy {
        by: "an admin",
        why: "asked to",
        at: Timestamp::now(),
    };
    let done = stack.store.erase(&id, &erasure, &entries, by).await;
    done.expect("erased");
    let log = stack.store.log(&id).await.expect("the log");
    assert!(log[0].erased && log[0].actor == "erased", "{log:?}");
    let head = stack.read(&id).await.log_head;
    verify(&id, &log, &head).expect("the chain holds");
    head.sequence
}

#[tokio::test]
async fn what_is_kept_for_a_time_says_so_once_it_has_ended() {
    let stack = Stack::start();
    // The deployed functions, which keep everything, learn of none of it.
    let queue = OwnQueue::create(&stack).await;
    let queues = [
        ("INCIDENTS_QUEUE_URL", queue.url.as_str()),
        ("NOTIFICATIONS_QUEUE_URL", &queue.url),
    ];
    let days = [
        ("INCIDENT_RETENTION_DAYS", "30"),
        ("LOG_ENTRY_RETENTION_DAYS", "60"),
    ];
    let kept = stack.ingress(&[queues, days].concat());
    let for_ever = stack.ingress(&queues);
    for (app, days, of_log) in [(&kept, Some(30), Some(60)), (&for_ever, None, None)] {
        let now = Timestamp::now();
        let firing = TestAlert::firing(unique("kept"));
        let ended = TestAlert {
            ends_at: Some(now),
            ..firing.clone()
        };
        let again = TestAlert {
            starts_at: now + SignedDuration::from_secs(1),
            ..firing.clone()
        };
        let send = async |alert: &TestAlert, at: Timestamp| {
            let request = stack.delivery(&alert.delivery());
            let (status, told) = answer(app, request, at).await;
            assert_eq!(status, 200, "{told}");
            told["incident_id"]
                .as_str()
                .expect("an incident")
                .to_owned()
        };
        let id = send(&firing, now).await;
        assert_eq!(days_left(&stack, &id, "INCIDENT").await, None, "it is open");
        assert_eq!(days_left(&stack, &id, "LOG#0000000001").await, of_log);
        assert_eq!(send(&ended, now).await, id);
        assert_eq!(days_left(&stack, &id, "INCIDENT").await, days);
        // Whoever erases something does not know for how long things are kept, and changes none of it.
        let erased = erased(&stack, &id).await;
        assert_eq!(days_left(&stack, &id, "INCIDENT").await, days);
        for sequence in [1, erased] {
            let key = format!("LOG#{sequence:010}");
            assert_eq!(days_left(&stack, &id, &key).await, of_log, "{key}");
        }
        let later = now + SignedDuration::from_secs(2);
        assert_eq!(send(&again, later).await, id, "it is open again");
        assert_eq!(days_left(&stack, &id, "INCIDENT").await, None);
    }
}

/// A step's result that is recorded at a time.
fn printed(change: &mut IncidentChange, at: Timestamp) {
    let result = json!({ "result": { "stdout": "a customer's name", "stderr": "" } });
    let record = LogRecord::new(Event::StepFinished, "repair", "step 1: succeeded");
    change.record(at, record.with(result));
}

/// What the step with this number in the log printed, as it is kept.
async fn output(stack: &Stack, id: &IncidentId) -> Vec<String> {
    let log = stack.store.log(id).await.expect("the log");
    verify(id, &log, &stack.read(id).await.log_head).expect("the chain holds");
    let printed = log
        .iter()
        .filter_map(|entry| entry.context["result"]["stdout"].as_str());
    printed.map(str::to_owned).collect()
}

#[tokio::test]
async fn output_is_erased_once_its_incident_has_ended_and_its_days_are_over() {
    let stack = Stack::start();
    let queue = OwnQueue::create(&stack).await;
    let kept = OUTPUT_DAYS.to_string();
    let notifier = stack.notifier_with(&[
        ("NOTIFICATIONS_QUEUE_URL", &queue.url),
        ("STEP_OUTPUT_RETENTION_DAYS", &kept),
    ]);
    let store = stack.store.clone().kept_for(Retention {
        output: Some(SignedDuration::from_hours(OUTPUT_DAYS * 24)),
        ..Retention::default()
    });
    // The days of these lists are in the far future, where no other story prints anything.
    let ran = own_day();
    let day = SignedDuration::from_hours(24);
    let incident = async |ends: bool, printed_at: &[Timestamp]| {
        let mut change = opened(&alert(&unique("printed")), 1);
        for at in printed_at {
            printed(&mut change, *at);
        }
        if ends {
            change.resolved(1, ran);
        }
        let id = change.incident.id.clone();
        store.save(change).await.expect("saved");
        id
    };
    let ended = incident(true, &[ran]).await;
    let open = incident(false, &[ran]).await;
    let later = incident(true, &[ran, ran + day]).await;
    let silent = incident(true, &[]).await;
    let timer = async |at: Timestamp| {
        let message = Message::OutputRetentionTimer {};
        notifier
            .handle(&message, "test", &move || at, deadline())
            .await
            .expect("handled");
    };
    let there = vec!["a customer's name".to_owned()];
    let erased = vec!["erased".to_owned()];

    // The last day of the retention: nothing is over.
    timer(ran + day * i32::try_from(OUTPUT_DAYS).expect("small")).await;
    assert_eq!(output(&stack, &ended).await, there);

    let over = ran + day * i32::try_from(OUTPUT_DAYS + 1).expect("small");
    for _ in 0..2 {
        // A message that comes twice erases nothing twice.
        timer(over).await;
        assert_eq!(output(&stack, &ended).await, erased);
    }
    assert_eq!(output(&stack, &open).await, there, "it is open");
    let both = [there.clone(), there.clone()].concat();
    assert_eq!(output(&stack, &later).await, both, "it printed later too");
    let log = stack.store.log(&ended).await.expect("the log");
    let note = log.last().expect("an entry");
    assert_eq!(
        (note.event, note.actor.as_str(), note.detail.as_str()),
        (Event::ContentErased, "notifier", "kept for 30 days")
    );
    assert_eq!(erased_by(note), [2]);
    let untouched = stack.store.log(&silent).await.expect("the log");
    assert!(untouched.iter().all(|entry| !entry.erased));

    // A day later the second list is over, and the open incident has ended.
    store
        .change(&open, |change| change.resolved(1, over))
        .await
        .expect("resolved");
    timer(over + day).await;
    assert_eq!(output(&stack, &open).await, erased);
    let both = [erased.clone(), erased].concat();
    assert_eq!(output(&stack, &later).await, both);
}

#[test]
fn the_schedule_sends_the_message_that_the_notifier_knows() {
    let template = std::fs::read_to_string(project().join("template.yaml")).expect("the template");
    let input = template
        .lines()
        .find_map(|line| line.trim().strip_prefix("Input: '"));
    let input = input
        .and_then(|line| line.strip_suffix('\''))
        .expect("an input");
    assert_eq!(
        Message::from_json(input).ok(),
        Some(Message::OutputRetentionTimer {})
    );
}
