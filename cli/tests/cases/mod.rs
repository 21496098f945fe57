//! The broken configurations: the shipped files with one or a few changes each.

mod channels;
mod doubtful;
mod people;
mod playbooks;
mod recipes;
mod services;

/// A configuration.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// False if the changes are only doubtful.
    pub(crate) is_error: bool,
    pub(crate) changes: &'static [(&'static str, Change)],
}

/// A change of a file.
pub(crate) enum Change {
    /// The first text becomes the second.
    Replace(&'static str, &'static str),
    Append(&'static str),
    Write(&'static str),
    Remove,
}

const PLAYBOOKS: &str = "playbooks.yaml";
const REGISTRY: &str = "service-registry.yaml";
const GUARDRAILS: &str = "guardrails.yaml";
const CHANNELS: &str = "channels.json";
const PEOPLE: &str = "people.json";
const TEMPLATE: &str = "templates/en/incident.html";

const fn broken(name: &'static str, changes: &'static [(&'static str, Change)]) -> Case {
    Case {
        name,
        is_error: true,
        changes,
    }
}

const fn doubtful(name: &'static str, changes: &'static [(&'static str, Change)]) -> Case {
    Case {
        name,
        is_error: false,
        changes,
    }
}

/// Channels, people and rules that are right.
const TEAM: &str = r#"{
  "channels": [
    { "name": "ops", "to": { "telegram": { "chat_id": -100123 } } },
    { "name": "team", "to": { "slack": { "channel_id": "C0123456789", "token_secret": "quell/slack" } } }
  ],
  "routes": [
    { "severities": ["P0", "P1"], "channels": ["ops", "team"] },
    { "channels": ["ops"] }
  ],
  "people": {
    "ada": { "telegram": 7 },
    "bob": { "slack": "U0123456789" }
  },
  "approvals": [
    { "risks": ["low"], "people": ["ada", "bob"] },
    { "people": ["ada"], "then": ["bob"], "escalate_after_seconds": 600 }
  ]
}
"#;

/// All of them, in the order of the snapshot.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    let groups = [
        playbooks::CASES,
        services::CASES,
        channels::CASES,
        people::CASES,
        doubtful::CASES,
        recipes::CASES,
    ];
    groups.into_iter().flatten()
}
