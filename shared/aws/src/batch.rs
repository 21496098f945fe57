//! Batch handling for a queue function: each message is handled by itself, and only the failed ones
//! are reported back (`effect-once`).

use std::error::Error;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use tracing::{error, info};

use crate::Chain;
use crate::chain::{LONGEST_CHAIN, handling};
use wire::message::Queued;

/// Whether the messages of a batch depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// A standard queue: they do not.
    None,
    /// A FIFO queue: after a failure, what follows has to come back too, or it would overtake.
    Kept,
}

/// The delivery of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The queue's id of the message, the same in every delivery.
    pub id: String,
    /// The receipt handle of this delivery: it is needed to change the message's visibility
    /// timeout.
    pub receipt: String,
    /// Its receive count, this time included.
    pub receive_count: u32,
}

impl Delivery {
    fn of(record: &SqsMessage) -> Option<Self> {
        let receive_count = record
            .attributes
            .get("ApproximateReceiveCount")
            .and_then(|count| count.parse().ok())
            .unwrap_or(1);
        Some(Self {
            id: record.message_id.clone()?,
            receipt: record.receipt_handle.clone().unwrap_or_default(),
            receive_count,
        })
    }
}

/// The reason why a message was not handled and has to be delivered again.
pub trait Unhandled: Error + 'static {
    /// True if nothing is wrong: its time has only not come.
    fn is_only_early(&self) -> bool {
        false
    }

    /// True if no retry can help: the message comes back until the queue moves it to its dead-letter queue.
    fn is_permanent(&self) -> bool {
        false
    }
}

/// Handles every message of a batch and answers which of them have to come back.
///
/// A message that cannot be read, or whose chain is longer than it may be, comes back until the queue moves it to its dead-letter queue, alone.
pub async fn take<M: Queued, E: Unhandled>(
    event: SqsEvent,
    order: Order,
    handle: impl AsyncFn(M, Delivery) -> Result<(), E>,
) -> SqsBatchResponse {
    take_or(event, order, handle, async |_| ()).await
}

