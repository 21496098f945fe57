//! Answers a request: authenticates, normalises, counts, decides.

use crate::reply::as_json;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use aws::Chain;
use aws::deadline::time_left;
use aws::metrics::MetricsLine;
use aws::requests_sent;
use domain::alert::AlertType;
use intake::{Counted, Delivery};
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt as _, Response};
use serde_json::{Value, json};
use tracing::{Instrument as _, error, info_span, warn};
use wire::message::Signal;

use crate::alerts::alertmanager::{self, Read};
use crate::alerts::answer::{AlertAnswer, DeliveryAnswer, HEARTBEAT, NOISE, REPEATED};
use crate::alerts::signals;
use crate::alerts::signed_alert;
use crate::authentication;
use crate::authentication::{GRAFANA, SIGNED, SignedRequest};
use crate::body;
use crate::interactions::api;
use crate::interactions::links;
use crate::interactions::pagerduty;
use crate::interactions::sessions;
use crate::interactions::slack;
use crate::interactions::telegram;
use crate::rejection::Rejection;
use crate::reply::Reply;
use crate::routes;
use crate::routes::Target;

use crate::app::{App, PATIENCE};

impl App {
    /// Answers a request, and writes its line of log and metrics.
    ///
    /// # Errors
    /// Never: a failure is an answer too.
    pub async fn answer(&self, request: Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let (began, sent_before) = (Instant::now(), requests_sent());
        let context = request.lambda_context_ref();
        let request_id = context
            .map(|context| context.request_id.clone())
            .unwrap_or_default();
        let most = context.map_or(PATIENCE, |context| time_left(context.deadline, now));
        let mut visit = Visit {
            now,
            until: began + most,
            seen: Seen::default(),
            replay_id: None,
        };

        let found = routes::find(request.method(), request.uri().path());
        let route = found.as_ref().map_or("none", |found| found.route.path);
        let is_page = found.as_ref().is_ok_and(|found| found.route.to.is_page());
        let span = info_span!("request", request_id);
        let answered = match found {
            Ok(found) => {
                self.visit(found.route.to, found.value(0), &request, &mut visit)
                    .instrument(span.clone())
                    .await
            }
            Err(rejection) => Err(rejection),
        };
        if let Err(Rejection::Passing(error)) = &answered {
            span.in_scope(|| error!(error = %Chain(&**error), "a passing fault"));
        }
        let mut line = MetricsLine::new("route", route);
        line.field("request_id", request_id);
        line.metric(
            "latency",
            (began.elapsed().as_secs_f64() * 1e5).round() / 1e2,
            "Milliseconds",
        );
        line.metric("aws_requests", requests_sent() - sent_before, "Count");
        visit.seen.tell(&mut line);
        let response = match answered {
            Ok(reply) => reply.into_response(),
            Err(rejection) => {
                // Before the answer is made, which consumes the rejection.
                rejection.tell(&mut line);
                let language = access::language(request.headers());
                if is_page {
                    rejection.into_page(language)
                } else {
                    rejection.into_response(language)
                }
            }
        };
        line.field("status", response.status().as_u16());
        line.write(now);
        Ok(response)
    }

