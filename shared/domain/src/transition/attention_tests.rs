//! Tests of who is called to an incident on which nobody is.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::attention_at;
use crate::analysis::Severity;
use crate::incident::Status;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::Event;
use crate::incident::response::ResponderAction;
use crate::notification::channels::{ApprovalRule, Channels};
use crate::primitives::identity::Identity;
use crate::transition::decision::tests::{events, two};
use crate::transition::lifecycle::tests::incident;
use crate::transition::response::respond;

/// Ada first, after five minutes Bob, after ten more Carol.
fn team() -> Channels {
    let level =
        |person: &str, wait: Option<u32>| json!({ "people": [person], "wait_seconds": wait });
    let levels = [
        level("ada", Some(300)),
        level("bob", Some(600)),
        level("carol", None),
    ];
    let mut channels = two();
    channels.duty = serde_json::from_value(json!({ "teams": { "web": { "levels": levels } } }))
        .expect("the shape of people.json");
    channels.approvals = vec![ApprovalRule {
        team: Some("web".to_owned()),
        ..ApprovalRule::default()
    }];
    channels
}

/// An urgent incident without a plan.
fn unattended() -> IncidentChange {
    let mut change = IncidentChange::new(incident());
    change.incident.status = Status::NeedsHuman;
    change.incident.severity = Severity::P1;
    change
}

fn after(change: &IncidentChange, seconds: i64) -> Timestamp {
    change.incident.opened_at + SignedDuration::from_secs(seconds)
}

fn respond_as_ada(change: &mut IncidentChange, action: &ResponderAction, at: Timestamp) {
    let id = format!("press {}", change.incident.log_head.sequence);
    respond(change, action, (&Identity::Telegram(7), &id), &team(), at).expect("done");
}

#[test]
fn levels_are_called_one_after_the_other_each_after_its_wait() {
    let (mut change, channels) = (unattended(), team());
    assert_eq!(
        attention_at(&change.incident, &channels),
        Some(after(&change, 0))
    );
    let start = after(&change, 0);
    assert!(change.call_next_level(&channels, start));
    assert_eq!(events(&change), [], "the card has told the first level");
    for (seconds, person) in [(300, "bob"), (900, "carol")] {
        let at = after(&change, seconds);
        assert_eq!(attention_at(&change.incident, &channels), Some(at));
        let early = at - SignedDuration::from_secs(1);
        assert!(!change.call_next_level(&channels, early));
        assert!(change.call_next_level(&channels, at));
        let last = change.entries.last().expect("an entry");
        assert_eq!(last.event, Event::ResponderCalled);
        assert_eq!(last.context["people"], json!([person]));
    }
    assert_eq!(
        attention_at(&change.incident, &channels),
        None,
        "nobody is left"
    );
}

#[test]
fn nobody_is_called_where_somebody_is_on_it_or_it_can_wait() {
    let channels = team();
    let none = |change: &IncidentChange| attention_at(&change.incident, &channels).is_none();
    let mut taken = unattended();
    let at = after(&taken, 10);
    respond_as_ada(&mut taken, &ResponderAction::Acknowledge {}, at);
    assert!(none(&taken));
    let mut mild = unattended();
    mild.incident.severity = Severity::P2;
    assert!(none(&mild));
    for status in [
        Status::Open,
        Status::AwaitingApproval,
        Status::Repairing,
        Status::Closed,
        Status::Resolved,
    ] {
        let mut change = unattended();
        change.incident.status = status;
        assert!(none(&change), "{status:?}");
    }
    let mut over = unattended();
    over.incident.resolved_at = Some(at);
    assert!(none(&over));
    assert_eq!(
        attention_at(&unattended().incident, &two()),
        None,
        "no team"
    );
}

#[test]
fn a_snooze_ends_at_its_time_and_people_are_called_anew() {
    let (mut change, channels) = (unattended(), team());
    let start = after(&change, 0);
    change.call_next_level(&channels, start);
    respond_as_ada(&mut change, &ResponderAction::Snooze { minutes: 60 }, start);
    let until = after(&change, 3600);
    assert_eq!(attention_at(&change.incident, &channels), Some(until));
    assert!(!change.call_next_level(&channels, after(&change, 3599)));
    assert!(!change.end_snooze(after(&change, 3599)));
    assert!(
        change.end_snooze(until) && !change.end_snooze(until),
        "once"
    );
    assert_eq!(
        events(&change),
        [Event::IncidentSnoozed, Event::SnoozeEnded]
    );
    assert_eq!(change.incident.responder(), None);
    assert!(
        change.call_next_level(&channels, until),
        "from the first level on"
    );
    let second = after(&change, 3600 + 300);
    assert_eq!(attention_at(&change.incident, &channels), Some(second));
}

#[test]
fn who_acknowledges_again_ends_their_snooze() {
    let (mut change, channels) = (unattended(), team());
    let at = after(&change, 0);
    respond_as_ada(&mut change, &ResponderAction::Snooze { minutes: 60 }, at);
    respond_as_ada(&mut change, &ResponderAction::Acknowledge {}, at);
    assert_eq!(attention_at(&change.incident, &channels), None);
    assert!(!change.end_snooze(after(&change, 7200)));
    assert_eq!(change.incident.responder(), Some("ada"));
}

#[test]
fn a_call_of_before_the_last_repair_counts_no_more() {
    let (mut change, channels) = (unattended(), team());
    let start = after(&change, 0);
    change.call_next_level(&channels, start);
    let ended = after(&change, 5000);
    let hash = "a".repeat(64).into();
    change.incident.repair = Some(crate::incident::repair::Repair {
        finished_at: Some(ended),
        ..crate::incident::repair::Repair::start(hash, start)
    });
    change.incident.status = Status::RepairFailed;
    assert_eq!(attention_at(&change.incident, &channels), Some(ended));
    assert!(change.call_next_level(&channels, ended));
    assert_eq!(
        events(&change),
        [],
        "the first level hears of the failure itself"
    );
}
