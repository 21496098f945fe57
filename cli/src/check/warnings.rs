//! Warnings: names of other files that are not there, what nothing reaches, and an `auto` that can never take effect.

use std::path::Path;

use domain::analysis::Risk;
use domain::notification::channels::Channels;
use domain::playbook::Playbook;
use domain::playbook::service::{Level, Service};
use domain::policy::automation::{limit_warnings, playbook_warnings, service_warnings};
use playbook_files::recipe_files::RECIPES;
use settings::config_error::ConfigError;

use crate::check::files::{Files, NAMES};
use crate::check::words::{list, meant, shown, suggestion};

/// Directories in which the functions or the editors read files.
const DIRECTORIES: [&str; 3] = ["templates", "schemas", RECIPES];

/// Files of the directory that nothing reads: with a wrong name a file has no effect, and says so nowhere else.
pub(crate) fn unread_files(directory: &Path) -> Vec<ConfigError> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| {
            let known = NAMES.contains(&name.as_str()) || DIRECTORIES.contains(&name.as_str());
            // Notes for people, and what editors and Git keep.
            !known && !name.starts_with('.') && !name.ends_with(".md")
        })
        .collect();
    names.sort();
    let warning = |name: String| {
        let stem = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let same_stem = NAMES.into_iter().find(|known| stem(known) == stem(&name));
        let text = match same_stem.or_else(|| meant(&name, NAMES.into_iter().chain(DIRECTORIES))) {
            Some(known) => format!("nothing reads this file; did you mean {known}?"),
            None => format!("nothing reads this file. The files are {}", list(NAMES)),
        };
        ConfigError {
            file: directory.join(name),
            line: None,
            field: None,
            text,
        }
    };
    names.into_iter().map(warning).collect()
}

impl Files {
    /// Notes what is doubtful, in each file as far as the files that it depends on have no faults.
    pub(crate) fn doubt(&mut self) {
        if let Some(rules) = self.alert_rules.sound() {
            for (field, text) in rules.warnings() {
                self.alert_rules.doubt(&field, text);
            }
        }
        let (Some(playbooks), Some(services)) = (
            self.playbooks.sound().cloned(),
            self.services.sound().cloned(),
        ) else {
            return;
        };
        self.doubt_playbooks(&playbooks, &services);
        for (index, field, text) in service_warnings(&playbooks, &services) {
            self.services.doubt(&format!("[{index}].{field}"), text);
        }
        self.doubt_limits(&playbooks, &services);
        self.doubt_rules(&playbooks);
        let names: Vec<&str> = services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        let (Some(mut channels), Some(duty)) =
            (self.channels.sound().cloned(), self.people.sound().cloned())
        else {
            return;
        };
        channels.duty = duty;
        for (field, text) in channels.warnings(&names) {
            self.channels.doubt(&field, text);
        }
        if channels.channels.is_empty() {
            let text = "is empty: incidents are told nowhere. Add where people read, such as { \"name\": \"ops\", \"to\": { \"telegram\": \
                        { \"chat_id\": -1001234567890 } } }, and a route to it";
            self.channels.doubt("channels", text);
        } else if channels.for_notices().is_empty() {
            let text = "every route has a condition: what fits none of them is told nowhere, and neither is a message that belongs to no \
                        incident, such as that of a missing heartbeat. Add { \"channels\": [...] } as the last one";
            self.channels.doubt("routes", text);
        }
        self.doubt_approvals(&channels, &services);
    }

    /// Services whose repairs have no approver.
    fn doubt_approvals(&mut self, channels: &Channels, services: &[Service]) {
        if channels.approvals.is_empty() {
            if services
                .iter()
                .any(|service| service.level != Level::Manual)
            {
                let text = "is empty: repairs that need a decision have no approver. Add { \"people\": [...] }, or give every service \
                            the level manual";
                self.channels.doubt("approvals", text);
            }
            return;
        }
        for (index, service) in services.iter().enumerate() {
            let unruled = |risk: &Risk| channels.rule(&service.name, *risk).is_none();
            let risks: Vec<&str> = Risk::ALL
                .iter()
                .copied()
                .filter(unruled)
                .map(Risk::as_str)
                .collect();
            if service.level != Level::Manual && !risks.is_empty() {
                let text = format!(
                    "its repairs at the risk {} have no approver: no approval rule of channels.json fits",
                    risks.join(", ")
                );
                self.services.doubt(&format!("[{index}]"), text);
            }
        }
    }

