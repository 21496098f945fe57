//! Tests of the classification of the Bot API's answers.

use std::time::Duration;

use aws::AwsEnvironment;
use aws::secrets::{Read, ReadSecret, Secrets, Stage, Version};
use aws::signed::{SES_V2, SignedClient};
use domain::notification::button_action::ButtonAction;
use domain::notification::channels::TelegramChat;
use domain::notification::outbox::Moved;
use domain::primitives::id::IncidentId;
use loopback::{Server, answer};
use outbound::{self, PublicClient};
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use settings::variables::Variables;

use super::{Telegram, error};
use crate::channel::{Audience, ChannelDeps, ChannelError};
use crate::render::content::{Button, Content, Envelope, Link, Picture, Post};
use crate::render::markup::Markup;

struct Token;

impl ReadSecret for Token {
    fn read<'a>(&'a self, _: &'a str, _: Stage) -> Read<'a> {
        Box::pin(async {
            Ok(Some(Version {
                text: SecretString::from("42:very-secret"),
                made_at: None,
            }))
        })
    }
}

fn aws() -> AwsEnvironment {
    let variables = Variables::from_fn(|name| {
        (name != "AWS_ENDPOINT_URL" && name != "AWS_CA_BUNDLE").then(|| "eu-west-1".to_owned())
    });
    AwsEnvironment::from_variables(&variables).expect("a region and credentials")
}

fn outside() -> ChannelDeps {
    let public = PublicClient::new().expect("a client");
    let client = outbound::client().expect("a client");
    ChannelDeps {
        client,
        public,
        secrets: Secrets::new(Token),
        telegram_token: "token".to_owned(),
        ses: SignedClient::new(&aws(), &SES_V2, Duration::from_secs(1)),
        api_url: "https://api.test".to_owned(),
    }
}

fn post() -> Post {
    let content = Content {
        text: Markup::parse("text").expect("markup"),
        buttons: Vec::new(),
    };
    Post {
        key: "k".repeat(64),
        about: "incident",
        content,
        facts: Value::Null,
        envelope: Envelope::default(),
    }
}

#[tokio::test]
async fn an_error_never_shows_the_token_that_stands_in_the_url() {
    let closed = loopback::closed();
    for base_url in [format!("http://{closed}"), "not a url".to_owned()] {
        let (chat, outside) = (
            TelegramChat {
                chat_id: 1,
                bot_username: None,
                token_secret: None,
                api_url: Some(base_url),
                message_thread_id: None,
                messages_per_minute: None,
            },
            outside(),
        );
        let error = Telegram::new(&chat, &outside, None)
            .send(&post())
            .await
            .expect_err("nobody is there");
        assert!(matches!(error, ChannelError::Unreachable(_)), "{error:?}");
        assert!(
            !format!("{error} {error:?}").contains("very-secret"),
            "{error:?}"
        );
    }
}

#[test]
fn pages_are_the_last_row_of_buttons() {
    let chat = TelegramChat {
        chat_id: -42,
        bot_username: None,
        token_secret: None,
        api_url: None,
        message_thread_id: None,
        messages_per_minute: None,
    };
    let outside = outside();
    let keyboard = |post: &Post| {
        let body = Telegram::new(&chat, &outside, None).body(post);
        body["reply_markup"]["inline_keyboard"].clone()
    };
    let mut post = post();
    assert_eq!(keyboard(&post), json!([]));
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("an id");
    post.content.buttons = vec![vec![Button {
        label: "Details".to_owned(),
        ask: ButtonAction::Details(id.clone()),
    }]];
    post.envelope.links = vec![Link {
        label: "Open".to_owned(),
        url: "https://api.test/p".to_owned(),
    }];
    let details = json!([{ "text": "Details", "callback_data": format!("details:{id}") }]);
    let open = json!([{ "text": "Open", "url": "https://api.test/p" }]);
    assert_eq!(keyboard(&post), json!([details, open]));
}

#[test]
fn moved_chat_is_used_until_the_file_names_another() {
    let (chat, outside) = (
        TelegramChat {
            chat_id: -42,
            bot_username: None,
            token_secret: None,
            api_url: None,
            message_thread_id: None,
            messages_per_minute: None,
        },
        outside(),
    );
    let chat_id = |moved| Telegram::new(&chat, &outside, moved).body(&post())["chat_id"].clone();
    assert_eq!(chat_id(None), -42);
    assert_eq!(
        chat_id(Some(Moved {
            configured: -42,
            now: -100
        })),
        -100
    );
    assert_eq!(
        chat_id(Some(Moved {
            configured: -41,
            now: -100
        })),
        -42
    );
}

