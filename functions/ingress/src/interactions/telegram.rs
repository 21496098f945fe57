//! Telegram's webhook: pressed buttons, and commands. The answer goes back in the response's body, which the Bot API
//! allows ("Making requests when getting updates"), so that ingress needs neither the bot's token nor a client.

use domain::notification::button_action::ButtonAction;
use domain::notification::button_reply::ButtonReply;
use domain::notification::channels::{Channel, Identity, Language, Place};
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::authentication;
use crate::body;
use crate::interactions::{self, Press, commands};
use crate::rejection::Rejection;

/// What a command begins with.
const COMMAND: &str = "/quell";
/// The longest answer to a press, from the Bot API.
const ANSWER_CHARACTERS: usize = 200;

#[derive(Deserialize)]
struct Update {
    callback_query: Option<Query>,
    message: Option<Written>,
}

/// A message that a person wrote (<https://core.telegram.org/bots/api#message>).
#[derive(Deserialize)]
struct Written {
    message_id: i64,
    /// Nobody for what a channel posts.
    from: Option<User>,
    #[serde(flatten)]
    shown: Shown,
    text: Option<String>,
    reply_to_message: Option<Answered>,
}

/// The message that another one answers.
#[derive(Deserialize)]
struct Answered {
    reply_markup: Option<Keyboard>,
}

#[derive(Deserialize)]
struct Keyboard {
    #[serde(default)]
    inline_keyboard: Vec<Vec<KeyboardButton>>,
}

#[derive(Deserialize)]
struct KeyboardButton {
    callback_data: Option<String>,
}

/// What stands behind `/quell`, and the bot that it is for: in a group with several, Telegram puts `@` and its username behind the word
/// (<https://core.telegram.org/bots/features#commands>).
fn command_in(text: &str) -> Option<(Option<&str>, &str)> {
    let rest = text.strip_prefix(COMMAND)?;
    let (bot, rest) = match rest.strip_prefix('@') {
        Some(named) => {
            let end = named.find(char::is_whitespace).unwrap_or(named.len());
            (Some(&named[..end]), &named[end..])
        }
        None => (None, rest),
    };
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some((bot, rest))
}

impl Written {
    /// The incident of the card that it answers, by the card's buttons: the texts of a card come from outside.
    fn about(&self) -> Option<IncidentId> {
        let keyboard = self.reply_to_message.as_ref()?.reply_markup.as_ref()?;
        let buttons = keyboard.inline_keyboard.iter().flatten();
        let mut asks =
            buttons.filter_map(|button| ButtonAction::read(button.callback_data.as_deref()?));
        asks.next().map(|ask| ask.incident())
    }
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

/// Handles one update. Every result of a press or a command is sent to the person who pressed; only a passing
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
    if let Some(written) = &update.message {
        return command(app, written, now).await;
    }
    let Some(query) = update.callback_query else {
        return Ok(json!({}));
    };
    let answer = pressed(app, &query, now).await?;
    let words = answer.words(language(query.from.language_code.as_deref()));
    let text: String = words.chars().take(ANSWER_CHARACTERS).collect();
    Ok(json!({ "method": "answerCallbackQuery", "callback_query_id": query.id, "text": text }))
}

/// Does what a command says, and answers below it. Other messages, and those of other chats, come to nothing.
async fn command(app: &App, written: &Written, now: Timestamp) -> Result<Value, Rejection> {
    let command = written.text.as_deref().and_then(command_in);
    let (Some((bot, text)), Some(from)) = (command, &written.from) else {
        return Ok(json!({}));
    };
    let chat = &written.shown.chat;
    let channel = channel_of(app, &written.shown).await?;
    // Another bot's command is none of ours, also where this one reads all messages of the group.
    let is_ours = |channel: &Channel| match (&channel.to, bot) {
        (Place::Telegram(chat), Some(bot)) => chat.is_for_us(bot),
        _ => true,
    };
    if !channel.is_some_and(is_ours) {
        return Ok(json!({}));
    }
    let given = commands::Written {
        text,
        by: Identity::Telegram(from.id),
        about: written.about(),
        id: format!("telegram:{}:{}", chat.id, written.message_id),
    };
    let answer = commands::command(app, given, now).await?;
    let words = answer.words(language(from.language_code.as_deref()));
    let mut message = json!({
        "method": "sendMessage", "chat_id": chat.id, "text": words,
        "reply_parameters": { "message_id": written.message_id, "allow_sending_without_reply": true },
    });
    if let Some(topic) = written.shown.topic() {
        message["message_thread_id"] = json!(topic);
    }
    Ok(message)
}

async fn pressed(app: &App, query: &Query, now: Timestamp) -> Result<ButtonReply, Rejection> {
    let Some(ask) = query.data.as_deref().and_then(ButtonAction::read) else {
        return Ok(ButtonReply::UnknownButton);
    };
    let channel = match &query.message {
        Some(message) => channel_of(app, message).await?,
        None => None,
    };
    let channel = channel.map(|channel| channel.name.as_str());
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

/// The channel in which a message is, also one whose chat has another id by now than the operator's file says.
async fn channel_of<'a>(app: &'a App, message: &Shown) -> Result<Option<&'a Channel>, Rejection> {
    let (channels, chat) = (app.channels()?, message.chat.id);
    let is_topic = |channel: &&Channel| matches!(&channel.to, Place::Telegram(chat) if chat.message_thread_id == message.topic());
    let mut of_chat = channels.of_chat(chat);
    // Of a message that is too old Telegram does not say the topic: any channel of the chat will do.
    if let Some(channel) = of_chat.clone().find(is_topic).or_else(|| of_chat.next()) {
        return Ok(Some(channel));
    }
    for channel in &channels.channels {
        let Place::Telegram(configured) = &channel.to else {
            continue;
        };
        if app.intake.store.moved_chat(&channel.name).await? == Some((configured.chat_id, chat)) {
            return Ok(Some(channel));
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

    use super::{command_in, language};

    #[test]
    fn a_command_says_for_which_bot_it_is() {
        for (text, command) in [
            ("/quell", Some((None, ""))),
            ("/quell ack", Some((None, " ack"))),
            ("/quell@my_bot", Some((Some("my_bot"), ""))),
            ("/quell@my_bot\nack", Some((Some("my_bot"), "\nack"))),
            ("/quell@ ack", Some((Some(""), " ack"))),
            ("/quell@my-bot ack", Some((Some("my-bot"), " ack"))),
            ("/quellack", None),
            ("quell ack", None),
        ] {
            assert_eq!(command_in(text), command, "{text}");
        }
    }

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
