//! Fixtures of all models: ids, times, an alert, an incident, a plan, and who may decide on it.

use std::collections::BTreeMap;

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertSeverity, AlertStatus, Texts};
use domain::analysis::{Analysis, BlastRadius, DataImpact, Responsibility, Risk, Severity};
use domain::episode::Firing;
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Head;
use domain::notification::channels::Channels;
use domain::playbook::plan::{Plan, PlannedStep};
use domain::primitives::id::{Fingerprint, IncidentId, MemberId};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::kept::{Kept, digest_of};

/// So many seconds after the beginning of a history.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + seconds)
}

/// The id of the incident with this number, from 0 to 9.
pub(crate) fn incident_id(number: usize) -> IncidentId {
    match IncidentId::try_from(format!("{number:026}")) {
        Ok(id) => id,
        Err(error) => unreachable!("26 digits are a ULID: {error}"),
    }
}

/// The number of an incident.
pub(crate) fn number_of(id: &IncidentId) -> usize {
    id.as_str().parse().unwrap_or_default()
}

pub(crate) fn member(number: u8) -> MemberId {
    match MemberId::try_from(format!("m{number}")) {
        Ok(id) => id,
        Err(error) => unreachable!("a letter and a digit are a member's id: {error}"),
    }
}

fn alert() -> Alert {
    let labels: Texts = [("alertname", "TargetDown"), ("component", "web")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let source = "alertmanager";
    let alert = AlertTables::default().alert(
        AlertStatus::Firing,
        source,
        labels,
        Texts::new(),
        at(0),
        member(1),
    );
    Alert {
        severity: AlertSeverity::Warning,
        ..alert
    }
}

/// What every alert of a history is about.
pub(crate) fn subject() -> Fingerprint {
    fingerprint(&alert(), &[])
}

/// An incident that has just been opened.
pub(crate) fn incident() -> Incident {
    let alert = alert();
    let firing = Firing::from_alert(&alert);
    let (id, subject) = (incident_id(1), subject());
    IncidentChange::open(id, subject, alert, &firing, at(0)).incident
}

/// An incident without the end of its log: two histories that lead to the same incident are one
/// state. Of its parts these change in the models.
pub(crate) fn kept(mut incident: Incident) -> Kept<Incident> {
    incident.log_head = Head::start(&incident.id);
    Kept::by_parts(incident, |it| {
        let plan = it
            .plan
            .as_ref()
            .map(|plan| (plan.round, plan.rollback.len()));
        let analysis = it.analysis.as_ref().map(|analysis| analysis.urgency.level);
        let times = (it.resolved_at, it.flaps, it.hit_count);
        let before = (
            it.earlier_repairs.len(),
            it.guardrails.len(),
            &it.recurrence,
        );
        digest_of(&(
            (it.status, it.severity, times, analysis, plan),
            (&it.approval, &it.repair, &it.reanalysis, &it.claim, before),
        ))
    })
}

pub(crate) fn analysis(urgency: Severity) -> Analysis {
    Analysis {
        action_title: String::new(),
        description: String::new(),
        root_cause: String::new(),
        suggested_action: String::new(),
        suggested_command: None,
        urgency: urgency.into(),
        named_cause: None,
        confidence: None,
        blast_radius: BlastRadius {
            affected_pods: 1,
            estimated_downtime: String::new(),
            related_services: Vec::new(),
            peers: None,
            data_impact: DataImpact::None,
        },
        translations: BTreeMap::new(),
        descriptions: BTreeMap::new(),
        affected_services: Vec::new(),
        primary_responsibility: Responsibility::App,
        optimisation_suggestions: Vec::new(),
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

/// A plan of one step, one check and one step that takes it back. None of them may run twice,
/// except the check.
pub(crate) fn plan() -> Plan {
    let step = |word: &str| PlannedStep {
        argv: vec![word.to_owned()],
        timeout_seconds: 60,
        ..PlannedStep::default()
    };
    Plan {
        playbook: "restart".into(),
        playbook_name: "Restart".to_owned(),
        risk: Risk::Low,
        risk_because: Vec::new(),
        target: "web".into(),
        address: "ssh quell@10.0.0.1:22 ssh-ed25519 AAAA".to_owned(),
        unscoped: false,
        parameters: BTreeMap::new(),
        facts: Vec::new(),
        steps: vec![step("restart")],
        verify: vec![step("check")],
        rollback: vec![step("undo")],
        round: 1,
        score: 4,
        reasons: Vec::new(),
    }
}

/// Ada, by two accounts, and bob may decide at once, carol after ten minutes, mallory never.
pub(crate) fn channels() -> Channels {
    let file = json!({
        "people": {
            "ada": { "telegram": 7, "slack": "U7" }, "bob": { "telegram": 8, "api": true },
            "carol": { "telegram": 9 }, "mallory": { "telegram": 10 },
        },
        "approvals": [{ "people": ["ada", "bob"], "then": ["carol"], "escalate_after_seconds": 600 }],
    });
    match serde_json::from_value(file) {
        Ok(channels) => channels,
        Err(error) => unreachable!("the file has its shape: {error}"),
    }
}
