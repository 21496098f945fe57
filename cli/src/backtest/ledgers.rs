//! Ledgers of targets and groups, and the runs of playbooks, in memory: the guardrails ask them. They begin empty.

use std::collections::HashMap;

use analyzer::propose::StoreFacts;
use domain::alert::Alert;
use domain::incident::Incident;
use domain::incident::parts::Recurrence;
use domain::playbook::service;
use domain::policy::attempt_ledger::{Asked, Attempt, GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::matching::{Choice, PastSuccess, choose, undecided};
use domain::policy::playbook_run::{PlaybookRecord, PlaybookRun};
use domain::policy::track_record::RunCounts;
use jiff::Timestamp;
use store::RUNS_READ;

use super::configuration::Configuration;

/// The ledgers and records of a replay.
#[derive(Debug, Default)]
pub(crate) struct Ledgers {
    targets: HashMap<String, TargetLedger>,
    groups: HashMap<String, GroupLedger>,
    playbooks: HashMap<String, Known>,
}

/// What is known of a playbook.
#[derive(Debug, Default)]
struct Known {
    record: PlaybookRecord,
    runs: Vec<PlaybookRun>,
}

impl Ledgers {
    /// What a store that had seen this replay would say about the plan for an alert.
    pub(crate) fn facts(
        &self,
        configuration: &Configuration,
        alert: &Alert,
        now: Timestamp,
    ) -> StoreFacts {
        let Configuration { files, limits, .. } = configuration;
        let service = service::find(&files.services, alert);
        let known = service.as_ref().ok().copied();
        let past: PastSuccess = undecided(&files.playbooks, alert, known, None)
            .into_iter()
            .map(|playbook| {
                let known = self.playbooks.get(playbook);
                let runs = known.map_or(&[][..], |known| known.runs.as_slice());
                let counts = RunCounts::of(runs, &limits.autonomy, now);
                (playbook.to_owned(), counts)
            })
            .collect();
        let readings = match choose(&files.playbooks, alert, service, &past, None) {
            Choice::Plan(plan) => self.readings(files.asked(&plan)),
            Choice::None(_) => GuardrailInputs::default(),
        };
        StoreFacts { past, readings }
    }

    fn readings(&self, asked: Asked<'_>) -> GuardrailInputs {
        let known = self.playbooks.get(asked.playbook.as_str());
        let group = asked.group.and_then(|group| self.groups.get(group));
        let target = self.targets.get(asked.target.as_str());
        GuardrailInputs {
            killed: Some(false),
            target: Some(target.cloned().unwrap_or_default()),
            group: Some(group.cloned().unwrap_or_default()),
            record: Some(known.map(|known| known.record).unwrap_or_default()),
            runs: Some(
                known
                    .filter(|_| asked.runs)
                    .map(|known| known.runs.clone())
                    .unwrap_or_default(),
            ),
            ..GuardrailInputs::default()
        }
    }

    /// Enters the attempt of a plan that begins to run, for at most this long.
    pub(crate) fn enter(
        &mut self,
        configuration: &Configuration,
        incident: &Incident,
        now: Timestamp,
        until: Timestamp,
    ) {
        let (Some(plan), Some(approval)) = (&incident.plan, &incident.approval) else {
            return;
        };
        let attempt = Attempt {
            approval_id: approval.id.clone(),
            playbook: plan.playbook.clone(),
            at: now,
        };
        let target = plan.target.as_str();
        self.targets
            .entry(target.to_owned())
            .or_default()
            .record(attempt);
        if let Some(group) = configuration.files.group_of(plan) {
            let most = configuration.files.at_once(&configuration.limits, group);
            let ledger = self.groups.entry(group.to_owned()).or_default();
            ledger.admit(target, &approval.id, now, until, most);
        }
    }

    /// Takes the target of a plan that has run out of its group.
    pub(crate) fn leave(&mut self, configuration: &Configuration, incident: &Incident) {
        let (Some(plan), Some(approval)) = (&incident.plan, &incident.approval) else {
            return;
        };
        let group = configuration.files.group_of(plan);
        if let Some(ledger) = group.and_then(|group| self.groups.get_mut(group)) {
            ledger.leave(plan.target.as_str(), &approval.id);
        }
    }

    /// Counts a run that has ended.
    pub(crate) fn ran(&mut self, run: PlaybookRun) {
        let known = self.playbooks.entry(run.playbook.to_string()).or_default();
        let record = &mut known.record;
        *if run.verified {
            &mut record.verified
        } else {
            &mut record.failed
        } += 1;
        record.last_run = record.last_run.max(Some(run.at));
        known.runs.push(run);
        // The table gives the newest ones.
        let old = known.runs.len().saturating_sub(RUNS_READ as usize);
        known.runs.drain(..old);
    }

    /// Notes that the alert of a run came back.
    pub(crate) fn recurred(&mut self, recurrence: &Recurrence) {
        let Some(known) = self.playbooks.get_mut(recurrence.playbook.as_str()) else {
            return;
        };
        let run =
            known.runs.iter_mut().rev().find(|run| {
                run.incident_id == recurrence.incident_id && run.round == recurrence.round
            });
        if let Some(run) = run.filter(|run| run.recurred_at.is_none()) {
            run.recurred_at = Some(recurrence.at);
            known.record.recurred += 1;
        }
    }
}
