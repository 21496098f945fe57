//! `quell plan`: shows the plan for an alert, made by the code that decides on the deployed stack.

mod parse;
mod report;

use std::io::Write;
use std::path::PathBuf;

use analyzer::propose::{self, ProposalRules, StoreFacts};
use analyzer::{Diagnosis, decide, static_analyzer};
use clap::Args;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus};
use domain::episode::Firing;
use domain::incident::change::IncidentChange;
use domain::playbook::service;
use domain::policy::attempt_ledger::{GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::limits::Limits;
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::Fingerprint;
use jiff::{SignedDuration, Timestamp};
use playbook_files::analyzer_files::{AnalyzerFiles, RULES};
use playbook_files::operator_files::{OperatorFiles, limits};
use settings::alert_tables;
use settings::config_error::both;
use store::{Store, fresh_incident_id};

use crate::aws::{self, Environment};
use crate::exit::{Answer, Failure};
use crate::input;
use crate::print;

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

/// The files and facts that decide.
struct By {
    files: OperatorFiles,
    limits: Limits,
    analyzer: AnalyzerFiles,
    store: Option<Store>,
    labels: Vec<String>,
}

impl Planned {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
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
                "No --table given: assumes that nothing ever ran and that the kill switch is off."
            )?,
            Some(_) => writeln!(
                out,
                "Past runs and the kill switch are read from the table."
            )?,
        }
        if delivery.left_out > 0 {
            writeln!(
                out,
                "The sender left out {} alerts: they are not counted.",
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
            report::identity(&alert, index, &fingerprint, out)?;
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

impl By {
    /// Prints the plan of a new incident of the alert.
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
                "  => leaves its episode; the last alert to leave resolves the incident and revokes a waiting plan"
            )?;
            return Ok(());
        }
        if alert.cicd {
            writeln!(
                out,
                "  => announced without analysis: alert-tables.json calls it a report of a pipeline"
            )?;
            return Ok(());
        }
        let service = service::find(&self.files.services, &alert);
        report::service(&self.files.playbooks, &alert, service, out)?;
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
        report::finding(
            &change.incident,
            self.analyzer.settings.providers.len(),
            out,
        )?;
        if let Some(plan) = &change.incident.plan {
            print::plan(plan, out)?;
        }
        report::end(&change.incident, out)
    }
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
