//! Tests of bad input: each gets a problem document that names the place, never a 5xx, and leaves
//! no partial incident.

use jiff::Timestamp;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::answer::{answer, assert_problem};
use tests::in_process::{hmac, signed};
use tests::stack::Stack;

#[tokio::test]
async fn bodies_that_are_not_alerts_are_refused_with_the_place() {
    let stack = Stack::start();
    let post = |body: String| {
        let request = stack
            .http
            .post(stack.url("webhooks/alertmanager"))
            .bearer_auth(&stack.facts.secrets["alertmanager"]);
        answer(
            request
                .header("content-type", "application/json")
                .body(body),
        )
    };
    let good = TestAlert::firing(unique("bad")).delivery();
    let with = |place: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(place).expect("a place in the body") = value;
        body.to_string()
    };
    for (body, at) in [
        (String::new(), None),
        ("not json".to_owned(), None),
        (good.to_string()[..200].to_owned(), None),
        ("[".repeat(100_000), None),
        (format!("{good}{good}"), None),
        ("{}".to_owned(), None),
        (with("/alerts", json!("many")), Some("alerts")),
        (with("/status", json!("on fire")), Some("status")),
        (
            with("/alerts/0/status", json!(null)),
            Some("alerts[0].status"),
        ),
        (
            with("/alerts/0/labels", json!([1])),
            Some("alerts[0].labels"),
        ),
        (
            with("/alerts/0/labels/component", json!({ "a": 1 })),
            Some("alerts[0].labels.component"),
        ),
        (
            with("/alerts/0/startsAt", json!("+99999-01-01T00:00:00Z")),
            Some("alerts[0].startsAt"),
        ),
        (with("/truncatedAlerts", json!(-1)), Some("truncatedAlerts")),
        ("\"firing\"".to_owned(), None),
        ("1".to_owned(), None),
        ("null".to_owned(), None),
        ("true".to_owned(), None),
    ] {
        let (status, problem) = post(body.clone()).await;
        let shown = body.chars().take(80).collect::<String>();
        assert_eq!(
            (status, problem["at"].as_str()),
            (400, at),
            "{shown}: {problem}"
        );
        assert_eq!(problem["type"], "urn:quell:problem:malformed");
    }
    // What the contract allows is accepted.
    let mut newer = good.clone();
    newer["routeLabels"] = json!({ "team": "a" });
    newer["alerts"][0]["future"] = json!([1, 2, 3]);
    assert_eq!(post(newer.to_string()).await.0, 200);
    assert_eq!(post(with("/alerts", json!([]))).await.0, 200);
    let hostile = with(
        "/alerts/0/labels/component",
        json!("$(reboot)`id`\u{202e}\u{0}<b>'; DROP TABLE"),
    );
    assert_eq!(post(hostile).await.0, 200, "hostile text is text");
}

#[tokio::test]
async fn large_bodies_are_taken_or_refused_whole() {
    let stack = Stack::start();
    let component = unique("large");
    let mut large = TestAlert::firing(&component).delivery();
    large["alerts"][0]["annotations"]["description"] = json!("x".repeat(5_000_000));
    let (status, taken) = answer_of(&stack, &large).await;
    assert_eq!(status, 200, "{taken}");
    let incident = stack
        .incident(taken["incident_id"].as_str().expect("an incident"), |_| {
            true
        })
        .await;
    assert!(
        incident.alert.annotations["description"].len() < 10_000,
        "what is stored is bounded"
    );
    large["alerts"][0]["annotations"]["description"] = json!("x".repeat(5_600_000));
    let (status, problem) = answer_of(&stack, &large).await;
    assert_problem("", (status, &problem), (413, "too-large"));

    // A signature is a hash over the whole body: where one alert is signed, a stranger's size decides before it.
    for route in ["alerts", "signals", "slack", "pagerduty"] {
        let post = |bytes| {
            let url = stack.url(&format!("webhooks/{route}"));
            answer(stack.http.post(url).body("x".repeat(bytes)))
        };
        let (status, problem) = post(257 * 1024).await;
        assert_problem(route, (status, &problem), (413, "too-large"));
        let (status, problem) = post(256 * 1024).await;
        assert_problem(route, (status, &problem), (401, "unauthenticated"));
    }
}

async fn answer_of(stack: &Stack, body: &Value) -> (u16, Value) {
    let request = stack
        .http
        .post(stack.url("webhooks/alertmanager"))
        .bearer_auth(&stack.facts.secrets["alertmanager"]);
    answer(request.json(body)).await
}

