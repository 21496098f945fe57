//! E-mail client of a channel: Amazon SES, API version 2, with one signed request
//! (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>).

use aws::Chain;
use aws::signed::{CallError, SignedClient};
use domain::notification::channels::EmailList;
use domain::primitives::safe_text;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{ChannelError, DEFAULT_WAIT, LONGEST_WAIT};
use crate::render::content::Post;
use crate::render::markup::escape;

/// The operation, as a path.
const SEND_EMAIL: &str = "/v2/email/outbound-emails";
/// The longest subject, in characters: mail programs show less of it.
const LONGEST_SUBJECT: usize = 150;
/// The longest value of a header (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html>).
const LONGEST_HEADER: usize = 800;
/// How much of SES's words is kept of an error.
const WORDS: usize = 300;

/// People who get e-mail. A message is known by the id that SES gave it.
#[derive(Debug)]
pub struct Email<'a> {
    list: &'a EmailList,
    ses: &'a SignedClient,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    message_id: Option<String>,
}

impl<'a> Email<'a> {
    /// The receivers as the operator's file names them.
    pub fn new(list: &'a EmailList, ses: &'a SignedClient) -> Self {
        Self { list, ses }
    }

    /// Sends a message of its own; its id.
    ///
    /// # Errors
    /// If SES did not take it.
    pub async fn send(&self, post: &Post) -> Result<String, ChannelError> {
        self.call(&self.message(post, None)).await
    }

    /// Sends a message in the thread of an earlier one, if there is one; its id.
    ///
    /// # Errors
    /// If SES did not take it.
    pub async fn reply(&self, under: Option<&str>, post: &Post) -> Result<String, ChannelError> {
        self.call(&self.message(post, under)).await
    }

    fn message(&self, post: &Post, under: Option<&str>) -> Value {
        let title = safe_text::line(&post.envelope.title, LONGEST_SUBJECT);
        // Some programs make a thread of what has the same subject, others of what refers to each other.
        let subject = match under {
            Some(_) => format!("Re: {title}"),
            None => title,
        };
        let utf_8 = |data: String| json!({ "Data": data, "Charset": "UTF-8" });
        json!({
            "FromEmailAddress": format!("Quell <{}>", self.list.from),
            "Destination": { "ToAddresses": self.list.to },
            "Content": { "Simple": {
                "Subject": utf_8(subject),
                "Body": { "Text": utf_8(text(post)), "Html": utf_8(html(post)) },
                "Headers": self.headers(post, under),
            } },
        })
    }

    fn headers(&self, post: &Post, under: Option<&str>) -> Vec<Value> {
        let mut headers = Vec::new();
        // Only printable ASCII is taken: nothing can begin another header.
        let mut header = |name: &str, value: String| {
            let value: String = value.chars().filter(|c| matches!(c, ' '..='~')).collect();
            if !value.is_empty() {
                let value = safe_text::cut(&value, LONGEST_HEADER);
                headers.push(json!({ "Name": name, "Value": value }));
            }
        };
        // Nobody's note that they are away is wanted (RFC 3834, 5).
        header("Auto-Submitted", "auto-generated".to_owned());
        if matches!(post.facts["severity"].as_str(), Some("P0" | "P1")) {
            header("Importance", "high".to_owned());
        }
        let fact = |name: &str| post.facts[name].as_str().unwrap_or_default().to_owned();
        header("X-Quell-Incident", fact("incident_id"));
        header("X-Quell-Severity", fact("severity"));
        if let Some(id) = under {
            let id = self.rfc_id(id);
            header("In-Reply-To", id.clone());
            header("References", id);
        }
        headers
    }

    /// The `Message-ID` of a message. SES overrides one that it is given, with its own id in its own domain
    /// (<https://docs.aws.amazon.com/ses/latest/dg/header-fields.html>). In us-east-1, the first region, that domain has no region.
    fn rfc_id(&self, id: &str) -> String {
        match self.ses.region() {
            _ if id.contains('@') => format!("<{id}>"),
            "us-east-1" => format!("<{id}@email.amazonses.com>"),
            region => format!("<{id}@{region}.amazonses.com>"),
        }
    }

    async fn call(&self, message: &Value) -> Result<String, ChannelError> {
        let read = self
            .ses
            .call(SEND_EMAIL, &message.to_string())
            .await
            .map_err(|error| refusal(&error))?;
        serde_json::from_slice::<Answer>(&read)
            .ok()
            .and_then(|answer| answer.message_id)
            .ok_or_else(|| ChannelError::Unreachable("SES's answer has no MessageId".to_owned()))
    }
}

fn text(post: &Post) -> String {
    let mut text = post.content.text.plain() + "\n";
    for link in &post.envelope.links {
        text += &format!("\n{}: {}\n", link.label, link.url);
    }
    text
}

fn html(post: &Post) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html><body><p>{}</p>",
        post.content.text.html()
    );
    for link in &post.envelope.links {
        html.push_str("\n<p><a href=\"");
        escape(&link.url, &mut html);
        html.push_str("\">");
        escape(&link.label, &mut html);
        html.push_str("</a></p>");
    }
    html + "</body></html>\n"
}

/// What an error means (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors>).
fn refusal(error: &CallError) -> ChannelError {
    match error {
        CallError::Refused { .. } if error.is_busy() => ChannelError::Busy {
            seconds: DEFAULT_WAIT,
        },
        // The account's quota of a day.
        CallError::Refused { code, .. } if code == "LimitExceededException" => ChannelError::Busy {
            seconds: LONGEST_WAIT,
        },
        CallError::Refused { code, message, .. } => {
            let said = safe_text::line(&format!("{code}: {message}"), WORDS);
            let why = match advice(code, message) {
                Some(advice) => format!("{said}: {advice}"),
                None => said,
            };
            ChannelError::Refused { status: 400, why }
        }
        CallError::Unavailable(_) => ChannelError::Unreachable(Chain(error).to_string()),
        CallError::Unsigned(_) => ChannelError::Refused {
            status: 0,
            why: Chain(error).to_string(),
        },
    }
}

/// What an operator does about a refusal.
fn advice(code: &str, message: &str) -> Option<&'static str> {
    match code {
        "MessageRejected" if message.contains("not verified") => {
            Some("verify the address or its domain in SES; in the sandbox, the receivers' too")
        }
        "MailFromDomainNotVerifiedException" => Some("verify the domain in SES"),
        "SendingPausedException" | "AccountSuspendedException" => {
            Some("AWS has stopped the account's e-mail: look at the account dashboard of SES")
        }
        "AccessDeniedException" => {
            Some("deploy with EmailFromAddress, which has to be the address in channels.json")
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
