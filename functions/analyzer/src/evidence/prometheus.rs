//! Prometheus client: the values behind an alert's own expression, and the queries that the
//! operator configures for its type.
//!
//! `POST /api/v1/query_range`, <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>

use std::collections::{BTreeMap, BTreeSet};

use domain::alert::{Alert, Texts};
use domain::analysis::evidence::{Evidence, Found, Measurement, Source};
use domain::analysis::settings::{NamedQuery, PrometheusSettings};
use domain::playbook::service::Service;
use domain::primitives::safe_text::cut;
use futures_util::future::join_all;
use jiff::Timestamp;
use redaction::redact;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::promql::{Comparison, filled, own_expression, value_side};
use super::{Inquiry, InvalidUrl, NoAnswer, answer, base_url, below};

/// How far apart two points are, in seconds.
const STEP_SECONDS: i64 = 60;
/// How many points there are at most: the last hour's.
const POINTS: i64 = 60;
/// How many series of an answer are measured.
const SERIES_KEPT: usize = 4;
/// How much of an expression stands in the name of a value, in characters: there has to be room for the labels.
const NAME_CHARACTERS: usize = 120;
/// How many labels tell a series from the others, and how much of each value is shown, in characters.
const LABELS_SHOWN: usize = 3;
const LABEL_CHARACTERS: usize = 50;
/// The label that holds the metric's name.
const METRIC: &str = "__name__";

/// A Prometheus that can be asked.
#[derive(Debug)]
pub struct Prometheus {
    http: Client,
    base: Url,
    settings: PrometheusSettings,
}

/// A question: what its value is called, and the query, or why it cannot be asked.
struct Question {
    name: String,
    unit: String,
    query: Result<String, NoAnswer>,
    /// At what the alert fires.
    limit: Option<String>,
}

impl Prometheus {
    /// The server of the settings. `http` must not follow redirects: the token goes to no other
    /// server.
    ///
    /// # Errors
    /// If its URL cannot be used.
    pub fn new(settings: &PrometheusSettings, http: Client) -> Result<Self, InvalidUrl> {
        Ok(Self {
            http,
            base: base_url("prometheus", &settings.url)?,
            settings: settings.clone(),
        })
    }

    /// Asks everything there is to ask about an alert, all at once, for the hour before `at`. `key` is the bearer token.
    pub async fn look(
        &self,
        key: Option<&SecretString>,
        alert: &Alert,
        service: Option<&Service>,
        at: Timestamp,
    ) -> Vec<Evidence> {
        let questions = self
            .own_questions(alert)
            .into_iter()
            .chain(self.configured_questions(alert, service));
        join_all(questions.map(|question| self.ask(question, key, &alert.labels, at))).await
    }

    /// The alert's own expression, and what it compares. The expression itself says when it fired; the value also says how it came to that.
    fn own_questions(&self, alert: &Alert) -> Vec<Question> {
        let Some(expression) = alert
            .generator_url
            .as_deref()
            .and_then(|url| own_expression(&self.base, url))
        else {
            return Vec::new();
        };
        let question = |name: &str, query| Question {
            name: cut(name, NAME_CHARACTERS),
            unit: String::new(),
            query,
            limit: None,
        };
        match expression {
            Err(why) => vec![question("the alert's own expression", Err(why))],
            Ok(expression) => {
                let value = value_side(&expression).map(|Comparison { value, limit }| Question {
                    limit: Some(limit),
                    ..question(value, Ok(value.to_owned()))
                });
                [question(&expression, Ok(expression.clone()))]
                    .into_iter()
                    .chain(value)
                    .collect()
            }
        }
    }

    fn configured_questions(&self, alert: &Alert, service: Option<&Service>) -> Vec<Question> {
        let value_of = |name: &str| match name {
            "target" => Some(alert.target.clone()),
            "namespace" => Some(alert.namespace.clone()),
            "service" => service
                .map(|service| service.name.to_string())
                .or_else(|| alert.labels.get(name).cloned()),
            label => alert.labels.get(label).cloned(),
        };
        let question = |named: &NamedQuery| {
            let query = filled(&named.query, value_of);
            Question {
                name: named.name.clone(),
                unit: named.unit.clone(),
                query,
                limit: None,
            }
        };
        self.settings
            .queries
            .get(&alert.alert_type)
            .into_iter()
            .flatten()
            .map(question)
            .collect()
    }

    async fn ask(
        &self,
        question: Question,
        key: Option<&SecretString>,
        labels: &Texts,
        at: Timestamp,
    ) -> Evidence {
        let Question {
            name,
            unit,
            query,
            limit,
        } = question;
        let asked = query.as_ref().unwrap_or(&name).clone();
        let found = async {
            let query = query?;
            let mut series = self.range(&query, key, at).await?;
            // Its own labels are in the alert: what the alert is about comes first, whatever the order of the answer.
            series.sort_by_key(|series| series.strange_labels(labels));
            series.truncate(SERIES_KEPT);
            Ok(match measured(&name, &unit, limit.as_deref(), &series) {
                measurements if measurements.is_empty() => Found::Nothing,
                measurements => Found::Measured {
                    measurements,
                    link: Some(self.page(&query, at).into()),
                },
            })
        };
        let inquiry = Inquiry {
            source: Source::Prometheus,
            asked,
            at,
            timeout: self.settings.timeout,
            key,
        };
        inquiry.answered_by(found).await
    }

