//! Tests of `quell plan`: what would happen for an alert, in each shape in which one comes.

use serde_json::{Value, json};

use super::told;

#[test]
fn plan_of_an_alert_from_elsewhere_says_both_places() {
    let sent = r#"{"status":"firing","alerts":[{"status":"firing","labels":
        {"alertname":"SentryDown","component":"sentry","cluster":"dev-laptop","namespace":"feature-4711"}}]}"#;
    let why = "sentry lives in cluster prod, namespace tools; this alert comes from cluster dev-laptop, namespace feature-4711";
    let (_, found, _) = told(&["plan", "-"], sent);
    assert!(
        found.contains(&format!("service      none: {why}"))
            && found.contains(&format!("=> needs a human: {why}")),
        "{found}"
    );
    let (_, found, _) = told(&["plan", "-", "--output", "json"], sent);
    let found: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(found[0]["why"], why);
    assert_eq!(found[0]["decision"], "human");
    assert_eq!(found[0]["playbook"], Value::Null);
}

#[test]
fn plan_says_everything_that_would_happen() {
    let (status, found, complaint) = told(&["plan", "events/alertmanager-single.json"], "");
    assert_eq!((status, complaint.as_str()), (Some(0), ""));
    // The files that ship may change; what is said of them may not.
    for says in [
        "No --table given: assumes that nothing ever ran and that the kill switch is off.",
        "alert 1: TargetDown on checkout-web, firing",
        "fingerprint  95d6997766e2444492348aa9860260d2633542e1a5c2eaca27863f51fce4a92b",
        "identity     component checkout-web, namespace shop, type service_404",
        "playbook     restart-supervisor-program, score 6: it is for the alert TargetDown; it is for the type service_404",
        "recipe       target-down, ",
        "asks       down: count(up{job=\"checkout\", namespace=\"shop\"} == 0) or vector(0)",
        "on the stack nothing is asked: analyzer.yaml names no Prometheus",
        "urgency      P2, the worst of:",
        "    P2         sender: its sender calls it warning",
        "    P2         usual: usual for service_404 at this severity",
        "confidence   0.19, and at least 0.04 with 95 % probability: static, service_404",
        "    counted    nothing yet",
        "    prior      2 of 16, which count as 10: 16 real cards: people learned something from two (2026-11-30)",
        "blast radius nothing depends on it; the suggested action's data impact is NONE",
        "    risk       its playbook says low",
        "steps[0]   supervisorctl restart checkout-web  (up to 30 s, may run again)",
        "guardrail    passes kill_switch        it is off",
        "guardrail    STOPS  service_level      checkout-web asks for approval",
        "=> needs approval, because of service_level, confidence",
    ] {
        assert!(found.contains(says), "{says} is not in\n{found}");
    }
    assert_eq!(found.matches("guardrail    ").count(), 12, "{found}");
}

#[test]
fn plan_reads_every_shape_in_which_an_alert_comes() {
    for (event, says) in [
        (
            "alertmanager-grouped",
            "=> joins the incident of alert 1: one fingerprint is one incident",
        ),
        ("alertmanager-resolved", "=> leaves its episode"),
        ("alertmanager-cicd", "=> announced without analysis"),
        ("alert-signed", "high_memory on billing-worker, firing"),
        ("signal-signed", "QueueBacklog on billing-queue, firing"),
        ("grafana-firing", "sent by      grafana"),
        ("signals-received", "HighCPUUsage on search-indexer, firing"),
    ] {
        let (status, found, complaint) = told(&["plan", &format!("events/{event}.json")], "");
        assert!(
            status == Some(0) && found.contains(says),
            "{event}: {found}{complaint}"
        );
    }
    let bare = r#"{"status":"firing","alerts":[{"status":"firing","labels":{"alertname":"A\u001b[31m","component":"sentry"}}]}"#;
    let (status, found, _) = told(&["plan", "-"], bare);
    assert!(
        status == Some(0) && found.contains("A[31m on sentry") && !found.contains('\u{1b}'),
        "{found:?}"
    );
}

#[test]
fn plan_is_told_to_programs_as_json() {
    let sent = r#"{"status":"firing","alerts":[
        {"status":"firing","labels":{"alertname":"NodeFilesystemAlmostOutOfSpace","instance":"10.0.0.5:9100","mountpoint":"/","job":"node-exporter",
            "pod":"node-exporter-x2x4z","namespace":"monitoring","cluster":"eu","severity":"P1"}},
        {"status":"firing","labels":{"alertname":"NodeFilesystemSpaceFillingUp","instance":"10.0.0.5:9100","mountpoint":"/","job":"node-exporter",
            "pod":"node-exporter-q9w8z","namespace":"monitoring","cluster":"eu","severity":"warning"}},
        {"status":"firing","labels":{"alertname":"Watchdog"}}]}"#;
    let (status, found, complaint) = told(&["plan", "--output", "json", "-"], sent);
    assert_eq!((status, complaint.as_str()), (Some(0), ""));
    let plans: Value = serde_json::from_str(&found).expect("JSON");
    let of = |at: usize, field: &str| plans[at][field].clone();
    assert_eq!(
        (of(0, "incident"), of(1, "incident"), of(2, "incident")),
        (json!("new"), json!("joins 1"), json!("heartbeat"))
    );
    assert_eq!(of(0, "fingerprint"), of(1, "fingerprint"));
    assert_eq!(
        (of(0, "type"), of(0, "severity"), of(0, "decision")),
        (json!("disk_full"), json!("critical"), json!("human"))
    );
    let mut subject = of(0, "subject");
    let rule = subject["rule"].take();
    assert!(
        rule.as_str()
            .is_some_and(|rule| rule.contains("NodeFilesystem")),
        "{rule}"
    );
    assert_eq!(
        subject,
        json!({ "kind": "node", "name": "10.0.0.5:9100", "namespace": null, "cluster": "eu",
            "apart": subject["apart"], "rule": null })
    );
    for field in ["urgency", "service", "playbook", "why"] {
        assert!(plans[0].get(field).is_some(), "{field}");
    }
}

#[test]
fn plan_says_what_is_no_alert() {
    for (sent, says) in [
        ("{", "the alert is not JSON"),
        ("{}", "no known shape of an alert"),
        (
            r#"{"alert_type":"fire"}"#,
            "ingress refuses this at /api/v1/webhooks/alerts: alert_type: unknown variant `fire`",
        ),
        (
            r#"{"rawPath":"/api/v1/webhooks/telegram","body":"{}"}"#,
            "takes no alerts",
        ),
        (r#"{"Records":[{"body":"{}"}]}"#, "carries no alert"),
    ] {
        let (status, found, complaint) = told(&["plan", "-"], sent);
        assert!(
            status == Some(2) && found.is_empty() && complaint.contains(says),
            "{sent}: {complaint}"
        );
    }
}
