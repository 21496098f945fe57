use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::notification::channels;
use jiff::Timestamp;
use outbound::{self, PublicClient};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Keys, Webhook, key, sign, signatures};
use crate::channel::ChannelError;
use crate::channel::canned::Canned;
use crate::render::content::{Content, Post};
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
    }
}

fn webhook(url: String, private: bool) -> Webhook {
    let config = channels::Webhook {
        url,
        key_secret: "k".into(),
        private,
        links_for: vec![],
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

async fn answered(status: u16, head: &str, body: &str) -> Result<String, ChannelError> {
    let server = Canned::start(status, head, body).await;
    sent(&webhook(format!("http://{}/hook", server.address), true)).await
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
    let server = Canned::start(204, "", "").await;
    let (webhook, current) = (
        webhook(format!("http://{}/hook", server.address), true),
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
    let bodies: Vec<(&str, &str)> = requests
        .iter()
        .map(|request| request.split_once("\r\n\r\n").expect("a body"))
        .collect();
    let (head, body) = bodies[0];
    let key = key(&current).expect("a key");
    for header in [
        "content-type: application/json".to_owned(),
        format!("webhook-id: {}", post.key),
        format!("webhook-timestamp: {SECONDS}"),
        format!(
            "webhook-signature: {}",
            sign(&key, &post.key, SECONDS, body.as_bytes())
        ),
    ] {
        assert!(head.lines().any(|line| line == header), "{header}: {head}");
    }
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    let read = |place: usize| serde_json::from_str::<Value>(bodies[place].1).expect("JSON");
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

#[tokio::test]
async fn every_answer_says_what_to_do_about_it() {
    let busy = |result| matches!(result, Err(ChannelError::Busy { seconds: 7 }));
    assert!(busy(answered(429, "retry-after: 7\r\n", "").await));
    assert!(busy(answered(503, "retry-after: 7\r\n", "").await));
    for status in [408, 500, 502, 503, 504] {
        let error = answered(status, "", "tired").await.expect_err("it failed");
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
        let error = answered(status, "", "what is this")
            .await
            .expect_err("it refuses");
        assert!(
            matches!(&error, ChannelError::Refused { status: said, why } if *said == status && why.contains(words)),
            "{error:?}"
        );
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let error = sent(&webhook(format!("http://{closed}"), true))
        .await
        .expect_err("nobody is there");
    assert!(matches!(error, ChannelError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let elsewhere = Canned::start(200, "", "").await;
    for status in [301, 302, 303, 307, 308] {
        let error = answered(
            status,
            &format!("location: http://{}/\r\n", elsewhere.address),
            "",
        )
        .await
        .expect_err("it redirects");
        assert!(
            matches!(&error, ChannelError::Refused { why, .. } if why.contains("redirects are not followed")),
            "{error:?}"
        );
    }
    assert_eq!(elsewhere.requests(), [""; 0]);
}

#[tokio::test]
async fn an_answer_is_shown_short_and_without_what_hides() {
    let answer = format!("a\u{1b}[31m\nb \u{202e}c {}", "x".repeat(5000));
    let error = answered(400, "", &answer)
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
    let server = Canned::start(200, "", "").await;
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
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn a_key_that_is_none_sends_nothing_and_is_not_shown() {
    let server = Canned::start(200, "", "").await;
    let current = SecretString::from("whsec_very-secret");
    let keys = Keys {
        current: &current,
        previous: None,
    };
    let error = webhook(format!("http://{}", server.address), true)
        .send(keys, now(), &post())
        .await
        .expect_err("it is no key");
    assert!(
        matches!(&error, ChannelError::Refused { status: 0, .. }),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?} {keys:?}").contains("very-secret"));
    assert_eq!(server.requests(), [""; 0]);
}
