//! Which playbook is for an alert, and why.

use super::alert::Alert;
use super::plan::Plan;
use super::playbook::Playbook;
use super::service::{Level, Service, Target};

/// What matching came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This plan.
    Plan(Box<Plan>),
    /// None, for this reason: a human has to look.
    None(String),
}

/// Chooses the playbook for an alert on a service: the alert's name counts 4, its type 2, a listed service 1. The best
/// one wins; a tie is no choice.
#[must_use]
pub fn choose(playbooks: &[Playbook], alert: &Alert, service: Option<&Service>) -> Choice {
    let Some(service) = service else {
        return Choice::None("the service registry has no service with the name of the alert's target".into());
    };
    if service.level == Level::Manual {
        return Choice::None(format!("the service {} is repaired by hand only (level manual)", service.name));
    }
    if let Target::Ssm(_) = service.target {
        return Choice::None(format!("the service {} is reached through SSM, which this version cannot do yet", service.name));
    }
    match fitting(playbooks, alert, service).as_slice() {
        [] => Choice::None(format!("no playbook fits the alert {} on the service {}", alert.name, service.name)),
        [(best, _, one), (second, _, other), ..] if best == second => {
            Choice::None(format!("the playbooks {} and {} fit equally well", one.id, other.id))
        }
        [(score, reasons, playbook), ..] => match playbook.plan(service, 1, reasons.clone()) {
            Ok(plan) => Choice::Plan(Box::new(Plan { score: *score, ..plan })),
            Err(error) => Choice::None(format!("the playbook {} fits, but {error}", playbook.id)),
        },
    }
}

/// The playbooks that fit, the best first, each with its score and the reasons for it.
#[must_use]
pub fn fitting<'a>(playbooks: &'a [Playbook], alert: &Alert, service: &Service) -> Vec<(u32, Vec<String>, &'a Playbook)> {
    let scored = playbooks.iter().filter_map(|playbook| fit(playbook, alert, service).map(|(score, why)| (score, why, playbook)));
    let mut fitting: Vec<_> = scored.collect();
    fitting.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
    fitting
}

fn fit(playbook: &Playbook, alert: &Alert, service: &Service) -> Option<(u32, Vec<String>)> {
    let matches = &playbook.matches;
    let mut score = 0;
    let mut reasons = Vec::new();
    if matches.alertnames.contains(&alert.name) {
        score += 4;
        reasons.push(format!("it is for the alert {}", alert.name));
    }
    if matches.alert_types.contains(&alert.alert_type) {
        score += 2;
        reasons.push(format!("it is for the type {}", alert.alert_type.as_str()));
    }
    if score == 0 || !matches.allows(&service.name) {
        return None;
    }
    if matches.services.contains(&service.name) {
        score += 1;
        reasons.push(format!("it is for the service {}", service.name));
    }
    Some((score, reasons))
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
