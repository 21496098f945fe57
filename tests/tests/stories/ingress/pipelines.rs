//! Tests of pipeline reports: one line for each run, counted, and never analysed.

use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::own_queue::OwnQueue;
use tests::stack::Stack;

/// What a pipeline reports about a target; the name fits a pattern of the shipped alert-tables.json.
fn report(alert: &TestAlert, labels: &[(&str, &str)], workflow_url: &str) -> Value {
    let mut body = TestAlert {
        name: "CI_Deploy",
        ..alert.clone()
    }
    .delivery();
    for (name, value) in labels {
        body["alerts"][0]["labels"][*name] = json!(value);
    }
    body["alerts"][0]["annotations"] =
        json!({ "summary": "checkout 2.14.0 is being deployed", "workflow_url": workflow_url });
    body
}

async fn deliver(stack: &Stack, body: &Value) -> Value {
    let response = stack.deliver(body).await;
    let status = response.status();
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(status, 200, "{answer}");
    answer
}

fn id(answer: &Value) -> String {
    answer["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned()
}

fn unanalysed(incident: &Incident) -> bool {
    incident.analysis.is_none() && incident.approval.is_none() && incident.plan.is_none()
}

const URL: &str = "https://ci.test/shop/checkout/runs/5120?a=1&b=2";

/// One report about a stage of a run.
fn stage<'a>(stage: &'a str, commit: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("workflow", "checkout"),
        ("stage", stage),
        ("commit", commit),
        ("triggered_by", "mira"),
    ]
}

/// The same target, later, with another severity.
fn later(alert: &TestAlert, seconds: i64, severity: &'static str) -> TestAlert {
    TestAlert {
        severity,
        starts_at: alert.starts_at + SignedDuration::from_secs(seconds),
        ..alert.clone()
    }
}

/// The line of stages as the card of a run shows it.
fn card(line: &str, id: &str) -> String {
    format!("🚀 checkout 4f0c2d9 by mira\n{line}\n{URL}\n{id}")
}

/// How the message's text went on.
fn texts(card: &Value) -> Vec<String> {
    let history = card["history"].as_array().expect("a history");
    history
        .iter()
        .map(|version| version["text"].as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test]
async fn the_stages_of_a_run_are_one_line_that_is_edited_in_place() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("deploy"));
    let told = async |seconds, severity, name| {
        let opened = deliver(
            &stack,
            &report(
                &later(&alert, seconds, severity),
                &stage(name, "4f0c2d9"),
                URL,
            ),
        )
        .await;
        assert_eq!(
            (&opened["outcome"], &opened["approval_created"]),
            (&json!("opened"), &json!(false)),
            "{opened}"
        );
        id(&opened)
    };
    let building = told(0, "warning", "build").await;
    let first = stack.card(&building, "⏳ build").await;
    assert_eq!(
        first["text"],
        card("⏳ build", &building),
        "that is all there is to say"
    );
    assert_eq!(
        first["reply_markup"]["inline_keyboard"]
            .as_array()
            .map_or(0, Vec::len),
        0,
        "nothing is to be decided: {first}"
    );
    assert!(
        first["html"]
            .as_str()
            .is_some_and(|html| !html.contains("<a ")),
        "links are text: {first}"
    );
    stack.log_with(&building, Event::TelegramSent).await;

    let mut ids = vec![building];
    for (seconds, severity, name, line) in [
        (1, "info", "build", "✅ build"),
        (2, "warning", "test", "✅ build · ⏳ test"),
        (3, "info", "test", "✅ build · ✅ test"),
        (4, "warning", "deploy", "✅ build · ✅ test · ⏳ deploy"),
        (5, "info", "deploy", "✅ build · ✅ test · ✅ deploy"),
    ] {
        let id = told(seconds, severity, name).await;
        let shown = stack.card(&id, line).await;
        assert_eq!(
            (shown["text"].as_str(), &shown["message_id"]),
            (Some(card(line, &id).as_str()), &first["message_id"])
        );
        ids.push(id);
    }
    // All of it went through the notifier by now, and nothing of it through the analyzer.
    for id in &ids {
        let incident = stack.incident(id, |_| true).await;
        assert!(
            unanalysed(&incident) && incident.alert.cicd && incident.status == Status::Announced,
            "{incident:#?}"
        );
        let log = stack.log_with(id, Event::AlertReceived).await;
        assert!(
            log.iter()
                .all(|entry| entry.event != Event::AnalysisCompleted),
            "{log:#?}"
        );
        assert_eq!(
            log.iter().any(|entry| entry.event == Event::TelegramSent),
            *id == ids[0],
            "one message was sent: {log:#?}"
        );
    }
}

