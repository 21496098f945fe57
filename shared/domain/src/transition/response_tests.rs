//! Tests of the responder's actions.

use jiff::SignedDuration;

use super::{ResponseRefusal, respond};
use crate::alert::AlertSeverity;
use crate::analysis::tests::analysis;
use crate::incident::Status;
use crate::incident::approval::ApprovalState;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::Event;
use crate::incident::parts::{IncidentKind, Storm};
use crate::incident::repair::{Repair, RepairOutcome};
use crate::incident::response::{CloseReason, NOTES_KEPT, ResponderAction};
use crate::phrase;
use crate::primitives::id::IncidentId;
use crate::primitives::identity::Identity;
use crate::transition::decision::tests::{approval, events, now, two, waiting};
use crate::transition::lifecycle::tests::incident;

const ADA: Identity = Identity::Telegram(7);

fn open() -> IncidentChange {
    let (mut change, _) = waiting(1);
    change.entries.clear();
    change
}

fn act(change: &mut IncidentChange, action: &ResponderAction) -> Result<bool, ResponseRefusal> {
    // Each is a press of its own.
    let press = format!("press {}", change.incident.log_head.sequence);
    respond(change, action, (&ADA, &press), &two(), now())
}

fn close(reason: CloseReason) -> ResponderAction {
    ResponderAction::Close {
        reason,
        duplicate_of: None,
    }
}

#[test]
fn whoever_acknowledges_is_the_responder_once() {
    let mut change = open();
    for changed in [true, false] {
        assert_eq!(
            act(&mut change, &ResponderAction::Acknowledge {}),
            Ok(changed)
        );
    }
    assert_eq!(change.incident.responder(), Some("ada"));
    assert_eq!(events(&change), [Event::IncidentAcknowledged]);
    assert_eq!(change.entries[0].context["person"], "ada");
    assert_eq!(
        change.incident.status,
        Status::AwaitingApproval,
        "the plan still waits"
    );
}

#[test]
fn an_assignment_names_a_person_of_the_list() {
    let mut change = open();
    let to = |name: &str| ResponderAction::Assign {
        to: name.to_owned(),
    };
    let other = two()
        .people
        .into_keys()
        .find(|name| name != "ada")
        .expect("another");
    assert_eq!(act(&mut change, &to(&other)), Ok(true));
    assert_eq!(change.incident.responder(), Some(other.as_str()));
    let responder = change.incident.response.responder.clone().expect("one");
    assert_eq!(responder.assigned_by.as_deref(), Some("ada"));
    assert_eq!(
        act(&mut change, &to("nobody")),
        Err(ResponseRefusal::UnknownPerson {
            name: "nobody".to_owned()
        })
    );
    assert_eq!(events(&change), [Event::IncidentAssigned]);
}

#[test]
fn a_stranger_changes_nothing() {
    let mut change = open();
    let before = change.clone();
    for action in [
        ResponderAction::Acknowledge {},
        ResponderAction::Note { text: "hi".into() },
        close(CloseReason::FalseAlarm),
        ResponderAction::Cause { right: true },
    ] {
        let stranger = Identity::Telegram(99);
        let answer = respond(&mut change, &action, (&stranger, "p"), &two(), now());
        assert_eq!(answer, Err(ResponseRefusal::NotListed));
    }
    assert_eq!(change, before);
}

#[test]
fn the_last_notes_are_kept_and_the_log_has_all() {
    let mut change = open();
    for n in 0..NOTES_KEPT + 3 {
        let text = format!("note {n}\u{202e}");
        assert_eq!(act(&mut change, &ResponderAction::Note { text }), Ok(true));
    }
    let notes = &change.incident.response.notes;
    assert_eq!(notes.len(), NOTES_KEPT);
    assert_eq!(notes[0].text, "note 3", "without what hides in it");
    assert_eq!(change.entries.len(), NOTES_KEPT + 3);
    let empty = ResponderAction::Note { text: " ".into() };
    assert!(act(&mut change, &empty).is_err());
}

