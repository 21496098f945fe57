//! The operator's `channels.json`: people, channels, routes, and the rules that say who may decide.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use wildmatch::WildMatch;

use crate::alert::Alert;
use crate::analysis::{Risk, Severity};
use crate::incident::Incident;
use crate::primitives::server_url;

/// The most chats of Telegram: each takes one message a second, and the Bot API takes thirty a second of one bot.
const MOST_CHATS: usize = 30;
/// The longest wait for the second list of people, in seconds: a week.
const LONGEST_WAIT: u32 = 7 * 24 * 3600;

/// The whole file. Without it there are no notifications and no decisions.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "an object with the fields of channels.json"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Channels {
    /// Where the schema is, for editors.
    #[serde(rename = "$schema")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    schema: Ignored,
    /// The language of a channel that names none.
    pub language: Language,
    /// Where people are told. At most 30 of them are chats of Telegram.
    pub channels: Vec<Channel>,
    /// Which incidents go to which channels: the first route that matches, and those after it while `continue` says so.
    /// Messages that belong to no incident go where the routes without a condition lead.
    pub routes: Vec<Route>,
    /// Who decides, by name: 1 to 32 letters, digits, dots, dashes and underscores.
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = { "pattern": r"^[\p{L}\p{N}._-]{1,32}$" })))]
    pub people: BTreeMap<String, Person>,
    /// Who may decide what: the first rule that matches. Where none matches, no decision is
    /// possible.
    pub approvals: Vec<ApprovalRule>,
    /// The Alertmanager that silences alerts. Without one, no card has a button for it.
    pub alertmanager: Option<AlertmanagerServer>,
}

/// Something that is not read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A language that the built-in templates speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    /// Chinese in traditional characters.
    #[serde(rename = "zh-TW")]
    TraditionalChinese,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::TraditionalChinese];

    /// Its tag, which is also the name of the directory with its templates.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::TraditionalChinese => "zh-TW",
        }
    }
}

/// A channel that notifies people.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Channel {
    /// Its name: 1 to 32 of `a-z0-9-`. It is part of keys and logs; under another name it is
    /// another channel, with cards of its own.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[a-z0-9-]{1,32}$")))]
    pub name: String,
    /// Its language, if it is another than the file's.
    #[serde(default)]
    pub language: Option<Language>,
    /// What it is: one of telegram, slack and webhook.
    pub to: Place,
}

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
}

/// A chat of Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TelegramChat {
    /// Its numeric id: negative for a group or a channel, positive for a person.
    #[cfg_attr(feature = "schema", schemars(extend("not" = { "const": 0 })))]
    pub chat_id: i64,
    /// The name of the secret with the bot's token, if it is another than the template's.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"\S")))]
    pub token_secret: Option<String>,
    /// The base URL of the Bot API, if it is another than `https://api.telegram.org`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://[^?#@]*[^?#@/]$")))]
    pub api_url: Option<String>,
    /// How many messages a minute it takes, if that is not Telegram's 20 of a group and 60 of a person: 1 to 600. More than 60
    /// need a Bot API server of your own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 600)))]
    pub messages_per_minute: Option<u16>,
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
    /// Whose links for a decision it gets, by their names among the people: it has to show each to its person only.
    #[serde(default)]
    pub links_for: Vec<String>,
}

/// An Alertmanager, as a person reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertmanagerServer {
    /// Its base URL, without `/api/v2`.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://[^?#@]*[^?#@/]$")))]
    pub url: String,
    /// The name of the secret with its bearer token, if something in front of it wants one.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"\S")))]
    pub token_secret: Option<String>,
    /// True if it may be on a private address, or be spoken to without TLS.
    #[serde(default)]
    pub private: bool,
    /// True if it is to be silent about an alert while its repair runs.
    #[serde(default)]
    pub silence_repairs: bool,
}

impl AlertmanagerServer {
    fn faults(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let secret = self
            .token_secret
            .as_ref()
            .is_some_and(|name| name.trim().is_empty());
        [
            server_url::fault(&self.url).map(|sentence| ("url", sentence)),
            secret.then_some(("token_secret", "has to be the name of a secret")),
            (!self.private && !self.url.starts_with("https://")).then_some(("url", PLAIN)),
        ]
        .into_iter()
        .flatten()
    }
}

