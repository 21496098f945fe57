//! Test of what rings: each event that people have to hear is one new message below the card, and everything else is an edit.

use domain::alert::AlertSeverity;
use domain::analysis::Severity;
use domain::incident::Status;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::{Event, LogRecord};
use domain::incident::repair::{Repair, RepairOutcome, StepOutcome, StepResult};
use domain::incident::response::{CloseReason, ResponderAction};
use domain::notification::channels::{ApprovalRule, Channels, Identity};
use domain::playbook::plan::Phase;
use domain::primitives::id::IncidentId;
use domain::transition::response::respond;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::FollowUp;
use tests::alert::unique;
use tests::chats::{Story, known, text};
use tests::samples;
use tests::simulated::StandingClock;
use wire::message::Message;

use super::notices::{approve, change, first_lines, logged, people, ran, waiting};

/// The person of `people`, and a second one.
const ADA: i64 = 71;
const MIRA: i64 = 72;

fn two_people() -> Value {
    let mut file = people();
    file["people"]["mira"] = json!({ "telegram": MIRA });
    file
}

/// Ada decides first, alone on the list and on the team's first level. Mira is asked after an hour as the second list, and of what is
/// urgent after ten minutes as the next level.
fn escalating() -> Value {
    let mut file = two_people();
    let levels = json!([{ "people": ["ada"], "wait_seconds": 600 }, { "people": ["mira"] }]);
    file["people.json"] = json!({ "teams": { "web": { "levels": levels } } });
    file["approvals"] = json!([{
        "people": ["ada"], "team": "web", "then": ["mira"], "escalate_after_seconds": 3600,
    }]);
    file
}

/// Nobody has decided for so long.
fn undecided(change: &mut IncidentChange, minutes: i64) {
    let approval = change.incident.approval.as_mut().expect("asked");
    approval.requested_at -= SignedDuration::from_mins(minutes);
}

/// Ada does something about the incident.
fn acts(change: &mut IncidentChange, action: &ResponderAction) {
    let channels: Channels = serde_json::from_value(two_people()).expect("channels");
    let by = Identity::Telegram(ADA);
    assert_eq!(
        respond(
            change,
            action,
            (&by, &unique("press")),
            &channels,
            Timestamp::now()
        ),
        Ok(true)
    );
}

fn verified(change: &mut IncidentChange) {
    approve(change);
    ran(change, RepairOutcome::Verified);
}

/// The repair of a verified run that the guardrails had decided on.
fn by_itself(change: &mut IncidentChange) {
    let log = |event| LogRecord::new(event, "analyzer", "playbook");
    change.record(Timestamp::now(), log(Event::AutoRepairTriggered));
    ran(change, RepairOutcome::Verified);
}

fn still_fires(change: &mut IncidentChange) {
    verified(change);
    let approval = change.incident.approval.as_ref().expect("asked").id.clone();
    let late = Timestamp::now() + SignedDuration::from_hours(1);
    change.still_fires(&approval, SignedDuration::from_secs(60), late);
}

fn fires_again(change: &mut IncidentChange) {
    change.resolved(2, Timestamp::now());
    change.reopened(1, 3, Timestamp::now());
}

/// Nobody is on it, and Mira is the second level of the team.
fn calls_mira(change: &mut IncidentChange) {
    let mut channels: Channels = serde_json::from_value(two_people()).expect("channels");
    let levels = json!([{ "people": ["ada"], "wait_seconds": 60 }, { "people": ["mira"] }]);
    channels.duty =
        serde_json::from_value(json!({ "teams": { "web": { "levels": levels } } })).expect("teams");
    channels.approvals = vec![ApprovalRule {
        team: Some("web".to_owned()),
        ..ApprovalRule::default()
    }];
    change.incident.severity = Severity::P1;
    assert!(change.expire(Timestamp::now() + SignedDuration::from_hours(3)));
    let soon = Timestamp::now() + SignedDuration::from_hours(4);
    assert!(change.call_next_level(&channels, soon));
    let later = soon + SignedDuration::from_mins(1);
    assert!(change.call_next_level(&channels, later));
}

/// The first step of an approved plan is under way.
fn step_begins(change: &mut IncidentChange) {
    approve(change);
    let now = Timestamp::now();
    let approval = change.incident.approval.as_ref().expect("asked");
    let mut run = Repair::start(approval.plan_hash.clone(), now);
    assert!(run.step_started(Phase::Steps, 0, now));
    change.incident.repair = Some(run);
    change.incident.status = Status::Repairing;
    let begun = LogRecord::new(Event::StepStarted, "repair", "step 1");
    change.record(now, begun);
}

