//! Public rule sets: the alerts of each of their rules for two different objects, and which object is meant.

use std::collections::BTreeMap;
use std::path::Path;

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::subject::SubjectKind;
use domain::alert::{Alert, AlertStatus, AlertType, Texts};
use domain::primitives::id::MemberId;
use jiff::Timestamp;
use serde::Deserialize;

/// A rule set, as `eval/rule_sets` holds it.
#[derive(Debug, Deserialize)]
pub(crate) struct RuleSet {
    rules: Vec<Rule>,
}

/// A rule, and the alerts that it makes.
#[derive(Debug, Deserialize)]
pub(crate) struct Rule {
    pub(crate) alertname: String,
    /// What is meant; none where the expression keeps no label that names it.
    #[serde(default)]
    pub(crate) object: Option<Object>,
    labels_a: Texts,
    #[serde(default)]
    labels_b: Option<Texts>,
    /// The first alert again, after its exporter was started elsewhere.
    #[serde(default)]
    labels_a_after_exporter_moved: Option<Texts>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Object {
    pub(crate) label: String,
    pub(crate) a: String,
    pub(crate) b: String,
}

/// What Quell makes of the alerts of a rule set.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// How many alerts have an object, and what is taken for the object where it is wrong.
    pub(crate) targets: usize,
    pub(crate) wrong_targets: Vec<String>,
    /// Pairs of different objects, and those that became one incident.
    pub(crate) pairs: usize,
    pub(crate) merged: Vec<String>,
    /// Alerts whose exporter moved, and those that became another incident.
    pub(crate) moves: usize,
    pub(crate) split: Vec<String>,
    /// Names of rules, and those of which neither type nor subject is known by a rule.
    pub(crate) names: usize,
    pub(crate) unknown: Vec<String>,
}

impl RuleSet {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
        serde_json::from_str(&text).map_err(|error| unreadable(&error))
    }

    /// What the tables make of every alert.
    pub(crate) fn coverage(&self, tables: &AlertTables) -> Coverage {
        let mut coverage = Coverage::default();
        let mut known: BTreeMap<&str, bool> = BTreeMap::new();
        for rule in &self.rules {
            let name = &rule.alertname;
            let one = alert(tables, name, &rule.labels_a);
            let has_rule = tables.rules().of(name).next().is_some();
            let entry = known.entry(name).or_default();
            *entry |= has_rule || one.alert_type != AlertType::Custom;
            if tables.rules().is_heartbeat(name) || tables.rules().is_noise(name) {
                *entry = true;
                continue;
            }
            let other = rule
                .labels_b
                .as_ref()
                .map(|labels| alert(tables, name, labels));
            if let Some(object) = &rule.object {
                let found = [(Some(&one), &object.a), (other.as_ref(), &object.b)];
                for (alert, expected) in found {
                    let Some(alert) = alert else { continue };
                    coverage.targets += 1;
                    if alert.target != *expected {
                        coverage.wrong_targets.push(format!(
                            "{name}: {} ({}), not {} {expected}",
                            alert.target, alert.subject.named_by, object.label
                        ));
                    }
                }
            }
            // Pods of one workload are one thing on purpose.
            let of_one_workload = |other: &Alert| {
                one.subject.kind == SubjectKind::Pod
                    && one.normalised_target == other.normalised_target
                    && one.target != other.target
            };
            if let Some(other) = &other
                && rule.labels_a != *other_labels(rule)
                && !of_one_workload(other)
            {
                coverage.pairs += 1;
                if fingerprint(&one, &[]) == fingerprint(other, &[]) {
                    coverage
                        .merged
                        .push(format!("{name} ({})", one.subject.named_by));
                }
            }
            if let Some(labels) = &rule.labels_a_after_exporter_moved {
                coverage.moves += 1;
                let moved = alert(tables, name, labels);
                if fingerprint(&one, &[]) != fingerprint(&moved, &[]) {
                    coverage
                        .split
                        .push(format!("{name} ({})", one.subject.named_by));
                }
            }
        }
        coverage.names = known.len();
        let unknown = known.into_iter().filter(|(_, known)| !known);
        coverage.unknown = unknown.map(|(name, _)| name.to_owned()).collect();
        coverage
    }
}

fn other_labels(rule: &Rule) -> &Texts {
    rule.labels_b.as_ref().unwrap_or(&rule.labels_a)
}

