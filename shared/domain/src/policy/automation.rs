//! Warnings about automatic repairs that the operator's files ask for and that can never happen.

use crate::analysis::Risk;
use crate::playbook::Playbook;
use crate::playbook::dependencies::{dependents, peers};
use crate::playbook::service::{Level, Service};
use crate::policy::evaluation::may_ever_run;
use crate::policy::limits::Limits;

/// A field below an item of a list, and a sentence.
pub type ItemWarning = (usize, String, String);

/// What of the playbooks can never be used, or never without a human: the place of the playbook, a field and a sentence.
pub fn playbook_warnings(playbooks: &[Playbook], services: &[Service]) -> Vec<ItemWarning> {
    let mut warnings = Vec::new();
    for (index, playbook) in playbooks.iter().enumerate() {
        let mut warning =
            |field: &str, text: String| warnings.push((index, field.to_owned(), text));
        let fits = |service: &&Service| fits(playbook, service);
        // One that lists no service waits for those that the registry may get.
        let listed = !playbook.matches.services.is_empty();
        if listed && !services.iter().any(|service| fits(&service)) {
            warning(
                "match.services",
                "has no service that Quell may repair with this playbook: each is unknown, has level: manual, or lacks a value of a parameter"
                    .to_owned(),
            );
            continue;
        }
        if playbook.auto.is_none() {
            continue;
        }
        if let Err(why) = may_ever_run(playbook) {
            warning(
                "auto",
                format!(
                    "has no effect, because {why}: only a playbook with risk: low and data_impact: NONE or READ_ONLY runs by itself. Take \
                     auto away, or say what the playbook really does"
                ),
            );
        } else if playbook.verify.is_empty() {
            warning(
                "auto",
                "has no effect after the first run: there are no checks in verify, so that every run counts as failed".to_owned(),
            );
        } else if listed
            && !services
                .iter()
                .filter(fits)
                .any(|service| service.level == Level::Auto)
        {
            warning(
                "auto",
                "has no effect: every service in match.services has level: approval. Give one of them level: auto, or take auto away".to_owned(),
            );
        }
    }
    warnings
}

/// The services of the level auto on which nothing can ever run by itself: the place of the service, a field and a sentence.
pub fn service_warnings(playbooks: &[Playbook], services: &[Service]) -> Vec<ItemWarning> {
    let never = |service: &Service| {
        service.level == Level::Auto
            && !playbooks.iter().any(|playbook| {
                fits(playbook, service) && may_ever_run_on(playbook, service, services)
            })
    };
    let sentence = "auto has no effect: no playbook that runs by itself fits this service, and has a low risk there (docs/playbooks.md). \
                    Write level: approval, or give a playbook auto";
    services
        .iter()
        .enumerate()
        .filter(|(_, service)| never(service))
        .map(|(index, _)| (index, "level".to_owned(), sentence.to_owned()))
        .collect()
}

/// What of the limits keeps every repair from running without a human: each a field and a sentence.
pub fn limit_warnings(limits: &Limits, playbooks: &[Playbook]) -> Vec<(String, String)> {
    let mut warnings = Vec::new();
    // A lower bound of a rate is less than 1 after any number of runs.
    if limits.autonomy.auto_from.get() >= 1.0 && playbooks.iter().any(Playbook::is_earned) {
        warnings.push((
            "autonomy.auto_from".to_owned(),
            "is 1, which no number of runs reaches: no playbook with earned ever runs by itself. Write 0.8 or 0.9".to_owned(),
        ));
    }
    let asks_the_host = playbooks.iter().any(|playbook| {
        may_ever_run(playbook).is_ok()
            && !playbook.matches.alertnames.is_empty()
            && playbook.asks_the_host_first()
    });
    // The same holds of the share of causes that were right.
    if limits.min_confidence.get() >= 1.0 && !asks_the_host {
        warnings.push((
            "min_confidence".to_owned(),
            "is 1, which no number of right causes reaches: nothing ever runs by itself. Write 0.6 or 0.8".to_owned(),
        ));
    }
    warnings
}

/// True if a playbook may run on a service without a human at all, whatever the incident.
fn may_ever_run_on(playbook: &Playbook, service: &Service, services: &[Service]) -> bool {
    let dependents = dependents(services, &service.name);
    let mut risk = playbook.risk_on(service);
    // Where there are others of its group, they may be measured, and answer.
    if peers(services, service).is_empty() {
        risk = risk.and_redundancy(service, &dependents, None);
    }
    may_ever_run(playbook).is_ok() && risk.risk == Risk::Low
}

/// True if the playbook may run on the service: it may be repaired, is listed where any is, and has the values of the parameters.
fn fits(playbook: &Playbook, service: &Service) -> bool {
    service.level != Level::Manual
        && playbook.matches.allows(&service.name)
        && playbook.parameters.values().all(|parameter| {
            parameter.label().is_some() || service.value(&parameter.from).is_some()
        })
}

#[cfg(test)]
#[path = "automation_tests.rs"]
mod tests;