fn step_ends(change: &mut IncidentChange) {
    step_begins(change);
    let plan = change.incident.plan.clone().expect("planned");
    let run = change.incident.repair.as_mut().expect("it runs");
    let worked = StepResult {
        exit_status: Some(0),
        ..StepResult::without_output(StepOutcome::Exited, "it exited with status 0", 12)
    };
    assert!(run.step_finished(&worked, &plan));
    let ended = LogRecord::new(Event::StepFinished, "repair", "step 1");
    change.record(Timestamp::now(), ended);
}

/// What happens to an incident whose plan waits for a decision, and the first line of the message that rings.
type Row = (&'static str, Happens, &'static str);
type Happens = fn(&mut IncidentChange);

const RINGS: [Row; 15] = [
    (
        "severity raised",
        |change| change.escalated(AlertSeverity::Critical, 2, Timestamp::now()),
        "⏫ It got worse",
    ),
    (
        "decision about to expire",
        |change| {
            assert!(change.remind(Timestamp::now() + SignedDuration::from_mins(100)));
        },
        "⏰ The time for a decision is nearly over",
    ),
    (
        "decision expired",
        |change| assert!(change.expire(Timestamp::now() + SignedDuration::from_hours(3))),
        "🙋 The plan does not run: a human has to look",
    ),
    (
        "repair failed",
        |change| {
            approve(change);
            ran(change, RepairOutcome::StepFailed);
        },
        "❌ The repair failed: a human has to look",
    ),
    (
        "repair rolled back",
        |change| {
            approve(change);
            ran(change, RepairOutcome::NotVerified);
        },
        "❌ The repair failed: a human has to look",
    ),
    ("repair verified", verified, "✅ Repaired and verified"),
    (
        "verified, and still firing",
        still_fires,
        "❌ The repair was verified, but the alert still fires: a human has to look",
    ),
    (
        "ran automatically",
        by_itself,
        "✅ Repaired and verified · ran automatically",
    ),
    ("fires again", fires_again, "🔁 It fires again"),
    (
        "closed without anyone",
        |change| change.resolved(2, Timestamp::now()),
        "☑️ It has ended without a responder",
    ),
    (
        "given to a person",
        |change| {
            let to = "mira".to_owned();
            acts(change, &ResponderAction::Assign { to });
        },
        "👉 Assigned to you",
    ),
    (
        "put off, and its time is over",
        |change| {
            acts(change, &ResponderAction::Snooze { minutes: 60 });
            assert!(change.end_snooze(Timestamp::now() + SignedDuration::from_hours(1)));
        },
        "⏰ The snooze has ended: the incident has no responder",
    ),
    (
        "escalated without a plan",
        calls_mira,
        "📣 No responder yet: please help",
    ),
    (
        "escalated to the second list",
        |change| undecided(change, 120),
        "📣 No decision for 120 min",
    ),
    (
        "escalated to the next level of a team",
        |change| {
            change.incident.severity = Severity::P1;
            undecided(change, 20);
        },
        "📣 No decision for 20 min",
    ),
];
/// The rows that are for Mira alone.
const TO_MIRA: [&str; 4] = [
    "given to a person",
    "escalated without a plan",
    "escalated to the second list",
    "escalated to the next level of a team",
];

/// What changes the card, and makes no sound.
const EDITS: [(&str, Happens); 8] = [
    ("a decision", approve),
    ("a step has begun", step_begins),
    ("a step has ended", step_ends),
    ("acknowledged", |change| {
        acts(change, &ResponderAction::Acknowledge {});
    }),
    ("a note", |change| {
        let text = "seen".to_owned();
        acts(change, &ResponderAction::Note { text });
    }),
    ("closed by a person", |change| {
        let action = ResponderAction::Close {
            reason: CloseReason::FalseAlarm,
            duplicate_of: None,
        };
        acts(change, &action);
    }),
    ("over after a decision", |change| {
        approve(change);
        change.resolved(2, Timestamp::now());
    }),
    // Last, because a count is shown some minutes later, when other things are due as well.
    ("more alerts", |change| {
        change.converged(64, Timestamp::now());
    }),
];

/// An incident with its card, to which this happens; the messages below the card. It is told, and its decision looked at, twice.
async fn after(story: &Story, happens: Happens) -> (IncidentId, Vec<Value>) {
    let before = story.replies(0).await.len();
    let id = waiting(story).await;
    story.changed(&id).await;
    change(story, &id, happens).await;
    let incident = story.stack.read(&id).await;
    let approval_id = incident.approval.expect("asked").id;
    for _ in 0..2 {
        story.changed(&id).await;
        let timer = Message::DecisionTimer {
            approval_id: approval_id.clone(),
        };
        story.tell(&timer).await;
    }
    (id, story.replies(0).await.split_off(before))
}

