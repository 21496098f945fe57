//! Alerts of stored incidents, identified again by the tables of a configuration.

use domain::alert::classification::AlertTables;
use domain::alert::subject::Subject;
use domain::alert::{Alert, AlertStatus};

/// The alert as these tables would have it: its labels, annotations, sender and times are what was received, as far as an incident keeps them.
/// Of an alert whose sender names target, type and severity outright (a signed alert, a signal), those stay.
pub(crate) fn identified(tables: &AlertTables, stored: &Alert, status: AlertStatus) -> Alert {
    let alert = tables.alert(
        status,
        &stored.source,
        stored.labels.clone(),
        stored.annotations.clone(),
        stored.starts_at,
        stored.member.clone(),
    );
    let alert = Alert {
        generator_url: stored.generator_url.clone(),
        sender_url: stored.sender_url.clone(),
        grouped_by: stored.grouped_by.clone(),
        alert_id: stored.alert_id.clone(),
        measurements: stored.measurements.clone(),
        ..alert
    };
    if stored.subject.named_by != Subject::of_sender(stored.subject.kind).named_by {
        return alert;
    }
    Alert {
        alert_type: stored.alert_type,
        severity: stored.severity,
        ..alert
    }
    .about(&stored.target, &stored.namespace)
}
