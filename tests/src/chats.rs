//! Chats of a test's own at the Telegram stand-in, and a notifier with no other channels.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws::AwsEnvironment;
use domain::alert::AlertSeverity;
use domain::analysis::Severity;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::{Entry, Event};
use domain::incident::{Incident, Status};
use domain::notification::channels::{Channels, Language};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use notifier::render::presenter::{Presented, Presenter};
use notifier::render::templates::Templates;
use notifier::{App, Failure};
use serde_json::{Value, json};
use settings::channels_file;
use tempfile::TempDir;
use wire::message::{Message, Queued as _};

use crate::alert::unique;
use crate::opened::{alert, opened};
use crate::own_queue::OwnQueue;
use crate::runtime;
use crate::simulated::StandingClock;
use crate::stack::Stack;

/// Chats of a story's own, and a clock that can be put forward.
#[derive(Debug)]
pub struct Story {
    pub stack: Stack,
    pub app: App,
    /// The queue of its notifications.
    pub queue: OwnQueue,
    /// The names of the channels, and their chats.
    pub chats: Vec<(String, i64)>,
    files: TempDir,
    ahead: AtomicI64,
}

impl Story {
    /// A story with so many chats of persons, each of which is told everything.
    ///
    /// # Panics
    /// If there is no stack.
    pub async fn with(chats: usize) -> Self {
        Self::of(chats, 1, Some(600), &json!({})).await
    }

    /// The same with groups, which have negative ids. Without a number of messages a minute, the limits of Telegram hold.
    ///
    /// # Panics
    /// If there is no stack.
    pub async fn in_groups(chats: usize, messages_per_minute: Option<u16>) -> Self {
        Self::of(chats, -1, messages_per_minute, &json!({})).await
    }

    /// The same with more in `channels.json`, such as people and rules for decisions. What stands under `people.json` is that file.
    ///
    /// # Panics
    /// If there is no stack.
    pub async fn of(
        chats: usize,
        sign: i64,
        messages_per_minute: Option<u16>,
        more: &Value,
    ) -> Self {
        Self::on(
            Stack::start(),
            (chats, sign),
            messages_per_minute,
            more,
            &[],
        )
        .await
    }

    /// Chats of persons, of which the first ones have bots of their own: with the secrets of their tokens.
    ///
    /// # Panics
    /// If there is no stack.
    pub async fn with_bots(stack: Stack, chats: usize, token_secrets: &[&str]) -> Self {
        Self::on(stack, (chats, 1), Some(600), &json!({}), token_secrets).await
    }

    async fn on(
        stack: Stack,
        (chats, sign): (usize, i64),
        messages_per_minute: Option<u16>,
        more: &Value,
        token_secrets: &[&str],
    ) -> Self {
        let own = |_| {
            let id = i64::try_from(ulid::Ulid::generate().random() % 1_000_000_000_000)
                .expect("a small number")
                + 1;
            (
                format!("c-{}", ulid::Ulid::generate().to_string().to_lowercase()),
                sign * id,
            )
        };
        let chats: Vec<(String, i64)> = (0..chats).map(own).collect();
        let channel = |(name, chat_id): &(String, i64)| {
            let mut chat = json!({ "chat_id": chat_id, "api_url": stack.facts.telegram.base_url });
            if let Some(most) = messages_per_minute {
                chat["messages_per_minute"] = json!(most);
            }
            json!({ "name": name, "to": { "telegram": chat } })
        };
        let mut channels: Vec<Value> = chats.iter().map(channel).collect();
        for (channel, secret) in channels.iter_mut().zip(token_secrets) {
            channel["to"]["telegram"]["token_secret"] = json!(secret);
        }
        // So a story gives its channels a language, for example.
        let given = more.get("channels").and_then(Value::as_array);
        for (channel, given) in channels.iter_mut().zip(given.into_iter().flatten()) {
            for (field, value) in given.as_object().into_iter().flatten() {
                channel[field] = value.clone();
            }
        }
        let names: Vec<&String> = chats.iter().map(|(name, _)| name).collect();
        // A route has to name a channel.
        let routed = !names.is_empty();
        let mut content = more.clone();
        let fields = content.as_object_mut().expect("fields");
        let teams = fields.remove("people.json").unwrap_or_else(|| json!({}));
        content["channels"] = json!(channels);
        // The story's own route leads to its chats too.
        let given = content.get("routes").and_then(|routes| routes.get(0));
        let mut route = given.cloned().unwrap_or_else(|| json!({}));
        route["channels"] = json!(names);
        content["routes"] = if routed { json!([route]) } else { json!([]) };
        let files = tempfile::tempdir().expect("a directory");
        for (file, content) in [("channels.json", content), ("people.json", teams)] {
            std::fs::write(files.path().join(file), content.to_string()).expect("written");
        }
        for (_, chat_id) in &chats {
            stack.control("join", &json!({ "chat_id": chat_id })).await;
        }
        let queue = OwnQueue::create(&stack).await;
        let app = stack.notifier_with(&[
            ("CONFIG_DIR", directory(&files)),
            ("NOTIFICATIONS_QUEUE_URL", &queue.url),
        ]);
        Self {
            stack,
            app,
            files,
            queue,
            chats,
            ahead: AtomicI64::new(0),
        }
    }

