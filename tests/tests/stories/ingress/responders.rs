//! Tests of the responder's actions on the deployed stack, through Telegram, Slack, the API and the command: each has the same
//! effect, and is logged in its person's name.

use domain::incident::operation_log::{Entry, Event};
use domain::incident::{Incident, Status};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::quell::quell;
use tests::slack::Interaction;
use tests::stack::Stack;

/// What a responder's actions leave in the log, in the order of the story.
const BY_BUTTONS: [Event; 7] = [
    Event::IncidentSnoozed,
    Event::IncidentAcknowledged,
    Event::CauseDenied,
    Event::CauseConfirmed,
    Event::IncidentClosed,
    Event::IncidentReopenedByPerson,
    Event::IncidentClosed,
];
/// The data of the buttons of that story.
const BUTTONS: [&str; 7] = [
    "snooze_hour",
    "acknowledge",
    "cause_wrong",
    "cause_right",
    "fixed",
    "reopen",
    "false_alarm",
];
const RESPONSES: [Event; 9] = [
    Event::IncidentAcknowledged,
    Event::IncidentAssigned,
    Event::NoteAdded,
    Event::IncidentSnoozed,
    Event::CauseConfirmed,
    Event::CauseDenied,
    Event::IncidentClosed,
    Event::IncidentReopenedByPerson,
    Event::ResponseRefused,
];

async fn waiting(stack: &Stack) -> Incident {
    stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await
}

/// What people have done about an incident, from its log.
async fn done(stack: &Stack, incident: &Incident) -> Vec<Entry> {
    let log = stack.store.log(&incident.id).await.expect("the log");
    log.into_iter()
        .filter(|entry| RESPONSES.contains(&entry.event))
        .collect()
}

fn events(log: &[Entry]) -> Vec<Event> {
    log.iter().map(|entry| entry.event).collect()
}

#[tokio::test]
async fn the_buttons_of_telegram_do_what_a_responder_does() {
    let stack = Stack::start();
    let incident = waiting(&stack).await;
    let person = stack.facts.telegram.approver_id;
    let press = async |from: i64, word: &str| {
        let message = json!({
            "message_id": 1, "date": 0, "chat": { "id": stack.facts.telegram.chat_id, "type": "supergroup" },
        });
        let query = json!({
            "id": unique("q"), "from": { "id": from, "is_bot": false, "first_name": "P" }, "message": message,
            "data": format!("{word}:{}", incident.id),
        });
        let request = stack.http.post(stack.url("webhooks/telegram")).header(
            "X-Telegram-Bot-Api-Secret-Token",
            &stack.facts.secrets["telegram_webhook"],
        );
        let update = json!({ "update_id": 1, "callback_query": query });
        let answer = request.json(&update).send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        answer["text"].as_str().expect("a text").to_owned()
    };
    assert!(press(1, "acknowledge").await.contains("not on the list"));
    let mut said = Vec::new();
    for word in BUTTONS {
        said.push(press(person, word).await);
    }
    assert_eq!(
        said,
        [
            "It is put off, and you are on it until then.",
            "You are on it: the card says so.",
            "Noted: the cause is wrong.",
            "Noted: the cause is right.",
            "Closed: fixed by hand.",
            "It is open again.",
            "Closed: false alarm."
        ]
    );
    assert_eq!(
        press(person, "acknowledge").await,
        "Not done: it was closed: open it again first."
    );
    let log = done(&stack, &incident).await;
    let expected: Vec<Event> = BY_BUTTONS
        .into_iter()
        .chain([Event::ResponseRefused])
        .collect();
    assert_eq!(events(&log), expected);
    let by = format!("telegram:{person}");
    assert!(log.iter().all(|entry| entry.actor == by), "{log:#?}");
    let stored = stack.status(incident.id.as_str(), Status::Closed).await;
    assert!(stored.approval.is_some_and(|approval| {
        serde_json::to_value(approval.state).expect("JSON")["state"] == "void"
    }));
    stack.card(incident.id.as_str(), "false alarm").await;
}

#[tokio::test]
async fn the_buttons_of_slack_do_what_a_responder_does() {
    let stack = Stack::start();
    let incident = waiting(&stack).await;
    for word in BUTTONS {
        let press = Interaction::press(&format!("{word}:{}", incident.id));
        let answer = press.request(&stack).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{word}");
    }
    let log = done(&stack, &incident).await;
    assert_eq!(events(&log), BY_BUTTONS);
    assert!(
        log.iter().all(|entry| entry.actor.starts_with("slack:")),
        "{log:#?}"
    );
}

