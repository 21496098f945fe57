//! Webhooks as PagerDuty sends them (<https://developer.pagerduty.com/docs/webhooks-overview>).

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::alert::unique;
use crate::stack::Stack;

/// The user who is one of the people of the stack's `channels.json`, as grace.
pub const USER: &str = "PLH1HKV";

/// A webhook about an incident, as PagerDuty sends it once a user has done something there.
#[derive(Debug, Clone)]
pub struct Callback {
    body: Value,
    key: Option<String>,
}

impl Callback {
    /// The user of the stack has done this to the incident with this key.
    #[must_use]
    pub fn of(event_type: &str, incident_key: &str) -> Self {
        let page = |what: &str, id: &str| {
            json!({
                "html_url": format!("https://acme.pagerduty.com/{what}s/{id}"), "id": id,
                "self": format!("https://api.pagerduty.com/{what}s/{id}"), "summary": id, "type": format!("{what}_reference"),
            })
        };
        let body = json!({ "event": {
            "id": unique("event"), "event_type": event_type, "resource_type": "incident", "occurred_at": Timestamp::now(),
            "agent": page("user", USER), "client": null,
            "data": {
                "id": "Q2CKYRLH85UNN4", "type": "incident", "self": "https://api.pagerduty.com/incidents/Q2CKYRLH85UNN4",
                "html_url": "https://acme.pagerduty.com/incidents/Q2CKYRLH85UNN4", "number": 37,
                "status": event_type.trim_start_matches("incident."), "incident_key": incident_key,
                "created_at": Timestamp::now(), "title": "DiskSpaceLow", "service": page("service", "PF9KMXH"),
                "assignees": [page("user", USER)], "teams": [], "priority": null, "urgency": "high",
                "conference_bridge": null, "resolve_reason": null,
            },
        } });
        Self { body, key: None }
    }

    /// The same with another value at a place of the event.
    ///
    /// # Panics
    /// If there is no such place.
    #[must_use]
    pub fn with(mut self, place: &str, value: Value) -> Self {
        *self.body["event"].pointer_mut(place).expect("it is there") = value;
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

    /// The body as PagerDuty sends it.
    #[must_use]
    pub fn text(&self) -> String {
        self.body.to_string()
    }

    /// As a request to the deployed API.
    pub fn request(&self, stack: &Stack) -> RequestBuilder {
        let key = self
            .key
            .as_ref()
            .unwrap_or(&stack.facts.secrets["pagerduty_webhook"]);
        let signature = sign(key, self.text().as_bytes());
        self.unsigned(stack)
            .header("X-PagerDuty-Signature", signature)
    }

    /// The same without its signature.
    pub fn unsigned(&self, stack: &Stack) -> RequestBuilder {
        let request = stack.http.post(stack.url("webhooks/pagerduty"));
        request
            .header("content-type", "application/json")
            .body(self.text())
    }
}

/// The signature of a body, as PagerDuty writes it into `X-PagerDuty-Signature`.
///
/// # Panics
/// Never: a key of any length will do.
#[must_use]
pub fn sign(key: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(body);
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}
