//! Microsoft Teams client of a channel: Adaptive Cards to a workflow that posts what its webhook gets
//! (<https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498>).

use std::time::Duration;

use domain::notification::channels::TeamsWorkflow;
use domain::primitives::safe_text;
use outbound::{PublicClient, Reach};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ChannelError;
use crate::render::content::Post;
use crate::render::markup::Markup;

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// The most bytes of a message, a little less than the 28 KB that Teams takes
/// (<https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions>).
const LARGEST: usize = 27_000;
/// How much of an answer is read, in bytes, and shown, in characters.
const READ: usize = 16 << 10;
const SHOWN: usize = 300;
/// The header with the id of the workflow's run, by which its owner finds it in the workflow's history.
const RUN_ID: &str = "x-ms-workflow-run-id";

/// A workflow of Teams. It answers before it posts, and nobody learns the id of the message: what it has posted cannot be edited or
/// replied to.
#[derive(Debug)]
pub struct Teams {
    reach: Reach,
    private: bool,
}

/// An error of Azure Logic Apps, in which workflows run.
#[derive(Deserialize)]
struct Answer {
    error: Problem,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Teams {
    /// A workflow as the operator's file names it. Unless it is private, it is called with the client that reaches public addresses only.
    pub fn new(anywhere: &Client, public: &PublicClient, workflow: &TeamsWorkflow) -> Self {
        Self {
            reach: Reach::of(workflow.private, anywhere, public),
            private: workflow.private,
        }
    }

    /// Sends a message; the id of the workflow's run, or the post's key if there is none.
    ///
    /// # Errors
    /// If the workflow did not take it. No text of an error has the URL, which is a secret (`secrets-stay`).
    pub async fn send(&self, url: &SecretString, post: &Post) -> Result<String, ChannelError> {
        let nothing_sent = |why: String| ChannelError::Refused { status: 0, why };
        let url = self.url(url).map_err(|why| nothing_sent(why.to_owned()))?;
        let call = self
            .reach
            .request(Method::POST, &url)
            .map_err(|refusal| nothing_sent(refusal.to_string()))?;
        match call.timeout(CALL_TIMEOUT).json(&message(post)).send().await {
            Ok(response) => outcome(response, &url, &post.key).await,
            Err(error) => Err(match outbound::refusal(&error) {
                Some(refusal) => nothing_sent(refusal.to_string()),
                None => ChannelError::Unreachable(outbound::reason(error)),
            }),
        }
    }

    fn url(&self, secret: &SecretString) -> Result<Url, &'static str> {
        let url = Url::parse(secret.expose_secret().trim())
            .map_err(|_| "its secret is no URL: put the workflow's there")?;
        if url.scheme() == "https" || (self.private && url.scheme() == "http") {
            Ok(url)
        } else {
            Err("the URL in its secret has to begin with https://")
        }
    }
}

/// A message with one card, as the template's workflow takes it. What does not fit into it is cut, at the end.
fn message(post: &Post) -> Value {
    let mut text = post.content.text.clone();
    loop {
        let message = with_text(&text, post);
        let units = text.units();
        if message.to_string().len() <= LARGEST || units < 2 {
            return message;
        }
        text = text.cut(units / 4 * 3);
    }
}

fn with_text(text: &Markup, post: &Post) -> Value {
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "body": text.adaptive(), "msteams": { "width": "Full" },
    });
    let links = post.envelope.links.iter();
    let actions: Vec<Value> = links
        .map(|link| json!({ "type": "Action.OpenUrl", "title": link.label, "url": link.url }))
        .collect();
    if !actions.is_empty() {
        card["actions"] = actions.into();
    }
    json!({
        "type": "message",
        "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card }],
    })
}

/// What an answer means (<https://learn.microsoft.com/azure/connectors/connectors-native-reqres>): 202 says that the workflow has begun.
async fn outcome(response: Response, url: &Url, key: &str) -> Result<String, ChannelError> {
    let status = response.status();
    if status.is_success() {
        let run = response.headers().get(RUN_ID);
        let run = run.and_then(|id| id.to_str().ok()).unwrap_or(key);
        return Ok(safe_text::line(run, SHOWN));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ChannelError::Busy {
            seconds: super::error::wait(response.headers().get(RETRY_AFTER)),
        });
    }
    let read = outbound::body(response, READ).await.unwrap_or_default();
    let said = match serde_json::from_slice::<Answer>(&read) {
        Ok(Answer { error }) => format!("{}: {}", error.code, error.message),
        Err(_) => String::from_utf8_lossy(&read).into_owned(),
    };
    let said = safe_text::line(&without_signature(&said, url), SHOWN);
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Err(ChannelError::Unreachable(format!(
            "status {}: {said}",
            status.as_u16()
        )));
    }
    let why = match advice(status) {
        Some(advice) => format!("{said}: {advice}"),
        None => said,
    };
    Err(ChannelError::Refused {
        status: status.as_u16(),
        why,
    })
}

/// An answer may repeat the URL that was called.
fn without_signature(text: &str, url: &Url) -> String {
    let secret = url.query_pairs().filter(|(name, _)| name == "sig");
    let mut text = text.to_owned();
    for (_, value) in secret.filter(|(_, value)| !value.is_empty()) {
        text = text.replace(&*value, "…");
    }
    match url.query().filter(|query| !query.is_empty()) {
        Some(query) => text.replace(query, "…"),
        None => text,
    }
}

/// What an operator does about a refusal.
fn advice(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(
            "the signature of the URL does not hold, or the workflow is not open to anyone: copy its URL of now into the secret",
        ),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            Some("the workflow was deleted: put the URL of another one into the secret")
        }
        StatusCode::BAD_REQUEST => Some(
            "turn the workflow on, and keep the trigger and the action of its template as they were",
        ),
        status if status.is_redirection() => {
            Some("redirects are not followed: put the new URL into the secret")
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "teams_tests.rs"]
mod tests;
