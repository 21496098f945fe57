//! Verdicts on alert rules: what is wrong with one, why that is said, and what to do about it. None is a score.

use domain::incident::response::CloseReason;
use domain::phrase;
use domain::primitives::phrase::Phrase;

use crate::companion::{Companion, WITHIN};
use crate::sample::Rule;

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// People closed its incidents as false alarms.
    FalseAlarms { count: usize, of: usize },
    /// It fires again shortly after it has resolved.
    Flaps { flaps: u64, incidents: usize },
    /// It is over before a person or a repair has a hand in it.
    EndsByItself {
        count: usize,
        of: usize,
        /// Half of them were open for no longer.
        minutes: i64,
    },
    /// It hardly ever fires without another rule.
    AlwaysWith(Companion),
    /// No person and no repair had a hand in any of its incidents.
    NeverActedOn { count: usize },
}

impl Verdict {
    /// Its name, for programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::FalseAlarms { .. } => CloseReason::FalseAlarm.as_str(),
            Self::Flaps { .. } => "flaps",
            Self::EndsByItself { .. } => "ends_by_itself",
            Self::AlwaysWith(_) => "always_with",
            Self::NeverActedOn { .. } => "never_acted_on",
        }
    }

    /// What it rests on.
    pub fn why(&self) -> Phrase {
        match self {
            Self::FalseAlarms { count, of } => phrase!(
                "False alarms: people closed {count} of {of} incidents as false alarms.",
                count,
                of
            ),
            Self::Flaps { flaps, incidents } => phrase!(
                "Flaps: in {incidents} incidents it fired again {flaps} times shortly after it had resolved.",
                incidents,
                flaps
            ),
            Self::EndsByItself { count, of, minutes } => phrase!(
                "Ends by itself: {count} of {of} incidents were over before a person or a repair acted, half of them within {minutes} min.",
                count,
                of,
                minutes
            ),
            Self::AlwaysWith(Companion {
                rule, times, of, ..
            }) => phrase!(
                "Always with {rule}: in {times} of {of} incidents that one opened in the same service within {minutes} min.",
                rule = rule.name,
                times,
                of,
                minutes = WITHIN.as_mins()
            ),
            Self::NeverActedOn { count } => phrase!(
                "Never acted on: in {count} incidents no person took one, decided, wrote a note or closed one, and no repair ran.",
                count
            ),
        }
    }

    /// What to do about it. `for` and `keep_firing_for` are Prometheus' own fields
    /// (<https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/>).
    pub fn advice(&self) -> Phrase {
        match self {
            Self::FalseAlarms { .. } => phrase!(
                "Change its expression or its threshold, so that it fires only where people have to act. If nothing is left, delete it."
            ),
            Self::Flaps { .. } => phrase!(
                "Give the rule a longer `for`, and a `keep_firing_for` that is longer than its pauses."
            ),
            Self::EndsByItself { minutes, .. } => phrase!(
                "Give the rule a `for` of more than {minutes} min: what is over by then calls no one.",
                minutes
            ),
            Self::AlwaysWith(Companion { rule, equal, .. }) if equal.is_empty() => phrase!(
                "Give both rules a label that says what they are about, such as `service`. Then let {rule} inhibit it in Alertmanager.",
                rule = rule.name
            ),
            Self::AlwaysWith(Companion { rule, .. }) => phrase!(
                "Let {rule} inhibit it in Alertmanager, which then sends only the cause:",
                rule = rule.name
            ),
            Self::NeverActedOn { .. } => phrase!(
                "Lower its severity, so that it calls no one, or delete it. If it should be acted on, say how in its runbook."
            ),
        }
    }

    /// What to write into Alertmanager's configuration, where that is known
    /// (<https://prometheus.io/docs/alerting/latest/configuration/#inhibit_rule>).
    pub fn change(&self, rule: &Rule) -> Option<String> {
        let Self::AlwaysWith(Companion {
            rule: other, equal, ..
        }) = self
        else {
            return None;
        };
        // Without labels to compare, one alert of the other rule would mute this one everywhere.
        let first = equal.first()?;
        let rest = equal[1..].iter().map(|name| format!(", {}", quoted(name)));
        let equal: String = std::iter::once(quoted(first)).chain(rest).collect();
        let (source, target) = (matcher(&other.name), matcher(&rule.name));
        Some(format!(
            "inhibit_rules:\n  - source_matchers: [{source}]\n    target_matchers: [{target}]\n    equal: [{equal}]\n"
        ))
    }
}

/// A matcher of an alert's name as a text of YAML.
fn matcher(name: &str) -> String {
    let escaped: String = name
        .chars()
        .map(|character| match character {
            '"' | '\\' => format!("\\{character}"),
            '\n' => "\\n".to_owned(),
            other => other.to_string(),
        })
        .collect();
    quoted(&format!("alertname=\"{escaped}\""))
}

/// A text in single quotes, in which YAML knows no escape but the quote itself (<https://yaml.org/spec/1.2.2/#732-single-quoted-style>).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
