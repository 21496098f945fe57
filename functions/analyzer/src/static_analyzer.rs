//! The static analyzer: a finding for every alert from the alert, the registry and the operator's
//! rules. It always answers.

use std::collections::BTreeMap;

use domain::alert::{Alert, AlertSeverity};
use domain::analysis::static_rule::StaticRule;
use domain::analysis::{Analysis, BlastRadius, Risk};
use domain::playbook::placeholder::fill;
use domain::playbook::service::Service;
use domain::primitives::safe_text::{cut, is_plain_word};

/// How much of an alert's message goes into the description.
const MESSAGE_CHARACTERS: usize = 500;

/// The finding of a rule for an alert.
pub fn analyse(rule: &StaticRule, alert: &Alert, service: Option<&Service>) -> Analysis {
    let affected = service.map_or(alert.normalised_target.as_str(), |service| {
        service.name.as_str()
    });
    Analysis {
        action_title: rule.title.clone(),
        description: described(alert),
        root_cause: rule.root_cause.clone(),
        suggested_action: rule.action.clone(),
        suggested_command: rule
            .command
            .as_ref()
            .map(|command| suggested(command, alert, affected)),
        risk: risk(rule.risk, alert.severity),
        confidence: rule.confidence,
        rule_confidence: rule.confidence,
        rule_claims_no_cause: rule.claims_no_cause,
        blast_radius: BlastRadius {
            affected_pods: 1,
            estimated_downtime: rule.downtime.clone(),
            related_services: service
                .and_then(|service| service.redundancy_group.clone())
                .into_iter()
                .collect(),
            data_impact: rule.data_impact,
        },
        translations: rule.translations(alert),
        descriptions: BTreeMap::new(),
        affected_services: vec![affected.to_owned()],
        primary_responsibility: rule.responsibility,
        optimisation_suggestions: if rule.suggests(alert) {
            rule.suggestions.clone()
        } else {
            Vec::new()
        },
        deviation: None,
        cause: None,
        no_cause_because: None,
        remembered: None,
        fell_back_because: None,
        provider: "static".to_owned(),
        model: None,
        tokens: 0,
        price_micro_usd: 0,
        duration_ms: 0,
        trace_id: None,
    }
}

/// What the alert itself says: names and its own words, which need no translation.
fn described(alert: &Alert) -> String {
    let names = [
        Some(alert.name.as_str()),
        Some(&alert.target),
        alert.namespace_of_subject(),
    ];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    format!(
        "{}: {}",
        names.join(" · "),
        cut(&alert.message, MESSAGE_CHARACTERS)
    )
}

/// A command for a human with the alert's own names in it. People copy it into a shell: a name that a shell could read as anything but
/// a word stays out.
fn suggested(command: &str, alert: &Alert, service: &str) -> String {
    let names = [
        ("target", alert.target.as_str()),
        ("namespace", &alert.namespace),
        ("alertname", &alert.name),
        ("service", service),
    ];
    let values = names.map(|(name, value)| {
        let shown = if is_plain_word(value) {
            value.to_owned()
        } else {
            format!("<{name}>")
        };
        (name.to_owned(), shown)
    });
    fill(command, &BTreeMap::from(values))
}

/// The rule's risk, one step up for a critical alert, low for one that only informs.
fn risk(of_rule: Risk, severity: AlertSeverity) -> Risk {
    match (severity, of_rule) {
        (AlertSeverity::Info, _) => Risk::Low,
        (AlertSeverity::Warning, risk) => risk,
        (AlertSeverity::Critical, Risk::Low) => Risk::Medium,
        (AlertSeverity::Critical, Risk::Medium) => Risk::High,
        (AlertSeverity::Critical, Risk::High | Risk::Critical) => Risk::Critical,
    }
}

#[cfg(test)]
mod tests {
    use domain::alert::classification::AlertTables;
    use domain::alert::{Alert, AlertStatus, AlertType, Texts};
    use domain::analysis::Risk;
    use domain::primitives::id::MemberId;
    use jiff::Timestamp;

    use crate::tests::analysed;

    fn alert(alert_type: AlertType, severity: &str) -> Alert {
        let labels = Texts::from([
            ("alertname".into(), "A".into()),
            ("component".into(), "web".into()),
            ("severity".into(), severity.into()),
        ]);
        let member = MemberId::try_from("m").expect("a member id");
        let alert = AlertTables::default().alert(
            AlertStatus::Firing,
            "test",
            labels,
            Texts::new(),
            Timestamp::UNIX_EPOCH,
            member,
        );
        Alert {
            alert_type,
            ..alert
        }
    }

    #[test]
    fn it_answers_for_every_type() {
        for alert_type in AlertType::ALL {
            let analysis = analysed(&alert(alert_type, "warning"));
            assert!(!analysis.root_cause.is_empty() && !analysis.suggested_action.is_empty());
            assert_eq!(analysis.affected_services, ["web"]);
        }
    }

    #[test]
    fn nothing_is_suggested_that_is_there() {
        let mut alert = alert(AlertType::Custom, "warning");
        let suggested = |alert: &Alert| {
            let analysis = analysed(alert);
            let translated = analysis.translations.into_values();
            let mut all = vec![analysis.optimisation_suggestions];
            all.extend(translated.map(|texts| texts.suggestions));
            all
        };
        let without = suggested(&alert);
        assert!(without.len() > 1, "another language at least: {without:?}");
        assert!(
            without
                .iter()
                .all(|texts| texts.iter().any(|text| text.contains("runbook_url")))
        );
        alert.annotations.insert("runbook_url".into(), " ".into());
        assert_eq!(suggested(&alert), without, "a blank leads nowhere");
        for name in ["runbook_url", "runbook"] {
            alert.annotations = Texts::from([(name.into(), "https://runbooks.example/a".into())]);
            assert!(suggested(&alert).iter().all(Vec::is_empty), "{name}");
        }
    }

    #[test]
    fn severity_moves_the_risk() {
        let risk = |alert_type, severity| analysed(&alert(alert_type, severity)).risk;
        assert_eq!(risk(AlertType::DiskFull, "critical"), Risk::Critical);
        assert_eq!(risk(AlertType::HighCpu, "critical"), Risk::High);
        assert_eq!(risk(AlertType::HighCpu, "warning"), Risk::Medium);
        assert_eq!(risk(AlertType::DiskFull, "info"), Risk::Low);
    }

    #[test]
    fn hostile_text_is_carried_as_text() {
        let mut hostile = alert(AlertType::Custom, "warning");
        hostile.message = "$(reboot) <b>".repeat(1_000);
        let analysis = analysed(&hostile);
        assert!(
            analysis.description.contains("$(reboot) <b>")
                && analysis.description.chars().count() < 600
        );
        assert_eq!(analysis.suggested_command, None);
    }

    #[test]
    fn a_command_to_copy_holds_no_name_that_a_shell_would_read() {
        let mut pod = alert(AlertType::K8sPodCrash, "warning");
        assert_eq!(
            analysed(&pod).suggested_command.as_deref(),
            Some("kubectl -n default logs web --previous --tail=100")
        );
        for hostile in [
            "$(reboot)",
            "a;b",
            "-rf",
            "a b",
            "{namespace}",
            "",
            "`x`",
            "a\nb",
        ] {
            pod.target = hostile.to_owned();
            let command = analysed(&pod).suggested_command.expect("a command");
            assert_eq!(
                command, "kubectl -n default logs <target> --previous --tail=100",
                "{hostile}"
            );
        }
    }
}
