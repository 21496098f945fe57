//! Tests of e-mails as SES gets them, and of what its answers mean.

use std::time::Duration;

use aws::AwsEnvironment;
use aws::signed::{SES_V2, SignedClient};
use domain::notification::channels::EmailList;
use loopback::{Server, answer};
use serde_json::{Value, json};
use settings::variables::Variables;

use super::Email;
use crate::channel::ChannelError;
use crate::render::content::{Content, Envelope, Link, Post};
use crate::render::markup::Markup;

fn ses(url: &str, region: &'static str) -> SignedClient {
    let variables = Variables::from_fn(|name| match name {
        "AWS_REGION" => Some(region.to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("a-key".to_owned()),
        "AWS_ENDPOINT_URL" => Some(url.to_owned()),
        _ => None,
    });
    let aws = AwsEnvironment::from_variables(&variables).expect("a region and credentials");
    SignedClient::new(&aws, &SES_V2, Duration::from_secs(5)).without_retries()
}

fn list() -> EmailList {
    EmailList {
        from: "quell@example.com".to_owned(),
        to: vec!["a@example.com".to_owned(), "b@example.com".to_owned()],
    }
}

fn post(title: &str, severity: &str) -> Post {
    Post {
        key: "ab".repeat(32),
        about: "incident",
        content: Content {
            text: Markup::parse("<b>P1</b> a &lt; b\n<code>ls</code>").expect("markup"),
            buttons: vec![],
        },
        facts: json!({ "incident_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "severity": severity }),
        envelope: Envelope {
            title: title.to_owned(),
            links: [
                ("Decide", "https://api.test/a?b=1&c=2"),
                ("Open", "https://api.test/p"),
            ]
            .map(|(label, url)| Link {
                label: label.to_owned(),
                url: url.to_owned(),
            })
            .into(),
            ..Envelope::default()
        },
    }
}

/// What SES gets of a post, in the thread of a message if there is one.
async fn got(region: &'static str, under: Option<&str>, post: &Post) -> Value {
    let server = Server::playing(vec![answer(200, &[], r#"{"MessageId":"0100-1"}"#)]);
    let (list, ses) = (list(), ses(&server.url, region));
    let email = Email::new(&list, &ses);
    let id = match under {
        Some(_) => email.reply(under, post).await,
        None => email.send(post).await,
    };
    assert_eq!(id.expect("it is sent"), "0100-1");
    serde_json::from_slice(&server.requests()[0].body).expect("JSON")
}

fn headers(message: &Value) -> Vec<(&str, &str)> {
    let headers = message["Content"]["Simple"]["Headers"]
        .as_array()
        .expect("a list");
    headers
        .iter()
        .map(|header| {
            (
                header["Name"].as_str().expect("a name"),
                header["Value"].as_str().expect("a value"),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_message_has_both_bodies_and_the_links_in_each() {
    let mut message = got("eu-west-1", None, &post("KafkaDown · kafka-1", "P1")).await;
    let headers = message["Content"]["Simple"]["Headers"].take();
    assert_eq!(
        message,
        json!({
            "FromEmailAddress": "Quell <quell@example.com>",
            "Destination": { "ToAddresses": ["a@example.com", "b@example.com"] },
            "Content": { "Simple": {
                "Subject": { "Data": "KafkaDown · kafka-1", "Charset": "UTF-8" },
                "Body": {
                    "Text": { "Data": "P1 a < b\nls\n\nDecide: https://api.test/a?b=1&c=2\n\nOpen: https://api.test/p\n", "Charset": "UTF-8" },
                    "Html": {
                        "Data": "<!DOCTYPE html>\n<html><body><p><b>P1</b> a &lt; b<br>\n<code>ls</code></p>\n<p><a href=\"https://api.test/a?b=1&amp;c=2\">Decide</a></p>\n<p><a href=\"https://api.test/p\">Open</a></p></body></html>\n",
                        "Charset": "UTF-8",
                    },
                },
                "Headers": null,
            } },
        })
    );
    assert_eq!(
        headers,
        json!([
            { "Name": "Auto-Submitted", "Value": "auto-generated" },
            { "Name": "Importance", "Value": "high" },
            { "Name": "X-Quell-Incident", "Value": "01ARZ3NDEKTSV4RRFFQ69G5FAV" },
            { "Name": "X-Quell-Severity", "Value": "P1" },
        ])
    );
}

#[tokio::test]
async fn an_answer_is_in_the_thread_of_its_message() {
    for (region, id, expected) in [
        ("eu-west-1", "0100-0", "<0100-0@eu-west-1.amazonses.com>"),
        ("us-east-1", "0100-0", "<0100-0@email.amazonses.com>"),
        ("us-east-1", "1@a.test", "<1@a.test>"),
    ] {
        let message = got(region, Some(id), &post("KafkaDown", "P3")).await;
        assert_eq!(
            message["Content"]["Simple"]["Subject"]["Data"],
            "Re: KafkaDown"
        );
        let headers = headers(&message);
        assert!(headers.contains(&("In-Reply-To", expected)), "{headers:?}");
        assert!(headers.contains(&("References", expected)), "{headers:?}");
        assert!(!headers.iter().any(|(name, _)| *name == "Importance"));
    }
}

#[tokio::test]
async fn no_text_begins_a_header_or_a_line_of_one() {
    let mut hostile = post(
        &format!("a\r\nBcc: x@y.test {}", "界".repeat(500)),
        "P1\r\nX: y",
    );
    hostile.facts["incident_id"] = "界\r\nBcc: x".into();
    let message = got("eu-west-1", Some("1\r\nX: y"), &hostile).await;
    let subject = message["Content"]["Simple"]["Subject"]["Data"]
        .as_str()
        .expect("a text");
    assert!(!subject.contains(['\r', '\n']) && subject.chars().count() < 160);
    for (name, value) in headers(&message) {
        let plain = value.bytes().all(|b| (b' '..=b'~').contains(&b));
        assert!(plain && value.len() < 900, "{name}: {value:?}");
    }
}

#[tokio::test]
async fn every_documented_error_has_its_meaning() {
    for (status, code, message, expected) in [
        (429, "TooManyRequestsException", "slow", "asks to wait 30 s"),
        (
            400,
            "LimitExceededException",
            "quota",
            "asks to wait 3600 s",
        ),
        (
            400,
            "MessageRejected",
            "Email address is not verified.",
            "verify the address",
        ),
        (
            400,
            "MessageRejected",
            "bad",
            "refuses (400): MessageRejected: bad",
        ),
        (
            400,
            "MailFromDomainNotVerifiedException",
            "m",
            "verify the domain",
        ),
        (400, "SendingPausedException", "m", "account dashboard"),
        (400, "AccountSuspendedException", "m", "account dashboard"),
        (
            404,
            "NotFoundException",
            "m",
            "refuses (400): NotFoundException: m",
        ),
        (
            400,
            "BadRequestException",
            "m",
            "refuses (400): BadRequestException: m",
        ),
        (
            403,
            "AccessDeniedException",
            "m",
            "deploy with EmailFromAddress",
        ),
        (500, "InternalFailure", "m", "did not answer"),
    ] {
        let body = json!({ "message": message }).to_string();
        let server = Server::playing(vec![answer(status, &[("x-amzn-errortype", code)], body)]);
        let (list, ses) = (list(), ses(&server.url, "eu-west-1"));
        let error = Email::new(&list, &ses)
            .send(&post("t", "P1"))
            .await
            .expect_err("not taken");
        assert!(error.to_string().contains(expected), "{code}: {error}");
        assert_eq!(server.requests().len(), 1, "{code}: nothing is sent twice");
    }
    let server = Server::playing(vec![answer(200, &[], "{}")]);
    let (list, ses) = (list(), ses(&server.url, "eu-west-1"));
    let error = Email::new(&list, &ses).send(&post("t", "P1")).await;
    assert!(
        matches!(error, Err(ChannelError::Unreachable(_))),
        "{error:?}"
    );
}
