//! Tests of decisions: once, by a person who may, on the plan that was shown, and by both ways in.

mod expiry;
mod quorum;

use domain::incident::approval::{ApprovalState, Verdict};
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::{Entry, Event};
use domain::incident::{Incident, Status};
use domain::notification::person_token::{PersonToken, Right, written};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tests::alert::{TestAlert, unique};
use tests::answer::assert_problem;
use tests::stack::Stack;

/// An alert about the service that has a playbook, and its incident once a plan waits for a decision.
async fn waiting(stack: &Stack) -> (TestAlert, Incident) {
    let alert = TestAlert::firing(&stack.facts.target.service);
    let incident = stack.awaiting_approval(&alert).await;
    (alert, incident)
}

async fn say(stack: &Stack, id: &str, verdict: &str, token: &str, body: &Value) -> (u16, Value) {
    let request = stack
        .http
        .post(stack.url(&format!("approvals/{id}/{verdict}")))
        .bearer_auth(token)
        .json(body);
    let response = request.send().await.expect("an answer");
    (
        response.status().as_u16(),
        response.json().await.expect("JSON"),
    )
}

/// The second person of the stack's channels.json at Telegram, and the one who may decide late.
const SECOND: i64 = 4343;

const LATE: i64 = 4444;

/// Delivers a press as Telegram does, and gives what the person is told.
async fn press(stack: &Stack, from: i64, query: &str, data: &str) -> String {
    press_in(stack, stack.facts.telegram.chat_id, from, query, data).await
}

