//! The static analyzer: a finding for every alert type from the alert and the registry alone. It always answers.
//!
//! It is the seam for models: another provider returns the same [`Analysis`], and this one stands in when it fails.

use shared::domain::alert::{Alert, AlertSeverity, AlertType, cut};
use shared::domain::analysis::{Analysis, BlastRadius, DataImpact, Responsibility, Risk};
use shared::domain::service::Service;

/// How sure a rule about a known type is; there was no look at any metric.
const RULE_CONFIDENCE: f64 = 0.6;
/// How sure it is about an alert of which only the name is known.
const GUESS_CONFIDENCE: f64 = 0.3;
/// How much of an alert's message goes into the description.
const MESSAGE_CHARACTERS: usize = 500;

/// What is known about one type of alert.
struct Rule {
    title: &'static str,
    root_cause: &'static str,
    action: &'static str,
    downtime: &'static str,
    risk: Risk,
    responsibility: Responsibility,
    advice: &'static str,
}

fn rule(alert_type: AlertType) -> Rule {
    match alert_type {
        AlertType::K8sNodeFailure => Rule {
            title: "Bring the node back or drain it",
            root_cause: "The node stopped reporting: its kubelet, its network or the machine itself has failed.",
            action: "Look at the node's kubelet and network; cordon and drain it if it does not return within minutes.",
            downtime: "~5m",
            risk: Risk::High,
            responsibility: Responsibility::Infra,
            advice: "Spread replicas over nodes with a topology constraint, so that one node takes no service down.",
        },
        AlertType::K8sPodCrash => Rule {
            title: "Restart the workload and read its last log",
            root_cause: "The container ends soon after it starts: a bad release, a missing dependency, or too little memory.",
            action: "Read the log of the previous container; restart the workload, or roll the last release back.",
            downtime: "~30s",
            risk: Risk::Medium,
            responsibility: Responsibility::App,
            advice: "Give the container a start-up probe and a memory limit that fits what it uses.",
        },
        AlertType::DbConnectionTimeout => Rule {
            title: "Free the database's connections",
            root_cause: "The database does not answer in time: its connections are used up, or a query holds them.",
            action: "Look for long queries and idle transactions; restart the pool, not the database.",
            downtime: "~1m",
            risk: Risk::High,
            responsibility: Responsibility::Database,
            advice: "Bound the pool of every client and set a statement timeout.",
        },
        AlertType::Service404 => Rule {
            title: "Restart the service that does not answer",
            root_cause: "The target does not answer: its process has ended or hangs, or the way to it is cut.",
            action: "Check the process on its host and restart it; if it runs, look at the network between.",
            downtime: "~30s",
            risk: Risk::Medium,
            responsibility: Responsibility::App,
            advice: "Let a supervisor restart the process, and alert on restarts instead of on absence.",
        },
        AlertType::HighCpu => Rule {
            title: "Find what uses the processor",
            root_cause: "The load outgrew the processor: more requests than usual, a busy loop, or a noisy neighbour.",
            action: "Compare the request rate with last week's; scale out if it grew, take a profile if it did not.",
            downtime: "0s",
            risk: Risk::Medium,
            responsibility: Responsibility::App,
            advice: "Scale on processor use before the alert's threshold.",
        },
        AlertType::HighMemory => Rule {
            title: "Stop the growth before the kernel does",
            root_cause: "Memory use grows towards its limit: a leak, a cache without a bound, or more load.",
            action: "Restart the workload to gain time; take a heap profile before, if it can wait.",
            downtime: "~30s",
            risk: Risk::Medium,
            responsibility: Responsibility::App,
            advice: "Bound caches, and set the limit from the measured peak.",
        },
        AlertType::DiskFull => Rule {
            title: "Free space on the file system",
            root_cause: "The file system fills up: logs, old packages or data that nobody deletes.",
            action: "Delete rotated logs and package caches; grow the volume if data is what grew.",
            downtime: "0s",
            risk: Risk::High,
            responsibility: Responsibility::Infra,
            advice: "Alert on the time until it is full, not on a percentage.",
        },
        AlertType::SslExpiry => Rule {
            title: "Renew the certificate",
            root_cause: "The certificate was not renewed in time: the renewal job failed or does not exist.",
            action: "Run the renewal by hand and read why the job did not.",
            downtime: "0s",
            risk: Risk::Medium,
            responsibility: Responsibility::Infra,
            advice: "Alert on the renewal job itself, weeks before the expiry.",
        },
        AlertType::Custom => Rule {
            title: "Look at the alert",
            root_cause: "Nothing is known about this kind of alert beyond what it says itself.",
            action: "Read the alert and its runbook; add a playbook if it comes back.",
            downtime: "unknown",
            risk: Risk::Medium,
            responsibility: Responsibility::Human,
            advice: "Give the alert a runbook_url annotation.",
        },
    }
}

