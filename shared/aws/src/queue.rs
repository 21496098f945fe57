//! Client for sending to one SQS queue.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use thiserror::Error;

use crate::Cause;
use crate::chain::next_place;
use crate::lazy_client::LazyClient;
use domain::incident::{Incident, Status};
use wire::message::{Message, Queued};

/// Minimum seconds between two updates of a storm: a chat accepts about twenty changes of a card a
/// minute.
pub const STORM_LOOKS_EVERY: i32 = 5;

/// The longest delay of a message, in seconds
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html>).
const LONGEST_DELAY: i64 = 900;

/// The delay in seconds after which a timer comes when it is due, or sooner if that is later than a
/// queue can wait. A part of a second counts as a whole: a timer that comes too early would be sent
/// again at once.
pub fn delay_until(at: Timestamp, now: Timestamp) -> i32 {
    let seconds = (at.duration_since(now).as_millis() + 999)
        .div_euclid(1000)
        .clamp(1, i128::from(LONGEST_DELAY));
    i32::try_from(seconds).unwrap_or(1)
}

/// Why a message is not on the queue, or not held.
#[derive(Debug, Error)]
#[error("the queue {queue} did not do as asked")]
pub struct QueueError {
    /// Which queue: the last part of its URL.
    pub queue: String,
    #[source]
    pub cause: Cause,
    /// True if another try may go well: false for a request that cannot be made at all.
    pub transient: bool,
}

#[derive(Debug, Clone)]
pub struct Queue {
    client: LazyClient<Client>,
    url: String,
}

impl Queue {
    /// The queue at this URL.
    pub fn new(client: impl Into<LazyClient<Client>>, url: String) -> Self {
        Self {
            client: client.into(),
            url,
        }
    }

    /// Puts a message onto a standard queue, and gives the queue's id of it.
    ///
    /// # Errors
    /// If the queue did not say that it has it. It may have it all the same: receivers act once on what they see twice.
    pub async fn send(&self, message: &impl Queued) -> Result<String, QueueError> {
        self.request(self.message(message)).await
    }

    /// Puts a message onto a standard queue, from which it can be taken after some seconds.
    ///
    /// # Errors
    /// As [`Queue::send`].
    pub async fn send_later(
        &self,
        message: &impl Queued,
        seconds: i32,
    ) -> Result<String, QueueError> {
        self.request(self.message(message).delay_seconds(seconds))
            .await
    }

    /// Puts a message onto a FIFO queue: messages of one `group` are received one after the other; a repetition of
    /// `deduplication_id` within five minutes is dropped.
    ///
    /// # Errors
    /// As [`Queue::send`].
    pub async fn send_in_order(
        &self,
        message: &impl Queued,
        group: &str,
        deduplication_id: &str,
    ) -> Result<String, QueueError> {
        let request = self
            .message(message)
            .message_group_id(group)
            .message_deduplication_id(deduplication_id);
        self.request(request).await
    }

    /// Changes the visibility timeout of a message that is being handled: it is delivered again
    /// after this many seconds, counted from now, unless it is deleted before.
    ///
    /// # Errors
    /// If the queue did not take it, also because the message is not being handled any more.
    pub async fn change_visibility(&self, receipt: &str, seconds: i32) -> Result<(), QueueError> {
        let request = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(seconds);
        request
            .send()
            .boxed()
            .await
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    /// Puts the approved plan of an incident onto the queue of repairs, whose groups are the targets. There is nothing to put if the
    /// incident has none that waits for its repair.
    ///
    /// # Errors
    /// As [`Queue::send`].
    pub async fn send_repair(&self, incident: &Incident) -> Result<(), QueueError> {
        let (Status::Approved, Some(plan), Some(approval)) =
            (incident.status, &incident.plan, &incident.approval)
        else {
            return Ok(());
        };
        let message = Message::RepairApproved {
            incident_id: incident.id.clone(),
            plan_hash: approval.plan_hash.clone(),
        };
        // Two incidents can have the same plan: the approval's id, which names the incident too, tells their messages apart.
        self.send_in_order(&message, &plan.target, approval.id.as_str())
            .await
            .map(drop)
    }

    fn message(&self, message: &impl Queued) -> SendMessageFluentBuilder {
        let body = message.to_json_at(next_place());
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
    }

    async fn request(&self, request: SendMessageFluentBuilder) -> Result<String, QueueError> {
        // Boxed: futures of the SDK are large, and too deep for the compiler where many surround them.
        let sent = request.send().boxed().await;
        Ok(sent
            .map_err(|error| self.failed(error))?
            .message_id
            .unwrap_or_default())
    }

    fn failed<E, R>(&self, error: SdkError<E, R>) -> QueueError
    where
        SdkError<E, R>: Into<Cause>,
    {
        QueueError {
            queue: self.url.rsplit('/').next().unwrap_or_default().to_owned(),
            transient: !matches!(error, SdkError::ConstructionFailure(_)),
            cause: error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::http::HttpResponse;
    use aws_sdk_sqs::error::{ConnectorError, SdkError};
    use aws_sdk_sqs::operation::send_message::SendMessageError;
    use aws_sdk_sqs::{Client, Config};
    use jiff::{SignedDuration, Timestamp};

    use super::{Queue, delay_until};

    #[test]
    fn only_a_request_that_cannot_be_made_is_permanent() {
        type Error = SdkError<SendMessageError, HttpResponse>;
        let cases: [(Error, bool); 3] = [
            (SdkError::construction_failure("test"), false),
            (SdkError::timeout_error("test"), true),
            (
                SdkError::dispatch_failure(ConnectorError::io("test".into())),
                true,
            ),
        ];
        let client = Client::from_conf(Config::builder().behavior_version_latest().build());
        let queue = Queue::new(client, "https://sqs.test/123456789012/incidents".to_owned());
        for (error, transient) in cases {
            let shown = format!("{error:?}");
            let failed = queue.failed(error);
            assert_eq!(
                (failed.queue.as_str(), failed.transient),
                ("incidents", transient),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_timer_is_delayed_to_its_due_time_within_queue_limits() {
        let now = Timestamp::UNIX_EPOCH;
        for (milliseconds, seconds) in [
            (-5_000, 1),
            (0, 1),
            (1, 1),
            (1_001, 2),
            (899_001, 900),
            (14_400_000, 900),
        ] {
            assert_eq!(
                delay_until(now + SignedDuration::from_millis(milliseconds), now),
                seconds,
                "{milliseconds} ms"
            );
        }
    }
}
