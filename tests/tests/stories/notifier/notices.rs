//! Tests of notices: a new message below the card, which makes a sound, sent once, late after an
//! outage, and not once it is out of date.

use domain::alert::{AlertSeverity, Texts};
use domain::incident::Status;
use domain::incident::approval::Verdict;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::{Event, LogRecord};
use domain::incident::parts::IncidentKind;
use domain::incident::repair::{OutputEnd, Repair, RepairOutcome, StepRun};
use domain::notification::channels::{Channels, Identity};
use domain::playbook::plan::Phase;
use domain::primitives::id::IncidentId;
use domain::transition::decision::{Pressed, decide};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::alert::unique;
use tests::chats::{Story, known, text};
use tests::faulty_aws::{Dies, dying};
use tests::samples;
use tests::stack::Stack;
use wire::message::Message;

/// The person who decides, by the id at Telegram.
const ADA: i64 = 71;

pub(super) fn people() -> Value {
    json!({ "people": { "ada": { "telegram": ADA } }, "approvals": [{ "people": ["ada"] }] })
}

/// An incident whose plan waits for ada.
pub(super) async fn waiting(story: &Story) -> IncidentId {
    let sample = samples::waiting().incident;
    let mut change = known(AlertSeverity::Warning);
    change.analysed(
        sample.analysis.expect("analysed"),
        Vec::new(),
        Timestamp::now(),
    );
    change.propose(
        sample.plan.expect("planned"),
        Timestamp::now(),
        SignedDuration::from_hours(2),
    );
    Box::pin(story.stack.store.save(change))
        .await
        .expect("saved")
        .id
}

pub(super) fn approve(change: &mut IncidentChange) {
    let channels: Channels = serde_json::from_value(people()).expect("channels");
    let approval = change.incident.approval.clone().expect("asked").id;
    let press = unique("p");
    let pressed = Pressed {
        verdict: Verdict::Approve,
        by: Identity::Telegram(ADA),
        press: &press,
    };
    let incident = change.incident.clone();
    let decision = decide(incident, &approval, &pressed, &channels, Timestamp::now());
    decision.answer.expect("taken");
    change.append(decision.change);
}

/// The repair as the repair function records it.
pub(super) fn ran(change: &mut IncidentChange, outcome: RepairOutcome) {
    let (hash, now) = (
        change
            .incident
            .approval
            .as_ref()
            .expect("asked")
            .plan_hash
            .clone(),
        Timestamp::now(),
    );
    let worked = outcome == RepairOutcome::Verified;
    let stderr = if worked {
        String::new()
    } else {
        "Job for <web>.service failed".to_owned()
    };
    let output = OutputEnd {
        stdout: String::new(),
        stderr,
    };
    let step = StepRun {
        detail: "systemctl ended with exit status 1.".into(),
        output,
        ..StepRun::ended(Phase::Steps, 0, worked)
    };
    let run = Repair {
        outcome: Some(outcome),
        finished_at: Some(now),
        steps: vec![step],
        ..Repair::start(hash, now)
    };
    change.incident.repair = Some(run);
    change.incident.status = if worked {
        Status::Repaired
    } else {
        Status::RepairFailed
    };
    change.record(
        now,
        LogRecord::new(Event::ExecutionCompleted, "repair", "playbook")
            .with(json!({ "outcome": outcome })),
    );
}

pub(super) async fn change(
    story: &Story,
    id: &IncidentId,
    decide: impl FnMut(&mut IncidentChange),
) {
    Box::pin(story.stack.store.change(id, decide))
        .await
        .expect("saved");
}

pub(super) async fn logged(story: &Story, id: &IncidentId, event: Event) -> Vec<Value> {
    let log = Box::pin(story.stack.store.log(id)).await.expect("the log");
    log.into_iter()
        .filter(|entry| entry.event == event)
        .map(|entry| entry.context)
        .collect()
}

pub(super) fn first_lines(replies: &[Value]) -> Vec<&str> {
    replies
        .iter()
        .map(|reply| text(reply).lines().next().expect("a line"))
        .collect()
}

