//! Contract tests of the Telegram stand-in that the other tests rely on: limits, chats, replies,
//! outages.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tests::stack::project;

const TOKEN: &str = "7700000042:abc";
const PRIVATE: i64 = 42;
const GROUP: i64 = -1001;

/// The stand-in alone, as `python -m infra.local telegram` starts it.
struct StandIn {
    child: Child,
    url: String,
    http: Client,
    _token: NamedTempFile,
}

impl StandIn {
    fn start(arguments: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut token = NamedTempFile::new().expect("a file");
        token.write_all(TOKEN.as_bytes()).expect("written");
        let chats = [format!("--chat-id={PRIVATE}"), format!("--chat-id={GROUP}")];
        let mut child = Command::new(project().join(".venv/bin/python"))
            .args(["-m", "infra.local", "telegram", "--token-file"])
            .arg(token.path())
            .args(chats)
            .args(arguments)
            .current_dir(project())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its standard output"))
            .read_line(&mut line)
            .expect("a line");
        let said: Value = serde_json::from_str(&line).expect("the line with the port");
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("an HTTP client");
        Self {
            child,
            url: format!("http://127.0.0.1:{}", said["port"]),
            http,
            _token: token,
        }
    }

    async fn call(&self, method: &str, parameters: Value) -> (u16, Value) {
        let response = self
            .http
            .post(format!("{}/bot{TOKEN}/{method}", self.url))
            .json(&parameters)
            .send()
            .await
            .expect("an answer");
        (
            response.status().as_u16(),
            response.json().await.expect("JSON"),
        )
    }

    /// Sends a text, which has to be taken; its id.
    async fn sent(&self, chat: i64, text: &str) -> i64 {
        let (status, answer) = self
            .call("sendMessage", json!({ "chat_id": chat, "text": text }))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["result"]["message_id"].as_i64().expect("an id")
    }

