//! Plans of `quell plan`: for each alert of a delivery, by the code that decides on the deployed stack.

use analyzer::propose::{self, ProposalRules, Signing, StoreFacts};
use analyzer::surroundings::Surroundings;
use analyzer::{Diagnosis, decide, static_analyzer};
use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus};
use domain::analysis::named_cause::OutcomeCounts;
use domain::episode::Firing;
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::playbook::service::{self, NoService, Service};
use domain::policy::attempt_ledger::{GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::limits::Limits;
use domain::policy::matching::{Fit, fitting};
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::Fingerprint;
use intake::Delivery;
use jiff::{SignedDuration, Timestamp};
use playbook_files::analyzer_files::{AnalyzerFiles, RULES};
use playbook_files::operator_files::OperatorFiles;
use playbook_files::recipe_files::RecipeFiles;
use recipes::Recipe;
use store::{ControlTable, Store, fresh_incident_id};

use crate::exit::Failure;

/// For how long people could decide; nothing that is shown depends on it.
const APPROVAL: SignedDuration = SignedDuration::from_hours(4);

/// The files and facts that decide.
pub(super) struct By {
    pub(super) files: OperatorFiles,
    pub(super) limits: Limits,
    pub(super) analyzer: AnalyzerFiles,
    pub(super) recipes: RecipeFiles,
    pub(super) tables: AlertTables,
    pub(super) store: Option<(Store, ControlTable)>,
    pub(super) labels: Vec<String>,
}

/// What would happen for an alert.
pub(super) struct AlertPlan<'a> {
    /// Its place in the delivery, from 0.
    pub(super) index: usize,
    pub(super) fingerprint: Fingerprint,
    pub(super) alert: Alert,
    pub(super) goes_to: GoesTo,
    pub(super) service: Result<&'a Service, NoService>,
    pub(super) fitting: Vec<Fit<'a>>,
    /// What would be asked about it, and what the answers can show.
    pub(super) recipe: Option<&'a Recipe>,
    /// The incident that it would open, as it would be after its analysis.
    pub(super) incident: Option<Incident>,
}

/// The incident that an alert belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GoesTo {
    New,
    /// That of an alert of the same delivery, by its place.
    Joins(usize),
    /// A new one that is shown and not analysed: a delivery pipeline reports something.
    Announced,
    /// It ends its part of an episode.
    Leaves,
    /// None: it says that monitoring works.
    Heartbeat,
    /// None: it only serves Alertmanager.
    Noise,
}

impl By {
    /// The plans for all alerts of a delivery, in its order.
    pub(super) async fn plans(
        &self,
        delivery: Delivery,
        now: Timestamp,
    ) -> Result<Vec<AlertPlan<'_>>, Failure> {
        let mut plans: Vec<AlertPlan<'_>> = Vec::new();
        for (index, alert) in delivery.alerts.into_iter().enumerate() {
            let fingerprint = fingerprint(&alert, &self.labels);
            let opens = |plan: &&AlertPlan<'_>| {
                plan.fingerprint == fingerprint
                    && matches!(plan.goes_to, GoesTo::New | GoesTo::Announced)
            };
            let rules = self.tables.rules();
            let goes_to = match plans.iter().find(opens) {
                _ if rules.is_heartbeat(&alert.name) => GoesTo::Heartbeat,
                _ if rules.is_noise(&alert.name) => GoesTo::Noise,
                _ if alert.status == AlertStatus::Resolved => GoesTo::Leaves,
                Some(first) => GoesTo::Joins(first.index),
                None if alert.cicd => GoesTo::Announced,
                None => GoesTo::New,
            };
            let service = service::find(&self.files.services, &alert);
            let incident = match goes_to {
                GoesTo::New => Some(
                    self.incident(
                        &alert,
                        service.as_ref().ok().copied(),
                        &fingerprint,
                        delivery.left_out,
                        now,
                    )
                    .await?,
                ),
                _ => None,
            };
            plans.push(AlertPlan {
                index,
                fitting: service.as_ref().map_or_else(
                    |_| Vec::new(),
                    |service| fitting(&self.files.playbooks, &alert, service),
                ),
                fingerprint,
                recipe: recipes::choose(&self.recipes.recipes, &alert),
                alert,
                goes_to,
                service,
                incident,
            });
        }
        Ok(plans)
    }

    /// The incident that an alert would open, after the static analysis and the guardrails.
    async fn incident(
        &self,
        alert: &Alert,
        service: Option<&Service>,
        fingerprint: &Fingerprint,
        left_out: u64,
        now: Timestamp,
    ) -> Result<Incident, Failure> {
        let firing = Firing {
            left_out,
            ..Firing::from_alert(alert)
        };
        let mut change = IncidentChange::open(
            fresh_incident_id(now),
            fingerprint.clone(),
            alert.clone(),
            &firing,
            now,
        );
        let alert = change.incident.alert.clone();
        let rule = self.analyzer.rules.rule(&alert, false);
        let rule = rule.ok_or_else(|| {
            Failure::wrong(format!(
                "{RULES} has no rule for the type {}",
                alert.alert_type.as_str()
            ))
        })?;
        let analysis = static_analyzer::analyse(rule, &alert, service);
        let around = Surroundings::of(&self.files.services, service, &change.incident, None);
        let analysis = around.over(analysis, &alert, &[]);
        let counts = match (&self.store, &analysis.named_cause) {
            (Some((store, _)), Some(named)) => store.cause_counts(named).await?,
            _ => OutcomeCounts::default(),
        };
        let diagnosis = Diagnosis {
            analysis: analysis.weighed(Some(counts)),
            evidence: Vec::new(),
        };
        let known = match &self.store {
            Some((store, control)) => {
                let tables = (store, control);
                propose::gather(tables, &self.files, &self.limits, (&alert, None), now).await
            }
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
            signing: Signing::OnlyShown,
        };
        decide(&mut change, &diagnosis, rules, now);
        Ok(change.incident)
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