    pub(crate) async fn visit(
        &self,
        to: Target,
        id: &str,
        request: &Request,
        visit: &mut Visit,
    ) -> Result<Reply, Rejection> {
        let (headers, bytes) = (request.headers(), request.body().as_ref());
        let signed = SignedRequest::new(headers, request.uri().path(), bytes);
        // A cold start waits for the secret and for the table's connection at the same time. Health
        // and signals count no alert here.
        let _ahead = if matches!(to, Target::Health | Target::Signals) {
            None
        } else {
            self.intake.joins.connect_ahead()
        };
        let json = match to {
            Target::Health => health().to_string(),
            Target::Alertmanager => {
                // An internal source is trusted by its address alone.
                if !authentication::is_internal(source(request), &self.config.internal) {
                    visit.replay_id = self.signed_or_known(SIGNED, signed, visit.now).await?;
                }
                self.delivery(bytes, "alertmanager", visit).await?
            }
            Target::Grafana => {
                visit.replay_id = self.signed_or_known(GRAFANA, signed, visit.now).await?;
                self.delivery(bytes, "grafana", visit).await?
            }
            Target::Alerts => {
                body::bounded(bytes, body::MOST_SIGNED_BYTES)?;
                visit.replay_id = self.signed(SIGNED, signed, visit.now).await?;
                let alert = signed_alert::read(bytes, self.tables()?, visit.now)?;
                let answers = self.count(Delivery::single(alert), visit).await?;
                as_json(&answers.first())
            }
            Target::Signals => {
                body::bounded(bytes, body::MOST_SIGNED_BYTES)?;
                let replay_id = self.signed(SIGNED, signed, visit.now).await?;
                // Checked before it is queued: behind the queue there is no sender to answer.
                let signal = Signal {
                    signed: replay_id,
                    ..signals::read(bytes, self.tables()?, visit.now)?
                };
                if self.tables()?.rules().is_heartbeat(&signal.alert.name) {
                    let id = self.heartbeat(&signal.alert, visit.now).await?;
                    json!({ "success": true, "message_id": id, "stream": "heartbeats" })
                } else {
                    let message_id = self.signals.send(&signal).await?;
                    json!({ "success": true, "message_id": message_id, "stream": signals::STREAM })
                }
                .to_string()
            }
            Target::Telegram => telegram::update(self, headers, bytes, visit.now)
                .await?
                .to_string(),
            Target::Approval(verdict) => api::api(self, headers, id, verdict, visit.now)
                .await?
                .to_string(),
            Target::Stop => api::stop(self, headers, id, visit.now).await?.to_string(),
            Target::Respond => api::respond(self, headers, id, bytes, visit.now)
                .await?
                .to_string(),
            Target::RespondToGroup => api::respond_to_group(self, headers, id, bytes, visit.now)
                .await?
                .to_string(),
            Target::SwitchRepairsOff => api::switch_repairs_off(self, headers, bytes, visit.now)
                .await?
                .to_string(),
            Target::Slack => {
                slack::interaction(self, headers, bytes, visit.now).await?;
                return Ok(Reply::Taken);
            }
            Target::PagerDuty => pagerduty::webhook(self, headers, bytes, visit.now)
                .await?
                .to_string(),
            Target::SessionBegun => return sessions::begin(self, request, visit.now).await,
            Target::SessionEnded => return sessions::end(self, request, visit.now).await,
            Target::LinkShown => {
                return Ok(Reply::Page(links::show(request)));
            }
            Target::LinkUsed => {
                return links::decide(self, request, id, visit.now)
                    .await
                    .map(Reply::Page);
            }
        };
        Ok(Reply::Json(json))
    }

    pub(crate) async fn delivery(
        &self,
        bytes: &[u8],
        source: &str,
        visit: &mut Visit,
    ) -> Result<String, Rejection> {
        let Read { delivery, refused } =
            alertmanager::read(bytes, source, self.tables()?, visit.now)?;
        let left_out = delivery.left_out;
        if left_out > 0 {
            warn!(
                left_out,
                "the sender left alerts out of this delivery (max_alerts)"
            );
        }
        let mut answers = self.count(delivery, visit).await?;
        for (at, rejection) in refused {
            // Its sender will not send it again: the others are acknowledged.
            error!(alert = at, %rejection, "an alert of a delivery was refused, the others are counted");
            visit.seen.refused += 1;
            answers.insert(at, AlertAnswer::refused(&rejection));
        }
        Ok(as_json(&DeliveryAnswer::new(&answers, left_out)))
    }

