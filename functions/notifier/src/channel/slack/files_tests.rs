//! Tests of uploads to Slack: the three calls, and addresses to which nothing is sent.

use domain::notification::channels::SlackChannel;
use loopback::{Request, Server, answer};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::upload_url;
use crate::channel::ChannelError;
use crate::channel::slack::Slack;
use crate::render::content::{Content, Envelope, Picture, Post};
use crate::render::markup::Markup;

const ADDRESS: &str = "/upload/v1/ABC";

fn picture() -> Picture {
    Picture {
        name: "chart.png".to_owned(),
        png: vec![0, 159, 146, 150, 13, 10],
    }
}

fn post() -> Post {
    let text = Markup::parse("<b>up</b> &lt;!channel&gt; 5 &gt; 3").expect("markup");
    Post {
        key: "ab".repeat(32),
        about: "chart",
        content: Content {
            text,
            buttons: Vec::new(),
        },
        facts: Value::Null,
        envelope: Envelope::default(),
    }
}

/// Slack, whose answers to the three calls are these: one that is empty is as documented.
fn slack(answers: [(u16, &'static str); 3], upload: &'static str) -> (Slack, Server) {
    let server = Server::start(move |request: &Request, _| {
        let own = format!("http://{}{ADDRESS}", request.header("host"));
        let address = if upload.is_empty() { &own } else { upload };
        let named = json!({ "ok": true, "upload_url": address, "file_id": "F1" }).to_string();
        let (place, documented) = match request.path.as_str() {
            "/files.getUploadURLExternal" => (0, named),
            ADDRESS => (1, "OK - 6".to_owned()),
            _ => (
                2,
                json!({ "ok": true, "files": [{ "id": "F1" }] }).to_string(),
            ),
        };
        let (status, body) = answers[place];
        let body = if body.is_empty() {
            documented
        } else {
            body.to_owned()
        };
        answer(status, &[], body)
    });
    let channel = SlackChannel {
        channel_id: "C0123456789".into(),
        token_secret: "t".into(),
        api_url: Some(server.url.clone()),
    };
    (
        Slack::new(outbound::client().expect("a client"), &channel),
        server,
    )
}

async fn shared(slack: &Slack) -> Result<String, ChannelError> {
    let token = SecretString::from("xoxb-very-secret");
    slack
        .picture(&token, Some("1.2"), &picture(), &post())
        .await
}

const DOCUMENTED: [(u16, &str); 3] = [(200, ""); 3];

#[tokio::test]
async fn a_picture_is_shared_by_the_three_documented_calls() {
    let (slack, server) = slack(DOCUMENTED, "");
    assert_eq!(shared(&slack).await.expect("it is shared"), "F1");
    let requests = server.requests();
    let [ask, put, complete] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (&*ask.method, &*ask.path),
        ("POST", "/files.getUploadURLExternal")
    );
    assert_eq!(
        ask.text(),
        "filename=chart.png&length=6&alt_txt=up+%3C%21channel%3E+5+%3E+3"
    );
    assert_eq!((&*put.path, &put.body), (ADDRESS, &picture().png));
    assert_eq!(
        put.header("authorization"),
        "",
        "no token goes to that address"
    );
    let body: Value = serde_json::from_slice(&complete.body).expect("JSON");
    let expected = json!({
        "files": [{ "id": "F1", "title": "chart.png" }], "channel_id": "C0123456789", "thread_ts": "1.2",
        "initial_comment": "*up* &lt;!channel&gt; 5 &gt; 3",
    });
    assert_eq!(
        (&*complete.path, body),
        ("/files.completeUploadExternal", expected)
    );
    for call in [ask, complete] {
        assert_eq!(call.header("authorization"), "Bearer xoxb-very-secret");
    }
}

#[tokio::test]
async fn faults_of_each_call_are_told_apart() {
    let missing = r#"{"ok":false,"error":"missing_scope","needed":"files:write"}"#;
    let refused = |error: &ChannelError| matches!(error, ChannelError::Refused { .. });
    let unreachable = |error: &ChannelError| matches!(error, ChannelError::Unreachable(_));
    let busy = |error: &ChannelError| matches!(error, ChannelError::Busy { .. });
    type Is<'a> = &'a dyn Fn(&ChannelError) -> bool;
    let cases: [(usize, u16, &'static str, Is<'_>, usize); 9] = [
        (0, 200, missing, &refused, 1),
        (0, 200, r#"{"ok":true}"#, &unreachable, 1),
        (0, 429, "", &busy, 1),
        (0, 503, "", &unreachable, 1),
        (1, 413, "no", &refused, 2),
        (1, 500, "no", &unreachable, 2),
        (1, 302, "no", &unreachable, 2),
        (
            2,
            200,
            r#"{"ok":false,"error":"invalid_auth"}"#,
            &refused,
            3,
        ),
        (2, 502, "no", &unreachable, 3),
    ];
    for (place, status, body, is, calls) in cases {
        let mut answers = DOCUMENTED;
        answers[place] = (status, body);
        let (slack, server) = slack(answers, "");
        let error = shared(&slack).await.expect_err("a fault");
        assert!(is(&error), "{place} {status} {body}: {error:?}");
        assert_eq!(server.requests().len(), calls, "{place} {status}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        if body == missing {
            assert!(
                error.to_string().contains("the scope files:write"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_slacks() {
    let elsewhere = Server::playing(vec![answer(200, &[], "OK")]);
    let address: &'static str = Box::leak(format!("{}/upload", elsewhere.url).into_boxed_str());
    let (slack, server) = slack(DOCUMENTED, address);
    let error = shared(&slack).await.expect_err("another server");
    assert!(
        matches!(error, ChannelError::Refused { status: 0, .. }),
        "{error:?}"
    );
    assert_eq!(
        (server.requests().len(), elsewhere.requests().len()),
        (1, 0)
    );
}

#[test]
fn an_upload_goes_to_slack_or_nowhere() {
    let slack = "https://slack.com/api";
    let cases = [
        (slack, "https://files.slack.com/upload/v1/A", true),
        (slack, "https://slack.com/upload", true),
        (
            "https://slack-gov.com/api",
            "https://files.slack-gov.com/u",
            true,
        ),
        (
            "http://127.0.0.1:81/api",
            "http://127.0.0.1:81/upload",
            true,
        ),
        (slack, "http://files.slack.com/upload", false),
        (slack, "https://files.slack.com:8443/upload", false),
        (slack, "https://files.slack.com@evil.example/upload", false),
        (slack, "https://u:p@files.slack.com/upload", false),
        (slack, "https://notslack.com/upload", false),
        (slack, "https://slack.com.evil.example/upload", false),
        (slack, "https://169.254.169.254/upload", false),
        (
            "http://127.0.0.1:81/api",
            "http://127.0.0.1:82/upload",
            false,
        ),
        (
            "http://127.0.0.1:81/api",
            "https://a.127.0.0.1/upload",
            false,
        ),
        (slack, "file:///etc/passwd", false),
        (slack, "/upload", false),
        (slack, "", false),
    ];
    for (api, address, expected) in cases {
        assert_eq!(
            upload_url(api, address).is_some(),
            expected,
            "{api} {address}"
        );
    }
}
