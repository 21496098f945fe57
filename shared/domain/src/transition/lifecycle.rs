//! Lifecycle changes of an incident, each with its log entry.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::alert::Alert;
use crate::analysis::Analysis;
use crate::analysis::evidence::Evidence;
use crate::analysis::urgency::of_alert;
use crate::episode::Firing;
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::change::IncidentChange;
use crate::incident::guardrail::{Guardrail, GuardrailOutcome};
use crate::incident::operation_log::{Event, Head, LogRecord};
use crate::incident::parts::{IncidentKind, Recurrence};
use crate::incident::repair::{EARLIER_KEPT, EarlierRepair};
use crate::incident::response::Response;
use crate::incident::{Incident, Status};
use crate::phrase;
use crate::primitives::id::{Fingerprint, IncidentId};
use crate::primitives::phrase::Phrase;
use crate::transition::decision::revocation::revoke;

/// The names of what several alerts are about; none where it is one thing.
fn several(targets: &BTreeSet<String>) -> Vec<String> {
    if targets.len() > 1 {
        targets.iter().cloned().collect()
    } else {
        Vec::new()
    }
}

impl IncidentChange {
    /// The incident that an alert opens, with its first log entry.
    pub fn open(
        id: IncidentId,
        fingerprint: Fingerprint,
        alert: Alert,
        firing: &Firing,
        now: Timestamp,
    ) -> Self {
        let kind = if alert.cicd {
            IncidentKind::Pipeline
        } else {
            IncidentKind::Alert
        };
        Self::open_as(kind, id, fingerprint, alert, firing, now)
    }

    pub(crate) fn open_as(
        kind: IncidentKind,
        id: IncidentId,
        fingerprint: Fingerprint,
        alert: Alert,
        firing: &Firing,
        now: Timestamp,
    ) -> Self {
        let (hit_count, alert_allows) = (firing.count, alert.allows_auto_repair());
        // Bounded before the log entry is built: incident and entry are items of the same table.
        let alert = alert.bounded();
        let severity = of_alert(alert.severity);
        let context = serde_json::json!({
            "source": alert.source, "alertname": alert.name, "fingerprint": fingerprint, "member": alert.member,
            "auto_repair": !firing.forbids_repair, "hit_count": hit_count,
        });
        let news = LogRecord::new(Event::AlertReceived, "ingress", &alert.message).with(context);
        let mut change = Self::new(Incident {
            log_head: Head::start(&id),
            id,
            fingerprint,
            status: if kind == IncidentKind::Pipeline {
                Status::Announced
            } else {
                Status::Open
            },
            kind,
            severity,
            alert,
            targets: several(&firing.targets),
            opened_as: None,
            worse: Vec::new(),
            hit_count,
            left_out: firing.left_out,
            group: firing.group.clone(),
            // Only the worst of the alerts of one delivery is kept, so its own labels may not say
            // this.
            auto_repair_forbidden: firing.forbids_repair && alert_allows,
            flaps: 0,
            opened_at: now,
            resolved_at: None,
            claim: None,
            evidence: Vec::new(),
            analysis: None,
            cause_counted: None,
            plan: None,
            no_plan_because: None,
            approval: None,
            guardrails: Vec::new(),
            earned: None,
            recurrence: None,
            repair: None,
            earlier_repairs: Vec::new(),
            earlier_repairs_left_out: 0,
            reanalysis: None,
            silence: None,
            logged_presses: Vec::new(),
            logged_stranger_presses: Vec::new(),
            silence_asked_at: None,
            silence_error: None,
            repair_silence: None,
            response: Response::default(),
            version: 0,
            stored_details: None,
        });
        change.record(now, news);
        change
    }

