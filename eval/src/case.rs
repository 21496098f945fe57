//! Cases of the evaluation set: alerts as their rule sets send them, each with the right answer.

use std::path::Path;

use analyzer::static_analyzer;
use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{AlertSeverity, AlertStatus, AlertType, Texts};
use domain::analysis::{Analysis, Risk};
use domain::episode::Firing;
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::IncidentKind;
use domain::playbook::service::{Service, find};
use domain::policy::matching::{Choice, PastSuccess, choose};
use domain::primitives::id::{IncidentId, MemberId};
use jiff::Timestamp;
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::OperatorFiles;
use serde::Deserialize;

/// An alert and what is right for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The name of its file.
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(rename = "about")]
    _about: String,
    alert: Sent,
    pub(crate) expected: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    labels: Texts,
    annotations: Texts,
}

/// What is right for an alert.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) alert_type: AlertType,
    pub(crate) severity: AlertSeverity,
    pub(crate) target: String,
    pub(crate) playbook: Option<String>,
    pub(crate) risk: Risk,
}

/// What Quell makes of an alert before any model is asked.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) incident: Incident,
    pub(crate) service: Option<&'a Service>,
    pub(crate) playbook: Option<String>,
    pub(crate) base: Analysis,
}

/// Everything that an answer depends on.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) operator: OperatorFiles,
    pub(crate) analyzer: AnalyzerFiles,
    pub(crate) tables: AlertTables,
}

impl Case {
    /// The cases of a directory whose names contain a text, in the order of their names.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub(crate) fn all(directory: &Path, only: &str) -> Result<Vec<Self>, String> {
        let unreadable = |error: std::io::Error| format!("{}: {error}", directory.display());
        let entries = std::fs::read_dir(directory)
            .map_err(unreadable)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        files.sort();
        let named = files
            .into_iter()
            .filter_map(|file| Some((file.file_stem()?.to_str()?.to_owned(), file)));
        let cases = named
            .filter(|(name, _)| name.contains(only))
            .map(|(name, file)| {
                let text = std::fs::read_to_string(&file)
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                let case: Self = serde_json::from_str(&text)
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                Ok(Self { name, ..case })
            });
        cases.collect()
    }

    /// The alert as Quell sees it when its sender delivers it.
    ///
    /// # Errors
    /// If there is no rule for it.
    pub(crate) fn seen<'a>(&self, files: &'a Files) -> Result<Seen<'a>, String> {
        let member = MemberId::try_from("evaluation").map_err(|error| error.to_string())?;
        let now = Timestamp::UNIX_EPOCH;
        let alert = files.tables.alert(
            AlertStatus::Firing,
            "alertmanager",
            self.alert.labels.clone(),
            self.alert.annotations.clone(),
            now,
            member,
        );
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")
            .map_err(|error| error.to_string())?;
        let firing = Firing::from_alert(&alert);
        let incident =
            IncidentChange::open(id, fingerprint(&alert, &[]), alert, &firing, now).incident;
        let service = find(&files.operator.services, &incident.alert);
        let rule = files
            .analyzer
            .rules
            .rule(&incident.alert, false)
            .ok_or("no rule is for this type")?;
        let base = static_analyzer::analyse(rule, &incident.alert, service.as_ref().ok().copied());
        let playbook = match choose(
            &files.operator.playbooks,
            &incident.alert,
            service.clone(),
            &PastSuccess::new(),
            None,
        ) {
            // What a delivery pipeline reports is shown and never repaired.
            Choice::Plan(plan) if incident.kind != IncidentKind::Pipeline => {
                Some(plan.playbook.into())
            }
            _ => None,
        };
        Ok(Seen {
            incident,
            service: service.ok(),
            playbook,
            base,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use playbook_files::analyzer_files::AnalyzerFiles;
    use playbook_files::operator_files::OperatorFiles;
    use settings::alert_tables;

    use super::{Case, Files};

    /// What tables and playbooks decide is right for every alert of the set. The risk is a judgement, and not for a test.
    #[test]
    fn what_no_model_decides_is_right_for_every_alert() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let files = Files {
            operator: OperatorFiles::load(&project.join("eval/config"))
                .expect("the services of the evaluation"),
            analyzer: AnalyzerFiles::load(&project.join("config")).expect("the shipped files"),
            tables: alert_tables::load(&project.join("config")).expect("the shipped tables"),
        };
        let cases = Case::all(&project.join("eval/alerts"), "").expect("the alerts");
        assert!(cases.len() >= 40, "{}", cases.len());
        let mut wrong = Vec::new();
        for case in cases {
            let seen = case.seen(&files).expect("a rule");
            let alert = &seen.incident.alert;
            let found = (
                alert.alert_type,
                alert.severity,
                alert.normalised_target.as_str(),
                seen.playbook.as_ref(),
            );
            let expected = &case.expected;
            let right = (
                expected.alert_type,
                expected.severity,
                expected.target.as_str(),
                expected.playbook.as_ref(),
            );
            if found != right {
                wrong.push(format!("{}: {found:?}, not {right:?}", case.name));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
