//! Dead letters of a queue: read, moved back, deleted.
//!
//! A message is moved by sending it again and deleting it then, so that one whose move is interrupted is there twice and never gone: whoever
//! takes one does nothing twice (`effect-once`). `StartMessageMoveTask` can only move all messages of a queue, unseen.

use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{Message as Received, MessageSystemAttributeName as Attribute};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use wire::message::{Message, Queued, Signal};

use super::queue::Queue;
use crate::doctor::stack::Deployed;
use crate::exit::{Failure, advice};

/// How long messages are held for one look: a person reads them and answers.
pub(super) const HELD_SECONDS: i32 = 300;
/// How many SQS gives at once, at most (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>).
const AT_ONCE: i32 = 10;

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Move,
    Delete,
}

impl Order {
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Move => "move back",
            Self::Delete => "delete",
        }
    }

    pub(super) const fn done(self) -> &'static str {
        match self {
            Self::Move => "moved back",
            Self::Delete => "deleted",
        }
    }
}

/// A message that was given up.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Letter {
    pub(super) queue: Queue,
    /// As the functions' logs name it: `message_id`.
    pub(super) id: String,
    /// When it was sent; in a FIFO queue, when it was given up.
    pub(super) sent_at: Option<Timestamp>,
    /// Its type, such as `incident_opened`; none if it cannot be read.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// What it is about, or why it cannot be read.
    pub(super) what: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "written")]
    pub(super) became: Option<Result<&'static str, String>>,
    #[serde(skip)]
    body: String,
    #[serde(skip)]
    receipt: String,
    #[serde(skip)]
    group: Option<String>,
    /// How often it was received. It makes the id of a moved message one that SQS has not seen.
    #[serde(skip)]
    received: String,
}

fn written<S: serde::Serializer>(
    became: &Option<Result<&'static str, String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match became {
        Some(Ok(done)) => serializer.serialize_str(done),
        Some(Err(why)) => serializer.serialize_str(why),
        None => serializer.serialize_none(),
    }
}

impl Letter {
    pub(super) fn of(queue: Queue, message: Received) -> Self {
        let attribute = |name| {
            let attributes = message.attributes.as_ref();
            attributes.and_then(|all| all.get(&name)).cloned()
        };
        let sent_at = attribute(Attribute::SentTimestamp)
            .and_then(|text| text.parse().ok())
            .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
        let (group, received) = (
            attribute(Attribute::MessageGroupId),
            attribute(Attribute::ApproximateReceiveCount),
        );
        let body = message.body.unwrap_or_default();
        let (kind, what) = described(queue, &body);
        Self {
            queue,
            id: message.message_id.unwrap_or_default(),
            sent_at,
            kind,
            what,
            became: None,
            body,
            receipt: message.receipt_handle.unwrap_or_default(),
            group,
            received: received.unwrap_or_default(),
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        self.kind.is_some()
    }

    /// An id under which SQS takes the message again: the one that it had may have been seen within five minutes, and the message would
    /// be dropped without a word
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>).
    fn deduplication_id(&self) -> String {
        format!("{}-{}", self.id, self.received)
    }
}

/// The type of a message and what it is about; no type if it cannot be read.
fn described(queue: Queue, body: &str) -> (Option<String>, String) {
    let envelope: Value = serde_json::from_str(body).unwrap_or_default();
    let kind = envelope["type"].as_str().unwrap_or_default();
    let told = match queue {
        Queue::Signals => Signal::from_json(body).map(|Signal { alert, .. }| {
            let severity = envelope["alert"]["severity"].as_str().unwrap_or_default();
            let (name, target, namespace) = (alert.name, alert.target, alert.namespace);
            format!(
                "{severity} {name} on {target} in {namespace}: {}",
                alert.message
            )
        }),
        Queue::Incidents | Queue::Notifications | Queue::Repairs => {
            Message::from_json(body).map(|message| {
                let (name, value) = message.subject();
                format!("{kind}: {name} {value}")
            })
        }
    };
    match told {
        Ok(what) => (Some(kind.to_owned()), what),
        Err(error) => (None, format!("cannot be read: {error}")),
    }
}

