//! What delivery pipelines report: shown in a short format, counted, and never analysed.

use serde_json::{Value, json};
use shared::domain::incident::{Incident, Status};
use shared::domain::operation_log::Event;
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::own_queue::OwnQueue;
use tests::stack::Stack;

/// What a pipeline reports about a target; the name fits a pattern of the shipped alert-tables.json.
fn report(alert: &TestAlert, labels: &[(&str, &str)], workflow_url: &str) -> Value {
    let mut body = TestAlert { name: "CI_Deploy", ..alert.clone() }.delivery();
    for (name, value) in labels {
        body["alerts"][0]["labels"][*name] = json!(value);
    }
    body["alerts"][0]["annotations"] = json!({ "summary": "checkout 2.14.0 is being deployed", "workflow_url": workflow_url });
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
    answer["incident_id"].as_str().expect("an incident").to_owned()
}

fn unanalysed(incident: &Incident) -> bool {
    incident.analysis.is_none() && incident.approval.is_none() && incident.plan.is_none()
}

const URL: &str = "https://ci.test/shop/checkout/runs/5120?a=1&b=2";

#[tokio::test]
async fn a_report_gets_one_short_card_and_no_analysis() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("deploy"));
    let labels = [("stage", "production"), ("commit", "4f0c2d9"), ("triggered_by", "mira")];
    let opened = deliver(&stack, &report(&alert, &labels, URL)).await;
    assert_eq!((&opened["outcome"], &opened["approval_created"]), (&json!("opened"), &json!(false)), "{opened}");
    let id_of_report = id(&opened);
    let card = stack.card(&id_of_report, "⏳").await;
    let shown = format!("⏳ checkout 2.14.0 is being deployed\nstage production · commit 4f0c2d9 · by mira\n{URL}\n{id_of_report}");
    assert_eq!(card["text"].as_str(), Some(shown.as_str()), "that is all there is to say");
    assert_eq!(card["reply_markup"]["inline_keyboard"].as_array().map_or(0, Vec::len), 0, "nothing is to be decided: {card}");
    assert!(card["html"].as_str().is_some_and(|html| !html.contains("<a ")), "links are text: {card}");

    let joined = deliver(&stack, &report(&alert, &labels, URL)).await;
    assert_eq!((&joined["outcome"], id(&joined), &joined["hit_count"]), (&json!("joined"), id_of_report.clone(), &json!(2)), "{joined}");
    stack.card(&id_of_report, "[x2]").await;
    assert_eq!(stack.cards(&id_of_report).await.len(), 1);

    // Another commit and another severity are news of their own.
    let other = deliver(&stack, &report(&alert, &[labels[0], ("commit", "8aa01f3"), labels[2]], URL)).await;
    let done = deliver(&stack, &report(&TestAlert { severity: "info", ..alert.clone() }, &labels, URL)).await;
    assert_eq!((&other["outcome"], &done["outcome"]), (&json!("opened"), &json!("opened")));
    stack.card(&id(&other), "commit 8aa01f3").await;
    stack.card(&id(&done), "✅ checkout 2.14.0").await;

    let ended = TestAlert { ends_at: Some(jiff::Timestamp::now()), ..alert.clone() };
    assert_eq!(deliver(&stack, &report(&ended, &labels, URL)).await["outcome"], "resolved");
    stack.card(&id_of_report, "☑️").await;
    // All of it went through the notifier by now, and nothing of it through the analyzer.
    for id in [&id_of_report, &id(&other), &id(&done)] {
        let incident = stack.incident(id, |_| true).await;
        assert!(unanalysed(&incident) && incident.alert.cicd, "{incident:#?}");
        assert_eq!(incident.status, if *id == id_of_report { Status::Resolved } else { Status::Announced });
        let log = stack.log_with(id, Event::TelegramSent).await;
        assert!(log.iter().all(|entry| entry.event != Event::AnalysisCompleted), "{log:#?}");
    }
}

#[tokio::test]
async fn a_report_never_reaches_the_analyzers_queue() {
    let stack = Stack::start();
    let (incidents, notifications) = (OwnQueue::create(&stack).await, OwnQueue::create(&stack).await);
    let door = stack.ingress(&[("INCIDENTS_QUEUE_URL", &incidents.url), ("NOTIFICATIONS_QUEUE_URL", &notifications.url)]);
    let alert = TestAlert::firing(unique("deploy"));
    let now = jiff::Timestamp::now();
    for (body, analysed, shown) in [(report(&alert, &[], ""), 0, 1), (alert.delivery(), 1, 0)] {
        let (status, answer) = answer(&door, stack.delivery(&body), now).await;
        assert_eq!((status, answer["outcome"].as_str()), (200, Some("opened")), "{answer}");
        assert_eq!(answer["approval_created"], json!(analysed == 1));
        assert_eq!((incidents.take_all().await.len(), notifications.take_all().await.len()), (analysed, shown));
    }
}

#[tokio::test]
async fn hostile_words_of_a_pipeline_stay_words() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("hostile"));
    let labels = [("stage", "<b>prod</b>"), ("commit", "</code><a href='https://evil.test'>x</a>"), ("triggered_by", "a & \u{0}b\u{202e}")];
    let opened = deliver(&stack, &report(&alert, &labels, "javascript:alert(1)\"><tg-spoiler>")).await;
    let card = stack.card(&id(&opened), "stage <b>prod</b>").await;
    let (text, html) = (card["text"].as_str().expect("text"), card["html"].as_str().expect("HTML"));
    for word in ["</code><a href='https://evil.test'>x</a>", "javascript:alert(1)\"><tg-spoiler>", "by a &"] {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
    assert!(!html.contains("<a") && !html.contains("<tg-spoiler") && !html.contains('\u{0}'), "{html}");
}