    /// Counts the alerts of a delivery, and answers each in its place.
    pub(crate) async fn count(
        &self,
        delivery: Delivery,
        visit: &mut Visit,
    ) -> Result<Vec<AlertAnswer>, Rejection> {
        let replay_id = visit.replay_id.take();
        if self.is_replay(replay_id.as_deref()).await? {
            visit.seen.alerts = delivery.alerts.len();
            *visit.seen.outcomes.entry(REPEATED).or_default() += 1;
            let repeated = |alert| AlertAnswer::aside(alert, REPEATED);
            return Ok(delivery.alerts.iter().map(repeated).collect());
        }
        let rules = self.tables()?.rules();
        (visit.seen.alerts, visit.seen.left_out) = (delivery.alerts.len(), delivery.left_out);
        let (mut heartbeats, mut aside) = (Vec::new(), Vec::<(usize, AlertAnswer)>::new());
        let mut alerts = Vec::with_capacity(delivery.alerts.len());
        for (at, alert) in delivery.alerts.into_iter().enumerate() {
            if rules.is_heartbeat(&alert.name) {
                aside.push((at, AlertAnswer::aside(&alert, HEARTBEAT)));
                heartbeats.push(alert);
            } else if rules.is_noise(&alert.name) {
                aside.push((at, AlertAnswer::aside(&alert, NOISE)));
            } else {
                alerts.push(alert);
            }
        }
        // Kept aside, because counting consumes the delivery.
        let cicd: Vec<bool> = alerts.iter().map(|alert| alert.cicd).collect();
        let delivery = Delivery { alerts, ..delivery };
        let counted = self.intake.take(delivery, visit.now, visit.until).await?;
        visit.seen.count(&counted);
        // Last: a heartbeat that cannot be kept must not keep an alert from being counted.
        for heartbeat in &heartbeats {
            self.heartbeat(heartbeat, visit.now).await?;
        }
        // Behind everything that may fail: the sender's retry is the same request.
        self.note_counted(replay_id.as_deref(), visit.now).await;
        let mut answers: Vec<AlertAnswer> = counted
            .into_iter()
            .zip(cicd)
            .map(|(counted, cicd)| AlertAnswer::new(counted, cicd))
            .collect();
        for (at, answer) in aside {
            answers.insert(at, answer);
        }
        Ok(answers)
    }
}

/// State of one request, besides its body.
pub(crate) struct Visit {
    now: Timestamp,
    until: Instant,
    seen: Seen,
    /// What tells it from every other request, if its sender signed a time.
    replay_id: Option<String>,
}

/// Fields of the request's log line about its alerts.
#[derive(Default)]
pub(crate) struct Seen {
    alerts: usize,
    left_out: u64,
    /// How many alerts could not be read beside others that could.
    refused: u64,
    outcomes: BTreeMap<&'static str, u64>,
    /// Fingerprint and incident, where there is one alert.
    single: Option<(String, Option<String>)>,
}

impl Seen {
    fn count(&mut self, counted: &[Counted]) {
        for Counted { outcome, .. } in counted {
            *self.outcomes.entry(outcome.name()).or_default() += 1;
        }
        if let [
            Counted {
                fingerprint,
                outcome,
                ..
            },
        ] = counted
        {
            self.single = Some((
                fingerprint.to_string(),
                outcome
                    .episode()
                    .map(|episode| episode.incident_id.to_string()),
            ));
        }
    }

    fn tell(self, line: &mut MetricsLine) {
        if self.alerts > 0 {
            line.metric("alerts", self.alerts, "Count");
        }
        if self.left_out > 0 {
            line.metric("left_out", self.left_out, "Count");
        }
        if self.refused > 0 {
            line.metric("refused", self.refused, "Count");
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

pub(crate) fn health() -> Value {
    json!({ "status": "healthy", "service": "quell", "version": env!("CARGO_PKG_VERSION"), "supported_alert_types": AlertType::ALL })
}

/// The client address that API Gateway saw. A header could be forged.
pub(crate) fn source(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    }
}
