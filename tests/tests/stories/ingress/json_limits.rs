//! Tests of JSON at its limits, and of text of every kind: unusual but valid input is accepted and
//! stored bounded and readable; all else is refused with the place.

use domain::incident::Incident;
use domain::incident::operation_log::Event;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::answer::answer;
use tests::in_process::sign;
use tests::stack::Stack;

/// What cannot be said with a JSON value: the text of a body in which one value stands as it was written.
fn raw(body: &Value, place: &str, text: &str) -> String {
    let mut body = body.clone();
    *body.pointer_mut(place).expect("a place in the body") = json!("@@");
    body.to_string().replacen("\"@@\"", text, 1)
}

fn nested(open: &str, close: &str) -> String {
    format!("{}1{}", open.repeat(10_000), close.repeat(10_000))
}

/// A body as it is, with a type or without one.
async fn post_bytes(stack: &Stack, bytes: Vec<u8>, content_type: Option<&str>) -> (u16, Value) {
    let request = stack
        .http
        .post(stack.url("webhooks/alertmanager"))
        .bearer_auth(&stack.facts.secrets["alertmanager"]);
    let request = content_type.into_iter().fold(request, |request, kind| {
        request.header("content-type", kind)
    });
    answer(request.body(bytes)).await
}

/// A refusal of a body: stable, short, and with the place, which is a field or a position in the text.
fn assert_malformed(case: &str, (status, problem): &(u16, Value), at: Option<&str>) {
    assert_eq!(
        (*status, problem["type"].as_str()),
        (400, Some("urn:quell:problem:malformed")),
        "{case}: {problem}"
    );
    assert_eq!(problem["at"].as_str(), at, "{case}: {problem}");
    let detail = problem["detail"].as_str().expect("a text");
    assert!(
        at.is_some_and(|at| detail.starts_with(at)) || detail.contains(" at line 1 column "),
        "{case}: {detail}"
    );
    assert!(detail.len() < 1_500, "{case}: {detail}");
}

/// DynamoDB takes 400 KB in an item, and the repair has still to add to it.
const MOST_STORED: usize = 360_000;

/// The incident of an alert that was taken: the whole way to the analysis stands what is in it, and what is kept is bounded.
async fn stored(stack: &Stack, case: &str, (status, taken): &(u16, Value)) -> Incident {
    assert_eq!(
        (*status, taken["outcome"].as_str()),
        (200, Some("opened")),
        "{case}: {taken}"
    );
    let id = taken["incident_id"].as_str().expect("an incident");
    stack.log_with(id, Event::AnalysisCompleted).await;
    stack.card(id, "Needs a human").await;
    let incident = stack.incident(id, |_| true).await;
    let bytes = serde_json::to_string(&incident).expect("JSON").len();
    assert!(bytes < MOST_STORED, "{case}: {bytes} bytes are stored");
    incident
}

