//! Slack client of a channel: the Web API calls that cards need, with the documented errors that
//! matter to them.

mod blocks;
mod files;

use std::time::Duration;

use domain::notification::channels::SlackChannel;
use domain::primitives::safe_text;
use domain::primitives::safe_text::cut;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use self::blocks::escaped;
use super::error::{Audience, ChannelError};
use crate::render::content::Post;

/// Where the Web API is, unless the operator says otherwise.
const WEB_API: &str = "https://slack.com/api";
/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest answer that is read, in bytes: a hundred messages with their blocks.
const LONGEST_ANSWER: usize = 8 << 20;
/// The most characters of the text for notifications and screen readers (<https://docs.slack.dev/reference/methods/chat.postMessage>).
const LONGEST_FALLBACK: usize = 3000;
/// Under which name a message holds its key (<https://docs.slack.dev/messaging/message-metadata/>).
const EVENT: &str = "quell_card";
/// How many messages are looked through for one that was sent.
const LOOKED_THROUGH: u32 = 100;

/// A channel of Slack. Its messages are known by their `ts`.
#[derive(Debug)]
pub struct Slack {
    client: Client,
    base_url: String,
    channel: String,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    error: String,
    /// The scope that was missed.
    needed: Option<String>,
    ts: Option<String>,
    #[serde(default)]
    messages: Vec<Message>,
    /// Where the bytes of a file go, and the id of the file.
    upload_url: Option<String>,
    file_id: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    ts: String,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    event_type: String,
    event_payload: Value,
}

impl Slack {
    /// A channel as the operator's file names it.
    pub fn new(client: Client, channel: &SlackChannel) -> Self {
        let base_url = channel
            .api_url
            .clone()
            .unwrap_or_else(|| WEB_API.to_owned());
        Self {
            client,
            base_url,
            channel: channel.channel_id.clone(),
        }
    }

    /// Sends a message; its `ts`.
    ///
    /// # Errors
    /// If Slack did not take it. After [`ChannelError::Unreachable`] it may be there all the same: [`Self::find`] looks for it.
    pub async fn send(&self, token: &SecretString, post: &Post) -> Result<String, ChannelError> {
        self.post(token, post, None).await
    }

    /// Replaces what a message shows. A message that shows it already is a success.
    ///
    /// # Errors
    /// [`ChannelError::Gone`] if the message cannot be edited any more; others if Slack did not take it.
    pub async fn edit(
        &self,
        token: &SecretString,
        message_id: &str,
        post: &Post,
    ) -> Result<(), ChannelError> {
        let mut body = self.body(post);
        body["ts"] = Value::from(message_id);
        // The metadata stays what it was: the key under which the message was sent.
        self.call(token, "chat.update", &body).await.map(|_| ())
    }

    /// Answers in the thread of a message; without one, or below one that was deleted, in the channel. A reply in a thread is seen by its
    /// followers alone: what is for everybody is shown in the channel as well.
    ///
    /// # Errors
    /// If Slack did not take it.
    pub async fn reply(
        &self,
        token: &SecretString,
        under: Option<&str>,
        post: &Post,
        audience: Audience,
    ) -> Result<String, ChannelError> {
        match self.post(token, post, under.map(|ts| (ts, audience))).await {
            Err(ChannelError::Gone) if under.is_some() => self.post(token, post, None).await,
            answered => answered,
        }
    }

    /// The message of this key among the last hundred of the channel.
    ///
    /// # Errors
    /// If Slack did not answer.
    pub async fn find(
        &self,
        token: &SecretString,
        key: &str,
    ) -> Result<Option<String>, ChannelError> {
        let url = format!(
            "{}/conversations.history?channel={}&limit={LOOKED_THROUGH}&include_all_metadata=true",
            self.base_url, self.channel
        );
        let answer = answer(self.client.get(url).bearer_auth(token.expose_secret())).await?;
        let is_it = |metadata: &Metadata| {
            metadata.event_type == EVENT && metadata.event_payload["key"] == key
        };
        Ok(answer
            .messages
            .into_iter()
            .find(|message| message.metadata.as_ref().is_some_and(is_it))
            .map(|message| message.ts))
    }