/// The dead letters of a queue.
#[derive(Debug)]
pub(super) struct DeadLetters {
    pub(super) queue: Queue,
    sqs: aws_sdk_sqs::Client,
    url: String,
    /// Where they came from.
    source: String,
}

impl DeadLetters {
    /// Those of a stack.
    ///
    /// # Errors
    /// If the stack's outputs do not name the queues.
    pub(super) fn of(
        sqs: &aws_sdk_sqs::Client,
        stack: &Deployed,
        queue: Queue,
    ) -> Result<Self, Failure> {
        let output = |end: &str| {
            let name = format!("{}{end}", queue.output());
            let url = stack.output(&name).to_owned();
            if url.is_empty() {
                return Err(Failure::wrong(format!(
                    "the stack {} has no output {name}: is it one of Quell's?",
                    stack.name
                )));
            }
            Ok(url)
        };
        Ok(Self {
            queue,
            sqs: sqs.clone(),
            url: output("DeadLetterQueueUrl")?,
            source: output("QueueUrl")?,
        })
    }

    /// Receives messages, at most so many, which nobody else then gets for five minutes.
    ///
    /// # Errors
    /// If SQS does not answer.
    pub(super) async fn receive(&self, most: u16) -> Result<Vec<Letter>, Failure> {
        let mut letters: Vec<Letter> = Vec::new();
        loop {
            let room = usize::from(most).saturating_sub(letters.len());
            let at_once = i32::try_from(room).unwrap_or(AT_ONCE).min(AT_ONCE);
            if at_once == 0 {
                return Ok(letters);
            }
            let asked = self
                .sqs
                .receive_message()
                .queue_url(&self.url)
                .message_system_attribute_names(Attribute::All)
                .max_number_of_messages(at_once)
                .visibility_timeout(HELD_SECONDS)
                // Waiting asks all of SQS's servers; without it, an empty answer means nothing
                // (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html).
                .wait_time_seconds(1);
            let told = asked.send().await.map_err(|error| {
                let error = DisplayErrorContext(&error).to_string();
                self.unanswered("sqs:ReceiveMessage", &error)
            })?;
            let messages = told.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(letters);
            }
            letters.extend(
                messages
                    .into_iter()
                    .map(|message| Letter::of(self.queue, message)),
            );
        }
    }

    /// Moves a message back, or deletes it.
    ///
    /// # Errors
    /// Why it is still a dead letter.
    pub(super) async fn carry_out(&self, order: Order, letter: &Letter) -> Result<(), String> {
        if order == Order::Move {
            let mut sent = self
                .sqs
                .send_message()
                .queue_url(&self.source)
                .message_body(&letter.body);
            if let Some(group) = &letter.group {
                sent = sent
                    .message_group_id(group)
                    .message_deduplication_id(letter.deduplication_id());
            }
            let sent = sent.send().await;
            sent.map_err(|error| {
                let error = DisplayErrorContext(&error).to_string();
                self.unanswered("sqs:SendMessage", &error).to_string()
            })?;
        }
        let deleted = self
            .sqs
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(&letter.receipt);
        deleted.send().await.map(drop).map_err(|error| {
            let error = DisplayErrorContext(&error).to_string();
            let failed = self.unanswered("sqs:DeleteMessage", &error);
            match order {
                Order::Move => {
                    format!("it is back in the queue, and still a dead letter too: {failed}")
                }
                Order::Delete => failed.to_string(),
            }
        })
    }

    /// Lets others have what is held and was not dealt with. What cannot be released is free again in five minutes.
    pub(super) async fn release(&self, letters: &[Letter]) {
        let held = letters
            .iter()
            .filter(|letter| letter.queue == self.queue && !matches!(letter.became, Some(Ok(_))));
        for letter in held {
            let freed = self
                .sqs
                .change_message_visibility()
                .queue_url(&self.url)
                .receipt_handle(&letter.receipt)
                .visibility_timeout(0);
            let _ = freed.send().await;
        }
    }

    fn unanswered(&self, action: &str, error: &str) -> Failure {
        Failure::wrong(format!(
            "{action} on the queue {} was refused or not answered: {error}: {}",
            self.queue.as_str(),
            advice(error)
        ))
    }
}
