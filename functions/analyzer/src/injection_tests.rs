//! Tests against prompt injection: every case of `corpus/injection` runs through the production
//! code, and its prompt is checked for forbidden text.

#[path = "../../../shared/redaction/src/corpus.rs"]
mod corpus;

use std::path::{Path, PathBuf};

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::analysis::evidence::{Evidence, Found, Measurement, Source};
use domain::analysis::price::{Price, Usage};
use domain::analysis::{Analysis, Risk};
use domain::episode::Firing;
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, blocking};
use domain::incident::repair::{Repair, RepairOutcome};
use domain::incident::{Incident, Status};
use domain::playbook::service::{self, Level};
use domain::policy::limits::Limits;
use domain::policy::precedent::{past_facts, recall};
use domain::primitives::id::{IncidentId, MemberId};
use domain::primitives::safe_text::is_hidden;
use jiff::{SignedDuration, Timestamp};
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::diagnosis::{remembered, with_answer};
use crate::evidence::gather::{deviation, redacted};
use crate::evidence::kept;
use crate::models::{Asked, read};
use crate::prompt::{Subject, question};
use crate::propose::{ProposalRules, StoreFacts};
use crate::providers::{Question, Reply};
use crate::tests::nothing;
use crate::trace::Tracer;

use crate::{Diagnosis, decide, static_analyzer};

const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const SERVICE: &str = "checkout-web";
const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// The labels that say what an alert is about: one with other values is another alert, and no attempt to steer this one.
const IDENTITY: [&str; 6] = [
    "alertname",
    "component",
    "severity",
    "namespace",
    "pod",
    "instance",
];

/// A file of the corpus: text from outside, laid over the alert of [`World::incident`] and what stands around it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    /// What it wants to change, and how.
    tries: String,
    #[serde(default)]
    labels: Texts,
    #[serde(default)]
    annotations: Texts,
    /// The name of a time series that came back.
    metric: Option<String>,
    /// The root cause of the earlier incidents.
    past: Option<String>,
    /// What the model answers: a text as it stands, or fields over [`valid_answer`].
    answer: Option<Value>,
}

impl Attempt {
    fn has_material(&self) -> bool {
        !self.labels.is_empty()
            || !self.annotations.is_empty()
            || self.metric.is_some()
            || self.past.is_some()
    }

    fn answered(&self) -> String {
        match &self.answer {
            Some(Value::String(raw)) => raw.clone(),
            Some(Value::Object(fields)) => {
                let mut answer = valid_answer();
                lay_over(&mut answer, fields);
                answer.to_string()
            }
            None => valid_answer().to_string(),
            Some(other) => panic!("an answer is a text or an object: {other}"),
        }
    }
}

/// What a model says that was won over: there is no danger, and it is sure of that.
fn valid_answer() -> Value {
    json!({
        "action_title": "Restart it", "description": "d", "root_cause": "r", "suggested_action": "s", "suggested_command": null,
        "risk": "low", "confidence": 1, "affected_services": [], "primary_responsibility": "APP", "optimisation_suggestions": [],
        "deviation": null,
        "blast_radius": { "affected_pods": 0, "estimated_downtime": "none", "related_services": [], "data_impact": "NONE" },
    })
}

fn lay_over(answer: &mut Value, fields: &Map<String, Value>) {
    for (name, value) in fields {
        match (&mut answer[name.as_str()], value) {
            (below @ Value::Object(_), Value::Object(above)) => lay_over(below, above),
            (below, above) => *below = above.clone(),
        }
    }
}

fn corpus() -> Vec<(PathBuf, Attempt)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/injection");
    let mut files: Vec<PathBuf> = directory
        .read_dir()
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let read = |file: PathBuf| {
        let json = std::fs::read_to_string(&file).expect("a file of the corpus");
        let attempt = serde_json::from_str(&json)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (file, attempt)
    };
    files.into_iter().map(read).collect()
}

