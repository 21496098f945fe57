//! PagerDuty client of a channel: events of the Events API v2
//! (<https://developer.pagerduty.com/docs/send-alert-event>), as few as PagerDuty needs to know how
//! far the work on an incident is.

use std::time::Duration;

use domain::analysis::Severity;
use domain::notification::channels::PagerDutyService;
use domain::notification::progress::Progress;
use domain::primitives::safe_text;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ChannelError;
use crate::render::content::Post;

/// Where the Events API answers.
const API: &str = "https://events.pagerduty.com";
/// How long a call may take. Two of them may be needed, in the time of one ([`actions`]).
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// The longest summary, in characters.
const LONGEST_SUMMARY: usize = 1024;
/// The longest text among the details, in characters: an event may have 512 KB.
const LONGEST_TEXT: usize = 10_000;
/// How much of an answer is read, in bytes, and shown, in characters.
const READ: usize = 16 << 10;
const SHOWN: usize = 300;
/// The severity of a trouble. Where a service notifies by severity, it has a low urgency: it wakes no one, and waits for whoever looks
/// (<https://support.pagerduty.com/main/docs/dynamic-notifications>).
const TROUBLE_SEVERITY: &str = "warning";
/// What PagerDuty calls the sender of an event.
const CLIENT: &str = "Quell";

/// What an event does to the alert of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Opens it, and pages; what is open already gets another entry in its log, and nobody is paged again.
    Trigger,
    Acknowledge,
    /// Closes it. A later trigger opens another one.
    Resolve,
}

impl Action {
    /// Its name in an event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
        }
    }
}

/// The events that bring PagerDuty from what it knows to what is true now. Each of them may be sent again: an event for an alert
/// that is open changes nothing but its log, and one for an alert that is closed is dropped
/// (<https://developer.pagerduty.com/docs/events-api-v2-overview#deduplication>).
pub fn actions(known: Option<Progress>, now: Option<Progress>) -> &'static [Action] {
    use Action::{Acknowledge, Resolve, Trigger};
    use Progress::{Expired, InHand, Resolved, Waits};
    match (known, now) {
        // What never needed people pages nobody.
        (None, Some(InHand | Resolved)) => &[],
        // Whether it is over is not known: a person closes the page.
        (_, None | Some(Expired)) => &[],
        (known, now) if known == now => &[],
        // An acknowledged alert pages nobody any more, and another trigger does not change that.
        // What has expired may have been acknowledged before.
        (Some(InHand | Expired), Some(Waits(_))) => &[Resolve, Trigger],
        (_, Some(Waits(_))) => &[Trigger],
        (Some(Waits(_)), Some(InHand)) => &[Acknowledge],
        // It fires again, and is repaired at once: it pages if that fails.
        (Some(_), Some(InHand)) => &[],
        (Some(_), Some(Resolved)) => &[Resolve],
    }
}

/// A service of PagerDuty. An incident is known by its id.
#[derive(Debug)]
pub struct PagerDuty {
    client: Client,
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<String>,
}

impl PagerDuty {
    /// A service as the operator's file names it.
    pub fn new(client: Client, service: &PagerDutyService) -> Self {
        let base_url = service.api_url.as_deref().unwrap_or(API);
        Self {
            client,
            url: format!("{base_url}/v2/enqueue"),
        }
    }

    /// Sends the events that a post needs; the key of its alert.
    ///
    /// # Errors
    /// If PagerDuty did not take one of them. All of them may be sent again.
    pub async fn update(&self, key: &SecretString, post: &Post) -> Result<String, ChannelError> {
        let alert = post.facts["incident_id"].as_str().unwrap_or(&post.key);
        for action in actions(post.envelope.known, post.envelope.progress) {
            let event = event(*action, key.expose_secret().trim(), alert, post);
            self.send(&event).await?;
        }
        Ok(alert.to_owned())
    }

