//! Tests of the one line for each answer, which CloudWatch reads as metrics and people as a log. It
//! describes the request, and holds nothing of its body.

use serde_json::{Map, Value, json};
use tests::alert::{TestAlert, unique};
use tests::in_process::signed;
use tests::runtime::{self, Ran, request_id};
use tests::stack::{Stack, project};

/// A word that stands in every body, and may stand in no line.
const MARKER: &str = "marzipan";

/// CloudWatch's units that are used here; the specification has the whole list.
const UNITS: [&str; 2] = ["Count", "Milliseconds"];

/// An event of API Gateway.
fn event(method: &str, path: &str, headers: Value, body: &str) -> Value {
    let recorded = std::fs::read_to_string(project().join("events/alertmanager-single.json"))
        .expect("the event");
    let mut event: Value = serde_json::from_str(&recorded).expect("JSON");
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["path"] = json!(path);
    event["requestContext"]["http"]["method"] = json!(method);
    event["headers"] = headers;
    event["body"] = json!(body);
    event
}

/// What the specification asks of a line
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
fn follows_the_specification(line: &Map<String, Value>) {
    let aws = line["_aws"].as_object().expect("an object");
    let at = aws["Timestamp"].as_i64().expect("a time");
    let now = jiff::Timestamp::now().as_millisecond();
    assert!(
        (now - 600_000..=now).contains(&at),
        "milliseconds since 1970: {at}"
    );
    let directives = aws["CloudWatchMetrics"].as_array().expect("a list");
    assert_eq!(directives.len(), 1);
    for directive in directives {
        assert!(
            directive["Namespace"]
                .as_str()
                .is_some_and(|namespace| !namespace.is_empty())
        );
        for dimension in directive["Dimensions"]
            .as_array()
            .expect("sets")
            .iter()
            .flat_map(|set| set.as_array().expect("a set"))
        {
            let value = line[dimension.as_str().expect("a name")]
                .as_str()
                .expect("a dimension is text at the root");
            assert!(
                !value.is_empty() && value.len() <= 1_024 && value.is_ascii(),
                "{value}"
            );
        }
        let metrics = directive["Metrics"].as_array().expect("a list");
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            let name = metric["Name"].as_str().expect("a name");
            assert!(
                line[name].is_number(),
                "{name} is no number at the root: {line:?}"
            );
            assert!(
                metric["Unit"]
                    .as_str()
                    .is_some_and(|unit| UNITS.contains(&unit)),
                "{metric}"
            );
        }
    }
}

/// The one line of each answer, in order.
fn lines_of(ran: &Ran) -> Vec<Map<String, Value>> {
    let lines: Vec<Map<String, Value>> = ran
        .lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut metrics: Vec<Map<String, Value>> = lines
        .into_iter()
        .filter(|line| line.contains_key("_aws"))
        .collect();
    assert_eq!(
        metrics.len(),
        ran.answers.len(),
        "one line each: {metrics:#?}"
    );
    for (place, line) in metrics.iter_mut().enumerate() {
        assert_eq!(
            line["request_id"],
            request_id(place).as_str(),
            "a line of its own for each"
        );
        follows_the_specification(line);
    }
    metrics
}