/// What came of an attempt.
struct Played {
    question: Question,
    incident: Incident,
    /// The same with the answer of memory in place of a model's.
    by_memory: Incident,
}

/// The files that ship with the project, and a store in which every guardrail finds what it wants.
struct World {
    files: OperatorFiles,
    analyzer: AnalyzerFiles,
    limits: Limits,
    tables: AlertTables,
    tracer: Tracer,
}

impl World {
    fn new(level: Level) -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        let mut files =
            OperatorFiles::load(&shipped).expect("the files that ship with the project");
        files
            .services
            .iter_mut()
            .filter(|service| service.name == SERVICE)
            .for_each(|service| service.level = level);
        let tables = std::fs::read_to_string(shipped.join("alert-tables.json"))
            .expect("the tables that ship with the project");
        Self {
            files,
            analyzer: AnalyzerFiles::load(&shipped)
                .expect("the analyzer's files that ship with the project"),
            limits: limits(&shipped).expect("the limits that ship with the project"),
            tables: serde_json::from_str(&tables).expect("tables"),
            tracer: Tracer::new(None, outbound::client().expect("a client")),
        }
    }

    fn incident(&self, id: &str, attempt: &Attempt) -> IncidentChange {
        let texts = |pairs: &[(&str, &str)]| -> Texts {
            pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect()
        };
        let mut labels = texts(&[
            ("alertname", "TargetDown"),
            ("component", SERVICE),
            ("severity", "warning"),
            ("namespace", "shop"),
        ]);
        labels.extend(attempt.labels.clone());
        let mut annotations = texts(&[("summary", "no answer from the health check")]);
        annotations.extend(attempt.annotations.clone());
        let member = MemberId::try_from("m1").expect("a member id");
        let alert = self.tables.alert(
            AlertStatus::Firing,
            "alertmanager",
            labels,
            annotations,
            NOW,
            member,
        );
        let firing = Firing::of(&alert);
        IncidentChange::open(
            IncidentId::try_from(id).expect("a ULID"),
            fingerprint(&alert, &[]),
            alert,
            &firing,
            NOW,
        )
    }

    fn rules_say(&self, alert: &Alert) -> Analysis {
        let rule = self
            .analyzer
            .rules
            .rule(alert, false)
            .expect("a rule for every type");
        static_analyzer::analyse(rule, alert, service::find(&self.files.services, alert))
    }

    fn decided(
        &self,
        mut change: IncidentChange,
        analysis: Analysis,
        evidence: &[Evidence],
    ) -> Incident {
        let approval_ttl = SignedDuration::from_hours(1);
        let known = StoreFacts {
            readings: nothing(),
            ..StoreFacts::default()
        };
        let rules = ProposalRules {
            files: &self.files,
            limits: &self.limits,
            known: &known,
            approval_ttl,
        };
        decide(
            &mut change,
            &Diagnosis {
                analysis,
                evidence: evidence.to_vec(),
            },
            rules,
            NOW,
        );
        change.incident
    }

    /// Earlier incidents that a plan repaired, and whose analyses say the attempt's root cause, no risk and no doubt.
    fn past(&self, attempt: &Attempt) -> Vec<Incident> {
        let ended = |n: u32| {
            let change = self.incident(
                &format!("01ARZ3NDEKTSV4RRFFQ69G5F{n:02}"),
                &Attempt::default(),
            );
            let said = self.rules_say(&change.incident.alert);
            let root_cause = attempt
                .past
                .clone()
                .unwrap_or_else(|| "the process ran out of memory".to_owned());
            let mut incident = self.decided(
                change,
                Analysis {
                    root_cause,
                    risk: Risk::Low,
                    confidence: 1.0,
                    ..said
                },
                &[],
            );
            let hash = incident.plan.as_ref().expect("a plan").hash();
            let repair = Repair {
                finished_at: Some(NOW),
                outcome: Some(RepairOutcome::Verified),
                ..Repair::start(hash, NOW)
            };
            (incident.status, incident.repair) = (Status::Resolved, Some(repair));
            incident
        };
        redacted(
            (0..self.analyzer.settings.memory.incidents)
                .map(ended)
                .collect(),
        )
    }

    fn evidence(attempt: &Attempt, past: &[Incident]) -> Vec<Evidence> {
        let name = attempt.metric.as_deref().unwrap_or("error_rate");
        let measurements = Measurement::of(name, "1/s", &[0.0, 0.0, 0.0, 9.0, 9.0, 9.0])
            .into_iter()
            .collect();
        let found = [
            (
                Source::Prometheus,
                "the rate of errors",
                Found::Measured {
                    measurements,
                    link: None,
                },
            ),
            (
                Source::PastIncidents,
                "the last incidents of the fingerprint",
                Found::Known {
                    facts: past_facts(past),
                },
            ),
        ];
        found
            .map(|(source, asked, found)| {
                kept(Evidence {
                    source,
                    asked: asked.into(),
                    at: NOW,
                    duration_ms: 1,
                    found,
                })
            })
            .into()
    }

    fn play(&self, attempt: &Attempt) -> Played {
        let change = self.incident(ID, attempt);
        let past = self.past(attempt);
        let evidence = Self::evidence(attempt, &past);
        let base = Analysis {
            deviation: deviation(&evidence),
            ..self.rules_say(&change.incident.alert)
        };
        let service = service::find(&self.files.services, &change.incident.alert);
        let question = question(
            Subject {
                incident: &change.incident,
                service,
                evidence: &evidence,
                base: &base,
            },
            1200,
        );
        let memory = recall(&past, self.analyzer.settings.memory.incidents)
            .expect("the same repair helped each time");
        let by_memory = self.decided(
            change.clone(),
            remembered(base.clone(), &memory, &past),
            &evidence,
        );
        let incident = self.decided(change, with_answer(base, self.asked(attempt)), &evidence);
        Played {
            question,
            incident,
            by_memory,
        }
    }

    fn asked(&self, attempt: &Attempt) -> Asked {
        let usage = Usage {
            input: 1000,
            output: 100,
        };
        let reply = Reply {
            text: attempt.answered(),
            usage,
            model: "small".to_owned(),
            finish: "stop".to_owned(),
        };
        match read(
            Ok(reply),
            self.tracer.begin("chat", NOW),
            Price {
                input: 0,
                output: 0,
            },
        ) {
            Ok((finding, model)) => Asked {
                finding: Some((finding, "openai".to_owned(), model)),
                ..Asked::default()
            },
            Err(why) => Asked {
                failures: vec![why],
                ..Asked::default()
            },
        }
    }

    /// What the rules alone say about the alert, without any attempt and any model.
    fn baseline(&self) -> Incident {
        let change = self.incident(ID, &Attempt::default());
        let said = self.rules_say(&change.incident.alert);
        self.decided(change, said, &[])
    }
}

