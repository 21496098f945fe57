//! An ingress in this process with queues of its own: time passes there as a story wants, and no
//! deployed function acts on it.

use std::time::{Duration, Instant};

use domain::primitives::id::IncidentId;
use ingress::App;
use jiff::Timestamp;
use serde_json::Value;
use wire::message::Message;

use crate::alert::{TestAlert, unique};
use crate::in_process::answer;
use crate::own_queue::OwnQueue;
use crate::stack::Stack;

/// Delivers an alert at a time that the story chooses; ingress' answer.
///
/// # Panics
/// If it is not accepted.
pub async fn deliver(app: &App, stack: &Stack, alert: &TestAlert, now: Timestamp) -> Value {
    let (status, answer) = answer(app, stack.delivery(&alert.delivery()), now).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// The ingress, with the stack that it writes to.
pub struct IsolatedIngress {
    pub stack: Stack,
    pub app: App,
    pub notifications: OwnQueue,
    signals: OwnQueue,
}

impl IsolatedIngress {
    /// Starts it.
    ///
    /// # Panics
    /// If the queues are not made.
    pub async fn open() -> Self {
        let stack = Stack::start();
        let incidents = OwnQueue::create(&stack).await;
        let notifications = OwnQueue::create(&stack).await;
        let signals = OwnQueue::create(&stack).await;
        let app = stack.ingress(&[
            ("INCIDENTS_QUEUE_URL", &incidents.url),
            ("NOTIFICATIONS_QUEUE_URL", &notifications.url),
        ]);
        Self {
            stack,
            app,
            notifications,
            signals,
        }
    }

    /// The notifier of these queues. It knows of no chat: one that was told of a time to come would
    /// keep the others waiting for it.
    ///
    /// # Panics
    /// If a variable is wrong.
    #[must_use]
    pub fn notifier(&self) -> notifier::App {
        let nowhere = std::env::temp_dir();
        self.stack.notifier_with(&[
            ("NOTIFICATIONS_QUEUE_URL", &self.notifications.url),
            ("SIGNALS_QUEUE_URL", &self.signals.url),
            ("CONFIG_DIR", nowhere.to_str().expect("a path")),
        ])
    }

    /// Lets the notifier know that an incident changed.
    ///
    /// # Panics
    /// If it fails.
    pub async fn show(&self, id: &IncidentId, now: Timestamp) {
        let message = Message::IncidentChanged {
            incident_id: id.clone(),
        };
        let until = Instant::now() + Duration::from_secs(60);
        let clock = move || now;
        self.notifier()
            .handle(&message, &unique("holder"), &clock, until)
            .await
            .expect("handled");
    }

    /// What ingress says of an alert that is delivered then.
    ///
    /// # Panics
    /// If it is not accepted.
    pub async fn outcome(&self, alert: &TestAlert, now: Timestamp) -> String {
        let answer = deliver(&self.app, &self.stack, alert, now).await;
        answer["outcome"].as_str().expect("an outcome").to_owned()
    }
}