#[tokio::test]
async fn a_failed_repair_notifies_its_approver_once_below_the_card() {
    let story = Story::of(1, -1, Some(600), &people()).await;
    let id = waiting(&story).await;
    story.changed(&id).await;
    let card = story.messages(0).await.remove(0);
    change(&story, &id, approve).await;
    story.changed(&id).await;
    assert_eq!(story.messages(0).await.len(), 1, "a decision is an edit");
    change(&story, &id, |change| ran(change, RepairOutcome::StepFailed)).await;
    for _ in 0..3 {
        story.changed(&id).await;
    }
    story
        .tell(&Message::AlertsConverged {
            incident_id: id.clone(),
            hit_count: 8,
        })
        .await;
    story.later(31).await;
    let replies = story.replies(0).await;
    let [reply] = replies.as_slice() else {
        panic!("one: {replies:#?}")
    };
    assert_eq!(
        (&reply["reply_to_message_id"], &reply["mentions"]),
        (&card["message_id"], &json!([ADA])),
        "{reply}"
    );
    assert_eq!(reply["disable_notification"], json!(false));
    let shown = text(reply);
    assert!(
        shown.starts_with("❌ The repair failed: a human has to look\n")
            && shown.contains("approved by ada"),
        "{shown}"
    );
    assert!(
        shown.contains("\nJob for <web>.service failed\n") && shown.ends_with("\n👤 ada"),
        "{shown}"
    );
    let card = story.messages(0).await.remove(0);
    assert!(
        text(&card).contains("\nJob for <web>.service failed\n") && text(&card).contains("[x8]"),
        "{card}"
    );
    let told = logged(&story, &id, Event::TelegramResultSent).await;
    let [told] = told.as_slice() else {
        panic!("one: {told:?}")
    };
    assert_eq!(
        (&told["channel"], &told["update"]),
        (&json!(story.chats[0].0), &json!("repair_failed"))
    );
    assert_eq!(told["message_id"], json!(reply["message_id"].to_string()));

    // It fires again after a resolve: people are asked anew, and hear it.
    change(&story, &id, |change| change.resolved(9, Timestamp::now())).await;
    story.changed(&id).await;
    assert_eq!(
        story.replies(0).await.len(),
        1,
        "that it is over is an edit"
    );
    change(&story, &id, |change| {
        change.reopened(1, 10, Timestamp::now())
    })
    .await;
    story.changed(&id).await;
    change(&story, &id, |change| {
        change.escalated(AlertSeverity::Critical, 11, Timestamp::now())
    })
    .await;
    story.changed(&id).await;
    let expire = |change: &mut IncidentChange| {
        assert!(change.expire(Timestamp::now() + SignedDuration::from_hours(3)))
    };
    change(&story, &id, expire).await;
    story.changed(&id).await;
    let replies = story.replies(0).await;
    let titles = [
        "🔁 It fires again",
        "⏫ It got worse",
        "🙋 The plan does not run: a human has to look",
    ];
    assert_eq!(first_lines(&replies[1..]), titles);
    assert!(
        replies
            .iter()
            .all(|reply| reply["mentions"] == json!([ADA])),
        "{replies:#?}"
    );
    let buttons = replies[1]["reply_markup"].to_string();
    assert!(
        buttons.contains("approve:") && buttons.contains("reject:"),
        "whoever is called can decide: {buttons}"
    );
    assert_eq!(
        logged(&story, &id, Event::TelegramNoticeSent).await.len(),
        3
    );
    let card = story.messages(0).await.remove(0);
    assert!(
        text(&card).contains("Tried at ") && text(&card).contains("a step failed"),
        "what was tried is not forgotten: {card}"
    );
}

