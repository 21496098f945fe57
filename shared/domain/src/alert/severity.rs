//! Severity of an alert, from its sender's words.

use serde::{Deserialize, Serialize};

/// The sender's view of how bad it is, ordered from mild to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum AlertSeverity {
    Info,
    Warning,
    Critical,
}

impl AlertSeverity {
    /// The severity of a label's value, in any case and with spaces, dashes and underscores where its sender likes them. Like the
    /// original, anything unknown is a warning.
    ///
    /// The words are those of syslog (RFC 5424), Zabbix, PagerDuty, Opsgenie, Checkmk and Grafana, the levels `P0`–`P5`, `S0`–`S5` and
    /// `SEV0`–`SEV5` of incident handbooks, and their bare numbers.
    pub fn of_label(value: &str) -> Self {
        let word: String = value
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        let level = ["severity", "priority", "level", "sev", "p", "s", ""]
            .iter()
            .find_map(|prefix| word.strip_prefix(prefix)?.parse::<u8>().ok());
        match (level, word.as_str()) {
            // A bare 0 is the best of one product's levels, and the worst of another's.
            (Some(0), "0") => Self::Warning,
            (Some(0 | 1), _) => Self::Critical,
            (Some(4 | 5), _) => Self::Info,
            (
                _,
                "critical" | "crit" | "fatal" | "emergency" | "emerg" | "panic" | "alert"
                | "disaster" | "blocker" | "severe" | "major" | "urgent" | "high" | "highest"
                | "error" | "err" | "page" | "pager" | "down",
            ) => Self::Critical,
            (
                _,
                "info" | "informational" | "information" | "low" | "lowest" | "notice" | "none"
                | "ok" | "normal" | "debug" | "trace" | "trivial" | "notclassified" | "cleared",
            ) => Self::Info,
            _ => Self::Warning,
        }
    }

    /// Its place in the order (0 info, 1 warning, 2 critical), as the store compares it.
    pub fn rank(self) -> u8 {
        self as u8
    }

    /// The severity with this rank.
    pub fn of_rank(rank: u8) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical]
            .into_iter()
            .find(|severity| severity.rank() == rank)
    }
}

#[cfg(test)]
mod tests {
    use super::AlertSeverity::{self, Critical, Info, Warning};

    #[test]
    fn words_of_the_common_senders_are_known() {
        for (severity, words) in [
            (
                Critical,
                "critical CRITICAL P0 p1 S1 sev1 SEV-1 sev_0 1 urgent major Disaster blocker emerg severe page high",
            ),
            (
                Warning,
                "warning warn P2 p3 S2 sev-3 2 3 minor Average medium ticket 0 what",
            ),
            (
                Info,
                "info Information informational P4 P5 sev5 4 5 none ok notice debug low",
            ),
        ] {
            for word in words.split(' ') {
                assert_eq!(AlertSeverity::of_label(word), severity, "{word}");
            }
        }
        for (word, severity) in [
            (" critical ", Critical),
            ("Not classified", Info),
            ("", Warning),
            ("Severity 1", Critical),
        ] {
            assert_eq!(AlertSeverity::of_label(word), severity, "{word}");
        }
    }
}