#[test]
fn a_note_or_snooze_that_is_sent_twice_counts_once() {
    let mut change = open();
    let at = |seconds| now() + SignedDuration::from_secs(seconds);
    let mut act = |action: &ResponderAction, seconds| {
        let press = format!("request {seconds}");
        respond(&mut change, action, (&ADA, &press), &two(), at(seconds))
    };
    let note = ResponderAction::Note { text: "hi".into() };
    let snooze = ResponderAction::Snooze { minutes: 60 };
    let longer = ResponderAction::Snooze { minutes: 62 };
    for (action, seconds, changed) in [
        (&note, 0, true),
        (&note, 59, false),
        (&note, 60, true),
        (&snooze, 100, true),
        (&snooze, 159, false),
        (&longer, 160, true),
        (&snooze, 161, true),
    ] {
        assert_eq!(act(action, seconds), Ok(changed), "{action:?} {seconds}");
    }
    assert_eq!(change.incident.response.notes.len(), 2);
}

#[test]
fn a_closed_incident_runs_no_plan_and_can_be_opened_again() {
    let mut change = open();
    assert_eq!(act(&mut change, &close(CloseReason::FixedByHand)), Ok(true));
    assert_eq!(act(&mut change, &close(CloseReason::FalseAlarm)), Ok(false));
    assert_eq!(change.incident.status, Status::Closed);
    assert!(!change.incident.is_open());
    assert!(matches!(
        approval(&change).state,
        ApprovalState::Void { .. }
    ));
    assert!(act(&mut change, &ResponderAction::Acknowledge {}).is_err());
    assert_eq!(act(&mut change, &ResponderAction::Reopen {}), Ok(true));
    assert_eq!(change.incident.status, Status::NeedsHuman);
    assert_eq!(act(&mut change, &ResponderAction::Reopen {}), Ok(false));
    assert_eq!(
        events(&change),
        [
            Event::IncidentClosed,
            Event::ApprovalVoided,
            Event::IncidentReopenedByPerson
        ]
    );
}

#[test]
fn a_worse_alert_opens_a_closed_incident_again() {
    let mut change = open();
    act(&mut change, &close(CloseReason::FalseAlarm)).expect("closed");
    change.escalated(AlertSeverity::Critical, 3, now());
    assert_eq!(change.incident.status, Status::NeedsHuman);
    assert_eq!(change.incident.response.closed, None);
}

#[test]
fn a_running_repair_is_not_closed_over() {
    let mut change = open();
    let hash = approval(&change).plan_hash.clone();
    change.repair_started(Repair::start(hash, now()));
    assert_eq!(
        act(&mut change, &close(CloseReason::FixedByHand)),
        Err(ResponseRefusal::NotPossible(phrase!(
            "its repair runs: stop it first"
        )))
    );
}

#[test]
fn a_duplicate_names_the_other_incident() {
    let mut change = open();
    assert!(act(&mut change, &close(CloseReason::Duplicate)).is_err());
    let of = |id: &IncidentId, reason| ResponderAction::Close {
        reason,
        duplicate_of: Some(id.clone()),
    };
    let own = change.incident.id.clone();
    assert!(act(&mut change, &of(&own, CloseReason::Duplicate)).is_err());
    let other = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAW").expect("a ULID");
    assert!(act(&mut change, &of(&other, CloseReason::FalseAlarm)).is_err());
    assert_eq!(
        act(&mut change, &of(&other, CloseReason::Duplicate)),
        Ok(true)
    );
}

#[test]
fn a_verdict_on_the_cause_needs_a_cause() {
    let mut change = open();
    change.incident.analysis = None;
    assert!(act(&mut change, &ResponderAction::Cause { right: true }).is_err());
    let (mut change, _) = waiting(2);
    change.incident.analysis = Some(analysis());
    for right in [true, true, false] {
        act(&mut change, &ResponderAction::Cause { right }).expect("taken");
    }
    assert_eq!(events(&change), [Event::CauseConfirmed, Event::CauseDenied]);
}

