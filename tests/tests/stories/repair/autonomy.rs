//! Tests of repairs without a human: let through, stopped and counted by the guardrails.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::incident::guardrail::{Guardrail, blocking};
use domain::incident::operation_log::{Entry, Event};
use domain::incident::{Incident, Status};
use domain::policy::attempt_ledger::Attempt;
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::{ApprovalId, IncidentId};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use repair::Failure;
use serde_json::json;
use tests::alert::{TestAlert, unique};
use tests::repairing::{deliver, delivery};
use tests::stack::Stack;
use wire::message::Message;

const PLAYBOOK: &str = "restart-supervisor-program";

/// A new incident of a service, once the analyzer has decided on it.
async fn opened(stack: &Stack, service: &str, labels: &[(&str, &str)]) -> Incident {
    let mut delivery = TestAlert::firing(service).delivery();
    for (name, value) in labels {
        delivery["alerts"][0]["labels"][*name] = json!(value);
    }
    let answer: serde_json::Value = stack.deliver(&delivery).await.json().await.expect("JSON");
    let id = answer["results"][0]["incident_id"]
        .as_str()
        .unwrap_or_else(|| panic!("an incident: {answer}"));
    stack.incident(id, |incident| incident.plan.is_some()).await
}

fn stopped_by(incident: &Incident) -> Vec<Guardrail> {
    blocking(&incident.guardrails)
        .map(|outcome| outcome.guardrail)
        .collect()
}

/// The approval that the answers to alerts that join name.
async fn advised(stack: &Stack, incident: &Incident) -> Option<String> {
    let episode = stack
        .store
        .episode(&incident.fingerprint)
        .await
        .expect("the store answers")
        .expect("an episode");
    episode.advice.expect("advice").approval_id
}

fn place(log: &[Entry], event: Event) -> usize {
    log.iter()
        .position(|entry| entry.event == event)
        .unwrap_or_else(|| panic!("no {event:?} in {log:#?}"))
}

fn has(log: &[Entry], event: Event) -> bool {
    log.iter().any(|entry| entry.event == event)
}

/// Checks that an incident asks a human because of one guardrail, in the store, in the log and on the card.
async fn asks_a_human_because_of(
    stack: &Stack,
    incident: &Incident,
    guardrail: Guardrail,
    why: &str,
) {
    assert_eq!(
        (incident.status, stopped_by(incident)),
        (Status::AwaitingApproval, vec![guardrail]),
        "{:#?}",
        incident.guardrails
    );
    let id = incident.id.as_str();
    stack.card(id, &format!("Needs approval: {why}")).await;
    let log = stack.log_with(id, Event::ApprovalRequested).await;
    assert!(place(&log, Event::GuardrailBlocked) < place(&log, Event::ApprovalRequested));
    assert!(!has(&log, Event::AutoRepairTriggered) && !has(&log, Event::StepStarted));
}

/// Switches all repairs off or on, as docs/operations.md says.
async fn kill_switch(stack: &Stack, on: bool) {
    let client = aws_sdk_dynamodb::Client::new(&stack.aws());
    let key = [("pk", "SWITCH#REPAIRS"), ("sk", "KILL")];
    let key: HashMap<String, AttributeValue> = key
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .into();
    let table = &stack.facts.outputs["ControlTableName"];
    if on {
        client
            .put_item()
            .table_name(table)
            .set_item(Some(key))
            .send()
            .await
            .map(drop)
            .expect("written");
    } else {
        client
            .delete_item()
            .table_name(table)
            .set_key(Some(key))
            .send()
            .await
            .map(drop)
            .expect("deleted");
    }
}

/// An approval that nobody asked for.
fn an_approval() -> ApprovalId {
    let incident = IncidentId::try_from(ulid::Ulid::generate().to_string()).expect("a ULID");
    ApprovalId::for_plan(&incident, &"0".repeat(64).into())
}

