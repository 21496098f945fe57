//! Tests of JSON at its limits on the routes of signed alerts, Grafana and signals.

use jiff::Timestamp;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::answer::{answer, assert_problem};
use tests::in_process::{hmac, signed};
use tests::stack::Stack;

use super::json_limits::{assert_malformed, nested, raw, stored};

/// A body for a route that takes signed bodies only, signed.
async fn post_signed(stack: &Stack, route: &str, body: Vec<u8>) -> (u16, Value) {
    let headers = signed(&stack.facts.secrets["webhook"], route, &body);
    answer(
        stack
            .http
            .post(stack.url(route))
            .headers(headers)
            .body(body),
    )
    .await
}

#[tokio::test]
async fn signed_alerts_refuse_what_they_cannot_take() {
    let stack = Stack::start();
    let good = || {
        json!({
            "alert_type": "custom", "severity": "warning", "source": "test", "target_resource": unique("signed-odd"),
            "namespace": "shop", "message": "memory use is high", "labels": { "alertname": "Odd" }, "metrics": null,
        })
    };
    let body = good();
    let text = body.to_string();
    for (case, body, at) in [
        ("nothing", String::new(), None),
        ("null", "null".to_owned(), None),
        ("a list", "[]".to_owned(), None),
        (
            "an empty target",
            raw(&body, "/target_resource", "\" \\t\""),
            Some("target_resource"),
        ),
        (
            "an empty source",
            raw(&body, "/source", "\"\""),
            Some("source"),
        ),
        (
            "an empty namespace",
            raw(&body, "/namespace", "\"\""),
            Some("namespace"),
        ),
        (
            "a severity of another sender",
            raw(&body, "/severity", "\"P1\""),
            Some("severity"),
        ),
        (
            "a status that is none",
            body.to_string().replacen('{', "{\"status\":\"open\",", 1),
            Some("status"),
        ),
        (
            "10,000 lists for a message",
            raw(&body, "/message", &nested("[", "]")),
            Some("message"),
        ),
        (
            "10,000 objects for a label",
            raw(&body, "/labels/alertname", &nested("{\"a\":", "}")),
            Some("labels.alertname"),
        ),
        (
            "1e400 for a label",
            raw(&body, "/labels/alertname", "1e400"),
            Some("labels.alertname"),
        ),
        (
            "half a pair of surrogates",
            raw(&body, "/message", r#""\ud800""#),
            Some("message"),
        ),
        (
            "the source twice",
            text.replacen('{', "{\"source\":\"a\",", 1),
            None,
        ),
        (
            "a NUL that is not escaped",
            raw(&body, "/message", "\"a\0b\""),
            None,
        ),
    ] {
        let refused = post_signed(&stack, "webhooks/alerts", body.into_bytes()).await;
        let (status, problem) = &refused;
        assert_eq!(
            (*status, problem["type"].as_str(), problem["at"].as_str()),
            (400, Some("urn:quell:problem:malformed"), at),
            "{case}: {problem}"
        );
    }
    // What no field is read from may be anything; texts may be of any length and kind, and are kept up to a bound.
    let deep = raw(&good(), "/metrics", &nested("[", "]"));
    stored(
        &stack,
        "10,000 lists in metrics",
        &post_signed(&stack, "webhooks/alerts", deep.into_bytes()).await,
    )
    .await;
    let mut large = good();
    for field in ["source", "target_resource", "namespace", "message"] {
        large[field] = json!(format!("{}{}", unique(field), "\u{1}".repeat(8_000)));
    }
    large["labels"]["alertname"] = json!("N".repeat(20_000));
    stored(
        &stack,
        "long texts",
        &post_signed(&stack, "webhooks/alerts", large.to_string().into_bytes()).await,
    )
    .await;
}

#[tokio::test]
async fn grafana_refuses_what_it_cannot_take() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("grafana-odd"));
    let mut good = alert.delivery();
    good["version"] = json!("1");
    good["orgId"] = json!(null);
    good["alerts"][0]["values"] = json!(null);
    let post = async |body: String| {
        let time = Timestamp::now().as_second().to_string();
        let text = format!("{time}:{body}");
        let signature = hmac(&stack.facts.secrets["webhook"], text);
        answer(
            stack
                .http
                .post(stack.url("webhooks/grafana"))
                .header("X-Grafana-Alerting-Signature", signature)
                .header("X-Grafana-Alerting-Timestamp", time)
                .body(body),
        )
        .await
    };
    for (case, body, at) in [
        ("null", "null".to_owned(), None),
        (
            "a state that Alertmanager does not have",
            raw(&good, "/status", "\"nodata\""),
            Some("status"),
        ),
        (
            "half a pair of surrogates",
            raw(&good, "/alerts/0/labels/component", r#""\ud800""#),
            Some("alerts[0].labels.component"),
        ),
        (
            "10,000 lists for a label",
            raw(&good, "/alerts/0/labels/component", &nested("[", "]")),
            Some("alerts[0].labels.component"),
        ),
        (
            "a time without a zone",
            raw(&good, "/alerts/0/startsAt", "\"2026-11-01T10:00:00\""),
            Some("alerts[0].startsAt"),
        ),
    ] {
        assert_malformed(case, &post(body).await, at);
    }
    stack.assert_never_counted(&alert.fingerprint()).await;
    // Grafana's own fields are not read: values that are no numbers, and an organisation over 64 bits.
    let odd = raw(&good, "/alerts/0/values", "{\"B\":1e400,\"C\":null}").replacen(
        "\"orgId\":null",
        "\"orgId\":99999999999999999999",
        1,
    );
    assert_eq!(
        stored(&stack, "Grafana's own fields", &post(odd).await)
            .await
            .alert
            .source,
        "grafana"
    );
}

