//! View of a playbook with its record.

use std::collections::BTreeMap;

use domain::playbook::Playbook;
use domain::policy::playbook_run::PlaybookRecord;
use jiff::Timestamp;
use serde::Serialize;

use crate::say::Moment;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlaybookView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) risk: &'static str,
    /// The worst severity at which it may run by itself; none if it never does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_up_to: Option<String>,
    /// True if it has to earn that by runs that held.
    pub(crate) earned: bool,
    pub(crate) matches: MatchView,
    /// Where each parameter comes from, and the pattern that its value has to match.
    pub(crate) parameters: BTreeMap<String, ParameterView>,
    pub(crate) steps: usize,
    pub(crate) checks: usize,
    pub(crate) record: RecordView,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct MatchView {
    pub(crate) alertnames: Vec<String>,
    pub(crate) alert_types: Vec<&'static str>,
    pub(crate) services: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ParameterView {
    pub(crate) from: String,
    pub(crate) pattern: String,
}

/// How its runs ended, over all targets.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct RecordView {
    pub(crate) verified: u64,
    pub(crate) failed: u64,
    pub(crate) recurred: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_run: Option<Timestamp>,
}

impl PlaybookView {
    pub(crate) fn of(playbook: &Playbook, record: PlaybookRecord) -> Self {
        let Playbook { auto, matches, .. } = playbook;
        Self {
            id: playbook.id.to_string(),
            name: playbook.name.clone(),
            risk: playbook.risk.as_str(),
            auto_up_to: auto.map(|auto| format!("{:?}", auto.max_severity)),
            earned: playbook.is_earned(),
            matches: MatchView {
                alertnames: matches.alertnames.clone(),
                alert_types: matches
                    .alert_types
                    .iter()
                    .map(|kind| kind.as_str())
                    .collect(),
                services: matches.services.clone(),
            },
            parameters: playbook
                .parameters
                .iter()
                .map(|(name, parameter)| {
                    let (from, pattern) = (parameter.from.clone(), parameter.pattern.clone());
                    (name.clone(), ParameterView { from, pattern })
                })
                .collect(),
            steps: playbook.steps.len(),
            checks: playbook.verify.len(),
            record: RecordView {
                verified: record.verified,
                failed: record.failed,
                recurred: record.recurred,
                last_run: record.last_run,
            },
        }
    }

    /// What it is for, in a line.
    pub(crate) fn fits(&self) -> String {
        let MatchView {
            alertnames,
            alert_types,
            services,
        } = &self.matches;
        let alerts = alertnames
            .iter()
            .map(String::as_str)
            .chain(alert_types.iter().copied());
        let mut fits = alerts.collect::<Vec<_>>().join(", ");
        if !services.is_empty() {
            fits.push_str(" @ ");
            fits.push_str(&services.join(", "));
        }
        fits
    }
}

impl RecordView {
    pub(crate) fn last(&self) -> Option<Moment> {
        self.last_run.map(Moment)
    }
}
