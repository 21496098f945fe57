//! Telegram client of a channel: the three Bot API calls that a chat needs, with the documented
//! errors that matter to it.

use std::time::Duration;

use domain::notification::channels::TelegramChat;
use domain::notification::outbox::Moved;
use domain::primitives::safe_text::cut;
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Audience, ChannelDeps, ChannelError};
use crate::render::content::{Link, Picture, Post};

/// Where the Bot API answers.
const API: &str = "https://api.telegram.org";
/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest answer that is read. A message of 4,096 characters comes back with its entities.
const LARGEST_ANSWER: usize = 256 * 1024;
/// How much of Telegram's words is kept of an error.
const WORDS: usize = 300;

/// Sends in a chat.
#[derive(Debug)]
pub struct Telegram<'a> {
    chat: &'a TelegramChat,
    chat_id: i64,
    outside: &'a ChannelDeps,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    result: Option<Value>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl<'a> Telegram<'a> {
    /// The sender of a chat. A chat that has moved is where it is now, as long as the file has its former id.
    pub fn new(chat: &'a TelegramChat, outside: &'a ChannelDeps, moved: Option<Moved>) -> Self {
        let chat_id = moved
            .filter(|moved| moved.configured == chat.chat_id)
            .map_or(chat.chat_id, |moved| moved.now);
        Self {
            chat,
            chat_id,
            outside,
        }
    }

    /// Sends something; the id of its message.
    ///
    /// # Errors
    /// If Telegram did not take it.
    pub async fn send(&self, post: &Post) -> Result<String, ChannelError> {
        self.sent(self.new_message(post)).await
    }

    /// Sends a reply; without a message to reply to, or if that was deleted, a message of its own.
    ///
    /// # Errors
    /// If Telegram did not take it.
    pub async fn reply(
        &self,
        message_id: Option<&str>,
        post: &Post,
        audience: Audience,
    ) -> Result<String, ChannelError> {
        let mut body = self.new_message(post);
        if let Some(under) = under(message_id) {
            body["reply_parameters"] = under;
        }
        if audience == Audience::Quiet {
            body["disable_notification"] = true.into();
        }
        self.sent(body).await
    }

    /// Sends a picture as a reply, without a sound, with the post's text as its caption (<https://core.telegram.org/bots/api#sendphoto>).
    ///
    /// # Errors
    /// If Telegram did not take it.
    pub async fn picture(
        &self,
        message_id: Option<&str>,
        picture: &Picture,
        post: &Post,
    ) -> Result<String, ChannelError> {
        let photo = Part::bytes(picture.png.clone())
            .file_name(picture.name.clone())
            .mime_str("image/png")
            .map_err(|error| ChannelError::Unreachable(outbound::reason(error)))?;
        let mut form = Form::new()
            .text("chat_id", self.chat_id.to_string())
            .text("caption", post.content.text.telegram())
            .text("parse_mode", "HTML")
            .text("disable_notification", "true")
            .part("photo", photo);
        if let Some(topic) = self.chat.message_thread_id {
            form = form.text("message_thread_id", topic.to_string());
        }
        if let Some(under) = under(message_id) {
            form = form.text("reply_parameters", under.to_string());
        }
        let result = self
            .request("sendPhoto", |call| call.multipart(form))
            .await?;
        message_id_of(&result, "sendPhoto")
    }

    /// Replaces what a message shows. A message that shows it already is a success.
    ///
    /// # Errors
    /// [`ChannelError::Gone`] if the message is not there any more; others if Telegram did not take it.
    pub async fn edit(&self, message_id: &str, post: &Post) -> Result<(), ChannelError> {
        let mut body = self.body(post);
        body["message_id"] = message_id.parse::<i64>().map_or(Value::Null, Value::from);
        match self.call("editMessageText", body).await {
            Err(ChannelError::Refused { why, .. }) if why.contains("message is not modified") => {
                Ok(())
            }
            answered => answered.map(drop),
        }
    }

    /// The body of a new message, which goes to the channel's topic. An edit names no topic: the
    /// message has its own.
    fn new_message(&self, post: &Post) -> Value {
        let mut body = self.body(post);
        if let Some(topic) = self.chat.message_thread_id {
            body["message_thread_id"] = topic.into();
        }
        body
    }

    async fn sent(&self, body: Value) -> Result<String, ChannelError> {
        let result = self.call("sendMessage", body).await?;
        message_id_of(&result, "sendMessage")
    }

    fn body(&self, post: &Post) -> Value {
        let button = |button: &crate::render::content::Button| json!({ "text": button.label, "callback_data": button.ask.to_string() });
        let mut rows: Vec<Value> = post
            .content
            .buttons
            .iter()
            .map(|row| row.iter().map(button).collect())
            .collect();
        // Buttons, because a link in a long text may be cut. They send nothing to the webhook
        // (https://core.telegram.org/bots/api#inlinekeyboardbutton).
        let page = |link: &Link| json!({ "text": link.label, "url": link.url });
        rows.extend(
            (!post.envelope.links.is_empty())
                .then(|| post.envelope.links.iter().map(page).collect()),
        );
        json!({
            "chat_id": self.chat_id,
            "text": post.content.text.telegram(),
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
            "reply_markup": { "inline_keyboard": rows },
        })
    }

    async fn call(&self, method: &str, body: Value) -> Result<Value, ChannelError> {
        self.request(method, |call| call.json(&body)).await
    }

    async fn request(
        &self,
        method: &str,
        with_body: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Value, ChannelError> {
        let own = self.chat.token_secret.as_ref();
        let token = own.unwrap_or(&self.outside.telegram_token);
        let token = self.outside.secrets.get(token).await?;
        let url = format!(
            "{}/bot{}/{method}",
            self.chat.api_url.as_deref().unwrap_or(API),
            token.expose_secret()
        );
        // An error of the client quotes the URL, and with it the token.
        let unreachable =
            |error: reqwest::Error| ChannelError::Unreachable(outbound::reason(error));
        let call = self.outside.client.post(url).timeout(CALL_TIMEOUT);
        let response = with_body(call).send().await.map_err(unreachable)?;
        let status = response.status();
        let read = outbound::body(response, LARGEST_ANSWER)
            .await
            .map_err(|error| ChannelError::Unreachable(error.to_string()))?;
        // A proxy in between may answer in Telegram's place, with a page of its own.
        let answer: Answer = serde_json::from_slice(&read).map_err(|_| {
            ChannelError::Unreachable(format!(
                "its answer ({}) is none of the Bot API's",
                status.as_u16()
            ))
        })?;
        if answer.ok {
            Ok(answer.result.unwrap_or_default())
        } else {
            Err(error(status, answer))
        }
    }
}

