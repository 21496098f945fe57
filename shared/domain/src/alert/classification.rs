//! Mapping of senders' words to Quell's: alert names to types, label values to severities, label
//! names to targets. The original service's tables are built in; an operator's `alert-tables.json`
//! extends them without a new build.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use wildmatch::WildMatch;

use crate::alert::alert_rules::AlertRules;
use crate::alert::identify::{Identified, identify};
use crate::alert::labels::said;
use crate::alert::pod_name::normalise;
use crate::alert::{
    ANNOTATION_CHARACTERS, Alert, AlertSeverity, AlertStatus, AlertType, NAME_CHARACTERS, Texts,
};
use crate::primitives::id::MemberId;
use crate::primitives::safe_text::cut;

/// The tables. Fields that a file leaves out are as built in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "an object with the fields of alert-tables.json"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertTables {
    /// Types of alert names, before the built-in table.
    alert_types: BTreeMap<String, AlertType>,
    /// Severities of values of the label `severity` in lower case, before the built-in table.
    severities: BTreeMap<String, AlertSeverity>,
    /// The labels with which senders say themselves what is meant, the most telling first: they come before every rule.
    subject_labels: Vec<String>,
    /// The annotations that tell people what is wrong, the best first; the alert's name follows them.
    message_annotations: Vec<String>,
    /// Which alerts report on a delivery pipeline.
    cicd: CicdNames,
    /// The rules of `alert-rules.json`, a file of its own.
    #[serde(skip)]
    rules: AlertRules,
}

/// The names of alerts that only report what a delivery pipeline does: shown in a short format, never analysed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "an object with the lists alertnames and patterns"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CicdNames {
    alertnames: Vec<String>,
    /// Patterns in which `*` matches any text, and `?` one character; compiled once, because every
    /// alert is compared with them.
    #[serde(deserialize_with = "patterns")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    patterns: Vec<WildMatch>,
}

fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<WildMatch>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|pattern| WildMatch::new(pattern))
        .collect())
}

impl Default for AlertTables {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            alert_types: BTreeMap::new(),
            severities: BTreeMap::new(),
            subject_labels: texts(&["component"]),
            message_annotations: texts(&["summary", "description"]),
            cicd: CicdNames::default(),
            rules: AlertRules::default(),
        }
    }
}

impl AlertTables {
    /// What is wrong with the tables beyond their shape: each a field and a sentence.
    pub fn errors(&self) -> Vec<(String, String)> {
        let patterns: Vec<String> = self.cicd.patterns.iter().map(WildMatch::pattern).collect();
        let lists = [
            ("subject_labels", &self.subject_labels),
            ("message_annotations", &self.message_annotations),
            ("cicd.alertnames", &self.cicd.alertnames),
            ("cicd.patterns", &patterns),
        ];
        let mut errors = Vec::new();
        for (name, list) in lists {
            for (i, value) in list.iter().enumerate() {
                if value.trim().is_empty() {
                    errors.push((format!("{name}[{i}]"), "must not be empty".to_owned()));
                } else if name == "cicd.patterns" && value.chars().all(|c| c == '*') {
                    errors.push((
                        format!("{name}[{i}]"),
                        "fits every alert, so that none would be analysed".to_owned(),
                    ));
                }
            }
        }
        for value in self
            .severities
            .keys()
            .filter(|value| value.to_lowercase() != **value)
        {
            errors.push((
                format!("severities.{value}"),
                "has to be in lower case: labels are compared in lower case".to_owned(),
            ));
        }
        errors
    }

    /// True if an alert of this name reports on a delivery pipeline.
    pub fn is_cicd(&self, name: &str) -> bool {
        let CicdNames {
            alertnames,
            patterns,
        } = &self.cicd;
        alertnames.iter().any(|known| known == name)
            || patterns.iter().any(|pattern| pattern.matches(name))
    }

    fn alert_type(&self, name: &str) -> AlertType {
        self.alert_types
            .get(name)
            .copied()
            .or_else(|| self.rules.alert_type(name))
            .unwrap_or_else(|| AlertType::of_alert_name(name))
    }

    fn severity(&self, value: &str) -> AlertSeverity {
        self.severities
            .get(&value.trim().to_lowercase())
            .copied()
            .unwrap_or_else(|| AlertSeverity::of_label(value))
    }

    /// The tables together with rules about alerts of known rule sets.
    #[must_use]
    pub fn with_rules(self, rules: AlertRules) -> Self {
        Self { rules, ..self }
    }

    /// The rules about alerts of known rule sets.
    pub fn rules(&self) -> &AlertRules {
        &self.rules
    }

    /// An alert from a sender's labels and annotations. The message is the first message annotation, or the alert's name.
    pub fn alert(
        &self,
        status: AlertStatus,
        source: &str,
        labels: Texts,
        annotations: Texts,
        starts_at: Timestamp,
        member: MemberId,
    ) -> Alert {
        let name = said(&labels, "alertname").unwrap_or("UnknownAlert");
        let cicd = self.is_cicd(name);
        let Identified {
            name: target,
            mut subject,
        } = identify(name, &labels, &self.subject_labels, &self.rules);
        if cicd {
            // Stage, commit and severity tell the reports of a pipeline apart; nothing else does.
            subject.apart.clear();
            subject.apart_digest = None;
        }
        let namespace = said(&labels, "namespace").filter(|_| !subject.kind.is_cluster_scoped());
        let told = self
            .message_annotations
            .iter()
            .find_map(|key| annotations.get(key).filter(|text| !text.is_empty()));
        Alert {
            name: cut(name, NAME_CHARACTERS),
            alert_type: self.alert_type(name),
            severity: said(&labels, "severity")
                .or_else(|| said(&labels, "priority"))
                .map_or(AlertSeverity::Warning, |value| self.severity(value)),
            status,
            source: cut(source, NAME_CHARACTERS),
            namespace: cut(namespace.unwrap_or(Alert::NO_NAMESPACE), NAME_CHARACTERS),
            target: cut(target, NAME_CHARACTERS),
            normalised_target: cut(normalise(subject.kind, target), NAME_CHARACTERS),
            subject,
            message: cut(told.map_or(name, String::as_str), ANNOTATION_CHARACTERS),
            cicd,
            starts_at,
            member,
            generator_url: None,
            sender_url: None,
            grouped_by: Vec::new(),
            alert_id: None,
            measurements: Texts::new(),
            labels,
            annotations,
        }
    }
}

#[cfg(test)]
#[path = "classification_tests.rs"]
mod tests;
