//! Precedents of an incident: the repairs of earlier incidents of its fingerprint, and other
//! incidents nearby.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::alert::Alert;
use crate::incident::repair::RepairOutcome;
use crate::incident::{Incident, Status};
use crate::phrase;
use crate::playbook::plan::Plan;
use crate::primitives::digest::Digest;
use crate::primitives::id::{IncidentId, PlaybookId};
use crate::primitives::phrase::Phrase;
use crate::primitives::safe_text::line;

/// How much of a name, and of a root cause, a line shows: a whole line is kept with the evidence without being cut.
const NAME_CHARACTERS: usize = 30;
const CAUSE_CHARACTERS: usize = 90;

/// The property that another incident shares with one to count as nearby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// What it is about, fit for a key: a service of the registry, else a digest of what the alert names.
    pub target: String,
    /// The redundancy group of the service.
    pub group: Option<String>,
}

impl Near {
    /// The surroundings of an alert. `service` is what the registry knows it as: its name, and its redundancy group.
    pub fn of(alert: &Alert, service: Option<(&str, Option<&str>)>) -> Self {
        match service {
            Some((name, group)) => Self {
                target: name.to_owned(),
                group: group.map(str::to_owned),
            },
            // Text from outside is too long for a key, and a slash in it could make two targets one. No service has a slash in its name.
            None => {
                let target = Digest::new()
                    .field(&alert.namespace)
                    .field(&alert.normalised_target)
                    .hex();
                Self {
                    target: format!("unknown/{target}"),
                    group: None,
                }
            }
        }
    }
}

/// The repair shared by all of the last incidents of a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    pub playbook: PlaybookId,
    /// The playbook's name, for people.
    pub playbook_name: String,
    /// The incidents that it repaired, newest first.
    pub incidents: Vec<IncidentId>,
    /// When the newest repair ended.
    pub last_at: Timestamp,
    /// All of it in a sentence for people.
    pub sentence: Phrase,
}

/// Everything that has to be equal for two repairs to be the same.
#[derive(PartialEq)]
struct Repaired<'a> {
    playbook: &'a str,
    target: &'a str,
    parameters: &'a BTreeMap<String, String>,
}

/// What an incident says about what repairs its fingerprint.
enum Lesson<'a> {
    /// This did: it was verified, and then the alert resolved.
    Helped(Repaired<'a>, &'a Plan, Timestamp),
    /// Something else happened, which speaks against knowing the answer.
    Doubt,
    /// Nothing yet: it is still worked on.
    Undecided,
}

/// The repair of the last `wanted` ended incidents of a fingerprint, if it was the same for each of
/// them, was verified, and ended the alert. An incident that ended in any other way requires a new
/// analysis, and so does a repair that failed, a plan that a human rejected, or a verified repair
/// after which the alert went on, even if the incident has not ended.
pub fn recall(past: &[Incident], wanted: u32) -> Option<Memory> {
    let wanted = usize::try_from(wanted).ok().filter(|wanted| *wanted > 0)?;
    let mut helped = Vec::new();
    for incident in newest_first(past) {
        match lesson(incident) {
            Lesson::Undecided => continue,
            Lesson::Doubt => return None,
            Lesson::Helped(repaired, plan, at) => helped.push((incident, repaired, plan, at)),
        }
        if helped.len() == wanted {
            break;
        }
    }
    let (newest, repaired, plan, last_at) = helped.first()?;
    if helped.len() < wanted || helped.iter().any(|(_, other, ..)| other != repaired) {
        return None;
    }
    let (playbook, target) = (
        line(&plan.playbook_name, NAME_CHARACTERS),
        line(&plan.target, NAME_CHARACTERS),
    );
    let (newest, at) = (&newest.id, format!("{last_at:.0}"));
    let sentence = if wanted == 1 {
        phrase!(
            "The last incident of this fingerprint was repaired by \"{playbook}\" on {target} (verified), most recently {newest} at {at}.",
            playbook,
            target,
            newest,
            at
        )
    } else {
        phrase!(
            "The last {wanted} incidents of this fingerprint were repaired by \"{playbook}\" on {target} (verified), most recently {newest} at {at}.",
            wanted,
            playbook,
            target,
            newest,
            at
        )
    };
    Some(Memory {
        playbook: plan.playbook.clone(),
        playbook_name: plan.playbook_name.clone(),
        incidents: helped
            .iter()
            .map(|(incident, ..)| incident.id.clone())
            .collect(),
        last_at: *last_at,
        sentence,
    })
}

fn lesson(incident: &Incident) -> Lesson<'_> {
    match incident.status {
        Status::Resolved => helped(incident).unwrap_or(Lesson::Doubt),
        // What did not run is no lesson about the playbook.
        Status::RepairFailed
            if incident
                .repair
                .as_ref()
                .and_then(|repair| repair.outcome)
                .is_some_and(|outcome| !outcome.counts()) =>
        {
            Lesson::Undecided
        }
        // Its checks have decided: the sender will never send a resolve.
        Status::Repaired | Status::Expired if !incident.alert.sender_resolves() => {
            helped(incident).unwrap_or(Lesson::Doubt)
        }
        Status::RepairFailed | Status::Rejected | Status::Repaired | Status::Expired => {
            Lesson::Doubt
        }
        Status::Open
        | Status::AwaitingApproval
        | Status::NeedsHuman
        | Status::Approved
        | Status::Repairing
        | Status::Announced
        // What a person did instead is no lesson about a playbook.
        | Status::Closed
        | Status::InStorm => Lesson::Undecided,
    }
}

