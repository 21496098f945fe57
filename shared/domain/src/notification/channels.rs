//! The operator's `channels.json`: channels, routes, and who may decide.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use crate::alert::Alert;
use crate::analysis::{Risk, Severity};
use crate::duty::Duty;
use crate::incident::Incident;
use crate::incident::parts::IncidentKind;
use crate::notification::people::{Pattern, add, any};
use crate::primitives::ignored::Ignored;
use crate::primitives::local_time::Zone;

pub use crate::notification::people::{ApprovalRule, Person};
pub use crate::notification::place::{
    EmailList, PagerDutyService, Place, SlackChannel, TeamsWorkflow, TelegramChat, Updates, Webhook,
};
pub use crate::primitives::identity::Identity;
pub use crate::primitives::language::Language;

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
    /// The time zone in which times are shown in a channel that names none, such as Europe/Berlin; UTC if not given.
    pub time_zone: Option<Zone>,
    /// Where people are told. At most 30 of them are chats of Telegram, or topics of one.
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
    /// The teams of people.json, a file of its own.
    #[serde(skip)]
    pub duty: Duty,
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
    /// Its time zone, if it is another than the file's.
    #[serde(default)]
    pub time_zone: Option<Zone>,
    /// Whether a chart of the alert's own value is sent below a card: true if not given. Only Telegram and Slack take pictures.
    #[serde(default)]
    pub charts: Option<bool>,
    /// What it is: one of telegram, slack, webhook, pagerduty, teams and email.
    pub to: Place,
}

impl Channel {
    /// True if charts are sent there.
    pub fn has_charts(&self) -> bool {
        self.to.takes_pictures() && self.charts != Some(false)
    }
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
    /// Whether a repair that was approved and verified is told with a message of its own: true if not given. One that ran by
    /// itself always is.
    pub tell_repaired: Option<bool>,
    /// The team of people.json of which is mentioned who is on duty, where people have to hear something.
    pub team: Option<String>,
    /// Who is mentioned as well, by their names among the people. Whether they may decide is said by the approval rules alone.
    pub people: Vec<String>,
    /// Whether the routes behind it are looked at too.
    #[serde(rename = "continue")]
    pub goes_on: bool,
}

impl Channels {
    /// The channel of this name.
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// The channels of a chat of Telegram: more than one where they are topics of it.
    pub fn of_chat(&self, chat_id: i64) -> impl Iterator<Item = &Channel> + Clone {
        self.channels.iter().filter(
            move |channel| matches!(&channel.to, Place::Telegram(chat) if chat.chat_id == chat_id),
        )
    }

    /// The channels of a channel of Slack.
    pub fn of_slack<'a>(&'a self, channel_id: &'a str) -> impl Iterator<Item = &'a Channel> {
        self.channels.iter().filter(move |channel| matches!(&channel.to, Place::Slack(slack) if slack.channel_id == channel_id))
    }

    pub fn language_of(&self, channel: &Channel) -> Language {
        channel.language.unwrap_or(self.language)
    }

    /// The time zone of a channel's readers; none is UTC.
    pub fn zone_of<'a>(&'a self, channel: &'a Channel) -> Option<&'a Zone> {
        channel.time_zone.as_ref().or(self.time_zone.as_ref())
    }

    /// True if a repair that was verified is told in this channel with a message of its own.
    pub fn tells_repaired(&self, incident: &Incident, channel: &str) -> bool {
        let mut routes = self
            .routes_of(incident)
            .filter(|route| route.channels.iter().any(|name| name == channel))
            .peekable();
        // A card that came by a route of an earlier severity is kept up to date like any other.
        routes.peek().is_none() || routes.any(|route| route.tell_repaired != Some(false))
    }

    /// The channels of an incident, each once.
    pub fn routed(&self, incident: &Incident) -> Vec<&Channel> {
        let names: BTreeSet<&str> = self
            .routes_of(incident)
            .flat_map(|route| route.channels.iter().map(String::as_str))
            .collect();
        self.channels
            .iter()
            .filter(|channel| names.contains(channel.name.as_str()))
            .collect()
    }

    /// The teams that the routes of an incident name, in the order of the routes.
    pub fn teams_of(&self, incident: &Incident) -> impl Iterator<Item = &str> {
        self.routes_of(incident)
            .filter_map(|route| route.team.as_deref())
    }

    /// Whom the routes of an incident name: people by their names, and who is on duty in their teams, each once and in the order of
    /// the routes.
    pub fn people_of(&self, incident: &Incident, at: Timestamp) -> Vec<&str> {
        let mut names = Vec::new();
        for route in self.routes_of(incident) {
            let team = route.team.iter();
            let on_duty = team.flat_map(|team| self.duty.on_duty(team, 0, at));
            add(&mut names, route.people.iter().map(String::as_str));
            add(&mut names, on_duty);
        }
        names
    }

    /// The routes of an incident: those that fit, up to the first that does not go on.
    fn routes_of(&self, incident: &Incident) -> impl Iterator<Item = &Route> {
        let mut goes_on = true;
        self.routes
            .iter()
            .filter(|route| route.fits(incident))
            .take_while(move |route| {
                let looked_at = goes_on;
                goes_on &= route.goes_on;
                looked_at
            })
    }

    /// The channels of messages that belong to no incident: those of the routes without a
    /// condition.
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
    pub fn person(&self, known: &Identity) -> Option<&str> {
        let fits = |name: &str, person: &Person| match known {
            Identity::Telegram(id) => person.telegram == Some(*id),
            Identity::Slack(id) => person.slack.as_ref() == Some(id),
            Identity::PagerDuty(id) => person.pagerduty.as_ref() == Some(id),
            Identity::Api(given) | Identity::Oidc(given) => person.api && name == given,
            Identity::Link(given) => name == given,
        };
        self.people
            .iter()
            .find(|(name, person)| fits(name, person))
            .map(|(name, _)| name.as_str())
    }

    /// Who may decide on a plan for this service at this risk.
    pub fn rule(&self, service: &str, risk: Risk) -> Option<&ApprovalRule> {
        self.approvals.iter().find(|rule| {
            any(&rule.services, service) && (rule.risks.is_empty() || rule.risks.contains(&risk))
        })
    }
}

impl Route {
    fn fits(&self, incident: &Incident) -> bool {
        let Alert {
            namespace,
            target,
            normalised_target,
            labels,
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
            && self
                .labels
                .iter()
                .all(|(name, pattern)| labels.get(name).is_some_and(|value| pattern.fits(value)))
            && self
                .cicd
                .is_none_or(|wanted| wanted == (incident.kind == IncidentKind::Pipeline))
    }

    fn fits_all(&self) -> bool {
        self.severities.is_empty()
            && self.namespaces.is_empty()
            && self.services.is_empty()
            && self.labels.is_empty()
            && self.cicd.is_none()
    }
}

#[cfg(test)]
#[path = "channels_tests.rs"]
mod tests;