    /// Sends an ephemeral message, which only one member of the channel sees.
    ///
    /// # Errors
    /// If Slack did not take it.
    pub async fn whisper(
        &self,
        token: &SecretString,
        user: &str,
        words: &str,
    ) -> Result<(), ChannelError> {
        let body = json!({ "channel": self.channel, "user": user, "text": escaped(&cut(words, LONGEST_FALLBACK)) });
        self.call(token, "chat.postEphemeral", &body)
            .await
            .map(|_| ())
    }

    async fn post(
        &self,
        token: &SecretString,
        post: &Post,
        under: Option<(&str, Audience)>,
    ) -> Result<String, ChannelError> {
        let mut body = self.body(post);
        body["metadata"] = json!({ "event_type": EVENT, "event_payload": { "key": post.key } });
        body["unfurl_links"] = Value::from(false);
        body["unfurl_media"] = Value::from(false);
        // `thread_ts` and `reply_broadcast`: https://docs.slack.dev/reference/methods/chat.postMessage
        if let Some((ts, audience)) = under {
            body["thread_ts"] = Value::from(ts);
            if audience == Audience::Everybody {
                body["reply_broadcast"] = Value::from(true);
            }
        }
        let answer = self.call(token, "chat.postMessage", &body).await?;
        answer.ts.ok_or_else(|| {
            ChannelError::Unreachable("Slack's answer to chat.postMessage has no ts".to_owned())
        })
    }

    fn body(&self, post: &Post) -> Value {
        let fallback = escaped(&cut(&post.content.text.plain(), LONGEST_FALLBACK));
        // Without `parse`, an edit would turn names and addresses in the texts of others into mentions and links; a new message would not.
        json!({ "channel": self.channel, "text": fallback, "parse": "none", "blocks": blocks::of(&post.content, &post.envelope.links) })
    }

    async fn call(
        &self,
        token: &SecretString,
        method: &str,
        body: &Value,
    ) -> Result<Answer, ChannelError> {
        let call = self
            .client
            .post(format!("{}/{method}", self.base_url))
            .bearer_auth(token.expose_secret());
        // Slack warns of JSON that does not name its character set.
        answer(
            call.header(CONTENT_TYPE, "application/json; charset=utf-8")
                .json(body),
        )
        .await
    }
}

async fn answer(call: RequestBuilder) -> Result<Answer, ChannelError> {
    let unreachable = |error| ChannelError::Unreachable(outbound::reason(error));
    let response = call
        .timeout(CALL_TIMEOUT)
        .send()
        .await
        .map_err(unreachable)?;
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ChannelError::Busy {
            seconds: super::error::wait(response.headers().get(RETRY_AFTER)),
        });
    }
    if status.is_redirection() || status.is_server_error() {
        return Err(ChannelError::Unreachable(format!(
            "status {}",
            status.as_u16()
        )));
    }
    let body = outbound::body(response, LONGEST_ANSWER)
        .await
        .map_err(|error| ChannelError::Unreachable(error.to_string()))?;
    match serde_json::from_slice::<Answer>(&body) {
        Ok(answer) if answer.ok => Ok(answer),
        Ok(answer) => Err(refusal(status, &answer)),
        Err(_) => Err(ChannelError::Unreachable(format!(
            "status {}, and the answer is none of Slack's",
            status.as_u16()
        ))),
    }
}

/// What an error means for a card (<https://docs.slack.dev/reference/methods/chat.postMessage#errors>, and those of `chat.update`).
fn refusal(status: StatusCode, answer: &Answer) -> ChannelError {
    let error = safe_text::line(&answer.error, 100);
    match answer.error.as_str() {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => ChannelError::Busy {
            seconds: super::error::DEFAULT_WAIT,
        },
        "message_not_found"
        | "cant_update_message"
        | "edit_window_closed"
        | "thread_not_found"
        | "cannot_reply_to_message" => ChannelError::Gone,
        "invalid_blocks" | "invalid_blocks_format" | "msg_too_long" | "msg_blocks_too_long" => {
            ChannelError::Markup(error)
        }
        "internal_error"
        | "fatal_error"
        | "request_timeout"
        | "service_unavailable"
        | "team_added_to_org"
        | "ekm_access_denied" => ChannelError::Unreachable(error),
        _ => {
            let why = match &answer.needed {
                Some(scope) => format!(
                    "{error}: the app needs the scope {}",
                    safe_text::line(scope, 100)
                ),
                None => error,
            };
            ChannelError::Refused {
                status: status.as_u16(),
                why,
            }
        }
    }
}

#[cfg(test)]
#[path = "slack/slack_tests.rs"]
mod tests;
