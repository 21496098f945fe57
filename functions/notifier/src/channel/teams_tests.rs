//! Tests of messages to a workflow, and of what its answers mean.

use domain::notification::channels::TeamsWorkflow;
use loopback::{Server, answer};
use outbound::PublicClient;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{LARGEST, Teams, message};
use crate::channel::{ChannelError, post_fixture};
use crate::render::content::Post;
use crate::render::markup::Markup;

const SIGNATURE: &str = "very-secret-signature";

fn post(text: Markup) -> Post {
    post_fixture::post(text, Value::Null)
}

async fn sent(url: String, private: bool) -> Result<String, ChannelError> {
    let workflow = TeamsWorkflow {
        url_secret: "u".to_owned(),
        private,
    };
    let (anywhere, public) = (
        outbound::client().expect("a client"),
        PublicClient::new().expect("a client"),
    );
    let text = Markup::parse("<b>P1</b> web").expect("markup");
    Teams::new(&anywhere, &public, &workflow)
        .send(&SecretString::from(url), &post(text))
        .await
}

fn at(server: &Server) -> String {
    format!(
        "{}/workflows/1/triggers/manual/paths/invoke?sp=%2Ftriggers&sig={SIGNATURE}",
        server.url
    )
}

#[tokio::test]
async fn a_message_is_what_the_template_takes() {
    let headers = [("x-ms-workflow-run-id", "08584")];
    let server = Server::playing(vec![answer(202, &headers, "")]);
    let run = sent(at(&server), true).await.expect("it is sent");
    assert_eq!(run, "08584");
    let request = server.requests().remove(0);
    assert!(request.path.ends_with(SIGNATURE), "{}", request.path);
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(
        body,
        json!({ "type": "message", "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
                "msteams": { "width": "Full" },
                "body": [{ "type": "RichTextBlock", "spacing": "None", "inlines": [
                    { "type": "TextRun", "text": "P1", "weight": "Bolder" }, { "type": "TextRun", "text": " web" },
                ] }],
                "actions": [
                    { "type": "Action.OpenUrl", "title": "Decide", "url": "https://api.test/a" },
                    { "type": "Action.OpenUrl", "title": "Open", "url": "https://api.test/p" },
                ],
            },
        }] })
    );
}

#[test]
fn no_message_is_longer_than_teams_takes() {
    let many = "<b>界</b><i>b</i>\n".repeat(1_300);
    for text in [
        Markup::parse(&many).expect("markup"),
        Markup::text(&"\"\\".repeat(20_000)),
    ] {
        let message = message(&post(text));
        let blocks = message["attachments"][0]["content"]["body"]
            .as_array()
            .map_or(0, Vec::len);
        assert!(blocks > 0 && message.to_string().len() <= LARGEST);
        assert!(message.to_string().contains('…'), "it says that it was cut");
    }
}

#[tokio::test]
async fn every_documented_answer_has_its_meaning() {
    let error =
        |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"m {SIGNATURE}"}}}}"#);
    for (status, headers, body, expected) in [
        (
            401,
            &[][..],
            error("AuthorizationFailed"),
            "refuses (401): AuthorizationFailed: m …: the signature",
        ),
        (
            404,
            &[],
            error("WorkflowNotFound"),
            "refuses (404): WorkflowNotFound: m …: the workflow was deleted",
        ),
        (
            400,
            &[],
            error("WorkflowTriggerIsNotEnabled"),
            "turn the workflow on",
        ),
        (413, &[], String::new(), "refuses (413)"),
        (
            429,
            &[("retry-after", "12")],
            error("WorkflowRunActionThrottled"),
            "asks to wait 12 s",
        ),
        (
            502,
            &[],
            error("NoResponse"),
            "did not answer: status 502: NoResponse",
        ),
        (307, &[], String::new(), "redirects are not followed"),
    ] {
        let server = Server::playing(vec![answer(status, headers, body)]);
        let refused = sent(at(&server), true).await.expect_err("not taken");
        assert!(
            refused.to_string().contains(expected),
            "{status}: {refused}"
        );
        assert!(!format!("{refused:?}").contains(SIGNATURE), "{refused:?}");
    }
}

#[tokio::test]
async fn no_error_shows_the_url_and_no_private_address_is_called() {
    let server = Server::playing(vec![answer(202, &[], "")]);
    let tls = at(&server).replace("http://", "https://");
    let closed = format!("http://{}/w?sig={SIGNATURE}", loopback::closed());
    for (url, private) in [
        (at(&server), false),
        (tls, false),
        (format!("no url {SIGNATURE}"), true),
        (closed, true),
    ] {
        let error = sent(url, private).await.expect_err("not sent");
        assert!(
            !format!("{error} {error:?}").contains(SIGNATURE),
            "{error:?}"
        );
    }
    assert!(server.requests().is_empty());
}
