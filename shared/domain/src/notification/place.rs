//! Kinds of channels in `channels.json`, each with the fields that it needs.

use serde::Deserialize;

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Place {
    /// A chat of Telegram.
    Telegram(TelegramChat),
    /// A channel of Slack.
    Slack(SlackChannel),
    /// A server that gets signed webhooks.
    Webhook(Webhook),
    /// A service of PagerDuty, which pages whoever is on call.
    #[serde(rename = "pagerduty")]
    PagerDuty(PagerDutyService),
    /// A channel or a chat of Microsoft Teams.
    Teams(TeamsWorkflow),
    /// People who get e-mail.
    Email(EmailList),
}

/// A chat of Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TelegramChat {
    /// Its numeric id: negative for a group or a channel, positive for a person.
    #[cfg_attr(feature = "schema", schemars(extend("not" = { "const": 0 })))]
    pub chat_id: i64,
    /// The topic of a group that has topics (`message_thread_id` of the Bot API). Without it everything goes to the group itself, which
    /// is its topic *General*, whose own id, 1, Telegram refuses.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 2)))]
    pub message_thread_id: Option<i64>,
    /// The bot's own username, without the `@`. Commands of a group that name a bot (`/quell@its_name`) are obeyed only with it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Za-z0-9_]{5,32}$")))]
    pub bot_username: Option<String>,
    /// The name of the secret with the bot's token, if it is another than the template's.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"\S")))]
    pub token_secret: Option<String>,
    /// The base URL of the Bot API, if it is another than `https://api.telegram.org`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://[^?#@]*[^?#@/]$")))]
    pub api_url: Option<String>,
    /// How many messages a minute the whole chat takes, if that is not Telegram's 20 of a group and 60 of a person: 1 to 600. More
    /// than 60 need a Bot API server of your own. The channels of one chat share them evenly.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 600)))]
    pub messages_per_minute: Option<u16>,
}

impl TelegramChat {
    /// Whether a command of this chat that names a bot is for ours. Without its name it is only where no other bot can be: in a person's
    /// own chat. Usernames know no case (<https://core.telegram.org/bots/features#botfather>).
    pub fn is_for_us(&self, username: &str) -> bool {
        match &self.bot_username {
            Some(own) => own.eq_ignore_ascii_case(username),
            None => self.chat_id > 0,
        }
    }
}

/// A channel of Slack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SlackChannel {
    /// Its id, such as `C0123456789`: in Slack, at the end of the channel's details.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z0-9]{1,32}$")))]
    pub channel_id: String,
    /// The name of the secret with the bot's token (`xoxb-…`).
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"\S")))]
    pub token_secret: String,
    /// The base URL of the Web API, if it is another than `https://slack.com/api`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://[^?#@]*[^?#@/]$")))]
    pub api_url: Option<String>,
}

/// A server that gets webhooks, signed as Standard Webhooks says (<https://www.standardwebhooks.com/>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("if" = { "properties": { "private": { "const": true } }, "required": ["private"] },
    "else" = { "properties": { "url": { "pattern": "^https://" } } })))]
pub struct Webhook {
    /// Its URL: `https://`, unless the server is private.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://[^?#@]*[^?#@/]$")))]
    pub url: String,
    /// The name of the secret with the key of the signatures (`whsec_` and 24 to 64 bytes in base64).
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"\S")))]
    pub key_secret: String,
    /// True if it may be on a private address. Without it such an address is refused, also where a name leads to one.
    #[serde(default)]
    pub private: bool,
}

/// A service of PagerDuty with an integration of the kind *Events API V2*.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PagerDutyService {
    /// The name of the secret with the integration key (32 letters and digits).
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"\S")))]
    pub routing_key_secret: String,
    /// The base URL of the Events API, if it is another than `https://events.pagerduty.com`: for accounts in the EU it is
    /// `https://events.eu.pagerduty.com`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://[^?#@]*[^?#@/]$")))]
    pub api_url: Option<String>,
}

/// A workflow of Microsoft Teams that posts what it gets, made from the template *Post to a channel when a webhook request is received*.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TeamsWorkflow {
    /// The name of the secret with the workflow's URL. Whoever knows the URL can post: it carries a signature.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"\S")))]
    pub url_secret: String,
    /// True if the URL may lead to a private address, such as a gateway of your own. Without it such an address is refused, and so is a
    /// URL without TLS.
    #[serde(default)]
    pub private: bool,
}

/// People who get e-mail by Amazon SES, in the region of the function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmailList {
    /// The sender's address, which SES has verified, itself or its domain: the template's `EmailFromAddress`.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = ADDRESS)))]
    pub from: String,
    /// The receivers' addresses: 1 to 50.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 50), inner(regex(pattern = ADDRESS))))]
    pub to: Vec<String>,
}

/// An e-mail address as most mail servers take it.
#[cfg(feature = "schema")]
const ADDRESS: &str =
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$";

/// What a channel is told of a card's new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updates {
    /// Each: the message is edited, or another takes its place.
    All,
    /// Its end, with a message of its own: messages cannot be edited there. Everything else that people have to hear is a notice.
    End,
    /// How far the work is, when that changes, and nothing else: the service itself tells people.
    Progress,
}

impl Place {
    /// What it is told of a card's new state.
    pub fn updates(&self) -> Updates {
        match self {
            Self::Telegram(_) | Self::Slack(_) | Self::Webhook(_) => Updates::All,
            Self::Teams(_) | Self::Email(_) => Updates::End,
            Self::PagerDuty(_) => Updates::Progress,
        }
    }

    /// True if it has our buttons. Elsewhere a message has the address of the decision instead.
    pub fn has_buttons(&self) -> bool {
        matches!(self, Self::Telegram(_) | Self::Slack(_))
    }

    /// True if it takes pictures. Elsewhere the card says the same in figures.
    pub fn takes_pictures(&self) -> bool {
        matches!(self, Self::Telegram(_) | Self::Slack(_))
    }

    /// The name of its kind, as used in event names.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Telegram(_) => "telegram",
            Self::Slack(_) => "slack",
            Self::Webhook(_) => "webhook",
            Self::PagerDuty(_) => "pagerduty",
            Self::Teams(_) => "teams",
            Self::Email(_) => "email",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::TelegramChat;

    #[test]
    fn a_command_for_another_bot_is_left_to_it() {
        for (chat_id, own, named, is_for_us) in [
            (-100, Some("quell_bot"), "quell_bot", true),
            (-100, Some("quell_bot"), "Quell_Bot", true),
            (-100, Some("quell_bot"), "quell_bots", false),
            (-100, Some("quell_bot"), "", false),
            // Unknown: in a group it may be any.
            (-100, None, "quell_bot", false),
            (42, None, "quell_bot", true),
            (42, Some("quell_bot"), "other_bot", false),
        ] {
            let chat = json!({ "chat_id": chat_id, "bot_username": own });
            let chat: TelegramChat = serde_json::from_value(chat).expect("a chat");
            assert_eq!(
                chat.is_for_us(named),
                is_for_us,
                "{chat_id} {own:?} {named}"
            );
        }
    }
}