#[tokio::test]
async fn every_answer_writes_one_metrics_line_without_its_body() {
    let stack = Stack::start();
    let secrets = &stack.facts.secrets;
    let bearer = json!({ "content-type": "application/json", "authorization": format!("Bearer {}", secrets["alertmanager"]) });
    let wrong = json!({ "authorization": format!("Bearer {MARKER}") });
    let (first, second) = (
        TestAlert::firing(unique("metrics")),
        TestAlert::firing(unique("metrics")),
    );
    let marked = |alert: &TestAlert| {
        let mut body = alert.delivery();
        body["alerts"][0]["annotations"]["summary"] = json!(MARKER);
        body["alerts"][0]["labels"]["note"] = json!(MARKER);
        body
    };
    let mut both = tests::alert::group(&[first.clone(), second.clone()]);
    both["truncatedAlerts"] = json!(4);
    let ended = TestAlert {
        ends_at: Some(jiff::Timestamp::now()),
        ..first.clone()
    };
    let alertmanager = "/api/v1/webhooks/alertmanager";
    let post = |headers: &Value, body: &str| event("POST", alertmanager, headers.clone(), body);
    let signal = json!({ "source": "s", "alert_name": "QueueBacklog", "target": unique("signal"), "message": MARKER }).to_string();
    let headers = signed(&secrets["webhook"], "webhooks/signals", signal.as_bytes());
    let signed: Value = headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().expect("ASCII"))))
        .collect();
    let broken = format!("{{\"status\":\"{MARKER}\",\"alerts\":[]}}");
    let unknown = format!("/api/v1/{MARKER}");

    // Each event, with the route, the status, and what the line names as its outcome.
    let story: Vec<(Value, &str, u64, &str)> = vec![
        (
            event("GET", "/api/v1/webhooks/health", json!({}), ""),
            "webhooks/health",
            200,
            "",
        ),
        (
            post(&bearer, &marked(&first).to_string()),
            "webhooks/alertmanager",
            200,
            "opened",
        ),
        (
            post(&bearer, &marked(&first).to_string()),
            "webhooks/alertmanager",
            200,
            "joined",
        ),
        (
            post(&bearer, &marked(&first).to_string()),
            "webhooks/alertmanager",
            200,
            "joined",
        ),
        (
            post(&bearer, &marked(&second).to_string()),
            "webhooks/alertmanager",
            200,
            "opened",
        ),
        (
            post(&bearer, &both.to_string()),
            "webhooks/alertmanager",
            200,
            "joined",
        ),
        (
            post(&wrong, &marked(&first).to_string()),
            "webhooks/alertmanager",
            401,
            "refused",
        ),
        (
            post(&bearer, &broken),
            "webhooks/alertmanager",
            400,
            "refused",
        ),
        (
            event("GET", alertmanager, json!({}), ""),
            "none",
            405,
            "refused",
        ),
        (
            event("POST", &unknown, json!({}), MARKER),
            "none",
            404,
            "refused",
        ),
        (
            event("POST", "/api/v1/webhooks/signals", signed, &signal),
            "webhooks/signals",
            200,
            "",
        ),
        (
            post(&bearer, &marked(&ended).to_string()),
            "webhooks/alertmanager",
            200,
            "resolved",
        ),
    ];
    let events: Vec<Value> = story.iter().map(|(event, ..)| event.clone()).collect();
    let ran = runtime::ingress(&stack, &events).await;
    let lines = lines_of(&ran);

    for (((_, route, status, outcome), line), answer) in story.iter().zip(&lines).zip(&ran.answers)
    {
        assert_eq!(answer["statusCode"].as_u64(), Some(*status), "{answer}");
        assert_eq!(
            (line["route"].as_str(), line["status"].as_u64()),
            (Some(*route), Some(*status)),
            "{line:?}"
        );
        assert!(
            line["latency"]
                .as_f64()
                .is_some_and(|latency| latency > 0.0 && latency < 30_000.0),
            "{line:?}"
        );
        assert!(line["aws_requests"].is_u64(), "{line:?}");
        let measured: Vec<&str> = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|metric| metric["Name"].as_str())
            .collect();
        assert!(
            outcome.is_empty()
                || (measured.contains(outcome) && line[*outcome].as_u64() >= Some(1)),
            "{outcome}: {line:?}"
        );
        let body: Value =
            serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
        if body["results"]
            .as_array()
            .is_some_and(|results| results.len() == 1)
        {
            assert_eq!(
                (&line["fingerprint"], &line["incident_id"]),
                (&body["fingerprint"], &body["incident_id"])
            );
            assert_eq!(line["alerts"], 1);
        }
        if *status >= 400 {
            assert_eq!(
                Some(
                    format!(
                        "urn:quell:problem:{}",
                        line["problem"].as_str().expect("a kind")
                    )
                    .as_str()
                ),
                body["type"].as_str()
            );
        }
    }
    let requests = |place: usize| lines[place]["aws_requests"].as_u64().expect("a number");
    assert_eq!(requests(0), 0, "health needs nothing");
    // The second sighting, a power of two, tells the notifier of the count; the third is a join and nothing else.
    assert_eq!((requests(2), requests(3)), (2, 1));
    assert!(
        requests(4) <= 4,
        "an opening with a warm secret: {}",
        requests(4)
    );
    assert_eq!(
        (
            &lines[5]["alerts"],
            &lines[5]["left_out"],
            &lines[5]["joined"]
        ),
        (&json!(2), &json!(4), &json!(2))
    );
    assert!(!lines[5].contains_key("fingerprint"), "{:?}", lines[5]);

    let printed = ran.lines.join("\n");
    assert!(
        !printed.contains(MARKER),
        "words of a sender: {:#?}",
        ran.lines.iter().find(|line| line.contains(MARKER))
    );
    for secret in secrets.values() {
        let part: String = secret.chars().take(16).collect();
        assert!(
            !printed.contains(&part),
            "a secret shows: {:#?}",
            ran.lines.iter().find(|line| line.contains(&part))
        );
    }
}
