//! Storms: when many incidents open within a minute, people get one card for all of them, and only
//! one analysis is paid for.
//!
//! Each alert keeps its episode and its incident, with its count and its log. Incidents beyond the limit of their minute are tied to
//! the storm's incident, which lists them and is over when the last of them is. Critical incidents have a limit of their own, so that
//! a flood of milder ones takes no card from them; those beyond it are named first on the storm's card.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::alert::{Alert, AlertSeverity, AlertStatus, AlertType, Texts};
use crate::analysis::Severity;
use crate::episode::Firing;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::parts::{IncidentKind, Storm, StormMember};
use crate::incident::{Incident, Status};
use crate::primitives::digest::Digest;
use crate::primitives::id::{IncidentId, MemberId};

/// How many of the tied incidents a storm shows by name.
const SHOWN: usize = 10;
/// How many alert names a storm counts separately. Members beyond these names are counted together.
const GROUPS: usize = 20;
/// How many of the critical ones a storm names: with texts of common length, they fit onto a card together with everything else.
pub const CRITICAL_SHOWN: usize = 40;

impl Storm {
    /// The summary of its list that a storm shows.
    #[must_use]
    pub fn of(lines: &[StormMember]) -> Self {
        let open = lines.iter().filter(|line| line.open);
        let shown = open
            .clone()
            .take(SHOWN)
            .map(|line| (line.name.clone(), line.target.clone()))
            .collect();
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for line in lines {
            let (tied, open) = counts.entry(&line.name).or_default();
            *tied += 1;
            *open += u64::from(line.open);
        }
        let mut groups: Vec<(String, u64, u64)> = counts
            .into_iter()
            .map(|(name, (tied, open))| (name.to_owned(), tied, open))
            .collect();
        groups.sort_by_key(|(_, tied, open)| Reverse((*open, *tied)));
        groups.truncate(GROUPS);
        let critical: Vec<&StormMember> = open.clone().filter(|line| line.critical).collect();
        let critical_open = critical.len() as u64;
        Self {
            tied: lines.len() as u64,
            open: open.count() as u64,
            shown,
            groups,
            critical_open,
            critical: named(critical),
        }
    }

