//! Tests of one-hour silences at a person's request, in the real Alertmanager (Debian's package).

mod refused;

use std::time::{Duration, Instant};

use domain::alert::Alert;
use domain::incident::Incident;
use domain::incident::operation_log::{Entry, Event, LogRecord};
use jiff::{SignedDuration, Timestamp};
use notifier::{App, Failure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::alert::unique;
use tests::alertmanager::Alertmanager;
use tests::opened::{alert, opened};
use tests::own_queue::OwnQueue;
use tests::stack::Stack;
use wire::message::{Message, Queued as _};

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
        let (notifications, files) = (
            OwnQueue::create(&stack).await,
            tempfile::tempdir().expect("a directory"),
        );
        let file = url.map_or_else(
            || json!({}),
            |url| json!({ "alertmanager": { "url": url, "private": true } }),
        );
        std::fs::write(files.path().join("channels.json"), file.to_string()).expect("written");
        Self {
            stack,
            notifications,
            files,
        }
    }

    fn notifier(&self) -> App {
        let directory = self.files.path().to_str().expect("text");
        self.stack.notifier_with(&[
            ("CONFIG_DIR", directory),
            ("NOTIFICATIONS_QUEUE_URL", &self.notifications.url),
        ])
    }

    /// An incident of an alert that came from Alertmanager.
    async fn opened(&self, alert: Alert) -> Incident {
        let alert = Alert {
            source: "alertmanager".to_owned(),
            ..alert
        };
        self.stack
            .store
            .save(opened(&alert, 0))
            .await
            .expect("saved")
    }

    /// Asks for a silence, as ingress does.
    async fn ask(&self, incident: &Incident, at: Timestamp) {
        let news = LogRecord::new(Event::SilenceRequested, BY, "an hour of silence");
        self.stack
            .store
            .change(&incident.id, |change| change.record(at, news.clone()))
            .await
            .expect("saved");
    }

    async fn handle(&self, incident: &Incident) -> Result<(), Failure> {
        let message = Message::SilenceAsked {
            incident_id: incident.id.clone(),
        };
        Box::pin(self.notifier().handle(
            &message,
            &unique("message"),
            &Timestamp::now,
            Instant::now() + Duration::from_secs(60),
        ))
        .await
    }

    /// Asks for a silence, which is made.
    async fn silence(&self, incident: &Incident) {
        self.ask(incident, Timestamp::now()).await;
        self.handle(incident).await.expect("silenced");
    }

    async fn loaded(&self, incident: &Incident) -> Incident {
        self.stack.read(&incident.id).await
    }

    /// The entries of what came of a request.
    async fn outcomes(&self, incident: &Incident) -> Vec<Entry> {
        let log = self.stack.store.log(&incident.id).await.expect("the log");
        log.into_iter()
            .filter(|entry| entry.event == Event::SilenceCreated)
            .collect()
    }
}

/// Which silences hide which active alert, by a label.
async fn silenced_by(alertmanager: &Alertmanager, label: &str, value: &str) -> Value {
    let alerts = alertmanager.get("alerts").await;
    let alert = alerts
        .as_array()
        .expect("a list")
        .iter()
        .find(|alert| alert["labels"][label] == value);
    alert.unwrap_or_else(|| panic!("no alert with {label}={value}: {alerts}"))["status"]["silencedBy"].clone()
}

