//! SQS: sizes, batches, delays, ids, and what a standard queue may do with messages.

use std::time::Duration;

use aws::unhurried;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry};
use serde_json::{Value, json};
use tests::alert::unique;
use tests::aws_rules::{AwsRules, seen};
use tests::own_function::{OwnFunction, Settings};
use tests::stack::{Stack, wait_for};
use tokio::time::sleep;

use super::assert_refused;

/// What a message holds, and a batch: 256 KiB.
const MOST: usize = 262_144;
const INVALID: &str = "InvalidParameterValue";

/// A queue of a test's own, whose client retries nothing.
struct Queue {
    client: Client,
    name: String,
    url: String,
}

impl Queue {
    async fn standard(stack: &Stack) -> Self {
        Self::create(stack, unique("own"), &[]).await
    }

    async fn fifo(stack: &Stack) -> Self {
        let name = format!("{}.fifo", unique("own"));
        Self::create(stack, name, &[(QueueAttributeName::FifoQueue, "true")]).await
    }

    async fn create(
        stack: &Stack,
        name: String,
        attributes: &[(QueueAttributeName, &str)],
    ) -> Self {
        let client = Client::new(&unhurried(&stack.aws()));
        let mut request = client.create_queue().queue_name(&name);
        for (attribute, value) in attributes {
            request = request.attributes(attribute.clone(), *value);
        }
        let made = request.send().await.expect("a queue");
        let url = made.queue_url.expect("its URL");
        Self { client, name, url }
    }

    /// Receives what can be received, deletes it, and gives the bodies.
    async fn take(&self) -> Vec<String> {
        let request = self.client.receive_message().queue_url(&self.url);
        let received = request.max_number_of_messages(10).send().await;
        let mut bodies = Vec::new();
        for message in received.expect("an answer").messages.unwrap_or_default() {
            let request = self.client.delete_message().queue_url(&self.url);
            let deleted = request.set_receipt_handle(message.receipt_handle).send();
            deleted.await.expect("deleted");
            bodies.extend(message.body);
        }
        bodies
    }
}

fn entry(id: impl ToString, length: usize) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder().id(id.to_string());
    let entry = entry.message_body("x".repeat(length));
    entry.build().expect("complete")
}

#[tokio::test]
async fn a_message_above_256_kib_is_refused() {
    let stack = Stack::start();
    let Queue { client, url, .. } = Queue::standard(&stack).await;
    let send = |body: String| client.send_message().queue_url(&url).message_body(body);
    let sent = send("x".repeat(MOST)).send().await;
    sent.expect("256 KiB are accepted");
    let too_long = send("x".repeat(MOST + 1)).send().await;
    let refused = assert_refused(too_long, INVALID);
    assert!(
        refused
            .message
            .contains("Message must be shorter than 262144 bytes"),
        "{refused:?}"
    );
    // UTF-8 counts, and so do attributes: their names, types and values.
    assert_refused(send("ä".repeat(MOST / 2 + 1)).send().await, INVALID);
    let attribute = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("y");
    let attribute = attribute.build().expect("complete");
    let with_attribute = send("x".repeat(MOST - 5)).message_attributes("a", attribute);
    assert_refused(with_attribute.send().await, INVALID);
    let batch = client.send_message_batch().queue_url(&url);
    let batch = batch.set_entries(Some((0..10).map(|id| entry(id, 30_000)).collect()));
    assert_refused(batch.send().await, "BatchRequestTooLong");
}

#[tokio::test]
async fn a_batch_has_ten_messages_with_ids_of_their_own() {
    let stack = Stack::start();
    let Queue { client, url, .. } = Queue::standard(&stack).await;
    for (ids, code) in [
        ((0..11).collect::<Vec<u8>>(), "TooManyEntriesInBatchRequest"),
        (vec![1, 1], "BatchEntryIdsNotDistinct"),
        (vec![], "EmptyBatchRequest"),
    ] {
        let entries = ids.into_iter().map(|id| entry(id, 1)).collect();
        let batch = client.send_message_batch().queue_url(&url);
        assert_refused(batch.set_entries(Some(entries)).send().await, code);
    }
}

#[tokio::test]
async fn delays_and_visibility_timeouts_have_their_longest() {
    let stack = Stack::start();
    let Queue { client, url, .. } = Queue::standard(&stack).await;
    let send = || client.send_message().queue_url(&url).message_body("x");
    assert_refused(send().delay_seconds(901).send().await, INVALID);
    send().send().await.expect("sent");
    let receive = || client.receive_message().queue_url(&url);
    assert_refused(receive().wait_time_seconds(21).send().await, INVALID);
    assert_refused(receive().visibility_timeout(43_201).send().await, INVALID);
    let received = receive().send().await.expect("an answer").messages;
    let message = received.unwrap_or_default().pop().expect("a message");
    let change = |seconds: i32| {
        let request = client.change_message_visibility().queue_url(&url);
        let request = request.set_receipt_handle(message.receipt_handle.clone());
        request.visibility_timeout(seconds).send()
    };
    assert_refused(change(43_201).await, INVALID);
    change(0).await.expect("it can be received again");
    assert_refused(change(10).await, "MessageNotInflight");
    let attributes = client.set_queue_attributes().queue_url(&url);
    let attributes = attributes.attributes(QueueAttributeName::VisibilityTimeout, "43201");
    assert_refused(attributes.send().await, "InvalidAttributeValue");
}

