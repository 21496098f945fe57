//! The service registry: the services, their targets, and what may run on each without a human.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::alert::Alert;
use crate::alert::subject::SubjectKind;
use crate::phrase;
use crate::playbook::scope::Scope;
use crate::playbook::ssm_target::SsmTarget;
use crate::playbook::target::{SshTarget, Target};
use crate::primitives::id::ServiceName;
use crate::primitives::phrase::Phrase;
use crate::primitives::safe_text::line;

/// How long the name of an owner may be.
const OWNER_CHARACTERS: usize = 100;

/// How much may be done to a service without a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Level {
    /// A repair may run by itself, if every guardrail passes.
    Auto,
    /// Every repair needs a human's approval.
    Approval,
    /// Quell never repairs it.
    Manual,
}

/// How much it matters that a service works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Criticality {
    /// Nobody notices for a day.
    Low,
    #[default]
    Normal,
    /// Users notice at once.
    High,
    /// Without it the business stands still, or data is lost.
    Critical,
}

impl Criticality {
    /// Its name, as in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a repair has to itself while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Lock {
    /// The host: no other service there is repaired meanwhile.
    #[default]
    Host,
    /// The service alone: those beside it on its host may be repaired at the same time.
    Service,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend(
    "if" = { "properties": { "level": { "const": "auto" } } },
    "then" = { "required": ["match"], "properties": { "match": { "type": "object" } } },
)))]

pub struct Service {
    /// Its name, unique in the file; it becomes part of keys.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Za-z0-9_.-]+$")))]
    pub name: ServiceName,
    /// Other names under which alerts know it: component, owner of a pod, instance.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// auto: a repair may run by itself, where every guardrail passes. approval: every repair asks a human. manual: Quell never repairs it.
    pub level: Level,
    /// The name of the unit, container project or program that runs it.
    pub unit: Option<String>,
    /// More values for the parameters of playbooks, by name.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// How much it matters that it works: it raises the risk of plans for it. high: at least medium, and critical: at least high.
    #[serde(default)]
    pub criticality: Criticality,
    /// The services that it needs to work, by name: what depends on a service is the blast radius of its incidents, and of its repairs.
    #[serde(default)]
    pub depends_on: Vec<ServiceName>,
    /// Who looks after it: a person or a team, for people to read.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 100)))]
    pub owner: Option<String>,
    /// Services of one group are not repaired all at once.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Za-z0-9_.-]+$")))]
    pub redundancy_group: Option<String>,
    /// Where it lives: an alert that does not fit gets no plan for it. Required for the level auto.
    #[serde(rename = "match")]
    pub scope: Option<Scope>,
    /// What a repair of it has to itself. host, the default: no other service on its host is repaired meanwhile. service: those beside it may be.
    #[serde(default)]
    pub lock: Lock,
    /// Where it runs: one of ssh and ssm.
    pub target: Target,
}

impl Service {
    /// The value that a parameter's `from` names: `service.name`, `service.unit` or `service.facts.<key>`.
    pub fn value(&self, from: &str) -> Option<&str> {
        match from.strip_prefix("service.")? {
            "name" => Some(&self.name),
            "unit" => self.unit.as_deref(),
            other => self
                .facts
                .get(other.strip_prefix("facts.")?)
                .map(String::as_str),
        }
    }

    /// The name of what one repair at a time has to itself (`one-hand`).
    ///
    /// A host that is logged in to is known by its pinned key, whatever name or address the file gives it. Which hosts carry a tag is not
    /// known here: a tag is a place of its own.
    pub fn lock_name(&self) -> String {
        match (self.lock, &self.target) {
            (Lock::Service, _) => service_lock(&self.name),
            (Lock::Host, Target::Ssh(SshTarget { host_key, .. })) => {
                let key: Vec<&str> = host_key.split_ascii_whitespace().take(2).collect();
                format!("host {}", key.join(" "))
            }
            (Lock::Host, Target::Ssm(SsmTarget::Instance { id })) => format!("host {id}"),
            (Lock::Host, Target::Ssm(SsmTarget::Tag { tag, .. })) => format!("tag {tag}"),
        }
    }

    /// Why an alert is not about this service, though it names it: it comes from elsewhere. A service that does not say where it lives
    /// takes alerts from everywhere.
    pub fn mismatch(&self, alert: &Alert) -> Option<Phrase> {
        self.scope.as_ref()?.mismatch(&self.name, alert)
    }

    /// What is doubtful about the entry, and does not keep it from being used: each a field and a sentence.
    pub fn warnings(&self) -> Vec<(String, String)> {
        let doubtful = self.scope.is_none() && self.level == Level::Approval;
        let warning = (
            "match".to_owned(),
            "is missing: alerts from every cluster and namespace that name this service get its plans. Say where it lives: \
             match: { cluster, namespace, labels }"
                .to_owned(),
        );
        doubtful.then_some(warning).into_iter().collect()
    }

