//! SigNoz client: request rate, error rate and latency of the service that an alert is about.
//!
//! `POST /api/v5/query_range`, <https://signoz.io/docs/apm-and-distributed-tracing/traces-api>; its fields are in
//! <https://github.com/SigNoz/signoz/blob/main/docs/api/openapi.yml> (`QueryRangeV5`).

use std::collections::BTreeMap;

use domain::alert::Alert;
use domain::analysis::evidence::{Evidence, Found, Measurement, Source};
use domain::analysis::settings::SignozSettings;
use domain::phrase;
use domain::playbook::service::Service;
use domain::primitives::safe_text::is_plain;
use jiff::Timestamp;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Inquiry, InvalidUrl, NoAnswer, answer, base_url, below};

/// How long the window is, in minutes. There is a point for each.
const MINUTES: i64 = 30;
/// A minute in milliseconds, in which SigNoz tells the time.
const MINUTE: i64 = 60_000;
/// How long spans may take to arrive, in milliseconds: the newest minute would look quieter than it was.
const ARRIVAL: i64 = 30_000;
/// The registry's fact with the name by which SigNoz knows a service, where it is another one.
const FACT: &str = "signoz_service";
/// The labels that name a service, the best first.
const LABELS: [&str; 4] = ["service_name", "service", "app", "component"];
/// The three queries: the requests of each minute, the failed ones, and how long they took.
const REQUESTS: &str = "requests";
const ERRORS: &str = "errors";
const P99: &str = "p99";

/// A SigNoz that can be asked.
#[derive(Debug)]
pub(crate) struct Signoz {
    http: Client,
    base: Url,
    settings: SignozSettings,
}

impl Signoz {
    /// The server of the settings. `http` must not follow redirects: the key goes to no other
    /// server.
    ///
    /// # Errors
    /// If its URL cannot be used.
    pub(crate) fn new(settings: &SignozSettings, http: Client) -> Result<Self, InvalidUrl> {
        Ok(Self {
            http,
            base: base_url("signoz", &settings.url)?,
            settings: settings.clone(),
        })
    }

    /// Asks for the half hour before `at`. An alert that names no service has nothing to ask for.
    pub(crate) async fn look(
        &self,
        key: Option<&SecretString>,
        alert: &Alert,
        service: Option<&Service>,
        at: Timestamp,
    ) -> Vec<Evidence> {
        let Some(name) = known_as(alert, service) else {
            return Vec::new();
        };
        let asked = phrase!(
            "request rate, error rate and p99 of the service {name} in {minutes} minutes",
            name,
            minutes = MINUTES
        );
        let found = async {
            if !is_plain(name) {
                return Err(NoAnswer::NotAsked(phrase!(
                    "the service's name holds more than A-Z a-z 0-9 _ . : / -"
                )));
            }
            let key = key.ok_or_else(|| NoAnswer::NotAsked(phrase!("there is no key")))?;
            let window = Window::before(at);
            let answer = self.query(key, name, &window).await?;
            Ok(match measured(&answer, &window) {
                measurements if measurements.is_empty() => Found::Nothing,
                measurements => Found::Measured {
                    measurements,
                    link: Some(self.page(name, &window).into()),
                },
            })
        };
        let inquiry = Inquiry {
            source: Source::Signoz,
            asked,
            at,
            timeout: self.settings.timeout,
            key,
        };
        vec![inquiry.answered_by(found).await]
    }

