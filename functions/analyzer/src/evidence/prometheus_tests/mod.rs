//! Tests of the Prometheus client against a stand-in with documented and malformed answers.

mod charts;
mod failures;

use domain::alert::{Alert, AlertType};
use domain::analysis::evidence::{Evidence, Found, Source, Trend};
use domain::analysis::settings::{NamedQuery, PrometheusSettings};
use jiff::Timestamp;
use loopback::Server;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::super::stand_in::{alert, answering, client, second, service};
use super::Prometheus;

const KEY: &str = "not-a-real-token";

fn at() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

fn server(url: &str, queries: &[(&str, &str)]) -> Prometheus {
    let named = |(name, query): &(&str, &str)| NamedQuery {
        name: (*name).to_owned(),
        query: (*query).to_owned(),
        unit: "1/s".to_owned(),
    };
    let queries = [(AlertType::HighCpu, queries.iter().map(named).collect())].into();
    let settings = PrometheusSettings {
        url: url.to_owned(),
        token_secret: None,
        timeout: second(),
        queries,
    };
    Prometheus::new(&settings, client()).expect("a URL")
}

async fn look(prometheus: &Prometheus, alert: &Alert) -> Vec<Evidence> {
    prometheus
        .look(Some(&SecretString::from(KEY)), alert, None, at())
        .await
}

/// What becomes of one question to a stand-in.
async fn found(stand_in: &Server) -> Found {
    let mut evidence = look(
        &server(&stand_in.url, &[("load", "node_load1")]),
        &alert(&[]),
    )
    .await;
    assert_eq!(evidence.len(), 1);
    evidence.remove(0).found
}

fn matrix(series: &Value) -> String {
    json!({ "status": "success", "data": { "resultType": "matrix", "result": series } }).to_string()
}

