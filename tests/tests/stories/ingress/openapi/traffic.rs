//! Requests to the operations of the document, with its credentials, and the answers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ingress::App;
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use lambda_http::http::Method;
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use sha2::Sha256;
use tests::alert::unique;
use tests::stack::Stack;

use super::document::{Document, Operation};

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The headers with the credentials; a name that begins with a question mark is one of the query.
    pub(crate) credentials: BTreeMap<String, String>,
    pub(crate) body: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Call {
    /// A request to an operation with a body, let in by the first of the ways in.
    pub(crate) fn of(
        document: &Document,
        stack: &Stack,
        operation: &Operation,
        body: String,
    ) -> Self {
        let way = operation.ways_in().into_iter().next().unwrap_or_default();
        Self::by_way(document, stack, operation, &way, body)
    }

    /// A request that is let in by one of the operation's ways in.
    pub(crate) fn by_way(
        document: &Document,
        stack: &Stack,
        operation: &Operation,
        way: &[String],
        body: String,
    ) -> Self {
        let body = if operation.is_form() {
            tests::slack::form(&body)
        } else if operation.id == "linkUsed" && body.is_empty() {
            // Its credential is in the form.
            format!("token={}", stack.facts.tokens["ada"])
        } else {
            body
        };
        // One time for all of them: a signature and its timestamp are made of the same second.
        let now = Timestamp::now();
        let credentials = way
            .iter()
            .map(|name| credential(document, stack, &operation.path, name, (&body, now)))
            .collect();
        // The id is the example's until a story has another.
        let is_incident = operation.path.contains("/incidents/");
        let id = if is_incident {
            NO_INCIDENT
        } else {
            NO_APPROVAL
        };
        let path = operation.path.replace("{id}", id);
        Self {
            method: operation.method.clone(),
            path,
            credentials,
            body,
        }
    }

    /// The same with another approval or incident in the path.
    pub(crate) fn about(self, id: &str) -> Self {
        Self {
            path: self.path.replace(NO_APPROVAL, id).replace(NO_INCIDENT, id),
            ..self
        }
    }

    /// The same by the token of this person.
    pub(crate) fn by_person(self, stack: &Stack, person: &str) -> Self {
        self.by_bearer(&stack.facts.tokens[person])
    }

    /// The same by this token.
    pub(crate) fn by_bearer(self, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        let credentials = BTreeMap::from([("authorization".to_owned(), bearer)]);
        Self {
            credentials,
            ..self
        }
    }

    /// The path and the query.
    fn target(&self) -> String {
        let query = self
            .credentials
            .iter()
            .filter(|(name, _)| name.starts_with('?'));
        query.fold(self.path.clone(), |target, (name, value)| {
            format!("{target}{name}={value}")
        })
    }

    fn headers(&self) -> impl Iterator<Item = (&String, &String)> {
        self.credentials
            .iter()
            .filter(|(name, _)| !name.starts_with('?'))
    }

    /// What the deployed stack answers.
    pub(crate) async fn over_http(&self, stack: &Stack) -> Answer {
        let url = format!("{}{}", stack.facts.api_url, self.target());
        let mut request = stack
            .http
            .request(self.method.clone(), url)
            .header("content-type", "application/json");
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let response = request
            .body(self.body.clone())
            .send()
            .await
            .expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = body(&headers, &response.bytes().await.expect("a body"));
        Answer {
            status,
            headers,
            body,
        }
    }

    /// What ingress answers in this process, where a broken deployment or another time is wanted.
    pub(crate) async fn in_process(&self, app: &App, now: Timestamp) -> Answer {
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(format!("https://api.test{}", self.target()));
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let request: Request = request
            .body(Body::from(self.body.clone()))
            .expect("a request");
        let response = app.answer(request, now).await.expect("always an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = body(&headers, response.body());
        Answer {
            status,
            headers,
            body,
        }
    }
}

/// The JSON of a body, or its text.
fn body(headers: &HeaderMap, bytes: &[u8]) -> Value {
    let kind = headers["content-type"].to_str().expect("text");
    if kind.ends_with("json") {
        serde_json::from_slice(bytes).expect("JSON")
    } else {
        json!(String::from_utf8_lossy(bytes))
    }
}

/// The incident that stands in the document: there is none with this id.
const NO_INCIDENT: &str = "01KA0000000000000000000000";
/// The approval that stands in the document and in `events/`: there is none with this id.
pub(crate) const NO_APPROVAL: &str = "01KA0000000000000000000000-0123456789abcdef";

/// The header of a security scheme, and what has to stand in it. The header's name and form are the document's.
fn credential(
    document: &Document,
    stack: &Stack,
    path: &str,
    name: &str,
    (body, now): (&str, Timestamp),
) -> (String, String) {
    let scheme = &document.root["components"]["securitySchemes"][name];
    let secret = match name {
        "alertmanagerBearer" | "alertmanagerBasic" => &stack.facts.secrets["alertmanager"],
        "personToken" => &stack.facts.tokens["ada"],
        // Who may not switch repairs off: other stories use the stack.
        "administratorToken" => &stack.facts.administrators["bob"],
        "slackSignature" | "slackTimestamp" => &stack.facts.secrets["slack_signing"],
        "telegramSecretToken" => &stack.facts.secrets["telegram_webhook"],
        "pagerdutySignature" => &stack.facts.secrets["pagerduty_webhook"],
        "signature" | "hubSignature" | "signatureTimestamp" | "grafanaSignature"
        | "grafanaTimestamp" => &stack.facts.secrets["webhook"],
        _ => panic!("the test does not know the security scheme {name}"),
    };
    let timestamp = now.as_second().to_string();
    let signature = |before: &str, separator: &str| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
        mac.update(before.as_bytes());
        mac.update(timestamp.as_bytes());
        mac.update(separator.as_bytes());
        mac.update(body.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    };
    let value = match (scheme["scheme"].as_str(), name) {
        (Some("bearer"), _) => format!("Bearer {secret}"),
        (Some("basic"), _) => format!("Basic {}", STANDARD.encode(format!("anyone:{secret}"))),
        (_, "telegramSecretToken") => secret.clone(),
        (_, "signature" | "hubSignature") => {
            format!("v2={}", signature("v2:", &format!(":{path}:")))
        }
        (_, "pagerdutySignature") => tests::pagerduty_webhook::sign(secret, body.as_bytes()),
        (_, "slackSignature") => tests::slack::sign(secret, &timestamp, body.as_bytes()),
        (_, "grafanaSignature") => signature("", ":"),
        _ => timestamp,
    };
    let header = if scheme["type"] == "apiKey" {
        scheme["name"].as_str().expect("a header's name")
    } else {
        "Authorization"
    };
    (header.to_owned(), value)
}

/// A body like this one about something that no other test knows.
pub(crate) fn fresh(body: &Value) -> Value {
    let target = unique("openapi");
    let words = [
        "checkout-web",
        "billing-worker",
        "db-1.shop.example",
        "db-1",
    ];
    let text = words
        .iter()
        .fold(body.to_string(), |text, word| text.replace(word, &target));
    let mut body: Value = serde_json::from_str(&text).expect("JSON");
    // PagerDuty's events are taken once, and for two days.
    if let Some(event) = body
        .get_mut("event")
        .filter(|event| event["occurred_at"].is_string())
    {
        event["occurred_at"] = json!(Timestamp::now());
        event["id"] = json!(unique("event"));
    }
    body
}

/// A body like this one whose alerts have ended: what is about nothing that is open changes nothing.
pub(crate) fn ended(body: &Value) -> Value {
    let mut body = fresh(body);
    if let Some(alerts) = body.get_mut("alerts").and_then(Value::as_array_mut) {
        alerts
            .iter_mut()
            .for_each(|alert| alert["status"] = json!("resolved"));
    }
    let of_an_alert = ["alerts", "alert_type", "alert_name"]
        .iter()
        .any(|field| body.get(field).is_some());
    if of_an_alert {
        body["status"] = json!("resolved");
    }
    body
}
