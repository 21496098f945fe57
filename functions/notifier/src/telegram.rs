//! The Bot API: the two calls that a card needs, with the documented errors that matter to it.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::outbound::{self, NoClient};
use thiserror::Error;

use crate::content::{Button, Content};

/// How long a wait that Telegram asks for may be to be waited for here, in seconds.
const LONGEST_WAIT: u64 = 5;

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// Why a call failed. No text of it can hold the token, which stands in every URL of the Bot API (`secrets-stay`).
#[derive(Debug, Error)]
pub enum TelegramError {
    /// The HTTP client could not be built.
    #[error(transparent)]
    Client(#[from] NoClient),
    /// Telegram could not be reached, or its answer is none of the Bot API's.
    #[error("Telegram did not answer: {0}")]
    Unreachable(String),
    /// Telegram wants fewer messages.
    #[error("Telegram asks to wait {seconds} s")]
    Busy {
        /// For how long.
        seconds: u64,
    },
    /// The message to be edited is not there any more.
    #[error("the message was deleted")]
    Gone,
    /// Telegram refused the call.
    #[error("Telegram refused the call ({status}): {description}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Telegram's words.
        description: String,
    },
}

/// A client of the Bot API.
#[derive(Debug)]
pub struct Telegram {
    client: Client,
    base_url: String,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    result: Option<Value>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

impl Telegram {
    /// A client for the API at this address, `https://api.telegram.org` unless a test says otherwise.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub fn new(base_url: String) -> Result<Self, TelegramError> {
        Ok(Self { client: outbound::client()?, base_url })
    }

    /// Sends a card; the id of its message.
    ///
    /// # Errors
    /// If Telegram did not take it.
    pub async fn send(&self, token: &SecretString, chat: &str, card: &Content) -> Result<String, TelegramError> {
        let result = self.call(token, "sendMessage", body(chat, card)).await?;
        let id = result.get("message_id").and_then(Value::as_i64);
        id.map(|id| id.to_string()).ok_or_else(|| TelegramError::Unreachable("its answer to sendMessage has no message_id".to_owned()))
    }

    /// Replaces what a message shows. A message that shows it already is a success.
    ///
    /// # Errors
    /// [`TelegramError::Gone`] if the message is not there any more; others if Telegram did not take it.
    pub async fn edit(&self, token: &SecretString, chat: &str, message_id: &str, card: &Content) -> Result<(), TelegramError> {
        let mut body = body(chat, card);
        body["message_id"] = message_id.parse::<i64>().map_or(Value::Null, Value::from);
        match self.call(token, "editMessageText", body).await {
            Ok(_) => Ok(()),
            Err(TelegramError::Refused { description, .. }) if description.contains("message is not modified") => Ok(()),
            Err(TelegramError::Refused { description, .. }) if description.contains("message to edit not found") => {
                Err(TelegramError::Gone)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a call, and makes it again where Telegram asks for a wait that fits into the function's time. A longer one is
    /// for the queue: the message comes back.
    async fn call(&self, token: &SecretString, method: &str, body: Value) -> Result<Value, TelegramError> {
        match self.call_once(token, method, &body).await {
            Err(TelegramError::Busy { seconds }) if seconds <= LONGEST_WAIT => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                self.call_once(token, method, &body).await
            }
            answered => answered,
        }
    }

    async fn call_once(&self, token: &SecretString, method: &str, body: &Value) -> Result<Value, TelegramError> {
        let url = format!("{}/bot{}/{method}", self.base_url, token.expose_secret());
        // An error of the client quotes the URL, and with it the token.
        let unreachable = |error: reqwest::Error| TelegramError::Unreachable(outbound::reason(error));
        let response = self.client.post(url).timeout(CALL_TIMEOUT).json(body).send().await.map_err(unreachable)?;
        let status = response.status();
        let answer: Answer = response.json().await.map_err(unreachable)?;
        if answer.ok {
            return Ok(answer.result.unwrap_or_default());
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = answer.parameters.and_then(|parameters| parameters.retry_after).unwrap_or(1);
            return Err(TelegramError::Busy { seconds });
        }
        Err(TelegramError::Refused { status: status.as_u16(), description: answer.description.unwrap_or_default() })
    }
}

fn body(chat: &str, card: &Content) -> Value {
    let row = |row: &Vec<Button>| -> Value {
        row.iter().map(|button| json!({ "text": button.label, "callback_data": button.ask.to_string() })).collect()
    };
    let rows: Vec<Value> = card.buttons.iter().map(row).collect();
    json!({
        "chat_id": chat,
        "text": card.text.telegram(),
        "parse_mode": "HTML",
        "link_preview_options": { "is_disabled": true },
        "reply_markup": { "inline_keyboard": rows },
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use secrecy::SecretString;

    use super::Telegram;
    use crate::content::Content;
    use crate::rich::Rich;

    #[tokio::test]
    async fn an_error_never_shows_the_token_that_stands_in_the_url() {
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let card = Content { text: Rich::text("text"), buttons: vec![] };
        let token = SecretString::from("42:very-secret");
        for base_url in [format!("http://{closed}"), "not a url".to_owned()] {
            let telegram = Telegram::new(base_url).expect("a client");
            let error = telegram.send(&token, "1", &card).await.expect_err("nobody is there");
            assert!(!format!("{error} {error:?}").contains("very-secret"), "{error:?}");
        }
    }
}