#[tokio::test]
async fn an_answer_is_measured() {
    let points = json!([
        [1_772_366_280, "1"],
        [1_772_366_340.123, "NaN"],
        [1_772_366_400, "2.5"],
        [1_772_366_460, "+Inf"],
        [1_772_366_520, "4e0"]
    ]);
    let mut body: Value = serde_json::from_str(&matrix(
        &json!([{ "metric": { "__name__": "node_load1" }, "values": points }]),
    ))
    .expect("JSON");
    body["warnings"] = json!(["a store did not answer"]);
    body["infos"] = json!(["a counter's name does not end in _total"]);
    body["data"]["stats"] = json!({});
    let stand_in = answering(200, "application/json", &body.to_string());
    let prometheus = server(
        &format!("{}/p", stand_in.url),
        &[("load", r#"node_load1{instance="$instance"}"#)],
    );
    let evidence = look(&prometheus, &alert(&[("instance", "db-1:9100")])).await;

    let [
        Evidence {
            source: Source::Prometheus,
            asked,
            at: when,
            found: Found::Measured { measurements, link },
            ..
        },
    ] = evidence.as_slice()
    else {
        panic!("{evidence:?}")
    };
    assert_eq!(
        (asked.to_string().as_str(), *when),
        (r#"node_load1{instance="db-1:9100"}"#, at())
    );
    let [load] = measurements.as_slice() else {
        panic!("{measurements:?}")
    };
    assert_eq!(
        (load.name.as_str(), load.value, load.unit.as_str()),
        ("load", 4.0, "1/s")
    );
    assert_eq!(
        (load.least, load.most, load.trend),
        (1.0, 4.0, Trend::Rising)
    );
    let page = "/p/graph?g0.expr=node_load1%7Binstance%3D%22db-1%3A9100%22%7D&g0.tab=0&g0.range_input=1h&g0.end_input=2026-03-01+12%3A00%3A00";
    assert_eq!(
        link.as_deref(),
        Some(format!("{}{page}", stand_in.url).as_str())
    );

    let requests = stand_in.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (&*request.method, &*request.path),
        ("POST", "/p/api/v1/query_range")
    );
    assert_eq!(request.header("authorization"), "Bearer not-a-real-token");
    let form = "query=node_load1%7Binstance%3D%22db-1%3A9100%22%7D&start=1772362860&end=1772366400&step=60&timeout=1s";
    assert_eq!(request.text(), form);
}

#[tokio::test]
async fn the_series_that_the_alert_is_about_come_first() {
    let series = |instance: &str, job: &str| {
        let metric = json!({ "__name__": "up", "env": "prod", "instance": instance, "job": job });
        json!({ "metric": metric, "values": [[1, "1"]] })
    };
    let all = json!([
        series("a", "node"),
        series("b", "node"),
        series("c", "db"),
        series("d", "node"),
        series("e", "node"),
        series("f", "db")
    ]);
    let stand_in = answering(200, "application/json", &matrix(&all));
    let alert = alert(&[("instance", "f"), ("job", "db"), ("env", "prod")]);
    let evidence = look(&server(&stand_in.url, &[("up", "up")]), &alert).await;
    let Found::Measured { measurements, .. } = &evidence[0].found else {
        panic!("{evidence:?}")
    };
    let names: Vec<&str> = measurements
        .iter()
        .map(|measurement| measurement.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "up {instance=f, job=db}",
            "up {instance=c, job=db}",
            "up {instance=a, job=node}",
            "up {instance=b, job=node}"
        ]
    );
}

#[tokio::test]
async fn alert_expression_is_queried_at_its_own_server_only() {
    let stand_in = answering(
        200,
        "application/json",
        &matrix(&json!([{ "metric": {}, "values": [[1, "7"]] }])),
    );
    let prometheus = server(&stand_in.url, &[]);
    let with_url = |url: String| Alert {
        generator_url: Some(url),
        ..alert(&[])
    };

    let evidence = look(
        &prometheus,
        &with_url(format!(
            "{}/graph?g0.expr=sum%28a%29+%3E+5&g0.tab=1",
            stand_in.url
        )),
    )
    .await;
    let asked: Vec<_> = evidence
        .iter()
        .map(|evidence| evidence.asked.to_string())
        .collect();
    assert_eq!(asked, ["sum(a) > 5", "sum(a)"]);
    assert!(
        evidence.iter().all(|evidence| matches!(&evidence.found, Found::Measured { measurements, .. } if measurements[0].value == 7.0))
    );
    let requests = stand_in.requests();
    assert_eq!(
        requests.len(),
        3,
        "the value is asked for twice: for the chart too"
    );
    let hours = "query=sum%28a%29&start=1772344800&end=1772366400&step=300&timeout=1s";
    assert!(
        requests.iter().any(|request| request.text() == hours),
        "{requests:?}"
    );

    let long = format!("{}/graph?g0.expr={}", stand_in.url, "a".repeat(5_000));
    let evidence = look(&prometheus, &with_url(long)).await;
    let [
        Evidence {
            found: Found::Failed { why },
            ..
        },
    ] = &evidence[..]
    else {
        panic!("it has to fail: {evidence:?}")
    };
    assert_eq!(*why, "it was not asked: the alert's expression is too long");
    for elsewhere in [
        "http://prom.example/graph?g0.expr=a".to_owned(),
        format!("{}@prom.example/graph?g0.expr=a", stand_in.url),
    ] {
        assert_eq!(look(&prometheus, &with_url(elsewhere)).await, []);
    }
    assert_eq!(look(&prometheus, &alert(&[])).await, []);
    assert_eq!(stand_in.requests().len(), 3, "nothing more was asked");
}

#[tokio::test]
async fn names_in_a_query_stand_for_what_is_known() {
    let stand_in = answering(200, "application/json", &matrix(&json!([])));
    let queries = [
        (
            "all",
            "a{b='$target',c='$namespace',d='$service',e='$alertname'}",
        ),
        ("none", "a{b='$pod'}"),
        ("odd", "a{b='$odd'}"),
    ];
    let prometheus = server(&stand_in.url, &queries);
    let alert = alert(&[
        ("alertname", "A"),
        ("component", "web"),
        ("namespace", "shop"),
        ("service", "label"),
        ("odd", "x'}"),
    ]);
    let registered = service("checkout", &[]);
    for (service, name) in [(Some(&registered), "checkout"), (None, "label")] {
        let evidence = prometheus.look(None, &alert, service, at()).await;
        assert_eq!(
            (evidence[0].asked.to_string(), &evidence[0].found),
            (
                format!("a{{b='web',c='shop',d='{name}',e='A'}}"),
                &Found::Nothing
            )
        );
        let failed = |asked: &str, label: &str| {
            evidence.iter().any(|one| {
                one.asked == asked
                    && matches!(&one.found, Found::Failed { why } if why.to_string().contains(label))
            })
        };
        assert!(
            evidence.len() == 3 && failed("none", "`pod`") && failed("odd", "`odd`"),
            "{evidence:?}"
        );
    }
    let requests = stand_in.requests();
    assert!(
        requests.len() == 2
            && requests
                .iter()
                .all(|request| request.header("authorization").is_empty()),
        "{requests:?}"
    );
    let other = Alert {
        alert_type: AlertType::DiskFull,
        ..alert
    };
    assert_eq!(
        prometheus.look(None, &other, None, at()).await,
        [],
        "each type has its own queries"
    );
}

#[tokio::test]
async fn what_comes_back_fits_into_an_incident() {
    let series = |i: usize| json!({ "metric": { "x": format!("{i}{}", "警".repeat(5_000)) }, "values": [[1, "1"]] });
    let all: Vec<Value> = (0..20).map(series).collect();
    let stand_in = answering(200, "application/json", &matrix(&json!(all)));
    let Found::Measured { measurements, .. } = found(&stand_in).await else {
        panic!("it has values")
    };
    assert_eq!(measurements.len(), 4);
    assert!(
        measurements
            .iter()
            .all(|measurement| measurement.name.chars().count() < 70),
        "{measurements:?}"
    );
}
