//! The operator's files `playbooks.yaml`, `service-registry.yaml` and `guardrails.yaml`, read
//! strictly: an error names file, line and field.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use crate::yaml;
use domain::incident::Incident;
use domain::playbook::Playbook;
use domain::playbook::dependencies::dependency_errors;
use domain::playbook::plan::Plan;
use domain::playbook::service::{Service, named, service_lock};
use domain::policy::attempt_ledger::{Asked, GuardrailInputs};
use domain::policy::evaluation::GuardrailContext;
use domain::policy::limits::Limits;
use settings::config_error::{ConfigError, ConfigErrors, both};

/// The name of the file with the playbooks.
pub const PLAYBOOKS: &str = "playbooks.yaml";
/// The name of the file with the services.
pub const SERVICE_REGISTRY: &str = "service-registry.yaml";
/// The name of the file with the limits for repairs without a human.
pub const GUARDRAILS: &str = "guardrails.yaml";

/// What may run, and where: the two files that every function that runs something reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorFiles {
    pub playbooks: Vec<Playbook>,
    pub services: Vec<Service>,
}

impl OperatorFiles {
    /// Reads both files from a directory.
    ///
    /// # Errors
    /// Everything that is wrong with either of them.
    pub fn load(directory: &Path) -> Result<Self, ConfigErrors> {
        let playbooks = list(
            &directory.join(PLAYBOOKS),
            |playbook: &Playbook| (playbook.id.to_string(), playbook.errors()),
            |all| repeated_playbooks(all.iter().map(|item| &item.value)),
            |_| Vec::new(),
        );
        let services = list(
            &directory.join(SERVICE_REGISTRY),
            |service: &Service| (service.name.to_string(), service.errors()),
            |all| repeated_services(all.iter().map(|item| &item.value)),
            dependency_errors,
        );
        both(playbooks, services).map(|(playbooks, services)| Self {
            playbooks,
            services,
        })
    }

    /// Everything that decides whether a plan may run without a human, with what the files say about it now.
    pub fn context<'a>(
        &'a self,
        incident: &'a Incident,
        plan: &'a Plan,
        limits: &'a Limits,
        readings: &'a GuardrailInputs,
        now: Timestamp,
    ) -> GuardrailContext<'a> {
        let (playbook, service) = (
            self.playbook(&plan.playbook),
            named(&self.services, &plan.target),
        );
        let at_once = self
            .group_of(plan)
            .map_or(0, |group| self.at_once(limits, group));
        // Only who is about to run a plan asks how old its decision is.
        let starts_within = SignedDuration::ZERO;
        GuardrailContext {
            incident,
            plan,
            playbook,
            service,
            at_once,
            limits,
            readings,
            starts_within,
            now,
        }
    }

    /// The inputs that the guardrails of a plan need.
    pub fn asked<'a>(&'a self, plan: &'a Plan) -> Asked<'a> {
        let runs = self
            .playbook(&plan.playbook)
            .is_some_and(Playbook::is_earned);
        Asked {
            target: &plan.target,
            group: self.group_of(plan),
            playbook: &plan.playbook,
            runs,
        }
    }

    /// The redundancy group of a plan's target.
    pub fn group_of(&self, plan: &Plan) -> Option<&str> {
        named(&self.services, &plan.target)?
            .redundancy_group
            .as_deref()
    }

    /// The name of what a repair of this service has to itself. The repair of a service that is no longer
    /// in the file does not begin, and keeps its own name meanwhile.
    pub fn lock_of(&self, service: &str) -> String {
        named(&self.services, service).map_or_else(|| service_lock(service), Service::lock_name)
    }

    /// The most members of a redundancy group that are repaired at once (`one-hand`).
    pub fn at_once(&self, limits: &Limits, group: &str) -> u32 {
        limits.at_once(
            group,
            self.services
                .iter()
                .filter(|service| service.redundancy_group.as_deref() == Some(group))
                .count(),
        )
    }

    /// The playbook with this id.
    pub fn playbook(&self, id: &str) -> Option<&Playbook> {
        self.playbooks.iter().find(|playbook| playbook.id == id)
    }
}

/// Reads the limits for repairs without a human from a directory. There are no limits that hold without the file.
///
/// # Errors
/// What is wrong with it, also that it is not there.
pub fn limits(directory: &Path) -> Result<Limits, ConfigErrors> {
    yaml::read(&directory.join(GUARDRAILS), "{}")
}

