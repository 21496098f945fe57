//! Mapping of senders' words to Quell's: alert names to types, label values to severities, label
//! names to targets. The original service's tables are built in; an operator's `alert-tables.json`
//! extends them without a new build.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use wildmatch::WildMatch;

use crate::alert::pod_name::normalise_pod;
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
pub struct AlertTables {
    /// Types of alert names, before the built-in table.
    alert_types: BTreeMap<String, AlertType>,
    /// Severities of values of the label `severity` in lower case, before the built-in table.
    severities: BTreeMap<String, AlertSeverity>,
    /// The labels that name the target, the most telling first; the alert's name follows them.
    target_labels: Vec<String>,
    /// The annotations that tell people what is wrong, the best first; the alert's name follows them.
    message_annotations: Vec<String>,
    /// Which alerts report on a delivery pipeline.
    cicd: CicdNames,
}

/// The names of alerts that only report what a delivery pipeline does: shown in a short format, never analysed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "an object with the lists alertnames and patterns"
)]
struct CicdNames {
    alertnames: Vec<String>,
    /// Patterns in which `*` matches any text, and `?` one character; compiled once, because every
    /// alert is compared with them.
    #[serde(deserialize_with = "patterns")]
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
            target_labels: texts(&["component", "pod", "instance"]),
            message_annotations: texts(&["summary", "description"]),
            cicd: CicdNames::default(),
        }
    }
}

impl AlertTables {
    /// What is wrong with the tables beyond their shape: each a field and a sentence.
    pub fn errors(&self) -> Vec<(String, String)> {
        let patterns: Vec<String> = self.cicd.patterns.iter().map(WildMatch::pattern).collect();
        let lists = [
            ("target_labels", &self.target_labels),
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
            .unwrap_or_else(|| AlertType::of_alert_name(name))
    }

    fn severity(&self, value: &str) -> AlertSeverity {
        self.severities
            .get(&value.to_lowercase())
            .copied()
            .unwrap_or_else(|| AlertSeverity::of_label(value))
    }

    /// An alert from a sender's labels and annotations. The target is the first target label that
    /// is present, the message the first message annotation; the alert's name is the default of
    /// both.
    pub fn alert(
        &self,
        status: AlertStatus,
        source: &str,
        labels: Texts,
        annotations: Texts,
        starts_at: Timestamp,
        member: MemberId,
    ) -> Alert {
        let label = |name: &str| {
            labels
                .get(name)
                .map(String::as_str)
                .filter(|value| !value.is_empty())
        };
        let name = label("alertname").unwrap_or("UnknownAlert");
        let named = self
            .target_labels
            .iter()
            .find_map(|key| Some((key.as_str(), label(key)?)));
        let target = named.map_or(name, |(_, value)| value);
        let normalised_target = if named.is_some_and(|(key, _)| key == "pod") {
            normalise_pod(target)
        } else {
            target
        };
        let told = self
            .message_annotations
            .iter()
            .find_map(|key| annotations.get(key).filter(|text| !text.is_empty()));
        Alert {
            name: cut(name, NAME_CHARACTERS),
            alert_type: self.alert_type(name),
            severity: label("severity")
                .map_or(AlertSeverity::Warning, |value| self.severity(value)),
            status,
            source: cut(source, NAME_CHARACTERS),
            namespace: cut(label("namespace").unwrap_or("default"), NAME_CHARACTERS),
            target: cut(target, NAME_CHARACTERS),
            normalised_target: cut(normalised_target, NAME_CHARACTERS),
            message: cut(told.map_or(name, String::as_str), ANNOTATION_CHARACTERS),
            cicd: self.is_cicd(name),
            starts_at,
            member,
            generator_url: None,
            labels,
            annotations,
        }
    }
}

#[cfg(test)]
#[path = "classification_tests.rs"]
mod tests;
