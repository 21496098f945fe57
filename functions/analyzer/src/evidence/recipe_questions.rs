//! Questions of a recipe, asked of Prometheus all at once.

use domain::alert::Alert;
use domain::analysis::evidence::{Evidence, Found, Source};
use domain::playbook::service::Service;
use domain::primitives::duration::Length;
use futures_util::future::join_all;
use jiff::Timestamp;
use recipes::Recipe;
use recipes::facts::Answer;
use recipes::file::{Question, Unit};
use secrecy::SecretString;

use super::Inquiry;
use super::prometheus::{Prometheus, measured_window};
use super::prometheus_answer::measured;
use super::promql::filled;

/// How long an answer may take. All are asked at once, and the key for them is waited for no longer than 4 s: together it is less than the 8 s
/// that people wait for a recipe at most.
const WITHIN: Length = Length::of_seconds(3);

/// A question with its evidence, and with its answer where there is one.
#[derive(Debug)]
pub struct Consulted {
    /// The question's id.
    pub question: String,
    pub evidence: Evidence,
    pub answer: Option<Answer>,
}

/// The questions of a recipe with an alert's labels in their queries, or why they are not asked.
pub fn questions<'r>(
    recipe: &'r Recipe,
    alert: &Alert,
    service: Option<&Service>,
) -> Vec<(&'r str, Result<String, String>)> {
    let question = |question: &'r Question| {
        let query = filled(&question.query, alert, service);
        (question.id.as_str(), query.map_err(|why| why.to_string()))
    };
    recipe.ask.iter().map(question).collect()
}

impl Prometheus {
    /// Asks the questions of a recipe about an alert, for the hour before `at`: in their order.
    pub async fn consult(
        &self,
        key: Option<&SecretString>,
        recipe: &Recipe,
        (alert, service): (&Alert, Option<&Service>),
        at: Timestamp,
    ) -> Vec<Consulted> {
        let questions = recipe.ask.iter();
        join_all(questions.map(|question| self.consult_one(key, question, (alert, service), at)))
            .await
    }

    async fn consult_one(
        &self,
        key: Option<&SecretString>,
        question: &Question,
        (alert, service): (&Alert, Option<&Service>),
        at: Timestamp,
    ) -> Consulted {
        let query = filled(&question.query, alert, service);
        let asked = query.as_ref().unwrap_or(&question.query).clone();
        let timeout = match self.timeout() {
            shorter if shorter.seconds() < WITHIN.seconds() => shorter,
            _ => WITHIN,
        };
        let mut answer = None;
        let found = async {
            let query = query?;
            let mut series = self
                .range(&query, key, measured_window(at), timeout)
                .await?;
            // A condition reads one series: the alert's own, where the answer has several.
            series.sort_by_key(|series| series.strange_labels(&alert.labels));
            series.truncate(1);
            answer = Some(match series.first() {
                Some(first) => Answer::of(&first.points()),
                None => Answer::nothing(),
            });
            let unit = question.unit.map_or("", Unit::as_str);
            Ok(match measured(&question.id, unit, None, &series) {
                measurements if measurements.is_empty() => Found::Nothing,
                measurements => Found::Measured {
                    measurements,
                    link: Some(self.page(&query, at).into()),
                },
            })
        };
        let inquiry = Inquiry {
            source: Source::Prometheus,
            asked: asked.into(),
            at,
            timeout,
            key,
        };
        let evidence = inquiry.answered_by(found).await;
        Consulted {
            question: question.id.clone(),
            evidence,
            answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::analysis::evidence::{Found, Source};
    use domain::analysis::settings::PrometheusSettings;
    use jiff::Timestamp;
    use loopback::{Reply, Server, answer};
    use recipes::Recipe;
    use serde_json::{Value, json};

    use super::{Consulted, Prometheus};
    use crate::evidence::stand_in::{alert, client, second};

    fn recipe(queries: &[&str]) -> Recipe {
        let ask = queries.iter().enumerate();
        let ask: Vec<Value> = ask
            .map(|(n, query)| json!({ "id": format!("q{n}"), "query": query, "unit": "%" }))
            .collect();
        let recipe =
            json!({ "id": "r", "name": "R", "for": {}, "ask": ask, "causes": [], "tests": [] });
        serde_json::from_value(recipe).expect("a recipe")
    }

    async fn consulted(
        server: &Server,
        labels: &[(&str, &str)],
        recipe: &Recipe,
    ) -> Vec<Consulted> {
        let settings = PrometheusSettings {
            url: server.url.clone(),
            token_secret: None,
            timeout: second(),
            queries: [].into(),
        };
        let prometheus = Prometheus::new(&settings, client()).expect("a URL");
        let at = Timestamp::from_second(1_700_000_000).expect("a time");
        prometheus
            .consult(None, recipe, (&alert(labels), None), at)
            .await
    }

    fn matrix(result: &Value) -> Reply {
        let body =
            json!({ "status": "success", "data": { "resultType": "matrix", "result": result } });
        answer(
            200,
            &[("content-type", "application/json")],
            body.to_string(),
        )
    }

    #[tokio::test]
    async fn the_alerts_own_series_is_the_answer() {
        let series =
            |pod: &str, values: Value| json!({ "metric": { "pod": pod }, "values": values });
        let both = json!([
            series("b", json!([[1, "1"]])),
            series("a", json!([[1, "10"], [2, "NaN"], [3, "30"]])),
        ]);
        let server = Server::playing(vec![matrix(&both)]);
        let recipe = recipe(&["x{$matchers(pod, node)}"]);
        let [one] = &consulted(&server, &[("pod", "a")], &recipe).await[..] else {
            panic!("one question")
        };
        assert_eq!(one.evidence.source, Source::Prometheus);
        assert_eq!(one.evidence.asked, "x{pod=\"a\"}");
        let answer = one.answer.as_ref().expect("an answer");
        assert_eq!(
            (answer.oldest, answer.newest, answer.empty),
            (Some(10.0), Some(30.0), Some(false))
        );
        let Found::Measured { measurements, link } = &one.evidence.found else {
            panic!("{:?}", one.evidence)
        };
        let [kept] = &measurements[..] else {
            panic!("the first series alone: {measurements:?}")
        };
        assert_eq!(
            (kept.name.as_str(), kept.value, kept.unit.as_str()),
            ("q0", 30.0, "%")
        );
        assert!(link.is_some());
    }

    #[tokio::test]
    async fn what_is_not_asked_or_fails_has_no_answer() {
        let server = Server::playing(vec![matrix(&json!([]))]);
        let recipe = recipe(&["x{$matchers(pod)}", "y{$matchers(none)}", "z{a=\"$gone\"}"]);
        let all = consulted(&server, &[("pod", "a")], &recipe).await;
        let empty = all[0].answer.as_ref().and_then(|answer| answer.empty);
        assert_eq!(
            (empty, &all[0].evidence.found),
            (Some(true), &Found::Nothing)
        );
        for (one, why) in all[1..].iter().zip([
            "it was not asked: the alert has none of the labels none",
            "it was not asked: the alert has no `gone`",
        ]) {
            assert_eq!(one.answer, None);
            let Found::Failed { why: said } = &one.evidence.found else {
                panic!("{:?}", one.evidence)
            };
            assert_eq!(*said, why);
        }
        assert_eq!(server.requests().len(), 1);
    }
}