#[tokio::test]
async fn groups_and_deduplication_have_their_rules() {
    let stack = Stack::start();
    let fifo = Queue::fifo(&stack).await;
    let standard = Queue::standard(&stack).await;
    let send = |queue: &Queue| {
        let request = queue.client.send_message().queue_url(&queue.url);
        request.message_body("x")
    };
    let no_group = send(&fifo).message_deduplication_id("d").send().await;
    assert_refused(no_group, "MissingParameter");
    let grouped = |group: &str, id: &str| {
        let request = send(&fifo).message_group_id(group);
        request.message_deduplication_id(id)
    };
    assert_refused(send(&fifo).message_group_id("g").send().await, INVALID);
    assert_refused(grouped(&"g".repeat(129), "d").send().await, INVALID);
    assert_refused(grouped("g", "with a space").send().await, INVALID);
    let late = grouped("g", "d").delay_seconds(1).send().await;
    assert_refused(late, INVALID);
    let on_standard = send(&standard).message_deduplication_id("d").send().await;
    assert_refused(on_standard, INVALID);
    let sent = grouped("g", "d").send().await.expect("sent");
    let again = grouped("g", "d").send().await.expect("taken for the same");
    assert_eq!(sent.message_id, again.message_id);
    assert_eq!(fifo.take().await.len(), 1);
}

#[tokio::test]
async fn a_standard_queue_repeats_and_reorders() {
    let stack = Stack::start();
    let queue = Queue::standard(&stack).await;
    let rules = AwsRules::switch_on(&stack, &json!({ "repeats": queue.name })).await;
    let bodies: Vec<String> = (0..4).map(|number| number.to_string()).collect();
    for body in &bodies {
        let request = queue.client.send_message().queue_url(&queue.url);
        request.message_body(body).send().await.expect("sent");
    }
    let first = queue.take().await;
    assert_ne!(first, bodies, "they are not in order");
    let mut taken = first;
    for _ in 0..5 {
        sleep(Duration::from_millis(300)).await;
        taken.extend(queue.take().await);
    }
    taken.sort();
    let twice = bodies.iter().flat_map(|body| [body.clone(), body.clone()]);
    assert_eq!(taken, twice.collect::<Vec<_>>());
    assert!(rules.seen("repeated").await >= 4 && rules.seen("reordered").await >= 1);
}

#[tokio::test]
async fn a_fifo_queue_keeps_order_and_repeats_nothing() {
    let stack = Stack::start();
    let queue = Queue::fifo(&stack).await;
    let _rules = AwsRules::switch_on(&stack, &json!({ "repeats": queue.name })).await;
    let bodies: Vec<String> = (0..4).map(|number| number.to_string()).collect();
    for body in &bodies {
        let request = queue.client.send_message().queue_url(&queue.url);
        let request = request.message_group_id(body).message_body(body);
        let sent = request.message_deduplication_id(body).send();
        sent.await.expect("sent");
    }
    assert_eq!(queue.take().await, bodies);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(queue.take().await, Vec::<String>::new());
}

#[tokio::test]
async fn functions_get_some_messages_twice() {
    const MESSAGES: usize = 400;
    let stack = Stack::start();
    let settings = Settings {
        queue: true,
        batch: 10,
        ..Settings::default()
    };
    let function = OwnFunction::deploy(&stack, &settings);
    let client = Client::new(&stack.aws());
    for _ in 0..MESSAGES / 10 {
        let batch = client.send_message_batch().queue_url(&function.queue_url);
        let batch = batch.set_entries(Some((0..10).map(|id| entry(id, 1)).collect()));
        batch.send().await.expect("sent");
    }
    // One in forty: that none of so many is repeated happens once in twenty thousand runs.
    let ids = wait_for("a message that comes twice", async || {
        let invocations = function.invocations().await;
        let ids = invocations
            .iter()
            .filter_map(|invocation| invocation["messages"].as_array())
            .flatten()
            .filter_map(Value::as_str);
        let mut ids: Vec<String> = ids.map(str::to_owned).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        (ids.len() == MESSAGES && all > MESSAGES).then_some(ids)
    })
    .await;
    function.stop().await;
    assert_eq!(ids.len(), MESSAGES, "each came at least once");
    assert!(seen(&stack, "repeated").await >= 1);
}