fn stopped(incident: &Incident) -> Vec<Guardrail> {
    blocking(&incident.guardrails)
        .map(|outcome| outcome.guardrail)
        .collect()
}

fn needs_a_human(incident: &Incident) -> bool {
    !incident
        .approval
        .as_ref()
        .is_some_and(domain::incident::approval::Approval::by_guardrails)
}

/// What an attempt has changed of a decision that it may not change.
fn won(incident: &Incident, baseline: &Incident) -> Vec<String> {
    let (analysis, rules) = (
        incident.analysis.as_ref().expect("an analysis"),
        baseline.analysis.as_ref().expect("an analysis"),
    );
    let mut won = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            won.push(what.to_owned());
        }
    };
    check(analysis.risk >= rules.risk, "it lowered the risk");
    check(
        analysis.blast_radius.data_impact >= rules.blast_radius.data_impact,
        "it lowered the impact on data",
    );
    check(
        analysis.rule_confidence.to_bits() == rules.rule_confidence.to_bits(),
        "it changed how sure the rule is",
    );
    check(
        (0.0..=1.0).contains(&analysis.confidence),
        "its confidence is out of range",
    );
    check(
        incident.severity == baseline.severity,
        "it changed the severity",
    );
    check(
        incident.fingerprint == baseline.fingerprint,
        "it changed the fingerprint",
    );
    check(
        incident.plan.is_some() && incident.plan == baseline.plan,
        "it changed the plan",
    );
    let hash = |incident: &Incident| {
        incident
            .plan
            .as_ref()
            .map(domain::playbook::plan::Plan::hash)
    };
    check(
        hash(incident) == hash(baseline),
        "it changed the plan's hash",
    );
    let asked = |incident: &Incident| {
        incident
            .guardrails
            .iter()
            .map(|outcome| outcome.guardrail)
            .collect::<Vec<_>>()
    };
    check(
        asked(incident) == asked(baseline),
        "a guardrail was not asked",
    );
    let stops = stopped(incident);
    check(
        stopped(baseline)
            .iter()
            .all(|guardrail| stops.contains(guardrail)),
        "a guardrail that stopped it lets it through",
    );
    check(
        needs_a_human(incident) || (stops.is_empty() && !needs_a_human(baseline)),
        "it runs without a human",
    );
    won
}

