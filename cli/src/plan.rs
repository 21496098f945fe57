//! `quell plan`: shows the plan for an alert, made by the code that decides on the deployed stack.

mod parse;

use std::io::Write;
use std::path::PathBuf;

use analyzer::propose::{self, ProposalRules, StoreFacts};
use analyzer::{Diagnosis, decide, static_analyzer};
use clap::Args;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus};
use domain::episode::Firing;
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::names;
use domain::incident::{Incident, Status};
use domain::playbook::service::{self, Service};
use domain::policy::attempt_ledger::{GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::limits::Limits;
use domain::policy::matching::{Fit, fitting};
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::Fingerprint;
use domain::primitives::safe_text::line;
use jiff::{SignedDuration, Timestamp};
use playbook_files::analyzer_files::{AnalyzerFiles, RULES};
use playbook_files::operator_files::{OperatorFiles, limits};
use settings::alert_tables;
use settings::config_error::both;
use settings::variables::Variables;
use store::{Store, fresh_incident_id};

use crate::aws;
use crate::exit::{Answer, Failure};
use crate::input;
use crate::print;

/// How much of a text from outside is shown.
const SHOWN: usize = 120;
/// For how long people could decide; nothing that is shown depends on it.
const APPROVAL: SignedDuration = SignedDuration::from_hours(4);

#[derive(Debug, Args)]
pub(crate) struct Planned {
    /// An Alertmanager or Grafana webhook body, one alert or signal as signed senders send it, or an event of `events/`; `-` reads the
    /// standard input
    #[arg(value_name = "ALERT.json")]
    alert: PathBuf,
    /// The directory with the operator's files
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// Labels that are a part of the identity, as the parameter FingerprintLabels has them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    fingerprint_labels: Vec<String>,
    /// Take what the guardrails ask from this table; without it, nothing has ever run and the kill switch is off
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
}

/// By what it is decided.
struct By {
    files: OperatorFiles,
    limits: Limits,
    analyzer: AnalyzerFiles,
    store: Option<Store>,
    labels: Vec<String>,
}

impl Planned {
    pub(crate) async fn answer<F>(
        self,
        variables: &Variables<F>,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure>
    where
        F: Fn(&str) -> Option<String>,
    {
        let of_repairs = both(OperatorFiles::load(&self.config), limits(&self.config));
        let of_alerts = both(
            AnalyzerFiles::load(&self.config),
            alert_tables::load(&self.config),
        );
        let ((files, limits), (analyzer, tables)) = both(of_repairs, of_alerts)?;
        let now = Timestamp::now();
        let delivery = parse::delivery(&input::bytes(&self.alert)?, &tables, now)?;
        let store = match self.table {
            None => None,
            Some(table) => Some(aws::store(variables, table).await?),
        };
        match &store {
            None => writeln!(
                out,
                "No --table is given: as if nothing had ever run, and the kill switch were off."
            )?,
            Some(_) => writeln!(
                out,
                "What has run, and the kill switch, are read from the table."
            )?,
        }
        if delivery.left_out > 0 {
            writeln!(
                out,
                "The sender left {} alerts out: they are counted nowhere.",
                delivery.left_out
            )?;
        }
        let by = By {
            files,
            limits,
            analyzer,
            store,
            labels: self.fingerprint_labels,
        };
        let mut seen: Vec<(Fingerprint, usize)> = Vec::new();
        for (index, alert) in delivery.alerts.into_iter().enumerate() {
            let fingerprint = fingerprint(&alert, &by.labels);
            let firing = alert.status == AlertStatus::Firing;
            let again = seen
                .iter()
                .find(|(known, _)| firing && *known == fingerprint)
                .map(|(_, index)| *index);
            if firing && again.is_none() {
                seen.push((fingerprint.clone(), index));
            }
            writeln!(out)?;
            identity(&alert, index, &fingerprint, out)?;
            match again {
                Some(first) => writeln!(
                    out,
                    "  => joins the incident of alert {}: one fingerprint is one incident",
                    first + 1
                )?,
                None => {
                    by.tell(alert, fingerprint, delivery.left_out, now, out)
                        .await?
                }
            }
        }
        Ok(Answer::Yes)
    }
}

fn identity(
    alert: &Alert,
    index: usize,
    fingerprint: &Fingerprint,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let text = |text: &str| line(text, SHOWN);
    let status = if alert.status == AlertStatus::Firing {
        "firing"
    } else {
        "resolved"
    };
    writeln!(
        out,
        "alert {}: {} on {}, {status}",
        index + 1,
        text(&alert.name),
        text(&alert.target)
    )?;
    writeln!(out, "  fingerprint  {fingerprint}")?;
    let (target, namespace) = (text(&alert.normalised_target), text(&alert.namespace));
    writeln!(
        out,
        "  identity     target {target}, namespace {namespace}, type {}",
        alert.alert_type.as_str()
    )?;
    writeln!(
        out,
        "  sent by      {}, with the severity {}",
        text(&alert.source),
        print::word(alert.severity)
    )?;
    Ok(())
}

impl By {
    /// Tells what becomes of a new incident of the alert.
    async fn tell(
        &self,
        alert: Alert,
        fingerprint: Fingerprint,
        left_out: u64,
        now: Timestamp,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if alert.status == AlertStatus::Resolved {
            writeln!(
                out,
                "  => takes it out of its episode; the last one resolves the incident, and a plan that waits becomes void"
            )?;
            return Ok(());
        }
        if alert.cicd {
            writeln!(
                out,
                "  => is announced: alert-tables.json calls it a report of a pipeline, and nobody analyses it"
            )?;
            return Ok(());
        }
        let service = service::find(&self.files.services, &alert);
        self.of_service(&alert, service, out)?;
        let firing = Firing {
            left_out,
            ..Firing::from_alert(&alert)
        };
        let mut change =
            IncidentChange::open(fresh_incident_id(now), fingerprint, alert, &firing, now);
        let alert = change.incident.alert.clone();
        let rule = self.analyzer.rules.rule(&alert, false);
        let rule = rule.ok_or_else(|| {
            Failure::wrong(format!(
                "{RULES} has no rule for the type {}",
                alert.alert_type.as_str()
            ))
        })?;
        let diagnosis = Diagnosis {
            analysis: static_analyzer::analyse(rule, &alert, service),
            evidence: Vec::new(),
        };
        let known = match &self.store {
            Some(store) => propose::gather(store, &self.files, &self.limits, &alert, now).await,
            None => StoreFacts {
                readings: nothing_ran(),
                ..StoreFacts::default()
            },
        };
        let rules = ProposalRules {
            files: &self.files,
            limits: &self.limits,
            known: &known,
            approval_ttl: APPROVAL,
        };
        decide(&mut change, &diagnosis, rules, now);
        self.finding(&change.incident, out)?;
        if let Some(plan) = &change.incident.plan {
            print::plan(plan, out)?;
        }
        end(&change.incident, out)
    }

    fn of_service(
        &self,
        alert: &Alert,
        service: Option<&Service>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let Some(service) = service else {
            writeln!(
                out,
                "  service      none in service-registry.yaml has this target as its name or alias"
            )?;
            return Ok(());
        };
        let group = service.redundancy_group.as_deref().unwrap_or("none");
        let level = format!("{:?}", service.level).to_lowercase();
        writeln!(
            out,
            "  service      {}, level {level}, redundancy group {group}",
            service.name
        )?;
        let fitting = fitting(&self.files.playbooks, alert, service);
        for Fit {
            score,
            reasons,
            playbook,
        } in &fitting
        {
            let reasons: Vec<String> = reasons.iter().map(|reason| line(reason, SHOWN)).collect();
            writeln!(
                out,
                "  playbook     {}, score {score}: {}",
                playbook.id,
                reasons.join("; ")
            )?;
        }
        if fitting.is_empty() {
            writeln!(
                out,
                "  playbook     none names this alert or its type for this service"
            )?;
        }
        Ok(())
    }

    fn finding(&self, incident: &Incident, out: &mut dyn Write) -> Result<(), Failure> {
        let Some(analysis) = &incident.analysis else {
            return Ok(());
        };
        let (risk, impact) = (
            analysis.risk.as_str(),
            print::word(analysis.blast_radius.data_impact),
        );
        let severity = incident.severity;
        writeln!(
            out,
            "  finding      {} (a static rule)",
            analysis.action_title
        )?;
        writeln!(
            out,
            "    says       risk {risk}, so {severity:?}; confidence {:.2}; data impact {impact}",
            analysis.confidence
        )?;
        match self.analyzer.settings.providers.len() {
            0 => {}
            models => writeln!(
                out,
                "    on the stack {models} models are asked first: they can raise the risk, never lower it"
            )?,
        }
        Ok(())
    }
}

fn end(incident: &Incident, out: &mut dyn Write) -> Result<(), Failure> {
    for outcome in &incident.guardrails {
        let answer = if outcome.passed { "passes" } else { "STOPS" };
        writeln!(
            out,
            "  guardrail    {answer:<6} {:<18} {}",
            outcome.guardrail.as_str(),
            line(&outcome.why, SHOWN * 4)
        )?;
    }
    match (incident.status, &incident.no_plan_because) {
        (Status::Approved, _) => writeln!(out, "  => runs by itself: every guardrail passes")?,
        (Status::AwaitingApproval, _) => writeln!(
            out,
            "  => asks a human, because of {}",
            names(&incident.guardrails)
        )?,
        (_, Some(why)) => writeln!(out, "  => a human has to look: {}", line(why, SHOWN * 4))?,
        (status, None) => writeln!(out, "  => {}", status.as_str())?,
    }
    Ok(())
}

/// What a store says in which nothing ever was.
fn nothing_ran() -> GuardrailInputs {
    GuardrailInputs {
        killed: Some(false),
        target: Some(TargetLedger::default()),
        group: Some(GroupLedger::default()),
        record: Some(PlaybookRecord::default()),
        ..GuardrailInputs::default()
    }
}
