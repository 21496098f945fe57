//! Tests of a responder's actions on the deployed stack, through Telegram, Slack, the API and the command: the whole table of
//! `tests::responding` in each, with the same effect, and in its person's name. The session of the console is a fifth
//! (`console::acting`).

use std::time::Duration;

use domain::incident::operation_log::Event;
use domain::primitives::id::IncidentId;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::alert::{TestAlert, unique};
use tests::quell::quell;
use tests::responding::{Act, Row, WHY, Way, try_everything};
use tests::slack::{self, Interaction};
use tests::stack::{Stack, wait_for};

use super::chat_commands::{message, update};

/// A stack of the story's own: the kill switch is for everybody, and storms begin at the fourth incident of a minute.
fn own_stack() -> Stack {
    Stack::start_with(&[
        "--without",
        "witness,board",
        "--param",
        "StormIncidentsPerMinute=3",
    ])
}

/// Telegram: the buttons of the card and of its details, and commands where words are needed.
struct Telegram<'a> {
    stack: &'a Stack,
    /// The last update.
    update: Value,
    said: String,
}

impl Telegram<'_> {
    /// The message in the chat that has this button.
    async fn with_button(&self, data: &str) -> Value {
        let chat = json!({ "chat_id": self.stack.facts.telegram.chat_id });
        wait_for(data, async || {
            let all = self.stack.control("messages", &chat).await;
            let messages = all["messages"].as_array().expect("a list").clone();
            messages.into_iter().find(|message| {
                let rows = message["reply_markup"]["inline_keyboard"].as_array();
                let mut buttons = rows.into_iter().flatten().filter_map(Value::as_array);
                buttons.any(|row| row.iter().any(|button| button["callback_data"] == data))
            })
        })
        .await
    }

    async fn presses(&mut self, data: &str) {
        let telegram = &self.stack.facts.telegram;
        let message = self.with_button(data).await;
        let press = json!({
            "chat_id": telegram.chat_id, "message_id": message["message_id"], "data": data, "from_id": telegram.approver_id,
        });
        self.update = self.stack.control("press", &press).await;
        let query = self.update["callback_query"]["id"].as_str();
        self.said = self.stack.pressed(query.expect("an id")).await;
    }

    async fn writes(&mut self, card: Option<&Value>, text: &str) {
        let telegram = &self.stack.facts.telegram;
        let mut message = message((telegram.approver_id, telegram.chat_id), text);
        if let Some(card) = card {
            message["reply_to_message"] = card.clone();
        }
        self.update = json!({ "update_id": 1, "message": message });
        self.said = self.told().await;
    }

    /// Delivers the last update, and gives what the person is told.
    async fn told(&self) -> String {
        let answer = update(self.stack, &self.update).await;
        answer["text"].as_str().expect("a text").to_owned()
    }
}

impl Way for Telegram<'_> {
    fn person(&self) -> &'static str {
        "oncall"
    }

    fn actor(&self) -> String {
        format!("telegram:{}", self.stack.facts.telegram.approver_id)
    }

    async fn acts(&mut self, row: &Row, about: &IncidentId, other: &IncidentId) {
        match row.act.button(about) {
            Some(data) => {
                if data.starts_with("cause_wrong") {
                    // Its buttons are below the details.
                    self.presses(&format!("details:{about}")).await;
                }
                self.presses(&data).await;
            }
            None => {
                let (word, rest) = row.act.written(other);
                if word == "assign" {
                    // Without an answer to the card, the word names the incident.
                    let text = format!("/quell@Quell_Local_Bot {word} {about} {rest}");
                    self.writes(None, &text).await;
                } else {
                    let card = self.with_button(&format!("details:{about}")).await;
                    let text = format!("/quell {word} {rest}");
                    self.writes(Some(&card), &text).await;
                }
            }
        }
        assert_eq!(self.said, row.reply);
    }

    async fn acts_on_group(&mut self, act: Act, about: &IncidentId) {
        let card = self.with_button(&format!("details:{about}")).await;
        let (word, _) = act.written(about);
        self.writes(Some(&card), &format!("/quell group {word}"))
            .await;
        let counted = "In its alert group 2 incidents changed.";
        assert!(self.said.ends_with(counted), "{}", self.said);
    }

    async fn stops_repairs(&mut self) -> Option<String> {
        let text = format!("/quell stop-repairs {WHY}");
        self.writes(None, &text).await;
        let said = &self.said;
        assert!(said.starts_with("All repairs are switched off."), "{said}");
        Some(format!(
            "(telegram:{})",
            self.stack.facts.telegram.approver_id
        ))
    }

    async fn again(&mut self) {
        let same = self.said.replace("2 incidents", "0 incidents");
        assert_eq!(self.told().await, same);
    }
}

