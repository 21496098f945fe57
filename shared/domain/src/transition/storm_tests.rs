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
fn a_tied_incident_is_tied_again_when_it_reopens() {
    let mut change = opened();
    let storm = storm().incident.id;
    change.join_storm(&storm, Timestamp::UNIX_EPOCH);
    assert_eq!(change.incident.status, Status::InStorm);
    change.resolved(2, Timestamp::UNIX_EPOCH);
    assert_eq!(change.incident.status, Status::Resolved);
    assert!(
        !StormMember::from_incident(&change.incident)
            .expect("a line")
            .1
            .open
    );
    change.reopened(1, 3, Timestamp::UNIX_EPOCH);
    assert_eq!(change.incident.status, Status::InStorm);
    assert_eq!(
        StormMember::from_incident(&change.incident).map(|(of, line)| (of, line.open)),
        Some((storm, true))
    );
}

#[test]
fn an_incident_that_resolved_before_it_was_tied_stays_resolved() {
    let mut change = opened();
    change.resolved(1, Timestamp::UNIX_EPOCH);
    change.join_storm(&storm().incident.id, Timestamp::UNIX_EPOCH);
    assert_eq!(change.incident.status, Status::Resolved);
}

#[test]
fn a_storm_ends_with_its_last_incident_and_can_reopen() {
    let mut change = storm();
    let found = |members, open| Storm {
        members,
        open,
        ..Storm::default()
    };
    let now = Timestamp::UNIX_EPOCH;
    let mut status = |storm: Storm| {
        change.storm_is(storm, now);
        change.incident.status
    };
    // No incident is a member yet: it has only begun.
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
    let storm = Storm::summarise(&(0..1_000).map(line).collect::<Vec<_>>());
    let (members, open) = storm.others();
    assert_eq!((storm.groups.len(), storm.shown.len()), (20, 10));
    assert_eq!(
        storm.groups.iter().map(|group| group.1).sum::<u64>() + members,
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
fn an_escalated_member_is_named_and_in_the_storms_log() {
    let (mut change, mut of_storm) = (opened(), storm());
    let now = Timestamp::UNIX_EPOCH;
    change.join_storm(&of_storm.incident.id, now);
    let line = |change: &IncidentChange| {
        StormMember::from_incident(&change.incident)
            .expect("a line")
            .1
    };
    of_storm.storm_is(Storm::summarise(&[line(&change)]), now);
    change.escalated(AlertSeverity::Critical, 2, now);
    for _ in 0..2 {
        of_storm.storm_is(Storm::summarise(&[line(&change)]), now);
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
        Storm::summarise(&[line(&change)]).critical_open,
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
        let storm = Storm::summarise(&lines);
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
