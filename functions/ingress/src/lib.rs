//! Ingress: the door. It authenticates, normalises and counts alerts, queues new incidents, and takes people's decisions.

pub mod alertmanager;
pub mod answer;
pub mod approvals;
pub mod authentication;
pub mod body;
pub mod config;
mod link_page;
mod links;
mod presses;
pub mod reading;
pub mod rejection;
mod reply;
pub mod routes;
pub mod signals;
pub mod signed_alert;
mod slack;
pub mod telegram;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aws::deadline::time_left;
use aws::lazily::Lazily;
use aws::metrics::MetricsLine;
use aws::queue::Queue;
use aws::secrets::Secrets;
use aws::signed::{SECRETS_MANAGER, SignedClient};
use aws::{AwsEnvironment, requests_sent};
use domain::alert::AlertType;
use domain::alert::classification::AlertTables;
use domain::notification::channels::Channels;
use intake::{Counted, Delivery, Intake};
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt as _, Response};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use settings::alert_tables;
use settings::channels_file;
use settings::fault::Faults;
use store::{Joins, Store};
use tracing::{Instrument as _, error, info_span, warn};

use crate::answer::{AlertAnswer, DeliveryAnswer};
use crate::authentication::{GRAFANA, SIGNED, SignatureForm};
use crate::config::Config;
use crate::rejection::Rejection;
use crate::reply::Reply;
use crate::routes::Target;

/// How long one try of a request to AWS may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long a request may take where Lambda does not say; API Gateway waits for 30 s.
const PATIENCE: Duration = Duration::from_secs(23);

/// The function's state between requests: clients, configuration, and the secrets that were read.
#[derive(Debug)]
pub struct App {
    config: Config,
    tables: AlertTables,
    secrets: Secrets,
    intake: Intake,
    signals: Queue,
    repairs: Queue,
    channels: OnceLock<Channels>,
}

/// One request on its way: what is known of it besides its body.
struct Visit {
    now: Timestamp,
    until: Instant,
    seen: Seen,
}

/// What the request's line in the log tells of its alerts.
#[derive(Default)]
struct Seen {
    alerts: usize,
    left_out: u64,
    outcomes: BTreeMap<&'static str, u64>,
    /// Fingerprint and incident, where there is one alert.
    single: Option<(String, Option<String>)>,
}

impl App {
    /// Reads the operator's tables. Nothing else is read yet and no client of the SDK is made: the first request does what it needs.
    ///
    /// # Errors
    /// Everything that is wrong with the tables.
    pub fn new(config: Config, environment: &AwsEnvironment) -> Result<Self, Faults> {
        let for_sqs = environment.sdk_config(ATTEMPT);
        let for_dynamodb = for_sqs.clone();
        let sqs = Lazily::made(move || aws_sdk_sqs::Client::new(&for_sqs));
        let dynamodb = Lazily::made(move || aws_sdk_dynamodb::Client::new(&for_dynamodb));
        let queue = |url: &str| Queue::new(sqs.clone(), url.to_owned());
        let intake = Intake {
            store: Store::new(dynamodb, config.table.clone()),
            joins: Joins::new(environment, config.table.clone()),
            incidents: queue(&config.incidents_queue),
            notifications: queue(&config.notifications_queue),
            windows: config.windows,
            fingerprint_labels: config.fingerprint_labels.clone(),
        };
        Ok(Self {
            tables: alert_tables::load(&config.config_dir)?,
            secrets: Secrets::new(SignedClient::new(environment, &SECRETS_MANAGER, ATTEMPT).apart())
                .accepting_previous_for(config.previous_secret),
            signals: queue(&config.signals_queue),
            repairs: queue(&config.repairs_queue),
            channels: OnceLock::new(),
            intake,
            config,
        })
    }

    /// Who may decide, read when somebody does: no alert waits for it.
    fn channels(&self) -> Result<&Channels, Rejection> {
        if let Some(channels) = self.channels.get() {
            return Ok(channels);
        }
        let read = channels_file::load(&self.config.config_dir).map_err(|faults| Rejection::Passing(Box::new(faults)))?;
        Ok(self.channels.get_or_init(|| read))
    }