#[tokio::test]
async fn telegram_does_all_that_a_responder_does() {
    let stack = own_stack();
    let (update, said) = (Value::Null, String::new());
    let mut telegram = Telegram {
        stack: &stack,
        update,
        said,
    };
    try_everything(&stack, &mut telegram, true).await;
}

/// Slack: the buttons that its cards have too, which are made as Telegram's are, and the slash command.
struct Slack<'a> {
    stack: &'a Stack,
    last: Sent,
}

/// What Slack sends.
enum Sent {
    Press(Interaction),
    Command { text: String, trigger: String },
}

impl Slack<'_> {
    async fn sends(&self) {
        let answer = match &self.last {
            Sent::Press(press) => press.request(self.stack).send().await.expect("an answer"),
            Sent::Command { text, trigger } => {
                slack::delivered_command(self.stack, slack::CHANNEL, text, trigger).await
            }
        };
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

impl Way for Slack<'_> {
    fn person(&self) -> &'static str {
        "grace"
    }

    fn actor(&self) -> String {
        format!("slack:{}", slack::MEMBER)
    }

    async fn acts(&mut self, row: &Row, about: &IncidentId, other: &IncidentId) {
        self.last = match row.act.button(about) {
            Some(data) => Sent::Press(Interaction::press(&data)),
            None => {
                // A slash command answers no card.
                let (word, rest) = row.act.written(other);
                Sent::Command {
                    text: format!("{word} {about} {rest}"),
                    trigger: unique("trigger"),
                }
            }
        };
        self.sends().await;
    }

    async fn acts_on_group(&mut self, act: Act, about: &IncidentId) {
        let (word, _) = act.written(about);
        self.last = Sent::Command {
            text: format!("group {word} {about}"),
            trigger: unique("trigger"),
        };
        self.sends().await;
    }

    async fn stops_repairs(&mut self) -> Option<String> {
        self.last = Sent::Command {
            text: format!("stop-repairs {WHY}"),
            trigger: unique("trigger"),
        };
        self.sends().await;
        Some(format!("(slack:{})", slack::MEMBER))
    }

    async fn again(&mut self) {
        self.sends().await;
    }
}

#[tokio::test]
async fn slack_does_all_that_a_responder_does() {
    let stack = own_stack();
    let last = Sent::Press(Interaction::press(""));
    let mut slack = Slack {
        stack: &stack,
        last,
    };
    try_everything(&stack, &mut slack, true).await;
}

/// The API, with a token of Ada's.
struct Api<'a> {
    stack: &'a Stack,
    token: &'a str,
    last: Option<RequestBuilder>,
}

impl Api<'_> {
    /// Sends a request, and gives its status and answer.
    async fn sends(&mut self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.stack.http.post(self.stack.url(path));
        let request = request.bearer_auth(self.token).json(body);
        self.last = request.try_clone();
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }
}

