//! The main job on the deployed stack: an alert becomes an incident, a card, a decision, a repaired
//! host and a verified log.

use std::process::Command;

use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::incident::repair::RepairOutcome;
use serde_json::json;
use tests::alert::TestAlert;
use tests::stack::{Stack, project};

#[tokio::test]
async fn an_alert_becomes_a_repaired_host() {
    let stack = Stack::start();
    let target = &stack.facts.target;
    let answers = async || stack.http.get(&target.health_url).send().await.is_ok();
    assert!(answers().await, "the service is well in the beginning");
    let stop = Command::new(project().join(".venv/bin/supervisorctl"))
        .arg("-c")
        .arg(&target.supervisor_conf)
        .args(["stop", "web"])
        .output()
        .expect("supervisorctl");
    assert!(
        stop.status.success() && !answers().await,
        "the service is down: {stop:?}"
    );

    let mut alert = TestAlert::firing(&target.service);
    let opened = stack.deliver_one(&alert).await;
    assert_eq!(
        (opened["outcome"].as_str(), opened["hit_count"].as_u64()),
        (Some("opened"), Some(1)),
        "{opened}"
    );
    let id = opened["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned();

    let waiting = stack.status(&id, Status::AwaitingApproval).await;
    let plan = waiting.plan.expect("a plan");
    assert_eq!(plan.steps[0].argv, ["supervisorctl", "restart", "web"]);
    let card = stack.card(&id, "Waiting for a decision").await;
    assert!(
        card["text"]
            .as_str()
            .expect("text")
            .contains("supervisorctl restart web"),
        "{card}"
    );

    let joined = stack.deliver_one(&alert).await;
    assert_eq!(
        (joined["outcome"].as_str(), joined["hit_count"].as_u64()),
        (Some("joined"), Some(2)),
        "{joined}"
    );
    assert_eq!(joined["converged"], true);
    assert_eq!(joined["incident_id"], opened["incident_id"]);
    let approval = waiting.approval.expect("asked").id;
    assert_eq!(
        joined["approval_id"],
        json!(approval),
        "the advice is on the episode"
    );

    let press = json!({
        "chat_id": stack.facts.telegram.chat_id, "message_id": card["message_id"],
        "from_id": stack.facts.telegram.approver_id, "data": format!("approve:{approval}"),
    });
    stack.control("press", &press).await;
    let repaired = stack.status(&id, Status::Repaired).await;
    assert_eq!(
        repaired.repair.and_then(|repair| repair.outcome),
        Some(RepairOutcome::Verified)
    );
    assert!(answers().await, "the service is well again");
    let card = stack.card(&id, "Repaired and verified").await;
    assert!(
        !card["reply_markup"].to_string().contains(approval.as_str()),
        "nobody can decide again: {card}"
    );

    let log = stack.log_with(&id, Event::TelegramResultSent).await;
    let events: Vec<Event> = log.iter().map(|entry| entry.event).collect();
    let place = |event| {
        events
            .iter()
            .position(|found| *found == event)
            .unwrap_or_else(|| panic!("no {event:?} in {events:?}"))
    };
    for (before, after) in [
        (Event::AlertReceived, Event::AnalysisCompleted),
        (Event::AnalysisCompleted, Event::ApprovalRequested),
        (Event::ApprovalRequested, Event::ApprovalDecided),
        (Event::ApprovalDecided, Event::StepStarted),
        (Event::StepStarted, Event::StepFinished),
        (Event::ExecutionCompleted, Event::VerificationFinished),
        (Event::VerificationFinished, Event::TelegramResultSent),
    ] {
        assert!(
            place(before) < place(after),
            "{before:?} before {after:?} in {events:?}"
        );
    }
    let decided = &log[place(Event::ApprovalDecided)];
    assert_eq!(
        decided.actor,
        format!("telegram:{}", stack.facts.telegram.approver_id)
    );
    assert_eq!(
        events
            .iter()
            .filter(|event| **event == Event::AnalysisCompleted)
            .count(),
        1
    );

    alert.ends_at = Some(jiff::Timestamp::now());
    let resolved = stack.deliver_one(&alert).await;
    assert_eq!(resolved["outcome"], "resolved");
    stack.status(&id, Status::Resolved).await;
    stack.card(&id, "Resolved").await;
    assert_eq!(stack.cards(&id).await.len(), 1);
}
