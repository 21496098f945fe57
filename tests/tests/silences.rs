//! An hour of silence that a person asks for, in the real Alertmanager (Debian's package).

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use notifier::{App, Failure};
use serde_json::json;
use shared::domain::alert::Alert;
use shared::domain::incident::Incident;
use shared::domain::operation_log::{Entry, Event, News};
use shared::domain::silence::TRIED_FOR;
use shared::message::{Message, Queued as _};
use tempfile::TempDir;
use tests::alert::unique;
use tests::alertmanager::{Alertmanager, Receiver};
use tests::http::{Answer, serve};
use tests::opened::{alert, opened};
use tests::own_queue::OwnQueue;
use tests::stack::Stack;

const BY: &str = "telegram:7";

/// A notifier that knows of an Alertmanager, and whose messages nobody takes but the story.
struct Story {
    stack: Stack,
    notifications: OwnQueue,
    files: TempDir,
}

impl Story {
    async fn with(url: Option<&str>) -> Self {
        let stack = Stack::start();
        let (notifications, files) = (OwnQueue::create(&stack).await, tempfile::tempdir().expect("a directory"));
        let file = url.map_or_else(|| json!({}), |url| json!({ "alertmanager": { "url": url, "private": true } }));
        std::fs::write(files.path().join("channels.json"), file.to_string()).expect("written");
        Self { stack, notifications, files }
    }

    fn notifier(&self) -> App {
        let directory = self.files.path().to_str().expect("text");
        self.stack.notifier_with(&[("CONFIG_DIR", directory), ("NOTIFICATIONS_QUEUE_URL", &self.notifications.url)])
    }

    /// An incident of an alert that came from Alertmanager.
    async fn opened(&self, alert: Alert) -> Incident {
        let alert = Alert { source: "alertmanager".to_owned(), ..alert };
        self.stack.store.save(opened(&alert, 0)).await.expect("saved")
    }

    /// Asks for a silence, as ingress does.
    async fn ask(&self, incident: &Incident, at: Timestamp) {
        let news = News::new(Event::SilenceRequested, BY, "an hour of silence");
        self.stack.store.change(&incident.id, |draft| draft.record(at, news.clone())).await.expect("saved");
    }

    async fn handle(&self, incident: &Incident) -> Result<(), Failure> {
        let message = Message::SilenceAsked { incident_id: incident.id.clone() };
        Box::pin(self.notifier().handle(&message, &unique("message"), &Timestamp::now, Instant::now() + Duration::from_secs(60))).await
    }

    async fn loaded(&self, incident: &Incident) -> Incident {
        self.stack.store.known_incident(&incident.id).await.expect("the incident")
    }

    /// The entries of what came of a request.
    async fn outcomes(&self, incident: &Incident) -> Vec<Entry> {
        let log = self.stack.store.log(&incident.id).await.expect("the log");
        log.into_iter().filter(|entry| entry.event == Event::SilenceCreated).collect()
    }
}

async fn real() -> Alertmanager {
    Alertmanager::alone(Receiver { url: "http://127.0.0.1:9/", token: "nobody", group_by: &["alertname"] }).await
}

#[tokio::test]
async fn the_alert_is_silenced_for_an_hour_and_others_are_not() {
    if !Alertmanager::is_installed("silences") {
        return;
    }
    let alertmanager = real().await;
    let story = Story::with(Some(alertmanager.url())).await;
    let mut about = alert(&unique("web"));
    about.labels.insert("path".to_owned(), "C:\\logs \"quoted\"\n警".to_owned());
    let mut neighbour = about.labels.clone();
    neighbour.insert("component".to_owned(), unique("web"));
    alertmanager.post(&json!([{ "labels": about.labels }, { "labels": neighbour }])).await;

    let incident = story.opened(about.clone()).await;
    story.ask(&incident, Timestamp::now()).await;
    story.handle(&incident).await.expect("silenced");
    let silenced = story.loaded(&incident).await;
    let silence = silenced.silence.clone().expect("a silence");
    assert_eq!((silence.by.as_str(), silenced.silenced_until(Timestamp::now())), (BY, Some(silence.until)));

    // The message twice, and a second request while the first one holds: one silence.
    story.handle(&incident).await.expect("there is nothing to do");
    story.ask(&incident, Timestamp::now()).await;
    story.handle(&incident).await.expect("there is nothing to do");
    let silences = alertmanager.get("silences").await;
    let [made] = silences.as_array().expect("a list").as_slice() else { panic!("one silence: {silences}") };
    assert_eq!((&made["id"], &made["createdBy"], &made["status"]["state"]), (&json!(silence.id), &json!(BY), &json!("active")));
    assert!(made["comment"].as_str().is_some_and(|comment| comment.contains(incident.id.as_str())), "{made}");
    let ends: Timestamp = made["endsAt"].as_str().expect("a time").parse().expect("a time");
    assert!(ends.duration_since(silence.until).abs() < SignedDuration::from_secs(1), "{made}");
    let mut matchers: Vec<(&str, &str)> = made["matchers"]
        .as_array()
        .expect("a list")
        .iter()
        .inspect(|matcher| assert_eq!((&matcher["isRegex"], &matcher["isEqual"]), (&json!(false), &json!(true))))
        .map(|matcher| (matcher["name"].as_str().expect("text"), matcher["value"].as_str().expect("text")))
        .collect();
    matchers.sort_unstable();
    assert_eq!(matchers, about.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>());

    let alerts = alertmanager.get("alerts").await;
    for shown in alerts.as_array().expect("a list") {
        let expected = if shown["labels"]["component"] == about.labels["component"] { json!([silence.id]) } else { json!([]) };
        assert_eq!(shown["status"]["silencedBy"], expected, "{shown}");
    }
    assert_eq!(story.outcomes(&incident).await.len(), 1);
    let tells = Message::IncidentChanged { incident_id: incident.id.clone() }.to_json();
    assert_eq!(story.notifications.take_all().await, [tells.clone(), tells.clone(), tells]);
}

