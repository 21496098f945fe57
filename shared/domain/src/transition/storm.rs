//! Storms: when many incidents open within a minute, people get one card for all of them, and only
//! one analysis is paid for.
//!
//! Each alert keeps its episode and its incident, with its count and its log. Incidents beyond the limit of their minute are members of
//! the storm's incident, which lists them and is over when the last of them is. Critical incidents have a limit of their own, so that
//! a flood of milder ones takes no card from them; those beyond it are named first on the storm's card.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::alert::subject::{Subject, SubjectKind};
use crate::alert::{Alert, AlertSeverity, AlertStatus, AlertType, Texts};
use crate::analysis::Severity;
use crate::episode::Firing;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::parts::{IncidentKind, Storm, StormMember};
use crate::incident::{Incident, Status};
use crate::primitives::digest::Digest;
use crate::primitives::id::{AlertGroupId, Fingerprint, IncidentId, MemberId};

/// How many of the members a storm shows by name.
const SHOWN: usize = 10;
/// How many alert names a storm counts separately. Members beyond these names are counted together.
const GROUPS: usize = 20;
/// How many of the critical ones a storm names: with texts of common length, they fit onto a card together with everything else.
pub const CRITICAL_SHOWN: usize = 40;

impl Storm {
    /// The summary of its list that a storm shows.
    pub fn summarise(lines: &[StormMember]) -> Self {
        let open = lines.iter().filter(|line| line.open);
        let shown = open
            .clone()
            .take(SHOWN)
            .map(|line| (line.name.clone(), line.target.clone()))
            .collect();
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for line in lines {
            let (members, open) = counts.entry(&line.name).or_default();
            *members += 1;
            *open += u64::from(line.open);
        }
        let mut groups: Vec<(String, u64, u64)> = counts
            .into_iter()
            .map(|(name, (members, open))| (name.to_owned(), members, open))
            .collect();
        groups.sort_by_key(|(_, members, open)| Reverse((*open, *members)));
        groups.truncate(GROUPS);
        let critical: Vec<&StormMember> = open.clone().filter(|line| line.critical).collect();
        let critical_open = critical.len() as u64;
        Self {
            members: lines.len() as u64,
            open: open.count() as u64,
            shown,
            groups,
            critical_open,
            critical: named(critical),
        }
    }

    /// The number of members, and of open ones, whose alert name is not among the groups.
    pub fn others(&self) -> (u64, u64) {
        let (members, open) = self
            .groups
            .iter()
            .fold((0, 0), |(all, up), (_, members, open)| {
                (all + members, up + open)
            });
        (
            self.members.saturating_sub(members),
            self.open.saturating_sub(open),
        )
    }
}

/// Those that are named, with their targets: the first of each alert's name, then the others, as many as there is room for.
fn named(critical: Vec<&StormMember>) -> Vec<(String, String)> {
    let mut names = BTreeSet::new();
    let (first, more): (Vec<&StormMember>, Vec<&StormMember>) = critical
        .into_iter()
        .partition(|line| names.insert(line.name.as_str()));
    first
        .into_iter()
        .chain(more)
        .take(CRITICAL_SHOWN)
        .map(|line| (line.name.clone(), line.target.clone()))
        .collect()
}

impl StormMember {
    /// The line of an incident in its storm's list, with the storm, if the incident is a member of one.
    pub fn from_incident(incident: &Incident) -> Option<(IncidentId, Self)> {
        let storm = incident.storm_id()?.clone();
        let Alert { name, target, .. } = &incident.alert;
        let (open, critical) = (incident.is_open(), is_critical(incident));
        Some((
            storm,
            Self {
                incident_id: incident.id.clone(),
                name: name.clone(),
                target: target.clone(),
                open,
                critical,
            },
        ))
    }
}

/// True for an incident that a storm must not hide: P0 or P1.
pub fn is_critical(incident: &Incident) -> bool {
    incident.severity <= Severity::P1
}

/// The minute since 1970 in which an incident was opened: storms are counted by it, also when a queue was late.
pub fn minute(opened_at: Timestamp) -> i64 {
    opened_at.as_second().div_euclid(60)
}