    /// Another worker of the story, at another AWS.
    #[must_use]
    pub fn worker_at(&self, aws: &AwsEnvironment) -> App {
        self.stack.notifier_at(
            aws,
            &[
                ("CONFIG_DIR", directory(&self.files)),
                ("NOTIFICATIONS_QUEUE_URL", &self.queue.url),
            ],
        )
    }

    /// Ingress with the story's chats, at another AWS.
    #[must_use]
    pub fn door_at(&self, aws: &AwsEnvironment) -> ingress::App {
        self.stack.ingress_at(
            aws,
            &[
                ("CONFIG_DIR", directory(&self.files)),
                ("NOTIFICATIONS_QUEUE_URL", &self.queue.url),
            ],
        )
    }

    /// Hands these messages to a notifier in a process of its own: the lines that it prints.
    ///
    /// # Panics
    /// If it does not handle one of them, or prints a line that is no JSON.
    pub async fn printed(&self, messages: &[Message]) -> Vec<Value> {
        let of_stack = ["API_URL", "TELEGRAM_BOT_TOKEN_SECRET_ID"].map(|name| {
            let value = self.stack.variable(name);
            (name, value.expect("a variable of the stack"))
        });
        let mut changed = vec![
            ("CONFIG_DIR", directory(&self.files)),
            ("NOTIFICATIONS_QUEUE_URL", &self.queue.url),
        ];
        changed.extend(of_stack.iter().map(|(name, value)| (*name, value.as_str())));
        let event = |message: &Message| {
            let attributes = json!({ "ApproximateReceiveCount": "1" });
            json!({ "Records": [{
                "messageId": unique("m"), "receiptHandle": "r", "body": message.to_json(), "attributes": attributes,
                "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": self.stack.facts.region,
            }] })
        };
        let events: Vec<Value> = messages.iter().map(event).collect();
        let ran = runtime::function(&self.stack, "notifier", &changed, &events).await;
        for answer in &ran.answers {
            assert_eq!(answer["batchItemFailures"], json!([]), "{:?}", ran.lines);
        }
        let json = |line: &String| serde_json::from_str(line).expect("JSON");
        ran.lines.iter().map(json).collect()
    }

    /// Hands the worker a message.
    ///
    /// # Panics
    /// If it fails.
    pub async fn tell(&self, message: &Message) {
        self.tell_by(&self.app, message).await;
    }