#[tokio::test]
async fn what_people_have_to_hear_rings_once_and_the_rest_is_edited() {
    let story = Story::of(1, 1, Some(600), &escalating()).await;
    for (name, happens, title) in RINGS {
        let (id, rung) = after(&story, happens).await;
        assert_eq!(first_lines(&rung), [title], "{name}");
        assert_eq!(rung[0]["disable_notification"], json!(false), "{name}");
        let whom = if TO_MIRA.contains(&name) { MIRA } else { ADA };
        assert_eq!(rung[0]["mentions"], json!([whom]), "{name}: {}", rung[0]);
        let (result, notice) = (
            logged(&story, &id, Event::TelegramResultSent).await.len(),
            logged(&story, &id, Event::TelegramNoticeSent).await.len(),
        );
        assert_eq!(result + notice, 1, "{name}: each has its receipt");
    }
    for (name, happens) in EDITS {
        let (id, rung) = after(&story, happens).await;
        assert_eq!(rung, Vec::<Value>::new(), "{name}");
        if name == "more alerts" {
            story.later(301).await;
        }
        let messages = story.messages(0).await;
        let cards: Vec<&Value> = messages
            .iter()
            .filter(|message| text(message).contains(id.as_str()))
            .collect();
        let [card] = cards[..] else {
            panic!("{name}: one live card: {cards:#?}")
        };
        let states = card["history"].as_array().map(Vec::len);
        assert!(states > Some(1), "{name}: it was edited: {card:#?}");
    }
}

#[tokio::test]
async fn a_plan_that_comes_after_the_card_asks_aloud() {
    let story = Story::of(1, 1, Some(600), &two_people()).await;
    let id = story
        .stack
        .store
        .save(known(AlertSeverity::Warning))
        .await
        .expect("saved")
        .id;
    story.changed(&id).await;
    let plan = samples::waiting().incident.plan.expect("planned");
    let propose = |change: &mut IncidentChange| {
        change.propose(
            plan.clone(),
            Timestamp::now(),
            SignedDuration::from_hours(1),
        );
    };
    change(&story, &id, propose).await;
    story.changed(&id).await;
    assert_eq!(
        first_lines(&story.replies(0).await),
        ["🚨 A decision is needed"]
    );
}

#[tokio::test]
async fn a_verified_repair_is_told_as_its_route_wants() {
    let mut file = two_people();
    file["routes"] = json!([{ "tell_repaired": false }]);
    let story = Story::of(1, 1, Some(600), &file).await;
    let (_, rung) = after(&story, verified).await;
    assert_eq!(rung, Vec::<Value>::new(), "the card shows it");
    // What ran by itself is heard in any case, and so is what failed.
    for (happens, title) in [
        (
            by_itself as Happens,
            "✅ Repaired and verified · ran automatically",
        ),
        (
            still_fires,
            "❌ The repair was verified, but the alert still fires: a human has to look",
        ),
    ] {
        let (_, rung) = after(&story, happens).await;
        assert_eq!(first_lines(&rung), [title]);
    }
}

#[tokio::test]
async fn whoever_is_on_it_is_the_one_who_is_called() {
    let story = Story::of(1, 1, Some(600), &two_people()).await;
    let id = waiting(&story).await;
    story.changed(&id).await;
    let to_mira = |change: &mut IncidentChange| {
        let to = "mira".to_owned();
        acts(change, &ResponderAction::Assign { to });
    };
    change(&story, &id, to_mira).await;
    change(&story, &id, |change| {
        change.escalated(AlertSeverity::Critical, 2, Timestamp::now());
    })
    .await;
    story.changed(&id).await;
    let rung = story.replies(0).await;
    assert_eq!(
        rung.last().expect("it rang")["mentions"],
        json!([MIRA]),
        "{rung:#?}"
    );
    let card = story.messages(0).await.remove(0);
    assert!(
        text(&card).contains("🙋 mira is on it: assigned by ada at "),
        "{card}"
    );
}

#[tokio::test]
async fn a_second_snooze_ends_as_the_first_one_did() {
    let story = Story::of(1, 1, Some(600), &two_people()).await;
    let id = waiting(&story).await;
    story.changed(&id).await;
    for round in 1..=2 {
        let snooze = |change: &mut IncidentChange| {
            acts(change, &ResponderAction::Snooze { minutes: 1 });
        };
        change(&story, &id, snooze).await;
        story.changed(&id).await;
        let due = story.stack.store.next_look(FollowUp::Attention(&id)).await;
        let due = due.expect("the table answers").expect("it is looked at");
        assert!(due > Timestamp::now(), "round {round}: {due}");
        let clock = StandingClock::at(Timestamp::now() + SignedDuration::from_secs(61));
        let timer = Message::AttentionTimer {
            incident_id: id.clone(),
        };
        story
            .hand(&story.app, &timer, &clock)
            .await
            .expect("looked");
        let ended = logged(&story, &id, Event::SnoozeEnded).await;
        assert_eq!(ended.len(), round);
    }
}