    /// Records the analyzer's finding and the evidence behind it.
    pub fn analysed(&mut self, analysis: Analysis, evidence: Vec<Evidence>, now: Timestamp) {
        if let Some(why) = &analysis.fell_back_because {
            self.record(
                now,
                LogRecord::new(Event::AnalysisFellBack, "analyzer", why.to_string()),
            );
        }
        let sources: Vec<_> = evidence.iter().map(|evidence| evidence.source).collect();
        let context = serde_json::json!({
            "provider": analysis.provider, "model": analysis.model, "urgency": analysis.urgency.level, "named_cause": analysis.named_cause, "confidence": analysis.confidence,
            "tokens": analysis.tokens, "price_micro_usd": analysis.price_micro_usd, "duration_ms": analysis.duration_ms,
            "evidence": sources, "trace_id": analysis.trace_id,
            "round": self.incident.reanalysis.as_ref().map_or(0, |asked| asked.round),
        });
        self.record(
            now,
            LogRecord::new(Event::AnalysisCompleted, "analyzer", &analysis.action_title)
                .with(context),
        );
        self.incident.claim = None;
        // They were about another cause.
        self.incident.response.cause = None;
        self.incident.cause_counted = None;
        self.incident.evidence = evidence;
        self.incident.analysis = Some(analysis);
        self.rate();
        // A later status is kept: the incident may have resolved during the analysis.
        if self.incident.status == Status::Open {
            self.incident.status = Status::NeedsHuman;
        }
    }

    /// Every alert of the episode has resolved: a pending decision becomes void, and a repair that
    /// has not started never starts.
    pub fn resolved(&mut self, hit_count: u64, now: Timestamp) {
        let detail = format!("every alert has resolved after {hit_count} sightings");
        let news = LogRecord::new(Event::IncidentResolved, "ingress", detail);
        self.ended(
            Status::Resolved,
            news,
            phrase!("the alert resolved"),
            hit_count,
            now,
        );
    }

    /// Alertmanager has none of the episode's alerts any more, and has not said so, as after a silence.
    pub fn ended_unheard(&mut self, hit_count: u64, now: Timestamp) {
        let detail = "Alertmanager has none of its alerts any more";
        let news = LogRecord::new(Event::IncidentResolved, "notifier", detail);
        self.ended(
            Status::Resolved,
            news,
            phrase!("the alert resolved"),
            hit_count,
            now,
        );
    }

    /// Nobody has heard of the incident's alerts for too long, and nobody can be asked
    /// (`nothing-forever`).
    pub fn expired(&mut self, why: &str, hit_count: u64, now: Timestamp) {
        let news = LogRecord::new(Event::IncidentExpired, "notifier", why);
        self.ended(
            Status::Expired,
            news,
            phrase!("the incident expired"),
            hit_count,
            now,
        );
    }

    fn ended(
        &mut self,
        status: Status,
        news: LogRecord,
        why: Phrase,
        hit_count: u64,
        now: Timestamp,
    ) {
        let actor = news.actor().to_owned();
        self.incident.resolved_at = Some(now);
        self.incident.hit_count = hit_count;
        self.record(now, news);
        revoke(self, &actor, why, now);
        // A repair under way keeps its status until it has ended, and what a person closed stays closed.
        if !matches!(self.incident.status, Status::Repairing | Status::Closed) {
            self.incident.status = status;
        }
    }

    /// An alert fired again inside the window. A void plan is proposed again, as a new plan.
    pub fn reopened(&mut self, flaps: u64, hit_count: u64, now: Timestamp) {
        let expired = self.incident.status == Status::Expired;
        let detail = if expired {
            "it fires still, after it had expired".to_owned()
        } else {
            format!("it fired again (flap {flaps})")
        };
        self.incident.resolved_at = None;
        self.incident.response.begin_again();
        self.incident.flaps = flaps;
        self.incident.hit_count = hit_count;
        self.record(
            now,
            LogRecord::new(Event::IncidentReopened, "ingress", detail),
        );
        // A repair under way keeps its plan and its status.
        if self.incident.status == Status::Repairing {
            return;
        }
        // What had not resolved did not recur.
        let recurrence = Recurrence::after_repair(&self.incident, now).filter(|_| !expired);
        if let Some(recurrence) = recurrence {
            self.incident.recurrence = Some(recurrence);
            // The analyzer counts the recurrence later. A person who is asked before that is
            // already asked at the lower level.
            self.incident.earned = self.incident.earned.map(AutonomyLevel::less);
        }
        self.put_repair_aside();
        if self.propose_again("ingress", now) {
            // A repair that did not last must not be repeated automatically.
            self.incident.guardrails = vec![GuardrailOutcome::blocked(
                Guardrail::EpisodeOpen,
                phrase!("the alert resolved, and fired again"),
            )];
            return;
        }
        self.incident.status = match self.incident.kind {
            IncidentKind::Pipeline => Status::Announced,
            IncidentKind::StormMember { .. } => Status::InStorm,
            _ if self.incident.analysis.is_some() => Status::NeedsHuman,
            _ => Status::Open,
        };
    }