    async fn query(
        &self,
        key: &SecretString,
        service: &str,
        window: &Window,
    ) -> Result<Minutes, NoAnswer> {
        let url = below(&self.base, &["api", "v5", "query_range"]);
        let request = self
            .http
            .post(url)
            .header("SIGNOZ-API-KEY", key.expose_secret())
            .json(&question(service, window));
        let (status, body) = answer(request).await?;
        let unreadable = |reason| NoAnswer::Unreadable {
            status: status.as_u16(),
            reason,
        };
        match serde_json::from_slice(&body) {
            Ok(Answer::Success {
                data: Response::TimeSeries { data },
            }) if status.is_success() => minutes(data).map_err(unreadable),
            Ok(Answer::Success { .. }) => Err(unreadable("a success that is none".to_owned())),
            Ok(Answer::Error { error }) => Err(NoAnswer::Refused {
                status: status.as_u16(),
                words: format!("{}: {}", error.code, error.message),
            }),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// The page of a service.
    fn page(&self, service: &str, window: &Window) -> Url {
        let mut page = below(&self.base, &["services", service]);
        page.query_pairs_mut()
            .append_pair("startTime", &window.start.to_string())
            .append_pair("endTime", &window.end.to_string());
        page
    }
}

/// The name by which SigNoz should know the service: as the registry says, else as the alert's labels do.
fn known_as<'a>(alert: &'a Alert, service: Option<&'a Service>) -> Option<&'a str> {
    let registered = service.map(|service| {
        service
            .facts
            .get(FACT)
            .map_or(service.name.as_str(), String::as_str)
    });
    let labelled = || {
        let known = LABELS.iter().filter_map(|label| alert.labels.get(*label));
        known.map(String::as_str).find(|name| !name.is_empty())
    };
    registered.or_else(labelled)
}

/// A window of whole minutes, in Unix milliseconds: SigNoz marks a minute that it knows a part of as partial.
struct Window {
    start: i64,
    end: i64,
}

impl Window {
    fn before(at: Timestamp) -> Self {
        let end = (at.as_millisecond() - ARRIVAL).div_euclid(MINUTE) * MINUTE;
        Self {
            start: end - MINUTES * MINUTE,
            end,
        }
    }
}

/// Three queries in one. Like SigNoz's own list of services, they look at the spans with which a request enters a service.
fn question(service: &str, window: &Window) -> Value {
    let queries = [
        (REQUESTS, "count()"),
        (ERRORS, "countIf(has_error = true)"),
        (P99, "p99(duration_nano)"),
    ];
    let queries = queries.map(|(name, expression)| {
        json!({ "type": "builder_query", "spec": {
            "name": name,
            "signal": "traces",
            "stepInterval": MINUTE / 1000,
            "filter": { "expression": format!("service.name = '{service}' AND (isRoot = true OR isEntryPoint = true)") },
            "aggregations": [{ "expression": expression }],
        } })
    });
    json!({
        "schemaVersion": "v1",
        "start": window.start,
        "end": window.end,
        "requestType": "time_series",
        "compositeQuery": { "queries": queries },
    })
}

/// The values of the minutes that have any, by query.
type Minutes = BTreeMap<String, BTreeMap<i64, f64>>;

fn minutes(data: Results) -> Result<Minutes, String> {
    let minutes: Minutes = data
        .results
        .into_iter()
        .map(|result| (result.query_name.clone(), result.into_points()))
        .collect();
    match [REQUESTS, ERRORS, P99]
        .into_iter()
        .find(|query| !minutes.contains_key(*query))
    {
        Some(query) => Err(format!("it says nothing of the query {query}")),
        None => Ok(minutes),
    }
}

/// Nothing for a service without a request in the window: SigNoz does not tell one that it does not know from one that rests.
fn measured(minutes: &Minutes, window: &Window) -> Vec<Measurement> {
    let (requests, errors) = (&minutes[REQUESTS], &minutes[ERRORS]);
    if requests.values().sum::<f64>() <= 0.0 {
        return Vec::new();
    }
    // A minute without requests has no point. It counts: a service that gets no more requests has a
    // rate of 0.
    let starts = (0..MINUTES).map(|minute| window.start + minute * MINUTE);
    let rate: Vec<f64> = starts
        .map(|start| requests.get(&start).copied().unwrap_or(0.0) / 60.0)
        .collect();
    let failed = requests.iter().filter(|(_, count)| **count > 0.0);
    let failed: Vec<f64> = failed
        .map(|(start, count)| errors.get(start).copied().unwrap_or(0.0) / count * 100.0)
        .collect();
    let took: Vec<f64> = minutes[P99]
        .values()
        .map(|nanoseconds| nanoseconds / 1e6)
        .collect();
    let measurements = [
        ("request_rate", "1/s", rate),
        ("error_rate", "%", failed),
        ("p99", "ms", took),
    ];
    measurements
        .into_iter()
        .filter_map(|(name, unit, points)| Measurement::of(name, unit, &points))
        .collect()
}

/// An answer, whatever its HTTP status.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Success { data: Response },
    Error { error: ApiError },
}

#[derive(Deserialize)]
struct ApiError {
    code: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Response {
    TimeSeries { data: Results },
}

#[derive(Deserialize)]
struct Results {
    results: Vec<QueryResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryResult {
    query_name: String,
    /// `null` where nothing was found.
    aggregations: Option<Vec<Aggregation>>,
}

#[derive(Deserialize)]
struct Aggregation {
    series: Option<Vec<Series>>,
}

#[derive(Deserialize)]
struct Series {
    values: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    /// The beginning of its minute, in Unix milliseconds.
    timestamp: i64,
    value: Number,
    /// True where the window holds only a part of the minute.
    #[serde(default)]
    partial: bool,
}

/// A value. SigNoz writes what JSON has no number for as text.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Number(f64);

impl TryFrom<Value> for Number {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let no_number = ["NaN", "Inf", "-Inf"].iter().any(|text| value == *text);
        value
            .as_f64()
            .or(no_number.then_some(f64::NAN))
            .map(Self)
            .ok_or("a value is no number")
    }
}

impl QueryResult {
    /// Nothing is grouped: one query has one series.
    fn into_points(self) -> BTreeMap<i64, f64> {
        let series = self
            .aggregations
            .into_iter()
            .flatten()
            .flat_map(|aggregation| aggregation.series)
            .flatten();
        let points = series
            .take(1)
            .flat_map(|series| series.values)
            .filter(|point| !point.partial && point.value.0.is_finite());
        points
            .map(|point| (point.timestamp, point.value.0))
            .collect()
    }
}

#[cfg(test)]
#[path = "signoz_tests.rs"]
mod tests;
