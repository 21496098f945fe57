//! Tests of the export: a receiver that fails costs the spans, and no credential shows.

use reqwest::{StatusCode, Url};
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::trace::receiver::{Logged, Manner, SECRET, Server};
use crate::trace::tests::{http, noon, settings, tracer};
use crate::trace::{Span, Tracer};

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