#[tokio::test]
async fn a_silence_whose_maker_died_before_it_was_stored_is_found() {
    if !Alertmanager::is_installed("silences") {
        return;
    }
    let alertmanager = real().await;
    let story = Story::with(Some(alertmanager.url())).await;
    let incident = story.opened(alert(&unique("web"))).await;
    story.ask(&incident, Timestamp::now()).await;
    story.handle(&incident).await.expect("silenced");
    let made = story.loaded(&incident).await.silence.expect("a silence");
    // As if the first worker had died: the incident knows nothing of it.
    story.stack.store.change(&incident.id, |draft| draft.incident.silence = None).await.expect("saved");
    story.ask(&incident, Timestamp::now()).await;
    story.handle(&incident).await.expect("found");
    assert_eq!(story.loaded(&incident).await.silence.map(|silence| silence.id), Some(made.id));
    assert_eq!(alertmanager.get("silences").await.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn while_alertmanager_is_down_the_message_comes_back_and_in_the_end_people_are_told() {
    let story = Story::with(Some("http://127.0.0.1:9")).await;
    let incident = story.opened(alert(&unique("web"))).await;
    story.ask(&incident, Timestamp::now()).await;
    let failed = story.handle(&incident).await;
    assert!(matches!(&failed, Err(Failure::Silence(error)) if error.to_string().contains("did not answer")), "{failed:?}");
    assert_eq!((story.outcomes(&incident).await.len(), story.notifications.take_all().await.len()), (0, 0));

    story.ask(&incident, Timestamp::now() - TRIED_FOR).await;
    story.handle(&incident).await.expect("it is given up");
    let outcomes = story.outcomes(&incident).await;
    let [told] = outcomes.as_slice() else { panic!("one entry: {outcomes:?}") };
    assert!(told.error.as_deref().is_some_and(|why| why.starts_with("Alertmanager did not answer")), "{told:?}");
    assert_eq!((story.loaded(&incident).await.silence, story.notifications.take_all().await.len()), (None, 1));
}

#[tokio::test]
async fn what_will_never_be_silenced_says_so_at_once() {
    let refuses = serve(|_| async { Answer { status: 403, headers: Vec::new(), body: b"\"not you\"".to_vec() } }).await;
    let url = format!("http://{refuses}");
    let known = alert(&unique("web"));
    let nameless = |alert: Alert| Alert { labels: [("component".to_owned(), "web".to_owned())].into(), ..alert };
    for (url, alert, why) in [
        (Some(url.as_str()), known.clone(), "Alertmanager refuses (403): \"not you\""),
        (None, known.clone(), "channels.json names no Alertmanager"),
        (Some(url.as_str()), nameless(known), "only an open incident can be silenced"),
    ] {
        let story = Story::with(url).await;
        let incident = story.opened(alert).await;
        story.ask(&incident, Timestamp::now()).await;
        story.handle(&incident).await.expect("told");
        let outcomes = story.outcomes(&incident).await;
        let [told] = outcomes.as_slice() else { panic!("one entry: {outcomes:?}") };
        assert!(!told.success && told.error.as_deref().is_some_and(|error| error.starts_with(why)), "{told:?}");
        assert_eq!(story.notifications.take_all().await.len(), 1);
    }
}
