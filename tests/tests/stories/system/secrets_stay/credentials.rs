//! Requests to every route of ingress with a credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::incident::approval::Verdict;
use domain::primitives::id::ApprovalId;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::in_process::{hmac, recorded_event};
use tests::slack::{form, sign};
use tests::stack::Stack;
use wire::approval_link;

/// A request to ingress that carries a credential.
pub(super) struct Knock {
    pub(super) method: &'static str,
    pub(super) path: String,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Beside the secret itself: what was made of it and may not be logged either.
    pub(super) made: String,
}

/// A request on every route, with a credential made of the secrets that `of` gives. None of the bodies decides anything.
pub(super) fn knocks(approval: &str, of: impl Fn(&str) -> String) -> Vec<Knock> {
    let (now, body) = (Timestamp::now(), "{}".to_owned());
    let (alertmanager, webhook, seconds) = (
        of("alertmanager"),
        of("webhook"),
        now.as_second().to_string(),
    );
    let (signed, timed) = (
        hmac(&webhook, b"{}"),
        hmac(&webhook, format!("{seconds}.{body}")),
    );
    let basic = STANDARD.encode(format!("am:{alertmanager}"));
    let interaction = form(r#"{"type":"view_closed"}"#);
    let slack = sign(&of("slack_signing"), &seconds, interaction.as_bytes());
    let expires_at = now + SignedDuration::from_mins(10);
    let approval_id = ApprovalId::try_from(approval).expect("an id");
    let link = approval_link::sign(
        &SecretString::from(of("approval_link")),
        &approval_id,
        Verdict::Approve,
        "nobody",
        expires_at,
    );
    let bearer = |secret: &str| vec![("authorization", format!("Bearer {}", of(secret)))];
    let post = |path: &str, headers: Vec<(&'static str, String)>, body: &str, made: &str| Knock {
        method: "POST",
        path: path.to_owned(),
        query: String::new(),
        headers,
        body: body.to_owned(),
        made: made.to_owned(),
    };
    let timed_headers = vec![
        ("x-signature-256", format!("sha256={timed}")),
        ("x-signature-timestamp", seconds.clone()),
    ];
    let slack_headers = vec![
        ("x-slack-signature", slack.clone()),
        ("x-slack-request-timestamp", seconds),
    ];
    let linked = |method| Knock {
        method,
        query: format!("token={link}"),
        ..post(&format!("approvals/{approval}/link"), vec![], "", &link)
    };
    vec![
        post(
            "webhooks/alertmanager",
            bearer("alertmanager"),
            &body,
            "am:",
        ),
        post(
            "webhooks/alertmanager",
            vec![("authorization", format!("Basic {basic}"))],
            &body,
            &basic,
        ),
        post("webhooks/alertmanager", timed_headers, &body, &timed),
        post(
            "webhooks/grafana",
            vec![("x-grafana-alerting-signature", signed.clone())],
            &body,
            &signed,
        ),
        post(
            "webhooks/alerts",
            vec![("x-signature-256", format!("sha256={signed}"))],
            &body,
            &signed,
        ),
        post(
            "webhooks/signals",
            vec![("x-hub-signature-256", format!("sha256={signed}"))],
            &body,
            &signed,
        ),
        post(
            "webhooks/telegram",
            vec![("x-telegram-bot-api-secret-token", of("telegram_webhook"))],
            &body,
            "",
        ),
        post(
            "webhooks/slack",
            slack_headers,
            &interaction,
            slack.trim_start_matches("v0="),
        ),
        post(
            &format!("approvals/{approval}/approve"),
            bearer("token"),
            &body,
            "",
        ),
        linked("GET"),
        linked("POST"),
    ]
}

impl Knock {
    /// The event of API Gateway.
    pub(super) fn event(&self) -> Value {
        let mut event = recorded_event();
        let path = format!("/api/v1/{}", self.path);
        event["rawPath"] = json!(path);
        event["rawQueryString"] = json!(self.query);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["http"]["method"] = json!(self.method);
        event["headers"] = self
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        event["body"] = json!(self.body);
        event
    }

    pub(super) async fn status(&self, stack: &Stack) -> u16 {
        let url = stack.url(&if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        });
        let request = if self.method == "GET" {
            stack.http.get(url)
        } else {
            stack.http.post(url).body(self.body.clone())
        };
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        request.send().await.expect("an answer").status().as_u16()
    }
}