/// Which incidents go to which channels. An empty list matches everything; in texts `*` matches any
/// text, `?` one character.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("required" = ["channels"])))]
pub struct Route {
    /// Severities.
    pub severities: Vec<Severity>,
    /// Namespaces.
    pub namespaces: Vec<Pattern>,
    /// Services: the plan's target, or the alert's.
    pub services: Vec<Pattern>,
    /// Labels, all of which have to fit.
    pub labels: BTreeMap<String, Pattern>,
    /// True for reports of delivery pipelines only, false for everything else.
    pub cicd: Option<bool>,
    /// The channels' names.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub channels: Vec<String>,
    /// Whether the routes behind it are looked at too.
    #[serde(rename = "continue")]
    pub goes_on: bool,
}

/// A pattern in which `*` matches any text, and `?` one character.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String", inline))]
pub struct Pattern(WildMatch);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(WildMatch::new(&text)))
    }
}

/// A person who may decide, and by what they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Person {
    /// Their numeric id at Telegram.
    pub telegram: Option<i64>,
    /// Their member id at Slack, such as `U0123456789`: in Slack, among what their profile offers to copy.
    pub slack: Option<String>,
    /// Whether the holder of the API's token may decide in their name.
    pub api: bool,
}

/// The identity of a person who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// The numeric id at Telegram.
    Telegram(i64),
    /// The member id at Slack.
    Slack(&'a str),
    /// The name that the holder of the API's token gave.
    Api(&'a str),
    /// The name in a signed link.
    Link(&'a str),
}

/// Its form in the log: `telegram:7`, `slack:U7`, `api:ada` or `link:ada`.
impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telegram(id) => write!(f, "telegram:{id}"),
            Self::Slack(id) => write!(f, "slack:{id}"),
            Self::Api(name) => write!(f, "api:{name}"),
            Self::Link(name) => write!(f, "link:{name}"),
        }
    }
}

impl<'a> Identity<'a> {
    /// Reads what [`fmt::Display`] writes. None for the guardrails, which are not a person.
    #[must_use]
    pub fn read(by: &'a str) -> Option<Self> {
        match by.split_once(':')? {
            ("telegram", id) => id.parse().ok().map(Self::Telegram),
            ("slack", id) => Some(Self::Slack(id)),
            ("api", name) => Some(Self::Api(name)),
            ("link", name) => Some(Self::Link(name)),
            _ => None,
        }
    }
}

/// Who may decide on which plans. An empty list fits everything.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("required" = ["people"], "dependentRequired" = {
        "then": ["escalate_after_seconds"], "escalate_after_seconds": ["then"]
    })))]
pub struct ApprovalRule {
    /// The services' names in the registry.
    pub services: Vec<Pattern>,
    /// The risks, each the worse of the finding's and the playbook's.
    pub risks: Vec<Risk>,
    /// Who may, by their names among the people.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub people: Vec<String>,
    /// The second list of people, who may decide once the approval was undecided for
    /// `escalate_after_seconds`. They are notified then.
    pub then: Vec<String>,
    /// After how long the second list may: at most a week.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604800)))]
    pub escalate_after_seconds: Option<u32>,
}

impl ApprovalRule {
    /// Whether a person may decide.
    #[must_use]
    pub fn may(&self, person: &str, escalated: bool) -> bool {
        self.people.iter().any(|name| name == person)
            || (escalated && self.then.iter().any(|name| name == person))
    }
}