impl Way for Api<'_> {
    fn person(&self) -> &'static str {
        "ada"
    }

    fn actor(&self) -> String {
        "api:ada".to_owned()
    }

    async fn acts(&mut self, row: &Row, about: &IncidentId, other: &IncidentId) {
        let path = format!("incidents/{about}/respond");
        let (status, answer) = self.sends(&path, &row.act.body(other)).await;
        assert_eq!(
            (status, &answer["changed"]),
            (StatusCode::OK, &json!(true)),
            "{answer}"
        );
        assert_eq!(answer["by"], "ada");
    }

    async fn acts_on_group(&mut self, act: Act, about: &IncidentId) {
        let path = format!("incidents/{about}/group/respond");
        let (status, answer) = self.sends(&path, &act.body(about)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(
            (&answer["changed"], &answer["refused"]),
            (&json!(2), &json!(0))
        );
    }

    /// It takes a token that may administer: one that may only decide is shown by tools and lies in files.
    async fn stops_repairs(&mut self) -> Option<String> {
        let body = json!({ "why": WHY });
        let (status, answer) = self.sends("kill-switch", &body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "may only decide: {answer}");
        // The right alone is not enough either.
        for (person, expected) in [("bob", StatusCode::FORBIDDEN), ("ada", StatusCode::OK)] {
            self.token = &self.stack.facts.administrators[person];
            assert!(!self.stack.control.killed().await.expect("read"));
            let (status, answer) = self.sends("kill-switch", &body).await;
            assert_eq!(status, expected, "{answer}");
        }
        self.token = &self.stack.facts.tokens["ada"];
        Some("ada (api:ada)".to_owned())
    }

    async fn again(&mut self) {
        let request = self.last.as_ref().and_then(RequestBuilder::try_clone);
        let answer = request.expect("one was sent").send().await;
        let answer: Value = answer.expect("an answer").json().await.expect("JSON");
        let is_same =
            answer["changed"] == false || answer["changed"] == 0 || answer["repairs"] == "off";
        assert!(is_same, "{answer}");
    }
}

#[tokio::test]
async fn the_api_does_all_that_a_responder_does() {
    let stack = own_stack();
    let mut api = Api {
        stack: &stack,
        token: &stack.facts.tokens["ada"],
        last: None,
    };
    try_everything(&stack, &mut api, true).await;
}

/// The command, with Ada's token in a file.
struct Command<'a> {
    stack: &'a Stack,
    files: TempDir,
    arguments: Vec<String>,
}

impl<'a> Command<'a> {
    fn of(stack: &'a Stack) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let token = format!("{}\n", stack.facts.tokens["ada"]);
        std::fs::write(files.path().join("token"), token).expect("written");
        let arguments = Vec::new();
        Self {
            stack,
            files,
            arguments,
        }
    }