/// The alert that stands for the many of a storm.
fn storm_alert(name: &str, severity: AlertSeverity, message: String, now: Timestamp) -> Alert {
    Alert {
        name: name.to_owned(),
        alert_type: AlertType::Custom,
        severity,
        status: AlertStatus::Firing,
        source: "quell".to_owned(),
        namespace: "all".to_owned(),
        target: "many targets".to_owned(),
        normalised_target: "many targets".to_owned(),
        subject: Subject::of_sender(SubjectKind::Alert),
        message,
        labels: Texts::new(),
        annotations: Texts::new(),
        starts_at: now,
        member: MemberId::of_storm(),
        cicd: false,
        generator_url: None,
        sender_url: None,
        grouped_by: Vec::new(),
        alert_id: None,
        measurements: Texts::new(),
    }
}

impl IncidentChange {
    /// The incident of a storm, with its first log entry. No alert fires or resolves it: it is open
    /// as long as its members are.
    pub fn storm(id: IncidentId, minute: i64, limit: u64, now: Timestamp) -> Self {
        let message = format!("more than {limit} incidents opened within a minute");
        let alert = storm_alert("AlertStorm", AlertSeverity::Critical, message, now);
        let fingerprint = Digest::new()
            .field("storm")
            .field(minute.to_be_bytes())
            .into();
        Self::of_many(id, fingerprint, alert, now)
    }

    /// The incident for the many alerts of one rule that came in one group, of which `first` is one. It is as bad as they are.
    pub fn group(id: IncidentId, group: &AlertGroupId, first: &Alert, now: Timestamp) -> Self {
        let message = format!("many alerts of the rule {} came together", first.name);
        let alert = Alert {
            alert_type: first.alert_type,
            ..storm_alert(&first.name, first.severity, message, now)
        };
        let fingerprint = Digest::new().field("group").field(group.as_str()).into();
        let mut change = Self::of_many(id, fingerprint, alert, now);
        change.incident.group = Some(group.clone());
        change
    }

    fn of_many(id: IncidentId, fingerprint: Fingerprint, alert: Alert, now: Timestamp) -> Self {
        let nothing = Firing {
            count: 0,
            ..Firing::from_alert(&alert)
        };
        let kind = IncidentKind::Storm(Storm::default());
        Self::open_as(kind, id, fingerprint, alert, &nothing, now)
    }

    /// Makes an incident a part of a storm, instead of analysing it.
    pub fn join_storm(&mut self, storm: &IncidentId, now: Timestamp) {
        let context = serde_json::json!({ "storm": storm });
        self.record(
            now,
            LogRecord::new(
                Event::JoinedStorm,
                "analyzer",
                "it opened in a storm: see the storm's card",
            )
            .with(context),
        );
        self.incident.kind = IncidentKind::StormMember {
            storm: storm.clone(),
        };
        if self.incident.status == Status::Open {
            self.incident.status = Status::InStorm;
        }
    }

    /// Takes over what a look at the storm's list has found: it is over when nothing on it is open, and back when something is.
    pub fn storm_is(&mut self, found: Storm, now: Timestamp) {
        // Nothing leaves the list: a look that found less on it is older than the one that is known.
        let Some(known) = self
            .incident
            .storm()
            .filter(|known| known.members <= found.members)
        else {
            return;
        };
        let known = known.critical_open;
        let over = found.open == 0 && found.members > 0;
        let members = found.members;
        if found.critical_open > known {
            let context =
                serde_json::json!({ "critical_before": known, "critical": found.critical_open });
            let detail = format!(
                "{} critical incidents without a card of their own are part of the storm",
                found.critical_open
            );
            self.record(
                now,
                LogRecord::new(Event::SeverityEscalated, "notifier", detail).with(context),
            );
        }
        self.incident.kind = IncidentKind::Storm(found);
        // A person may have closed it while an incident of it opened again.
        let was_over =
            self.incident.resolved_at.is_some() || self.incident.status == Status::Closed;
        if over && self.incident.status == Status::Closed {
            self.incident.resolved_at.get_or_insert(now);
        }
        match (was_over, over) {
            (false, true) => {
                self.incident.resolved_at = Some(now);
                let detail =
                    format!("none of the {members} incidents of the storm is open any more");
                self.record(
                    now,
                    LogRecord::new(Event::IncidentResolved, "notifier", detail),
                );
                self.incident.status = Status::Resolved;
            }
            (true, false) => {
                self.incident.resolved_at = None;
                self.incident.response.begin_again();
                self.record(
                    now,
                    LogRecord::new(
                        Event::IncidentReopened,
                        "notifier",
                        "an incident of the storm is open again",
                    ),
                );
                self.incident.status = Status::NeedsHuman;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "storm_tests.rs"]
mod tests;