#[tokio::test]
async fn the_guardrails_let_a_repair_through_once_and_stop_it_by_name() {
    // Of its own: the kill switch is for everybody.
    let stack = Stack::start_with(&[]);
    stack.trust_the_rule_about_targets().await;
    let (auto, by_approval) = (
        stack.facts.target.auto_service.as_str(),
        stack.facts.target.service.as_str(),
    );

    let forbidden = opened(&stack, auto, &[("auto_repair", "false")]).await;
    asks_a_human_because_of(
        &stack,
        &forbidden,
        Guardrail::AutoRepairLabel,
        "the alert's own label forbids it",
    )
    .await;
    let grave = opened(&stack, auto, &[("severity", "critical")]).await;
    asks_a_human_because_of(
        &stack,
        &grave,
        Guardrail::Severity,
        "P1 never runs by itself",
    )
    .await;
    let level = opened(&stack, by_approval, &[]).await;
    asks_a_human_because_of(
        &stack,
        &level,
        Guardrail::ServiceLevel,
        "demo-web asks for approval",
    )
    .await;

    // The kill switch stops what would run by itself, and what a human has approved.
    kill_switch(&stack, true).await;
    let killed = opened(&stack, auto, &[]).await;
    asks_a_human_because_of(&stack, &killed, Guardrail::KillSwitch, "it is on").await;
    stack.approve(&level).await;
    let first = level.approval.expect("asked").id;
    let asked_again = |incident: &Incident| {
        incident
            .approval
            .as_ref()
            .is_some_and(|approval| approval.id != first)
    };
    let level = stack.incident(level.id.as_str(), asked_again).await;
    asks_a_human_because_of(&stack, &level, Guardrail::KillSwitch, "it is on").await;
    assert_eq!(
        advised(&stack, &level).await,
        level
            .approval
            .as_ref()
            .map(|approval| approval.id.to_string())
    );
    kill_switch(&stack, false).await;
    stack.approve(&level).await;
    stack.status(level.id.as_str(), Status::Repaired).await;

    // Nothing stands against this one: nobody presses anything.
    stack.supervisorctl(&["stop", "web"]);
    let by_itself = opened(&stack, auto, &[]).await;
    let id = by_itself.id.as_str();
    let repaired = stack.status(id, Status::Repaired).await;
    assert!(
        stack
            .http
            .get(&stack.facts.target.health_url)
            .send()
            .await
            .is_ok(),
        "the service is well again"
    );
    stack
        .card(id, "Ran automatically: all guardrails passed")
        .await;
    let log = stack.log_with(id, Event::TelegramResultSent).await;
    let triggered = &log[place(&log, Event::AutoRepairTriggered)];
    assert!(
        triggered.sequence < log[place(&log, Event::StepStarted)].sequence,
        "{log:#?}"
    );
    assert_eq!(
        triggered.context["guardrails"].as_array().map(Vec::len),
        Some(Guardrail::ALL.len())
    );
    assert_eq!(
        triggered.context["plan_hash"],
        json!(repaired.repair.expect("a repair").plan_hash)
    );
    assert!(
        !has(&log, Event::ApprovalRequested) && !has(&log, Event::ApprovalDecided),
        "nobody was asked: {log:#?}"
    );
    assert_eq!(
        advised(&stack, &by_itself).await,
        None,
        "there is nothing to decide"
    );

    // It counts once, also when its message comes again, and gives its place in the group back.
    let approval = repaired.approval.expect("decided");
    let message = Message::RepairApproved {
        incident_id: repaired.id.clone(),
        plan_hash: approval.plan_hash,
    };
    deliver(&stack.repair(), &message, &delivery()).await;
    let ledger = stack.store.target_ledger(auto).await.expect("a ledger");
    assert_eq!(ledger.within_hour(Timestamp::now(), &an_approval()), 1);
    let record = stack
        .store
        .playbook_record(PLAYBOOK)
        .await
        .expect("a record");
    assert!(
        matches!(
            record,
            PlaybookRecord {
                verified: 2,
                failed: 0,
                last_run: Some(_),
                ..
            }
        ),
        "{record:?}"
    );
    assert_eq!(
        stack
            .store
            .group_ledger("demo")
            .await
            .expect("a ledger")
            .others("", Timestamp::now())
            .count(),
        0
    );

    // The target rests now.
    let resting = opened(&stack, auto, &[]).await;
    asks_a_human_because_of(
        &stack,
        &resting,
        Guardrail::Cooldown,
        "its last run here was",
    )
    .await;
    waits_for_its_group(&stack, &resting).await;
}