fn alert(tables: &AlertTables, name: &str, labels: &Texts) -> Alert {
    let mut labels = labels.clone();
    labels.insert("alertname".to_owned(), name.to_owned());
    tables.alert(
        AlertStatus::Firing,
        "alertmanager",
        labels,
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        MemberId::unnumbered(),
    )
}

impl Coverage {
    /// The row of the table in `docs/operations.md`.
    pub(crate) fn row(&self, name: &str) -> String {
        let known = self.names - self.unknown.len();
        let right = self.targets - self.wrong_targets.len();
        let (merged, split) = (self.merged.len(), self.split.len());
        let (names, targets, pairs, moves) = (self.names, self.targets, self.pairs, self.moves);
        format!(
            "| {name} | {known} of {names} | {right} of {targets} | {merged} of {pairs} | {split} of {moves} |"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use domain::playbook::Playbook;
    use domain::playbook::service::Service;
    use domain::policy::matching::{Choice, PastSuccess, choose};
    use playbook_files::operator_files::OperatorFiles;
    use settings::alert_tables;

    use super::{Coverage, RuleSet, alert};

    /// The coverage of a rule set, which is the one that the documents tell.
    fn coverage(name: &str) -> Coverage {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tables = alert_tables::load(&project.join("config")).expect("the shipped tables");
        let file = project.join(format!("eval/rule_sets/{name}.json"));
        let coverage = RuleSet::load(&file).expect("rules").coverage(&tables);
        assert!(coverage.pairs > 50, "{coverage:?}");
        let told =
            std::fs::read_to_string(project.join("docs/operations.md")).expect("the document");
        let row = coverage.row(name);
        assert!(
            told.contains(&row),
            "docs/operations.md does not say\n{row}"
        );
        coverage
    }

    /// A playbook that names a rule is found for its alerts, on a service of the shipped registry that runs what the playbook repairs.
    #[test]
    fn a_playbook_is_found_for_every_rule_that_the_library_names() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tables = alert_tables::load(&project.join("config")).expect("the shipped tables");
        let files = OperatorFiles::load(&project.join("config")).expect("the shipped files");
        let (mut found, mut missing) = (0, Vec::new());
        for name in ["kube-prometheus", "awesome-prometheus-alerts"] {
            let file = project.join(format!("eval/rule_sets/{name}.json"));
            for rule in RuleSet::load(&file).expect("rules").rules {
                let names = |playbook: &&Playbook| {
                    let named = &playbook.matches.alertnames;
                    named.contains(&rule.alertname)
                };
                let alert = alert(&tables, &rule.alertname, &rule.labels_a);
                for playbook in files.playbooks.iter().filter(names) {
                    let fits = |service: &Service| {
                        let here = Service {
                            scope: None,
                            ..service.clone()
                        };
                        let choice = choose(
                            &files.playbooks,
                            &alert,
                            Ok(&here),
                            &PastSuccess::new(),
                            None,
                        );
                        matches!(choice, Choice::Plan(plan) if plan.playbook == playbook.id)
                    };
                    if files.services.iter().any(fits) {
                        found += 1;
                    } else {
                        missing.push(format!("{}: {}", rule.alertname, playbook.id));
                    }
                }
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
        assert!(found >= 10, "{found}");
    }

    #[test]
    fn awesome_prometheus_alerts_are_understood() {
        let found = coverage("awesome-prometheus-alerts");
        assert!(found.merged.is_empty(), "{:#?}", found.merged);
        assert!(found.split.is_empty(), "{:#?}", found.split);
        // 98 % of the subjects, and 60 % of the rules.
        assert!(
            found.wrong_targets.len() * 50 <= found.targets,
            "{:#?}",
            found.wrong_targets
        );
        assert!(
            found.unknown.len() * 10 <= found.names * 4,
            "{:#?}",
            found.unknown
        );
    }

    #[test]
    fn kube_prometheus_is_understood() {
        let found = coverage("kube-prometheus");
        assert!(found.merged.is_empty(), "{:#?}", found.merged);
        assert!(found.split.is_empty(), "{:#?}", found.split);
        assert!(found.wrong_targets.is_empty(), "{:#?}", found.wrong_targets);
        assert!(
            found.unknown.len() * 10 <= found.names,
            "{:#?}",
            found.unknown
        );
    }
}
