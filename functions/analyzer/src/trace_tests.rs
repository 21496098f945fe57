//! Tests of the spans that a trace receiver gets, and of an analysis without a receiver.

use std::fmt::Write as _;

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind as SentKind;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret as _, SecretString};

use super::receiver::{Logged, Manner, SECRET, Server};
use super::{ModelAnswer, ModelCall, OtlpSettings, SpanKind, Tracer};

pub(super) fn settings(url: Url) -> OtlpSettings {
    let headers = [
        ("authorization", SECRET),
        ("signoz-ingestion-key", "not-a-real-ingestion-key"),
    ];
    OtlpSettings {
        url,
        headers: headers
            .map(|(name, value)| {
                (
                    name.parse().expect("a header's name"),
                    SecretString::from(value),
                )
            })
            .into(),
        function_name: Some("quell-AnalyzerFunction".to_owned()),
    }
}

pub(super) fn http() -> Client {
    // A second call, as other tests make it, finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .build()
        .expect("a client")
}

pub(super) fn tracer(url: Url) -> Tracer {
    Tracer::new(Some(settings(url)), http())
}

pub(super) fn noon() -> Timestamp {
    "2026-01-15T12:00:00Z".parse().expect("a timestamp")
}

pub(super) fn shown(attributes: &[KeyValue]) -> String {
    attributes
        .iter()
        .fold(String::new(), |mut text, attribute| {
            let value = attribute
                .value
                .as_ref()
                .and_then(|value| value.value.as_ref());
            writeln!(
                text,
                "{} = {}",
                attribute.key,
                value.map_or_else(String::new, shown_value)
            )
            .expect("a string takes it");
            text
        })
}