/// A repair that a human approved waits while enough others of its group are being repaired, and then runs.
async fn waits_for_its_group(stack: &Stack, incident: &Incident) {
    let (other, now, minute) = (
        an_approval(),
        Timestamp::now(),
        SignedDuration::from_mins(1),
    );
    assert!(
        stack
            .store
            .enter_group("demo", "another", &other, now, minute, 1)
            .await
            .expect("the store answers")
    );
    // Decided here, and not by the API: its message would come back to the deployed function after half an hour.
    let message = stack.approve_quietly(incident).await;
    let repair = stack.repair();
    let failure = repair
        .handle(&message, &delivery(), &Timestamp::now)
        .await
        .expect_err("the group is full");
    assert!(
        matches!(&failure, Failure::GroupFull { group, .. } if group == "demo"),
        "{failure}"
    );
    stack
        .incident(incident.id.as_str(), |incident| {
            incident.status == Status::Approved && incident.repair.is_none()
        })
        .await;
    stack
        .store
        .leave_group("demo", "another", &other, now)
        .await
        .expect("given back");
    deliver(&repair, &message, &delivery()).await;
    stack.status(incident.id.as_str(), Status::Repaired).await;
}

#[tokio::test]
async fn racing_writers_of_a_ledger_lose_nothing_and_overfill_nothing() {
    let stack = Stack::start();
    let (target, group, now) = (unique("target"), unique("group"), Timestamp::now());
    let attempts: Vec<Attempt> = (0..6)
        .map(|_| Attempt {
            approval_id: an_approval(),
            playbook: PLAYBOOK.into(),
            at: now,
        })
        .collect();
    // Each of them twice, as a queue may bring them.
    for entered in join_all(
        attempts
            .iter()
            .chain(&attempts)
            .map(|attempt| stack.store.enter_attempt(&target, attempt)),
    )
    .await
    {
        entered.expect("entered");
    }
    let ledger = stack.store.target_ledger(&target).await.expect("a ledger");
    assert_eq!(ledger.within_hour(now, &an_approval()), attempts.len());

    let members: Vec<String> = (0..6).map(|i| format!("member-{i}")).collect();
    let (id, minute) = (an_approval(), SignedDuration::from_mins(1));
    let entered = join_all(
        members
            .iter()
            .map(|member| stack.store.enter_group(&group, member, &id, now, minute, 2)),
    )
    .await;
    assert_eq!(
        entered
            .into_iter()
            .filter(|entered| matches!(entered, Ok(true)))
            .count(),
        2
    );
    let ledger = stack.store.group_ledger(&group).await.expect("a ledger");
    assert_eq!(ledger.others("", now).count(), 2);
}

#[tokio::test]
async fn alert_from_elsewhere_repairs_nothing_and_says_so() {
    let stack = Stack::start();
    let auto = stack.facts.target.auto_service.as_str();
    let mut delivery = TestAlert::firing(auto).delivery();
    let labels = &mut delivery["alerts"][0]["labels"];
    (labels["cluster"], labels["namespace"]) = (json!("dev-laptop"), json!(unique("feature")));
    let answer: serde_json::Value = stack.deliver(&delivery).await.json().await.expect("JSON");
    let id = answer["results"][0]["incident_id"]
        .as_str()
        .unwrap_or_else(|| panic!("an incident: {answer}"));
    let why = format!("{auto} lives in cluster demo; this alert comes from cluster dev-laptop");
    stack.card(id, &format!("No plan: {why}")).await;
    let log = stack.log_with(id, Event::TelegramSent).await;
    assert_eq!(log[place(&log, Event::OutOfScope)].detail, why);
    for event in [Event::AutoRepairTriggered, Event::ApprovalRequested] {
        assert!(!has(&log, event), "{log:#?}");
    }
    let incident = stack.status(id, Status::NeedsHuman).await;
    assert_eq!(incident.plan, None);
}