    fn doubt_playbooks(&mut self, playbooks: &[Playbook], services: &[Service]) {
        for (index, field, text) in playbook_warnings(playbooks, services) {
            self.playbooks.doubt(&format!("[{index}].{field}"), text);
        }
        for (index, playbook) in playbooks.iter().enumerate() {
            for (i, name) in playbook.matches.services.iter().enumerate() {
                let known = || services.iter().map(|service| service.name.as_str());
                if !known().any(|service| service == name) {
                    let text = unknown(name, "service-registry.yaml", known());
                    let field = format!("[{index}].match.services[{i}]");
                    self.playbooks.doubt(&field, text);
                }
            }
            for (name, parameter) in &playbook.parameters {
                let Some(fact) = parameter.from.strip_prefix("service.facts.") else {
                    continue;
                };
                let known = || services.iter().flat_map(|service| service.facts.keys());
                // A library has playbooks for services that are still to come: one whose facts no service has may be right.
                let doubtful = !playbook.matches.services.is_empty()
                    || meant(fact, known().map(String::as_str)).is_some();
                if doubtful && !known().any(|key| key == fact) {
                    let known = known().map(String::as_str);
                    let text = unknown(fact, "the facts of any service", known);
                    let field = format!("[{index}].parameters.{name}.from");
                    self.playbooks.doubt(&field, text);
                }
            }
            self.doubt_alerts(index, playbook);
        }
    }

    /// Alerts of a playbook that are never analysed, so that no playbook is chosen for them.
    fn doubt_alerts(&mut self, index: usize, playbook: &Playbook) {
        for (i, name) in playbook.matches.alertnames.iter().enumerate() {
            let rules = self.alert_rules.sound();
            let is_heartbeat =
                rules.is_some_and(|rules| rules.is_heartbeat(name) || rules.is_noise(name));
            let is_report = self
                .tables
                .sound()
                .is_some_and(|tables| tables.is_cicd(name));
            let why = match (is_heartbeat, is_report) {
                (true, _) => "a heartbeat or noise in alert-rules.json",
                (_, true) => "a report of a pipeline in alert-tables.json",
                _ => continue,
            };
            let text = format!(
                "{} is {why}: it is never analysed, and no playbook is chosen for it",
                shown(name)
            );
            let field = format!("[{index}].match.alertnames[{i}]");
            self.playbooks.doubt(&field, text);
        }
    }

    /// Playbooks that a static rule says are for its cause, and that are misspelt: the shipped rules name playbooks that one may not have.
    fn doubt_rules(&mut self, playbooks: &[Playbook]) {
        let Some(rules) = self.rules.sound().cloned() else {
            return;
        };
        let ids = || playbooks.iter().map(|playbook| playbook.id.as_str());
        for (index, rule) in rules.0.iter().enumerate() {
            for (place, id) in rule.speaks_for.iter().enumerate() {
                if !ids().any(|known| *id == *known) && meant(id, ids()).is_some() {
                    let text = unknown(id, "playbooks.yaml", ids());
                    self.rules
                        .doubt(&format!("[{index}].speaks_for[{place}]"), text);
                }
            }
        }
    }

    fn doubt_limits(&mut self, playbooks: &[Playbook], services: &[Service]) {
        let Some(limits) = self.limits.sound().cloned() else {
            return;
        };
        for name in limits.groups.keys() {
            let known = || {
                services
                    .iter()
                    .filter_map(|service| service.redundancy_group.as_deref())
            };
            if !known().any(|group| group == name) {
                let text = unknown(name, "the redundancy_group of any service", known());
                self.limits.doubt(&format!("groups.{name}"), text);
            }
        }
        for (field, text) in limit_warnings(&limits, playbooks) {
            self.limits.doubt(&field, text);
        }
    }
}

/// Says that a name is not where it has to be, and what is there.
fn unknown<'a>(name: &str, place: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let near = suggestion(name, known.iter().copied());
    let near = if near.is_empty() {
        ".".to_owned()
    } else {
        near
    };
    format!(
        "{} is not in {place}{near} There: {}",
        shown(name),
        list(known)
    )
}
