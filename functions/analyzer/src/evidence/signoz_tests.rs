//! Tests of the SigNoz client against a stand-in with documented and malformed answers.

use domain::alert::Alert;
use domain::analysis::evidence::{Evidence, Found, Measurement, Source, Trend};
use domain::analysis::settings::SignozSettings;
use domain::playbook::service::Service;
use jiff::Timestamp;
use loopback::{Reply, Server};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::super::stand_in::{alert, answering, client, second, service};
use super::Signoz;

const KEY: &str = "not-a-real-key";
const NOON: i64 = 1_772_366_400_000;

fn server(url: &str) -> Signoz {
    let settings = SignozSettings {
        url: url.to_owned(),
        key_secret: "name".to_owned(),
        timeout: second(),
    };
    Signoz::new(&settings, client()).expect("a URL")
}

async fn look(url: &str, alert: &Alert, service: Option<&Service>) -> Vec<Evidence> {
    let at = Timestamp::from_millisecond(NOON + 45_678).expect("a time");
    server(url)
        .look(Some(&SecretString::from(KEY)), alert, service, at)
        .await
}

async fn found(stand_in: &Server) -> Found {
    let mut evidence = look(&stand_in.url, &alert(&[("service", "checkout")]), None).await;
    assert_eq!(evidence.len(), 1);
    evidence.remove(0).found
}

fn why(found: &Found) -> String {
    let Found::Failed { why } = found else {
        panic!("it has to fail: {found:?}")
    };
    why.to_string()
}

async fn failure(stand_in: &Server) -> String {
    let Found::Failed { why } = found(stand_in).await else {
        panic!("it has to fail")
    };
    let why = why.to_string();
    assert!(!why.contains(KEY) && !why.contains("127.0.0.1"), "{why}");
    why
}

/// An answer in SigNoz's shape: the values of each query's minutes, where minute 0 is half an hour before noon.
fn answer(requests: &[(i64, Value)], errors: &[(i64, Value)], p99: &[(i64, Value)]) -> String {
    let result = |name: &str, minutes: &[(i64, Value)]| {
        let value = |(minute, value): &(i64, Value)| json!({ "timestamp": NOON - 1_800_000 + minute * 60_000, "value": value });
        let values: Vec<Value> = minutes.iter().map(value).collect();
        let series = json!([{ "labels": [], "values": values }]);
        json!({ "queryName": name, "aggregations": [{ "index": 0, "alias": "__result_0", "meta": {}, "series": series }] })
    };
    // SigNoz keeps its results in a map: they come in any order.
    whole(&json!([
        result("p99", p99),
        result("requests", requests),
        result("errors", errors)
    ]))
}

fn whole(results: &Value) -> String {
    json!({ "status": "success", "data": {
        "type": "time_series", "data": { "results": results }, "meta": { "rowsScanned": 12, "bytesScanned": 345, "durationMs": 6 },
    } })
    .to_string()
}

fn numbers(measurement: &Measurement) -> (&str, f64, &str, f64, f64, Trend) {
    let Measurement {
        name,
        value,
        unit,
        least,
        most,
        trend,
        limit: _,
        series: _,
    } = measurement;
    (name, *value, unit, *least, *most, *trend)
}

#[tokio::test]
async fn a_service_is_measured() {
    let requests: Vec<(i64, Value)> = (0..20)
        .map(|minute| (minute, json!(600)))
        .chain([(20, json!(1200))])
        .collect();
    let errors: Vec<(i64, Value)> = (0..20)
        .map(|minute| (minute, json!(if minute < 10 { 6.0 } else { 300.0 })))
        .collect();
    let p99 = [
        (0, json!(2_500_000.0)),
        (1, json!("NaN")),
        (2, json!("Inf")),
        (3, json!("-Inf")),
        (4, json!(3e6)),
    ];
    let stand_in = answering(200, "application/json", &answer(&requests, &errors, &p99));
    let evidence = look(
        &format!("{}/apm", stand_in.url),
        &alert(&[("service", "checkout")]),
        None,
    )
    .await;

    let [
        Evidence {
            source: Source::Signoz,
            asked,
            found: Found::Measured { measurements, link },
            ..
        },
    ] = evidence.as_slice()
    else {
        panic!("{evidence:?}")
    };
    assert_eq!(
        asked,
        "request rate, error rate and p99 of the service checkout in 30 minutes"
    );
    let measured: Vec<_> = measurements.iter().map(numbers).collect();
    let expected = [
        // The last minutes had no request, and so no point: nobody comes any more.
        ("request_rate", 0.0, "1/s", 0.0, 20.0, Trend::Falling),
        ("error_rate", 0.0, "%", 0.0, 50.0, Trend::Rising),
        ("p99", 3.0, "ms", 2.5, 3.0, Trend::Stable),
    ];
    assert_eq!(measured, expected);
    let page = format!(
        "{}/apm/services/checkout?startTime={}&endTime={NOON}",
        stand_in.url,
        NOON - 1_800_000
    );
    assert_eq!(link.as_deref(), Some(page.as_str()));
}