async fn press_in(stack: &Stack, chat: i64, from: i64, query: &str, data: &str) -> String {
    let message =
        json!({ "message_id": 1, "date": 0, "chat": { "id": chat, "type": "supergroup" } });
    let query = json!({ "id": query, "from": { "id": from, "is_bot": false, "first_name": "P" }, "message": message, "data": data });
    let request = stack.http.post(stack.url("webhooks/telegram"));
    let request = request.header(
        "X-Telegram-Bot-Api-Secret-Token",
        &stack.facts.secrets["telegram_webhook"],
    );
    let answer = request
        .json(&json!({ "update_id": 1, "callback_query": query }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.expect("JSON");
    answer["text"].as_str().expect("a text").to_owned()
}

/// Makes an incident's request for a decision so many hours older.
async fn asked_ago(stack: &Stack, id: &IncidentId, hours: i64) {
    let earlier = |change: &mut IncidentChange| {
        let approval = change.incident.approval.as_mut().expect("asked");
        approval.requested_at -= SignedDuration::from_hours(hours);
        approval.expires_at -= SignedDuration::from_hours(hours);
    };
    stack.store.change(id, earlier).await.expect("saved");
}

fn all(log: &[Entry], event: Event) -> Vec<&Entry> {
    log.iter().filter(|entry| entry.event == event).collect()
}

/// The reasons for which presses were refused, each with who pressed.
fn refusals(log: &[Entry]) -> Vec<(&str, &str)> {
    all(log, Event::ApprovalRefused)
        .into_iter()
        .map(|entry| {
            (
                entry.actor.as_str(),
                entry.error.as_deref().unwrap_or_default(),
            )
        })
        .collect()
}

#[tokio::test]
async fn of_two_presses_at_once_one_decides_and_the_other_learns_who() {
    let stack = Stack::start();
    let (_, incident) = waiting(&stack).await;
    let first = stack.facts.telegram.approver_id;
    let data = format!("reject:{}", incident.approval.expect("asked").id);
    let (one, other) = (unique("q"), unique("q"));
    let (one, other) = tokio::join!(
        press(&stack, first, &one, &data),
        press(&stack, SECOND, &other, &data)
    );
    let said: Vec<String> = [one, other]
        .into_iter()
        .filter(|text| text != "Rejected: nothing will run.")
        .collect();
    let log = stack
        .log_with(incident.id.as_str(), Event::ApprovalRefused)
        .await;
    let decided = all(&log, Event::ApprovalDecided);
    assert_eq!((decided.len(), refusals(&log).len()), (1, 1), "{log:#?}");
    assert_eq!(
        said,
        [format!(
            "{} has already decided: rejected.",
            decided[0].actor
        )]
    );
}

#[tokio::test]
async fn a_press_that_comes_twice_or_late_changes_nothing() {
    let stack = Stack::start();
    let (alert, incident) = waiting(&stack).await;
    let (id, person) = (incident.id.as_str(), stack.facts.telegram.approver_id);
    let approval = incident.approval.expect("asked").id;
    let (reject, approve) = (format!("reject:{approval}"), format!("approve:{approval}"));
    let query = unique("q");
    let (one, again) = tokio::join!(
        press(&stack, person, &query, &reject),
        press(&stack, person, &query, &reject)
    );
    assert_eq!(
        (one.as_str(), again.as_str()),
        ("Rejected: nothing will run.", "Rejected: nothing will run.")
    );
    // Pressed before, and delivered behind it, twice.
    let older = unique("q");
    for _ in 0..2 {
        assert_eq!(
            press(&stack, person, &older, &approve).await,
            format!("telegram:{person} has already decided: rejected.")
        );
    }
    stack
        .deliver_one(&TestAlert {
            ends_at: Some(Timestamp::now()),
            ..alert
        })
        .await;
    stack.status(id, Status::Resolved).await;
    assert_eq!(
        press(&stack, person, &query, &reject).await,
        "Rejected: nothing will run.",
        "what it came to"
    );
    let log = stack.log_with(id, Event::IncidentResolved).await;
    assert_eq!(
        (
            all(&log, Event::ApprovalDecided).len(),
            refusals(&log).len()
        ),
        (1, 1),
        "{log:#?}"
    );
    assert_eq!(
        all(&log, Event::ApprovalRefused)[0].context["press"],
        format!("telegram:{older}")
    );
}

#[tokio::test]
async fn every_press_that_is_refused_is_in_the_log_with_its_reason() {
    let stack = Stack::start();
    let (alert, incident) = waiting(&stack).await;
    let (id, person) = (incident.id.as_str(), stack.facts.telegram.approver_id);
    let approval = incident.approval.expect("asked").id.to_string();
    let approve = format!("approve:{approval}");
    assert!(
        press(&stack, 1, &unique("q"), &approve)
            .await
            .contains("not on the list")
    );
    assert!(
        press(&stack, LATE, &unique("q"), &approve)
            .await
            .contains("do not let you")
    );
    assert!(
        press_in(&stack, -1, person, &unique("q"), &approve)
            .await
            .contains("configured channels")
    );
    for actor in ["eve", "oncall"] {
        let (status, problem) = say(
            &stack,
            &approval,
            "approve",
            &stack.facts.tokens[actor],
            &json!({}),
        )
        .await;
        assert_problem("", (status, &problem), (403, "not-allowed"));
    }
    assert_eq!(
        press(&stack, person, &unique("q"), "close:everything").await,
        "This button is not known here."
    );
    stack
        .incident(id, |incident| incident.status == Status::AwaitingApproval)
        .await;
    stack
        .deliver_one(&TestAlert {
            ends_at: Some(Timestamp::now()),
            ..alert
        })
        .await;
    stack.status(id, Status::Resolved).await;
    assert_eq!(
        press(&stack, person, &unique("q"), &approve).await,
        "This plan is void: the alert resolved."
    );
    let log = stack.log_with(id, Event::ApprovalVoided).await;
    let listed = "you are not on the list of people who may decide";
    let person = format!("telegram:{person}");
    let expected = [
        ("telegram:1", listed),
        (
            "telegram:4444",
            "the rules do not let you decide on this plan",
        ),
        (
            person.as_str(),
            "decisions are taken in the configured channels only",
        ),
        ("api:eve", listed),
        ("api:oncall", listed),
        (person.as_str(), "this approval is void: the alert resolved"),
    ];
    assert_eq!(refusals(&log), expected);
}

#[tokio::test]
async fn one_decision_is_made_by_whoever_may() {
    let stack = Stack::start();
    let (_, incident) = waiting(&stack).await;
    let id = incident.id.as_str();
    let approval = incident.approval.expect("asked").id.to_string();
    let token = &stack.facts.tokens["ada"];
    let ada = json!({ "actor": "ada" });

    // The wrong credential, Alertmanager's credential, another plan.
    assert_eq!(
        say(&stack, &approval, "approve", "wrong", &ada).await.0,
        401
    );
    assert_eq!(
        say(
            &stack,
            &approval,
            "approve",
            &stack.facts.secrets["alertmanager"],
            &ada
        )
        .await
        .0,
        401
    );
    let other = format!("{id}-0000000000000000");
    let (status, problem) = say(&stack, &other, "approve", token, &ada).await;
    assert_problem("", (status, &problem), (409, "void"));
    assert_eq!(
        say(
            &stack,
            "01ARZ3NDEKTSV4RRFFQ69G5FAV-0000000000000000",
            "approve",
            token,
            &ada
        )
        .await
        .0,
        404
    );
    assert_eq!(say(&stack, "..%2f..", "approve", token, &ada).await.0, 404);

    // A press by somebody who is not on the list, and a forged one.
    let card = stack.card(id, "Waiting for a decision").await;
    let chat = stack.facts.telegram.chat_id;
    let press = json!({ "chat_id": chat, "message_id": card["message_id"], "from_id": 1, "data": format!("reject:{approval}") });
    let update = stack.control("press", &press).await;
    let forged = stack
        .http
        .post(stack.url("webhooks/telegram"))
        .header("X-Telegram-Bot-Api-Secret-Token", "forged")
        .json(&update);
    assert_eq!(forged.send().await.expect("an answer").status(), 401);
    // The press was delivered and answered before anything is concluded from what did not happen.
    let query = update["callback_query"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let answered = stack.pressed(&query).await;
    assert!(answered.contains("not on the list"), "{answered}");
    stack
        .incident(id, |incident| incident.status == Status::AwaitingApproval)
        .await;

    // The first decision counts; the same person may repeat it; others are told who was first.
    assert_eq!(say(&stack, &approval, "reject", token, &ada).await.0, 200);
    assert_eq!(say(&stack, &approval, "reject", token, &ada).await.0, 200);
    let bob = &stack.facts.tokens["bob"];
    let (status, problem) = say(&stack, &approval, "approve", bob, &json!({})).await;
    assert_eq!(
        (status, problem["detail"].as_str()),
        (409, Some("api:ada has already decided: rejected"))
    );
    let decided = stack.status(id, Status::Rejected).await;
    assert!(
        matches!(decided.approval.expect("kept").state, ApprovalState::Decided { verdict: Verdict::Reject, by, .. } if by.to_string() == "api:ada")
    );
    stack.card(id, "Rejected by ada").await;
    let log = stack.log_with(id, Event::ApprovalDecided).await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::ApprovalDecided)
            .count(),
        1
    );
    assert!(
        log.iter().all(|entry| entry.event != Event::StepStarted),
        "nothing ran"
    );
}

#[tokio::test]
async fn a_token_acts_for_its_person_while_it_is_good() {
    let stack = Stack::start();
    let (_, incident) = waiting(&stack).await;
    let approval = incident.approval.expect("asked").id.to_string();
    let (secret, now) = ("0f".repeat(32), Timestamp::now());
    let good = PersonToken {
        id: ulid::Ulid::generate().to_string(),
        person: "ada".to_owned(),
        digest: hex::encode(Sha256::digest(secret.as_bytes())),
        may: vec![Right::Look, Right::Decide],
        made_by: "a test".to_owned(),
        made_at: now,
        expires_at: now + SignedDuration::from_hours(1),
        ended_at: None,
        ended_by: None,
    };
    let shown = written(&good.id, &secret);
    let decide = async |kept: Option<PersonToken>, token: &str| {
        if let Some(kept) = kept {
            let saved = stack.control.save_person_token(&kept).await;
            saved.expect("kept");
        }
        let (status, answer) = say(&stack, &approval, "reject", token, &json!({})).await;
        let detail = answer["detail"].as_str().unwrap_or_default().to_owned();
        (status, detail)
    };
    let unknown = decide(None, &shown).await;
    assert_eq!((unknown.0, unknown.1.contains("credential")), (401, true));
    let other = written(&good.id, &"0e".repeat(32));
    assert_eq!(decide(Some(good.clone()), &other).await.0, 401);
    let expired = PersonToken {
        expires_at: now,
        ..good.clone()
    };
    let (status, detail) = decide(Some(expired), &shown).await;
    assert!(status == 401 && detail.contains("expired"), "{detail}");
    let ended = PersonToken {
        ended_at: Some(now),
        ..good.clone()
    };
    let (status, detail) = decide(Some(ended), &shown).await;
    assert!(status == 401 && detail.contains("ended"), "{detail}");
    let looks = PersonToken {
        may: vec![Right::Look],
        ..good.clone()
    };
    assert_eq!(decide(Some(looks), &shown).await.0, 403);
    // Nothing of that has decided anything; the person is the token's, whatever the body says.
    let decided = async |body: &Value| say(&stack, &approval, "reject", &shown, body).await;
    stack.control.save_person_token(&good).await.expect("kept");
    let (status, answer) = decided(&json!({ "actor": "bob" })).await;
    assert_eq!((status, answer["decided_by"].as_str()), (200, Some("ada")));
}
