//! Prometheus client: the values behind an alert's own expression, and the queries that the
//! operator configures for its type.
//!
//! `POST /api/v1/query_range`, <https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries>

use std::time::Duration;

use domain::alert::{Alert, Texts};
use domain::analysis::evidence::{Evidence, Found, Source};
use domain::analysis::settings::{NamedQuery, PrometheusSettings};
use domain::phrase;
use domain::playbook::service::Service;
use domain::primitives::duration::Length;
use domain::primitives::safe_text::cut;
use futures_util::future::{join, join_all};
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;
use tracing::debug;

use super::prometheus_answer::{
    Answer, Data, Labels, Series, Window, charted, first_measured, measured,
};
use super::promql::{Comparison, filled, own_expression, value_side};
use super::{Inquiry, InvalidUrl, NoAnswer, answer, base_url, below};

/// How far apart two points of a measurement are, in seconds, and how many there are at most: the last hour's.
const STEP_SECONDS: u32 = 60;
const POINTS: u32 = 60;
/// The same of a chart: the last six hours', both ends included.
const CHART_STEP_SECONDS: u32 = 300;
const CHART_POINTS: u32 = 73;
/// How many series of an answer are measured.
const SERIES_KEPT: usize = 4;
/// How much of an expression stands in the name of a value, in characters: there has to be room for the labels.
const NAME_CHARACTERS: usize = 120;

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
    /// At what the alert fires. Only the alert's own value has a limit, and a chart.
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

    /// Asks everything there is to ask about an alert, all at once, for the hour before `at`, and for the six hours of the chart. `key` is
    /// the bearer token.
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
            Err(why) => {
                let name = phrase!("the alert's own expression").to_string();
                vec![question(&name, Err(why))]
            }
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
        let question = |named: &NamedQuery| {
            let query = filled(&named.query, alert, service);
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
        let timeout = self.settings.timeout;
        let asked = query.as_ref().unwrap_or(&name).clone();
        let is_charted = limit.is_some();
        let mut first: Option<Labels> = None;
        let found = async {
            let query = query?;
            let mut series = self
                .range(&query, key, measured_window(at), timeout)
                .await?;
            // Its own labels are in the alert: what the alert is about comes first, whatever the order of the answer.
            series.sort_by_key(|series| series.strange_labels(labels));
            series.truncate(SERIES_KEPT);
            first = first_measured(&series);
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
            asked: asked.clone().into(),
            at,
            timeout,
            key,
        };
        let hours = async {
            match is_charted {
                true => self.hours(&asked, key, at).await,
                false => Vec::new(),
            }
        };
        // At the same time, and beside the inquiry: a chart that fails or takes too long takes nothing away from the value.
        let (mut evidence, hours) = join(inquiry.answered_by(found), hours).await;
        let window = chart_window(at);
        let chart = first.and_then(|labels| charted(&hours, &labels, window));
        if let Found::Measured { measurements, .. } = &mut evidence.found
            && let Some(measurement) = measurements.first_mut()
        {
            measurement.series = chart;
        }
        evidence
    }

    /// The series of a chart; none where they cannot be had, which is no failure: the value is measured without them.
    async fn hours(&self, query: &str, key: Option<&SecretString>, at: Timestamp) -> Vec<Series> {
        let within = self.settings.timeout;
        let limit = Duration::from_secs(within.seconds());
        match timeout(limit, self.range(query, key, chart_window(at), within)).await {
            Ok(Ok(series)) => series,
            Ok(Err(why)) => {
                debug!(%why, "there is no chart of the alert's value");
                Vec::new()
            }
            Err(_) => {
                debug!(?limit, "there is no chart of the alert's value in time");
                Vec::new()
            }
        }
    }

    /// How long an answer may take, by the operator's settings.
    pub(super) fn timeout(&self) -> Length {
        self.settings.timeout
    }

    /// The points of a query's series.
    pub(super) async fn range(
        &self,
        query: &str,
        key: Option<&SecretString>,
        window: Window,
        within: Length,
    ) -> Result<Vec<Series>, NoAnswer> {
        // A query can be longer than a proxy lets a URL be: it is the body, in the form of a URL's query.
        let mut form = self.base.clone();
        form.query_pairs_mut()
            .append_pair("query", query)
            .append_pair("start", &window.start().to_string())
            .append_pair("end", &window.end.as_second().to_string())
            .append_pair("step", &window.step_seconds.to_string())
            .append_pair("timeout", &format!("{}s", within.seconds()));
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
    pub(super) fn page(&self, query: &str, at: Timestamp) -> Url {
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

/// The times of a measurement.
pub(super) fn measured_window(end: Timestamp) -> Window {
    Window {
        end,
        step_seconds: STEP_SECONDS,
        points: POINTS,
    }
}

/// The times of a chart. It ends at the same moment, so that its last point is the newest value.
fn chart_window(end: Timestamp) -> Window {
    Window {
        end,
        step_seconds: CHART_STEP_SECONDS,
        points: CHART_POINTS,
    }
}

#[cfg(test)]
#[path = "prometheus_tests/mod.rs"]
mod tests;