#[tokio::test]
async fn the_alert_is_silenced_for_an_hour_and_others_are_not() {
    let Some(alertmanager) = Alertmanager::without_receiver("silences").await else {
        return;
    };
    let story = Story::with(Some(alertmanager.url())).await;
    let mut about = alert(&unique("web"));
    about
        .labels
        .insert("path".to_owned(), "C:\\logs \"quoted\"\n警".to_owned());
    let mut neighbour = about.labels.clone();
    neighbour.insert("component".to_owned(), unique("web"));
    alertmanager
        .post(&json!([{ "labels": about.labels }, { "labels": neighbour }]))
        .await;

    let incident = story.opened(about.clone()).await;
    story.silence(&incident).await;
    let silenced = story.loaded(&incident).await;
    let silence = silenced.silence.clone().expect("a silence");
    assert_eq!(
        (
            silence.by.as_str(),
            silenced.silenced_until(Timestamp::now())
        ),
        (BY, Some(silence.until))
    );

    // The message twice, and a second request while the first one holds: one silence.
    story
        .handle(&incident)
        .await
        .expect("there is nothing to do");
    story.ask(&incident, Timestamp::now()).await;
    story
        .handle(&incident)
        .await
        .expect("there is nothing to do");
    let silences = alertmanager.get("silences").await;
    let [made] = silences.as_array().expect("a list").as_slice() else {
        panic!("one silence: {silences}")
    };
    assert_eq!(
        (&made["id"], &made["createdBy"], &made["status"]["state"]),
        (&json!(silence.id), &json!(BY), &json!("active"))
    );
    assert!(
        made["comment"]
            .as_str()
            .is_some_and(|comment| comment.contains(incident.id.as_str())),
        "{made}"
    );
    let ends: Timestamp = made["endsAt"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    assert!(
        ends.duration_since(silence.until).abs() < SignedDuration::from_secs(1),
        "{made}"
    );
    let mut matchers: Vec<(&str, &str)> = made["matchers"]
        .as_array()
        .expect("a list")
        .iter()
        .inspect(|matcher| {
            assert_eq!(
                (&matcher["isRegex"], &matcher["isEqual"]),
                (&json!(false), &json!(true))
            )
        })
        .map(|matcher| {
            (
                matcher["name"].as_str().expect("text"),
                matcher["value"].as_str().expect("text"),
            )
        })
        .collect();
    matchers.sort_unstable();
    assert_eq!(
        matchers,
        about
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect::<Vec<_>>()
    );

    let alerts = alertmanager.get("alerts").await;
    for shown in alerts.as_array().expect("a list") {
        let expected = if shown["labels"]["component"] == about.labels["component"] {
            json!([silence.id])
        } else {
            json!([])
        };
        assert_eq!(shown["status"]["silencedBy"], expected, "{shown}");
    }
    assert_eq!(story.outcomes(&incident).await.len(), 1);
    let tells = Message::IncidentChanged {
        incident_id: incident.id.clone(),
    }
    .to_json();
    assert_eq!(
        story.notifications.take_all().await,
        [tells.clone(), tells.clone(), tells]
    );
}

#[tokio::test]
async fn a_silence_whose_maker_died_before_it_was_stored_is_found() {
    let Some(alertmanager) = Alertmanager::without_receiver("silences").await else {
        return;
    };
    let story = Story::with(Some(alertmanager.url())).await;
    let about = alert(&unique("web"));
    alertmanager
        .post(&json!([{ "labels": about.labels }]))
        .await;
    let incident = story.opened(about).await;
    story.silence(&incident).await;
    let made = story.loaded(&incident).await.silence.expect("a silence");
    // As if the first worker had died: the incident knows nothing of it.
    story
        .stack
        .store
        .change(&incident.id, |change| change.incident.silence = None)
        .await
        .expect("saved");
    story.ask(&incident, Timestamp::now()).await;
    story.handle(&incident).await.expect("found");
    assert_eq!(
        story
            .loaded(&incident)
            .await
            .silence
            .map(|silence| silence.id),
        Some(made.id)
    );
    assert_eq!(
        alertmanager.get("silences").await.as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn alerts_with_the_same_labels_and_more_stay_audible() {
    let Some(alertmanager) = Alertmanager::without_receiver("silences").await else {
        return;
    };
    let story = Story::with(Some(alertmanager.url())).await;
    // Two labels, which the two critical alerts have as well.
    let about = alert(&unique("web"));
    let with = |name: &str, value: &str| {
        let mut labels = about.labels.clone();
        labels.extend([
            (name.to_owned(), value.to_owned()),
            ("severity".to_owned(), "critical".to_owned()),
        ]);
        json!({ "labels": labels })
    };
    let alerts =
        json!([{ "labels": about.labels }, with("volume", "/data"), with("tenant", "blue")]);
    alertmanager.post(&alerts).await;
    let incident = story.opened(about.clone()).await;
    story.silence(&incident).await;

    let silence = story.loaded(&incident).await.silence.expect("a silence").id;
    let shown = alertmanager.get("alerts").await;
    for alert in shown.as_array().expect("a list") {
        let its_own = alert["labels"] == json!(about.labels);
        assert_eq!(
            alert["status"]["silencedBy"],
            if its_own { json!([silence]) } else { json!([]) },
            "{alert}"
        );
    }
    assert_eq!(shown.as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_found_silence_that_now_hides_another_alert_is_ended() {
    let Some(alertmanager) = Alertmanager::without_receiver("silences").await else {
        return;
    };
    let story = Story::with(Some(alertmanager.url())).await;
    let about = alert(&unique("web"));
    alertmanager
        .post(&json!([{ "labels": about.labels }]))
        .await;
    let incident = story.opened(about.clone()).await;
    story.silence(&incident).await;
    let made = story.loaded(&incident).await.silence.expect("a silence").id;

    let mut later = about.labels;
    later.extend(
        [("alertname", "TargetDown"), ("volume", "/data")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    alertmanager.post(&json!([{ "labels": later }])).await;
    assert_eq!(
        silenced_by(&alertmanager, "volume", "/data").await,
        json!([made]),
        "nobody could know of it"
    );
    // As if the worker had died before the silence was stored.
    story
        .stack
        .store
        .change(&incident.id, |change| change.incident.silence = None)
        .await
        .expect("saved");
    story.ask(&incident, Timestamp::now()).await;
    story.handle(&incident).await.expect("told");
    assert_eq!(
        silenced_by(&alertmanager, "volume", "/data").await,
        json!([])
    );
    let told = story.outcomes(&incident).await.pop().expect("an entry");
    let why = "a silence of this alert would also hide 1 other active alert: TargetDown";
    assert_eq!(
        (
            told.error.as_deref(),
            story
                .loaded(&incident)
                .await
                .silence_error
                .map(|why| why.to_string())
                .as_deref()
        ),
        (Some(why), Some(why))
    );

    // Whoever asks again gets one that leaves it audible.
    story.silence(&incident).await;
    let silence = story.loaded(&incident).await.silence.expect("a silence").id;
    assert_eq!(
        silenced_by(&alertmanager, "volume", "/data").await,
        json!([])
    );
    let alerts = alertmanager
        .get(&format!(
            "alerts?filter=volume%3D%22%22&filter=component%3D%22{}%22",
            incident.alert.target
        ))
        .await;
    assert_eq!(
        alerts[0]["status"]["silencedBy"],
        json!([silence]),
        "{alerts}"
    );
}