#[tokio::test]
async fn two_commits_are_two_cards() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("deploy"));
    let one = id(&deliver(&stack, &report(&alert, &stage("build", "4f0c2d9"), URL)).await);
    let two = id(&deliver(&stack, &report(&alert, &stage("build", "8aa01f3"), URL)).await);
    let (one, two) = (
        stack.card(&one, "checkout 4f0c2d9").await,
        stack.card(&two, "checkout 8aa01f3").await,
    );
    assert_ne!(one["message_id"], two["message_id"]);
}

#[tokio::test]
async fn what_failed_stays_failed_and_what_ended_says_so() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("deploy"));
    let failed = later(&alert, 0, "critical");
    let test = id(&deliver(&stack, &report(&failed, &stage("test", "4f0c2d9"), URL)).await);
    stack
        .card(&test, "❌ test\ntest: checkout 2.14.0 is being deployed\n")
        .await;
    let clean = later(&alert, 1, "warning");
    let cleaning = id(&deliver(&stack, &report(&clean, &stage("clean", "4f0c2d9"), URL)).await);
    stack.card(&cleaning, "❌ test · ⏳ clean").await;
    // Alertmanager ends by itself what nobody reports again: that tells nothing about how it went.
    for (alert, name, line) in [
        (failed, "test", "❌ test · ⏳ clean"),
        (clean, "clean", "❌ test · ☑️ clean"),
    ] {
        let ended = TestAlert {
            ends_at: Some(Timestamp::now()),
            ..alert
        };
        assert_eq!(
            deliver(&stack, &report(&ended, &stage(name, "4f0c2d9"), URL)).await["outcome"],
            "resolved"
        );
        stack.card(&cleaning, line).await;
    }
    stack.status(&test, Status::Resolved).await;
}

#[tokio::test]
async fn reports_that_come_late_turn_nothing_back() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("deploy"));
    let told = async |seconds, severity, name| {
        id(&deliver(
            &stack,
            &report(
                &later(&alert, seconds, severity),
                &stage(name, "4f0c2d9"),
                URL,
            ),
        )
        .await)
    };
    let passed = told(10, "info", "build").await;
    stack.card(&passed, "✅ build").await;
    let late = told(5, "warning", "build").await;
    let before = told(1, "info", "lint").await;
    let card = stack.card(&passed, "✅ lint · ✅ build").await;
    assert!(
        texts(&card).iter().all(|text| !text.contains("⏳ build")),
        "{card}"
    );
    for id in [&late, &before] {
        assert!(
            stack.cards(id).await.is_empty(),
            "an older report is not what the card is about"
        );
    }
}

#[tokio::test]
async fn reports_that_race_are_all_on_one_card() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("deploy"));
    let names: Vec<String> = (0..12).map(|i| format!("shard{i}")).collect();
    let reports = names.iter().zip(0..).map(|(name, seconds)| {
        let body = report(
            &later(&alert, seconds, "info"),
            &stage(name, "4f0c2d9"),
            URL,
        );
        let stack = &stack;
        async move { id(&deliver(stack, &body).await) }
    });
    let ids = join_all(reports).await;
    let line: Vec<String> = names.iter().map(|name| format!("✅ {name}")).collect();
    stack
        .card(ids.last().expect("reports"), &line.join(" · "))
        .await;
    // A second card would have been the first of some report.
    let messages = stack
        .control(
            "messages",
            &json!({ "chat_id": stack.facts.telegram.chat_id }),
        )
        .await;
    let told = |message: &Value| {
        texts(message)
            .iter()
            .any(|text| ids.iter().any(|id| text.contains(id)))
    };
    let about = messages["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|message| told(message))
        .count();
    assert_eq!(about, 1);
}

#[tokio::test]
async fn a_card_that_was_deleted_comes_back_with_the_next_report() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("deploy"));
    let built = id(&deliver(&stack, &report(&alert, &stage("build", "4f0c2d9"), URL)).await);
    let first = stack.card(&built, "⏳ build").await;
    stack.log_with(&built, Event::TelegramSent).await;
    let chat = stack.facts.telegram.chat_id;
    stack
        .control(
            "delete",
            &json!({ "chat_id": chat, "message_id": first["message_id"] }),
        )
        .await;
    let tested = id(&deliver(
        &stack,
        &report(&later(&alert, 1, "warning"), &stage("test", "4f0c2d9"), URL),
    )
    .await);
    let second = stack.card(&tested, "⏳ build · ⏳ test").await;
    assert_ne!(second["message_id"], first["message_id"]);
}