/// As [`take`], for a queue whose visibility timeout is long: `put_back` is given each message that comes back without having been
/// handled, to say when.
pub async fn take_or<M: Queued, E: Unhandled>(
    event: SqsEvent,
    order: Order,
    handle: impl AsyncFn(M, Delivery) -> Result<(), E>,
    put_back: impl AsyncFn(Delivery),
) -> SqsBatchResponse {
    let mut failures = Vec::new();
    for record in event.records {
        let Some(delivery) = Delivery::of(&record) else {
            continue;
        };
        let id = delivery.id.clone();
        let come_back = if order == Order::Kept && !failures.is_empty() {
            put_back(delivery).await;
            true
        } else {
            match M::from_json_at(record.body.as_deref().unwrap_or_default()) {
                Ok((_, place)) if place > LONGEST_CHAIN => {
                    error!(
                        message_id = id,
                        place, "a chain of messages has no end: it is cut off here"
                    );
                    true
                }
                Ok((message, place)) => {
                    let (kind, subject) = message.subject();
                    // Boxed: what handles a message holds the SDK's deep futures, and `main` around it would be too deep for the compiler.
                    let handled = Box::pin(handling(place, handle(message, delivery))).await;
                    log(&id, kind, &subject, &handled);
                    handled.is_err()
                }
                Err(unreadable) => {
                    error!(message_id = id, error = %unreadable, "a message cannot be read");
                    put_back(delivery).await;
                    true
                }
            }
        };
        if come_back {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failures.push(failure);
        }
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures;
    response
}

fn log<E: Unhandled>(message_id: &str, kind: &str, subject: &str, handled: &Result<(), E>) {
    let incident_id = (kind == "incident_id").then_some(subject);
    let alertname = (kind == "alertname").then_some(subject);
    let day = (kind == "day").then_some(subject);
    let channel = (kind == "channel").then_some(subject);
    match handled {
        Ok(()) => info!(message_id, incident_id, alertname, day, channel, "handled"),
        Err(error) if error.is_only_early() => {
            info!(message_id, incident_id, alertname, day, channel, error = %Chain(error), "not yet: it comes back");
        }
        Err(error) if error.is_permanent() => {
            error!(message_id, incident_id, alertname, day, channel, error = %Chain(error), "not handled, and no retry will help: it goes to the dead-letter queue");
        }
        Err(error) => {
            error!(message_id, incident_id, alertname, day, channel, error = %Chain(error), "not handled: it comes back")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};

    use super::{Delivery, Order, Unhandled, take, take_or};
    use crate::chain::{LONGEST_CHAIN, next_place};
    use wire::message::Message;
    use wire::message::Queued as _;

    fn batch(bodies: &[&str]) -> SqsEvent {
        let record = |(i, body): (usize, &&str)| {
            let mut record = SqsMessage::default();
            record.message_id = Some(format!("m{i}"));
            record.body = Some((*body).to_owned());
            record
                .attributes
                .insert("ApproximateReceiveCount".to_owned(), "3".to_owned());
            record
        };
        let mut event = SqsEvent::default();
        event.records = bodies.iter().enumerate().map(record).collect();
        event
    }

    #[derive(Debug, thiserror::Error)]
    #[error("it failed")]
    struct Failed;

    impl Unhandled for Failed {}

    async fn come_back(bodies: &[&str], order: Order, failing: &str) -> (Vec<String>, Vec<String>) {
        let handled = RefCell::new(Vec::new());
        let response = take(
            batch(bodies),
            order,
            async |_: Message,
                   Delivery {
                       id, receive_count, ..
                   }: Delivery| {
                assert_eq!(receive_count, 3);
                handled.borrow_mut().push(id.clone());
                if id == failing { Err(Failed) } else { Ok(()) }
            },
        )
        .await;
        (
            handled.into_inner(),
            response
                .batch_item_failures
                .into_iter()
                .map(|failure| failure.item_identifier)
                .collect(),
        )
    }

    const GOOD: &str =
        r#"{"v":1,"type":"incident_changed","incident_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#;

    #[tokio::test]
    async fn only_what_failed_comes_back_from_a_standard_queue() {
        let (handled, back) = come_back(&[GOOD, "not ours", GOOD, GOOD], Order::None, "m2").await;
        assert_eq!(
            (handled, back),
            (
                vec!["m0".into(), "m2".into(), "m3".into()],
                vec!["m1".to_owned(), "m2".into()]
            )
        );
    }

    #[tokio::test]
    async fn a_chain_of_messages_counts_its_links_and_ends() {
        let incident_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".try_into().expect("a ULID");
        let message = Message::IncidentChanged { incident_id };
        let mut places = vec![next_place()];
        assert_eq!(places, [0], "where nothing is handled, a chain begins");
        for _ in 0..3 {
            let (sent, body) = (
                RefCell::new(Vec::new()),
                message.to_json_at(places[places.len() - 1]),
            );
            take(
                batch(&[&body]),
                Order::None,
                async |_: Message, _: Delivery| {
                    sent.borrow_mut().push(next_place());
                    Ok::<(), Failed>(())
                },
            )
            .await;
            places.extend(sent.into_inner());
        }
        assert_eq!(places, [0, 1, 2, 3]);
        let (last, too_long) = (
            message.to_json_at(LONGEST_CHAIN),
            message.to_json_at(LONGEST_CHAIN + 1),
        );
        let (handled, back) = come_back(&[&last, &too_long], Order::None, "").await;
        assert_eq!(
            (handled, back),
            (vec!["m0".to_owned()], vec!["m1".to_owned()]),
            "what comes behind the longest chain is not handled"
        );
    }

    #[tokio::test]
    async fn messages_that_were_not_handled_are_put_back() {
        let put_back = RefCell::new(Vec::new());
        let response = take_or(
            batch(&["not ours", GOOD]),
            Order::Kept,
            async |_: Message, _| Ok::<_, Failed>(()),
            async |delivery: Delivery| {
                put_back
                    .borrow_mut()
                    .push((delivery.id, delivery.receive_count))
            },
        )
        .await;
        assert_eq!(
            (response.batch_item_failures.len(), put_back.into_inner()),
            (2, vec![("m0".to_owned(), 3), ("m1".to_owned(), 3)])
        );
    }

    #[tokio::test]
    async fn nothing_overtakes_a_failure_on_a_fifo_queue() {
        let (handled, back) = come_back(&[GOOD, GOOD, GOOD], Order::Kept, "m1").await;
        assert_eq!(
            (handled, back),
            (
                vec!["m0".into(), "m1".into()],
                vec!["m1".to_owned(), "m2".into()]
            )
        );
    }
}
