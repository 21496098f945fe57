//! Decisions: once, by someone who may, on the plan that was shown, and by both ways in.

use serde_json::{Value, json};
use shared::domain::approval::{Standing, Verdict};
use shared::domain::incident::{Incident, Status};
use shared::domain::operation_log::Event;
use tests::alert::TestAlert;
use tests::stack::Stack;

/// An alert about the service that has a playbook, and its incident once a plan waits for a decision.
async fn waiting(stack: &Stack) -> (TestAlert, Incident) {
    let alert = TestAlert::firing(&stack.facts.target.service);
    let opened = stack.deliver_one(&alert).await;
    let incident = stack.status(opened["incident_id"].as_str().expect("an incident"), Status::AwaitingApproval).await;
    (alert, incident)
}

async fn say(stack: &Stack, id: &str, verdict: &str, token: &str, body: &Value) -> (u16, Value) {
    let request = stack.http.post(stack.url(&format!("approvals/{id}/{verdict}"))).bearer_auth(token).json(body);
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn one_decision_is_made_by_whoever_may() {
    let stack = Stack::start();
    let (_, incident) = waiting(&stack).await;
    let id = incident.id.as_str();
    let approval = incident.approval.expect("asked").id.to_string();
    let token = &stack.facts.secrets["approval"];
    let ada = json!({ "actor": "ada" });

    // The wrong credential, Alertmanager's credential, nobody's name, another plan.
    assert_eq!(say(&stack, &approval, "approve", "wrong", &ada).await.0, 401);
    assert_eq!(say(&stack, &approval, "approve", &stack.facts.secrets["alertmanager"], &ada).await.0, 401);
    let (status, problem) = say(&stack, &approval, "approve", token, &json!({ "actor": " " })).await;
    assert_eq!((status, problem["at"].as_str()), (400, Some("actor")));
    let other = format!("{id}-0000000000000000");
    let (status, problem) = say(&stack, &other, "approve", token, &ada).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:quell:problem:void")));
    assert_eq!(say(&stack, "01ARZ3NDEKTSV4RRFFQ69G5FAV-0000000000000000", "approve", token, &ada).await.0, 404);
    assert_eq!(say(&stack, "..%2f..", "approve", token, &ada).await.0, 404);

    // A press by somebody who is not on the list, and a forged one.
    let card = stack.card(id, "Waiting for a decision").await;
    let chat = stack.facts.telegram.chat_id;
    let press = json!({ "chat_id": chat, "message_id": card["message_id"], "from_id": 1, "data": format!("reject:{approval}") });
    let update = stack.control("press", &press).await;
    let forged = stack.http.post(stack.url("webhooks/telegram")).header("X-Telegram-Bot-Api-Secret-Token", "forged").json(&update);
    assert_eq!(forged.send().await.expect("an answer").status(), 401);
    // The press was delivered and answered before anything is concluded from what did not happen.
    let query = update["callback_query"]["id"].as_str().expect("an id").to_owned();
    let answered = stack.pressed(&query).await;
    assert!(answered.contains("not on the list"), "{answered}");
    stack.incident(id, |incident| incident.status == Status::AwaitingApproval).await;

    // The first decision counts; the same person may repeat it; others are told who was first.
    assert_eq!(say(&stack, &approval, "reject", token, &ada).await.0, 200);
    assert_eq!(say(&stack, &approval, "reject", token, &ada).await.0, 200);
    let (status, problem) = say(&stack, &approval, "approve", token, &json!({ "actor": "bob" })).await;
    assert_eq!((status, problem["detail"].as_str()), (409, Some("api:ada has already decided: rejected")));
    let decided = stack.status(id, Status::Rejected).await;
    assert!(matches!(decided.approval.expect("kept").standing, Standing::Decided { verdict: Verdict::Reject, by, .. } if by == "api:ada"));
    stack.card(id, "Rejected by api:ada").await;
    let log = stack.log_with(id, Event::ApprovalDecided).await;
    assert_eq!(log.iter().filter(|entry| entry.event == Event::ApprovalDecided).count(), 1);
    assert!(log.iter().all(|entry| entry.event != Event::StepStarted), "nothing ran");
}

#[tokio::test]
async fn a_resolve_voids_what_waits_for_a_decision() {
    let stack = Stack::start();
    let (alert, incident) = waiting(&stack).await;
    let id = incident.id.as_str();
    let approval = incident.approval.expect("asked").id.to_string();
    let ended = TestAlert { ends_at: Some(jiff::Timestamp::now()), ..alert };
    stack.deliver_one(&ended).await;
    stack.status(id, Status::Resolved).await;
    let (status, problem) = say(&stack, &approval, "approve", &stack.facts.secrets["approval"], &json!({ "actor": "ada" })).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:quell:problem:void")), "{problem}");
    stack.card(id, "The plan is void: the alert resolved").await;
    stack.log_with(id, Event::ApprovalVoided).await;
}
