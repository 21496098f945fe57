use domain::notification::button_action::ButtonAction;
use domain::notification::channels::SlackChannel;
use domain::primitives::id::IncidentId;
use loopback::{Request, Server, answer};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::Slack;
use crate::channel::{Audience, ChannelError};
use crate::render::content::{Button, Content, Envelope, Post};
use crate::render::markup::Markup;

fn post() -> Post {
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("an id");
    let content = Content {
        text: Markup::parse("<b>web-1</b> &lt;!channel&gt;").expect("markup"),
        buttons: vec![vec![Button {
            label: "Details".into(),
            ask: ButtonAction::Details(id),
        }]],
    };
    Post {
        key: "ab".repeat(32),
        about: "incident",
        content,
        facts: json!({}),
        envelope: Envelope::default(),
    }
}

fn token() -> SecretString {
    SecretString::from("xoxb-very-secret")
}

fn slack(base_url: String) -> Slack {
    let channel = SlackChannel {
        channel_id: "C0123456789".into(),
        token_secret: "t".into(),
        api_url: Some(base_url),
    };
    Slack::new(outbound::client().expect("a client"), &channel)
}

async fn sent(status: u16, headers: &[(&str, &str)], body: &str) -> Result<String, ChannelError> {
    let server = Server::playing(vec![answer(status, headers, body)]);
    slack(server.url.clone()).send(&token(), &post()).await
}

/// The request's method and path, and what it sends.
fn read(request: &Request) -> (String, Value) {
    (
        format!("{} {}", request.method, request.path),
        serde_json::from_slice(&request.body).unwrap_or_default(),
    )
}

#[tokio::test]
async fn every_call_is_what_slack_documents() {
    let server = Server::playing(vec![answer(
        200,
        &[],
        r#"{"ok":true,"ts":"1700000000.000100"}"#,
    )]);
    let (slack, token, post) = (slack(server.url.clone()), token(), post());
    assert_eq!(
        slack.send(&token, &post).await.expect("it is sent"),
        "1700000000.000100"
    );
    slack
        .edit(&token, "1.2", &post)
        .await
        .expect("it is edited");
    slack
        .reply(&token, Some("1.2"), &post, Audience::Asker)
        .await
        .expect("it is answered");
    slack
        .whisper(&token, "U1", "only <you>")
        .await
        .expect("it is said");
    slack
        .reply(&token, Some("1.2"), &post, Audience::Everybody)
        .await
        .expect("everybody is told");
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.header("authorization") == "Bearer xoxb-very-secret")
    );
    assert!(
        requests
            .iter()
            .all(|request| request.header("content-type") == "application/json; charset=utf-8")
    );
    let [send, edit, reply, whisper, notice] = [0, 1, 2, 3, 4].map(|place| read(&requests[place]));
    assert_eq!(send.0, "POST /chat.postMessage");
    assert_eq!(
        send.1["metadata"],
        json!({ "event_type": "quell_card", "event_payload": { "key": post.key } })
    );
    assert_eq!(
        (&send.1["channel"], &send.1["unfurl_links"]),
        (&json!("C0123456789"), &json!(false))
    );
    assert_eq!(
        send.1["text"], "web-1 &lt;!channel&gt;",
        "nothing in a text of others is a command"
    );
    assert_eq!(send.1["blocks"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&send.1["parse"], &edit.1["parse"]),
        (&json!("none"), &json!("none"))
    );
    assert_eq!(
        (&*edit.0, &edit.1["ts"], &edit.1["metadata"]),
        ("POST /chat.update", &json!("1.2"), &Value::Null)
    );
    assert_eq!(
        (&*reply.0, &reply.1["thread_ts"]),
        ("POST /chat.postMessage", &json!("1.2"))
    );
    assert_eq!(
        reply.1["reply_broadcast"],
        Value::Null,
        "only who asked has to see it"
    );
    assert_eq!(
        (
            notice.0,
            &notice.1["thread_ts"],
            &notice.1["reply_broadcast"]
        ),
        (reply.0, &json!("1.2"), &json!(true))
    );
    assert_eq!(whisper.0, "POST /chat.postEphemeral");
    assert_eq!(
        whisper.1,
        json!({ "channel": "C0123456789", "user": "U1", "text": "only &lt;you&gt;" })
    );
}