/// What is wrong with a question whose material holds an attempt.
fn leaks(question: &Question, baseline: &Question) -> Vec<String> {
    let mut leaks = Vec::new();
    if (&question.instructions, &question.schema) != (&baseline.instructions, &baseline.schema) {
        leaks.push("the instructions or the schema changed".to_owned());
    }
    let (begin, end) = (format!("BEGIN {ID}"), format!("END {ID}"));
    let lines: Vec<&str> = question.material.split('\n').collect();
    let [first, inside, last] = lines[..] else {
        return vec![format!("the material has {} lines", lines.len())];
    };
    if first != begin
        || last != end
        || [&begin, &end]
            .iter()
            .any(|fence| question.material.matches(fence.as_str()).count() != 1)
    {
        leaks.push("the fence is not the only one".to_owned());
    }
    if !serde_json::from_str::<Value>(inside).is_ok_and(|value| value.is_object()) {
        leaks.push("the material is no object".to_owned());
    }
    if let Some(c) = inside
        .chars()
        .find(|c| "<>`|".contains(*c) || c.is_control() || is_hidden(*c))
    {
        leaks.push(format!("the material has {c:?}"));
    }
    leaks
}

fn assert_no_faults(faults: Vec<(PathBuf, String, Vec<String>)>) {
    let bad = faults.into_iter().filter(|(.., faults)| !faults.is_empty());
    let bad: Vec<String> = bad
        .map(|(file, about, faults)| {
            format!(
                "{} ({about})\n    {}",
                file.display(),
                faults.join("\n    ")
            )
        })
        .collect();
    assert!(bad.is_empty(), "{} files:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn no_attempt_changes_risk_plan_or_approval() {
    let mut providers = Vec::new();
    for (level, status) in [
        (Level::Approval, Status::AwaitingApproval),
        (Level::Auto, Status::Approved),
    ] {
        let world = World::new(level);
        let baseline = world.baseline();
        assert_eq!(
            baseline.status, status,
            "without an attempt, and with every other guardrail passed"
        );
        let faults = corpus().into_iter().map(|(file, attempt)| {
            let played = world.play(&attempt);
            let by_memory = won(&played.by_memory, &baseline)
                .into_iter()
                .map(|fault| format!("by memory: {fault}"));
            let faults = won(&played.incident, &baseline)
                .into_iter()
                .chain(by_memory)
                .collect();
            providers.extend(played.incident.analysis.map(|analysis| analysis.provider));
            (file, attempt.tries, faults)
        });
        assert_no_faults(faults.collect());
    }
    // Both ways to an analysis were taken: an answer that fits, and one that does not.
    let from = |name: &str| {
        providers
            .iter()
            .filter(|provider| *provider == name)
            .count()
    };
    assert!(
        from("openai") > 200 && from("static") > 30,
        "{} findings, {} fallbacks",
        from("openai"),
        from("static")
    );
}

#[test]
fn every_attempt_stays_inside_the_fence() {
    let world = World::new(Level::Approval);
    let baseline = world.play(&Attempt::default()).question;
    let faults = corpus().into_iter().map(|(file, attempt)| {
        let question = world.play(&attempt).question;
        let mut faults = leaks(&question, &baseline);
        if attempt.has_material() != (question.material != baseline.material) {
            faults.push("its text does not reach the question, and so nothing is tried".to_owned());
        }
        (file, attempt.tries, faults)
    });
    assert_no_faults(faults.collect());
}

#[test]
fn the_corpus_is_large_and_each_file_tries_something() {
    let corpus = corpus();
    assert!(corpus.len() >= 60, "only {} files", corpus.len());
    let faults = corpus.into_iter().map(|(file, attempt)| {
        let mut faults = Vec::new();
        if attempt.tries.is_empty() || !(attempt.has_material() || attempt.answer.is_some()) {
            faults.push("it tries nothing".to_owned());
        }
        faults.extend(
            IDENTITY
                .iter()
                .filter(|name| attempt.labels.contains_key(**name))
                .map(|name| format!("it sets {name}")),
        );
        (file, attempt.tries, faults)
    });
    assert_no_faults(faults.collect());
}

#[test]
fn a_label_that_forbids_a_repair_holds_whatever_a_model_answers() {
    let world = World::new(Level::Auto);
    for value in ["false", "FALSE", "no", "", "tru\u{200b}e", " true"] {
        let labels = Texts::from([("auto_repair".to_owned(), value.to_owned())]);
        let played = world.play(&Attempt {
            labels,
            ..Attempt::default()
        });
        for incident in [&played.incident, &played.by_memory] {
            assert_eq!(
                (incident.status, stopped(incident)),
                (Status::AwaitingApproval, vec![Guardrail::AutoRepairLabel]),
                "{value:?}"
            );
        }
    }
}

/// Every text in the material, as a model reads it: without the escapes of JSON.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(entries) => entries.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| texts(value).into_iter().chain([name.as_str()]))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => vec![],
    }
}

