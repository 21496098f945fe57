//! Test of evidence from the real Prometheus (Debian's package), about an alert that it fired
//! itself.

use std::time::{Duration, Instant};

use analyzer::evidence::prometheus::Prometheus as Asking;
use domain::alert::AlertType;
use domain::analysis::evidence::{Evidence, Found, Measurement, Trend};
use domain::analysis::settings::{NamedQuery, PrometheusSettings};
use domain::primitives::duration::Length;
use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde_json::json;
use tests::prometheus::{Prometheus, delivered};

/// How long Prometheus may take to scrape itself. Generous: these machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// An hour of four queues, of which one fills up, in the OpenMetrics format.
fn history(now: Timestamp) -> String {
    let mut text = "# TYPE queue_depth gauge\n".to_owned();
    for shard in 1..=4 {
        for minute in 0..60 {
            let depth = if shard == 4 { minute } else { 5 };
            let seconds = now.as_second() - (60 - minute) * 60 + 50;
            text.push_str(&format!(
                "queue_depth{{job=\"worker\",shard=\"{shard}\"}} {depth} {seconds}\n"
            ));
        }
    }
    text + "# EOF\n"
}

fn asking(url: &str, queries: &[(&str, &str)]) -> Asking {
    let http = reqwest::Client::builder()
        .redirect(Policy::none())
        .build()
        .expect("a client");
    let named = |(name, query): &(&str, &str)| NamedQuery {
        name: (*name).to_owned(),
        query: (*query).to_owned(),
        unit: String::new(),
    };
    let settings = PrometheusSettings {
        url: url.to_owned(),
        token_secret: None,
        timeout: Length::try_from("10s".to_owned()).expect("a length of time"),
        queries: [(AlertType::Custom, queries.iter().map(named).collect())].into(),
    };
    Asking::new(&settings, http).expect("a URL")
}

fn measured<'a>(evidence: &'a [Evidence], asked: &str) -> &'a [Measurement] {
    let found = evidence
        .iter()
        .find(|one| one.asked == asked)
        .map(|one| &one.found);
    let Some(Found::Measured { measurements, .. }) = found else {
        panic!("{asked} has no values: {evidence:?}")
    };
    measurements
}

#[tokio::test]
async fn the_alerts_expression_and_configured_queries_are_answered() {
    if !Prometheus::is_installed("prometheus_evidence") {
        return;
    }
    let rules = json!([
        { "record": "queues:depth:max", "expr": "max(queue_depth)" },
        { "alert": "QueueFillsUp", "expr": "queue_depth{job=\"worker\"} > 50", "labels": { "severity": "warning" } },
    ]);
    let prometheus = Prometheus::start(&rules, &history(Timestamp::now())).await;
    let alert = delivered(&prometheus.sent("QueueFillsUp").await);
    let queries = [
        ("up", "up{job='prometheus'}"),
        (
            "requests",
            "prometheus_http_requests_total{handler=~'.*/api/v1/query$'}",
        ),
        ("recorded", "queues:depth:max"),
        (
            "the alert's queue",
            "queue_depth{job='$job',shard='$shard'}",
        ),
        ("no such metric", "queue_depth{shard='9'}"),
        ("broken", "sum("),
        ("ambiguous", "queue_depth * on(job) queue_depth"),
    ];
    let asking = asking(&prometheus.url, &queries);
    let deadline = Instant::now() + PATIENCE;
    let evidence = loop {
        let evidence = asking.look(None, &alert, None, Timestamp::now()).await;
        // What it scrapes from itself and what its rule records come a little after the alert.
        if evidence[2..6]
            .iter()
            .all(|one| matches!(one.found, Found::Measured { .. }))
            || Instant::now() > deadline
        {
            break evidence;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };

    let [firing] = measured(&evidence, "queue_depth{job=\"worker\"} > 50") else {
        panic!("one queue is full: {evidence:?}")
    };
    assert!(
        (firing.value, firing.most) == (59.0, 59.0) && firing.least > 50.0,
        "{firing:?}"
    );
    let [full, others @ ..] = measured(&evidence, "queue_depth{job=\"worker\"}") else {
        panic!("{evidence:?}")
    };
    assert_eq!(
        (full.name.as_str(), full.value, full.trend),
        ("queue_depth{job=\"worker\"} {shard=4}", 59.0, Trend::Rising)
    );
    assert!(full.least < 10.0, "{full:?}");
    // Its hour of the last six, of which only the newest point is at a known time of the history.
    let series = full
        .series
        .as_ref()
        .expect("the alert's own value has a chart");
    assert!((10..=13).contains(&series.values().count()), "{series:?}");
    assert_eq!((series.points.len(), series.points[72]), (73, Some(59.0)));
    assert!(
        series.points[..59].iter().all(Option::is_none),
        "{series:?}"
    );
    assert!(series.values().is_sorted(), "{series:?}");
    assert_eq!(firing.series, None);
    assert!(
        others.len() == 3
            && others
                .iter()
                .all(|other| (other.value, other.trend) == (5.0, Trend::Stable)
                    && other.series.is_none()),
        "{others:?}"
    );

    assert_eq!(measured(&evidence, "up{job='prometheus'}")[0].value, 1.0);
    assert!(
        measured(
            &evidence,
            "prometheus_http_requests_total{handler=~'.*/api/v1/query$'}"
        )[0]
        .value
            >= 1.0
    );
    assert_eq!(measured(&evidence, "queues:depth:max")[0].value, 59.0);
    assert_eq!(
        measured(&evidence, "queue_depth{job='worker',shard='4'}")[0].trend,
        Trend::Rising
    );
    let others: Vec<&Found> = evidence[6..].iter().map(|one| &one.found).collect();
    let [
        Found::Nothing,
        Found::Failed { why: broken },
        Found::Failed { why: ambiguous },
    ] = others.as_slice()
    else {
        panic!("{others:?}")
    };
    let (broken, ambiguous) = (broken.to_string(), ambiguous.to_string());
    assert!(
        broken.starts_with("it refused the question (400): bad_data: ")
            && broken.contains("parse error"),
        "{broken}"
    );
    assert!(
        ambiguous.starts_with("it refused the question (422): execution: "),
        "{ambiguous}"
    );

    let links = evidence.iter().filter_map(|one| {
        if let Found::Measured { link, .. } = &one.found {
            link.as_ref()
        } else {
            None
        }
    });
    for link in links {
        assert!(
            reqwest::get(link)
                .await
                .expect("an answer")
                .status()
                .is_success(),
            "{link}"
        );
    }
}

#[tokio::test]
async fn another_server_s_expression_is_not_asked_for() {
    if !Prometheus::is_installed("prometheus_evidence") {
        return;
    }
    let rules = json!([{ "alert": "Always", "expr": "vector(1)" }]);
    let prometheus = Prometheus::start(&rules, &history(Timestamp::now())).await;
    let alert = delivered(&prometheus.sent("Always").await);
    let at = Timestamp::now();
    assert_eq!(
        asking(&prometheus.url, &[])
            .look(None, &alert, None, at)
            .await
            .len(),
        1
    );
    let by_name = prometheus.url.replace("127.0.0.1", "localhost");
    let above = prometheus.url.rsplit_once('/').expect("a path").0;
    for other in [by_name.as_str(), above] {
        assert_eq!(
            asking(other, &[]).look(None, &alert, None, at).await,
            [],
            "{other}"
        );
    }
}