impl Channels {
    /// The channel of this name.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// The channels of a chat of Telegram.
    pub fn of_chat(&self, chat_id: i64) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(
            move |channel| matches!(&channel.to, Place::Telegram(chat) if chat.chat_id == chat_id),
        )
    }

    /// The channels of a channel of Slack.
    pub fn of_slack<'a>(&'a self, channel_id: &'a str) -> impl Iterator<Item = &'a Channel> {
        self.channels.iter().filter(move |channel| matches!(&channel.to, Place::Slack(slack) if slack.channel_id == channel_id))
    }

    #[must_use]
    pub fn language_of(&self, channel: &Channel) -> Language {
        channel.language.unwrap_or(self.language)
    }

    /// The channels of an incident, each once.
    #[must_use]
    pub fn routed(&self, incident: &Incident) -> Vec<&Channel> {
        let mut names = BTreeSet::new();
        for route in &self.routes {
            if route.fits(incident) {
                names.extend(route.channels.iter().map(String::as_str));
                if !route.goes_on {
                    break;
                }
            }
        }
        self.channels
            .iter()
            .filter(|channel| names.contains(channel.name.as_str()))
            .collect()
    }

    /// The channels of messages that belong to no incident: those of the routes without a
    /// condition.
    #[must_use]
    pub fn for_notices(&self) -> Vec<&Channel> {
        let names: BTreeSet<&str> = self
            .routes
            .iter()
            .filter(|route| route.fits_all())
            .flat_map(|route| route.channels.iter().map(String::as_str))
            .collect();
        self.channels
            .iter()
            .filter(|channel| names.contains(channel.name.as_str()))
            .collect()
    }

    /// The name of the person with this identity, if they are on the list.
    #[must_use]
    pub fn person(&self, known: Identity<'_>) -> Option<&str> {
        let fits = |name: &str, person: &Person| match known {
            Identity::Telegram(id) => person.telegram == Some(id),
            Identity::Slack(id) => person.slack.as_deref() == Some(id),
            Identity::Api(given) => person.api && name == given,
            Identity::Link(given) => name == given,
        };
        self.people
            .iter()
            .find(|(name, person)| fits(name, person))
            .map(|(name, _)| name.as_str())
    }

    /// Who may decide on a plan for this service at this risk.
    #[must_use]
    pub fn rule(&self, service: &str, risk: Risk) -> Option<&ApprovalRule> {
        self.approvals.iter().find(|rule| {
            any(&rule.services, service) && (rule.risks.is_empty() || rule.risks.contains(&risk))
        })
    }

    /// What is wrong with the file beyond its shape: each a field and a sentence.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault = |field: String, sentence: &str| faults.push((field, sentence.to_owned()));
        let mut names = BTreeSet::new();
        for (i, channel) in self.channels.iter().enumerate() {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if !(1..=32).contains(&channel.name.len()) || !channel.name.bytes().all(fits) {
                fault(
                    format!("channels[{i}].name"),
                    "has to be 1 to 32 of a-z, 0-9 and -",
                );
            }
            if !names.insert(channel.name.as_str()) {
                fault(
                    format!("channels[{i}].name"),
                    "is the name of another channel too",
                );
            }
            if self.channels[..i]
                .iter()
                .any(|before| before.to.is(&channel.to))
            {
                fault(
                    format!("channels[{i}].to"),
                    "is where another channel is too: each would count for itself what the place takes",
                );
            }
            for (field, sentence) in channel.to.faults() {
                fault(format!("channels[{i}].to.{field}"), sentence);
            }
            if let Place::Webhook(Webhook { links_for, .. }) = &channel.to {
                unknown(&self.people, links_for, |n| {
                    fault(format!("channels[{i}].to.webhook.links_for[{n}]"), NOBODY)
                });
            }
        }
        if self
            .channels
            .iter()
            .filter(|channel| matches!(channel.to, Place::Telegram(_)))
            .count()
            > MOST_CHATS
        {
            fault(
                "channels".to_owned(),
                "hold more than 30 chats of Telegram: the Bot API takes 30 messages a second of one bot",
            );
        }
        for (i, route) in self.routes.iter().enumerate() {
            if route.channels.is_empty() {
                fault(
                    format!("routes[{i}].channels"),
                    "has to name a channel: what fits would be told nowhere",
                );
            }
            for (n, _) in route
                .channels
                .iter()
                .enumerate()
                .filter(|(_, name)| self.channel(name).is_none())
            {
                fault(
                    format!("routes[{i}].channels[{n}]"),
                    "is none of the channels",
                );
            }
        }
        if !self.channels.is_empty() && self.routes.is_empty() {
            fault(
                "routes".to_owned(),
                "has to say what is told where: [{ \"channels\": [...] }] tells everything",
            );
        }
        for (field, sentence) in self
            .alertmanager
            .iter()
            .flat_map(AlertmanagerServer::faults)
        {
            fault(format!("alertmanager.{field}"), sentence);
        }
        let mut seen = BTreeSet::new();
        for (name, person) in &self.people {
            if !(1..=32).contains(&name.chars().count())
                || !name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "._-".contains(c))
            {
                fault(
                    format!("people.{name}"),
                    "has to have a name of 1 to 32 letters, digits, dots, dashes and underscores",
                );
            }
            let ids = [
                person.telegram.map(|id| format!("telegram {id}")),
                person.slack.as_ref().map(|id| format!("slack {id}")),
            ];
            for id in ids.into_iter().flatten() {
                if !seen.insert(id.clone()) {
                    fault(
                        format!("people.{name}"),
                        "has an id that somebody else has too: one person could decide as two",
                    );
                }
            }
        }
        for (i, rule) in self.approvals.iter().enumerate() {
            unknown(&self.people, &rule.people, |n| {
                fault(format!("approvals[{i}].people[{n}]"), NOBODY)
            });
            unknown(&self.people, &rule.then, |n| {
                fault(format!("approvals[{i}].then[{n}]"), NOBODY)
            });
            if rule.people.is_empty() {
                fault(
                    format!("approvals[{i}].people"),
                    "has to name somebody who may decide",
                );
            }
            if rule.then.is_empty() != rule.escalate_after_seconds.is_none() {
                fault(
                    format!("approvals[{i}].then"),
                    "and escalate_after_seconds go together",
                );
            }
            if rule
                .escalate_after_seconds
                .is_some_and(|seconds| !(1..=LONGEST_WAIT).contains(&seconds))
            {
                fault(
                    format!("approvals[{i}].escalate_after_seconds"),
                    "has to be 1 to 604800, which is a week",
                );
            }
        }
        faults
    }
}