    /// The number of members, and of open ones, whose alert name is not among the groups.
    #[must_use]
    pub fn others(&self) -> (u64, u64) {
        let (tied, open) = self
            .groups
            .iter()
            .fold((0, 0), |(all, up), (_, tied, open)| (all + tied, up + open));
        (
            self.tied.saturating_sub(tied),
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
    /// The line of an incident in its storm's list, with the storm, if the incident is tied to one.
    #[must_use]
    pub fn of(incident: &Incident) -> Option<(IncidentId, Self)> {
        let storm = incident.tied_to()?.clone();
        let Alert { name, target, .. } = &incident.alert;
        let (open, critical) = (incident.status != Status::Resolved, is_critical(incident));
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
#[must_use]
pub fn is_critical(incident: &Incident) -> bool {
    incident.severity <= Severity::P1
}

/// The minute since 1970 in which an incident was opened: storms are counted by it, also when a queue was late.
#[must_use]
pub fn minute(opened_at: Timestamp) -> i64 {
    opened_at.as_second().div_euclid(60)
}

impl IncidentChange {
    /// The incident of a storm, with its first log entry. No alert fires or resolves it: it is open
    /// as long as its members are.
    #[must_use]
    pub fn storm(id: IncidentId, minute: i64, limit: u64, now: Timestamp) -> Self {
        let alert = Alert {
            name: "AlertStorm".to_owned(),
            alert_type: AlertType::Custom,
            severity: AlertSeverity::Critical,
            status: AlertStatus::Firing,
            source: "quell".to_owned(),
            namespace: "all".to_owned(),
            target: "many targets".to_owned(),
            normalised_target: "many targets".to_owned(),
            message: format!("more than {limit} incidents opened within a minute"),
            labels: Texts::new(),
            annotations: Texts::new(),
            starts_at: now,
            member: MemberId::of_storm(),
            cicd: false,
            generator_url: None,
        };
        let nothing = Firing {
            count: 0,
            ..Firing::of(&alert)
        };
        let fingerprint = Digest::new()
            .field("storm")
            .field(minute.to_be_bytes())
            .into();
        let kind = IncidentKind::Storm(Storm::default());
        Self::open_as(kind, id, fingerprint, alert, &nothing, now)
    }

    /// Makes an incident a part of a storm, instead of analysing it.
    pub fn tie(&mut self, storm: &IncidentId, now: Timestamp) {
        let context = serde_json::json!({ "storm": storm });
        self.record(
            now,
            LogRecord::new(
                Event::TiedToStorm,
                "analyzer",
                "it opened in a storm: see the storm's card",
            )
            .with(context),
        );
        self.incident.kind = IncidentKind::StormMember {
            storm: storm.clone(),
        };
        if self.incident.status == Status::Open {
            self.incident.status = Status::Tied;
        }
    }

    /// Takes over what a look at the storm's list has found: it is over when nothing on it is open, and back when something is.
    pub fn storm_is(&mut self, found: Storm, now: Timestamp) {
        // Nothing leaves the list: a look that found less on it is older than the one that is known.
        let Some(known) = self
            .incident
            .storm()
            .filter(|known| known.tied <= found.tied)
        else {
            return;
        };
        let known = known.critical_open;
        let over = found.open == 0 && found.tied > 0;
        let tied = found.tied;
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
        match (self.incident.status == Status::Resolved, over) {
            (false, true) => {
                self.incident.resolved_at = Some(now);
                let detail = format!("each of the {tied} incidents of the storm has resolved");
                self.record(
                    now,
                    LogRecord::new(Event::IncidentResolved, "notifier", detail),
                );
                self.incident.status = Status::Resolved;
            }
            (true, false) => {
                self.incident.resolved_at = None;
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
mod tests {
    use std::cmp::Reverse;
    use std::collections::BTreeSet;

    use jiff::{SignedDuration, Timestamp};

    use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

    use super::{
        CRITICAL_SHOWN, Event, IncidentChange, IncidentId, Status, Storm, StormMember, minute,
    };
    use crate::alert::AlertSeverity;
    use crate::transition::lifecycle::tests::opened;

    fn storm() -> IncidentChange {
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAZ").expect("a ULID");
        IncidentChange::storm(id, 1, 20, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_tied_incident_stays_tied_until_it_resolves_and_when_it_comes_back() {
        let mut change = opened();
        let storm = storm().incident.id;
        change.tie(&storm, Timestamp::UNIX_EPOCH);
        assert_eq!(change.incident.status, Status::Tied);
        change.resolved(2, Timestamp::UNIX_EPOCH);
        assert_eq!(change.incident.status, Status::Resolved);
        assert!(!StormMember::of(&change.incident).expect("a line").1.open);
        change.reopened(1, 3, Timestamp::UNIX_EPOCH);
        assert_eq!(change.incident.status, Status::Tied);
        assert_eq!(
            StormMember::of(&change.incident).map(|(of, line)| (of, line.open)),
            Some((storm, true))
        );
    }

    #[test]
    fn an_incident_that_resolved_before_it_was_tied_stays_resolved() {
        let mut change = opened();
        change.resolved(1, Timestamp::UNIX_EPOCH);
        change.tie(&storm().incident.id, Timestamp::UNIX_EPOCH);
        assert_eq!(change.incident.status, Status::Resolved);
    }

    #[test]
    fn a_storm_is_over_with_its_last_incident_and_back_with_one_of_them() {
        let mut change = storm();
        let found = |tied, open| Storm {
            tied,
            open,
            ..Storm::default()
        };
        let now = Timestamp::UNIX_EPOCH;
        let mut status = |storm: Storm| {
            change.storm_is(storm, now);
            change.incident.status
        };
        // Nothing is tied yet: it has only begun.
        assert_eq!(status(found(0, 0)), Status::Open);
        assert_eq!(status(found(3, 1)), Status::Open);
        assert_eq!(status(found(3, 0)), Status::Resolved);
        assert_eq!(status(found(3, 0)), Status::Resolved);
        assert_eq!(status(found(4, 1)), Status::NeedsHuman);
        assert_eq!(
            status(found(3, 0)),
            Status::NeedsHuman,
            "an older look changes nothing"
        );
        let events: Vec<Event> = change.entries.iter().map(|entry| entry.event).collect();
        assert_eq!(
            events,
            [
                Event::AlertReceived,
                Event::IncidentResolved,
                Event::IncidentReopened
            ]
        );
    }

    #[test]
    fn every_incident_of_the_largest_storm_is_counted_once() {
        let line = |n: usize| {
            let incident_id =
                IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{n:04}")).expect("a ULID");
            let (open, critical) = (n.is_multiple_of(3), n.is_multiple_of(2));
            StormMember {
                incident_id,
                name: format!("Alert{}", n % 37),
                target: "web".into(),
                open,
                critical,
            }
        };
        let storm = Storm::of(&(0..1_000).map(line).collect::<Vec<_>>());
        let (tied, open) = storm.others();
        assert_eq!((storm.groups.len(), storm.shown.len()), (20, 10));
        assert_eq!(
            storm.groups.iter().map(|group| group.1).sum::<u64>() + tied,
            1_000
        );
        assert_eq!(
            storm.groups.iter().map(|group| group.2).sum::<u64>() + open,
            334
        );
        assert!(
            storm.groups.is_sorted_by_key(|group| Reverse(group.2)),
            "{:?}",
            storm.groups
        );
        let names: BTreeSet<&str> = storm
            .critical
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            (storm.critical_open, storm.critical.len(), names.len()),
            (167, CRITICAL_SHOWN, 37),
            "no name is left out"
        );
    }

    #[test]
    fn escalation_of_a_tied_incident_names_it_and_is_in_the_storms_log() {
        let (mut change, mut of_storm) = (opened(), storm());
        let now = Timestamp::UNIX_EPOCH;
        change.tie(&of_storm.incident.id, now);
        let line = |change: &IncidentChange| StormMember::of(&change.incident).expect("a line").1;
        of_storm.storm_is(Storm::of(&[line(&change)]), now);
        change.escalated(AlertSeverity::Critical, 2, now);
        for _ in 0..2 {
            of_storm.storm_is(Storm::of(&[line(&change)]), now);
        }
        let shown = of_storm.incident.storm().expect("a storm");
        assert_eq!(
            (shown.critical_open, shown.critical.as_slice()),
            (1, [("TargetDown".to_owned(), "web".to_owned())].as_slice())
        );
        let events: Vec<Event> = of_storm.entries.iter().map(|entry| entry.event).collect();
        assert_eq!(
            events,
            [Event::AlertReceived, Event::SeverityEscalated],
            "once"
        );
        change.resolved(3, now);
        assert_eq!(
            Storm::of(&[line(&change)]).critical_open,
            0,
            "what is over is not named"
        );
    }

    /// The incidents of a minute as they arrive: critical or not.
    fn arrivals() -> impl Strategy<Value = Vec<(usize, bool)>> {
        let all = (0usize..50, 0usize..300).prop_map(|(critical, milder)| {
            (0..critical + milder)
                .map(|n| (n, n < critical))
                .collect::<Vec<_>>()
        });
        all.prop_flat_map(|all| Just(all).prop_shuffle())
    }

    proptest! {
        #[test]
        fn in_any_order_each_critical_incident_is_named(arrivals in arrivals(), limit in 10u64..25, over in any::<prop::sample::Index>()) {
            // What `store::place` does with its two sets.
            let (mut own_card, mut alone, mut critical_alone, mut lines) = (BTreeSet::new(), 0, 0, Vec::new());
            for (n, critical) in &arrivals {
                let count = if *critical { &mut critical_alone } else { &mut alone };
                if *count < limit {
                    *count += 1;
                    own_card.insert(*n);
                    continue;
                }
                let incident_id = IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{n:04}")).expect("a ULID");
                lines.push(StormMember { incident_id, name: format!("Alert{}", n % 7), target: n.to_string(), open: true, critical: *critical });
            }
            if let Some(line) = (!lines.is_empty()).then(|| over.index(lines.len())) {
                lines[line].open = false;
            }
            let storm = Storm::of(&lines);
            let named: BTreeSet<&str> = storm.critical.iter().map(|(_, target)| target.as_str()).collect();
            let open = |n: &usize| lines.iter().all(|line| line.open || line.target != n.to_string());
            for (n, critical) in &arrivals {
                if *critical && open(n) {
                    prop_assert!(own_card.contains(n) || named.contains(n.to_string().as_str()), "{} {:?}", n, storm);
                } else {
                    prop_assert!(!named.contains(n.to_string().as_str()), "only critical ones that are open stand there");
                }
            }
            prop_assert_eq!(storm.critical_open, storm.critical.len() as u64);
        }
    }

    #[test]
    fn a_minute_begins_at_its_full_second() {
        let at = |seconds| minute(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds));
        assert_eq!([at(59), at(60), at(119), at(120)], [0, 1, 1, 2]);
    }
}