fn shown_value(value: &any_value::Value) -> String {
    match value {
        any_value::Value::StringValue(text) => format!("{text:?}"),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::DoubleValue(number) => format!("{number:?}"),
        any_value::Value::ArrayValue(values) => {
            let values = values
                .values
                .iter()
                .filter_map(|AnyValue { value }| value.as_ref())
                .map(shown_value);
            format!("[{}]", values.collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trace_arrives_whole_with_its_credentials() {
    let server = Server::start(Manner::Accept);
    let tracer = tracer(server.url());
    let mut root = tracer.begin("analyse", noon());
    root.set("quell.incident.id", "01JHMV6000000000000000TEST");
    let trace_id = root.trace_id().expect("an id");
    let evidence = root.child("evidence metrics", SpanKind::Client);
    let part = evidence.child("parse", SpanKind::Internal);
    for span in [part, evidence, root] {
        assert_eq!(span.trace_id().as_ref(), Some(&trace_id));
        span.end();
    }
    tracer.flush().await;

    let delivery = server.only_delivery();
    assert_eq!(
        delivery.http.path,
        "/api/public/otel/v1/traces?project=secret-in-the-url"
    );
    for (name, value) in [
        ("authorization", SECRET),
        ("signoz-ingestion-key", "not-a-real-ingestion-key"),
        ("content-type", "application/x-protobuf"),
    ] {
        assert_eq!(
            delivery
                .http
                .headers
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value)
                .collect::<Vec<_>>(),
            [value],
            "{name}"
        );
    }
    let (root, evidence, part) = (
        delivery.span("analyse"),
        delivery.span("evidence metrics"),
        delivery.span("parse"),
    );
    assert_eq!(delivery.spans().len(), 3);
    assert!(root.parent_span_id.is_empty(), "{root:?}");
    assert_eq!(evidence.parent_span_id, root.span_id);
    assert_eq!(part.parent_span_id, evidence.span_id);
    for (span, kind) in [
        (root, SentKind::Consumer),
        (evidence, SentKind::Client),
        (part, SentKind::Internal),
    ] {
        assert_eq!(
            span.trace_id
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
            trace_id
        );
        assert_eq!(span.span_id.len(), 8);
        assert_eq!(span.kind(), kind);
        assert_eq!(
            span.status.clone().unwrap_or_default().code,
            0,
            "unset: {span:?}"
        );
        assert!(
            span.end_time_unix_nano >= span.start_time_unix_nano,
            "{span:?}"
        );
    }
    assert_eq!(
        i128::from(root.start_time_unix_nano),
        noon().as_nanosecond()
    );
    insta::assert_snapshot!(shown(&root.attributes), @r#"quell.incident.id = "01JHMV6000000000000000TEST""#);
    let resource = &delivery.request.resource_spans[0];
    let mut attributes = resource.resource.clone().expect("a resource").attributes;
    let versions: Vec<_> = attributes
        .extract_if(.., |attribute| attribute.key.ends_with(".version"))
        .collect();
    assert!(
        shown(&versions).contains(&format!(
            "service.version = {:?}\n",
            env!("CARGO_PKG_VERSION")
        )),
        "{versions:?}"
    );
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
    insta::assert_snapshot!(shown(&attributes), @r#"
    cloud.provider = "aws"
    faas.name = "quell-AnalyzerFunction"
    service.name = "quell-analyzer"
    telemetry.sdk.language = "rust"
    telemetry.sdk.name = "opentelemetry"
    "#);
    assert_eq!(
        resource.scope_spans[0].scope.clone().expect("a scope").name,
        "quell"
    );
}

#[tokio::test]
async fn two_traces_share_nothing() {
    let server = Server::start(Manner::Accept);
    let tracer = tracer(server.url());
    let (one, other) = (
        tracer.begin("analyse", noon()),
        tracer.begin("analyse", noon()),
    );
    assert_ne!(one.trace_id(), other.trace_id());
    for id in [one.trace_id(), other.trace_id()].into_iter().flatten() {
        assert!(
            id.len() == 32
                && id
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{id}"
        );
    }
    drop((one, other));
    tracer.flush().await;
    assert!(
        server
            .only_delivery()
            .spans()
            .iter()
            .all(|span| span.parent_span_id.is_empty())
    );
}

#[tokio::test]
async fn spans_of_futures_that_run_together_keep_their_parents() {
    let server = Server::start(Manner::Accept);
    let tracer = tracer(server.url());
    let root = tracer.begin("analyse", noon());
    let piece = async |name: &'static str, inner: &'static str| {
        let span = root.child(name, SpanKind::Client);
        tokio::task::yield_now().await;
        let inner = span.child(inner, SpanKind::Client);
        tokio::task::yield_now().await;
        drop(span);
        tokio::task::yield_now().await;
        drop(inner);
    };
    futures_util::future::join3(
        piece("metrics", "GET metrics"),
        piece("past", "GET past"),
        piece("registry", "GET registry"),
    )
    .await;
    drop(root);
    tracer.flush().await;

    let delivery = server.only_delivery();
    assert_eq!(delivery.spans().len(), 7);
    for (name, inner) in [
        ("metrics", "GET metrics"),
        ("past", "GET past"),
        ("registry", "GET registry"),
    ] {
        assert_eq!(
            delivery.span(name).parent_span_id,
            delivery.span("analyse").span_id
        );
        assert_eq!(
            delivery.span(inner).parent_span_id,
            delivery.span(name).span_id
        );
    }
}

#[tokio::test]
async fn a_failure_says_its_type_and_its_words() {
    let server = Server::start(Manner::Accept);
    let tracer = tracer(server.url());
    let mut root = tracer.begin("analyse", noon());
    root.set("quell.decision", "ask");
    root.set("quell.alert.name", "TargetDown");
    root.set("quell.decision", "repair");
    root.fail("429", "the provider asks to wait");
    tracer.flush().await;

    let delivery = server.only_delivery();
    let status = delivery.span("analyse").status.clone().expect("a status");
    assert_eq!(
        (status.code, status.message.as_str()),
        (2, "the provider asks to wait")
    );
    insta::assert_snapshot!(shown(&delivery.span("analyse").attributes), @r#"
    quell.alert.name = "TargetDown"
    quell.decision = "repair"
    error.type = "429"
    "#);
}

#[tokio::test]
async fn a_failure_s_words_leave_redacted() {
    let server = Server::start(Manner::Accept);
    let tracer = tracer(server.url());
    let words = format!("{} cannot log in: password=not-a-real-one", "x".repeat(990));
    tracer.begin("analyse", noon()).fail("evidence", &words);
    tracer.flush().await;

    let status = server
        .only_delivery()
        .span("analyse")
        .status
        .clone()
        .expect("a status");
    // Redacted first: what the cut leaves of a secret would not look like one.
    assert!(
        status
            .message
            .ends_with("x cannot log in: password=[redacted"),
        "{}",
        status.message
    );
}

#[test]
fn the_headers_of_a_secret_stand_on_its_lines() {
    let secret =
        SecretString::from("Authorization: Basic a:b\r\n\n  x-langfuse-ingestion-version :4 \n");
    let settings =
        OtlpSettings::new("https://otlp.example/v1/traces", Some(&secret), None).expect("headers");
    let headers: Vec<_> = settings
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose_secret()))
        .collect();
    assert_eq!(
        headers,
        [
            ("authorization", "Basic a:b"),
            ("x-langfuse-ingestion-version", "4")
        ]
    );
    assert!(
        OtlpSettings::new("http://h:4318/v1/traces", None, None)
            .expect("no headers")
            .headers
            .is_empty()
    );
}

#[test]
fn a_line_that_is_no_header_is_named_without_what_stands_in_it() {
    let cases = [
        (
            "http://h/v1/traces",
            "x-a: 1\n\nsecret",
            "line 3 of the headers of traces is not `Name: value`",
        ),
        (
            "http://h/v1/traces",
            "x-a: 1\nsecret key: 2",
            "line 2 of the headers of traces has no name of a header",
        ),
        (
            "http://h/v1/traces",
            ": secret",
            "line 1 of the headers of traces has no name of a header",
        ),
        (
            "http://u:secret@h",
            "",
            "tracing.otlp_url holds a user or a password: name a secret with a key instead",
        ),
        (
            "http://h/?token=secret",
            "",
            "tracing.otlp_url has to end before ? and #",
        ),
    ];
    for (url, headers, expected) in cases {
        let error =
            OtlpSettings::new(url, Some(&SecretString::from(headers)), None).expect_err(headers);
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn texts_from_outside_are_cut_between_characters() {
    let server = Server::start(Manner::Accept);
    let tracer = tracer(server.url());
    let (long, kept) = ("ü".repeat(5_000), "ü".repeat(1_024));
    let mut root = tracer.begin("analyse", noon());
    root.set("quell.alert.name", long.clone());
    root.answered(&ModelAnswer {
        model: &long,
        input_tokens: 1,
        output_tokens: 1,
        finish_reasons: &[&long],
        price: 0.0,
    });
    root.fail("timeout", &long);
    tracer.flush().await;

    let delivery = server.only_delivery();
    let span = delivery.span("analyse");
    let attributes = shown(&span.attributes);
    for line in [
        format!("quell.alert.name = {kept:?}\n"),
        format!("gen_ai.response.model = {kept:?}\n"),
        format!("gen_ai.response.finish_reasons = [{kept:?}]\n"),
    ] {
        assert!(attributes.contains(&line), "{attributes}");
    }
    assert_eq!(span.status.clone().expect("a status").message, kept);
}

#[tokio::test]
async fn only_what_has_ended_is_sent_and_only_once() {
    let server = Server::start(Manner::Accept);
    let tracer = tracer(server.url());
    tracer.flush().await;
    let root = tracer.begin("analyse", noon());
    tracer.flush().await;
    assert!(server.deliveries().is_empty(), "nothing has ended");
    drop(root.child("evidence", SpanKind::Client));
    tracer.flush().await;
    assert_eq!(server.only_delivery().spans().len(), 1);
    drop(root);
    tracer.flush().await;
    assert_eq!(server.only_delivery().span("analyse").name, "analyse");
    tracer.flush().await;
    assert!(server.deliveries().is_empty(), "everything was sent");
}

#[tokio::test]
async fn without_settings_nothing_is_recorded() {
    let logged = Logged::start();
    let tracer = Tracer::new(None, http());
    let mut root = tracer.begin("analyse", noon());
    root.set("quell.alert.name", "TargetDown");
    let child = root.child("evidence", SpanKind::Client);
    let call = root.model_call(&ModelCall {
        provider: "openai",
        model: "gpt-test",
        max_tokens: 1,
        server: None,
    });
    assert_eq!(
        [root.trace_id(), child.trace_id(), call.trace_id()],
        [None, None, None]
    );
    call.fail("500", "the provider failed");
    drop((child, root));
    tracer.flush().await;
    assert_eq!(logged.warnings(), Vec::<String>::new());
}