#[tokio::test]
async fn only_who_may_gets_in() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("auth"));
    let body = alert.delivery().to_string();
    const ROUTE: &str = "webhooks/alertmanager";
    let secret = &stack.facts.secrets["alertmanager"];
    let webhook = &stack.facts.secrets["webhook"];
    let time = Timestamp::now().as_second().to_string();
    let timed = format!("{time}.{body}");
    let post = || {
        stack
            .http
            .post(stack.url(ROUTE))
            .header("content-type", "application/json")
            .body(body.clone())
    };
    let refused = [
        post(),
        post().bearer_auth("wrong"),
        post().basic_auth("alertmanager", Some("wrong")),
        post().bearer_auth(&stack.facts.secrets["webhook"]),
        post().headers(signed("wrong", ROUTE, body.as_bytes())),
        post().headers(signed(webhook, ROUTE, b"another body")),
        post().headers(signed(webhook, "webhooks/alerts", body.as_bytes())),
        // The forms of the original, which cover less than a new deployment asks for.
        post().header(
            "X-Signature-256",
            format!("sha256={}", hmac(webhook, &body)),
        ),
        post()
            .header(
                "X-Signature-256",
                format!("sha256={}", hmac(webhook, timed)),
            )
            .header("X-Signature-Timestamp", &time),
        // The address that counts is the one that API Gateway saw.
        post()
            .header("X-Forwarded-For", "10.0.0.1")
            .header("X-Real-IP", "127.0.0.1")
            .header("Forwarded", "for=10.0.0.1"),
    ];
    for request in refused {
        let (status, problem) = answer(request).await;
        assert_problem("", (status, &problem), (401, "unauthenticated"));
        for secret in stack.facts.secrets.values() {
            assert!(!problem.to_string().contains(secret), "a secret shows");
        }
    }
    stack.assert_never_counted(&alert.fingerprint()).await;
    let welcome = [
        post().bearer_auth(secret),
        post().basic_auth("anyone", Some(secret)),
        post().headers(signed(webhook, ROUTE, body.as_bytes())),
    ];
    for (i, request) in welcome.into_iter().enumerate() {
        let (status, taken) = answer(request).await;
        assert_eq!(
            (status, taken["hit_count"].as_u64()),
            (200, Some(i as u64 + 1)),
            "{taken}"
        );
    }
}

#[tokio::test]
async fn signed_alerts_have_the_originals_fields() {
    let stack = Stack::start();
    let target = unique("signed");
    let send = |alert: &Value, tamper: bool| {
        let body = alert.to_string();
        let headers = signed(
            &stack.facts.secrets["webhook"],
            "webhooks/alerts",
            if tamper { b"x" } else { body.as_bytes() },
        );
        answer(
            stack
                .http
                .post(stack.url("webhooks/alerts"))
                .headers(headers)
                .body(body),
        )
    };
    let mut alert = json!({
        "alert_type": "high_memory", "severity": "warning", "source": "k8s-monitor", "target_resource": target,
        "namespace": "shop", "message": "memory use is at 91 percent", "metrics": { "memory_percent": 91.2 },
    });
    assert_eq!(send(&alert, true).await.0, 401);
    let (status, first) = send(&alert, false).await;
    assert_eq!(status, 200, "{first}");
    let original = [
        "success",
        "message",
        "alert_id",
        "approval_created",
        "approval_id",
        "risk_level",
        "suggested_action",
        "hit_count",
        "converged",
    ];
    assert!(
        original.iter().all(|field| first.get(*field).is_some()),
        "{first}"
    );
    let (_, second) = send(&alert, false).await;
    assert_eq!(
        (second["converged"].as_bool(), second["incident_id"].clone()),
        (Some(true), first["incident_id"].clone())
    );
    alert["alert_type"] = json!("fire");
    let (status, problem) = send(&alert, false).await;
    assert_eq!((status, problem["at"].as_str()), (400, Some("alert_type")));
    alert.as_object_mut().expect("an object").remove("message");
    assert_eq!(send(&alert, false).await.0, 400);
}

#[tokio::test]
async fn grafana_is_let_in_by_its_own_signature() {
    let stack = Stack::start();
    let recorded =
        std::fs::read_to_string(tests::stack::project().join("events/grafana-firing.json"))
            .expect("the event");
    let recorded: Value = serde_json::from_str(&recorded).expect("JSON");
    let body = recorded["body"]
        .as_str()
        .expect("a body")
        .replace("db-1.shop.example", &unique("grafana"));
    let post = || {
        stack
            .http
            .post(stack.url("webhooks/grafana"))
            .header("content-type", "application/json")
            .body(body.clone())
    };
    let secret = &stack.facts.secrets["webhook"];
    let time = Timestamp::now().as_second().to_string();
    let right = hmac(secret, format!("{time}:{body}"));
    let signed_by_grafana = |signature: &str| {
        post()
            .header("X-Grafana-Alerting-Signature", signature)
            .header("X-Grafana-Alerting-Timestamp", &time)
    };
    assert_eq!(answer(post()).await.0, 401);
    let ours = signed(secret, "webhooks/grafana", body.as_bytes());
    assert_eq!(
        answer(post().headers(ours)).await.0,
        401,
        "the route has a form of its own"
    );
    let changed = right.replace(&right[..4], "0000");
    assert_eq!(answer(signed_by_grafana(&changed)).await.0, 401);
    let untimed = post().header("X-Grafana-Alerting-Signature", hmac(secret, &body));
    assert_eq!(answer(untimed).await.0, 401, "its time is asked for too");
    let (status, taken) = answer(signed_by_grafana(&right)).await;
    assert_eq!(
        (status, taken["outcome"].as_str()),
        (200, Some("opened")),
        "{taken}"
    );
    let incident = stack
        .incident(taken["incident_id"].as_str().expect("an incident"), |_| {
            true
        })
        .await;
    assert_eq!(incident.alert.source, "grafana");
    assert_eq!(
        answer(post().bearer_auth(&stack.facts.secrets["alertmanager"]))
            .await
            .1["outcome"],
        "joined"
    );
}

#[tokio::test]
async fn other_paths_and_methods_are_told_apart() {
    let stack = Stack::start();
    let (status, health) = answer(stack.http.get(stack.url("webhooks/health"))).await;
    assert_eq!((status, health["status"].as_str()), (200, Some("healthy")));
    assert_eq!(
        health["supported_alert_types"].as_array().map(Vec::len),
        Some(9)
    );
    assert_eq!(
        answer(stack.http.get(stack.url("webhooks/alertmanager")))
            .await
            .0,
        405
    );
    assert_eq!(
        answer(stack.http.post(stack.url("webhooks/nothing")))
            .await
            .0,
        404
    );
}