#[tokio::test]
async fn signals_refuse_what_they_cannot_take() {
    let stack = Stack::start();
    let target = unique("signal-odd");
    let body = json!({
        "source": "test", "alert_name": "Odd", "severity": "warning", "namespace": "default", "target": target, "message": "odd",
        "labels": { "team": "a", "cluster": "demo" }, "annotations": { "runbook": "none" }, "future": null,
    });
    let text = body.to_string();
    for (case, body, at) in [
        ("nothing", String::new(), None),
        ("blanks", "  ".to_owned(), None),
        ("null", "null".to_owned(), None),
        ("a text", "\"signal\"".to_owned(), None),
        ("a form", "source=test".to_owned(), None),
        (
            "an empty source",
            raw(&body, "/source", "\"\""),
            Some("source"),
        ),
        (
            "an empty name",
            raw(&body, "/alert_name", "\" \""),
            Some("alert_name"),
        ),
        (
            "an empty target",
            raw(&body, "/target", "\"\\n\""),
            Some("target"),
        ),
        (
            "a severity of another sender",
            raw(&body, "/severity", "\"error\""),
            Some("severity"),
        ),
        (
            "a status that is none",
            text.replacen('{', "{\"status\":\"open\",", 1),
            Some("status"),
        ),
        (
            "10,000 lists for the labels",
            raw(&body, "/labels", &nested("[", "]")),
            Some("labels"),
        ),
        (
            "10,000 objects for a label",
            raw(&body, "/labels/team", &nested("{\"a\":", "}")),
            Some("labels.team"),
        ),
        (
            "1e400 for an annotation",
            raw(&body, "/annotations/runbook", "1e400"),
            Some("annotations.runbook"),
        ),
        (
            "half a pair of surrogates",
            raw(&body, "/message", r#""\ud800""#),
            Some("message"),
        ),
        (
            "the target twice",
            text.replacen('{', "{\"target\":\"a\",", 1),
            None,
        ),
        (
            "a NUL that is not escaped",
            raw(&body, "/message", "\"a\0b\""),
            None,
        ),
    ] {
        let (status, problem) = post_signed(&stack, "webhooks/signals", body.into_bytes()).await;
        let expected = (400, Some("urn:quell:problem:malformed"), at);
        assert_eq!(
            (status, problem["type"].as_str(), problem["at"].as_str()),
            expected,
            "{case}: {problem}"
        );
    }
    for field in ["source", "alert_name", "target"] {
        let mut without = body.clone();
        without.as_object_mut().expect("an object").remove(field);
        let (status, problem) =
            post_signed(&stack, "webhooks/signals", without.to_string().into_bytes()).await;
        let detail = problem["detail"].as_str().expect("a text");
        assert!(
            status == 400 && detail.contains(&format!("missing field `{field}`")),
            "{problem}"
        );
    }
    // HMAC only: the secret of Alertmanager opens another door.
    let bearer = stack
        .http
        .post(stack.url("webhooks/signals"))
        .bearer_auth(&stack.facts.secrets["alertmanager"])
        .body(text.clone());
    let (status, problem) = answer(bearer).await;
    assert_problem("", (status, &problem), (401, "unauthenticated"));
    let wrong = stack
        .http
        .post(stack.url("webhooks/signals"))
        .headers(signed("wrong", "webhooks/signals", text.as_bytes()))
        .body(text.clone());
    assert_eq!(answer(wrong).await.0, 401);
    // Six bytes for a character: what is left after each text was cut does still not fit into a message of the queue.
    let mut large = body.clone();
    large["annotations"] = (0..64)
        .map(|i| (format!("a{i}"), json!("\u{1}".repeat(4_096))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let (status, problem) =
        post_signed(&stack, "webhooks/signals", large.to_string().into_bytes()).await;
    assert_problem("", (status, &problem), (413, "too-large"));
    let fingerprint = TestAlert {
        name: "Odd",
        namespace: "default".to_owned(),
        ..TestAlert::firing(&target)
    }
    .fingerprint();
    stack.assert_never_counted(&fingerprint).await;

    // What is odd but allowed is queued, and counted behind the queue.
    let odd = raw(&body, "/future", &format!("[{},1e400]", nested("[", "]")));
    let (status, taken) = post_signed(&stack, "webhooks/signals", odd.into_bytes()).await;
    assert_eq!(
        (status, taken["success"].as_bool(), taken["stream"].as_str()),
        (200, Some(true), Some("signals")),
        "{taken}"
    );
    assert!(
        taken["message_id"]
            .as_str()
            .is_some_and(|id| !id.is_empty()),
        "{taken}"
    );
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let episode = loop {
        if let Some(episode) = stack
            .store
            .episode(&fingerprint)
            .await
            .expect("the store answers")
        {
            break episode;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the signal is not counted"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(episode.hit_count, 1);
}
