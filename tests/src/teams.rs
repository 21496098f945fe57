//! Stand-in for a workflow of Microsoft Teams that posts what its webhook gets, with the answers of
//! Azure Logic Apps (<https://learn.microsoft.com/azure/connectors/connectors-native-reqres>).

use std::sync::{Arc, Mutex};

use loopback::{Reply, Request, Server, answer};
use serde_json::{Value, json};

/// The signature in its URL.
pub const SIGNATURE: &str = "2hcKBsz0dDZ-a7vNrqLrVhNOzWz5lHrnPcfBs1Zpjpk";
/// The most bytes that its action posts (<https://learn.microsoft.com/connectors/teams/#known-issues-and-limitations-with-actions>).
const LARGEST: usize = 28 << 10;

/// What the workflow is like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Workflow {
    #[default]
    On,
    Off,
    Deleted,
    Throttled,
}

#[derive(Debug, Default)]
struct Posted {
    workflow: Workflow,
    /// The cards that stand in the channel.
    cards: Vec<Value>,
    /// Why runs have failed: whoever called was told that they began.
    failed: Vec<String>,
}

#[derive(Debug)]
pub struct Teams {
    server: Server,
    posted: Arc<Mutex<Posted>>,
}

impl Teams {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        let posted: Arc<Mutex<Posted>> = Arc::default();
        let kept = Arc::clone(&posted);
        let server = Server::start(move |request, run| {
            kept.lock()
                .expect("nobody panics with it")
                .take(request, run)
        });
        Self { server, posted }
    }

    /// The URL that the workflow shows to whoever made it.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "{}/workflows/1/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}",
            self.server.url
        )
    }

    /// Somebody turns it off, on, or deletes it; or it runs too often.
    ///
    /// # Panics
    /// If the server has panicked.
    pub fn set(&self, workflow: Workflow) {
        self.posted.lock().expect("nobody panics with it").workflow = workflow;
    }

    /// The cards in the channel, as text: their lines, and their buttons as `[title](url)`.
    ///
    /// # Panics
    /// If the server has panicked, or a run has failed.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let posted = self.posted.lock().expect("nobody panics with it");
        assert_eq!(posted.failed, [""; 0], "every run goes well");
        posted.cards.iter().map(text).collect()
    }
}

impl Posted {
    fn take(&mut self, request: &Request, run: usize) -> Reply {
        let error = |status, headers: &[(&str, &str)], code: &str, message: &str| {
            let said = json!({ "error": { "code": code, "message": message } });
            answer(status, headers, said.to_string())
        };
        let (_, query) = request.path.split_once('?').unwrap_or_default();
        if !query.ends_with(&format!("sig={SIGNATURE}")) {
            return error(
                401,
                &[],
                "AuthorizationFailed",
                "The authentication credentials are not valid.",
            );
        }
        match self.workflow {
            Workflow::On => {}
            Workflow::Off => {
                return error(
                    400,
                    &[],
                    "WorkflowTriggerIsNotEnabled",
                    "Could not execute workflow trigger 'manual' with state 'Disabled': trigger is not enabled.",
                );
            }
            Workflow::Deleted => {
                return error(
                    404,
                    &[],
                    "WorkflowNotFound",
                    "The workflow could not be found.",
                );
            }
            Workflow::Throttled => {
                return error(
                    429,
                    &[("retry-after", "60")],
                    "WorkflowTriggerThrottled",
                    "The number of requests exceeds the limit.",
                );
            }
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match card(&body, request.body.len()) {
            Ok(card) => self.cards.push(card),
            Err(why) => self.failed.push(why),
        }
        answer(202, &[("x-ms-workflow-run-id", &format!("0858{run}"))], "")
    }
}

/// The card of a message, as the template's action reads it.
fn card(body: &Value, bytes: usize) -> Result<Value, String> {
    if bytes > LARGEST {
        return Err("RequestEntityTooLarge".to_owned());
    }
    let attachment = &body["attachments"][0];
    let is_card = attachment["contentType"] == "application/vnd.microsoft.card.adaptive";
    if body["type"] != "message" || !is_card {
        return Err(format!("no message with a card: {body}"));
    }
    let card = attachment["content"].clone();
    let version = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"].map(Value::from);
    if card["type"] != "AdaptiveCard" || !version.contains(&card["version"]) {
        return Err(format!("no card that Teams knows: {card}"));
    }
    let blocks = card["body"].as_array().cloned().unwrap_or_default();
    let is_block = |block: &Value| {
        block["type"] == "RichTextBlock"
            && block["inlines"].as_array().is_some_and(|runs| {
                !runs.is_empty()
                    && runs
                        .iter()
                        .all(|run| run["type"] == "TextRun" && run["text"].is_string())
            })
    };
    let actions = card["actions"].as_array().cloned().unwrap_or_default();
    let is_action = |action: &Value| {
        action["type"] == "Action.OpenUrl"
            && action["url"]
                .as_str()
                .is_some_and(|url| url.starts_with("http"))
    };
    if blocks.is_empty() || !blocks.iter().all(is_block) || !actions.iter().all(is_action) {
        return Err(format!("an element that is none: {card}"));
    }
    Ok(card)
}

fn text(card: &Value) -> String {
    let line = |block: &Value| -> String {
        let runs = block["inlines"].as_array().into_iter().flatten();
        runs.filter_map(|run| run["text"].as_str()).collect()
    };
    let button = |action: &Value| {
        let part = |name: &str| action[name].as_str().unwrap_or_default().to_owned();
        format!("[{}]({})", part("title"), part("url"))
    };
    let blocks = card["body"].as_array().into_iter().flatten().map(line);
    let actions = card["actions"].as_array().into_iter().flatten().map(button);
    blocks.chain(actions).collect::<Vec<_>>().join("\n")
}