/// The message to reply to, if it is still there.
fn under(message_id: Option<&str>) -> Option<Value> {
    let id: i64 = message_id?.parse().ok()?;
    Some(json!({ "message_id": id, "allow_sending_without_reply": true }))
}

fn message_id_of(result: &Value, method: &str) -> Result<String, ChannelError> {
    let id = result.get("message_id").and_then(Value::as_i64);
    id.map(|id| id.to_string()).ok_or_else(|| {
        ChannelError::Unreachable(format!("its answer to {method} has no message_id"))
    })
}

/// What an error of the Bot API means (<https://core.telegram.org/bots/api#making-requests>). Telegram documents the parameters, not the
/// descriptions, which are those of its service.
fn error(status: StatusCode, answer: Answer) -> ChannelError {
    let parameters = answer.parameters.unwrap_or(Parameters {
        retry_after: None,
        migrate_to_chat_id: None,
    });
    let why = cut(&answer.description.unwrap_or_default(), WORDS);
    let says = |words: &[&str]| {
        words
            .iter()
            .any(|words| why.to_ascii_lowercase().contains(words))
    };
    if let Some(chat_id) = parameters.migrate_to_chat_id {
        ChannelError::Moved { chat_id }
    } else if status == StatusCode::TOO_MANY_REQUESTS {
        ChannelError::Busy {
            seconds: parameters.retry_after.unwrap_or(1),
        }
    } else if status.is_server_error() {
        ChannelError::Unreachable(format!("it answered {}: {why}", status.as_u16()))
    } else if says(&["can't parse entities"]) {
        ChannelError::Markup(why)
    } else if says(&[
        "message to edit not found",
        "message can't be edited",
        "message_id_invalid",
    ]) {
        ChannelError::Gone
    } else {
        let why = advice(&why).map_or(why.clone(), |advice| format!("{why}: {advice}"));
        ChannelError::Refused {
            status: status.as_u16(),
            why,
        }
    }
}

/// What an operator does about a refusal that says little by itself.
fn advice(why: &str) -> Option<&'static str> {
    let why = why.to_ascii_lowercase();
    // Of https://core.telegram.org/bots/api#sendmessage: the topic was deleted, or the group has no topics any more.
    if why.contains("message thread not found") || why.contains("topic_deleted") {
        Some("the topic is not there any more: name another message_thread_id, or none")
    } else if why.contains("topic_closed") {
        Some("the topic is closed: open it again, or let the bot manage topics")
    } else {
        None
    }
}

#[cfg(test)]
#[path = "telegram_tests.rs"]
mod tests;
