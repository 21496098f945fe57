//! Severity of an incident: that of the worst of its alerts, and of its analysis.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::alert::{Alert, AlertSeverity};
use crate::analysis::urgency::of_alert;
use crate::incident::Status;
use crate::incident::change::IncidentChange;
use crate::incident::guardrail::{Guardrail, GuardrailOutcome};
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::parts::WorseAlert;

impl IncidentChange {
    /// An alert joined that is worse than those before: the card shows its text.
    pub fn worsened(&mut self, worse: &Alert, hit_count: u64, now: Timestamp) {
        self.escalated(worse.severity, hit_count, now);
        let worse = worse.clone().bounded();
        self.incident.worse.push(WorseAlert {
            severity: worse.severity,
            name: worse.name,
            target: worse.target,
            message: worse.message,
        });
    }

    /// What fires is worse than before.
    pub fn escalated(&mut self, severity: AlertSeverity, hit_count: u64, now: Timestamp) {
        let context = self.severity_becomes(severity, hit_count);
        // A pending request shows the current severity. A decided plan keeps what the decision
        // was based on.
        let waits = self.incident.status == Status::AwaitingApproval;
        let asked = self
            .incident
            .guardrails
            .iter_mut()
            .find(|outcome| outcome.guardrail == Guardrail::Severity);
        if let Some(asked) = asked.filter(|_| waits && severity == AlertSeverity::Critical) {
            *asked = GuardrailOutcome::never_by_itself(self.incident.severity);
        }
        // Before it: of the two, the later one is told.
        self.end_snooze_of_worse(now);
        self.record(
            now,
            LogRecord::new(Event::SeverityEscalated, "ingress", "a worse alert joined")
                .with(context),
        );
        if self.incident.status == Status::Closed {
            // It was closed for what it was then.
            self.open_again();
        }
    }

    /// The worst alert has ended, and what goes on is milder.
    pub fn eased(&mut self, severity: AlertSeverity, hit_count: u64, now: Timestamp) {
        if severity >= self.incident.alert.severity {
            return;
        }
        let context = self.severity_becomes(severity, hit_count);
        self.incident.worse.retain(|it| it.severity <= severity);
        let news = LogRecord::new(Event::SeverityEased, "ingress", "the worst alert has ended");
        self.record(now, news.with(context));
    }

    fn severity_becomes(&mut self, severity: AlertSeverity, hit_count: u64) -> serde_json::Value {
        let before = self.incident.alert.severity;
        self.incident.opened_as.get_or_insert(before);
        self.incident.alert.severity = severity;
        self.incident.hit_count = hit_count;
        self.rate();
        serde_json::json!({ "from": before, "to": severity })
    }

    /// Sets the severity from the analysis, or from the alert where there is none. Alerts that are
    /// worse than the one that was analysed raise it, and milder ones lower it.
    pub(super) fn rate(&mut self) {
        let incident = &mut self.incident;
        let now = incident.alert.severity;
        let opened_as = incident.opened_as.unwrap_or(now);
        let analysed = incident.analysis.as_ref();
        let found = analysed.map_or(of_alert(opened_as), |it| it.urgency.level);
        // P0 sorts before P1.
        incident.severity = match now.cmp(&opened_as) {
            Ordering::Greater => found.min(of_alert(now)),
            Ordering::Less => found.max(of_alert(now)),
            Ordering::Equal => found,
        };
    }
}
