//! An incident: what people work on; one per episode.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::{Alert, AlertSeverity};
use super::analysis::{Analysis, Severity};
use super::approval::Approval;
use super::draft::Draft;
use super::id::{Fingerprint, IncidentId};
use super::operation_log::{Event, Head, News};
use super::plan::Plan;
use super::repair::Repair;

/// Where the work on an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not analysed yet.
    Open,
    /// A plan waits for a decision.
    AwaitingApproval,
    /// Analysed, and no playbook fits: a human has to work on it.
    NeedsHuman,
    /// The plan was approved; its repair has not started.
    Approved,
    /// The plan was rejected.
    Rejected,
    /// The repair runs.
    Repairing,
    /// The repair ran and was verified; the alert has not resolved yet.
    Repaired,
    /// The repair failed, or its effect is unknown (`unknown-is-failure`).
    RepairFailed,
    /// Every alert of the episode has resolved.
    Resolved,
}

impl Status {
    /// The status as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::AwaitingApproval => "awaiting_approval",
            Self::NeedsHuman => "needs_human",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Repairing => "repairing",
            Self::Repaired => "repaired",
            Self::RepairFailed => "repair_failed",
            Self::Resolved => "resolved",
        }
    }
}

/// An incident and all that is known about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// Whose episode opened it.
    pub fingerprint: Fingerprint,
    /// Where the work stands.
    pub status: Status,
    /// How bad it is.
    pub severity: Severity,
    /// The alert that opened it, bounded (see [`Alert::bounded`]).
    pub alert: Alert,
    /// The sightings as of the last change; the episode has the exact count.
    pub hit_count: u64,
    /// How often it fired again after a resolve.
    pub flaps: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When every alert of the episode had resolved.
    pub resolved_at: Option<Timestamp>,
    /// The analyzer's finding.
    pub analysis: Option<Analysis>,
    /// What would repair it.
    pub plan: Option<Plan>,
    /// Why there is no plan, where the analyzer found none.
    pub no_plan_because: Option<String>,
    /// The request for a decision on the plan.
    pub approval: Option<Approval>,
    /// The run of the plan.
    pub repair: Option<Repair>,
    /// The end of its operation log.
    pub log_head: Head,
    /// Counts the saves, for optimistic locking.
    pub version: u64,
}

impl Incident {
    /// A new incident, with its first log entry.
    #[must_use]
    pub fn open(id: IncidentId, fingerprint: Fingerprint, alert: Alert, hit_count: u64, now: Timestamp) -> Draft {
        let severity = match alert.severity {
            AlertSeverity::Critical => Severity::P1,
            AlertSeverity::Warning => Severity::P2,
            AlertSeverity::Info => Severity::P3,
        };
        let context = serde_json::json!({
            "source": alert.source, "alertname": alert.name, "fingerprint": fingerprint, "member": alert.member,
            "auto_repair": alert.allows_auto_repair(), "hit_count": hit_count,
        });
        let news = News::new(Event::AlertReceived, "ingress", &alert.message).with(context);
        let mut draft = Draft::of(Self {
            log_head: Head::start(&id),
            id,
            fingerprint,
            status: Status::Open,
            severity,
            alert: alert.bounded(),
            hit_count,
            flaps: 0,
            opened_at: now,
            resolved_at: None,
            analysis: None,
            plan: None,
            no_plan_because: None,
            approval: None,
            repair: None,
            version: 0,
        });
        draft.record(now, news);
        draft
    }

    /// True while people or Quell still have something to do about it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status != Status::Resolved
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::Timestamp;

    use super::Incident;
    use crate::domain::alert::{Alert, AlertStatus, Texts};
    use crate::domain::draft::Draft;
    use crate::domain::fingerprint::fingerprint;
    use crate::domain::id::{IncidentId, MemberId};
    use crate::domain::operation_log::{Event, Head};

    pub(crate) fn opened() -> Draft {
        let labels: Texts = [("alertname", "TargetDown"), ("component", "web")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let member = MemberId::try_from("m1").expect("a member id");
        let alert = Alert::from_labels(AlertStatus::Firing, "alertmanager", labels, Texts::new(), Timestamp::UNIX_EPOCH, member);
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
        let fingerprint = fingerprint(&alert, &[]);
        Incident::open(id, fingerprint, alert, 1, Timestamp::UNIX_EPOCH)
    }

    /// An incident whose log is empty, so that tests see only their own entries.
    pub(crate) fn incident() -> Incident {
        let mut incident = opened().incident;
        incident.log_head = Head::start(&incident.id);
        incident
    }

    #[test]
    fn an_incident_begins_with_its_alert_in_the_log() {
        let draft = opened();
        assert_eq!((draft.entries.len(), draft.entries[0].event, draft.entries[0].sequence), (1, Event::AlertReceived, 1));
        assert_eq!(draft.incident.log_head.sequence, 1);
    }
}
