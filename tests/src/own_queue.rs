//! A queue that no deployed function reads, for messages that a test inspects or keeps from the
//! others.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::create_queue::builders::CreateQueueFluentBuilder;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName};

use crate::alert::unique;
use crate::stack::Stack;

#[derive(Debug)]
pub struct OwnQueue {
    client: Client,
    pub url: String,
}

impl OwnQueue {
    /// Makes a queue.
    ///
    /// # Panics
    /// If it is not made.
    pub async fn create(stack: &Stack) -> Self {
        let client = Client::new(&stack.aws());
        let made = client.create_queue().queue_name(unique("own"));
        Self::made(client, made).await
    }

    /// Makes a FIFO queue, which takes groups and deduplication ids as that of repairs does.
    ///
    /// # Panics
    /// If it is not made.
    pub async fn create_fifo(stack: &Stack) -> Self {
        let client = Client::new(&stack.aws());
        let made = client
            .create_queue()
            .queue_name(format!("{}.fifo", unique("own")))
            .attributes(QueueAttributeName::FifoQueue, "true");
        Self::made(client, made).await
    }

    async fn made(client: Client, made: CreateQueueFluentBuilder) -> Self {
        let made = made.send().await.expect("a queue");
        Self {
            client,
            url: made.queue_url.expect("its URL"),
        }
    }

    /// Takes everything that lies on the queue.
    ///
    /// # Panics
    /// If the queue does not answer.
    pub async fn take_all(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let received = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(10)
                .send()
                .await;
            let messages = received.expect("an answer").messages.unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            let mut taken = self.client.delete_message_batch().queue_url(&self.url);
            for (i, message) in messages.into_iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder().id(i.to_string());
                taken = taken.entries(
                    entry
                        .set_receipt_handle(message.receipt_handle)
                        .build()
                        .expect("complete"),
                );
                bodies.extend(message.body);
            }
            taken.send().await.expect("deleted");
        }
    }
}
