//! Tests of the Prometheus client against a stand-in with documented and malformed answers.

use domain::alert::{Alert, AlertType};
use domain::analysis::evidence::{Evidence, Found, Measurement, Source, Trend};
use domain::analysis::settings::{NamedQuery, PrometheusSettings};
use jiff::Timestamp;
use loopback::{Reply, Request, Server, answer as reply};
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

async fn failure(stand_in: &Server) -> String {
    let Found::Failed { why } = found(stand_in).await else {
        panic!("it has to fail")
    };
    let why = why.to_string();
    assert!(!why.contains(KEY) && !why.contains("127.0.0.1"), "{why}");
    why
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

/// A server that knows two series: their last hours in the steps of a chart, and else the newest value alone.
fn two_series(hours: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request: &Request, _| {
        if request.text().contains("step=300") {
            return hours();
        }
        let series = |host: &str, value: &str| {
            let metric = json!({ "__name__": "load", "host": host });
            json!({ "metric": metric, "values": [[1_772_366_400, value]] })
        };
        let both = json!([series("a", "1"), series("b", "NaN"), series("c", "9")]);
        reply(200, &[("content-type", "application/json")], matrix(&both))
    })
}

/// What is measured of the value of an alert about a host, with its series.
async fn charted(stand_in: &Server, host: &str) -> Vec<Measurement> {
    let alert = Alert {
        generator_url: Some(format!(
            "{}/graph?g0.expr=load+%3E+5&g0.tab=1",
            stand_in.url
        )),
        ..alert(&[("host", host)])
    };
    let mut evidence = look(&server(&stand_in.url, &[("other", "load")]), &alert).await;
    let [whole, value, other] = evidence.as_mut_slice() else {
        panic!("{evidence:?}")
    };
    for without in [whole, other] {
        let Found::Measured { measurements, .. } = &without.found else {
            panic!("{without:?}")
        };
        assert!(
            measurements.iter().all(|one| one.series.is_none()),
            "{measurements:?}"
        );
    }
    let Found::Measured { measurements, .. } = &mut value.found else {
        panic!("{value:?}")
    };
    std::mem::take(measurements)
}

#[tokio::test]
async fn the_alerts_own_series_is_kept_with_its_gaps() {
    let hours = || {
        let points = json!([
            [1_772_344_800, "4"],
            [1_772_345_400.02, "5"],
            [1_772_345_700, "+Inf"],
            [1_772_366_400, "9"],
            [1_772_366_700, "1000"],
            [1_772_345_250, "2000"]
        ]);
        let series = |host: &str, points: &Value| json!({ "metric": { "__name__": "load", "host": host }, "values": points });
        let all = json!([
            series("a", &json!([[1_772_366_400, "1"]])),
            series("c", &points)
        ]);
        reply(200, &[("content-type", "application/json")], matrix(&all))
    };
    let measurements = charted(&two_series(hours), "c").await;
    let series = measurements[0].series.as_ref().expect("it has a chart");
    assert_eq!(
        (series.end, series.step_seconds, series.points.len()),
        (at(), 300, 73)
    );
    let mut expected = vec![None; 73];
    (expected[0], expected[2], expected[72]) = (Some(4.0), Some(5.0), Some(9.0));
    assert_eq!(
        series.points, expected,
        "what was not asked for is no point"
    );
    assert!(measurements[1..].iter().all(|other| other.series.is_none()));

    // The newest value of `b` is no number: what is measured first is another series, and the chart is that one's.
    let measurements = charted(&two_series(hours), "b").await;
    assert!(measurements[0].name.contains("host=a"), "{measurements:?}");
    let series = measurements[0].series.as_ref().expect("it has a chart");
    assert_eq!(series.values().collect::<Vec<_>>(), [1.0]);
}

