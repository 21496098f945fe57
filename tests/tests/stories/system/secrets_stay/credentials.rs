//! Requests to every route of ingress with a credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::in_process::{hmac, recorded_event};
use tests::slack::{form, sign};
use tests::stack::Stack;

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
    let bound = |path: &str| hmac(&webhook, format!("v2:{seconds}:/api/v1/{path}:{body}"));
    let by_grafana = hmac(&webhook, format!("{seconds}:{body}"));
    let basic = STANDARD.encode(format!("am:{alertmanager}"));
    let interaction = form(r#"{"type":"view_closed"}"#);
    let slack = sign(&of("slack_signing"), &seconds, interaction.as_bytes());
    let pagerduty = tests::pagerduty_webhook::sign(&of("pagerduty_webhook"), body.as_bytes());
    let bearer = |secret: &str| vec![("authorization", format!("Bearer {}", of(secret)))];
    let post = |path: &str, headers: Vec<(&'static str, String)>, body: &str, made: &str| Knock {
        method: "POST",
        path: path.to_owned(),
        query: String::new(),
        headers,
        body: body.to_owned(),
        made: made.to_owned(),
    };
    let signed = |path: &str, name: &'static str| {
        let signature = bound(path);
        let headers = vec![
            (name, format!("v2={signature}")),
            ("x-signature-timestamp", seconds.clone()),
        ];
        post(path, headers, &body, &signature)
    };
    let slack_headers = vec![
        ("x-slack-signature", slack.clone()),
        ("x-slack-request-timestamp", seconds.clone()),
    ];
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
        signed("webhooks/alertmanager", "x-signature-256"),
        post(
            "webhooks/grafana",
            vec![
                ("x-grafana-alerting-signature", by_grafana.clone()),
                ("x-grafana-alerting-timestamp", seconds.clone()),
            ],
            &body,
            &by_grafana,
        ),
        signed("webhooks/alerts", "x-signature-256"),
        signed("webhooks/signals", "x-hub-signature-256"),
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
            "webhooks/pagerduty",
            vec![("x-pagerduty-signature", pagerduty.clone())],
            &body,
            pagerduty.trim_start_matches("v1="),
        ),
        post(
            &format!("approvals/{approval}/approve"),
            bearer("token"),
            &body,
            "",
        ),
        post(
            &format!("approvals/{approval}/link"),
            vec![],
            &format!("token={}", of("token")),
            "",
        ),
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