    async fn control(&self, action: &str, parameters: Value) -> Value {
        let response = self
            .http
            .post(format!("{}/_control/{action}", self.url))
            .json(&parameters)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200, "{action}");
        response.json().await.expect("JSON")
    }

    /// Writes until it is refused: how often it was not, and the refusal.
    async fn flood(
        &self,
        most: u32,
        message: impl Fn(u32) -> (&'static str, Value),
    ) -> (u32, Option<Value>) {
        for count in 0..most {
            let (method, parameters) = message(count);
            let (status, answer) = self.call(method, parameters).await;
            if status == 429 {
                return (count, Some(answer));
            }
            assert_eq!(status, 200, "{answer}");
        }
        (most, None)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refusal(description: &str) -> Value {
    json!({ "ok": false, "error_code": 400, "description": format!("Bad Request: {description}") })
}

fn seconds(refusal: &Value) -> u64 {
    let seconds = refusal["parameters"]["retry_after"]
        .as_u64()
        .expect("retry_after");
    assert_eq!(
        *refusal,
        json!({ "ok": false, "error_code": 429, "description": format!("Too Many Requests: retry after {seconds}"),
        "parameters": { "retry_after": seconds } })
    );
    seconds
}

#[tokio::test]
async fn nothing_is_refused_until_the_limits_are_on() {
    let chat = StandIn::start(&[]);
    let text = |count| {
        (
            "sendMessage",
            json!({ "chat_id": GROUP, "text": format!("{count}") }),
        )
    };
    assert_eq!(chat.flood(50, text).await, (50, None));
    assert_eq!(
        chat.control("refused", json!({})).await,
        json!({ "refused": 0 })
    );
    chat.control("rates", json!({ "on": true })).await;
    // A minute takes twenty, however slow this machine is at it.
    let (taken, refused) = chat.flood(50, text).await;
    assert!((3..=20).contains(&taken), "{taken}");
    assert!((1..=60).contains(&seconds(&refused.expect("a refusal"))));
    assert_eq!(
        chat.control("refused", json!({})).await,
        json!({ "refused": 1 })
    );
    chat.control("rates", json!({ "on": false })).await;
    assert_eq!(chat.flood(30, text).await, (30, None));
}

#[tokio::test]
async fn edits_count_as_messages_and_each_chat_by_itself() {
    let chat = StandIn::start(&["--rates"]);
    let message = chat.sent(PRIVATE, "first").await;
    let edit = |count| {
        (
            "editMessageText",
            json!({ "chat_id": PRIVATE, "message_id": message, "text": format!("edit {count}") }),
        )
    };
    let (taken, refused) = chat.flood(500, edit).await;
    assert!(taken >= 2, "a burst is tolerated: {taken}");
    let seconds = seconds(&refused.expect("a refusal"));
    // The other chat has its own window, what writes nothing is not counted, and whoever waits is heard.
    chat.sent(GROUP, "another chat").await;
    assert_eq!(chat.call("getMe", json!({})).await.0, 200);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (_, parameters) = edit(u32::MAX);
    assert_eq!(chat.call("editMessageText", parameters).await.0, 200);
}

#[tokio::test]
async fn all_chats_together_have_a_limit() {
    let chat = StandIn::start(&["--rates"]);
    for id in 0..300 {
        chat.control("join", json!({ "chat_id": 1000 + id })).await;
    }
    let calls =
        (0..300).map(|id| chat.call("sendMessage", json!({ "chat_id": 1000 + id, "text": "x" })));
    let answers: Vec<(u16, Value)> = stream::iter(calls).buffer_unordered(16).collect().await;
    let refused = answers.iter().filter(|(status, _)| *status == 429).count();
    assert!(
        refused > 0,
        "no chat got more than one message, and all of them too many in a second"
    );
    assert_eq!(
        chat.control("refused", json!({})).await,
        json!({ "refused": refused })
    );
    let messages = chat.control("messages", json!({})).await;
    assert_eq!(
        messages["messages"].as_array().map(Vec::len),
        Some(300 - refused)
    );
}

#[tokio::test]
async fn a_group_that_became_a_supergroup_says_its_new_id() {
    let chat = StandIn::start(&[]);
    let message = chat.sent(GROUP, "before").await;
    chat.control("migrate", json!({ "chat_id": GROUP, "to": -100_200 }))
        .await;
    let mut moved = refusal("group chat was upgraded to a supergroup chat");
    moved["parameters"] = json!({ "migrate_to_chat_id": -100_200 });
    for method in ["sendMessage", "editMessageText"] {
        let old = json!({ "chat_id": GROUP, "message_id": message, "text": "x" });
        assert_eq!(
            chat.call(method, old).await,
            (400, moved.clone()),
            "{method}"
        );
    }
    chat.sent(-100_200, "after").await;
    let kept = chat.control("messages", json!({ "chat_id": GROUP })).await;
    assert_eq!(kept["messages"][0]["text"], "before");
    let new = json!({ "chat_id": -100_200, "message_id": message, "text": "x" });
    assert_eq!(
        chat.call("editMessageText", new).await,
        (400, refusal("message to edit not found"))
    );
    assert_eq!(
        chat.call("sendMessage", json!({ "chat_id": -5, "text": "x" }))
            .await,
        (400, refusal("chat not found"))
    );
}

#[tokio::test]
async fn a_message_that_was_deleted_is_neither_edited_nor_replied_to() {
    let chat = StandIn::start(&[]);
    let (gone, stays) = (
        chat.sent(PRIVATE, "gone").await,
        chat.sent(PRIVATE, "stays").await,
    );
    chat.control("delete", json!({ "chat_id": PRIVATE, "message_id": gone }))
        .await;
    let edit = json!({ "chat_id": PRIVATE, "message_id": gone, "text": "x" });
    assert_eq!(
        chat.call("editMessageText", edit).await,
        (400, refusal("message to edit not found"))
    );
    let reply = |to: i64, anyway: bool| json!({ "chat_id": PRIVATE, "text": "re", "reply_parameters": { "message_id": to, "allow_sending_without_reply": anyway } });
    assert_eq!(
        chat.call("sendMessage", reply(gone, false)).await,
        (400, refusal("message to be replied not found"))
    );
    let (status, answer) = chat.call("sendMessage", reply(gone, true)).await;
    assert_eq!(
        (status, answer["result"].get("reply_to_message")),
        (200, None)
    );
    let (status, answer) = chat.call("sendMessage", reply(stays, false)).await;
    assert_eq!(
        (status, &answer["result"]["reply_to_message"]["message_id"]),
        (200, &json!(stays))
    );
    assert!(
        answer["result"]["message_id"].as_i64() > Some(stays),
        "an id is given once"
    );
}

#[tokio::test]
async fn an_outage_answers_a_page_until_it_is_over() {
    let chat = StandIn::start(&[]);
    chat.control("outage", json!({ "on": true })).await;
    for method in ["getMe", "sendMessage"] {
        let url = format!("{}/bot{TOKEN}/{method}", chat.url);
        let response = chat
            .http
            .post(url)
            .json(&json!({ "chat_id": PRIVATE, "text": "x" }))
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            (
                response.status().as_u16(),
                &response.headers()["content-type"]
            ),
            (502, &"text/html".parse().expect("a value"))
        );
        assert!(response.text().await.expect("a body").starts_with("<html>"));
    }
    chat.control("outage", json!({ "on": false })).await;
    assert_eq!(
        chat.sent(PRIVATE, "back").await,
        1,
        "nothing was written meanwhile"
    );
}

#[tokio::test]
async fn a_press_says_the_persons_language() {
    let chat = StandIn::start(&[]);
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Go", "callback_data": "go" }]] });
    chat.call(
        "sendMessage",
        json!({ "chat_id": PRIVATE, "text": "x", "reply_markup": keyboard }),
    )
    .await;
    let press = json!({ "chat_id": PRIVATE, "message_id": 1, "data": "go", "from_id": 7, "language_code": "zh-hant" });
    assert_eq!(
        chat.control("press", press).await["callback_query"]["from"]["language_code"],
        "zh-hant"
    );
}

#[tokio::test]
async fn a_topic_takes_messages_while_it_is_open_and_there() {
    let chat = StandIn::start(&[]);
    let send = |topic: i64| json!({ "chat_id": GROUP, "text": "a", "message_thread_id": topic });
    let set = |state: &str| json!({ "chat_id": GROUP, "topic": 7, "state": state });
    let missing = (400, refusal("message thread not found"));
    assert_eq!(chat.call("sendMessage", send(7)).await, missing);
    chat.control("topic", set("open")).await;
    let (status, sent) = chat.call("sendMessage", send(7)).await;
    let message = &sent["result"];
    assert_eq!(
        (
            status,
            &message["message_thread_id"],
            &message["is_topic_message"]
        ),
        (200, &json!(7), &json!(true))
    );
    chat.control("topic", set("closed")).await;
    let closed = (400, refusal("TOPIC_CLOSED"));
    assert_eq!(chat.call("sendMessage", send(7)).await, closed);
    chat.control("topic", set("deleted")).await;
    assert_eq!(chat.call("sendMessage", send(7)).await, missing);
    let edit = json!({ "chat_id": GROUP, "message_id": message["message_id"], "text": "b" });
    let gone = (400, refusal("message to edit not found"));
    assert_eq!(chat.call("editMessageText", edit).await, gone);
}