#[test]
fn every_documented_error_has_its_meaning() {
    let meaning = |status: u16, description: &str, parameters: Value| {
        let answer = json!({ "ok": false, "error_code": status, "description": description, "parameters": parameters });
        error(
            StatusCode::from_u16(status).expect("a status"),
            serde_json::from_value(answer).expect("an answer"),
        )
    };
    let kind = |status, description| match meaning(status, description, Value::Null) {
        ChannelError::Busy { seconds } => format!("busy {seconds}"),
        ChannelError::Unreachable(why) => format!("unreachable {why}"),
        ChannelError::Gone => "gone".to_owned(),
        ChannelError::Markup(_) => "markup".to_owned(),
        ChannelError::Moved { chat_id } => format!("moved {chat_id}"),
        ChannelError::Refused { status, .. } => format!("refused {status}"),
    };
    for (status, description, expected) in [
        (429, "Too Many Requests", "busy 1"),
        (
            500,
            "Internal Server Error",
            "unreachable it answered 500: Internal Server Error",
        ),
        (
            502,
            "Bad Gateway",
            "unreachable it answered 502: Bad Gateway",
        ),
        (400, "Bad Request: message to edit not found", "gone"),
        (400, "Bad Request: message can't be edited", "gone"),
        (400, "Bad Request: MESSAGE_ID_INVALID", "gone"),
        (
            400,
            "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 3",
            "markup",
        ),
        (400, "Bad Request: chat not found", "refused 400"),
        (401, "Unauthorized", "refused 401"),
        (
            403,
            "Forbidden: bot was kicked from the supergroup chat",
            "refused 403",
        ),
        (404, "Not Found", "refused 404"),
    ] {
        assert_eq!(kind(status, description), expected, "{description}");
    }
    let busy = meaning(
        429,
        "Too Many Requests: retry after 37",
        json!({ "retry_after": 37 }),
    );
    assert!(
        matches!(busy, ChannelError::Busy { seconds: 37 }),
        "{busy:?}"
    );
    let moved = meaning(
        400,
        "Bad Request: group chat was upgraded to a supergroup chat",
        json!({ "migrate_to_chat_id": -1_001 }),
    );
    assert!(
        matches!(moved, ChannelError::Moved { chat_id: -1_001 }),
        "{moved:?}"
    );
    for (description, says) in [
        (
            "Bad Request: message thread not found",
            "name another message_thread_id",
        ),
        ("Bad Request: TOPIC_CLOSED", "open it again"),
    ] {
        let refused = meaning(400, description, Value::Null).to_string();
        assert!(
            refused.contains(description) && refused.contains(says),
            "{refused}"
        );
    }
    let long = meaning(400, &"x".repeat(5_000), Value::Null);
    assert!(long.to_string().len() < 400, "what it says is bounded");
}

#[tokio::test]
async fn a_picture_is_a_silent_reply_with_a_caption() {
    let ok = r#"{"ok":true,"result":{"message_id":8}}"#;
    let server = Server::playing(vec![answer(200, &[], ok)]);
    let chat = TelegramChat {
        chat_id: -42,
        bot_username: None,
        token_secret: None,
        api_url: Some(server.url.clone()),
        message_thread_id: Some(4),
        messages_per_minute: None,
    };
    let outside = outside();
    let telegram = Telegram::new(&chat, &outside, None);
    let picture = Picture {
        name: "chart.png".to_owned(),
        png: vec![0x89, b'P', b'N', b'G', 13, 10, 26, 10],
    };
    let text = Markup::parse("<code>a &lt; b</code>").expect("markup");
    let post = Post {
        content: Content {
            text,
            buttons: Vec::new(),
        },
        ..post()
    };
    let sent = telegram.picture(Some("7"), &picture, &post).await;
    assert_eq!(sent.expect("it is sent"), "8");
    telegram
        .picture(None, &picture, &post)
        .await
        .expect("it is sent");
    telegram
        .reply(Some("7"), &post, Audience::Quiet)
        .await
        .expect("it is sent");
    let [first, alone, quiet] = &server.requests()[..] else {
        panic!("three calls")
    };
    assert_eq!(
        (&*first.method, &*first.path),
        ("POST", "/bot42:very-secret/sendPhoto")
    );
    assert!(
        first
            .header("content-type")
            .starts_with("multipart/form-data; boundary=")
    );
    let text = first.text();
    for (name, value) in [
        ("chat_id", "-42"),
        ("message_thread_id", "4"),
        ("caption", "<code>a &lt; b</code>"),
        ("parse_mode", "HTML"),
        ("disable_notification", "true"),
    ] {
        let part = format!("name=\"{name}\"\r\n\r\n{value}\r\n");
        assert!(text.contains(&part), "{name}: {text}");
    }
    let file = "name=\"photo\"; filename=\"chart.png\"\r\nContent-Type: image/png\r\n\r\n";
    assert!(text.contains(file), "{text}");
    let mut bytes = first.body.windows(picture.png.len());
    assert!(bytes.any(|window| window == picture.png));
    let under =
        |text: &str| text.contains(r#"{"allow_sending_without_reply":true,"message_id":7}"#);
    assert!(under(&text) && !under(&alone.text()), "{text}");
    let quiet: Value = serde_json::from_slice(&quiet.body).expect("JSON");
    assert_eq!(quiet["disable_notification"], true);
}
