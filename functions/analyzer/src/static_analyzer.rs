//! The static analyzer: a finding for every alert from the alert, the registry and the operator's
//! rules. It always answers.

use std::collections::BTreeMap;

use domain::alert::{Alert, AlertSeverity};
use domain::analysis::named_cause::{CauseSource, NamedCause};
use domain::analysis::static_rule::StaticRule;
use domain::analysis::urgency::{Urgency, UrgencyBasis, UrgencyGround, of_alert, usual};
use domain::analysis::{Analysis, BlastRadius, Severity};
use domain::phrase;
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
        urgency: urgency(rule, alert),
        named_cause: (!rule.claims_no_cause).then(|| NamedCause {
            source: CauseSource::Static,
            cause: rule.subject.as_str().to_owned(),
            speaks_for: rule.speaks_for.clone(),
        }),
        confidence: None,
        blast_radius: BlastRadius {
            affected_pods: 1,
            estimated_downtime: rule.downtime.clone(),
            related_services: Vec::new(),
            peers: None,
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

/// What the sender says of it, and what the rule says of such alerts.
fn urgency(rule: &StaticRule, alert: &Alert) -> Urgency {
    let severity = match alert.severity {
        AlertSeverity::Info => "info",
        AlertSeverity::Warning => "warning",
        AlertSeverity::Critical => "critical",
    };
    let ground = |basis, level, why| UrgencyGround { basis, level, why };
    let by_sender = ground(
        UrgencyBasis::Sender,
        of_alert(alert.severity),
        phrase!("its sender calls it {severity}", severity),
    );
    let is_usual = ground(
        UrgencyBasis::Usual,
        usual(rule.risk, alert.severity),
        phrase!(
            "usual for {kind} at this severity",
            kind = rule.subject.as_str()
        ),
    );
    let is_at_stake = rule.data_at_stake && alert.severity > AlertSeverity::Info;
    let of_data = is_at_stake.then(|| {
        let why = phrase!("data can be lost meanwhile");
        ground(UrgencyBasis::Data, Severity::P1, why)
    });
    Urgency::of([by_sender, is_usual].into_iter().chain(of_data).collect())
}

#[cfg(test)]
mod tests {
    use domain::alert::classification::AlertTables;
    use domain::alert::{Alert, AlertStatus, AlertType, Texts};
    use domain::analysis::Severity;
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
    fn severity_of_the_sender_moves_the_urgency() {
        let urgency = |alert_type, severity| analysed(&alert(alert_type, severity)).urgency.level;
        assert_eq!(urgency(AlertType::DiskFull, "critical"), Severity::P0);
        assert_eq!(urgency(AlertType::HighCpu, "critical"), Severity::P1);
        assert_eq!(urgency(AlertType::HighCpu, "warning"), Severity::P2);
        assert_eq!(urgency(AlertType::DiskFull, "info"), Severity::P3);
    }

    #[test]
    fn rule_without_a_cause_names_none() {
        assert_eq!(
            analysed(&alert(AlertType::Custom, "warning")).named_cause,
            None
        );
        let named = analysed(&alert(AlertType::Service404, "warning")).named_cause;
        assert_eq!(named.expect("a cause").cause, "service_404");
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