#[tokio::test]
async fn after_an_outage_results_are_sent_and_overtaken_ones_are_not() {
    let story = Story::of(1, 1, Some(600), &people()).await;
    let ids = [waiting(&story).await, waiting(&story).await];
    for id in &ids {
        story.changed(id).await;
    }
    story
        .fail(
            0,
            json!({ "error_code": 502, "description": "Bad Gateway", "count": 1_000 }),
        )
        .await;
    for id in &ids {
        change(&story, id, |change| {
            change.escalated(AlertSeverity::Critical, 2, Timestamp::now())
        })
        .await;
        story.changed(id).await;
    }
    change(&story, &ids[0], approve).await;
    change(&story, &ids[0], |change| {
        ran(change, RepairOutcome::Verified)
    })
    .await;
    let long_after = Timestamp::now() + SignedDuration::from_hours(1);
    let approval = story.stack.read(&ids[0]).await.approval.expect("asked").id;
    change(&story, &ids[0], |change| {
        change.still_fires(&approval, SignedDuration::from_secs(60), long_after)
    })
    .await;
    for id in &ids {
        change(&story, id, |change| change.resolved(3, Timestamp::now())).await;
        story.changed(id).await;
    }
    assert_eq!(story.replies(0).await.len(), 0);
    story
        .stack
        .control("heal", &json!({ "chat_id": story.chats[0].1 }))
        .await;
    story.later(301).await;
    let replies = story.replies(0).await;
    let title = "❌ The repair was verified, but the alert still fires: a human has to look";
    assert_eq!(
        first_lines(&replies),
        [title, "☑️ It has ended without a responder"],
        "a result, once, and of the state no more than what it is now"
    );
    assert!(text(&replies[0]).contains(ids[0].as_str()));
    assert!(text(&replies[1]).contains(ids[1].as_str()));

    // Whose first card shows the result needs no other message: that one is new.
    story
        .fail(
            0,
            json!({ "error_code": 502, "description": "Bad Gateway", "count": 1_000 }),
        )
        .await;
    let id = waiting(&story).await;
    change(&story, &id, approve).await;
    story.changed(&id).await;
    change(&story, &id, |change| {
        ran(change, RepairOutcome::NotVerified)
    })
    .await;
    story.changed(&id).await;
    story
        .stack
        .control("heal", &json!({ "chat_id": story.chats[0].1 }))
        .await;
    story.later(301).await;
    assert_eq!(story.replies(0).await.len(), 2);
    assert_eq!(
        (
            logged(&story, &id, Event::TelegramSent).await.len(),
            logged(&story, &id, Event::TelegramResultSent).await.len()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_worker_that_dies_behind_the_receipt_tells_nothing_twice() {
    let story = Story::of(1, 1, Some(600), &people()).await;
    let id = waiting(&story).await;
    story.changed(&id).await;
    change(&story, &id, approve).await;
    story.changed(&id).await;
    change(&story, &id, |change| ran(change, RepairOutcome::Verified)).await;
    // It tells, notes it in the log, and nothing that it does from then on reaches the table.
    let aws = dying(&story.stack, Dies::Behind, "TELEGRAM_RESULT_SENT").await;
    let app = story.worker_at(&aws);
    story.changed_by(&app, &id).await;
    assert_eq!(story.replies(0).await.len(), 1);
    story.later(61).await;
    story.changed(&id).await;
    assert_eq!(
        (
            story.replies(0).await.len(),
            logged(&story, &id, Event::TelegramResultSent).await.len()
        ),
        (1, 1)
    );
}

/// Who is asked second, where the first have not decided within ten minutes.
pub(super) fn with_a_second_list() -> Value {
    json!({
        "people": { "ada": { "telegram": ADA }, "bob": { "telegram": 72 } },
        "approvals": [{ "people": ["ada"], "then": ["bob"], "escalate_after_seconds": 600 }],
    })
}

/// The check of an undecided plan that was asked for an hour ago.
pub(super) async fn overdue(stack: &Stack, id: &IncidentId) -> Message {
    let earlier = |change: &mut IncidentChange| {
        let approval = change.incident.approval.as_mut().expect("asked");
        approval.requested_at -= SignedDuration::from_hours(1);
    };
    let (incident, ()) = stack.store.change(id, earlier).await.expect("saved");
    let approval_id = incident.approval.expect("asked").id;
    Message::DecisionTimer { approval_id }
}

#[tokio::test]
async fn an_escalation_is_told_again_only_where_it_may_be_lost() {
    for (dies, replies, again) in [
        // Behind the receipt: it is known that it was told.
        (Dies::Behind, 1, Value::Null),
        // Between the message and the receipt: Telegram cannot be asked.
        (Dies::Before, 2, json!(true)),
    ] {
        let story = Story::of(1, 1, Some(600), &with_a_second_list()).await;
        let id = waiting(&story).await;
        story.changed(&id).await;
        let due = overdue(&story.stack, &id).await;
        let aws = dying(
            &story.stack,
            dies,
            "people were told that they may decide as well",
        )
        .await;
        story.tell_by(&story.worker_at(&aws), &due).await;
        assert_eq!(story.replies(0).await.len(), 1, "{dies:?}");
        story.later(61).await;
        story.tell(&due).await;
        assert_eq!(story.replies(0).await.len(), replies, "{dies:?}");
        let log = story.stack.store.log(&id).await.expect("the log");
        let told = log
            .iter()
            .filter(|entry| entry.context["update"] == "escalation");
        let told: Vec<&Value> = told.map(|entry| &entry.context["again"]).collect();
        assert_eq!(told, [&again], "{dies:?}");
    }
}

#[tokio::test]
async fn a_failed_stage_notifies_once_and_a_good_run_does_not() {
    let people = json!({ "people": { "mira": { "telegram": 77 } } });
    let story = Story::of(1, -1, Some(600), &people).await;
    let commit = unique("c");
    let report = async |stage: &str, severity| {
        let mut change = known(severity);
        let labels = [
            ("workflow", "checkout"),
            ("stage", stage),
            ("commit", commit.as_str()),
            ("triggered_by", "mira"),
        ];
        change.incident.alert.labels = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        change.incident.alert.annotations = Texts::new();
        change.incident.alert.cicd = true;
        change.incident.kind = IncidentKind::Pipeline;
        change.incident.alert.target = change.incident.alert.name.clone();
        change.incident.status = Status::Announced;
        let id = Box::pin(story.stack.store.save(change))
            .await
            .expect("saved")
            .id;
        story.changed(&id).await;
        id
    };
    report("build", AlertSeverity::Info).await;
    report("test", AlertSeverity::Warning).await;
    assert_eq!(
        (story.messages(0).await.len(), story.replies(0).await.len()),
        (1, 0)
    );
    report("test", AlertSeverity::Critical).await;
    report("lint", AlertSeverity::Info).await;
    let replies = story.replies(0).await;
    let [reply] = replies.as_slice() else {
        panic!("one: {replies:#?}")
    };
    assert!(
        text(reply).starts_with("❌ checkout ") && text(reply).contains("\ntest"),
        "{reply}"
    );
    assert_eq!(reply["mentions"], json!([77]), "who started it");
    report("deploy", AlertSeverity::Critical).await;
    let replies = story.replies(0).await;
    assert_eq!(replies.len(), 2);
    assert!(
        !text(&replies[1]).contains("\ntest"),
        "what was told is not told again: {}",
        text(&replies[1])
    );
}
