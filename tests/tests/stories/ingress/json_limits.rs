//! Tests of JSON at its limits, and of text of every kind: unusual but valid input is accepted and
//! stored bounded and readable; all else is refused with the place.

use domain::incident::Incident;
use domain::incident::operation_log::Event;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::answer::{answer, assert_problem};
use tests::stack::Stack;

/// What cannot be said with a JSON value: the text of a body in which one value stands as it was written.
pub(super) fn raw(body: &Value, place: &str, text: &str) -> String {
    let mut body = body.clone();
    *body.pointer_mut(place).expect("a place in the body") = json!("@@");
    body.to_string().replacen("\"@@\"", text, 1)
}

pub(super) fn nested(open: &str, close: &str) -> String {
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
pub(super) fn assert_malformed(case: &str, (status, problem): &(u16, Value), at: Option<&str>) {
    assert_problem(case, (*status, problem), (400, "malformed"));
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
pub(super) async fn stored(stack: &Stack, case: &str, (status, taken): &(u16, Value)) -> Incident {
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
    stack.assert_never_counted(&alert.fingerprint()).await;
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
        assert_problem(case, (*status, problem), (400, "malformed"));
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
    name["alerts"][0]["labels"][&long] = json!([7]);
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
    stack.assert_never_counted(&alert.fingerprint()).await;
}