/// Why a URL without TLS is refused.
const PLAIN: &str = "has to begin with https://, unless the server is private";
/// Why a name is refused.
const NOBODY: &str = "is none of the people";

fn unknown(people: &BTreeMap<String, Person>, names: &[String], mut found: impl FnMut(usize)) {
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| !people.contains_key(*name))
        .for_each(|(n, _)| found(n));
}

impl Place {
    /// The name of its kind, as used in event names.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Telegram(_) => "telegram",
            Self::Slack(_) => "slack",
            Self::Webhook(_) => "webhook",
        }
    }

    /// True if both are one chat, or one channel of Slack.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Telegram(one), Self::Telegram(other)) => one.chat_id == other.chat_id,
            (Self::Slack(one), Self::Slack(other)) => one.channel_id == other.channel_id,
            _ => false,
        }
    }

    fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let url = |field, url: Option<&String>| {
            url.and_then(|url| server_url::fault(url))
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
        }
    }
}

impl Route {
    fn fits(&self, incident: &Incident) -> bool {
        let Alert {
            namespace,
            target,
            normalised_target,
            labels,
            cicd,
            ..
        } = &incident.alert;
        let service = incident.plan.as_ref().map(|plan| plan.target.as_str());
        let services = [
            service,
            Some(target.as_str()),
            Some(normalised_target.as_str()),
        ];
        (self.severities.is_empty() || self.severities.contains(&incident.severity))
            && any(&self.namespaces, namespace)
            && (self.services.is_empty()
                || services
                    .into_iter()
                    .flatten()
                    .any(|service| any(&self.services, service)))
            && self.labels.iter().all(|(name, pattern)| {
                labels
                    .get(name)
                    .is_some_and(|value| pattern.0.matches(value))
            })
            && self.cicd.is_none_or(|wanted| wanted == *cicd)
    }

    fn fits_all(&self) -> bool {
        self.severities.is_empty()
            && self.namespaces.is_empty()
            && self.services.is_empty()
            && self.labels.is_empty()
            && self.cicd.is_none()
    }
}

fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.0.matches(text))
}

#[cfg(test)]
#[path = "channels_tests.rs"]
mod tests;