    /// Runs the last command once more, and gives its exit status and what it says.
    fn runs(&self) -> (Option<i32>, String) {
        let mut command = quell(Some(self.stack));
        let done = command.args(&self.arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        (done.status.code(), said)
    }

    /// Runs a command about an incident.
    fn responds(&mut self, arguments: &[&str]) -> (Option<i32>, String) {
        let token = self.files.path().join("token").display().to_string();
        let url = self.stack.facts.api_url.as_str();
        let to = ["--url", url, "--token-file", &token];
        let all = arguments.iter().copied().chain(to);
        self.arguments = all.map(str::to_owned).collect();
        self.runs()
    }
}

impl Way for Command<'_> {
    fn person(&self) -> &'static str {
        "ada"
    }

    fn actor(&self) -> String {
        "api:ada".to_owned()
    }

    async fn acts(&mut self, row: &Row, about: &IncidentId, other: &IncidentId) {
        let (id, of) = (about.as_str(), other.as_str());
        let body = row.act.body(other);
        let word = |field: &str| body[field].as_str().unwrap_or_default();
        let reason = word("reason").replace('_', "-");
        let arguments = match word("action") {
            "acknowledge" => vec!["ack", id],
            "assign" => vec!["assign", id, word("to")],
            "note" => vec!["note", id, word("text")],
            "snooze" => vec!["snooze", id, "--for", "1h"],
            "cause" if body["right"] == true => vec!["cause", id, "right"],
            "cause" => vec!["cause", id, "wrong"],
            "close" if reason == "duplicate" => {
                vec!["close", id, "--reason", &reason, "--of", of]
            }
            "close" => vec!["close", id, "--reason", &reason],
            "reopen" => vec!["reopen", id],
            other => panic!("the command has no {other}"),
        };
        let (code, said) = self.responds(&arguments);
        assert!(
            code == Some(0) && said.starts_with("done: "),
            "{code:?} {said}"
        );
    }

    async fn acts_on_group(&mut self, act: Act, about: &IncidentId) {
        let id = about.as_str();
        let arguments = match act {
            Act::Acknowledge => vec!["ack", id, "--group"],
            Act::FixedByHand => vec!["close", id, "--reason", "fixed-by-hand", "--group"],
            Act::Reopen => vec!["reopen", id, "--group"],
            other => panic!("{other:?} is tried on one incident"),
        };
        let (code, said) = self.responds(&arguments);
        let done = "done in 2 incidents of its alert group: ";
        assert!(code == Some(0) && said.starts_with(done), "{code:?} {said}");
    }

    /// It has a command of its own, which takes the rights of an operator in the AWS account, and no token.
    async fn stops_repairs(&mut self) -> Option<String> {
        let table = self.stack.facts.outputs["ControlTableName"].as_str();
        let arguments = ["kill-switch", "on", "--why", WHY, "--control-table", table];
        self.arguments = arguments.map(str::to_owned).to_vec();
        let (code, said) = self.runs();
        assert_eq!(code, Some(0), "{said}");
        Some("arn:aws:".to_owned())
    }

    async fn again(&mut self) {
        let (code, said) = self.runs();
        let same = ["it was so already: ", "done in 0 ", "kill switch: "];
        let same = same.iter().any(|same| said.starts_with(same));
        assert!(code == Some(0) && same, "{code:?} {said}");
    }
}

#[tokio::test]
async fn the_command_does_all_that_a_responder_does() {
    let stack = own_stack();
    let mut command = Command::of(&stack);
    try_everything(&stack, &mut command, true).await;
}

#[tokio::test]
async fn what_a_responder_cannot_do_is_refused_and_kept() {
    let stack = Stack::start();
    let alert = TestAlert::firing(&stack.facts.target.service);
    let incident = stack.awaiting_approval(&alert).await;
    let (id, path) = (
        incident.id.as_str(),
        format!("incidents/{}/respond", incident.id),
    );
    let mut api = Api {
        stack: &stack,
        token: &stack.facts.tokens["ada"],
        last: None,
    };
    for body in [
        json!({ "action": "assign", "to": "nobody" }),
        json!({ "action": "snooze", "minutes": 0 }),
        json!({ "action": "snooze", "minutes": 10_081 }),
        json!({ "action": "note", "text": " " }),
        json!({ "action": "close", "reason": "duplicate" }),
        json!({ "action": "close", "reason": "duplicate", "duplicate_of": id }),
    ] {
        let (status, answer) = api.sends(&path, &body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{body}: {answer}");
        // Each is kept once for its request, and requests are told apart by their time.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let command = &mut Command::of(&stack);
    for (arguments, status, says) in [
        (
            vec!["assign", id, "nobody"],
            1,
            "nobody is not among the people",
        ),
        (vec!["snooze", id, "--for", "8d"], 2, ""),
        (vec!["ack", "01ARZ3NDEKTSV4RRFFQ69G5FAV"], 1, "no incident"),
    ] {
        let (code, said) = command.responds(&arguments);
        assert!(
            code == Some(status) && said.contains(says),
            "{arguments:?}: {code:?} {said}"
        );
    }
    let log = stack.store.log(&incident.id).await.expect("the log");
    let refused = log
        .iter()
        .filter(|entry| entry.event == Event::ResponseRefused);
    let refused: Vec<&str> = refused.map(|entry| entry.actor.as_str()).collect();
    assert_eq!(refused, ["api:ada"; 7]);
    let after = stack.read(&incident.id).await;
    assert_eq!(
        (after.status, after.response),
        (incident.status, incident.response)
    );
}