#[tokio::test]
async fn the_api_does_what_a_responder_does() {
    let stack = Stack::start();
    let (incident, other) = (waiting(&stack).await, waiting(&stack).await);
    let respond = async |body: Value| {
        let request = stack
            .http
            .post(stack.url(&format!("incidents/{}/respond", incident.id)))
            .bearer_auth(&stack.facts.tokens["ada"])
            .json(&body);
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.expect("JSON"))
    };
    let duplicate = json!({ "action": "close", "reason": "duplicate", "duplicate_of": other.id });
    for (body, status) in [
        (json!({ "action": "acknowledge" }), 200),
        (json!({ "action": "assign", "to": "bob" }), 200),
        (json!({ "action": "assign", "to": "nobody" }), 409),
        (
            json!({ "action": "note", "text": "the <b>disk</b> was full" }),
            200,
        ),
        (json!({ "action": "snooze", "minutes": 120 }), 200),
        (json!({ "action": "snooze", "minutes": 0 }), 409),
        (json!({ "action": "cause", "right": false }), 200),
        (json!({ "action": "close", "reason": "duplicate" }), 409),
        (duplicate, 200),
        (json!({ "action": "reopen" }), 200),
    ] {
        let (answered, answer) = respond(body.clone()).await;
        assert_eq!(answered, status, "{body}: {answer}");
    }
    let log = done(&stack, &incident).await;
    assert_eq!(
        events(&log),
        [
            Event::IncidentAcknowledged,
            Event::IncidentAssigned,
            Event::ResponseRefused,
            Event::NoteAdded,
            Event::IncidentSnoozed,
            Event::ResponseRefused,
            Event::CauseDenied,
            Event::ResponseRefused,
            Event::IncidentClosed,
            Event::IncidentReopenedByPerson,
        ]
    );
    assert!(log.iter().all(|entry| entry.actor == "api:ada"), "{log:#?}");
    // What a note says is text, and nothing else.
    let card = stack.card(incident.id.as_str(), "Needs a human").await;
    let text = card["text"].as_str().expect("a text");
    assert!(text.contains("the <b>disk</b> was full"), "{text}");
    assert!(!text.contains("is on it"), "it begins again: {text}");
}

#[tokio::test]
async fn the_command_does_what_a_responder_does() {
    let stack = Stack::start();
    let (incident, other) = (waiting(&stack).await, waiting(&stack).await);
    let directory = tempfile::tempdir().expect("a directory");
    let token = directory.path().join("token");
    std::fs::write(&token, format!("{}\n", stack.facts.tokens["ada"])).expect("written");
    let quell = |arguments: &[&str]| {
        let done = quell(None)
            .args(arguments)
            .args(["--url", &stack.facts.api_url, "--token-file"])
            .arg(&token)
            .output()
            .expect("it runs");
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned(),
        )
    };
    let (id, of) = (incident.id.as_str(), other.id.as_str());
    for (arguments, status, says) in [
        (vec!["ack", id], 0, "done: "),
        (vec!["ack", id], 0, "it was so already: "),
        (vec!["assign", id, "bob"], 0, "on it: bob"),
        (
            vec!["assign", id, "nobody"],
            1,
            "nobody is not among the people",
        ),
        (vec!["note", id, "replaced the disk"], 0, "done: "),
        (vec!["snooze", id, "--for", "2h"], 0, "on it: ada"),
        (vec!["snooze", id, "--for", "8d"], 2, ""),
        (vec!["cause", id, "right"], 0, "done: "),
        (
            vec!["close", id, "--reason", "duplicate", "--of", of],
            0,
            "is closed",
        ),
        (vec!["reopen", id], 0, "is needs_human"),
        (vec!["ack", "01ARZ3NDEKTSV4RRFFQ69G5FAV"], 1, "no incident"),
    ] {
        let (code, said) = quell(&arguments);
        assert!(
            code == Some(status) && said.contains(says),
            "{arguments:?}: {code:?} {said}"
        );
    }
    let log = done(&stack, &incident).await;
    assert_eq!(
        events(&log),
        [
            Event::IncidentAcknowledged,
            Event::IncidentAssigned,
            Event::ResponseRefused,
            Event::NoteAdded,
            Event::IncidentSnoozed,
            Event::CauseConfirmed,
            Event::IncidentClosed,
            Event::IncidentReopenedByPerson,
        ]
    );
    assert!(log.iter().all(|entry| entry.actor == "api:ada"), "{log:#?}");
}
