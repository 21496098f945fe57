//! Tests of retention: what is written says until when it is kept, and nothing that is open ends.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::incident::erasure::Erasure;
use domain::incident::operation_log::verify;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use store::ErasedBy;
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::own_queue::OwnQueue;
use tests::stack::Stack;

const DAY: i64 = 86_400;

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
    assert_eq!(entries[0].actor, "erased");
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
