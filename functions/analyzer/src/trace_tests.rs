//! Tests of the spans that a trace receiver gets, and of an analysis without a receiver.

use std::fmt::Write as _;

use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind as SentKind;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;

use super::receiver::{Logged, Manner, SECRET, Server};
use super::{ModelAnswer, ModelCall, OtlpSettings, Span, SpanKind, Tracer};

fn settings(url: Url) -> OtlpSettings {
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

fn http() -> Client {
    // A second call, as other tests make it, finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .build()
        .expect("a client")
}

fn tracer(url: Url) -> Tracer {
    Tracer::new(Some(settings(url)), http())
}

fn noon() -> Timestamp {
    "2026-01-15T12:00:00Z".parse().expect("a timestamp")
}

fn shown(attributes: &[KeyValue]) -> String {
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
async fn a_model_call_speaks_the_conventions() {
    let server = Server::start(Manner::AcceptInJson);
    let tracer = tracer(server.url());
    let root = tracer.begin("analyse", noon());
    let address = Url::parse("https://api.example.com/v1?key=secret-in-the-url").expect("a URL");
    let call = ModelCall {
        provider: "openai",
        model: "gpt-test",
        max_tokens: 800,
        server: Some(&address),
    };
    let mut span = root.model_call(&call);
    let reasons = ["stop"];
    let answer = ModelAnswer {
        model: "gpt-test-0613",
        input_tokens: 1_200,
        output_tokens: 345,
        finish_reasons: &reasons,
        price: 0.00125,
    };
    span.answered(&answer);
    span.end();
    root.model_call(&ModelCall {
        provider: "aws.bedrock",
        model: "nova",
        max_tokens: u64::MAX,
        server: None,
    })
    .end();
    drop(root);
    tracer.flush().await;

    let delivery = server.only_delivery();
    let span = delivery.span("chat gpt-test");
    assert_eq!(span.kind(), SentKind::Client);
    insta::assert_snapshot!(shown(&span.attributes), @r#"
    gen_ai.operation.name = "chat"
    gen_ai.provider.name = "openai"
    gen_ai.request.model = "gpt-test"
    gen_ai.request.max_tokens = 800
    server.address = "api.example.com"
    server.port = 443
    gen_ai.response.model = "gpt-test-0613"
    gen_ai.response.finish_reasons = ["stop"]
    gen_ai.usage.input_tokens = 1200
    gen_ai.usage.output_tokens = 345
    gen_ai.usage.cost = 0.00125
    "#);
    insta::assert_snapshot!(shown(&delivery.span("chat nova").attributes), @r#"
    gen_ai.operation.name = "chat"
    gen_ai.provider.name = "aws.bedrock"
    gen_ai.request.model = "nova"
    gen_ai.request.max_tokens = 9223372036854775807
    "#);
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

/// One span, sent to a server that does not take it; what is warned of.
async fn lost(url: Url) -> String {
    let logged = Logged::start();
    let tracer = tracer(url);
    let spans: [Span; 2] = ["one", "two"].map(|name| tracer.begin(name, noon()));
    drop(spans);
    tracer.flush().await;
    let warnings = logged.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    // What was lost stays lost: nothing waits for a second attempt.
    tracer.flush().await;
    assert_eq!(logged.warnings(), warnings);
    assert!(
        !logged.text().contains("secret-in-the-url"),
        "{}",
        logged.text()
    );
    warnings.concat()
}

#[tokio::test]
async fn a_server_that_fails_costs_the_spans_and_one_warning() {
    let elsewhere = Server::start(Manner::Accept);
    let cases = [
        (Manner::Fail(StatusCode::INTERNAL_SERVER_ERROR), "500"),
        (Manner::Fail(StatusCode::UNAUTHORIZED), "401"),
        (Manner::Redirect(elsewhere.url().to_string()), "307"),
        (Manner::Reject(2), "rejected 2 of them"),
    ];
    for (manner, says) in cases {
        let server = Server::start(manner.clone());
        let warning = lost(server.url()).await;
        assert!(
            warning.contains(says)
                && warning.contains("\"spans\":2")
                && warning.contains("127.0.0.1"),
            "{manner:?}: {warning}"
        );
        assert_eq!(server.deliveries().len(), 1, "{manner:?}: not tried again");
    }
    assert!(
        elsewhere.deliveries().is_empty(),
        "the credentials followed a redirect"
    );
}

#[tokio::test]
async fn a_server_that_is_gone_costs_the_spans_and_one_warning() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let warning = lost(
        Url::parse(&format!(
            "http://{gone}/v1/traces?project=secret-in-the-url"
        ))
        .expect("a URL"),
    )
    .await;
    assert!(
        warning.contains("cannot be reached") && warning.contains("refused"),
        "{warning}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_waited_for_two_seconds() {
    let server = Server::start(Manner::Hang);
    let begun = tokio::time::Instant::now();
    let warning = lost(server.url()).await;
    assert!(warning.contains("did not answer within 2 s"), "{warning}");
    assert_eq!(begun.elapsed().as_secs(), 2, "of the paused clock");
}

#[tokio::test]
async fn a_header_that_is_none_is_named_without_its_value() {
    let server = Server::start(Manner::Accept);
    let mut settings = settings(server.url());
    settings.headers.push((
        "x-key".parse().expect("a header's name"),
        SecretString::from("broken-secret\nkey"),
    ));
    let logged = Logged::start();
    let tracer = Tracer::new(Some(settings), http());
    drop(tracer.begin("analyse", noon()));
    tracer.flush().await;
    let warnings = logged.warnings().concat();
    assert!(
        warnings.contains("x-key") && !warnings.contains("broken-secret"),
        "{warnings}"
    );
    assert!(server.deliveries().is_empty());
}

#[tokio::test]
async fn no_credential_is_logged_or_shown() {
    let manners = [
        Manner::Accept,
        Manner::Fail(StatusCode::UNAUTHORIZED),
        Manner::Reject(1),
        Manner::Redirect("/elsewhere".to_owned()),
    ];
    for manner in manners {
        let server = Server::start(manner);
        let logged = Logged::start();
        let shown_settings = format!("{:?}", settings(server.url()));
        let tracer = tracer(server.url());
        let root = tracer.begin("analyse", noon());
        let shown = format!("{shown_settings} {tracer:?} {root:?}");
        drop(root);
        tracer.flush().await;
        let said = format!("{shown} {tracer:?} {}", logged.text());
        for secret in [
            SECRET,
            "bm90LWEtcmVhbC1rZXk=",
            "not-a-real-ingestion-key",
            "secret-in-the-url",
        ] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
        assert!(shown.contains("127.0.0.1"), "{shown}");
        server.only_delivery();
    }
}
