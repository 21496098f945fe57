//! View of the details: the evidence, the guardrails, the plan and the end of the operation log.

use domain::analysis::evidence::{Evidence, Found};
use domain::analysis::{DataImpact, FoundCause};
use domain::incident::Incident;
use domain::incident::guardrail::GuardrailOutcome;
use domain::incident::operation_log::Entry;
use domain::incident::repair::OutputEnd;
use domain::playbook::plan::Plan;
use domain::primitives::time::utc_day;
use serde::Serialize;

use super::finding::{Link, Measured};
use super::plan::{Origin, Part, parts};
use super::status::{Ran, failed};
use super::{NAME_CHARACTERS, Names, STEP_CHARACTERS, TEXT_CHARACTERS, first, listed, short};

/// How many lines of one piece of evidence are shown.
const LINES_SHOWN: usize = 4;
/// How many pieces of evidence.
const EVIDENCE_SHOWN: usize = 6;
/// How many steps of a part of the plan, and how much of each: all of them, unless they are too many for one message.
const STEPS_SHOWN: usize = 20;
const STEP_WHOLE_CHARACTERS: usize = 600;
/// How many parameters of a plan.
const PARAMETERS_SHOWN: usize = 8;
/// How many of a list of services.
const SERVICES_SHOWN: usize = 8;
/// How much of a failed step's output is shown of each stream: lines, and all characters that are kept.
const OUTPUT_LINES: usize = 40;
const OUTPUT_CHARACTERS: usize = OutputEnd::CHARACTERS;
/// How much of a plan's hash: enough to compare it with the log's.
const HASH_CHARACTERS: usize = 12;

/// What `details.html` is given.
#[derive(Debug, Clone, Serialize)]
pub struct Details {
    pub name: String,
    pub resource: String,
    /// `P0` to `P3`.
    pub severity: String,
    /// The analysis' own description.
    pub description: String,
    /// How many pods, processes or hosts are affected.
    pub affected_pods: u32,
    /// For how long, in words.
    pub downtime: String,
    /// `NONE`, `READ_ONLY`, `WRITE` or `DESTRUCTIVE`; empty without an analysis.
    pub data_impact: String,
    /// How many others of its redundancy group answer, in a sentence; empty where that was not measured.
    pub peers: String,
    /// The services that are affected.
    pub affected_services: String,
    /// The services beside them.
    pub related_services: String,
    /// How far it is from normal.
    pub deviation: String,
    /// The title of the cause that a recipe found, on what it rests (`stated`, `measured` or `inferred`), and the pieces of evidence that
    /// it cites, such as `E1, E2`; empty where it found none.
    pub known_cause: String,
    pub cause_evidence: &'static str,
    pub cites: String,
    /// What was asked, and what came back. The pieces are called E1, E2 and so on.
    pub evidence: Vec<Asked>,
    /// How many more pieces there are.
    pub evidence_more: usize,
    /// What each guardrail answered.
    pub guardrails: Vec<Answered>,
    /// When they were asked last, as in the log; empty if it does not stand there.
    pub guardrails_at: String,
    /// The steps of the last repair that failed, with the end of what they printed.
    pub failed: Vec<Ran>,
    /// The playbook's name; empty where there is no plan.
    pub playbook: String,
    /// The service's name in the registry.
    pub plan_target: String,
    /// Where it would run: user, host and port, or what stands in their place.
    pub plan_address: String,
    /// The exact steps, part by part.
    pub parts: Vec<Part>,
    #[serde(flatten)]
    pub origin: Origin,
    pub parameters: Vec<Parameter>,
    /// The first 12 characters of the plan's hash.
    pub plan_hash: String,
    /// The last entries of the operation log, oldest first.
    pub log: Vec<Logged>,
    /// How many entries stand before them.
    pub log_before: usize,
    pub id: String,
}

