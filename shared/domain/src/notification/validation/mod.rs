//! Validation of `channels.json` beyond its shape: names, lists and addresses that contradict each other.

mod places;

use std::collections::{BTreeMap, BTreeSet};

use crate::notification::channels::{AlertmanagerServer, Channels, Place};
use crate::notification::people::{Person, is_pagerduty_id};
use crate::primitives::server_url;

/// The most channels at Telegram: each sends one message a second at most, and the Bot API takes thirty a second of one bot.
const MOST_CHATS: usize = 30;
/// The longest wait for the second list of people, in seconds: a week.
const LONGEST_WAIT: u32 = 7 * 24 * 3600;

/// Why a URL without TLS is refused.
const PLAIN: &str = "has to begin with https://, unless the server is private";
/// Why a name is refused.
const NOBODY: &str = "is none of the people";
const NO_TEAM: &str =
    "is none of the teams of people.json: add the team there, or correct the name";

fn unknown(people: &BTreeMap<String, Person>, names: &[String], mut found: impl FnMut(usize)) {
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| !people.contains_key(*name))
        .for_each(|(n, _)| found(n));
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    let fits = |part: &str| !part.is_empty() && !part.contains('@');
    parts.is_some_and(|(before, behind)| fits(before) && fits(behind))
        && !text.chars().any(char::is_whitespace)
}

