use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::notification::channels;
use jiff::Timestamp;
use loopback::{Server, answer};
use outbound::{self, PublicClient};
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Keys, Webhook, key, sign, signatures};
use crate::channel::ChannelError;
use crate::render::content::{Content, Envelope, Post};
use crate::render::markup::Markup;

/// The example that Svix publishes, on which Standard Webhooks is built (<https://docs.svix.com/receiving/verifying-payloads/how-manual>).
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECONDS: i64 = 1_614_265_330;

fn post() -> Post {
    let content = Content {
        text: Markup::parse("<b>web-1</b> &lt;x&gt;").expect("markup"),
        buttons: vec![],
    };
    Post {
        key: "ab".repeat(32),
        about: "incident",
        content,
        facts: json!({ "incident_id": "01A", "status": "open" }),
        envelope: Envelope::default(),
    }
}

fn webhook(url: String, private: bool) -> Webhook {
    let config = channels::Webhook {
        url,
        key_secret: "k".into(),
        private,
    };
    Webhook::new(
        &outbound::client().expect("a client"),
        &PublicClient::new().expect("a client"),
        &config,
    )
}

fn now() -> Timestamp {
    Timestamp::from_second(SECONDS).expect("a time")
}

async fn sent(webhook: &Webhook) -> Result<String, ChannelError> {
    let current = SecretString::from(KEY);
    webhook
        .send(
            Keys {
                current: &current,
                previous: None,
            },
            now(),
            &post(),
        )
        .await
}