    /// Moves the repair to the earlier ones to make room for the run of another plan. The last ones
    /// stay visible.
    pub(crate) fn put_repair_aside(&mut self) {
        let incident = &mut self.incident;
        let Some(repair) = incident
            .repair
            .take()
            .filter(|repair| repair.outcome.is_some() || !repair.steps.is_empty())
        else {
            return;
        };
        let playbook = incident
            .plan
            .as_ref()
            .map(|plan| plan.playbook_name.clone())
            .unwrap_or_default();
        incident
            .earlier_repairs
            .push(EarlierRepair { playbook, repair });
        // The incident is one item of bounded size: the oldest repairs are only counted.
        let too_many = incident.earlier_repairs.len().saturating_sub(EARLIER_KEPT);
        incident.earlier_repairs.drain(..too_many);
        incident.earlier_repairs_left_out += u32::try_from(too_many).unwrap_or(u32::MAX);
    }

    /// An alert joined whose label forbids a repair without a human, as none did before: it holds for the whole episode.
    pub fn auto_repair_forbidden(&mut self, now: Timestamp) {
        if !self.incident.allows_auto_repair() {
            return;
        }
        self.incident.auto_repair_forbidden = true;
        let news = LogRecord::new(
            Event::GuardrailBlocked,
            "ingress",
            Guardrail::AutoRepairLabel.as_str(),
        );
        self.record(
            now,
            news.failed(
                "the label auto_repair of an alert that joined forbids a repair without a human",
            ),
        );
    }