    /// What is wrong with the entry: each a field and a sentence.
    pub fn errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        for (field, name) in [
            ("name", Some(self.name.as_str())),
            ("redundancy_group", self.redundancy_group.as_deref()),
        ] {
            let fits = |name: &str| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
            };
            if !name.is_none_or(fits) {
                errors.push((
                    field.to_owned(),
                    "has to be made of A-Z a-z 0-9 _ . - (it becomes part of keys)".to_owned(),
                ));
            }
        }
        let is_owner = |owner: &str| {
            !line(owner, OWNER_CHARACTERS + 1).trim().is_empty()
                && owner.chars().count() <= OWNER_CHARACTERS
        };
        if !self.owner.as_deref().is_none_or(is_owner) {
            errors.push((
                "owner".to_owned(),
                format!(
                    "has to be a name of 1 to {OWNER_CHARACTERS} characters: a person or a team"
                ),
            ));
        }
        match &self.scope {
            Some(scope) => errors.extend(scope.errors()),
            None if self.level == Level::Auto => errors.push((
                "match".to_owned(),
                "is missing: a service of the level auto has to say where it lives, or a repair without a human could run for an alert \
                 from elsewhere. Give match: { cluster, namespace, labels }, or level: approval"
                    .to_owned(),
            )),
            None => {}
        }
        let of_target = self.target.errors().into_iter();
        errors.extend(of_target.map(|(field, error)| (format!("target.{field}"), error)));
        errors
    }
}

/// The lock of a service that has one of its own, also one that the registry does not know any more.
pub fn service_lock(name: &str) -> String {
    format!("service {name}")
}

/// Why an alert gets no service, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoService {
    /// No service has the name of the alert's target.
    #[error("{0} is not in service-registry.yaml")]
    Unknown(String),
    /// Services have that name, and live elsewhere.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Elsewhere(Vec<Phrase>),
}

impl From<NoService> for Phrase {
    fn from(why: NoService) -> Self {
        match why {
            NoService::Unknown(name) => phrase!("{name} is not in service-registry.yaml", name),
            NoService::Elsewhere(services) => Self::several(services),
        }
    }
}

/// The service that an alert is about: one whose name or alias is the alert's target, and that lives where the alert comes from. A
/// machine is known by its name without the port of the exporter on it, too.
///
/// # Errors
/// Why there is none.
pub fn find<'a>(services: &'a [Service], alert: &Alert) -> Result<&'a Service, NoService> {
    let host = alert
        .target
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
        .map(|(host, _)| host)
        .filter(|_| alert.subject.kind == SubjectKind::Node);
    let names = [
        Some(alert.target.as_str()),
        Some(alert.normalised_target.as_str()),
        host,
    ];
    let is_called = |service: &&Service| {
        let called =
            |name: &str| service.name == *name || service.aliases.iter().any(|alias| alias == name);
        names.into_iter().flatten().any(called)
    };
    let mut elsewhere = Vec::new();
    for service in services.iter().filter(is_called) {
        match service.mismatch(alert) {
            None => return Ok(service),
            Some(why) => elsewhere.push(why),
        }
    }
    Err(if elsewhere.is_empty() {
        NoService::Unknown(alert.target.clone())
    } else {
        NoService::Elsewhere(elsewhere)
    })
}

/// The service with this name.
pub fn named<'a>(services: &'a [Service], name: &str) -> Option<&'a Service> {
    services.iter().find(|service| service.name == name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Service;

    fn lock(target: &Value, lock: &str) -> String {
        let service = json!({ "name": "web", "level": "approval", "target": target, "lock": lock });
        let service: Service = serde_json::from_value(service).expect("a service");
        service.lock_name()
    }

    #[test]
    fn what_is_on_one_host_has_one_lock_whatever_its_address() {
        let ssh = |host: &str, port: u16, key: &str| json!({ "ssh": { "host": host, "port": port, "user": "quell", "host_key": key } });
        let by_name = lock(&ssh("web-1.example", 22, "ssh-ed25519 AAAA web-1"), "host");
        assert_eq!(
            by_name,
            lock(&ssh("10.0.0.7", 2222, "ssh-ed25519 AAAA"), "host")
        );
        assert_ne!(
            by_name,
            lock(&ssh("web-1.example", 22, "ssh-ed25519 BBBB"), "host")
        );
        let instance = lock(
            &json!({ "ssm": { "instance_id": "i-0123456789abcdef0" } }),
            "host",
        );
        assert_eq!(instance, "host i-0123456789abcdef0");
        assert_ne!(
            by_name,
            lock(&ssh("web-1.example", 22, "ssh-ed25519 AAAA"), "service")
        );
    }
}