/// One question and its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// Who was asked: `prometheus`, `signoz`, `past_incidents`, `open_incidents`, `registry` or `sender`.
    pub source: &'static str,
    pub asked: String,
    pub measurements: Vec<Measured>,
    /// What is known, in sentences.
    pub facts: Vec<String>,
    /// How many more measurements or facts there are.
    pub more: usize,
    /// Why there is no answer.
    pub failed: String,
    /// The page of the operator's own server, `http` or `https`, or nothing.
    pub url: String,
}

/// What a guardrail answered.
#[derive(Debug, Clone, Serialize)]
pub struct Answered {
    /// Its name as it stands in the log.
    pub name: &'static str,
    /// False if it stops the repair.
    pub passed: bool,
    pub why: String,
}

/// A parameter of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct Parameter {
    pub name: String,
    pub value: String,
}

/// An entry of the operation log.
#[derive(Debug, Clone, Serialize)]
pub struct Logged {
    /// When: `03:14:15 UTC`, with the date before it where that is another than in the entry before.
    pub time: String,
    /// What happened, such as `APPROVAL_GIVEN`.
    pub event: &'static str,
    /// Who did it: a name, where it is known, and what they came with.
    pub actor: String,
    /// One line for people.
    pub detail: String,
    /// Why it failed, or nothing.
    pub error: String,
}

impl Details {
    /// What is shown of an incident and the last entries of its log, at most so many.
    pub fn of(incident: &Incident, entries: &[Entry], most: usize, names: Names<'_>) -> Self {
        let (name, target, _) = incident.worst_texts();
        let analysis = incident.analysis.as_ref();
        let radius = analysis.map(|analysis| &analysis.blast_radius);
        let cause = analysis.and_then(|analysis| analysis.cause.as_ref());
        let (evidence, evidence_more) = first(
            incident
                .evidence
                .iter()
                .map(|piece| Asked::of(piece, names))
                .collect(),
            EVIDENCE_SHOWN,
        );
        let log_before = entries.len().saturating_sub(most);
        let asked = entries
            .iter()
            .rev()
            .find(|entry| entry.context["guardrails"].is_array());
        // The run of now, or the last one before it.
        let ran = incident
            .repair
            .as_ref()
            .or_else(|| incident.earlier_repairs.last().map(|tried| &tried.repair));
        let plan = incident.plan.as_ref();
        Self {
            name: short(name, NAME_CHARACTERS),
            resource: short(target, NAME_CHARACTERS),
            severity: format!("{:?}", incident.severity),
            description: analysis
                .map(|analysis| short(names.description(analysis), TEXT_CHARACTERS))
                .unwrap_or_default(),
            affected_pods: radius.map_or(0, |radius| radius.affected_pods),
            downtime: radius
                .map(|radius| short(&radius.estimated_downtime, NAME_CHARACTERS))
                .unwrap_or_default(),
            data_impact: radius
                .map(|radius| impact(radius.data_impact))
                .unwrap_or_default()
                .to_owned(),
            peers: radius
                .and_then(|radius| radius.peers.as_ref())
                .map(|peers| names.say(&peers.phrase(), TEXT_CHARACTERS))
                .unwrap_or_default(),
            affected_services: analysis
                .map(|analysis| listed(&analysis.affected_services, SERVICES_SHOWN))
                .unwrap_or_default(),
            related_services: radius
                .map(|radius| listed(&radius.related_services, SERVICES_SHOWN))
                .unwrap_or_default(),
            deviation: analysis
                .and_then(|analysis| analysis.deviation.as_ref())
                .map(|deviation| names.say(deviation, STEP_CHARACTERS))
                .unwrap_or_default(),
            known_cause: cause
                .map(|cause| short(names.title(cause), NAME_CHARACTERS))
                .unwrap_or_default(),
            cause_evidence: cause.map_or("", |cause| cause.evidence.as_str()),
            cites: cause.map(FoundCause::cited).unwrap_or_default(),
            evidence,
            evidence_more,
            guardrails: incident
                .guardrails
                .iter()
                .map(|outcome| Answered::of(outcome, names))
                .collect(),
            guardrails_at: asked.map(moment).unwrap_or_default(),
            failed: ran
                .map(|repair| failed(repair, (OUTPUT_LINES, OUTPUT_CHARACTERS), names))
                .unwrap_or_default(),
            playbook: plan
                .map(|plan| short(&plan.playbook_name, NAME_CHARACTERS))
                .unwrap_or_default(),
            plan_target: plan
                .map(|plan| short(&plan.target, NAME_CHARACTERS))
                .unwrap_or_default(),
            plan_address: plan
                .map(|plan| short(&plan.address, STEP_CHARACTERS))
                .unwrap_or_default(),
            parts: plan
                .map(|plan| parts(plan, names.language, STEPS_SHOWN, STEP_WHOLE_CHARACTERS))
                .unwrap_or_default(),
            origin: Origin::of(incident),
            parameters: plan.map(Parameter::all).unwrap_or_default(),
            plan_hash: plan
                .map(|plan| plan.hash().chars().take(HASH_CHARACTERS).collect())
                .unwrap_or_default(),
            log: Logged::all(&entries[log_before..], names),
            log_before,
            id: incident.id.to_string(),
        }
    }
}