#[tokio::test]
async fn the_question_is_of_version_5_and_asks_three_things() {
    let stand_in = answering(200, "application/json", &answer(&[], &[], &[]));
    assert_eq!(found(&stand_in).await, Found::Nothing);
    let requests = stand_in.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (&*request.method, &*request.path),
        ("POST", "/api/v5/query_range")
    );
    assert_eq!(request.header("signoz-api-key"), "not-a-real-key");
    assert_eq!(request.header("content-type"), "application/json");
    let query = |name: &str, expression: &str| {
        json!({ "type": "builder_query", "spec": {
            "name": name, "signal": "traces", "stepInterval": 60,
            "filter": { "expression": "service.name = 'checkout' AND (isRoot = true OR isEntryPoint = true)" },
            "aggregations": [{ "expression": expression }],
        } })
    };
    let queries = [
        query("requests", "count()"),
        query("errors", "countIf(has_error = true)"),
        query("p99", "p99(duration_nano)"),
    ];
    let expected = json!({
        "schemaVersion": "v1", "start": NOON - 1_800_000, "end": NOON, "requestType": "time_series", "compositeQuery": { "queries": queries },
    });
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).expect("JSON"),
        expected
    );
}

#[tokio::test]
async fn a_service_is_known_by_the_registry_s_name_then_by_the_labels() {
    let stand_in = answering(200, "application/json", &answer(&[], &[], &[]));
    let labels = [
        ("component", "d"),
        ("app", "c"),
        ("service", "b"),
        ("service_name", "a"),
    ];
    let (renamed, plain) = (
        service("shop", &[("signoz_service", "shop-api")]),
        service("shop", &[]),
    );
    let cases = [
        (Some(&renamed), &labels[..], Some("shop-api")),
        (Some(&plain), &labels, Some("shop")),
        (None, &labels, Some("a")),
        (None, &labels[..3], Some("b")),
        (None, &labels[..2], Some("c")),
        (None, &labels[..1], Some("d")),
        (None, &[("service", ""), ("app", "c")], Some("c")),
        (None, &[("instance", "h:9100"), ("pod", "web-1")], None),
    ];
    for (service, labels, expected) in cases {
        let evidence = look(&stand_in.url, &alert(labels), service).await;
        let asked = expected.map(|name| {
            format!("request rate, error rate and p99 of the service {name} in 30 minutes")
        });
        assert_eq!(
            evidence.first().map(|one| one.asked.to_string()),
            asked,
            "{labels:?}"
        );
    }
    assert_eq!(stand_in.requests().len(), 7);
}

#[tokio::test]
async fn a_name_that_would_be_more_than_a_name_is_not_asked_for() {
    let stand_in = answering(200, "application/json", &answer(&[], &[], &[]));
    for name in ["x' OR service.name != '", "x\\", "$all", "a b", "警", "x\n"] {
        let evidence = look(&stand_in.url, &alert(&[("service", name)]), None).await;
        assert_eq!(
            why(&evidence[0].found),
            "it was not asked: the service's name holds more than A-Z a-z 0-9 _ . : / -",
            "{name}"
        );
    }
    let keyless = server(&stand_in.url)
        .look(
            None,
            &alert(&[("service", "a")]),
            None,
            Timestamp::UNIX_EPOCH,
        )
        .await;
    assert_eq!(why(&keyless[0].found), "it was not asked: there is no key");
    assert!(stand_in.requests().is_empty());
}