#[tokio::test]
async fn reply_below_a_deleted_card_goes_to_the_channel() {
    let server = Server::playing(vec![answer(
        200,
        &[],
        r#"{"ok":false,"error":"thread_not_found"}"#,
    )]);
    let slack = slack(server.url.clone());
    // The server refuses the second as well, which then is nothing to try in yet another way.
    assert!(
        slack
            .reply(&token(), Some("1.2"), &post(), Audience::Everybody)
            .await
            .is_err()
    );
    let sent: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| read(request).1)
        .collect();
    assert_eq!(
        sent.iter()
            .map(|sent| &sent["thread_ts"])
            .collect::<Vec<_>>(),
        [&json!("1.2"), &Value::Null]
    );
    assert_eq!(
        sent[1]["reply_broadcast"],
        Value::Null,
        "what is in no thread has nothing to show beside it"
    );
}

#[tokio::test]
async fn a_message_is_found_by_the_key_that_it_was_sent_with() {
    let key = "ab".repeat(32);
    let messages = json!({ "ok": true, "messages": [
        { "ts": "3.0", "text": "of somebody" },
        { "ts": "2.0", "metadata": { "event_type": "other", "event_payload": { "key": key } } },
        { "ts": "1.0", "metadata": { "event_type": "quell_card", "event_payload": { "key": key } } },
    ]});
    let server = Server::playing(vec![answer(200, &[], messages.to_string())]);
    let slack = slack(server.url.clone());
    assert_eq!(
        slack
            .find(&token(), &key)
            .await
            .expect("an answer")
            .as_deref(),
        Some("1.0")
    );
    assert_eq!(slack.find(&token(), "cd").await.expect("an answer"), None);
    let line = "GET /conversations.history?channel=C0123456789&limit=100&include_all_metadata=true";
    assert_eq!(read(&server.requests()[0]).0, line);
}

#[tokio::test]
async fn every_error_says_what_to_do_about_it() {
    let cases = [
        ("ratelimited", "Busy"),
        ("rate_limited", "Busy"),
        ("message_limit_exceeded", "Busy"),
        ("message_not_found", "Gone"),
        ("cant_update_message", "Gone"),
        ("edit_window_closed", "Gone"),
        ("invalid_blocks", "Markup"),
        ("invalid_blocks_format", "Markup"),
        ("msg_too_long", "Markup"),
        ("msg_blocks_too_long", "Markup"),
        ("internal_error", "Unreachable"),
        ("invalid_auth", "Refused"),
        ("not_in_channel", "Refused"),
        ("channel_not_found", "Refused"),
        ("account_inactive", "Refused"),
        ("is_archived", "Refused"),
        ("what_nobody_knows", "Refused"),
    ];
    for (word, expected) in cases {
        let error = sent(200, &[], &json!({ "ok": false, "error": word }).to_string())
            .await
            .expect_err(word);
        assert!(
            format!("{error:?}").starts_with(expected),
            "{word}: {error:?}"
        );
    }
    let scope = sent(
        200,
        &[],
        r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#,
    )
    .await
    .expect_err("no scope");
    assert_eq!(
        scope.to_string(),
        "it refuses (200): missing_scope: the app needs the scope chat:write"
    );
}

#[tokio::test]
async fn an_answer_that_is_none_of_slacks_is_tried_again() {
    let wait = |error| match error {
        Err(ChannelError::Busy { seconds }) => seconds,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(sent(429, &[("retry-after", "7")], "").await), 7);
    assert_eq!(wait(sent(429, &[], "").await), 30);
    assert_eq!(
        wait(sent(429, &[("retry-after", "99999999")], "").await),
        3600
    );
    for (status, body) in [
        (500, "{}"),
        (503, ""),
        (200, "<html>"),
        (200, "{\"ok\":true}"),
        (302, ""),
        (404, "not here"),
    ] {
        let error = sent(status, &[("location", "http://127.0.0.1:1/")], body)
            .await
            .expect_err(body);
        assert!(
            matches!(error, ChannelError::Unreachable(_)),
            "{status} {body}: {error:?}"
        );
    }
}

#[tokio::test]
async fn no_error_shows_the_token() {
    let echo = json!({ "ok": false, "error": "invalid_auth" }).to_string();
    let server = Server::playing(vec![answer(401, &[], &echo)]);
    let closed = loopback::closed();
    for base_url in [
        server.url.clone(),
        format!("http://{closed}"),
        "not a url".to_owned(),
    ] {
        let error = slack(base_url)
            .send(&token(), &post())
            .await
            .expect_err("nobody takes it");
        assert!(
            !format!("{error} {error:?}").contains("very-secret"),
            "{error:?}"
        );
    }
}