#[tokio::test]
async fn a_chart_that_fails_takes_nothing_from_the_value() {
    let json = [("content-type", "application/json")];
    let replies: [fn() -> Reply; 4] = [
        || {
            reply(
                422,
                &[],
                r#"{"status":"error","errorType":"execution","error":"too many samples"}"#,
            )
        },
        || reply(200, &[], "<html>"),
        || Reply::Silent(Vec::new()),
        || Reply::Cut(Vec::new()),
    ];
    for hours in replies {
        let measurements = charted(&two_series(hours), "c").await;
        assert_eq!(
            (measurements[0].value, &measurements[0].series),
            (9.0, &None)
        );
    }
    let strangers = json!([{ "metric": { "host": "c" }, "values": [[1_772_366_400, "9"]] }]);
    let strangers = move || reply(200, &json, matrix(&strangers));
    let measurements = charted(&two_series(strangers), "c").await;
    assert_eq!(
        measurements[0].series, None,
        "it is the same series or none"
    );
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
async fn documented_errors_are_told_in_their_words() {
    let error = |kind: &str, words: &str| {
        json!({ "status": "error", "errorType": kind, "error": words }).to_string()
    };
    let cases = [
        (
            400,
            error("bad_data", "1:5: parse error: unexpected end of input"),
            "bad_data: 1:5: parse error: unexpected end of input",
        ),
        (
            422,
            error("execution", "query processing would load too many samples"),
            "execution: query processing would load too many samples",
        ),
        (
            503,
            error("timeout", "query timed out in expression evaluation"),
            "timeout: query timed out in expression evaluation",
        ),
        (200, error("internal", "odd"), "internal: odd"),
        // Not documented, but in the reach of a proxy.
        (
            401,
            error("unauthorized", "no such token: not-a-real-token"),
            "unauthorized: no such token: [redacted]",
        ),
    ];
    for (status, body, words) in cases {
        let stand_in = answering(status, "application/json", &body);
        assert_eq!(
            failure(&stand_in).await,
            format!("it refused the question ({status}): {words}")
        );
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_none() {
    let cases = [
        (502, "<html><h1>Bad Gateway</h1></html>".to_owned()),
        (200, "<html>Log in</html>".to_owned()),
        (401, "Unauthorized\n".to_owned()),
        (200, String::new()),
        (200, "null".to_owned()),
        (200, "{}".to_owned()),
        (200, json!({ "status": "success" }).to_string()),
        (
            200,
            json!({ "status": "success", "data": { "resultType": "vector", "result": [] } })
                .to_string(),
        ),
        (
            200,
            json!({ "status": "success", "data": { "resultType": "matrix", "result": {} } })
                .to_string(),
        ),
        (
            200,
            json!({ "status": "success", "data": { "resultType": "matrix", "result": null } })
                .to_string(),
        ),
        (200, matrix(&json!([{ "metric": [], "values": [] }]))),
        (
            200,
            matrix(&json!([{ "metric": { "a": 1 }, "values": [] }])),
        ),
        (
            200,
            matrix(&json!([{ "metric": {}, "values": [[1, 2.0]] }])),
        ),
        (
            200,
            matrix(&json!([{ "metric": {}, "values": [[1, "two"]] }])),
        ),
        (200, matrix(&json!([{ "metric": {}, "values": [[1]] }]))),
        (
            200,
            matrix(&json!([{ "metric": {}, "values": [["now", "1"]] }])),
        ),
        (500, matrix(&json!([]))),
    ];
    for (status, body) in cases {
        let why = failure(&answering(status, "text/html", &body)).await;
        assert!(
            why.starts_with(&format!("its answer ({status}) is none of its API: ")),
            "{body}: {why}"
        );
    }
}

#[tokio::test]
async fn values_that_are_no_numbers_and_no_values_are_nothing() {
    let histogram =
        json!({ "metric": {}, "histograms": [[1, { "count": "1", "sum": "1", "buckets": [] }]] });
    for series in [
        json!([]),
        json!([{ "metric": {}, "values": [] }]),
        json!([{ "metric": {}, "values": [[1, "NaN"], [2, "-Inf"]] }]),
        json!([histogram]),
    ] {
        assert_eq!(
            found(&answering(200, "application/json", &matrix(&series))).await,
            Found::Nothing,
            "{series}"
        );
    }
}

#[tokio::test]
async fn a_server_that_breaks_off_stalls_or_never_ends_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let cut = Server::playing(vec![Reply::Cut(
        format!("{head}content-length: 1000\r\n\r\n{{\"status\":").into(),
    )]);
    assert!(failure(&cut).await.starts_with("it could not be reached: "));
    let hung_up = Server::playing(vec![Reply::Cut(Vec::new())]);
    assert!(
        failure(&hung_up)
            .await
            .starts_with("it could not be reached: ")
    );
    let no_http = Server::playing(vec![Reply::Cut("SSH-2.0-OpenSSH_9.2\r\n".into())]);
    assert!(
        failure(&no_http)
            .await
            .starts_with("it could not be reached: ")
    );
    for silent in [
        String::new(),
        head.to_owned(),
        format!("{head}content-length: 1000\r\n\r\n{{"),
    ] {
        assert_eq!(
            failure(&Server::playing(vec![Reply::Silent(silent.into())])).await,
            "it did not answer within 1 s"
        );
    }
    let huge = answering(200, "application/json", &" ".repeat(2 * 1024 * 1024 + 1));
    assert_eq!(failure(&huge).await, "its answer is longer than 2 MiB");
    let endless = Server::playing(vec![Reply::Silent(
        format!("{head}\r\n{}", " ".repeat(3 * 1024 * 1024)).into(),
    )]);
    assert_eq!(failure(&endless).await, "its answer is longer than 2 MiB");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = answering(200, "application/json", &matrix(&json!([])));
    for status in [301, 302, 307, 308] {
        let redirect = format!(
            "HTTP/1.1 {status} Away\r\nlocation: {}/api/v1/query_range\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url
        );
        let why = failure(&Server::playing(vec![Reply::Cut(redirect.into())])).await;
        assert!(
            why.starts_with(&format!(
                "it answered with a redirect ({status}), which is not followed"
            )),
            "{why}"
        );
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn nobody_there_is_an_answer_and_one_failure_is_not_all() {
    let closed = loopback::closed();
    let prometheus = server(
        &format!("http://{closed}"),
        &[("a", "a"), ("b", "b{c='$missing'}")],
    );
    let evidence = look(&prometheus, &alert(&[])).await;
    let whys: Vec<String> = evidence
        .iter()
        .filter_map(|one| {
            if let Found::Failed { why } = &one.found {
                Some(why.to_string())
            } else {
                None
            }
        })
        .collect();
    assert!(
        whys[0].starts_with("it could not be reached: ") && whys[0].contains("refused"),
        "{whys:?}"
    );
    assert_eq!(whys[1..], ["it was not asked: the alert has no `missing`"]);
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