/// True if an alert that says this name could mean either service. The name itself, by which repairs are locked and counted, is given to
/// one service alone; an alias also to services that live in different places.
fn ambiguous(one: &Service, other: &Service, name: &str) -> bool {
    let apart = match (&one.scope, &other.scope) {
        (Some(one), Some(other)) => one.excludes(other),
        _ => false,
    };
    !apart || std::ptr::eq(one, other) || (one.name == name && other.name == name)
}

/// A name that two items of a list have, so that it is unclear which of them is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedName {
    pub name: String,
    /// The place of the item that has it first.
    pub first: usize,
    /// The place of the item that has it again.
    pub again: usize,
}

/// The ids that more than one playbook has.
pub fn repeated_playbooks<'a>(playbooks: impl Iterator<Item = &'a Playbook>) -> Vec<RepeatedName> {
    let names = |playbook: &Playbook| vec![playbook.id.to_string()];
    repeated(playbooks, names, |_, _, _| true)
}

/// The names and aliases by which an alert could mean more than one service.
pub fn repeated_services<'a>(services: impl Iterator<Item = &'a Service>) -> Vec<RepeatedName> {
    let names = |service: &Service| {
        let mut names = vec![service.name.to_string()];
        names.extend(service.aliases.iter().cloned());
        names
    };
    repeated(services, names, ambiguous)
}

fn repeated<'a, T: 'a>(
    items: impl Iterator<Item = &'a T>,
    names: impl Fn(&T) -> Vec<String>,
    unclear: impl Fn(&T, &T, &str) -> bool,
) -> Vec<RepeatedName> {
    let mut known: BTreeMap<String, Vec<(usize, &T)>> = BTreeMap::new();
    let mut found = Vec::new();
    for (again, item) in items.enumerate() {
        for name in names(item) {
            let before = known.entry(name.clone()).or_default();
            let first = before.iter().find(|(_, other)| unclear(other, item, &name));
            found.extend(first.map(|&(first, _)| RepeatedName { name, first, again }));
            before.push((again, item));
        }
    }
    found
}

/// Reads a list whose items have names. `check` says of each what it is called and what is wrong with it, and `between` what is wrong with
/// what they say of each other: the place of an item, a field below it, and a sentence.
fn list<T: DeserializeOwned>(
    file: &Path,
    check: impl Fn(&T) -> (String, Vec<(String, String)>),
    repeated: impl Fn(&[Spanned<T>]) -> Vec<RepeatedName>,
    between: impl Fn(&[&T]) -> Vec<(usize, String, String)>,
) -> Result<Vec<T>, ConfigErrors> {
    let items: Vec<Spanned<T>> = yaml::read(file, "[]")?;
    let line = |index: usize| items.get(index).map_or(0, |item| item.referenced.line());
    let mut errors = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let (name, wrong) = check(&item.value);
        for (field, sentence) in wrong {
            errors.push(error_at(file, line(index), index, &name, &field, &sentence));
        }
    }
    let values: Vec<&T> = items.iter().map(|item| &item.value).collect();
    for (index, field, sentence) in between(&values) {
        let name = values.get(index).map(|item| check(item).0);
        let name = name.unwrap_or_default();
        errors.push(error_at(file, line(index), index, &name, &field, &sentence));
    }
    for RepeatedName { name, first, again } in repeated(&items) {
        errors.push(ConfigError {
            file: file.to_owned(),
            line: Some(line(again)),
            field: Some(format!("[{again}].name")),
            text: format!(
                "[{again}] the name {name} stands in line {} already",
                line(first)
            ),
        });
    }
    if errors.is_empty() {
        Ok(items.into_iter().map(|item| item.value).collect())
    } else {
        Err(ConfigErrors(errors))
    }
}

/// What is wrong with an item of a list, in the line in which the item begins.
fn error_at(
    file: &Path,
    line: u64,
    index: usize,
    name: &str,
    field: &str,
    sentence: &str,
) -> ConfigError {
    ConfigError {
        file: file.to_owned(),
        line: Some(line),
        field: Some(format!("[{index}].{field}")),
        text: format!("[{index}] {name}: {field} {sentence}"),
    }
}

#[cfg(test)]
#[path = "operator_files_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "operator_files_schema_tests.rs"]
mod schema_tests;
