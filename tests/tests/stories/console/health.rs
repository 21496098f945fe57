//! Health of Quell itself on the deployed stack: each line says what is so, and turns bad with what it is about.

use domain::alert::heartbeat::Heartbeat;
use domain::notification::outbox::{Rank, Subject};
use domain::policy::kill_switch::SwitchedOff;
use jiff::{SignedDuration, Timestamp};
use lambda_http::Body;
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::StoredHeartbeat;
use tests::alert::{TestAlert, unique};
use tests::read_api::ReadApi;
use tests::stack::{Stack, wait_for};

/// What a console in this process says of itself at a moment.
async fn asks(stack: &Stack, path: &str, language: &str, now: Timestamp) -> String {
    let request = ReadApi::of(stack).request(path, language);
    let answer = stack.console(&[]).answer(request, now).await;
    let answer = answer.expect("always an answer");
    assert_eq!(answer.status(), StatusCode::OK.as_u16(), "{path}");
    match answer.into_body() {
        Body::Text(text) => text,
        other => panic!("{path}: {other:?}"),
    }
}

/// The lines of a check.
pub(crate) async fn lines(stack: &Stack, check: &str, now: Timestamp) -> Vec<Value> {
    let text = asks(stack, "api/v1/health", "en", now).await;
    let health: Value = serde_json::from_str(&text).expect("JSON");
    ReadApi::of(stack).fits("health", &health);
    let checks = health["checks"].as_array().expect("checks");
    checks
        .iter()
        .filter(|line| line["check"] == check)
        .cloned()
        .collect()
}

fn soon(minutes: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn an_outbox_that_nothing_takes_makes_its_channel_bad() {
    let stack = Stack::start();
    // No channel of the stack's file is called so: nothing sends what waits there.
    let name = unique("mute")
        .replace('-', "")
        .chars()
        .take(30)
        .collect::<String>();
    let config = tempfile::tempdir().expect("a directory");
    for file in std::fs::read_dir(&stack.facts.target.config_dir).expect("the files") {
        let file = file.expect("a file").path();
        if file.is_file() {
            let to = config.path().join(file.file_name().expect("a name"));
            std::fs::copy(&file, to).expect("copied");
        }
    }
    let channels = json!({
        "channels": [{ "name": name, "to": { "webhook": { "url": "https://hooks.example/quell", "key_secret": "quell/channels/mute" } } }],
        "routes": [{ "channels": [name] }],
    });
    std::fs::write(config.path().join("channels.json"), channels.to_string()).expect("written");
    let _ = std::fs::remove_file(config.path().join("people.json"));
    let day = jiff::civil::date(2026, 11, 30);
    let put_at = Timestamp::now();
    stack
        .store
        .put_due(&name, Rank::NOTICE, &Subject::Budget(day), put_at)
        .await
        .expect("put");
    let directory = config.path().to_str().expect("a path");
    for (minutes, state) in [(1, "good"), (6, "look"), (16, "bad")] {
        let request = ReadApi::of(&stack).request("api/v1/health", "en");
        let console = stack.console(&[("CONFIG_DIR", directory)]);
        let now = put_at + SignedDuration::from_mins(minutes);
        let answer = console
            .answer(request, now)
            .await
            .expect("always an answer");
        let health: Value = serde_json::from_slice(answer.body()).expect("JSON");
        let checks = health["checks"].as_array().expect("checks");
        let channel = checks
            .iter()
            .find(|line| line["check"] == "channel")
            .expect("the channel");
        assert_eq!(
            (&channel["about"], &channel["state"]),
            (&json!(name), &json!(state)),
            "{channel}"
        );
    }
}

#[tokio::test]
async fn a_heartbeat_is_shown_until_it_stays_away() {
    let stack = Stack::start();
    let cluster = unique("shown");
    let heartbeat = Heartbeat {
        name: "Watchdog".to_owned(),
        source: "alertmanager".to_owned(),
        cluster: Some(cluster.clone()),
        prometheus: None,
        last_heard: Timestamp::now(),
        longest_interval: 3_600,
        intervals: 5,
        reported_at: None,
        watched_at: None,
    };
    let id = heartbeat.id();
    let stored = StoredHeartbeat::new(heartbeat);
    stack.store.save_heartbeat(&stored).await.expect("kept");
    let about = format!("Watchdog alertmanager {cluster}");
    let line = async |now: Timestamp| {
        let all = lines(&stack, "heartbeat", now).await;
        all.into_iter().find(|line| line["about"] == *about)
    };
    assert_eq!(line(soon(0)).await, None, "nothing watches it yet");
    let now = Timestamp::now;
    stack
        .notifier()
        .heartbeat_due(&id, &now)
        .await
        .expect("looked");
    let heard = line(soon(1)).await.expect("it is listed");
    assert_eq!(heard["state"], "good", "{heard}");
    let away = line(soon(130)).await.expect("it is listed");
    assert_eq!(
        (&away["state"], &away["section"]),
        (&json!("bad"), &json!("a-heartbeat-stays-away"))
    );
}

#[tokio::test]
async fn what_is_late_and_what_is_off_is_on_the_page() {
    // A stack of its own: the switch stops the repairs of every story, and theirs would be late as well.
    let stack = Stack::start_with(&[]);
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let expires_at = incident.approval.expect("a request").expires_at;
    let late = async |minutes: i64| {
        let now = expires_at + SignedDuration::from_mins(minutes);
        let mut lines = lines(&stack, "decisions", now).await;
        let line = lines.pop().expect("a line");
        assert_eq!(lines.len(), 0);
        (line["state"] == "bad" && line["incidents"] == json!([incident.id])).then_some(())
    };
    // The index follows the table by a moment.
    wait_for("the late decision", async || late(11).await).await;
    assert_eq!(late(9).await, None);

    let off = SwitchedOff::now("ada", Some("the storage moves"), Timestamp::now());
    let switched = stack.control.switch_repairs(Some(&off)).await;
    switched.expect("switched");
    for (language, title, said, state) in [
        (
            "en",
            "Health",
            "No repair runs: it is on: the storage moves",
            "look at it",
        ),
        ("zh-TW", "系統健康", "目前不執行任何修復", "請留意"),
    ] {
        let page = asks(&stack, "console/health", language, Timestamp::now()).await;
        for text in [title, said, state, "operations.md#the-kill-switch"] {
            assert!(page.contains(text), "{text}: {page}");
        }
    }
    let (documents, dashboard) = ("https://docs.example/quell", "https://aws.example/board");
    let told = [("DOCUMENTS_URL", documents), ("DASHBOARD_URL", dashboard)];
    let request = ReadApi::of(&stack).request("console/health", "en");
    let answer = stack.console(&told).answer(request, Timestamp::now()).await;
    let answer = answer.expect("always an answer");
    let page = String::from_utf8_lossy(answer.body());
    for link in [
        format!("{documents}/operations.md#the-kill-switch"),
        dashboard.to_owned(),
    ] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}: {page}");
    }
}
