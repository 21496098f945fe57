//! PagerDuty stand-in on loopback: takes events as the Events API v2 documents
//! (<https://developer.pagerduty.com/docs/events-api-v2-overview>), and keeps the alerts that they open.

use std::sync::{Arc, Mutex};

use loopback::{Reply, Request, Server, answer};
use serde_json::{Value, json};

/// Its integration key.
pub const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";
/// The most bytes of an event.
const LARGEST: usize = 512 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Triggered,
    Acknowledged,
    Resolved,
}

/// An alert, as an event has opened it.
#[derive(Debug, Clone)]
pub struct Alert {
    pub dedup_key: String,
    pub state: State,
    /// The last trigger that it got.
    pub event: Value,
}

#[derive(Debug, Default)]
struct Account {
    alerts: Vec<Alert>,
    /// Answers of the next events, instead of taking them.
    faults: Vec<(u16, &'static [(&'static str, &'static str)])>,
}

#[derive(Debug)]
pub struct PagerDuty {
    server: Server,
    account: Arc<Mutex<Account>>,
}

impl PagerDuty {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        let account: Arc<Mutex<Account>> = Arc::default();
        let kept = Arc::clone(&account);
        let server = Server::start(move |request, _| {
            kept.lock().expect("nobody panics with it").take(request)
        });
        Self { server, account }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// It answers so to the next events, and does not take them.
    ///
    /// # Panics
    /// If the server has panicked.
    pub fn fail(&self, times: usize, status: u16, headers: &'static [(&str, &str)]) {
        let mut account = self.account.lock().expect("nobody panics with it");
        account.faults.extend(vec![(status, headers); times]);
    }

    /// All alerts, as they were opened. Each of them has paged.
    ///
    /// # Panics
    /// If the server has panicked.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        let account = self.account.lock().expect("nobody panics with it");
        account.alerts.clone()
    }

    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.server.requests().len()
    }
}

impl Account {
    fn take(&mut self, request: &Request) -> Reply {
        if request.method != "POST" || request.path != "/v2/enqueue" {
            return answer(404, &[], "");
        }
        if !self.faults.is_empty() {
            let (status, headers) = self.faults.remove(0);
            return answer(status, headers, "");
        }
        let event: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let errors = errors(&event, request.body.len());
        if !errors.is_empty() {
            let said = json!({ "status": "invalid event", "message": "Event object is invalid", "errors": errors });
            return answer(400, &[], said.to_string());
        }
        let key = event["dedup_key"].as_str().unwrap_or_default().to_owned();
        let said = json!({ "status": "success", "message": "Event processed", "dedup_key": key });
        self.apply(key, event);
        answer(202, &[], said.to_string())
    }

    /// An event is for the open alert of its key. Without one, a trigger opens one, and any other event is dropped.
    fn apply(&mut self, dedup_key: String, event: Value) {
        let open = self
            .alerts
            .iter_mut()
            .find(|alert| alert.dedup_key == dedup_key && alert.state != State::Resolved);
        match (event["event_action"].as_str(), open) {
            (Some("trigger"), Some(alert)) => alert.event = event,
            (Some("trigger"), None) => self.alerts.push(Alert {
                dedup_key,
                state: State::Triggered,
                event,
            }),
            (Some("acknowledge"), Some(alert)) => alert.state = State::Acknowledged,
            (Some("resolve"), Some(alert)) => alert.state = State::Resolved,
            _ => {}
        }
    }
}

/// What is wrong with an event, in PagerDuty's words.
fn errors(event: &Value, bytes: usize) -> Vec<&'static str> {
    let text = |value: &Value, most: usize| {
        value
            .as_str()
            .is_some_and(|text| (1..=most).contains(&text.chars().count()))
    };
    let (action, payload) = (event["event_action"].as_str(), &event["payload"]);
    let is_trigger = action == Some("trigger");
    let severity = payload["severity"].as_str().unwrap_or_default();
    let links = event["links"].as_array().into_iter().flatten();
    let wrong = [
        (bytes > LARGEST, "Event is too large"),
        (!event.is_object(), "Event is not an object"),
        (
            event["routing_key"].as_str().map(str::len) != Some(32),
            "Length of 'routing_key' is incorrect (should be 32 characters)",
        ),
        (event["routing_key"] != ROUTING_KEY, "Invalid routing key"),
        (
            !matches!(action, Some("trigger" | "acknowledge" | "resolve")),
            "'event_action' is missing or invalid",
        ),
        (
            !text(&event["dedup_key"], 255),
            "'dedup_key' is missing or too long",
        ),
        (
            is_trigger && !text(&payload["summary"], 1024),
            "'payload.summary' is missing or too long",
        ),
        (
            is_trigger && !text(&payload["source"], 1024),
            "'payload.source' is missing or blank",
        ),
        (
            is_trigger && !["critical", "error", "warning", "info"].contains(&severity),
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
        ),
        (
            links.into_iter().any(|link| !text(&link["href"], 2048)),
            "'links' is invalid",
        ),
    ];
    wrong
        .into_iter()
        .filter_map(|(wrong, error)| wrong.then_some(error))
        .collect()
}