#[tokio::test]
async fn a_service_without_requests_is_nothing() {
    let nobody = |aggregations: Value| {
        let result = |name: &str| json!({ "queryName": name, "aggregations": aggregations });
        whole(&json!([
            result("requests"),
            result("errors"),
            result("p99")
        ]))
    };
    let bodies = [
        nobody(Value::Null),
        nobody(json!([])),
        nobody(json!([{ "index": 0, "alias": "", "series": null }])),
        nobody(json!([{ "series": [{ "values": [] }] }])),
        // Zeros that a server fills in are no requests.
        answer(
            &[(0, json!(0)), (1, json!(0))],
            &[(0, json!(0))],
            &[(0, json!(0))],
        ),
        answer(&[(0, json!("NaN"))], &[], &[]),
    ];
    for body in bodies {
        assert_eq!(
            found(&answering(200, "application/json", &body)).await,
            Found::Nothing,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_minute_that_is_known_in_part_is_left_out() {
    let mut body: Value =
        serde_json::from_str(&answer(&[(28, json!(600)), (29, json!(6))], &[], &[])).expect("JSON");
    body["data"]["data"]["results"][1]["aggregations"][0]["series"][0]["values"][0]["partial"] =
        json!(true);
    let Found::Measured { measurements, .. } =
        found(&answering(200, "application/json", &body.to_string())).await
    else {
        panic!("it has values")
    };
    assert_eq!((measurements[0].value, measurements[0].most), (0.1, 0.1));
    assert_eq!(
        measurements
            .iter()
            .map(|one| one.name.as_str())
            .collect::<Vec<_>>(),
        ["request_rate", "error_rate"],
        "nothing took any time"
    );
}

#[tokio::test]
async fn documented_errors_are_told_in_their_words() {
    let cases = [
        (400, "invalid_input", "unknown field"),
        (401, "unauthenticated", "unauthenticated"),
        (403, "forbidden", "only viewers"),
        (500, "internal", "clickhouse"),
    ];
    for (status, code, message) in cases {
        let body = json!({ "status": "error", "error": { "type": code, "code": code, "message": message, "errors": [], "suggestions": [] } });
        let why = failure(&answering(status, "application/json", &body.to_string())).await;
        assert_eq!(
            why,
            format!("it refused the question ({status}): {code}: {message}")
        );
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_none() {
    let result = |values: Value| {
        let aggregations = json!([{ "series": [{ "values": values }] }]);
        let result = |name: &str| json!({ "queryName": name, "aggregations": aggregations });
        whole(&json!([
            result("requests"),
            result("errors"),
            result("p99")
        ]))
    };
    let cases = [
        (200, "<!doctype html><title>SigNoz</title>".to_owned()),
        (502, "<html>Bad Gateway</html>".to_owned()),
        (200, "[]".to_owned()),
        (200, json!({ "status": "success" }).to_string()),
        (
            200,
            json!({ "status": "success", "data": { "type": "scalar", "data": { "results": [] } } })
                .to_string(),
        ),
        (200, whole(&json!([]))),
        (200, whole(&Value::Null)),
        (
            200,
            whole(
                &json!([{ "queryName": "requests", "aggregations": null }, { "queryName": "errors", "aggregations": null }]),
            ),
        ),
        (200, result(json!([{ "timestamp": "now", "value": 1 }]))),
        (200, result(json!([{ "timestamp": 1, "value": "1" }]))),
        (200, result(json!([{ "timestamp": 1, "value": null }]))),
        (200, result(json!([{ "timestamp": 1 }]))),
        (200, result(json!({}))),
        (500, answer(&[], &[], &[])),
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
async fn misbehaving_signoz_server_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let cut = Server::playing(vec![Reply::Cut(
        format!("{head}content-length: 1000\r\n\r\n{{\"status\":").into(),
    )]);
    assert!(failure(&cut).await.starts_with("it could not be reached: "));
    let slow = Server::playing(vec![Reply::Silent(
        format!("{head}content-length: 1000\r\n\r\n{{").into(),
    )]);
    assert_eq!(failure(&slow).await, "it did not answer within 1 s");
    let huge = answering(200, "application/json", &" ".repeat(2 * 1024 * 1024 + 1));
    assert_eq!(failure(&huge).await, "its answer is longer than 2 MiB");
    let elsewhere = answering(200, "application/json", &answer(&[], &[], &[]));
    let away = format!(
        "HTTP/1.1 307 Away\r\nlocation: {}/api/v5/query_range\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url
    );
    assert!(
        failure(&Server::playing(vec![Reply::Cut(away.into())]))
            .await
            .starts_with("it answered with a redirect (307)")
    );
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_key_that_is_no_header_is_not_shown() {
    let stand_in = answering(200, "application/json", &answer(&[], &[], &[]));
    let key = SecretString::from("two\nlines");
    let evidence = server(&stand_in.url)
        .look(
            Some(&key),
            &alert(&[("service", "a")]),
            None,
            Timestamp::UNIX_EPOCH,
        )
        .await;
    let why = why(&evidence[0].found);
    assert!(
        !why.contains("lines") && stand_in.requests().is_empty(),
        "{why}"
    );
}
