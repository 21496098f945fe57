//! Telegram's webhook: pressed buttons. The answer to the press goes back in the response's body, which the Bot API
//! allows ("Making requests when getting updates"), so that ingress needs neither the bot's token nor a client.

use domain::notification::button_action::ButtonAction;
use domain::notification::button_reply::ButtonReply;
use domain::notification::channels::{Channel, Identity, Language, Place};
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::authentication;
use crate::body;
use crate::interactions::{self, Press};
use crate::rejection::Rejection;

/// The longest answer to a press, from the Bot API.
const ANSWER_CHARACTERS: usize = 200;

#[derive(Deserialize)]
struct Update {
    callback_query: Option<Query>,
}

#[derive(Deserialize)]
struct Query {
    id: String,
    from: User,
    data: Option<String>,
    message: Option<Shown>,
}

#[derive(Deserialize)]
struct User {
    /// Telegram's own. Names are not read: anyone can choose them.
    id: i64,
    language_code: Option<String>,
}

/// The message with the button, which may be too old for Telegram to show: its chat is there all the same.
#[derive(Deserialize)]
struct Shown {
    chat: Chat,
    /// The topic of a group that has topics. In other groups it is a thread of replies.
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
}

impl Shown {
    fn topic(&self) -> Option<i64> {
        self.message_thread_id.filter(|_| self.is_topic_message)
    }
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
}

/// Handles one update. Every result of a press is sent to the person who pressed; only a passing
/// fault is an error, so that Telegram delivers the update again.
///
/// # Errors
/// If the update does not come from Telegram, is not an update, or what was asked for could not be stored and sent.
pub async fn update(
    app: &App,
    headers: &HeaderMap,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Value, Rejection> {
    app.admit(&app.config.telegram_secret, now, |secret| {
        authentication::telegram(secret, headers)
    })
    .await?;
    let update: Update = body::json(bytes)?;
    let Some(query) = update.callback_query else {
        return Ok(json!({}));
    };
    let answer = pressed(app, &query, now).await?;
    let words = answer.words(language(query.from.language_code.as_deref()));
    let text: String = words.chars().take(ANSWER_CHARACTERS).collect();
    Ok(json!({ "method": "answerCallbackQuery", "callback_query_id": query.id, "text": text }))
}

async fn pressed(app: &App, query: &Query, now: Timestamp) -> Result<ButtonReply, Rejection> {
    let Some(ask) = query.data.as_deref().and_then(ButtonAction::read) else {
        return Ok(ButtonReply::UnknownButton);
    };
    let channel = match &query.message {
        Some(message) => channel_of(app, message).await?,
        None => None,
    };
    let press = Press {
        ask,
        by: Identity::Telegram(query.from.id),
        channel,
        id: format!("telegram:{}", query.id),
    };
    if channel.is_none() {
        return interactions::from_elsewhere(app, &press, now).await;
    }
    interactions::press(app, press, now).await
}

/// The name of the channel in which a message is, also of one whose chat has another id by now than the operator's file says.
async fn channel_of<'a>(app: &'a App, message: &Shown) -> Result<Option<&'a str>, Rejection> {
    let (channels, chat) = (app.channels()?, message.chat.id);
    let is_topic = |channel: &&Channel| matches!(&channel.to, Place::Telegram(chat) if chat.message_thread_id == message.topic());
    let mut of_chat = channels.of_chat(chat);
    // Of a message that is too old Telegram does not say the topic: any channel of the chat will do.
    if let Some(channel) = of_chat.clone().find(is_topic).or_else(|| of_chat.next()) {
        return Ok(Some(&channel.name));
    }
    for channel in &channels.channels {
        let Place::Telegram(configured) = &channel.to else {
            continue;
        };
        if app.intake.store.moved_chat(&channel.name).await? == Some((configured.chat_id, chat)) {
            return Ok(Some(&channel.name));
        }
    }
    Ok(None)
}

/// The language of a person's client, as an IETF tag.
fn language(code: Option<&str>) -> Language {
    let code = code.unwrap_or_default().to_ascii_lowercase();
    let traditional = ["zh-hant", "zh-tw", "zh-hk"]
        .iter()
        .any(|tag| code.starts_with(tag));
    if traditional {
        Language::TraditionalChinese
    } else {
        Language::English
    }
}

#[cfg(test)]
mod tests {
    use domain::notification::channels::Language;

    use super::language;

    #[test]
    fn answer_is_in_traditional_chinese_or_english() {
        for code in ["zh-hant", "zh-TW", "zh-hk", "zh-Hant-TW"] {
            assert_eq!(language(Some(code)), Language::TraditionalChinese, "{code}");
        }
        for code in [
            None,
            Some(""),
            Some("en"),
            Some("de"),
            Some("zh-hans"),
            Some("zh"),
        ] {
            assert_eq!(language(code), Language::English, "{code:?}");
        }
    }
}
