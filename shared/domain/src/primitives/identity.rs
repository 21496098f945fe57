//! Identities under which people decide, and the text that logs and items keep of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::primitives::id::{InvalidId, as_text};

/// The identity of a person who decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Identity {
    /// The numeric id at Telegram.
    Telegram(i64),
    /// The member id at Slack.
    Slack(String),
    /// The id of the user at PagerDuty. PagerDuty has no buttons of ours: nobody decides on a plan there.
    PagerDuty(String),
    /// The person whose token it was.
    Api(String),
    /// The person whose token it was, on the page of a decision.
    Link(String),
    /// The person who signed in to the console at the identity provider.
    Oidc(String),
}

impl Identity {
    /// True if it proves which person decides: the chat service has authenticated the account, and
    /// `channels.json` maps each account to one person. A token, a link and a session's cookie decide for any holder.
    pub fn proves_its_person(&self) -> bool {
        matches!(self, Self::Telegram(_) | Self::Slack(_))
    }
}

/// Its form in the log: `telegram:7`, `slack:U7`, `pagerduty:P7`, `api:ada`, `link:ada` or `oidc:ada`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telegram(id) => write!(f, "telegram:{id}"),
            Self::Slack(id) => write!(f, "slack:{id}"),
            Self::PagerDuty(id) => write!(f, "pagerduty:{id}"),
            Self::Api(name) => write!(f, "api:{name}"),
            Self::Link(name) => write!(f, "link:{name}"),
            Self::Oidc(name) => write!(f, "oidc:{name}"),
        }
    }
}

impl FromStr for Identity {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let known = match text.split_once(':') {
            Some(("telegram", id)) => id.parse().ok().map(Self::Telegram),
            Some(("slack", id)) => Some(Self::Slack(id.to_owned())),
            Some(("pagerduty", id)) => Some(Self::PagerDuty(id.to_owned())),
            Some(("api", name)) => Some(Self::Api(name.to_owned())),
            Some(("link", name)) => Some(Self::Link(name.to_owned())),
            Some(("oidc", name)) => Some(Self::Oidc(name.to_owned())),
            _ => None,
        };
        known.ok_or(InvalidId::new(
            "telegram:, slack:, pagerduty:, api:, link: or oidc: and who",
        ))
    }
}

/// Who decided on a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DecidedBy {
    /// No person: every guardrail passed.
    Guardrails,
    /// This person; where two had to approve, the last of them.
    Person(Identity),
}

/// `guardrails`, or the form of the person's identity, which has a colon.
impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guardrails => f.write_str("guardrails"),
            Self::Person(identity) => identity.fmt(f),
        }
    }
}

impl FromStr for DecidedBy {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "guardrails" => Ok(Self::Guardrails),
            person => person.parse().map(Self::Person),
        }
    }
}

as_text!(Identity, DecidedBy);

#[cfg(test)]
mod tests {
    use super::{DecidedBy, Identity};

    #[test]
    fn an_identity_is_read_as_it_was_written() {
        for identity in [
            Identity::Telegram(-7),
            Identity::Slack("U7".to_owned()),
            Identity::PagerDuty("P7".to_owned()),
            Identity::Api("ada".to_owned()),
            Identity::Link("ada".to_owned()),
            Identity::Oidc("ada".to_owned()),
        ] {
            let text = identity.to_string();
            assert_eq!(text.parse(), Ok(identity.clone()), "{text}");
            assert_eq!(text.parse(), Ok(DecidedBy::Person(identity)), "{text}");
        }
        for other in ["ada", "teams:7", "telegram:ada", ""] {
            assert!(other.parse::<Identity>().is_err(), "{other}");
        }
    }
}
