//! Telegram: whether the bot's token is accepted, presses reach the stack, and the bot is in its chats. Nothing is sent.

use std::time::Duration;

use aws::secrets::Secrets;
use domain::notification::channels::{Channels, Place};
use domain::notification::place::TelegramChat;
use outbound::{body, reason};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::doctor::finding::{Finding, or_ok};

const CHECK: &str = "telegram";
const PUBLIC_API: &str = "https://api.telegram.org";
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const ANSWER_BYTES: usize = 100_000;
/// What presses and commands come as (<https://core.telegram.org/bots/api#update>).
const UPDATES: [&str; 2] = ["callback_query", "message"];

/// Asks the Bot API about the bot, its webhook and its chats.
pub(crate) async fn examine(
    http: &Client,
    secrets: &Secrets,
    channels: &Channels,
    default_token: Option<&str>,
    webhook_url: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut bots_seen: Vec<(String, String)> = Vec::new();
    let chats = channels.channels.iter().filter_map(|one| match &one.to {
        Place::Telegram(chat) => Some((&one.name, chat)),
        _ => None,
    });
    for (name, chat) in chats {
        let Some(secret) = chat.token_secret.as_deref().or(default_token) else {
            continue;
        };
        let token = match secrets.get(secret).await {
            Ok(token) => token,
            Err(error) => {
                let text = format!("the token of the channel {name} cannot be read: {error}");
                let mend = "put its value, or run this with secretsmanager:GetSecretValue";
                findings.push(Finding::unknown(CHECK, text, mend));
                continue;
            }
        };
        let bot = Bot {
            http,
            base: chat.api_url.as_deref().unwrap_or(PUBLIC_API),
            token: &token,
        };
        // Whose the presses are is decided by the stack's own bot; another one only sends.
        let key = (bot.base.to_owned(), secret.to_owned());
        if !bots_seen.contains(&key) {
            bots_seen.push(key);
            let webhook = bot.ask("getWebhookInfo", &json!({})).await;
            findings.extend(judge_webhook(name, webhook, webhook_url));
        }
        let known = bot
            .ask("getChat", &json!({ "chat_id": chat.chat_id }))
            .await;
        findings.extend(judge_chat(name, chat, known));
    }
    or_ok(
        findings,
        CHECK,
        "presses reach the stack, and the bot is in its chats",
    )
}

struct Bot<'a> {
    http: &'a Client,
    base: &'a str,
    token: &'a SecretString,
}

/// Why the Bot API has not done it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    NoAnswer(String),
    /// Its status, and what it says.
    Answer(u16, String),
}

impl Bot<'_> {
    async fn ask(&self, method: &str, parameters: &Value) -> Result<Value, Refused> {
        let url = format!("{}/bot{}/{method}", self.base, self.token.expose_secret());
        let sent = self.http.post(url).json(parameters).timeout(ANSWER_WITHIN);
        let response = sent.send().await;
        let response = response.map_err(|error| Refused::NoAnswer(reason(error)))?;
        let status = response.status().as_u16();
        let told = body(response, ANSWER_BYTES).await;
        let told = told.map_err(|error| Refused::NoAnswer(error.to_string()))?;
        let mut told: Value = serde_json::from_slice(&told).unwrap_or(Value::Null);
        match status {
            200 => Ok(told["result"].take()),
            _ => {
                let says = told["description"].as_str().unwrap_or_default();
                Err(Refused::Answer(status, says.to_owned()))
            }
        }
    }
}

/// What `getWebhookInfo` says (<https://core.telegram.org/bots/api#webhookinfo>).
pub(crate) fn judge_webhook(
    channel: &str,
    told: Result<Value, Refused>,
    url: &str,
) -> Vec<Finding> {
    let set = format!(
        "set it: setWebhook with url={url}, secret_token=<value of TelegramWebhookSecretArn> and allowed_updates={UPDATES:?}"
    );
    let info = match told {
        Ok(info) => info,
        Err(Refused::NoAnswer(why)) => {
            let text = format!("the Bot API does not answer: {why}");
            return vec![Finding::unknown(
                CHECK,
                text,
                "ask again from where it can be reached",
            )];
        }
        Err(Refused::Answer(status, says)) => {
            let text = format!("the token of the channel {channel} is refused: {status} {says}");
            let mend = "take the token from @BotFather, and put it as the secret's value";
            return vec![Finding::fault(CHECK, text, mend)];
        }
    };
    let mut findings = Vec::new();
    match info["url"].as_str().unwrap_or_default() {
        "" => findings.push(Finding::fault(
            CHECK,
            "the bot has no webhook: presses of buttons do not arrive",
            set.clone(),
        )),
        other if other != url => findings.push(Finding::fault(
            CHECK,
            format!("presses go to {other}, and not to this stack"),
            set.clone(),
        )),
        _ => {}
    }
    // Without a list, which Telegram remembers, everything but a few kinds comes.
    if let Some(allowed) = info["allowed_updates"].as_array()
        && let Some(missing) = UPDATES.iter().find(|one| !allowed.contains(&json!(one)))
    {
        let what = if *missing == "message" {
            "commands"
        } else {
            "presses"
        };
        findings.push(Finding::fault(
            CHECK,
            format!("{what} are not sent: allowed_updates has no {missing}"),
            set.clone(),
        ));
    }
    if let Some(error) = info["last_error_message"].as_str() {
        let waiting = info["pending_update_count"].as_u64().unwrap_or_default();
        let text = format!("Telegram could not deliver the last press ({error}); {waiting} wait");
        let verdict = if waiting > 0 {
            Finding::fault
        } else {
            Finding::warning
        };
        findings.push(verdict(
            CHECK,
            text,
            "a 401 is another secret_token than the secret's: set the webhook again; for others read the log of ingress".to_owned(),
        ));
    }
    findings
}

/// What `getChat` says (<https://core.telegram.org/bots/api#getchat>).
pub(crate) fn judge_chat(
    channel: &str,
    chat: &TelegramChat,
    told: Result<Value, Refused>,
) -> Option<Finding> {
    let id = chat.chat_id;
    match told {
        Ok(info) if chat.message_thread_id.is_some() && info["is_forum"] != json!(true) => {
            Some(Finding::fault(
                CHECK,
                format!("the channel {channel} names a topic, and the chat {id} has none"),
                "switch topics on in the group's settings, or leave message_thread_id out",
            ))
        }
        Ok(_) => None,
        // A refused token and a lost connection are said once, of the webhook.
        Err(Refused::NoAnswer(_) | Refused::Answer(401 | 404, _)) => None,
        Err(Refused::Answer(status, says)) => Some(Finding::fault(
            CHECK,
            format!(
                "the bot cannot write to the chat {id} of the channel {channel}: {status} {says}"
            ),
            "add the bot to the group; a group that became a supergroup has a new id",
        )),
    }
}