impl Parameter {
    fn all(plan: &Plan) -> Vec<Self> {
        let parameters = plan.parameters.iter().take(PARAMETERS_SHOWN);
        let shown = parameters.map(|(name, value)| Self {
            name: short(name, NAME_CHARACTERS),
            value: short(value, NAME_CHARACTERS),
        });
        shown.collect()
    }
}

fn impact(impact: DataImpact) -> &'static str {
    match impact {
        DataImpact::None => "NONE",
        DataImpact::ReadOnly => "READ_ONLY",
        DataImpact::Write => "WRITE",
        DataImpact::Destructive => "DESTRUCTIVE",
    }
}

impl Asked {
    fn of(evidence: &Evidence, names: Names<'_>) -> Self {
        let mut asked = Self {
            source: evidence.source.as_str(),
            asked: names.say(&evidence.asked, NAME_CHARACTERS),
            measurements: Vec::new(),
            facts: Vec::new(),
            more: 0,
            failed: String::new(),
            url: Link::of(evidence).map(|link| link.url).unwrap_or_default(),
        };
        match &evidence.found {
            Found::Measured { measurements, .. } => {
                (asked.measurements, asked.more) =
                    first(measurements.iter().map(Measured::of).collect(), LINES_SHOWN);
            }
            Found::Known { facts } => {
                (asked.facts, asked.more) = first(
                    facts
                        .iter()
                        .map(|fact| names.say(fact, STEP_CHARACTERS))
                        .collect(),
                    LINES_SHOWN,
                );
            }
            Found::Failed { why } => asked.failed = names.say(why, STEP_CHARACTERS),
            Found::Nothing => {}
        }
        asked
    }
}

impl Answered {
    fn of(outcome: &GuardrailOutcome, names: Names<'_>) -> Self {
        Self {
            name: outcome.guardrail.as_str(),
            passed: outcome.passed,
            why: names.say(&outcome.why, NAME_CHARACTERS),
        }
    }
}

fn time(entry: &Entry) -> String {
    entry.at.strftime("%H:%M:%S UTC").to_string()
}

fn moment(entry: &Entry) -> String {
    entry.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

impl Logged {
    /// The entries, each with the date where that is another than in the entry before.
    fn all(entries: &[Entry], names: Names<'_>) -> Vec<Self> {
        let mut day = None;
        let logged = entries.iter().map(|entry| {
            let before = day.replace(utc_day(entry.at));
            Self::of(entry, before != day, names)
        });
        logged.collect()
    }

    fn of(entry: &Entry, is_another_day: bool, names: Names<'_>) -> Self {
        Self {
            time: if is_another_day {
                moment(entry)
            } else {
                time(entry)
            },
            event: entry.event.as_str(),
            actor: names.name_and_id(&entry.actor),
            detail: short(&entry.detail, STEP_CHARACTERS),
            error: entry
                .error
                .as_deref()
                .map(|error| short(error, STEP_CHARACTERS))
                .unwrap_or_default(),
        }
    }
}