    /// The points of a query's series.
    async fn range(
        &self,
        query: &str,
        key: Option<&SecretString>,
        at: Timestamp,
    ) -> Result<Vec<Series>, NoAnswer> {
        let end = at.as_second();
        // A query can be longer than a proxy lets a URL be: it is the body, in the form of a URL's query.
        let mut form = self.base.clone();
        form.query_pairs_mut()
            .append_pair("query", query)
            .append_pair("start", &(end - (POINTS - 1) * STEP_SECONDS).to_string())
            .append_pair("end", &end.to_string())
            .append_pair("step", &STEP_SECONDS.to_string())
            .append_pair("timeout", &format!("{}s", self.settings.timeout.seconds()));
        let body = form.query().unwrap_or_default().to_owned();
        let url = below(&self.base, &["api", "v1", "query_range"]);
        let mut request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        if let Some(key) = key {
            request = request.bearer_auth(key.expose_secret());
        }
        let (status, body) = answer(request).await?;
        let unreadable = |reason| NoAnswer::Unreadable {
            status: status.as_u16(),
            reason,
        };
        match serde_json::from_slice(&body) {
            Ok(Answer::Success {
                data: Data::Matrix(series),
            }) if status.is_success() => Ok(series),
            Ok(Answer::Success { .. }) => Err(unreadable("a success that is none".to_owned())),
            Ok(Answer::Error { error_type, error }) => Err(NoAnswer::Refused {
                status: status.as_u16(),
                words: format!("{error_type}: {error}"),
            }),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// The page that shows a query's graph to a person.
    fn page(&self, query: &str, at: Timestamp) -> Url {
        let mut page = below(&self.base, &["graph"]);
        page.query_pairs_mut()
            .append_pair("g0.expr", query)
            .append_pair("g0.tab", "0")
            .append_pair("g0.range_input", "1h")
            .append_pair(
                "g0.end_input",
                &at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            );
        page
    }
}

/// An answer, whatever its HTTP status. Warnings and infos, which come with values, are not read.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Success {
        data: Data,
    },
    Error {
        #[serde(rename = "errorType")]
        error_type: String,
        error: String,
    },
}

/// A range query is answered with a matrix and with nothing else.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Matrix(Vec<Series>),
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// A series of native histograms has none.
    #[serde(default)]
    values: Vec<Point>,
}

/// Unix seconds and a value, which is text because JSON has no `NaN` and no `+Inf`.
#[derive(Deserialize)]
#[serde(try_from = "(f64, String)")]
struct Point(f64);

impl TryFrom<(f64, String)> for Point {
    type Error = &'static str;

    fn try_from((_, value): (f64, String)) -> Result<Self, Self::Error> {
        value.parse().map(Self).map_err(|_| "a value is no number")
    }
}

impl Series {
    /// How many of its labels the alert does not have, or has with another value.
    fn strange_labels(&self, labels: &Texts) -> usize {
        self.metric
            .iter()
            .filter(|(name, value)| *name != METRIC && labels.get(*name) != Some(value))
            .count()
    }
}

fn measured(name: &str, unit: &str, limit: Option<&str>, series: &[Series]) -> Vec<Measurement> {
    let differing = differing_labels(series);
    let measure = |one: &Series| {
        let points: Vec<f64> = one.values.iter().map(|point| point.0).collect();
        let measurement = Measurement::of(&called(name, &one.metric, &differing), unit, &points)?;
        Some(Measurement {
            limit: limit.map(str::to_owned),
            ..measurement
        })
    };
    series.iter().filter_map(measure).collect()
}

/// The labels that not all series have with the same value.
fn differing_labels(series: &[Series]) -> Vec<&str> {
    let names: BTreeSet<&str> = series
        .iter()
        .flat_map(|one| one.metric.keys().map(String::as_str))
        .collect();
    let differs = |name: &&str| {
        series
            .windows(2)
            .any(|pair| pair[0].metric.get(*name) != pair[1].metric.get(*name))
    };
    names
        .into_iter()
        .filter(differs)
        .take(LABELS_SHOWN)
        .collect()
}

/// A value's name with what tells it from its neighbours.
fn called(name: &str, metric: &BTreeMap<String, String>, differing: &[&str]) -> String {
    // A secret has to go before it is cut: half of one has no form by which it could be known later.
    let pair = |label: &&str| {
        let pair = format!("{label}={}", metric.get(*label)?);
        Some(cut(
            &redact(&pair),
            label.chars().count() + 1 + LABEL_CHARACTERS,
        ))
    };
    let shown: Vec<String> = differing.iter().filter_map(pair).collect();
    if shown.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {{{}}}", shown.join(", "))
    }
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;