    /// More alerts joined. Counts arrive out of order; an older one changes nothing.
    pub fn converged(&mut self, hit_count: u64, now: Timestamp) {
        if hit_count <= self.incident.hit_count {
            return;
        }
        self.incident.hit_count = hit_count;
        let context = serde_json::json!({ "hit_count": hit_count });
        self.record(
            now,
            LogRecord::new(
                Event::AlertConverged,
                "ingress",
                format!("{hit_count} alerts so far"),
            )
            .with(context),
        );
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::{SignedDuration, Timestamp};

    use crate::alert::AlertSeverity;
    use crate::alert::classification::AlertTables;
    use crate::alert::fingerprint::fingerprint;
    use crate::alert::{AlertStatus, Texts};
    use crate::episode::Firing;
    use crate::incident::approval::{ApprovalState, Verdict};
    use crate::incident::change::IncidentChange;
    use crate::incident::operation_log::{Event, Head, verify};
    use crate::incident::{Incident, Status};
    use crate::playbook::plan::tests::plan;
    use crate::primitives::id::{IncidentId, MemberId};
    use crate::transition::decision::tests::{ada, decide_on, two};

    pub(crate) fn opened() -> IncidentChange {
        let labels: Texts = [("alertname", "TargetDown"), ("component", "web")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        let member = MemberId::try_from("m1").expect("a member id");
        let alert = AlertTables::default().alert(
            AlertStatus::Firing,
            "alertmanager",
            labels,
            Texts::new(),
            Timestamp::UNIX_EPOCH,
            member,
        );
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
        let fingerprint = fingerprint(&alert, &[]);
        let firing = Firing::from_alert(&alert);
        IncidentChange::open(id, fingerprint, alert, &firing, Timestamp::UNIX_EPOCH)
    }

    /// An incident whose log is empty, so that tests see only their own entries.
    pub(crate) fn incident() -> Incident {
        let mut incident = opened().incident;
        incident.log_head = Head::start(&incident.id);
        incident
    }

    #[test]
    fn an_incident_begins_with_its_alert_in_the_log() {
        let change = opened();
        assert_eq!(
            (
                change.entries.len(),
                change.entries[0].event,
                change.entries[0].sequence
            ),
            (1, Event::AlertReceived, 1)
        );
        assert_eq!(change.incident.log_head.sequence, 1);
    }

    fn events(change: &IncidentChange) -> Vec<Event> {
        change.entries.iter().map(|entry| entry.event).collect()
    }

    #[test]
    fn a_flap_asks_for_a_new_decision_on_a_new_plan() {
        let now = Timestamp::UNIX_EPOCH;
        let mut change = IncidentChange::new(incident());
        change.propose(plan(), now, SignedDuration::from_hours(1));
        let first = change.incident.approval.clone().expect("asked");
        change.resolved(3, now);
        assert_eq!(change.incident.status, Status::Resolved);
        assert!(matches!(
            change.incident.approval.as_ref().expect("kept").state,
            ApprovalState::Void { .. }
        ));
        change.reopened(1, 4, now);
        let second = change.incident.approval.clone().expect("asked again");
        assert_ne!(first.id, second.id);
        assert_eq!(change.incident.status, Status::AwaitingApproval);
        assert!(
            decide_on(
                &mut change,
                &first.id,
                &ada(Verdict::Approve, "p"),
                &two(),
                now
            )
            .is_err()
        );
        assert_eq!(
            events(&change),
            [
                Event::ApprovalRequested,
                Event::IncidentResolved,
                Event::ApprovalVoided,
                Event::IncidentReopened,
                Event::ApprovalRequested,
                Event::ApprovalRefused
            ]
        );
    }

    #[test]
    fn counts_that_arrive_late_change_nothing() {
        let mut change = IncidentChange::new(incident());
        let start = Head::start(&change.incident.id);
        assert_eq!(change.incident.log_head, start);
        change.converged(4, Timestamp::UNIX_EPOCH);
        change.converged(2, Timestamp::UNIX_EPOCH);
        assert_eq!((change.incident.hit_count, change.entries.len()), (4, 1));
        assert_eq!(
            verify(
                &change.incident.id,
                &change.entries,
                &change.incident.log_head
            ),
            Ok(())
        );
    }

    #[test]
    fn the_severity_and_the_text_are_those_of_the_worst_alert() {
        use crate::alert::Alert;
        use crate::analysis::Severity;

        let mut change = opened();
        change.incident.alert.severity = AlertSeverity::Info;
        change.incident.severity = Severity::P3;
        let now = Timestamp::UNIX_EPOCH;
        let worse = |severity, message: &str| Alert {
            severity,
            message: message.to_owned(),
            ..opened().incident.alert
        };
        let first = change.incident.alert.message.clone();
        let message = |change: &IncidentChange| change.incident.worst_texts().2.to_owned();
        change.worsened(&worse(AlertSeverity::Warning, "slow"), 2, now);
        assert_eq!(change.incident.severity, Severity::P2);
        change.worsened(&worse(AlertSeverity::Critical, "down"), 3, now);
        assert_eq!(change.incident.severity, Severity::P1);
        assert_eq!(message(&change), "down");
        change.eased(AlertSeverity::Critical, 3, now);
        assert_eq!(change.incident.severity, Severity::P1, "as bad as it was");
        change.eased(AlertSeverity::Warning, 3, now);
        assert_eq!(change.incident.severity, Severity::P2);
        assert_eq!(message(&change), "slow");
        change.eased(AlertSeverity::Info, 3, now);
        assert_eq!(change.incident.severity, Severity::P3);
        assert_eq!(message(&change), first);
        let eased = change
            .entries
            .iter()
            .filter(|entry| entry.event == Event::SeverityEased);
        assert_eq!(eased.count(), 2);
    }
}