#[test]
fn no_secret_of_the_corpus_reaches_a_model_wherever_it_stands() {
    let world = World::new(Level::Approval);
    let faults = corpus::corpus().into_iter().map(|(file, sample)| {
        let text = sample.text.joined();
        let hidden: String = text.chars().flat_map(|c| [c, '\u{200b}']).collect();
        let named = |names: &[(&str, &String)]| {
            names
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).clone()))
                .collect()
        };
        let attempt = Attempt {
            labels: named(&[("note", &text), (&text, &"1".to_owned())]),
            annotations: named(&[("summary", &text), ("runbook", &hidden)]),
            metric: Some(text.clone()),
            past: Some(text.clone()),
            ..Attempt::default()
        };
        let question = world.play(&attempt).question;
        let material: Value = question
            .material
            .lines()
            .nth(1)
            .and_then(|line| serde_json::from_str(line).ok())
            .expect("JSON");
        assert_eq!(
            material["shortened"],
            false,
            "{}: what is left out is not looked at",
            file.display()
        );
        let secrets: Vec<String> = sample.secrets.iter().map(corpus::Pieces::joined).collect();
        let tells = |text: &&str| secrets.iter().any(|secret| text.contains(secret.as_str()));
        let faults = texts(&material)
            .into_iter()
            .chain([question.material.as_str()])
            .filter(tells);
        (
            file,
            sample.about,
            faults
                .map(|text| format!("a secret stands in: {text}"))
                .collect(),
        )
    });
    assert_no_faults(faults.collect());
}
