//! A notifier with channels of a test's own, and with a clock that can be put forward.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use aws::AwsEnvironment;
use aws_sdk_secretsmanager::Client;
use domain::analysis::Severity;
use domain::incident::Status;
use domain::notification::button_action::More;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use notifier::App;
use serde_json::Value;
use tempfile::TempDir;
use tests::alert::unique;
use tests::opened::{alert, opened};
use tests::own_queue::OwnQueue;
use tests::stack::Stack;
use wire::message::Message;

/// The notifier, whose queue nobody else reads.
pub(crate) struct Own<'a> {
    pub(crate) stack: &'a Stack,
    app: App,
    files: TempDir,
    queue: OwnQueue,
    ahead: AtomicI64,
}

impl<'a> Own<'a> {
    /// A notifier with this `channels.json`.
    pub(crate) async fn with(stack: &'a Stack, channels: &Value) -> Self {
        Self::with_files(stack, &[("channels.json", channels)]).await
    }

    /// A notifier with these files.
    pub(crate) async fn with_files(stack: &'a Stack, contents: &[(&str, &Value)]) -> Self {
        let (files, queue) = (
            tempfile::tempdir().expect("a directory"),
            OwnQueue::create(stack).await,
        );
        for (name, content) in contents {
            std::fs::write(files.path().join(name), content.to_string()).expect("written");
        }
        let app = app(stack, &files, &queue);
        Self {
            stack,
            app,
            files,
            queue,
            ahead: AtomicI64::new(0),
        }
    }

    /// An ingress with the same files.
    pub(crate) fn ingress(&self) -> ingress::App {
        self.stack.ingress(&[
            ("CONFIG_DIR", self.files.path().to_str().expect("text")),
            ("NOTIFICATIONS_QUEUE_URL", &self.queue.url),
        ])
    }

    /// The same with nothing in its memory: the next cold start.
    pub(crate) fn started_anew(self) -> Self {
        Self {
            app: app(self.stack, &self.files, &self.queue),
            ..self
        }
    }

    /// Ingress with the same channels, whose messages go to the same queue.
    pub(crate) fn door(&self) -> ingress::App {
        let directory = self.files.path().to_str().expect("text");
        self.stack.ingress(&[
            ("CONFIG_DIR", directory),
            ("NOTIFICATIONS_QUEUE_URL", &self.queue.url),
        ])
    }

    /// Handles what lies on the queue.
    pub(crate) async fn work_off(&self) {
        for body in self.queue.take_all().await {
            self.tell(&serde_json::from_str(&body).expect("a message"))
                .await;
        }
    }

    pub(crate) async fn tell(&self, message: &Message) {
        self.tell_by(&self.app, message).await;
    }

    /// Hands another worker a message.
    pub(crate) async fn tell_by(&self, app: &App, message: &Message) {
        let clock =
            || Timestamp::now() + SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed));
        let until = Instant::now() + super::PATIENCE;
        Box::pin(app.handle(message, &unique("holder"), &clock, until))
            .await
            .expect("handled");
    }

    /// Another worker with the same files, at another AWS.
    pub(crate) fn worker_at(&self, aws: &AwsEnvironment) -> App {
        let directory = self.files.path().to_str().expect("text");
        let changed = [
            ("CONFIG_DIR", directory),
            ("NOTIFICATIONS_QUEUE_URL", &*self.queue.url),
        ];
        self.stack.notifier_at(aws, &changed)
    }

    /// So many seconds later a channel looks at what is due.
    pub(crate) async fn later(&self, seconds: i64, channel: &str) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
        self.tell(&Message::ChannelTimer {
            channel: channel.to_owned(),
        })
        .await;
    }

    /// A critical incident that nobody is told of yet.
    pub(crate) async fn incident(&self) -> IncidentId {
        let mut change = opened(&alert(&unique("own")), 0);
        change.incident.status = Status::NeedsHuman;
        change.incident.severity = Severity::P0;
        self.stack.store.save(change).await.expect("saved").id
    }

    pub(crate) async fn changed(&self, id: &IncidentId) {
        self.tell(&Message::IncidentChanged {
            incident_id: id.clone(),
        })
        .await;
    }

    pub(crate) async fn resolve(&self, id: &IncidentId) {
        self.stack
            .store
            .change(id, |change| change.resolved(1, Timestamp::now()))
            .await
            .expect("resolved");
        self.changed(id).await;
    }

    /// Somebody in a channel wants to see the details.
    pub(crate) async fn details(&self, id: &IncidentId, channel: &str, press: &str) {
        let (incident_id, channel, press) = (id.clone(), channel.to_owned(), press.to_owned());
        let asked = Message::MoreAsked {
            incident_id,
            what: More::Details,
            channel,
            press,
            by: "telegram:7".to_owned(),
        };
        self.tell(&asked).await;
    }
}

/// A secret for channels, with this value: its name.
pub(crate) async fn secret(stack: &Stack, value: &str) -> String {
    let name = format!("quell/channels/{}", unique("key"));
    Client::new(&stack.aws())
        .create_secret()
        .name(&name)
        .secret_string(value)
        .send()
        .await
        .expect("made");
    name
}

fn app(stack: &Stack, files: &TempDir, queue: &OwnQueue) -> App {
    let directory = files.path().to_str().expect("text");
    stack.notifier_with(&[
        ("CONFIG_DIR", directory),
        ("NOTIFICATIONS_QUEUE_URL", &queue.url),
    ])
}
