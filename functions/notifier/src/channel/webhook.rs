//! Webhook client of a channel, signed as Standard Webhooks specifies
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use std::fmt;
use std::time::Duration;

use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine as _};
use domain::notification::channels;
use domain::primitives::safe_text;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use outbound::{self, PublicClient, Reach};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::error::ChannelError;
use crate::render::content::Post;

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// How much of an answer to a webhook that was not taken is read, in bytes, and shown, in characters.
const READ: usize = 16 << 10;
const SHOWN: usize = 200;
/// Keys may come with their padding or without.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// With what a webhook is signed: during a rotation, with the key before the current one too.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// `whsec_` and 24 to 64 bytes in base64.
    pub current: &'a SecretString,
    /// The one before it. What is no key is left out.
    pub previous: Option<&'a SecretString>,
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// A server that gets webhooks. It knows a message by the key under which it was sent.
#[derive(Debug)]
pub struct Webhook {
    reach: Reach,
    url: String,
}

impl Webhook {
    /// A server as the operator's file names it. Unless it is private, it is called with the client that reaches public addresses only.
    pub fn new(anywhere: &Client, public: &PublicClient, webhook: &channels::Webhook) -> Self {
        Self {
            reach: Reach::of(webhook.private, anywhere, public),
            url: webhook.url.clone(),
        }
    }

    /// Sends a webhook; its key.
    ///
    /// # Errors
    /// If the server did not take it. It may be sent again under the same key: the server drops what it has.
    pub async fn send(
        &self,
        keys: Keys<'_>,
        now: Timestamp,
        post: &Post,
    ) -> Result<String, ChannelError> {
        self.call(keys, now, post, Map::new()).await?;
        Ok(post.key.clone())
    }

    /// Sends the new state of a message, as a webhook of its own that names the message as `replaces`.
    ///
    /// # Errors
    /// If the server did not take it.
    pub async fn edit(
        &self,
        keys: Keys<'_>,
        now: Timestamp,
        message_id: &str,
        post: &Post,
    ) -> Result<(), ChannelError> {
        self.call(
            keys,
            now,
            post,
            Map::from_iter([("replaces".to_owned(), Value::from(message_id))]),
        )
        .await
    }

    /// Sends an answer to a message, which it names as `under`.
    ///
    /// # Errors
    /// If the server did not take it.
    pub async fn reply(
        &self,
        keys: Keys<'_>,
        now: Timestamp,
        under: Option<&str>,
        post: &Post,
    ) -> Result<(), ChannelError> {
        self.call(
            keys,
            now,
            post,
            under
                .map(|id| ("under".to_owned(), Value::from(id)))
                .into_iter()
                .collect(),
        )
        .await
    }

    async fn call(
        &self,
        keys: Keys<'_>,
        now: Timestamp,
        post: &Post,
        more: Map<String, Value>,
    ) -> Result<(), ChannelError> {
        let nothing_sent = |why: String| ChannelError::Refused { status: 0, why };
        let body = body(post, now, more);
        let signatures = signatures(keys, &post.key, now.as_second(), &body).ok_or_else(|| {
            nothing_sent(
                "its key is not whsec_ and 24 to 64 bytes in base64: put one there that is"
                    .to_owned(),
            )
        })?;
        let call = self.begin().map_err(nothing_sent)?;
        let call = call
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &post.key)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", signatures)
            .timeout(CALL_TIMEOUT)
            .body(body);
        match call.send().await {
            Ok(response) => outcome(response).await,
            Err(error) => Err(match outbound::refusal(&error) {
                Some(refusal) => nothing_sent(refusal.to_string()),
                None => ChannelError::Unreachable(outbound::reason(error)),
            }),
        }
    }

    fn begin(&self) -> Result<RequestBuilder, String> {
        let url = Url::parse(&self.url).map_err(|error| format!("its URL is none: {error}"))?;
        self.reach
            .request(Method::POST, &url)
            .map_err(|refusal| refusal.to_string())
    }
}

fn body(post: &Post, now: Timestamp, more: Map<String, Value>) -> Vec<u8> {
    let mut data = post.facts.as_object().cloned().unwrap_or_default();
    data.insert("text".to_owned(), Value::from(post.content.text.plain()));
    data.extend(more);
    let body = json!({ "type": format!("quell.{}.v1", post.about), "timestamp": now.to_string(), "data": data });
    body.to_string().into_bytes()
}

/// The value of `webhook-signature`; nothing if the current key is none.
fn signatures(keys: Keys<'_>, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let current = sign(&key(keys.current)?, id, seconds, body);
    let previous = keys
        .previous
        .and_then(key)
        .map(|previous| sign(&previous, id, seconds, body));
    Some(
        previous
            .filter(|previous| *previous != current)
            .map_or(current.clone(), |previous| format!("{current} {previous}")),
    )
}

fn key(secret: &SecretString) -> Option<Vec<u8>> {
    let key = DECODER
        .decode(secret.expose_secret().strip_prefix("whsec_")?)
        .ok()?;
    (24..=64).contains(&key.len()).then_some(key)
}

fn sign(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn outcome(response: Response) -> Result<(), ChannelError> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER);
    if status.is_success() {
        return Ok(());
    }
    if status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::SERVICE_UNAVAILABLE && retry_after.is_some())
    {
        return Err(ChannelError::Busy {
            seconds: super::error::wait(retry_after),
        });
    }
    if status.is_redirection() {
        return Err(ChannelError::Refused {
            status: status.as_u16(),
            why: "redirects are not followed: name the new URL".to_owned(),
        });
    }
    let answer = outbound::body(response, READ).await.unwrap_or_default();
    let said = safe_text::line(&String::from_utf8_lossy(&answer), SHOWN);
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Err(ChannelError::Unreachable(format!(
            "status {}: {said}",
            status.as_u16()
        )));
    }
    let why = if status == StatusCode::GONE {
        format!("it wants no more webhooks: {said}")
    } else {
        said
    };
    Err(ChannelError::Refused {
        status: status.as_u16(),
        why,
    })
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