const STORM: Rule = Rule {
    title: "Find what the alerts have in common",
    root_cause: "So many incidents within a minute seldom have as many causes: a network, a node, a database or a release that all need.",
    action: "Look at what the listed targets share, and repair that first; the alerts resolve with it.",
    downtime: "unknown",
    risk: Risk::High,
    responsibility: Responsibility::Collab,
    advice: "Let Alertmanager inhibit what follows from a shared cause.",
};

/// The finding for an alert.
#[must_use]
pub fn analyse(alert: &Alert, service: Option<&Service>) -> Analysis {
    let confidence = if alert.alert_type == AlertType::Custom { GUESS_CONFIDENCE } else { RULE_CONFIDENCE };
    by(rule(alert.alert_type), confidence, alert, service)
}

/// The finding for the alert of a storm.
#[must_use]
pub fn storm(alert: &Alert) -> Analysis {
    by(STORM, RULE_CONFIDENCE, alert, None)
}

fn by(rule: Rule, confidence: f64, alert: &Alert, service: Option<&Service>) -> Analysis {
    let affected = service.map_or(alert.normalised_target.as_str(), |service| service.name.as_str());
    Analysis {
        action_title: rule.title.to_owned(),
        description: format!("{} on {} in {}: {}", alert.name, alert.target, alert.namespace, cut(&alert.message, MESSAGE_CHARACTERS)),
        root_cause: rule.root_cause.to_owned(),
        suggested_action: rule.action.to_owned(),
        suggested_command: None,
        risk: risk(rule.risk, alert.severity),
        confidence,
        blast_radius: BlastRadius {
            affected_pods: 1,
            estimated_downtime: rule.downtime.to_owned(),
            related_services: service.and_then(|service| service.redundancy_group.clone()).into_iter().collect(),
            data_impact: DataImpact::None,
        },
        affected_services: vec![affected.to_owned()],
        primary_responsibility: rule.responsibility,
        optimisation_suggestions: vec![rule.advice.to_owned()],
        deviation: None,
        provider: "static".to_owned(),
        model: None,
        tokens: 0,
        price_micro_usd: 0,
        duration_ms: 0,
    }
}

/// The type's risk, one step up for a critical alert, low for one that only informs.
fn risk(of_type: Risk, severity: AlertSeverity) -> Risk {
    match (severity, of_type) {
        (AlertSeverity::Info, _) => Risk::Low,
        (AlertSeverity::Warning, risk) => risk,
        (AlertSeverity::Critical, Risk::Low) => Risk::Medium,
        (AlertSeverity::Critical, Risk::Medium) => Risk::High,
        (AlertSeverity::Critical, Risk::High | Risk::Critical) => Risk::Critical,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use shared::domain::alert::{Alert, AlertStatus, AlertType, Texts};
    use shared::domain::analysis::Risk;
    use shared::domain::id::MemberId;
    use shared::domain::tables::AlertTables;

    use super::analyse;

    fn alert(alert_type: AlertType, severity: &str) -> Alert {
        let labels =
            Texts::from([("alertname".into(), "A".into()), ("component".into(), "web".into()), ("severity".into(), severity.into())]);
        let member = MemberId::try_from("m").expect("a member id");
        let alert = AlertTables::default().alert(AlertStatus::Firing, "test", labels, Texts::new(), Timestamp::UNIX_EPOCH, member);
        Alert { alert_type, ..alert }
    }

    #[test]
    fn it_answers_for_every_type() {
        for alert_type in AlertType::ALL {
            let analysis = analyse(&alert(alert_type, "warning"), None);
            assert!(!analysis.root_cause.is_empty() && !analysis.suggested_action.is_empty());
            assert!((0.0..=1.0).contains(&analysis.confidence));
            assert_eq!(analysis.affected_services, ["web"]);
        }
    }

    #[test]
    fn severity_moves_the_risk() {
        let risk = |alert_type, severity| analyse(&alert(alert_type, severity), None).risk;
        assert_eq!(risk(AlertType::DiskFull, "critical"), Risk::Critical);
        assert_eq!(risk(AlertType::HighCpu, "critical"), Risk::High);
        assert_eq!(risk(AlertType::HighCpu, "warning"), Risk::Medium);
        assert_eq!(risk(AlertType::DiskFull, "info"), Risk::Low);
    }

    #[test]
    fn hostile_text_is_carried_as_text() {
        let mut hostile = alert(AlertType::Custom, "warning");
        hostile.message = "$(reboot) <b>".repeat(1_000);
        let analysis = analyse(&hostile, None);
        assert!(analysis.description.contains("$(reboot) <b>") && analysis.description.chars().count() < 600);
        assert_eq!(analysis.suggested_command, None);
    }
}