    /// Opens an alert of a trouble, or adds to the one that is open: each trouble has one, which a person closes. The key of its alert.
    ///
    /// # Errors
    /// If PagerDuty did not take it. It may be sent again.
    pub async fn warn(&self, key: &SecretString, post: &Post) -> Result<String, ChannelError> {
        let fact = |name: &str| post.facts[name].as_str().unwrap_or_default();
        let alert = format!("trouble:{}:{}", fact("problem"), fact("channel"));
        let mut event = json!({
            "routing_key": key.expose_secret().trim(), "event_action": Action::Trigger.as_str(), "dedup_key": alert, "client": CLIENT,
            "payload": {
                "summary": safe_text::line(&post.content.text.plain(), LONGEST_SUMMARY),
                "source": CLIENT,
                "severity": TROUBLE_SEVERITY,
                "class": fact("problem"),
                "custom_details": post.facts,
            },
        });
        if !fact("channel").is_empty() {
            event["payload"]["component"] = fact("channel").into();
        }
        self.send(&event).await?;
        Ok(alert)
    }

    async fn send(&self, event: &Value) -> Result<(), ChannelError> {
        let call = self.client.post(&self.url).timeout(CALL_TIMEOUT);
        let answered = call.json(event).send().await;
        let response =
            answered.map_err(|error| ChannelError::Unreachable(outbound::reason(error)))?;
        outcome(response).await
    }
}

fn event(action: Action, key: &str, alert: &str, post: &Post) -> Value {
    let mut event = json!({
        "routing_key": key, "event_action": action.as_str(), "dedup_key": alert,
    });
    if action == Action::Trigger {
        event["client"] = CLIENT.into();
        event["payload"] = payload(post);
        let links = post.envelope.links.iter();
        event["links"] = links
            .map(|link| json!({ "href": link.url, "text": link.label }))
            .collect();
    }
    event
}

fn payload(post: &Post) -> Value {
    let fact = |name: &str| safe_text::line(post.facts[name].as_str().unwrap_or_default(), 255);
    let severity = match post.envelope.progress {
        Some(Progress::Waits(severity)) => severity,
        _ => Severity::P3,
    };
    // A summary and a source are required. A storm has no target of its own.
    let source = Some(fact("target"))
        .filter(|target| !target.is_empty())
        .unwrap_or_else(|| CLIENT.to_owned());
    let words = [
        fact("severity"),
        fact("name"),
        fact("target"),
        post.facts["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    ];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let mut details = post.facts.clone();
    details["text"] = safe_text::cut(&post.content.text.plain(), LONGEST_TEXT).into();
    let mut payload = json!({
        "summary": safe_text::line(&words.join(" · "), LONGEST_SUMMARY),
        "source": source,
        "severity": severity_word(severity),
        "timestamp": post.facts["opened_at"],
        "component": fact("target"),
        "class": fact("name"),
        "custom_details": details,
    });
    let namespace = fact("namespace");
    if !namespace.is_empty() {
        payload["group"] = namespace.into();
    }
    payload
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::P0 => "critical",
        Severity::P1 => "error",
        Severity::P2 => "warning",
        Severity::P3 => "info",
    }
}

/// What an answer means (<https://developer.pagerduty.com/docs/events-api-v2-overview#response-codes--retry-logic>).
async fn outcome(response: Response) -> Result<(), ChannelError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ChannelError::Busy {
            seconds: super::error::wait(response.headers().get(RETRY_AFTER)),
        });
    }
    let read = outbound::body(response, READ).await.unwrap_or_default();
    let said = match serde_json::from_slice::<Answer>(&read) {
        Ok(Answer { message, errors }) => [vec![message], errors].concat().join(": "),
        Err(_) => String::from_utf8_lossy(&read).into_owned(),
    };
    let said = safe_text::line(&said, SHOWN);
    // A proxy in between may redirect to a page of its own.
    if status.is_server_error() || status.is_redirection() {
        return Err(ChannelError::Unreachable(format!(
            "status {}: {said}",
            status.as_u16()
        )));
    }
    let why = if said.contains("routing_key") {
        format!("{said}: put the integration key of the service into the secret")
    } else {
        said
    };
    Err(ChannelError::Refused {
        status: status.as_u16(),
        why,
    })
}

#[cfg(test)]
#[path = "pagerduty_tests.rs"]
mod tests;
