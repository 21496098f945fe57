//! Simulated clock and queues: a delayed message waits until the test's clock has reached its time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws::AwsEnvironment;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use wire::message::{Message, Queued as _};

use crate::faulty_aws::faulty;
use crate::stack::Stack;
use loopback::{Answer, Request};

/// A clock that stands still until the story puts it forward.
#[derive(Debug, Clone)]
pub struct StandingClock(Arc<AtomicI64>);

impl StandingClock {
    /// A clock that stands at this time, to the millisecond.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_millisecond())))
    }

    /// Its time.
    ///
    /// # Panics
    /// Never: it stands at a time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).expect("a time")
    }

    /// Puts it forward, never back.
    pub fn go_to(&self, at: Timestamp) {
        self.0.fetch_max(at.as_millisecond(), Ordering::Relaxed);
    }
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// From when on it can be received.
    pub at: Timestamp,
    pub queue: String,
    pub message: Message,
}

/// The queues of an AWS that is the stack's in everything else: nothing that is sent there reaches a deployed function.
#[derive(Debug, Clone, Default)]
pub struct Queues(Arc<Mutex<Vec<Sent>>>);

impl Queues {
    /// The queues, and the AWS whose queues they are.
    pub async fn begin(stack: &Stack, clock: &StandingClock) -> (Self, AwsEnvironment) {
        let queues = Self::default();
        let (taking, clock) = (queues.clone(), clock.clone());
        let aws = faulty(stack, move |request| taking.take_in(request, clock.now())).await;
        (queues, aws)
    }

    /// Takes the message that can be received first; of two at the same time the one that was sent first.
    #[must_use]
    pub fn take_first(&self) -> Option<Sent> {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = (0..sent.len()).min_by_key(|place| sent[*place].at)?;
        Some(sent.remove(first))
    }

    /// Puts a message there, as if it had been sent.
    pub fn put(&self, sent: Sent) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sent);
    }

    fn take_in(&self, request: &Request, now: Timestamp) -> Option<Answer> {
        let action = request.header("x-amz-target").strip_prefix("AmazonSQS.")?;
        assert_eq!(action, "SendMessage", "nothing else is simulated");
        let given: Value = serde_json::from_slice(&request.body).expect("JSON");
        let text = |name: &str| given[name].as_str().expect("text");
        let at =
            now + SignedDuration::from_secs(given["DelaySeconds"].as_i64().unwrap_or_default());
        let message = Message::from_json(text("MessageBody")).expect("ours");
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(Sent {
            at,
            queue: text("QueueUrl").to_owned(),
            message,
        });
        let body = json!({ "MessageId": format!("message-{}", sent.len()), "MD5OfMessageBody": "0".repeat(32) });
        let headers = vec![(
            "content-type".to_owned(),
            "application/x-amz-json-1.0".to_owned(),
        )];
        Some(Answer {
            status: 200,
            headers,
            body: body.to_string().into_bytes(),
        })
    }
}
