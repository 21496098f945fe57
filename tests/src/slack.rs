//! Interaction requests as Slack sends them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use lambda_http::{Body, Request, http};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::alert::unique;
use crate::stack::Stack;

/// The channel of the stack's `channels.json`.
pub const CHANNEL: &str = "C0123456789";
/// The member who may decide.
pub const MEMBER: &str = "U0123456789";

#[derive(Debug, Clone)]
pub struct Interaction {
    payload: Value,
    key: Option<String>,
    age: i64,
}

impl Interaction {
    /// A press on a button, by the member who may decide.
    #[must_use]
    pub fn press(data: &str) -> Self {
        let payload = json!({
            "type": "block_actions",
            "user": { "id": MEMBER, "username": "grace", "team_id": "T0123456789" },
            "channel": { "id": CHANNEL, "name": "operations" },
            "trigger_id": unique("trigger"),
            "actions": [{ "type": "button", "action_id": "a", "value": data, "action_ts": "1793527205.840180" }],
        });
        Self {
            payload,
            key: None,
            age: 0,
        }
    }

    /// The same with another value at a place.
    ///
    /// # Panics
    /// If there is no such place.
    #[must_use]
    pub fn with(mut self, place: &str, value: Value) -> Self {
        *self.payload.pointer_mut(place).expect("it is there") = value;
        self
    }

    /// The same, signed with another key than the stack's.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self
        }
    }

    /// The same, signed so many seconds ago.
    #[must_use]
    pub fn aged(self, age: i64) -> Self {
        Self { age, ..self }
    }

    #[must_use]
    pub fn form(&self) -> String {
        form(&self.payload.to_string())
    }

    /// As a request to the deployed API.
    pub fn request(&self, stack: &Stack) -> RequestBuilder {
        let [time, signature] = self.headers(stack);
        let request = stack
            .http
            .post(stack.url("webhooks/slack"))
            .header("content-type", "application/x-www-form-urlencoded");
        request
            .header("X-Slack-Request-Timestamp", time)
            .header("X-Slack-Signature", signature)
            .body(self.form())
    }

    /// As ingress gets it.
    ///
    /// # Panics
    /// Never: it is built here.
    #[must_use]
    pub fn in_process(&self, stack: &Stack) -> Request {
        let [time, signature] = self.headers(stack);
        let request = http::Request::post("https://api.test/api/v1/webhooks/slack")
            .header("X-Slack-Request-Timestamp", time);
        request
            .header("X-Slack-Signature", signature)
            .body(Body::from(self.form()))
            .expect("a request")
    }

    fn headers(&self, stack: &Stack) -> [String; 2] {
        let time = (Timestamp::now().as_second() - self.age).to_string();
        let key = self
            .key
            .as_ref()
            .unwrap_or(&stack.facts.secrets["slack_signing"]);
        let signature = sign(key, &time, self.form().as_bytes());
        [time, signature]
    }
}

impl Stack {
    /// Asks the Slack stand-in to do something.
    ///
    /// # Panics
    /// If it does not.
    pub async fn slack(&self, action: &str, parameters: &Value) -> Value {
        let url = &self.facts.slack.control_url;
        self.ask_stand_in(url, action, parameters).await
    }
}

/// Sends a slash command of the member who may decide, as Slack does (<https://docs.slack.dev/interactivity/implementing-slash-commands>).
///
/// # Panics
/// If there is no answer.
pub async fn command(stack: &Stack, channel: &str, text: &str) -> Response {
    delivered_command(stack, channel, text, &unique("trigger")).await
}

/// The same as a delivery of its own, which has the trigger of the first when it is repeated.
///
/// # Panics
/// If there is no answer.
pub async fn delivered_command(
    stack: &Stack,
    channel: &str,
    text: &str,
    trigger: &str,
) -> Response {
    let fields = [
        ("command", "/quell"),
        ("text", text),
        ("user_id", MEMBER),
        ("channel_id", channel),
        ("trigger_id", trigger),
        ("response_url", "https://hooks.slack.example/commands/1"),
    ];
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let time = Timestamp::now().as_second().to_string();
    let signature = sign(
        &stack.facts.secrets["slack_signing"],
        &time,
        form.as_bytes(),
    );
    let request = stack
        .http
        .post(stack.url("webhooks/slack"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("X-Slack-Request-Timestamp", time)
        .header("X-Slack-Signature", signature);
    request.body(form).send().await.expect("an answer")
}

/// A payload as the field of a form.
#[must_use]
pub fn form(payload: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", payload)
        .finish()
}

/// The signature of a body, as Slack writes it into `X-Slack-Signature`.
///
/// # Panics
/// Never: a key of any length will do.
#[must_use]
pub fn sign(key: &str, time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(format!("v0:{time}:").as_bytes());
    mac.update(body);
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}
