//! The production code around an attempt: the files that ship, and a store that lets everything through.

use std::path::Path;

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::analysis::evidence::{Evidence, Found, Measurement, Source};
use domain::analysis::named_cause::OutcomeCounts;
use domain::analysis::price::{Price, Usage};
use domain::analysis::{Analysis, Severity};
use domain::episode::Firing;
use domain::incident::change::IncidentChange;
use domain::incident::repair::{Repair, RepairOutcome};
use domain::incident::{Incident, Status};
use domain::playbook::service::{self, Level};
use domain::policy::limits::Limits;
use domain::policy::precedent::{past_facts, recall};
use domain::primitives::id::{IncidentId, MemberId};
use domain::primitives::language::Language;
use jiff::SignedDuration;
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};

use super::attempt::Attempt;
use super::{ID, NOW, SERVICE};
use crate::diagnosis::{named_by_model, remembered, with_answer};
use crate::evidence::deviation::deviation;
use crate::evidence::incidents::redacted;
use crate::evidence::kept;
use crate::models::{Asked, read};
use crate::prompt::{Subject, question};
use crate::propose::{ProposalRules, Signing, StoreFacts};
use crate::providers::{Question, Reply};
use crate::tests::nothing;
use crate::trace::Tracer;
use crate::{Diagnosis, decide, static_analyzer};

/// Every named cause was right, and often.
pub(crate) const TRUSTED: OutcomeCounts = OutcomeCounts {
    right: 1_000,
    wrong: 0,
};

/// What came of an attempt.
pub(crate) struct Played {
    pub(crate) question: Question,
    pub(crate) incident: Incident,
    /// The same with the answer of memory in place of a model's.
    pub(crate) by_memory: Incident,
}

/// The files that ship with the project, and a store in which every guardrail finds what it wants.
pub(crate) struct World {
    pub(crate) files: OperatorFiles,
    pub(crate) analyzer: AnalyzerFiles,
    pub(crate) limits: Limits,
    pub(crate) tables: AlertTables,
    pub(crate) tracer: Tracer,
}

impl World {
    pub(crate) fn new(level: Level) -> Self {
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

    pub(crate) fn incident(&self, id: &str, attempt: &Attempt) -> IncidentChange {
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
        let firing = Firing::from_alert(&alert);
        IncidentChange::open(
            IncidentId::try_from(id).expect("a ULID"),
            fingerprint(&alert, &[]),
            alert,
            &firing,
            NOW,
        )
    }

    pub(crate) fn rules_say(&self, alert: &Alert) -> Analysis {
        let rule = self
            .analyzer
            .rules
            .rule(alert, false)
            .expect("a rule for every type");
        static_analyzer::analyse(rule, alert, service::find(&self.files.services, alert).ok())
    }

    pub(crate) fn decided(
        &self,
        mut change: IncidentChange,
        analysis: Analysis,
        evidence: &[Evidence],
    ) -> Incident {
        let analysis = analysis.weighed(Some(TRUSTED));
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
            signing: Signing::OnlyShown,
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
    pub(crate) fn past(&self, attempt: &Attempt) -> Vec<Incident> {
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
                    urgency: Severity::P3.into(),
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

    pub(crate) fn evidence(attempt: &Attempt, past: &[Incident]) -> Vec<Evidence> {
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

    pub(crate) fn play(&self, attempt: &Attempt) -> Played {
        let change = self.incident(ID, attempt);
        let past = self.past(attempt);
        let evidence = Self::evidence(attempt, &past);
        let base = Analysis {
            deviation: deviation(&evidence),
            ..self.rules_say(&change.incident.alert)
        };
        let service = service::find(&self.files.services, &change.incident.alert).ok();
        let question = question(
            Subject {
                incident: &change.incident,
                service,
                evidence: &evidence,
                base: &base,
            },
            1200,
            &Language::ALL[1..],
        );
        let memory = recall(&past, self.analyzer.settings.memory.incidents)
            .expect("the same repair helped each time");
        let by_memory = self.decided(
            change.clone(),
            remembered(base.clone(), &memory, &past),
            &evidence,
        );
        let answered = with_answer(base, self.asked(attempt));
        let answered = match answered.model {
            Some(_) => named_by_model("small".to_owned(), answered, &change.incident.alert),
            None => answered,
        };
        let incident = self.decided(change, answered, &evidence);
        Played {
            question,
            incident,
            by_memory,
        }
    }

    pub(crate) fn asked(&self, attempt: &Attempt) -> Asked {
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
            &Language::ALL[1..],
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
    pub(crate) fn baseline(&self) -> Incident {
        let change = self.incident(ID, &Attempt::default());
        let said = self.rules_say(&change.incident.alert);
        self.decided(change, said, &[])
    }
}