async fn answered(
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<String, ChannelError> {
    let server = Server::playing(vec![answer(status, headers, body)]);
    sent(&webhook(format!("{}/hook", server.url), true)).await
}

#[test]
fn a_signature_is_that_of_the_published_example() {
    let key = key(&SecretString::from(KEY)).expect("a key");
    let signature = sign(
        &key,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        SECONDS,
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn while_a_key_is_replaced_both_sign() {
    let (current, other) = (
        SecretString::from(KEY),
        SecretString::from(format!("whsec_{}", STANDARD.encode([7; 32]))),
    );
    let of = |previous| {
        signatures(
            Keys {
                current: &current,
                previous,
            },
            "id",
            1,
            b"{}",
        )
        .expect("a key")
    };
    let both = of(Some(&other));
    let alone = signatures(
        Keys {
            current: &other,
            previous: None,
        },
        "id",
        1,
        b"{}",
    )
    .expect("a key");
    assert_eq!(both.split(' ').collect::<Vec<_>>(), [of(None), alone]);
    assert_eq!(of(Some(&current)), of(None));
    assert_eq!(of(Some(&SecretString::from("never a key"))), of(None));
}

#[test]
fn a_key_is_24_to_64_bytes_in_base64() {
    let of = |bytes: usize| {
        key(&SecretString::from(format!(
            "whsec_{}",
            STANDARD.encode(vec![1; bytes])
        )))
        .is_some()
    };
    assert_eq!(
        [23, 24, 25, 64, 65].map(of),
        [false, true, true, true, false]
    );
    let unpadded = format!("whsec_{}", STANDARD.encode([1; 25]).trim_end_matches('='));
    assert!(key(&SecretString::from(unpadded)).is_some());
    for text in [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa w",
    ] {
        assert!(key(&SecretString::from(text)).is_none(), "{text}");
    }
}

#[tokio::test]
async fn a_webhook_says_what_it_is_and_is_signed_over_what_was_sent() {
    let server = Server::playing(vec![answer(204, &[], "")]);
    let (webhook, current) = (
        webhook(format!("{}/hook", server.url), true),
        SecretString::from(KEY),
    );
    let (keys, post) = (
        Keys {
            current: &current,
            previous: None,
        },
        post(),
    );
    assert_eq!(
        webhook.send(keys, now(), &post).await.expect("it is taken"),
        post.key
    );
    webhook
        .edit(keys, now(), "first", &post)
        .await
        .expect("it is taken");
    webhook
        .reply(keys, now(), Some("first"), &post)
        .await
        .expect("it is taken");
    let requests = server.requests();
    let (first, key) = (&requests[0], key(&current).expect("a key"));
    for (header, value) in [
        ("content-type", "application/json"),
        ("webhook-id", &post.key),
        ("webhook-timestamp", &SECONDS.to_string()),
        (
            "webhook-signature",
            &sign(&key, &post.key, SECONDS, &first.body),
        ),
    ] {
        assert_eq!(first.header(header), value, "{header}");
    }
    assert_eq!((&*first.method, &*first.path), ("POST", "/hook"));
    let read = |place: usize| serde_json::from_slice::<Value>(&requests[place].body).expect("JSON");
    let data = json!({ "incident_id": "01A", "status": "open", "text": "web-1 <x>" });
    assert_eq!(
        read(0),
        json!({ "type": "quell.incident.v1", "timestamp": "2021-02-25T15:02:10Z", "data": data })
    );
    assert_eq!(
        (&read(1)["data"]["replaces"], &read(2)["data"]["under"]),
        (&json!("first"), &json!("first"))
    );
}

/// Signs with our code and verifies with the library of Standard Webhooks, so that both of ours cannot be wrong in the same way.
#[tokio::test]
async fn the_reference_library_verifies_our_signatures() {
    let server = Server::playing(vec![answer(204, &[], "")]);
    let webhook = webhook(format!("{}/hook", server.url), true);
    let (current, previous) = (
        SecretString::from(KEY),
        format!("whsec_{}", STANDARD.encode([7; 32])),
    );
    let keys = Keys {
        current: &current,
        previous: Some(&SecretString::from(previous.as_str())),
    };
    let sent = webhook.send(keys, Timestamp::now(), &post()).await;
    sent.expect("it is taken");
    let request = server.requests().remove(0);
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let value = request.header(name).parse().expect("a header's value");
        headers.insert(name, value);
    }
    let verify = |key: &str, body: &[u8]| {
        let reference = standardwebhooks::Webhook::new(key).expect("a key");
        reference.verify(body, &headers).is_ok()
    };
    assert!(verify(KEY, &request.body) && verify(&previous, &request.body));
    assert!(!verify(KEY, b"{}"));
    assert!(!verify(
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &request.body
    ));
}

#[tokio::test]
async fn every_answer_says_what_to_do_about_it() {
    let busy = |result| matches!(result, Err(ChannelError::Busy { seconds: 7 }));
    assert!(busy(answered(429, &[("retry-after", "7")], "").await));
    assert!(busy(answered(503, &[("retry-after", "7")], "").await));
    for status in [408, 500, 502, 503, 504] {
        let error = answered(status, &[], "tired").await.expect_err("it failed");
        assert!(
            matches!(&error, ChannelError::Unreachable(why) if why == &format!("status {status}: tired")),
            "{error:?}"
        );
    }
    for (status, words) in [
        (410, "no more webhooks"),
        (400, "what is this"),
        (401, "what is this"),
        (404, "what is this"),
    ] {
        let error = answered(status, &[], "what is this")
            .await
            .expect_err("it refuses");
        assert!(
            matches!(&error, ChannelError::Refused { status: said, why } if *said == status && why.contains(words)),
            "{error:?}"
        );
    }
    let closed = loopback::closed();
    let error = sent(&webhook(format!("http://{closed}"), true))
        .await
        .expect_err("nobody is there");
    assert!(matches!(error, ChannelError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let elsewhere = Server::playing(vec![answer(200, &[], "")]);
    for status in [301, 302, 303, 307, 308] {
        let error = answered(status, &[("location", &format!("{}/", elsewhere.url))], "")
            .await
            .expect_err("it redirects");
        assert!(
            matches!(&error, ChannelError::Refused { why, .. } if why.contains("redirects are not followed")),
            "{error:?}"
        );
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_answer_is_shown_short_and_without_what_hides() {
    let answer = format!("a\u{1b}[31m\nb \u{202e}c {}", "x".repeat(5000));
    let error = answered(400, &[], &answer)
        .await
        .expect_err("it refuses")
        .to_string();
    assert!(
        error.starts_with("it refuses (400): a[31m b c xxx") && error.len() < 250,
        "{error}"
    );
}

#[tokio::test]
async fn private_address_is_refused_unless_the_file_allows_it() {
    let server = Server::playing(vec![answer(200, &[], "")]);
    let port = server.address.rsplit(':').next().expect("a port");
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let error = sent(&webhook(format!("http://{host}:{port}/hook"), false))
            .await
            .expect_err(host);
        assert!(
            matches!(&error, ChannelError::Refused { status: 0, why } if why.contains("no public address")),
            "{host}: {error:?}"
        );
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_key_that_is_none_sends_nothing_and_is_not_shown() {
    let server = Server::playing(vec![answer(200, &[], "")]);
    let current = SecretString::from("whsec_very-secret");
    let keys = Keys {
        current: &current,
        previous: None,
    };
    let error = webhook(server.url.clone(), true)
        .send(keys, now(), &post())
        .await
        .expect_err("it is no key");
    assert!(
        matches!(&error, ChannelError::Refused { status: 0, .. }),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?} {keys:?}").contains("very-secret"));
    assert!(server.requests().is_empty());
}
