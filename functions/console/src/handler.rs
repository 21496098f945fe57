//! Answers a request: finds its route, lets in who may read, and answers with JSON or with a page.

use std::time::Instant;

use aws::metrics::MetricsLine;
use aws::{Chain, requests_sent};
use jiff::Timestamp;
use lambda_http::http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderMap, StatusCode};
use lambda_http::{Body, Error, Request, RequestExt as _, Response};
use tracing::{Instrument as _, error, info_span};
use wire::route::Found;

use crate::api;
use crate::app::App;
use crate::assets;
use crate::health;
use crate::pages::{self, Frame};
use crate::refusal::Refusal;
use crate::reply::{HTML, Tagged, set, with};
use crate::routes::{self, Target};
use crate::say::Say;
use crate::sign_in;
use crate::view::incident::chart;

impl App {
    /// Answers a request, and writes its line of log and metrics.
    ///
    /// # Errors
    /// Never: a failure is an answer too.
    pub async fn answer(&self, request: Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let (began, sent_before) = (Instant::now(), requests_sent());
        let request_id = request
            .lambda_context_ref()
            .map(|context| context.request_id.clone());
        let request_id = request_id.unwrap_or_default();
        let path = request.uri().path().to_owned();
        let found = routes::find(request.method(), &path);
        let route = found.as_ref().map_or("none", |found| found.route.path);
        let is_page = found.as_ref().is_ok_and(|found| found.route.to.is_page());
        let span = info_span!("request", request_id);
        let answered = match found {
            Ok(found) => {
                self.visit(&found, &request, now)
                    .instrument(span.clone())
                    .await
            }
            Err(refusal) => Err(refusal),
        };
        if let Err(Refusal::Passing(error)) = &answered {
            span.in_scope(|| error!(error = %Chain(&**error), "a passing fault"));
        }
        let mut line = MetricsLine::new("route", route);
        line.field("request_id", request_id);
        let milliseconds = (began.elapsed().as_secs_f64() * 1e5).round() / 1e2;
        line.metric("latency", milliseconds, "Milliseconds");
        line.metric("aws_requests", requests_sent() - sent_before, "Count");
        let response = answered.unwrap_or_else(|refusal| {
            refusal.tell(&mut line);
            refused(&refusal, &request, is_page)
        });
        line.field("status", response.status().as_u16());
        line.write(now);
        Ok(response)
    }

    async fn visit(
        &self,
        found: &Found<'_, Target>,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, Refusal> {
        let headers = request.headers();
        match found.route.to {
            Target::Asset => return asset(found, request.uri().path()),
            Target::SignIn => return Ok(sign_in::show(request, self.has_provider())),
            _ => {}
        }
        let reader = access::reader(&self.control, headers, now).await?;
        let query = request.uri().query().unwrap_or_default();
        let id = found.value(0);
        let body = match found.route.to {
            Target::Incidents => api::incidents(self, query, now).await?,
            Target::Incident => api::incident(self, id).await?,
            Target::Log => api::log(self, id, query).await?,
            Target::Storm => api::as_json(&api::storm(self, id).await?),
            Target::Repairs => api::as_json(&api::repairs(self, now).await?),
            Target::Playbooks => {
                api::as_json(&serde_json::json!({ "playbooks": api::playbooks(self).await? }))
            }
            Target::Stats => api::stats(self, now).await?.to_string(),
            Target::Quality => api::quality(self, query, now).await?,
            Target::Health => health::answer(self, now).await?.to_string(),
            Target::Chart => return self.chart(found, headers).await,
            Target::Page(page) => {
                let frame = Frame::new(request, &reader, page, now)?;
                return pages::answer(self, page, (id, query), frame, headers).await;
            }
            Target::Asset | Target::SignIn => {
                unreachable!("it was answered above")
            }
        };
        Ok(Tagged::json(body).into_response(headers))
    }

    async fn chart(
        &self,
        found: &Found<'_, Target>,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Refusal> {
        let incident = api::known(self, found.value(0)).await?;
        let number = found.value(1).parse().map_err(|_| Refusal::NoIncident)?;
        let body = chart(&incident, number).ok_or(Refusal::NoIncident)?;
        let tagged = Tagged {
            kind: "image/svg+xml",
            body,
            tagged: None,
        };
        Ok(tagged.into_response(headers))
    }
}

fn asset(found: &Found<'_, Target>, path: &str) -> Result<Response<Body>, Refusal> {
    let nothing = || Refusal::NoRoute(path.to_owned());
    let (kind, text) = assets::find(found.value(0), found.value(1)).ok_or_else(nothing)?;
    let mut response = with(StatusCode::OK, text, kind);
    // Its address has the digest of all assets: another text has another address.
    set(
        response.headers_mut(),
        CACHE_CONTROL,
        "public, max-age=31536000, immutable",
    );
    Ok(response)
}

/// A refusal as an answer: for people a page, or the way to sign in, and for programs a problem document.
fn refused(refusal: &Refusal, request: &Request, is_page: bool) -> Response<Body> {
    if is_page && refusal.wants_sign_in() {
        return sign_in::ask(request);
    }
    let (status, _) = refusal.kind();
    let mut response = if is_page {
        let say = Say::of(request.headers());
        with(
            status,
            pages::refused(refusal, request.uri().path(), say),
            HTML,
        )
    } else {
        with(status, refusal.document(), wire::problem::MEDIA_TYPE)
    };
    let headers = response.headers_mut();
    match refusal {
        Refusal::WrongMethod { allowed, .. } => set(headers, ALLOW, allowed),
        _ if refusal.wants_sign_in() => set(headers, WWW_AUTHENTICATE, "Bearer"),
        _ => {}
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        set(headers, RETRY_AFTER, "2");
    }
    response
}
