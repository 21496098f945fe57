//! Tests of silences that are ended at once or never made: another alert would be hidden, or Alertmanager is down, does not have the
//! alert, or refuses.

use std::sync::{Arc, Mutex};

use domain::alert::Alert;
use domain::transition::silence::TRIED_FOR;
use jiff::Timestamp;
use loopback::{Answer, serve};
use notifier::Failure;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::opened::alert;

use super::Story;

/// An Alertmanager that has run for long, and shows these alerts each time it is asked; with what it was asked to change.
async fn stand_in(looks: Vec<Value>) -> (String, Arc<Mutex<Vec<String>>>) {
    let (looks, changed) = (
        Arc::new(Mutex::new(looks)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let seen = Arc::clone(&changed);
    let address = serve(move |request| {
        let (looks, changed) = (Arc::clone(&looks), Arc::clone(&changed));
        async move {
            let path = request
                .path
                .split('?')
                .next()
                .unwrap_or_default()
                .to_owned();
            if request.method != "GET" {
                changed
                    .lock()
                    .expect("a lock")
                    .push(format!("{} {path}", request.method));
            }
            let body = match (request.method.as_str(), path.as_str()) {
                ("GET", "/api/v2/alerts") => looks.lock().expect("a lock").remove(0),
                ("GET", "/api/v2/status") => json!({ "uptime": Timestamp::UNIX_EPOCH }),
                ("GET", _) => json!([]),
                _ => json!({ "silenceID": "s1" }),
            };
            Answer {
                status: 200,
                headers: Vec::new(),
                body: body.to_string().into_bytes(),
            }
        }
    });
    (format!("http://{address}"), seen)
}

fn shown(fingerprint: &str, labels: &Value) -> Value {
    json!({ "fingerprint": fingerprint, "labels": labels, "status": { "state": "active", "silencedBy": [], "inhibitedBy": [] } })
}

#[tokio::test]
async fn what_begins_between_the_look_and_the_silence_ends_it_at_once() {
    let about = alert(&unique("web"));
    let mut later = json!(about.labels);
    later["shard"] = json!("7");
    let own = shown("a1", &json!(about.labels));
    let (url, changed) = stand_in(vec![json!([own]), json!([own, shown("a2", &later)])]).await;
    let story = Story::with(Some(&url)).await;
    let incident = story.opened(about).await;
    story.ask(&incident, Timestamp::now()).await;
    story.handle(&incident).await.expect("told");
    assert_eq!(
        *changed.lock().expect("a lock"),
        ["POST /api/v2/silences", "DELETE /api/v2/silence/s1"]
    );
    let told = story.outcomes(&incident).await.pop().expect("an entry");
    assert_eq!(
        told.error.as_deref(),
        Some("a silence of this alert would also hide 1 other active alert: TargetDown")
    );
    assert_eq!(story.loaded(&incident).await.silence, None);
}

#[tokio::test]
async fn an_alert_that_alertmanager_does_not_have_is_not_silenced() {
    let about = alert(&unique("web"));
    let mut other = json!(about.labels);
    other["shard"] = json!("7");
    let (url, changed) = stand_in(vec![json!([shown("a2", &other)])]).await;
    let story = Story::with(Some(&url)).await;
    let incident = story.opened(about).await;
    story.ask(&incident, Timestamp::now()).await;
    story.handle(&incident).await.expect("told");
    assert!(changed.lock().expect("a lock").is_empty());
    let told = story.outcomes(&incident).await.pop().expect("an entry");
    assert!(
        told.error
            .as_deref()
            .is_some_and(|why| why.starts_with("Alertmanager does not have the alert as active")),
        "{told:?}"
    );
}

#[tokio::test]
async fn alertmanager_down_is_retried_and_people_told_in_the_end() {
    let story = Story::with(Some("http://127.0.0.1:9")).await;
    let incident = story.opened(alert(&unique("web"))).await;
    story.ask(&incident, Timestamp::now()).await;
    let failed = story.handle(&incident).await;
    assert!(
        matches!(&failed, Err(Failure::Silence(error)) if error.to_string().contains("did not answer")),
        "{failed:?}"
    );
    assert_eq!(
        (
            story.outcomes(&incident).await.len(),
            story.notifications.take_all().await.len()
        ),
        (0, 0)
    );

    story.ask(&incident, Timestamp::now() - TRIED_FOR).await;
    story.handle(&incident).await.expect("it is given up");
    let outcomes = story.outcomes(&incident).await;
    let [told] = outcomes.as_slice() else {
        panic!("one entry: {outcomes:?}")
    };
    assert!(
        told.error
            .as_deref()
            .is_some_and(|why| why.starts_with("Alertmanager did not answer")),
        "{told:?}"
    );
    assert_eq!(
        (
            story.loaded(&incident).await.silence,
            story.notifications.take_all().await.len()
        ),
        (None, 1)
    );
}

#[tokio::test]
async fn what_will_never_be_silenced_says_so_at_once() {
    let refuses = serve(|_| async {
        Answer {
            status: 403,
            headers: Vec::new(),
            body: b"\"not you\"".to_vec(),
        }
    });
    let url = format!("http://{refuses}");
    let known = alert(&unique("web"));
    let nameless = |alert: Alert| Alert {
        labels: [("component".to_owned(), "web".to_owned())].into(),
        ..alert
    };
    for (url, alert, why) in [
        (
            Some(url.as_str()),
            known.clone(),
            "Alertmanager refuses (403): \"not you\"",
        ),
        (None, known.clone(), "channels.json names no Alertmanager"),
        (
            Some(url.as_str()),
            nameless(known),
            "only an open incident can be silenced",
        ),
    ] {
        let story = Story::with(url).await;
        let incident = story.opened(alert).await;
        story.ask(&incident, Timestamp::now()).await;
        story.handle(&incident).await.expect("told");
        let outcomes = story.outcomes(&incident).await;
        let [told] = outcomes.as_slice() else {
            panic!("one entry: {outcomes:?}")
        };
        assert!(
            !told.success
                && told
                    .error
                    .as_deref()
                    .is_some_and(|error| error.starts_with(why)),
            "{told:?}"
        );
        assert_eq!(story.notifications.take_all().await.len(), 1);
    }
}