#[tokio::test]
async fn json_at_its_limits_is_refused_with_the_place() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("limits"));
    let good = alert.delivery();
    let value = |text: &str| raw(&good, "/alerts/0/labels/component", text);
    let starts = |text: &str| raw(&good, "/alerts/0/startsAt", text);
    let truncated = |text: &str| raw(&good, "/truncatedAlerts", text);
    let text = good.to_string();
    let label = Some("alerts[0].labels.component");
    let number = Some("truncatedAlerts");
    let time = Some("alerts[0].startsAt");
    for (case, body, at) in [
        (
            "10,000 lists for the labels",
            raw(&good, "/alerts/0/labels", &nested("[", "]")),
            Some("alerts[0].labels"),
        ),
        (
            "10,000 objects for the labels",
            raw(&good, "/alerts/0/labels", &nested("{\"a\":", "}")),
            Some("alerts[0].labels.a"),
        ),
        ("10,000 lists for a label", value(&nested("[", "]")), label),
        (
            "10,000 objects for a label",
            value(&nested("{\"a\":", "}")),
            label,
        ),
        (
            "10,000 lists for an alert",
            raw(&good, "/alerts/0", &nested("[", "]")),
            Some("alerts[0]"),
        ),
        (
            "10,000 lists that do not end",
            raw(&good, "/alerts/0/labels", &"[".repeat(10_000)),
            Some("alerts[0].labels"),
        ),
        ("1e400 for a number", truncated("1e400"), number),
        (
            "20 digits, over 64 bits",
            truncated("99999999999999999999"),
            number,
        ),
        ("a negative number", truncated("-1"), number),
        ("a fraction", truncated("1.5"), number),
        ("a number in a text", truncated("\"3\""), number),
        ("1e400 for a label", value("1e400"), label),
        (
            "the status twice",
            text.replacen('{', "{\"status\":\"firing\",", 1),
            None,
        ),
        (
            "the alerts twice",
            text.replacen('{', "{\"alerts\":[],", 1),
            None,
        ),
        (
            "an alert's labels twice",
            text.replace("\"labels\":", "\"labels\":{},\"labels\":"),
            Some("alerts[0]"),
        ),
        (
            "half a pair of surrogates in a label",
            value(r#""\ud800""#),
            label,
        ),
        ("the other half", value(r#""\udc00x""#), label),
        (
            "half a pair in a label's name",
            text.replace("\"component\":", r#""\ud800":"#),
            Some("alerts[0].labels.?"),
        ),
        ("a NUL that is not escaped", value("\"a\0b\""), None),
        (
            "a time in the year 10000",
            starts("\"10000-01-01T00:00:00Z\""),
            time,
        ),
        (
            "the same, with a sign",
            starts("\"+010000-01-01T00:00:00Z\""),
            time,
        ),
        (
            "a negative year of four digits",
            starts("\"-0001-01-01T00:00:00Z\""),
            time,
        ),
        (
            "a time without a zone",
            starts("\"2026-11-01T10:00:00\""),
            time,
        ),
        ("a day", starts("\"2026-11-01\""), time),
        (
            "the 31st of February",
            starts("\"2026-02-31T10:00:00Z\""),
            time,
        ),
        ("an empty time", starts("\"\""), time),
        ("seconds since 1970", starts("1793527200"), time),
    ] {
        let refused = post_bytes(&stack, body.into_bytes(), Some("application/json")).await;
        assert_malformed(case, &refused, at);
    }
    assert_eq!(
        stack
            .store
            .episode(&alert.fingerprint())
            .await
            .expect("the store answers"),
        None,
        "a refused alert was written"
    );
}

#[tokio::test]
async fn json_at_its_limits_is_taken_where_it_says_something() {
    let stack = Stack::start();
    let deep = nested("[", "]");
    let send = async |case: &str, body: String| {
        stored(
            &stack,
            case,
            &post_bytes(&stack, body.into_bytes(), Some("application/json")).await,
        )
        .await
    };
    let fresh = || TestAlert::firing(unique("odd")).delivery();

    // Fields that are not known are not looked at, whatever is in them.
    let mut body = fresh();
    body["alerts"][0]["future"] = json!(null);
    body["future"] = json!(null);
    let top = raw(
        &body,
        "/future",
        &format!(r#"[{deep},1e400,-99999999999999999999999,"\ud800",{{"a":1,"a":2}}]"#),
    );
    let both = top.replacen("\"future\":null", &format!("\"future\":{deep}"), 1);
    send(
        "what is deep, huge or broken in fields that are not known",
        both,
    )
    .await;

    let all_bits = post_bytes(
        &stack,
        raw(&fresh(), "/truncatedAlerts", &u64::MAX.to_string()).into_bytes(),
        None,
    )
    .await;
    assert_eq!(
        all_bits.1["truncated_alerts"],
        u64::MAX,
        "20 digits, the last number of 64 bits"
    );
    stored(&stack, "the last number of 64 bits", &all_bits).await;

    // JSON leaves open what a name means that is there twice; most readers, Go's too, take the last, and so do we.
    let body = fresh();
    let twice = body.to_string().replacen(
        "\"severity\":",
        "\"team\":\"first\",\"team\":\"last\",\"severity\":",
        1,
    );
    assert_eq!(
        send("a label twice", twice).await.alert.labels["team"],
        "last"
    );

    // Text is text.
    for (case, text) in [
        ("NUL", "a\u{0}b"),
        ("right to left", "\u{202e}gpj.exe\u{202c}\u{2066}\u{200f}"),
        ("the last character", "\u{10ffff}"),
        ("a byte order mark", "\u{feff}"),
        ("a combining mark first", "\u{301}"),
        ("an escape sequence", "\u{1b}[31m"),
    ] {
        let mut body = fresh();
        let component = format!("{}-{text}", unique("text"));
        body["alerts"][0]["labels"]["component"] = json!(component);
        body["alerts"][0]["annotations"]["summary"] = json!(text);
        let incident = send(case, body.to_string()).await;
        assert_eq!(
            (incident.alert.target, incident.alert.message),
            (component, text.to_owned()),
            "{case}"
        );
    }

    // Years that no alert is from, but that are times: it counts as begun when it came.
    for (case, time) in [
        ("a negative year", "-000001-06-01T00:00:00Z"),
        ("year 0", "0000-01-01T00:00:00Z"),
        ("Go's zero", "0001-01-01T00:00:00Z"),
        ("nearly the year 10000", "9999-12-30T00:00:00+01:00"),
    ] {
        let mut body = fresh();
        body["alerts"][0]["startsAt"] = json!(time);
        let incident = send(case, body.to_string()).await;
        assert_eq!(incident.alert.starts_at, incident.opened_at, "{case}");
    }
}

#[tokio::test]
async fn what_is_stored_of_large_alerts_is_bounded() {
    let stack = Stack::start();
    let send = async |case: &str, body: Value| {
        stored(
            &stack,
            case,
            &post_bytes(
                &stack,
                body.to_string().into_bytes(),
                Some("application/json"),
            )
            .await,
        )
        .await
    };
    let texts = |number: usize, text: &str| -> Value {
        (0..number)
            .map(|i| (format!("A{i:06}"), json!(text)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let with = |field: &str, more: Value| {
        let mut body = TestAlert::firing(unique("many")).delivery();
        body["alerts"][0][field]
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        body
    };
    let mut labels = texts(100_000, "v");
    labels["auto_repair"] = json!("false");
    let incident = send("100,000 labels", with("labels", labels)).await;
    assert!(
        incident.alert.labels.len() <= 65,
        "{} labels",
        incident.alert.labels.len()
    );
    assert!(
        !incident.alert.allows_auto_repair(),
        "what forbids a repair is not among what is left out"
    );
    // What is cut by characters can still be many bytes: three for a Chinese character, six for a control character in JSON.
    send(
        "64 long annotations in Chinese",
        with("annotations", texts(64, &"警".repeat(5_000))),
    )
    .await;
    send(
        "64 long annotations of control characters",
        with("annotations", texts(64, &"\u{1}".repeat(5_000))),
    )
    .await;
    send(
        "64 long labels of control characters",
        with("labels", texts(64, &"\u{1}".repeat(5_000))),
    )
    .await;
    let mut long_name = TestAlert::firing(unique("many")).delivery();
    long_name["alerts"][0]["labels"][&"n".repeat(1_000_000)] = json!("v");
    long_name["alerts"][0]["labels"]["alertname"] = json!("A".repeat(1_000_000));
    long_name["alerts"][0]["generatorURL"] = json!("u".repeat(1_000_000));
    send(
        "a name, a label's name and a URL of a million characters",
        long_name,
    )
    .await;
}

#[tokio::test]
async fn bodies_that_are_no_json_text_are_refused() {
    let stack = Stack::start();
    let good = TestAlert::firing(unique("bytes")).delivery().to_string();
    let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut marked = vec![0xff, 0xfe];
    marked.extend(&utf_16);
    // printf '{"status":"firing","alerts":[]}' | gzip -n
    let gzip =
        hex::decode("1f8b0800000000000203ab562a2e492c292d56b2524acb2ccacc4b57d2514acc492d2a018a44c7d60200e28813771f000000").expect("hex");
    let latin_1 = good
        .replacen("does not answer", "r\u{0}pond pas", 1)
        .replace("\\u0000", "\u{0}")
        .into_bytes();
    let latin_1: Vec<u8> = latin_1
        .into_iter()
        .map(|byte| if byte == 0 { 0xe9 } else { byte })
        .collect();
    for (case, body, at) in [
        ("nothing", Vec::new(), None),
        ("blanks", b"   ".to_vec(), None),
        ("line ends", b"\r\n\r\n".to_vec(), None),
        ("gzip", gzip, None),
        ("UTF-16", utf_16, None),
        ("UTF-16 with a mark", marked, None),
        (
            "UTF-8 with a mark",
            format!("\u{feff}{good}").into_bytes(),
            None,
        ),
        (
            "a form",
            b"payload=%7B%22status%22%3A%22firing%22%7D".to_vec(),
            None,
        ),
        ("Latin-1", latin_1, Some("alerts[0].annotations.summary")),
    ] {
        // Without a type that says text, API Gateway hands the bytes over as they are, in base64.
        let refused = post_bytes(&stack, body, None).await;
        let (status, problem) = &refused;
        assert_eq!(
            (*status, problem["type"].as_str()),
            (400, Some("urn:quell:problem:malformed")),
            "{case}: {problem}"
        );
        assert_eq!(problem["at"].as_str(), at, "{case}: {problem}");
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(" at line ")),
            "{case}: {problem}"
        );
    }
}

#[tokio::test]
async fn the_body_counts_and_not_what_its_type_says() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("type"));
    let body = alert.delivery().to_string().into_bytes();
    let types = [
        None,
        Some(""),
        Some("application/json"),
        Some("application/json; charset=utf-16"),
        Some("text/plain"),
        Some("text/html"),
        Some("application/octet-stream"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("not a type"),
    ];
    for (i, kind) in types.into_iter().enumerate() {
        let (status, taken) = post_bytes(&stack, body.clone(), kind).await;
        assert_eq!(
            (status, taken["hit_count"].as_u64()),
            (200, Some(i as u64 + 1)),
            "{kind:?}: {taken}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_short_however_long_the_mistake_is() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("echo"));
    let good = alert.delivery();
    // One that grows when it is quoted: an answer of more than 6 MB could not be delivered.
    let long = "\u{202e}".repeat(1_500_000);
    let mut status = good.clone();
    status["status"] = json!(long);
    let mut labels = good.clone();
    labels["alerts"][0]["labels"] = json!(long);
    let mut time = good.clone();
    time["alerts"][0]["startsAt"] = json!(long);
    let mut name = good.clone();
    name["alerts"][0]["labels"][&long] = json!(7);
    for (case, body, at) in [
        ("a status", status, "status"),
        ("labels", labels, "alerts[0].labels"),
        ("a time", time, "alerts[0].startsAt"),
        ("a label's name", name, "alerts[0].labels."),
    ] {
        let (status, problem) = post_bytes(
            &stack,
            body.to_string().into_bytes(),
            Some("application/json"),
        )
        .await;
        let shown = problem.to_string();
        assert_eq!(
            (status, problem["type"].as_str()),
            (400, Some("urn:quell:problem:malformed")),
            "{case}: {} bytes",
            shown.len()
        );
        assert!(
            problem["at"]
                .as_str()
                .is_some_and(|shown| shown.starts_with(at)),
            "{case}"
        );
        assert!(shown.len() < 8_000, "{case}: {} bytes", shown.len());
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(" at line 1 column ")),
            "{case}: {shown}"
        );
    }
    assert_eq!(
        stack
            .store
            .episode(&alert.fingerprint())
            .await
            .expect("the store answers"),
        None,
        "a refused alert was written"
    );
}

/// A body for a route that takes signed bodies only, signed.
async fn post_signed(stack: &Stack, route: &str, body: Vec<u8>) -> (u16, Value) {
    let signature = sign(&stack.facts.secrets["webhook"], &body);
    answer(
        stack
            .http
            .post(stack.url(route))
            .header("X-Signature-256", signature)
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
        large[field] = json!(format!("{}{}", unique(field), "\u{1}".repeat(100_000)));
    }
    large["labels"]["alertname"] = json!("N".repeat(100_000));
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
        let bare =
            sign(&stack.facts.secrets["webhook"], body.as_bytes()).split_off("sha256=".len());
        answer(
            stack
                .http
                .post(stack.url("webhooks/grafana"))
                .header("X-Grafana-Alerting-Signature", bare)
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
    assert_eq!(
        stack
            .store
            .episode(&alert.fingerprint())
            .await
            .expect("the store answers"),
        None,
        "a refused alert was written"
    );
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
        "labels": { "team": "a" }, "annotations": { "runbook": "none" }, "future": null,
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
    assert_eq!(
        (status, problem["type"].as_str()),
        (401, Some("urn:quell:problem:unauthenticated")),
        "{problem}"
    );
    let wrong = stack
        .http
        .post(stack.url("webhooks/signals"))
        .header("X-Signature-256", sign("wrong", text.as_bytes()))
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
    assert_eq!(
        (status, problem["type"].as_str()),
        (413, Some("urn:quell:problem:too-large")),
        "{problem}"
    );
    let fingerprint = TestAlert {
        name: "Odd",
        namespace: "default".to_owned(),
        ..TestAlert::firing(&target)
    }
    .fingerprint();
    assert_eq!(
        stack
            .store
            .episode(&fingerprint)
            .await
            .expect("the store answers"),
        None,
        "a refused signal was counted"
    );

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
