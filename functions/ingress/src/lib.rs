//! Ingress: the door. It authenticates, normalises and counts alerts, queues new incidents, and takes people's decisions.

pub mod alertmanager;
pub mod answer;
pub mod approvals;
pub mod authentication;
pub mod body;
pub mod config;
pub mod intake;
pub mod rejection;
pub mod signed_alert;
pub mod telegram;

use std::net::IpAddr;
use std::time::Duration;

use aws_types::SdkConfig;
use jiff::Timestamp;
use lambda_http::http::{HeaderMap, HeaderValue, Method, header};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt as _, Response};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::domain::alert::AlertType;
use shared::domain::approval::Verdict;
use shared::queue::Queue;
use shared::secrets::{SecretError, Secrets};
use shared::store::Store;
use tracing::{debug, error, info, warn};

use crate::authentication::{GRAFANA, SIGNED, SignatureForm};
use crate::config::Config;
use crate::rejection::Rejection;

/// The function's state between requests: clients, configuration, and the secrets that were read.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    secrets: Secrets,
    incidents: Queue,
    notifications: Queue,
    repairs: Queue,
}

impl App {
    /// Builds the clients. Nothing is read yet: the first request reads what it needs.
    #[must_use]
    pub fn new(config: Config, aws: &SdkConfig) -> Self {
        let sqs = aws_sdk_sqs::Client::new(aws);
        Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(aws), config.table.clone()),
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            incidents: Queue::new(sqs.clone(), config.incidents_queue.clone()),
            notifications: Queue::new(sqs.clone(), config.notifications_queue.clone()),
            repairs: Queue::new(sqs, config.repairs_queue.clone()),
            config,
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer too.
    pub async fn answer(&self, request: Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let path = request.uri().path().to_owned();
        let answered = self.route(&request, &path, now).await;
        Ok(match answered {
            Ok(value) => {
                info!(path, status = 200, "answered");
                let mut response = Response::new(Body::from(value.to_string()));
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(rejection) => {
                let status = rejection.kind().0.as_u16();
                match &rejection {
                    Rejection::Passing(error) => error!(path, status, error = %error, "a passing fault"),
                    Rejection::NoSecret => error!(path, status, "a secret has no value: everything is refused"),
                    Rejection::Unauthenticated(why) => warn!(path, status, why, "refused"),
                    _ => debug!(path, status, %rejection, "refused"),
                }
                rejection.into_response()
            }
        })
    }

    async fn route(&self, request: &Request, path: &str, now: Timestamp) -> Result<Value, Rejection> {
        let (headers, bytes) = (request.headers(), request.body().as_ref());
        let rest = path.trim_end_matches('/').strip_prefix("/api/v1/").ok_or_else(|| Rejection::NoRoute(path.to_owned()))?;
        let parts: Vec<&str> = rest.split('/').collect();
        let allowed = match parts.as_slice() {
            ["webhooks", "health"] => Method::GET,
            ["webhooks", "alertmanager" | "alerts" | "grafana" | "telegram"] | ["approvals", _, "approve" | "reject"] => Method::POST,
            _ => return Err(Rejection::NoRoute(path.to_owned())),
        };
        if *request.method() != allowed {
            let allowed = if allowed == Method::GET { "GET" } else { "POST" };
            return Err(Rejection::WrongMethod { path: path.to_owned(), allowed });
        }
        match parts.as_slice() {
            ["webhooks", "alertmanager"] => self.alertmanager(headers, bytes, source(request), now).await,
            ["webhooks", "grafana"] => self.grafana(headers, bytes, now).await,
            ["webhooks", "alerts"] => self.signed_alert(headers, bytes, now).await,
            ["webhooks", "telegram"] => telegram::update(self, headers, bytes, now).await,
            ["approvals", id, verdict] => {
                let verdict = if *verdict == "approve" { Verdict::Approve } else { Verdict::Reject };
                approvals::api(self, headers, bytes, id, verdict, now).await
            }
            _ => Ok(health()),
        }
    }

    async fn alertmanager(&self, headers: &HeaderMap, bytes: &[u8], source: Option<IpAddr>, now: Timestamp) -> Result<Value, Rejection> {
        if !authentication::is_internal(source, &self.config.internal) {
            self.signed_or_known(SIGNED, headers, bytes, now).await?;
        }
        self.delivery(bytes, "alertmanager", now).await
    }

    async fn grafana(&self, headers: &HeaderMap, bytes: &[u8], now: Timestamp) -> Result<Value, Rejection> {
        self.signed_or_known(GRAFANA, headers, bytes, now).await?;
        self.delivery(bytes, "grafana", now).await
    }

    async fn delivery(&self, bytes: &[u8], source: &str, now: Timestamp) -> Result<Value, Rejection> {
        let delivery = alertmanager::read(bytes, source, now)?;
        if delivery.truncated > 0 {
            warn!(truncated = delivery.truncated, "the sender left alerts out of this delivery (max_alerts)");
        }
        let answers = intake::take(self, delivery.alerts, delivery.whole_group_resolved, now).await?;
        // One line for each request is logged where it is answered; logs cost more than the function's time.
        debug!(alerts = answers.len(), "counted");
        // The original answered for its first alert only: its clients find those fields where they were.
        let mut answer =
            answers.first().map_or_else(|| json!({ "success": true, "message": "the delivery holds no alerts" }), |first| json!(first));
        answer["results"] = json!(answers);
        answer["truncated_alerts"] = json!(delivery.truncated);
        Ok(answer)
    }

    async fn signed_alert(&self, headers: &HeaderMap, bytes: &[u8], now: Timestamp) -> Result<Value, Rejection> {
        self.signed(SIGNED, headers, bytes, now).await?;
        let alert = signed_alert::read(bytes, now)?;
        let whole_group = alert.status == shared::domain::alert::AlertStatus::Resolved;
        let answers = intake::take(self, vec![alert], whole_group, now).await?;
        Ok(answers.first().map_or(Value::Null, |answer| json!(answer)))
    }

    /// Lets in who has signed, or who knows the secret of the alert senders.
    async fn signed_or_known(&self, form: SignatureForm, headers: &HeaderMap, bytes: &[u8], now: Timestamp) -> Result<(), Rejection> {
        if form.is_claimed(headers) {
            return self.signed(form, headers, bytes, now).await;
        }
        self.admit(&self.config.alertmanager_secret, |secret| authentication::credential(secret, headers, true)).await
    }

    async fn signed(&self, form: SignatureForm, headers: &HeaderMap, bytes: &[u8], now: Timestamp) -> Result<(), Rejection> {
        let require_timestamp = self.config.require_signature_timestamp;
        let check = |secret: &SecretString| authentication::signature(form, secret, headers, bytes, now, require_timestamp);
        self.admit(&self.config.webhook_secret, check).await
    }

    /// Lets a request in whose credential fits a secret. Where the secret has no value, a development environment lets
    /// everyone in, and any other nobody.
    async fn admit(&self, id: &str, check: impl Fn(&SecretString) -> Result<(), Rejection>) -> Result<(), Rejection> {
        match self.secrets.check(id, check).await {
            Ok(checked) => checked,
            Err(SecretError::NoValue { .. }) if self.config.development => {
                warn!(secret = id, "authentication is skipped: the secret has no value and ENVIRONMENT is dev");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits a little before a lost race is run again, longer each time and not in step with the others.
    async fn pause(&self, attempt: u32) {
        let most = 10 * u64::from(attempt + 1).min(20);
        let random = ulid::Ulid::generate().random() as u64;
        tokio::time::sleep(Duration::from_millis(random % most)).await;
    }
}

fn health() -> Value {
    json!({ "status": "healthy", "service": "quell", "version": env!("CARGO_PKG_VERSION"), "supported_alert_types": AlertType::ALL })
}

/// The address that API Gateway saw. A header could say anything.
fn source(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}