fn helped(incident: &Incident) -> Option<Lesson<'_>> {
    let (plan, repair) = (incident.plan.as_ref()?, incident.repair.as_ref()?);
    let verified =
        repair.outcome == Some(RepairOutcome::Verified) && repair.plan_hash == plan.hash();
    let repaired = Repaired {
        playbook: &plan.playbook,
        target: &plan.target,
        parameters: &plan.parameters,
    };
    verified.then_some(Lesson::Helped(repaired, plan, repair.finished_at?))
}

/// Earlier incidents of a fingerprint, a line for each, newest first: which, when, and how it ended.
pub fn past_facts(past: &[Incident]) -> Vec<String> {
    let fact = |incident: &Incident| {
        let name = line(&incident.alert.name, NAME_CHARACTERS);
        format!(
            "{} at {:.0}: {name}, {}{}",
            incident.id,
            incident.opened_at,
            ending(incident),
            cause(incident)
        )
    };
    newest_first(past).into_iter().map(fact).collect()
}

/// Other open incidents, a line for each, newest first: which, since when, and about what.
pub fn open_facts(open: &[Incident]) -> Vec<String> {
    let fact = |incident: &Incident| {
        let (name, target) = (
            line(&incident.alert.name, NAME_CHARACTERS),
            line(&incident.alert.target, NAME_CHARACTERS),
        );
        let (since, severity, status) = (
            incident.opened_at,
            incident.severity,
            incident.status.as_str(),
        );
        format!(
            "{} since {since:.0}: {name} on {target} ({severity:?}, {status}){}",
            incident.id,
            cause(incident)
        )
    };
    newest_first(open).into_iter().map(fact).collect()
}

fn newest_first(incidents: &[Incident]) -> Vec<&Incident> {
    let mut sorted: Vec<&Incident> = incidents.iter().collect();
    sorted.sort_by(|one, other| other.id.cmp(&one.id));
    sorted
}

/// How an incident ended, or its current state.
fn ending(incident: &Incident) -> String {
    let Some(plan) = &incident.plan else {
        return match incident.status {
            Status::Resolved => "resolved without a repair".to_owned(),
            Status::Expired => "expired: nobody heard of it any more".to_owned(),
            Status::Closed => closed(incident),
            _ => still(incident),
        };
    };
    let what = format!(
        "\"{}\" on {}",
        line(&plan.playbook_name, NAME_CHARACTERS),
        line(&plan.target, NAME_CHARACTERS)
    );
    let outcome = incident.repair.as_ref().and_then(|repair| repair.outcome);
    match (outcome, incident.status) {
        (Some(RepairOutcome::Verified), Status::Resolved) => {
            format!("repaired by {what} (verified)")
        }
        (Some(RepairOutcome::Verified), _) if !incident.alert.sender_resolves() => {
            format!("repaired by {what} (verified)")
        }
        (Some(RepairOutcome::Verified), _) => {
            format!("{what} was verified, but the alert has not resolved")
        }
        (Some(RepairOutcome::StepFailed), _) => format!("{what} failed: a step failed"),
        (Some(RepairOutcome::NotVerified), _) => format!("{what} failed: the symptom stayed"),
        (Some(RepairOutcome::Unknown), _) => format!("{what} failed: what a step did is unknown"),
        (Some(RepairOutcome::StillFiring), _) => {
            format!("{what} failed: it was verified, but the alert went on")
        }
        (Some(RepairOutcome::Stopped), _) => format!("{what} was stopped by hand"),
        (Some(RepairOutcome::Unreachable), _) => {
            format!("{what} did not run: its host could not be reached")
        }
        (Some(RepairOutcome::NothingToDo), _) => {
            format!("{what} found nothing to do, and changed nothing")
        }
        (None, Status::Rejected) => format!("a human rejected {what}"),
        (None, Status::Resolved) => format!("resolved without {what}, which was proposed"),
        (None, Status::Expired) => format!("expired without {what}, which was proposed"),
        (None, Status::Closed) => {
            format!("{}, without {what}, which was proposed", closed(incident))
        }
        (None, _) => still(incident),
    }
}

fn closed(incident: &Incident) -> String {
    let reason = incident.response.closed.as_ref();
    reason.map_or_else(
        || "closed by a person".to_owned(),
        |closed| format!("closed by a person: {}", closed.reason.as_str()),
    )
}

fn still(incident: &Incident) -> String {
    format!("still {}", incident.status.as_str())
}

fn cause(incident: &Incident) -> String {
    incident
        .analysis
        .as_ref()
        .map_or_else(String::new, |analysis| {
            format!("; cause: {}", line(&analysis.root_cause, CAUSE_CHARACTERS))
        })
}

#[cfg(test)]
#[path = "precedent_tests.rs"]
mod tests;