    /// Answers a request, and writes its line of log and metrics.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer too.
    pub async fn answer(&self, request: Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let (began, sent_before) = (Instant::now(), requests_sent());
        let context = request.lambda_context_ref();
        let request_id = context.map(|context| context.request_id.clone()).unwrap_or_default();
        let most = context.map_or(PATIENCE, |context| time_left(context.deadline, now));
        let mut visit = Visit { now, until: began + most, seen: Seen::default() };

        let found = routes::find(request.method(), request.uri().path());
        let route = found.as_ref().map_or("none", |(route, _)| route.path);
        let page = found.as_ref().is_ok_and(|(route, _)| route.to.is_page()).then(|| links::language(request.headers()));
        let span = info_span!("request", request_id);
        let answered = match found {
            Ok((route, id)) => self.visit(route.to, id, &request, &mut visit).instrument(span.clone()).await,
            Err(rejection) => Err(rejection),
        };
        if let Err(Rejection::Passing(error)) = &answered {
            span.in_scope(|| error!(error = %error, "a passing fault"));
        }
        let mut line = MetricsLine::new("route", route);
        line.field("request_id", request_id);
        line.metric("latency", (began.elapsed().as_secs_f64() * 1e5).round() / 1e2, "Milliseconds");
        line.metric("aws_requests", requests_sent() - sent_before, "Count");
        visit.seen.tell(&mut line);
        let response = match answered {
            Ok(reply) => reply.into_response(),
            Err(rejection) => {
                rejection.tell(&mut line);
                match page {
                    Some(language) => rejection.into_page(language),
                    None => rejection.into_response(),
                }
            }
        };
        line.field("status", response.status().as_u16());
        line.write(now);
        Ok(response)
    }

    async fn visit(&self, to: Target, id: &str, request: &Request, visit: &mut Visit) -> Result<Reply, Rejection> {
        let (headers, bytes) = (request.headers(), request.body().as_ref());
        // A cold start waits for the secret and for the table's connection at the same time.
        let _ahead = if matches!(to, Target::Health | Target::Signals) { None } else { self.intake.joins.connect_ahead() };
        let json = match to {
            Target::Health => health().to_string(),
            Target::Alertmanager => {
                if !authentication::is_internal(source(request), &self.config.internal) {
                    self.signed_or_known(SIGNED, headers, bytes, visit.now).await?;
                }
                self.delivery(bytes, "alertmanager", visit).await?
            }
            Target::Grafana => {
                self.signed_or_known(GRAFANA, headers, bytes, visit.now).await?;
                self.delivery(bytes, "grafana", visit).await?
            }
            Target::Alerts => {
                self.signed(SIGNED, headers, bytes, visit.now).await?;
                let alert = signed_alert::read(bytes, &self.tables, visit.now)?;
                let answers = self.count(Delivery::single(alert), visit).await?;
                as_json(&answers.first())
            }
            Target::Signals => {
                self.signed(SIGNED, headers, bytes, visit.now).await?;
                let signal = signals::read(bytes, &self.tables, visit.now)?;
                let message_id = self.signals.send(&signal).await?;
                json!({ "success": true, "message_id": message_id, "stream": signals::STREAM }).to_string()
            }
            Target::Telegram => telegram::update(self, headers, bytes, visit.now).await?.to_string(),
            Target::Approval(verdict) => approvals::api(self, headers, bytes, id, verdict, visit.now).await?.to_string(),
            Target::Slack => {
                slack::interaction(self, headers, bytes, visit.now).await?;
                return Ok(Reply::Taken);
            }
            Target::LinkShown => return links::show(self, request, id, visit.now).await.map(Reply::Page),
            Target::LinkUsed => return links::decide(self, request, id, visit.now).await.map(Reply::Page),
        };
        Ok(Reply::Json(json))
    }

