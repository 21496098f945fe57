//! Storms: when many incidents open within a minute, people get one card for all of them, and one analysis is paid for.
//!
//! Each alert keeps its episode and its incident, with its count and its log. Incidents beyond the limit of their minute are tied to
//! the storm's incident, which lists them and is over when the last of them is.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::{Alert, AlertSeverity, AlertStatus, AlertType, Texts};
use super::digest::Digest;
use super::draft::Draft;
use super::episode::Firing;
use super::id::{Fingerprint, IncidentId, MemberId};
use super::incident::{Incident, Status};
use super::operation_log::{Event, News};

/// How many of the tied incidents a storm shows by name.
const SHOWN: usize = 10;
/// How many names of alerts a storm counts by name. What is tied beyond them is counted together.
const GROUPS: usize = 20;

/// What is tied to a storm, as of the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storm {
    /// How many incidents are tied to it.
    pub tied: u64,
    /// How many of them are not resolved.
    pub open: u64,
    /// The first of those that are open: alert and target.
    pub shown: Vec<(String, String)>,
    /// How many are tied by the name of their alert, and how many of those are not resolved: those with most open ones first, 20 at most.
    /// [`Storm::others`] is the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<(String, u64, u64)>,
}

impl Storm {
    /// What a storm shows of its list.
    #[must_use]
    pub fn of(lines: &[Tied]) -> Self {
        let open = lines.iter().filter(|line| line.open);
        let shown = open.clone().take(SHOWN).map(|line| (line.name.clone(), line.target.clone())).collect();
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for line in lines {
            let (tied, open) = counts.entry(&line.name).or_default();
            *tied += 1;
            *open += u64::from(line.open);
        }
        let mut groups: Vec<(String, u64, u64)> = counts.into_iter().map(|(name, (tied, open))| (name.to_owned(), tied, open)).collect();
        groups.sort_by_key(|(_, tied, open)| Reverse((*open, *tied)));
        groups.truncate(GROUPS);
        Self { tied: lines.len() as u64, open: open.count() as u64, shown, groups }
    }

    /// How many are tied, and how many of those are open, whose alerts have a name that is not among the groups.
    #[must_use]
    pub fn others(&self) -> (u64, u64) {
        let (tied, open) = self.groups.iter().fold((0, 0), |(all, up), (_, tied, open)| (all + tied, up + open));
        (self.tied.saturating_sub(tied), self.open.saturating_sub(open))
    }
}

/// One line of a storm's list: a tied incident, written in the transaction that changes the incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tied {
    /// The incident.
    pub incident_id: IncidentId,
    /// Its alert's name.
    pub name: String,
    /// Its alert's target.
    pub target: String,
    /// False once it is resolved.
    pub open: bool,
}

impl Tied {
    /// The line of an incident, with the storm that it stands on, if it is tied to one.
    #[must_use]
    pub fn of(incident: &Incident) -> Option<(IncidentId, Self)> {
        let storm = incident.tied_to.clone()?;
        let Alert { name, target, .. } = &incident.alert;
        let open = incident.status != Status::Resolved;
        Some((storm, Self { incident_id: incident.id.clone(), name: name.clone(), target: target.clone(), open }))
    }
}

/// The minute since 1970 in which an incident was opened: storms are counted by it, also when a queue was late.
#[must_use]
pub fn minute(opened_at: Timestamp) -> i64 {
    opened_at.as_second().div_euclid(60)
}