#[test]
fn a_press_that_is_delivered_again_changes_nothing() {
    let mut change = open();
    let press = |change: &mut IncidentChange, id: &str, action: &ResponderAction| {
        respond(change, action, (&ADA, id), &two(), now())
    };
    let close = close(CloseReason::FixedByHand);
    assert_eq!(press(&mut change, "one", &close), Ok(true));
    assert_eq!(
        press(&mut change, "two", &ResponderAction::Reopen {}),
        Ok(true)
    );
    assert_eq!(press(&mut change, "one", &close), Ok(false));
    assert_eq!(change.incident.status, Status::NeedsHuman);
}

#[test]
fn what_was_closed_stays_closed_when_its_alert_ends() {
    let mut change = open();
    act(&mut change, &ResponderAction::Acknowledge {}).expect("taken");
    act(&mut change, &close(CloseReason::FalseAlarm)).expect("closed");
    change.resolved(3, now());
    assert_eq!(change.incident.status, Status::Closed);
    assert!(act(&mut change, &ResponderAction::Reopen {}).is_err());
    // It fires again: that is news, and whoever was on it may have gone.
    change.reopened(1, 4, now());
    assert!(change.incident.is_open());
    assert_eq!(change.incident.response.closed, None);
    assert_eq!(change.incident.responder(), None);
}

#[test]
fn what_is_not_analysed_cannot_be_closed() {
    let mut new = IncidentChange::new(incident());
    assert!(act(&mut new, &close(CloseReason::FalseAlarm)).is_err());
    assert!(!new.incident.can_be_closed());
}

#[test]
fn a_closed_storm_is_opened_again_also_where_it_is_over() {
    let mut storm = open();
    storm.incident.kind = IncidentKind::Storm(Storm::default());
    storm.incident.status = Status::NeedsHuman;
    assert_eq!(act(&mut storm, &close(CloseReason::FalseAlarm)), Ok(true));
    let found = |open| Storm {
        members: 3,
        open,
        ..Storm::default()
    };
    storm.storm_is(found(0), now());
    assert_eq!(
        storm.incident.status,
        Status::Closed,
        "it stays as a person left it"
    );
    assert!(storm.incident.resolved_at.is_some());
    assert_eq!(act(&mut storm, &ResponderAction::Reopen {}), Ok(true));
    assert_eq!(
        (storm.incident.status, storm.incident.resolved_at),
        (Status::NeedsHuman, None)
    );
    act(&mut storm, &close(CloseReason::FalseAlarm)).expect("closed");
    storm.storm_is(found(1), now());
    assert_eq!(
        storm.incident.status,
        Status::NeedsHuman,
        "one of it fires again"
    );
}

#[test]
fn an_incident_is_put_off_for_a_minute_to_a_week() {
    for (minutes, possible) in [(0, false), (1, true), (10_080, true), (10_081, false)] {
        let mut change = open();
        let answer = act(&mut change, &ResponderAction::Snooze { minutes });
        assert_eq!(answer.is_ok(), possible, "{minutes}");
        let until = change
            .incident
            .response
            .responder
            .and_then(|one| one.snoozed_until);
        let expected = now() + SignedDuration::from_mins(i64::from(minutes));
        assert_eq!(until, possible.then_some(expected));
    }
}

#[test]
fn a_repair_whose_alert_goes_on_failed_though_the_incident_was_closed() {
    let mut change = open();
    let hash = approval(&change).plan_hash.clone();
    let id = approval(&change).id.clone();
    change.incident.repair = Some(Repair {
        outcome: Some(RepairOutcome::Verified),
        finished_at: Some(now()),
        ..Repair::start(hash, now())
    });
    change.incident.status = Status::Repaired;
    act(&mut change, &close(CloseReason::FixedByHand)).expect("closed");
    let within = SignedDuration::from_mins(15);
    change.still_fires(&id, within, now() + within);
    let repair = change.incident.repair.as_ref().expect("it ran");
    assert_eq!(repair.outcome, Some(RepairOutcome::StillFiring));
    assert_eq!(change.incident.status, Status::Closed);
}