    async fn delivery(&self, bytes: &[u8], source: &str, visit: &mut Visit) -> Result<String, Rejection> {
        let delivery = alertmanager::read(bytes, source, &self.tables, visit.now)?;
        let left_out = delivery.left_out;
        if left_out > 0 {
            warn!(left_out, "the sender left alerts out of this delivery (max_alerts)");
        }
        let answers = self.count(delivery, visit).await?;
        Ok(as_json(&DeliveryAnswer::new(&answers, left_out)))
    }

    /// Counts the alerts of a delivery, and answers each.
    async fn count(&self, delivery: Delivery, visit: &mut Visit) -> Result<Vec<AlertAnswer>, Rejection> {
        (visit.seen.alerts, visit.seen.left_out) = (delivery.alerts.len(), delivery.left_out);
        let cicd: Vec<bool> = delivery.alerts.iter().map(|alert| alert.cicd).collect();
        let counted = self.intake.take(delivery, visit.now, visit.until).await?;
        visit.seen.count(&counted);
        Ok(counted.into_iter().zip(cicd).map(|(counted, cicd)| AlertAnswer::new(counted, cicd)).collect())
    }

    /// Lets in who has signed, or who knows the secret of the alert senders.
    async fn signed_or_known(&self, form: SignatureForm, headers: &HeaderMap, bytes: &[u8], now: Timestamp) -> Result<(), Rejection> {
        if form.is_claimed(headers) {
            return self.signed(form, headers, bytes, now).await;
        }
        self.admit_alert(&self.config.alertmanager_secret, now, |secret| authentication::credential(secret, headers, true)).await
    }

    async fn signed(&self, form: SignatureForm, headers: &HeaderMap, bytes: &[u8], now: Timestamp) -> Result<(), Rejection> {
        let require_timestamp = self.config.require_signature_timestamp;
        let check = |secret: &SecretString| authentication::signature(form, secret, headers, bytes, now, require_timestamp);
        self.admit_alert(&self.config.webhook_secret, now, check).await
    }

    /// Admits an alert whose credential fits a secret. Where the secret has no value, a development environment admits every alert,
    /// and production none.
    async fn admit_alert(&self, id: &str, now: Timestamp, check: impl Fn(&SecretString) -> Result<(), Rejection>) -> Result<(), Rejection> {
        match self.admit(id, now, check).await {
            Err(Rejection::NoSecret) if self.config.development => {
                warn!(secret = id, "authentication is skipped: the secret has no value and ENVIRONMENT is dev");
                Ok(())
            }
            admitted => admitted,
        }
    }

    /// Admits a request whose credential fits a secret; without a value it admits nobody, in development too. Every route on which
    /// people decide comes through here: a decision runs commands on hosts, wherever they are (`human-or-guardrails`).
    async fn admit(&self, id: &str, now: Timestamp, check: impl Fn(&SecretString) -> Result<(), Rejection>) -> Result<(), Rejection> {
        self.secrets.check(id, now, check).await?
    }
}

impl Seen {
    fn count(&mut self, counted: &[Counted]) {
        for Counted { outcome, .. } in counted {
            *self.outcomes.entry(outcome.name()).or_default() += 1;
        }
        if let [Counted { fingerprint, outcome, .. }] = counted {
            self.single = Some((fingerprint.to_string(), outcome.episode().map(|episode| episode.incident_id.to_string())));
        }
    }

    fn tell(self, line: &mut MetricsLine) {
        if self.alerts > 0 {
            line.metric("alerts", self.alerts, "Count");
        }
        if self.left_out > 0 {
            line.metric("left_out", self.left_out, "Count");
        }
        for (outcome, count) in self.outcomes {
            line.metric(outcome, count, "Count");
        }
        if let Some((fingerprint, incident_id)) = self.single {
            line.field("fingerprint", fingerprint);
            line.field("incident_id", incident_id);
        }
    }
}

/// The answer as JSON.
fn as_json(answer: &impl Serialize) -> String {
    match serde_json::to_string(answer) {
        Ok(json) => json,
        Err(error) => unreachable!("texts and numbers are JSON: {error}"),
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