#[tokio::test]
async fn a_report_without_workflow_or_stage_has_a_short_card() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("deploy"));
    let labels = [("commit", "4f0c2d9"), ("triggered_by", "mira")];
    let id_of_report = id(&deliver(&stack, &report(&alert, &labels, URL)).await);
    let card = stack.card(&id_of_report, "⏳").await;
    let shown = format!(
        "⏳ checkout 2.14.0 is being deployed\ncommit 4f0c2d9 · by mira\n{URL}\n{id_of_report}"
    );
    assert_eq!(
        card["text"].as_str(),
        Some(shown.as_str()),
        "that is all there is to say"
    );

    let joined = deliver(&stack, &report(&alert, &labels, URL)).await;
    assert_eq!(
        (&joined["outcome"], id(&joined), &joined["hit_count"]),
        (&json!("joined"), id_of_report.clone(), &json!(2)),
        "{joined}"
    );
    stack.card(&id_of_report, "[x2]").await;

    // Another commit and another severity are news of their own.
    let other = deliver(
        &stack,
        &report(&alert, &[("commit", "8aa01f3"), labels[1]], URL),
    )
    .await;
    let done = deliver(
        &stack,
        &report(
            &TestAlert {
                severity: "info",
                ..alert.clone()
            },
            &labels,
            URL,
        ),
    )
    .await;
    assert_eq!(
        (&other["outcome"], &done["outcome"]),
        (&json!("opened"), &json!("opened"))
    );
    stack.card(&id(&other), "commit 8aa01f3").await;
    stack.card(&id(&done), "✅ checkout 2.14.0").await;

    let ended = TestAlert {
        ends_at: Some(Timestamp::now()),
        ..alert
    };
    assert_eq!(
        deliver(&stack, &report(&ended, &labels, URL)).await["outcome"],
        "resolved"
    );
    stack.card(&id_of_report, "☑️").await;
    for id in [&id_of_report, &id(&other), &id(&done)] {
        assert!(unanalysed(&stack.incident(id, |_| true).await));
        stack.log_with(id, Event::TelegramSent).await;
    }
}

#[tokio::test]
async fn a_report_never_reaches_the_analyzers_queue() {
    let stack = Stack::start();
    let (incidents, notifications) = (
        OwnQueue::create(&stack).await,
        OwnQueue::create(&stack).await,
    );
    let door = stack.ingress(&[
        ("INCIDENTS_QUEUE_URL", &incidents.url),
        ("NOTIFICATIONS_QUEUE_URL", &notifications.url),
    ]);
    let alert = TestAlert::firing(unique("deploy"));
    let now = Timestamp::now();
    for (body, analysed, shown) in [(report(&alert, &[], ""), 0, 1), (alert.delivery(), 1, 0)] {
        let (status, answer) = answer(&door, stack.delivery(&body), now).await;
        assert_eq!(
            (status, answer["outcome"].as_str()),
            (200, Some("opened")),
            "{answer}"
        );
        assert_eq!(answer["approval_created"], json!(analysed == 1));
        assert_eq!(
            (
                incidents.take_all().await.len(),
                notifications.take_all().await.len()
            ),
            (analysed, shown)
        );
    }
}

#[tokio::test]
async fn hostile_words_of_a_pipeline_stay_words() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("hostile"));
    let labels = [
        ("stage", "<b>prod</b>"),
        ("commit", "</code><a href='https://evil.test'>x</a>"),
        ("triggered_by", "a & \u{0}b\u{202e}"),
    ];
    let opened = deliver(
        &stack,
        &report(&alert, &labels, "javascript:alert(1)\"><tg-spoiler>"),
    )
    .await;
    let card = stack.card(&id(&opened), "⏳ <b>prod</b>").await;
    let (text, html) = (
        card["text"].as_str().expect("text"),
        card["html"].as_str().expect("HTML"),
    );
    for word in [
        "</code><a href='https://evil.test'>x</a>",
        "javascript:alert(1)\"><tg-spoiler>",
        "by a &",
    ] {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
    assert!(
        !html.contains("<a") && !html.contains("<tg-spoiler") && !html.contains('\u{0}'),
        "{html}"
    );
}