    /// Hands a worker a message.
    ///
    /// # Panics
    /// If it fails.
    pub async fn tell_by(&self, app: &App, message: &Message) {
        let clock =
            || Timestamp::now() + SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed));
        let until = Instant::now() + Duration::from_secs(60);
        Box::pin(app.handle(message, &unique("holder"), &clock, until))
            .await
            .expect("handled");
    }

    /// Hands a worker a message at a time that stands still. There is time to begin a call, and none to sleep until the next is
    /// allowed: its queue has to say when to go on.
    ///
    /// # Errors
    /// As the notifier.
    pub async fn hand(
        &self,
        app: &App,
        message: &Message,
        clock: &StandingClock,
    ) -> Result<(), Failure> {
        let until = Instant::now() + Duration::from_millis(9_900);
        Box::pin(app.handle(message, &unique("holder"), &|| clock.now(), until)).await
    }

    /// So many seconds later each channel looks at what is due.
    ///
    /// # Panics
    /// If that fails.
    pub async fn later(&self, seconds: i64) {
        self.later_by(&self.app, seconds).await;
    }

    /// The same by this worker.
    ///
    /// # Panics
    /// If that fails.
    pub async fn later_by(&self, app: &App, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
        for (name, _) in &self.chats {
            let timer = Message::ChannelTimer {
                channel: name.clone(),
            };
            self.tell_by(app, &timer).await;
        }
    }

    /// An incident that people have to know of, which the notifier is not told of yet.
    ///
    /// # Panics
    /// If it is not saved.
    pub async fn incident(&self, severity: AlertSeverity) -> IncidentId {
        let mut change = known(severity);
        if severity == AlertSeverity::Critical {
            change.incident.severity = Severity::P0;
        }
        self.stack.store.save(change).await.expect("saved").id
    }

    /// Tells the worker that an incident has changed.
    ///
    /// # Panics
    /// If that fails.
    pub async fn changed(&self, id: &IncidentId) {
        self.changed_by(&self.app, id).await;
    }

    /// Tells this worker that an incident has changed.
    ///
    /// # Panics
    /// If that fails.
    pub async fn changed_by(&self, app: &App, id: &IncidentId) {
        let message = Message::IncidentChanged {
            incident_id: id.clone(),
        };
        self.tell_by(app, &message).await;
    }

    /// Resolves an incident, and tells the worker.
    ///
    /// # Panics
    /// If that fails.
    pub async fn resolve(&self, id: &IncidentId) {
        self.stack
            .store
            .change(id, |change| change.resolved(1, Timestamp::now()))
            .await
            .expect("resolved");
        self.changed(id).await;
    }

    /// A fault of the stand-in for calls about a chat.
    ///
    /// # Panics
    /// If the stand-in does not answer.
    pub async fn fail(&self, chat: usize, fault: Value) {
        let mut fault = fault;
        fault["chat_id"] = json!(self.chats[chat].1);
        self.stack.control("fail", &fault).await;
    }

    /// What stands in a chat of this id.
    ///
    /// # Panics
    /// If the stand-in does not answer.
    pub async fn messages_in(&self, chat_id: i64) -> Vec<Value> {
        let messages = self
            .stack
            .control("messages", &json!({ "chat_id": chat_id }))
            .await;
        messages["messages"].as_array().expect("a list").clone()
    }

    /// What stands in one of the story's chats.
    ///
    /// # Panics
    /// If the stand-in does not answer.
    pub async fn messages(&self, chat: usize) -> Vec<Value> {
        self.messages_in(self.chats[chat].1).await
    }

    /// How many calls there were about a chat.
    ///
    /// # Panics
    /// If the stand-in does not answer.
    pub async fn calls(&self, chat: usize) -> usize {
        let calls = self.stack.control("calls", &json!({})).await;
        let of_chat = |call: &&Value| call["parameters"]["chat_id"] == json!(self.chats[chat].1);
        calls["calls"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(of_chat)
            .count()
    }

    /// The entries of an incident's log that tell of its first card in a chat.
    ///
    /// # Panics
    /// If the store does not answer.
    pub async fn sent(&self, id: &IncidentId) -> Vec<Entry> {
        let log = self.stack.store.log(id).await.expect("the log");
        log.into_iter()
            .filter(|entry| entry.event == Event::TelegramSent)
            .collect()
    }

    /// The card that an incident has to have at this time.
    #[must_use]
    pub fn presented(&self, incident: &Incident, now: Timestamp) -> Presented {
        let (templates, channels) = (Templates::load(self.files.path()), self.channels());
        Presenter {
            templates: &templates,
            language: Language::English,
            zone: None,
            silences: false,
            channels: &channels,
        }
        .incident(incident, now)
    }

    /// What somebody is shown who asks for the details of an incident.
    #[must_use]
    pub fn details(&self, incident: &Incident, log: &[Entry]) -> Presented {
        let (templates, channels) = (Templates::load(self.files.path()), self.channels());
        Presenter {
            templates: &templates,
            language: Language::English,
            zone: None,
            silences: false,
            channels: &channels,
        }
        .details(incident, log)
    }

    fn channels(&self) -> Channels {
        channels_file::load(self.files.path()).expect("the file is as the story wrote it")
    }

    /// The messages below the cards of a chat, which make a sound.
    ///
    /// # Panics
    /// If the stand-in does not answer.
    pub async fn replies(&self, chat: usize) -> Vec<Value> {
        let all = self.messages(chat).await;
        all.into_iter()
            .filter(|message| !message["reply_to_message_id"].is_null())
            .collect()
    }
}

/// An incident of an alert of a target of its own that waits for people.
#[must_use]
pub fn known(severity: AlertSeverity) -> IncidentChange {
    let mut alert = alert(&unique("channel"));
    alert.severity = severity;
    let mut change = opened(&alert, 0);
    change.incident.status = Status::NeedsHuman;
    change
}

/// The text of a message.
///
/// # Panics
/// If it has none.
#[must_use]
pub fn text(message: &Value) -> &str {
    message["text"].as_str().expect("a text")
}

fn directory(files: &TempDir) -> &str {
    files.path().to_str().expect("text")
}

/// True if something was told so many times that it was told once a day: once, and where midnight (UTC) is within the three hours
/// that a story goes ahead at most, once or twice.
pub fn told_once_a_day(times: usize) -> bool {
    let day = |second: i64| second.div_euclid(86_400);
    let now = Timestamp::now().as_second();
    let days = day(now + 3 * 3_600) - day(now - 600) + 1;
    (1..=days).contains(&i64::try_from(times).unwrap_or(i64::MAX))
}
