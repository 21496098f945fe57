//! Validation of the kinds of channels: ids, addresses and names of secrets.

use super::PLAIN;
use crate::notification::channels::{EmailList, Place};
use crate::primitives::server_url;

/// The most receivers of one message (<https://docs.aws.amazon.com/ses/latest/dg/quotas.html>).
const MOST_RECEIVERS: usize = 50;

impl Place {
    /// True if both are one place: one chat or one topic of it, one channel, one service.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Telegram(one), Self::Telegram(other)) => {
                (one.chat_id, one.message_thread_id) == (other.chat_id, other.message_thread_id)
            }
            (Self::Slack(one), Self::Slack(other)) => one.channel_id == other.channel_id,
            (Self::PagerDuty(one), Self::PagerDuty(other)) => {
                one.routing_key_secret == other.routing_key_secret
            }
            (Self::Teams(one), Self::Teams(other)) => one.url_secret == other.url_secret,
            (Self::Email(one), Self::Email(other)) => one == other,
            _ => false,
        }
    }

    /// What is wrong with the fields of its kind: each the field, and a sentence.
    pub(super) fn errors(&self) -> Vec<(&'static str, &'static str)> {
        let url = |field, url: Option<&String>| {
            url.and_then(|url| server_url::problem(url))
                .map(|sentence| (field, sentence))
        };
        let secret = |field, secret: Option<&String>| {
            secret
                .is_some_and(|name| name.trim().is_empty())
                .then_some((field, "has to be the name of a secret"))
        };
        let id = |text: &str| {
            !text.is_empty()
                && text.len() <= 32
                && text
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        match self {
            Self::Telegram(chat) => [
                (chat.chat_id == 0).then_some(("telegram.chat_id", "has to be the numeric id of a chat")),
                chat.message_thread_id
                    .is_some_and(|topic| topic < 2)
                    .then_some(("telegram.message_thread_id", "has to be the numeric id of a topic, which is 2 or more: for General leave it out")),
                chat.bot_username
                    .as_ref()
                    .is_some_and(|name| !is_username(name))
                    .then_some(("telegram.bot_username", "has to be the bot's username without the @, such as example_quell_bot")),
                url("telegram.api_url", chat.api_url.as_ref()),
                secret("telegram.token_secret", chat.token_secret.as_ref()),
                chat.messages_per_minute
                    .is_some_and(|most| !(1..=600).contains(&most))
                    .then_some(("telegram.messages_per_minute", "has to be 1 to 600")),
                (chat.api_url.is_none() && chat.messages_per_minute.is_some_and(|most| most > 60)).then_some((
                    "telegram.messages_per_minute",
                    "of more than 60 needs a Bot API server of your own (api_url): Telegram takes one message a second of a chat",
                )),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::Slack(slack) => [
                (!id(&slack.channel_id)).then_some(("slack.channel_id", "has to be the id of a channel, such as C0123456789")),
                url("slack.api_url", slack.api_url.as_ref()),
                secret("slack.token_secret", Some(&slack.token_secret)),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::Webhook(webhook) => [
                url("webhook.url", Some(&webhook.url)),
                secret("webhook.key_secret", Some(&webhook.key_secret)),
                (!webhook.private && !webhook.url.starts_with("https://")).then_some(("webhook.url", PLAIN)),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::PagerDuty(service) => [
                secret("pagerduty.routing_key_secret", Some(&service.routing_key_secret)),
                url("pagerduty.api_url", service.api_url.as_ref()),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::Teams(workflow) => secret("teams.url_secret", Some(&workflow.url_secret))
                .into_iter()
                .collect(),
            Self::Email(list) => list.errors(),
        }
    }
}

impl EmailList {
    fn errors(&self) -> Vec<(&'static str, &'static str)> {
        const ADDRESS: &str = "has to be an e-mail address, such as oncall@example.com";
        let mut errors = Vec::new();
        if !is_address(&self.from) {
            errors.push(("email.from", ADDRESS));
        }
        if !(1..=MOST_RECEIVERS).contains(&self.to.len()) {
            errors.push(("email.to", "has to name 1 to 50 addresses"));
        }
        if !self.to.iter().all(|address| is_address(address)) {
            errors.push(("email.to", ADDRESS));
        }
        errors
    }
}

/// True for what can be a username (<https://core.telegram.org/bots/features#botfather>).
fn is_username(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (5..=32).contains(&text.len()) && text.bytes().all(allowed)
}

/// True for an address without a name, quotes and anything outside of ASCII, which SES takes in no local part
/// (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html>).
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let in_local = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    (1..=64).contains(&local.len())
        && local.bytes().all(in_local)
        && domain.contains('.')
        && domain.split('.').all(is_label)
}
