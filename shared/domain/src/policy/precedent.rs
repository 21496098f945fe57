//! Precedents of an incident: the repairs of earlier incidents of its fingerprint, and other
//! incidents nearby.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::alert::Alert;
use crate::incident::repair::RepairOutcome;
use crate::incident::response::CloseReason;
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
pub fn past_facts(past: &[Incident]) -> Vec<Phrase> {
    let fact = |incident: &Incident| {
        let name = line(&incident.alert.name, NAME_CHARACTERS);
        let (id, at, ending) = (&incident.id, second(incident.opened_at), ending(incident));
        match cause(incident) {
            None => phrase!("{id} at {at}: {name}, {ending}", id, at, name, ending => ending),
            Some(cause) => phrase!(
                "{id} at {at}: {name}, {ending}; cause: {cause}",
                id,
                at,
                name,
                ending => ending,
                cause => cause
            ),
        }
    };
    newest_first(past).into_iter().map(fact).collect()
}

/// Other open incidents, a line for each, newest first: which, since when, and about what.
pub fn open_facts(open: &[Incident]) -> Vec<Phrase> {
    let fact = |incident: &Incident| {
        let (name, target) = (
            line(&incident.alert.name, NAME_CHARACTERS),
            line(&incident.alert.target, NAME_CHARACTERS),
        );
        let (id, since) = (&incident.id, second(incident.opened_at));
        let (severity, state) = (format!("{:?}", incident.severity), state(incident.status));
        match cause(incident) {
            None => phrase!(
                "{id} since {since}: {name} on {target} ({severity}, {state})",
                id,
                since,
                name,
                target,
                severity,
                state => state
            ),
            Some(cause) => phrase!(
                "{id} since {since}: {name} on {target} ({severity}, {state}); cause: {cause}",
                id,
                since,
                name,
                target,
                severity,
                state => state,
                cause => cause
            ),
        }
    };
    newest_first(open).into_iter().map(fact).collect()
}

fn newest_first(incidents: &[Incident]) -> Vec<&Incident> {
    let mut sorted: Vec<&Incident> = incidents.iter().collect();
    sorted.sort_by(|one, other| other.id.cmp(&one.id));
    sorted
}

fn second(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// How an incident ended, or its current state.
fn ending(incident: &Incident) -> Phrase {
    let Some(plan) = &incident.plan else {
        return match incident.status {
            Status::Resolved => phrase!("resolved without a repair"),
            Status::Expired => phrase!("expired: no alert of it came any more"),
            Status::Closed => closed(incident),
            status => state(status),
        };
    };
    let playbook = line(&plan.playbook_name, NAME_CHARACTERS);
    let target = line(&plan.target, NAME_CHARACTERS);
    let what = || phrase!("\"{playbook}\" on {target}", playbook, target);
    let outcome = incident.repair.as_ref().and_then(|repair| repair.outcome);
    match (outcome, incident.status) {
        (Some(RepairOutcome::Verified), status)
            if status == Status::Resolved || !incident.alert.sender_resolves() =>
        {
            phrase!("repaired by {what} (verified)", what => what())
        }
        (Some(outcome), _) => ran(outcome, what()),
        (None, Status::Rejected) => phrase!("a human rejected {what}", what => what()),
        (None, Status::Resolved) => {
            phrase!("resolved without {what}, which was proposed", what => what())
        }
        (None, Status::Expired) => {
            phrase!("expired without {what}, which was proposed", what => what())
        }
        (None, Status::Closed) => phrase!(
            "{closed}, without {what}, which was proposed",
            closed => closed(incident),
            what => what()
        ),
        (None, status) => state(status),
    }
}

/// How a run ended that did not end its alert.
fn ran(outcome: RepairOutcome, what: Phrase) -> Phrase {
    match outcome {
        RepairOutcome::Verified => {
            phrase!("{what} was verified, but the alert has not resolved", what => what)
        }
        RepairOutcome::StepFailed => phrase!("{what} failed: a step failed", what => what),
        RepairOutcome::NotVerified => phrase!("{what} failed: the symptom stayed", what => what),
        RepairOutcome::Unknown => {
            phrase!("{what} failed: what a step did is unknown", what => what)
        }
        RepairOutcome::StillFiring => {
            phrase!("{what} failed: it was verified, but the alert went on", what => what)
        }
        RepairOutcome::Stopped => phrase!("{what} was stopped by hand", what => what),
        RepairOutcome::Unreachable => {
            phrase!("{what} did not run: its host could not be reached", what => what)
        }
        RepairOutcome::NothingToDo => {
            phrase!("{what} found nothing to do, and changed nothing", what => what)
        }
    }
}

fn closed(incident: &Incident) -> Phrase {
    match incident
        .response
        .closed
        .as_ref()
        .map(|closed| closed.reason)
    {
        None => phrase!("closed by a person"),
        Some(CloseReason::FixedByHand) => phrase!("closed by a person: fixed by hand"),
        Some(CloseReason::FalseAlarm) => phrase!("closed by a person: false alarm"),
        Some(CloseReason::Duplicate) => {
            phrase!("closed by a person: it repeats another incident")
        }
    }
}

/// The state of an incident, in a few words.
fn state(status: Status) -> Phrase {
    match status {
        Status::Open => phrase!("being analysed"),
        Status::AwaitingApproval => phrase!("waiting for a decision"),
        Status::NeedsHuman => phrase!("needs a human"),
        Status::Approved => phrase!("approved, not started"),
        Status::Rejected => phrase!("its plan was rejected"),
        Status::Repairing => phrase!("being repaired"),
        Status::Repaired => phrase!("repaired and verified, not resolved"),
        Status::RepairFailed => phrase!("its repair failed"),
        Status::Resolved => phrase!("resolved"),
        Status::Expired => phrase!("expired"),
        Status::Closed => phrase!("closed by a person"),
        Status::Announced => phrase!("for information"),
        Status::InStorm => phrase!("part of a storm"),
    }
}

fn cause(incident: &Incident) -> Option<Phrase> {
    let analysis = incident.analysis.as_ref()?;
    let cut = |text: &str| line(text, CAUSE_CHARACTERS);
    let translations = analysis.translations.iter();
    let translations = translations
        .map(|(language, texts)| (*language, cut(&texts.root_cause)))
        .collect();
    Some(Phrase::translated(
        &cut(&analysis.root_cause),
        &translations,
    ))
}

#[cfg(test)]
#[path = "precedent_tests.rs"]
mod tests;