impl Draft {
    /// The incident of a storm, with its first log entry. Nobody fires or resolves it: it lives by what is tied to it.
    #[must_use]
    pub fn storm(id: IncidentId, minute: i64, limit: u64, now: Timestamp) -> Self {
        let Ok(member) = MemberId::try_from("storm") else { unreachable!("a fixed word of letters is a member id") };
        let Ok(fingerprint) = Fingerprint::try_from(Digest::new().field("storm").field(minute.to_be_bytes()).hex()) else {
            unreachable!("a SHA-256 digest is 64 characters of lower-case hex")
        };
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
            member,
            cicd: false,
            generator_url: None,
        };
        let nothing = Firing { count: 0, ..Firing::of(&alert) };
        let mut draft = Self::open(id, fingerprint, alert, &nothing, now);
        draft.incident.storm = Some(Storm::default());
        draft
    }

    /// Makes an incident a part of a storm, instead of analysing it.
    pub fn tie(&mut self, storm: &IncidentId, now: Timestamp) {
        let context = serde_json::json!({ "storm": storm });
        self.record(now, News::new(Event::TiedToStorm, "analyzer", "it opened in a storm: see the storm's card").with(context));
        self.incident.tied_to = Some(storm.clone());
        if self.incident.status == Status::Open {
            self.incident.status = Status::Tied;
        }
    }

    /// Takes over what a look at the storm's list has found: it is over when nothing on it is open, and back when something is.
    pub fn storm_is(&mut self, found: Storm, now: Timestamp) {
        // Nothing leaves the list: a look that found less on it is older than the one that is known.
        if self.incident.storm.as_ref().is_some_and(|known| known.tied > found.tied) {
            return;
        }
        let over = found.open == 0 && found.tied > 0;
        let tied = found.tied;
        self.incident.storm = Some(found);
        match (self.incident.status == Status::Resolved, over) {
            (false, true) => {
                self.incident.resolved_at = Some(now);
                let detail = format!("each of the {tied} incidents of the storm has resolved");
                self.record(now, News::new(Event::IncidentResolved, "notifier", detail));
                self.incident.status = Status::Resolved;
            }
            (true, false) => {
                self.incident.resolved_at = None;
                self.record(now, News::new(Event::IncidentReopened, "notifier", "an incident of the storm is open again"));
                self.incident.status = Status::NeedsHuman;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use jiff::{SignedDuration, Timestamp};

    use super::{Draft, Event, IncidentId, Status, Storm, Tied, minute};
    use crate::domain::transition::tests::opened;

    fn storm() -> Draft {
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAZ").expect("a ULID");
        Draft::storm(id, 1, 20, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_tied_incident_stays_tied_until_it_resolves_and_when_it_comes_back() {
        let mut draft = opened();
        let storm = storm().incident.id;
        draft.tie(&storm, Timestamp::UNIX_EPOCH);
        assert_eq!(draft.incident.status, Status::Tied);
        draft.resolved(2, Timestamp::UNIX_EPOCH);
        assert_eq!(draft.incident.status, Status::Resolved);
        assert!(!Tied::of(&draft.incident).expect("a line").1.open);
        draft.reopened(1, 3, Timestamp::UNIX_EPOCH);
        assert_eq!(draft.incident.status, Status::Tied);
        assert_eq!(Tied::of(&draft.incident).map(|(of, line)| (of, line.open)), Some((storm, true)));
    }

    #[test]
    fn an_incident_that_resolved_before_it_was_tied_stays_resolved() {
        let mut draft = opened();
        draft.resolved(1, Timestamp::UNIX_EPOCH);
        draft.tie(&storm().incident.id, Timestamp::UNIX_EPOCH);
        assert_eq!(draft.incident.status, Status::Resolved);
    }

    #[test]
    fn a_storm_is_over_with_its_last_incident_and_back_with_one_of_them() {
        let mut draft = storm();
        let found = |tied, open| Storm { tied, open, ..Storm::default() };
        let now = Timestamp::UNIX_EPOCH;
        let mut status = |storm: Storm| {
            draft.storm_is(storm, now);
            draft.incident.status
        };
        // Nothing is tied yet: it has only begun.
        assert_eq!(status(found(0, 0)), Status::Open);
        assert_eq!(status(found(3, 1)), Status::Open);
        assert_eq!(status(found(3, 0)), Status::Resolved);
        assert_eq!(status(found(3, 0)), Status::Resolved);
        assert_eq!(status(found(4, 1)), Status::NeedsHuman);
        assert_eq!(status(found(3, 0)), Status::NeedsHuman, "an older look changes nothing");
        let events: Vec<Event> = draft.entries.iter().map(|entry| entry.event).collect();
        assert_eq!(events, [Event::AlertReceived, Event::IncidentResolved, Event::IncidentReopened]);
    }

    #[test]
    fn every_incident_of_the_largest_storm_is_counted_once() {
        let line = |n: usize| {
            let incident_id = IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{n:04}")).expect("a ULID");
            Tied { incident_id, name: format!("Alert{}", n % 37), target: "web".into(), open: n.is_multiple_of(3) }
        };
        let storm = Storm::of(&(0..1_000).map(line).collect::<Vec<_>>());
        let (tied, open) = storm.others();
        assert_eq!((storm.groups.len(), storm.shown.len()), (20, 10));
        assert_eq!(storm.groups.iter().map(|group| group.1).sum::<u64>() + tied, 1_000);
        assert_eq!(storm.groups.iter().map(|group| group.2).sum::<u64>() + open, 334);
        assert!(storm.groups.is_sorted_by_key(|group| Reverse(group.2)), "{:?}", storm.groups);
        // A storm that was written before there were groups: everything is among the others.
        let old: Storm = serde_json::from_str(r#"{"tied":3,"open":1,"shown":[]}"#).expect("a storm");
        assert_eq!(old.others(), (3, 1));
    }

    #[test]
    fn a_minute_begins_at_its_full_second() {
        let at = |seconds| minute(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds));
        assert_eq!([at(59), at(60), at(119), at(120)], [0, 1, 1, 2]);
    }
}