impl Channels {
    /// What is wrong with the file beyond its shape: each a field and a sentence.
    pub fn errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let mut error = |field: String, sentence: &str| errors.push((field, sentence.to_owned()));
        self.channel_errors(&mut error);
        self.route_errors(&mut error);
        for (field, sentence) in self
            .alertmanager
            .iter()
            .flat_map(AlertmanagerServer::errors)
        {
            error(format!("alertmanager.{field}"), sentence);
        }
        self.people_errors(&mut error);
        self.approval_errors(&mut error);
        errors
    }

    fn channel_errors(&self, error: &mut impl FnMut(String, &str)) {
        let mut names = BTreeSet::new();
        for (i, channel) in self.channels.iter().enumerate() {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if !(1..=32).contains(&channel.name.len()) || !channel.name.bytes().all(fits) {
                error(
                    format!("channels[{i}].name"),
                    "has to be 1 to 32 of a-z, 0-9 and -",
                );
            }
            if !names.insert(channel.name.as_str()) {
                error(
                    format!("channels[{i}].name"),
                    "is the name of another channel too",
                );
            }
            if self.channels[..i]
                .iter()
                .any(|before| before.to.is(&channel.to))
            {
                error(
                    format!("channels[{i}].to"),
                    "is where another channel is too: each would count for itself what the place takes",
                );
            }
            if channel.charts == Some(true) && !channel.to.takes_pictures() {
                error(
                    format!("channels[{i}].charts"),
                    "is for Telegram and Slack: the others take no pictures, and the card has the figures",
                );
            }
            for (field, sentence) in channel.to.errors() {
                error(format!("channels[{i}].to.{field}"), sentence);
            }
        }
        let is_chat = |to: &Place| matches!(to, Place::Telegram(_));
        let chats = self.channels.iter().filter(|channel| is_chat(&channel.to));
        if chats.count() > MOST_CHATS {
            error(
                "channels".to_owned(),
                "hold more than 30 chats of Telegram: the Bot API takes 30 messages a second of one bot",
            );
        }
    }

    fn route_errors(&self, error: &mut impl FnMut(String, &str)) {
        for (i, route) in self.routes.iter().enumerate() {
            if route.channels.is_empty() {
                error(
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
                error(
                    format!("routes[{i}].channels[{n}]"),
                    "is none of the channels",
                );
            }
        }
        for (i, route) in self.routes.iter().enumerate() {
            if self.lacks_team(route.team.as_ref()) {
                error(format!("routes[{i}].team"), NO_TEAM);
            }
            unknown(&self.people, &route.people, |n| {
                error(format!("routes[{i}].people[{n}]"), NOBODY)
            });
        }
        if !self.channels.is_empty() && self.routes.is_empty() {
            error(
                "routes".to_owned(),
                "has to say what is told where: [{ \"channels\": [...] }] tells everything",
            );
        }
    }

    fn lacks_team(&self, name: Option<&String>) -> bool {
        name.is_some_and(|name| !self.duty.teams.contains_key(name))
    }

    fn people_errors(&self, error: &mut impl FnMut(String, &str)) {
        let mut seen = BTreeSet::new();
        for (name, person) in &self.people {
            if !(1..=32).contains(&name.chars().count())
                || !name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "._-".contains(c))
            {
                error(
                    format!("people.{name}"),
                    "has to have a name of 1 to 32 letters, digits, dots, dashes and underscores",
                );
            }
            let ids = [
                person.telegram.map(|id| format!("telegram {id}")),
                person.slack.as_ref().map(|id| format!("slack {id}")),
                person
                    .pagerduty
                    .as_ref()
                    .map(|id| format!("pagerduty {id}")),
                // Case does not tell two mailboxes apart.
                person
                    .email
                    .as_ref()
                    .map(|email| format!("email {}", email.to_lowercase())),
            ];
            if person
                .pagerduty
                .as_ref()
                .is_some_and(|id| !is_pagerduty_id(id))
            {
                error(
                    format!("people.{name}.pagerduty"),
                    "has to be the id of a user at PagerDuty, such as PLH1HKV: the end of the address of their profile",
                );
            }
            if person
                .email
                .as_ref()
                .is_some_and(|email| !is_address(email))
            {
                error(
                    format!("people.{name}.email"),
                    "has to be an e-mail address, such as ada@example.com",
                );
            }
            if person.quiet.is_some() && person.quiet_zone().is_none() {
                error(
                    format!("people.{name}.quiet.zone"),
                    "is missing: name the time zone of the hours, such as Europe/Berlin, here or as the person's time_zone",
                );
            }
            for id in ids.into_iter().flatten() {
                if !seen.insert(id.clone()) {
                    error(
                        format!("people.{name}"),
                        "has an id that somebody else has too: one person could decide as two",
                    );
                }
            }
        }
    }

    fn approval_errors(&self, error: &mut impl FnMut(String, &str)) {
        for (i, rule) in self.approvals.iter().enumerate() {
            unknown(&self.people, &rule.people, |n| {
                error(format!("approvals[{i}].people[{n}]"), NOBODY)
            });
            unknown(&self.people, &rule.then, |n| {
                error(format!("approvals[{i}].then[{n}]"), NOBODY)
            });
            if rule.people.is_empty() && rule.team.is_none() {
                error(
                    format!("approvals[{i}].people"),
                    "has to name a person who may decide, unless the rule names a team",
                );
            }
            if self.lacks_team(rule.team.as_ref()) {
                error(format!("approvals[{i}].team"), NO_TEAM);
            }
            if rule.then.is_empty() != rule.escalate_after_seconds.is_none() {
                error(
                    format!("approvals[{i}].then"),
                    "and escalate_after_seconds go together",
                );
            }
            if rule
                .escalate_after_seconds
                .is_some_and(|seconds| !(1..=LONGEST_WAIT).contains(&seconds))
            {
                error(
                    format!("approvals[{i}].escalate_after_seconds"),
                    "has to be 1 to 604800, which is a week",
                );
            }
        }
    }
}

impl AlertmanagerServer {
    fn errors(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let secret = self
            .token_secret
            .as_ref()
            .is_some_and(|name| name.trim().is_empty());
        [
            server_url::problem(&self.url).map(|sentence| ("url", sentence)),
            secret.then_some(("token_secret", "has to be the name of a secret")),
            (!self.private && !self.url.starts_with("https://")).then_some(("url", PLAIN)),
        ]
        .into_iter()
        .flatten()
    }
}
